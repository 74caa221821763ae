//! What the app is, and whose work is in it.

use egui::{RichText, ScrollArea, Ui};

use super::{View, setting_row, widget};
use crate::{
    licenses,
    model::{Action, Overlay},
    theme::{space, text},
};

/// The version, and a row for each part of the app, in `room` points of height.
pub fn show(ui: &mut Ui, view: &View<'_>, room: f32, actions: &mut Vec<Action>) {
    let (texts, palette) = (view.texts, view.palette);
    let top = ui.cursor().top();
    let version = [("version", env!("MENSAGEIRO_VERSION"))];
    let version = texts.fill("about.version", &version);
    ui.label(RichText::new(version).font(text::body()));
    for sentence in ["about.own", "about.others"] {
        ui.add_space(space::TINY);
        let sentence = RichText::new(texts.get(sentence)).font(text::body());
        ui.label(sentence.color(palette.text_weak));
    }
    ui.add_space(space::SMALL);
    ui.spacing_mut().item_spacing.y = 0.0;
    let parts = licenses::parts();
    let room = room - (ui.cursor().top() - top);
    ScrollArea::vertical()
        .id_salt("parts")
        .max_height(room.max(setting_row::HEIGHT))
        .auto_shrink([false, true])
        .show_rows(ui, setting_row::HEIGHT, parts.len(), |ui, range| {
            let first = range.start;
            for (at, part) in (first..).zip(&parts[range]) {
                if setting_row::deed(ui, palette, part.name, part.license) {
                    actions.push(Action::Show(Overlay::License(at)));
                }
            }
        });
}

/// The licence of one part, word for word.
pub fn license(ui: &mut Ui, view: &View<'_>, at: usize, actions: &mut Vec<Action>) {
    let palette = view.palette;
    let Some(part) = licenses::parts().get(at) else {
        return;
    };
    ui.label(RichText::new(part.license).font(text::body()));
    if !part.from.is_empty() && widget::link_button(ui, palette, part.from).clicked() {
        actions.push(Action::OpenLink(part.from.to_owned()));
    }
    for (at, license) in part.texts.iter().enumerate() {
        ui.add_space(space::SMALL);
        if at > 0 {
            setting_row::line(ui, palette);
            ui.add_space(space::SMALL);
        }
        let license = RichText::new(*license).font(text::small());
        ui.label(license.color(palette.text_weak));
    }
}

/// The name of a part, for the heading.
pub fn name(at: usize) -> &'static str {
    licenses::parts().get(at).map_or("", |part| part.name)
}
