//! Who starts the server, and who may join it.

use egui::{Key, RichText, Ui};

use super::{sentence, strong};
use crate::{
    model::{Action, HostAction, HostState},
    theme::{space, text},
    ui::{View, error_text, widget},
};

/// The form. True if Enter was pressed in its field.
pub(super) fn show(
    ui: &mut Ui,
    view: &View<'_>,
    just_opened: bool,
    actions: &mut Vec<Action>,
) -> bool {
    let (texts, palette, hosting) = (view.texts, view.palette, &view.model.hosting);
    let is_running = hosting.running().is_some();
    let about = match &hosting.state {
        HostState::Running(_) => "hosting.runs_already",
        HostState::NotRunning { has_data: true } => "hosting.continues",
        _ => "hosting.about",
    };
    sentence(ui, view, texts.get(about));
    ui.add_space(space::TINY);
    let problem = hosting
        .problem
        .as_ref()
        .map(|p| error_text::login(texts, p));
    let (typed, field) = widget::field(
        ui,
        palette,
        "host",
        texts.get("hosting.name"),
        &hosting.name,
        texts.get("hosting.name_hint"),
        problem.as_deref(),
    );
    actions.extend(typed.map(|name| Action::Host(HostAction::Name(name))));
    let is_free = ui.memory(|memory| memory.focused().is_none());
    if just_opened || is_free && problem.is_some() {
        field.request_focus();
    }
    if problem.is_none()
        && let Ok(login) = hosting.login()
    {
        let words = texts.fill("hosting.login", &[("login", login.as_str())]);
        let words = RichText::new(words).font(text::small());
        ui.add_space(-space::TINY);
        ui.label(words.color(palette.text_weak));
    }
    if !is_running {
        ui.add_space(space::SMALL);
        strong(ui, view, texts.get("hosting.who"));
        for (is_closed, name, about) in [
            (false, "hosting.open", "hosting.open_about"),
            (true, "hosting.closed", "hosting.closed_about"),
        ] {
            let name = RichText::new(texts.get(name)).font(text::body());
            let choice = ui.radio(hosting.is_closed == is_closed, name.color(palette.text));
            widget::focus_ring(ui, palette, &choice, choice.rect, space::TINY as u8);
            if choice.clicked() {
                actions.push(Action::Host(HostAction::Closed(is_closed)));
            }
            // A mark at the left would say more than there is to say.
            ui.visuals_mut().indent_has_left_vline = false;
            ui.indent(is_closed, |ui| {
                let about = RichText::new(texts.get(about)).font(text::small());
                ui.label(about.color(palette.text_weak));
            });
            ui.add_space(space::TINY);
        }
    }
    let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    if entered {
        // Still there if it was not accepted.
        field.request_focus();
    }
    entered
}
