//! The dialogs about edits and deletions.

use egui::{Frame, Margin, RichText, Ui};

use super::{View, bidi};
use crate::{
    engine::{Message, Version},
    markup, texts,
    theme::{space, text},
};

/// Asks whether to delete a message for everyone.
pub fn delete(ui: &mut Ui, view: &View<'_>, message: &Message) {
    let advice = RichText::new(view.texts.get("delete.advice"));
    let advice = advice.font(text::body()).color(view.palette.text_weak);
    bidi::label(ui, advice);
    ui.add_space(space::SMALL);
    framed(ui, view, &markup::excerpt(message.text.as_str()));
}

/// The texts that a message had, the oldest first.
pub fn versions(ui: &mut Ui, view: &View<'_>, versions: &[Version]) {
    for version in versions {
        let time = texts::full_moment(view.texts, version.at, view.zone);
        let time = RichText::new(time).font(text::small());
        ui.label(time.color(view.palette.text_weak));
        let (_, said) = markup::split_quote(version.text.as_str());
        framed(ui, view, &markup::plain(said));
        ui.add_space(space::SMALL);
    }
}

fn framed(ui: &mut Ui, view: &View<'_>, words: &str) {
    Frame::new()
        .fill(view.palette.field)
        .corner_radius(space::CONTROL_CORNER)
        .inner_margin(Margin::symmetric(12, 9))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            let words = RichText::new(words).font(text::body());
            bidi::label(ui, words.color(view.palette.text));
        });
}
