use egui::{Align, Frame, Layout, Margin, RichText, Sense, Ui, Vec2};

use super::{View, icon::Icon, trouble, widget};
use crate::{
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
    card(ui, view, &title, &advice, actions);
}

/// The local database cannot be used.
pub fn show_storage(ui: &mut Ui, view: &View<'_>, session: &Session, actions: &mut Vec<Action>) {
    let problem = session.storage_problem.as_ref();
    let why = problem.map(|problem| trouble::storage(view.texts, problem));
    let title = view.texts.get("storage.title");
    card(ui, view, title, &why.unwrap_or_default(), actions);
}

fn card(ui: &mut Ui, view: &View<'_>, title: &str, body: &str, actions: &mut Vec<Action>) {
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
                    let again = view.texts.get("refused.again");
                    if widget::primary_button(ui, palette, again).clicked() {
                        actions.push(retry(view));
                    }
                    if widget::plain_button(ui, view.texts.get("refused.another")).clicked() {
                        actions.push(Action::SignOut);
                    }
                });
            });
    });
}

/// A refused login is tried again; a database is opened again by signing in again.
fn retry(view: &View<'_>) -> Action {
    match &view.model.session {
        Some(session) if !session.ready => Action::SignInAs(session.account.clone()),
        _ => Action::FetchNow,
    }
}
