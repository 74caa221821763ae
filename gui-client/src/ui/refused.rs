use egui::{Align, Frame, Layout, Margin, RichText, Sense, Ui, Vec2};

use super::{View, error_text, icon::Icon, widget};
use crate::{
    engine::StorageProblem,
    model::{Action, Session},
    theme::{space, text},
};

/// The server knows no such user.
pub fn show(ui: &mut Ui, view: &View<'_>, session: &Session, actions: &mut Vec<Action>) {
    let names = [
        ("login", session.account.login.as_str()),
        ("server", session.account.server.as_str()),
    ];
    let title = view.texts.fill("refused.title", &names);
    let advice = view.texts.fill("refused.advice", &names);
    let again = match session.ready {
        true => Action::FetchNow,
        false => Action::SignInAs(session.account.clone()),
    };
    let choices = [
        ("refused.again", again),
        ("refused.another", Action::SignOut),
    ];
    card(ui, view, &title, &advice, &choices, actions);
}

/// The local database cannot be used.
pub fn show_storage(ui: &mut Ui, view: &View<'_>, session: &Session, actions: &mut Vec<Action>) {
    let Some(problem) = &session.storage_problem else {
        return;
    };
    let why = error_text::storage(view.texts, problem);
    let title = error_text::storage_title(view.texts, problem);
    // The database is opened again by signing in again.
    let again = Action::SignInAs(session.account.clone());
    let mut choices = vec![
        ("refused.again", again),
        ("refused.another", Action::SignOut),
    ];
    if *problem == StorageProblem::Locked {
        choices.insert(0, ("storage.show_other", Action::ShowOther));
    }
    card(ui, view, title, &why, &choices, actions);
}

/// The first of the choices, by the keys of their names, is what most people want.
fn card(
    ui: &mut Ui,
    view: &View<'_>,
    title: &str,
    body: &str,
    choices: &[(&str, Action)],
    actions: &mut Vec<Action>,
) {
    let palette = view.palette;
    widget::centred(ui, 420.0, "refused", |ui| {
        Frame::new()
            .fill(palette.raised)
            .stroke((1.0, palette.line))
            .corner_radius(space::CARD_CORNER)
            .inner_margin(Margin::same(space::HUGE as i8))
            .show(ui, |ui| {
                ui.set_width(ui.available_width());
                let (rect, _) = ui.allocate_exact_size(Vec2::splat(52.0), Sense::hover());
                ui.painter()
                    .circle_filled(rect.center(), 26.0, palette.warning);
                let sign = rect.center() - egui::vec2(0.0, 1.0);
                Icon::Warning.paint(ui.painter(), sign, 28.0, palette.on_warning);
                ui.add_space(space::TINY);
                let line = |line, font, ink| RichText::new(line).font(font).color(ink);
                ui.label(line(title, text::heading(), palette.text));
                ui.label(line(body, text::body(), palette.text_weak));
                ui.add_space(space::MEDIUM);
                ui.with_layout(Layout::top_down_justified(Align::Center), |ui| {
                    for (at, (name, action)) in choices.iter().enumerate() {
                        let name = view.texts.get(name);
                        let button = match at {
                            0 => widget::primary_button(ui, palette, name),
                            _ => widget::plain_button(ui, name),
                        };
                        if button.clicked() {
                            actions.push(action.clone());
                        }
                    }
                });
            });
    });
}
