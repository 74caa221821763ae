//! What can be done with the selected messages, in place of the conversation's header.

use egui::{Align, Layout, Ui};

use super::{View, bidi, icon::Icon, widget};
use crate::{
    model::{Action, MOST_SELECTED, SaveAction, SavedFile, Selection},
    theme::{space, text},
};

/// The bar.
pub fn show(ui: &mut Ui, view: &View<'_>, selection: &Selection, actions: &mut Vec<Action>) {
    let (texts, palette) = (view.texts, view.palette);
    ui.horizontal_centered(|ui| {
        ui.add_space(space::SMALL);
        if widget::icon_button(ui, palette, Icon::Close, texts.get("selection.end")).clicked() {
            actions.push(Action::EndSelection);
        }
        ui.add_space(space::SMALL);
        let mut words = texts.count("selection.count", selection.count());
        if selection.is_full() {
            let most = [("count", &*texts.number(MOST_SELECTED))];
            words = format!("{words} · {}", texts.fill("selection.full", &most));
        }
        let room = (ui.available_width() - 3.0 * (space::CONTROL + space::SMALL)).max(0.0);
        let words = widget::one_line(&words, text::strong(), palette.text, room);
        ui.label(bidi::galley(ui, words));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(space::SMALL);
            // From the right.
            for (icon, name, action) in [
                (
                    Icon::Save,
                    "selection.save",
                    Action::Save(SaveAction::Take(SavedFile::Messages)),
                ),
                (Icon::Forward, "selection.forward", Action::ForwardSelected),
                (Icon::Copy, "selection.copy", Action::CopySelected),
            ] {
                if widget::icon_button(ui, palette, icon, texts.get(name)).clicked() {
                    actions.push(action);
                }
            }
        });
    });
}
