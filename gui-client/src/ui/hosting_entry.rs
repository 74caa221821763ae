use egui::Ui;

use super::{View, setting_row, widget};
use crate::{
    model::{Action, Overlay},
    theme::space,
};

/// The quiet row at the end of the sign-in card.
pub fn show(ui: &mut Ui, view: &View<'_>, actions: &mut Vec<Action>) {
    let model = view.model;
    let key = match (model.hosting.running(), &model.preferences.hosted) {
        (Some(_), Some(_)) => "hosting.entry_running",
        (None, Some(_)) => "hosting.entry_again",
        (_, None) => "hosting.entry",
    };
    ui.add_space(space::MEDIUM);
    setting_row::line(ui, view.palette);
    ui.add_space(space::SMALL);
    ui.vertical_centered(|ui| {
        if widget::link_button(ui, view.palette, view.texts.get(key)).clicked() {
            actions.push(Action::Show(Overlay::Hosting));
        }
    });
}
