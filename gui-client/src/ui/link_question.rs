//! The question whether to open a link that may lead elsewhere than it seems to.

use egui::{
    Color32, Frame, Margin, RichText, Ui,
    text::{LayoutJob, TextFormat, TextWrapping},
};

use super::{View, bidi};
use crate::{
    markup::{Destination, LinkDoubt},
    theme::{space, text},
};

/// So many characters of the address are shown; nobody reads more.
const ADDRESS_CHARS: usize = 300;

/// Where the link leads, why it is asked, and the address.
pub fn show(ui: &mut Ui, view: &View<'_>, destination: &Destination) {
    let (texts, palette) = (view.texts, view.palette);
    let sentence = |ui: &mut Ui, words: &str, ink| {
        bidi::label(ui, RichText::new(words).font(text::body()).color(ink));
    };
    sentence(ui, texts.get("link_question.leads_to"), palette.text_weak);
    ui.add_space(space::SMALL);
    Frame::new()
        .fill(palette.field)
        .corner_radius(space::CONTROL_CORNER)
        .inner_margin(Margin::symmetric(12, 9))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            wrapped(ui, &destination.host, text::code(), palette.text);
        });
    ui.add_space(space::SMALL);
    for doubt in &destination.doubts {
        let key = match doubt {
            LinkDoubt::UserName => "link_question.user_name",
            LinkDoubt::LookAlike => "link_question.look_alike",
            LinkDoubt::Rewritten => "link_question.rewritten",
            LinkDoubt::Long => "link_question.long",
            LinkDoubt::WrittenMail => "link_question.written_mail",
        };
        sentence(ui, texts.get(key), palette.warning_text);
        ui.add_space(space::TINY);
    }
    ui.add_space(space::TINY);
    let url = destination.url.as_str();
    let shown = match url.char_indices().nth(ADDRESS_CHARS) {
        Some((end, _)) => format!("{}…", &url[..end]),
        None => url.to_owned(),
    };
    wrapped(ui, &shown, text::small(), palette.text_weak);
}

/// An address, which may break anywhere.
fn wrapped(ui: &mut Ui, address: &str, font: egui::FontId, ink: Color32) {
    let mut job = LayoutJob::single_section(address.to_owned(), TextFormat::simple(font, ink));
    job.wrap = TextWrapping {
        max_width: ui.available_width(),
        break_anywhere: true,
        ..TextWrapping::default()
    };
    let galley = bidi::galley(ui, job);
    ui.label(galley);
}
