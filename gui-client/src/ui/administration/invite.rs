//! Invites: how long they are valid, the link, and its QR code.

use std::time::Duration;

use egui::{Frame, Margin, Mesh, Rect, RichText, Role, Sense, Shape, Ui, Vec2, WidgetInfo, vec2};
use mensageiro_protocol::{Login, trust::Secret};
use qrcode::{Color, EcLevel, QrCode};

use super::{Draw, sentence};
use crate::{
    engine::Invited,
    model::{Action, Page, PageAction, VALID_CHOICES},
    texts::Texts,
    theme::{Palette, space, text},
    ui::{View, setting_row, widget},
};

/// Points for each module of a QR code, at most.
const MODULE: f32 = 5.0;

/// The empty margin that scanners need, in modules.
const QUIET: usize = 4;

/// Asks how long the invite is to be valid.
pub fn ask(ui: &mut Ui, draw: &Draw<'_>, of: &Login, valid: Duration, actions: &mut Vec<Action>) {
    let view = draw.view;
    let texts = view.texts;
    let name = view.person(of.as_str());
    let advice = match view.is_me(of.as_str()) {
        true => texts.get("invite.advice_own").to_owned(),
        false => texts.fill("invite.advice", &[("name", name)]),
    };
    sentence(ui, view, &advice);
    let choices = VALID_CHOICES.map(|valid| (valid, duration(texts, valid)));
    let name = texts.get("invite.valid");
    let chosen = setting_row::value(ui, view.palette, name, valid, &choices);
    actions.extend(chosen.map(|valid| Action::Page(PageAction::Valid(valid))));
}

/// The link as a QR code and as text, and until when it works.
pub fn show(ui: &mut Ui, draw: &Draw<'_>, of: &Login, invited: &Invited) {
    let view = draw.view;
    let texts = view.texts;
    let until = crate::texts::full_moment(texts, invited.until, view.zone);
    let (name, until) = (
        ("name", view.person(of.as_str())),
        ("until", until.as_str()),
    );
    let how = match view.is_me(of.as_str()) {
        true => texts.fill("invite.how_own", &[until]),
        false => texts.fill("invite.how", &[name, until]),
    };
    sentence(ui, view, &how);
    let link = invited.link.written();
    picture(ui, view.palette, texts.get("invite.picture"), &link);
    ui.add_space(space::SMALL);
    secret(ui, view.palette, &link);
}

/// A program key, and how it is used.
pub fn key(ui: &mut Ui, draw: &Draw<'_>, key: &Secret) {
    let view = draw.view;
    sentence(ui, view, view.texts.get("key.how"));
    secret(ui, view.palette, &key.written());
    ui.add_space(space::SMALL);
    sentence(ui, view, view.texts.get("key.example"));
}

/// Puts what the page shows on the clipboard.
pub fn copy_button(ui: &mut Ui, view: &View<'_>, page: &Page, actions: &mut Vec<Action>) {
    let (words, name, is_copied) = match page {
        Page::Invited {
            invited, is_copied, ..
        } => (invited.link.written(), "invite.copy", *is_copied),
        Page::Key { key, is_copied } => (key.written(), "key.copy", *is_copied),
        _ => return,
    };
    let name = if is_copied { "invite.copied" } else { name };
    if widget::primary_button(ui, view.palette, view.texts.get(name)).clicked() {
        ui.ctx().copy_text(words.to_string());
        actions.push(Action::Page(PageAction::Copied));
    }
}

/// How long something lasts, in the largest unit that divides it.
fn duration(texts: &Texts, duration: Duration) -> String {
    let hours = usize::try_from(duration.as_secs() / 3600).unwrap_or(usize::MAX);
    match hours % 24 {
        0 => texts.count("invite.days", hours / 24),
        _ => texts.count("invite.hours", hours),
    }
}

/// Words to be given to somebody, which may break anywhere.
fn secret(ui: &mut Ui, palette: &Palette, words: &str) {
    Frame::new()
        .fill(palette.field)
        .corner_radius(space::CONTROL_CORNER)
        .inner_margin(Margin::symmetric(space::MEDIUM as i8, space::SMALL as i8))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            let words = RichText::new(words).font(text::wire());
            ui.label(words.color(palette.text));
        });
}

/// The QR code of a text, dark on light in every theme, since scanners expect it so.
fn picture(ui: &mut Ui, palette: &Palette, name: &str, content: &str) {
    // Low: nothing covers a part of a screen, and fewer modules are larger ones.
    let Ok(code) = QrCode::with_error_correction_level(content, EcLevel::L) else {
        // A link that is too long for a code is still there as text.
        return;
    };
    let modules = (code.width() + 2 * QUIET) as f32;
    let module = (ui.available_width() / modules).floor().clamp(1.0, MODULE);
    let size = Vec2::splat(module * modules);
    ui.vertical_centered(|ui| {
        let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name));
        ui.painter()
            .rect_filled(rect, space::TINY, palette.code_ground);
        let first = rect.min + Vec2::splat(QUIET as f32 * module);
        // Without smooth edges, which would leave lines between the modules.
        let mut dark = Mesh::default();
        for y in 0..code.width() {
            for x in (0..code.width()).filter(|x| code[(*x, y)] == Color::Dark) {
                let at = first + vec2(x as f32, y as f32) * module;
                let square = Rect::from_min_size(at, Vec2::splat(module));
                dark.add_colored_rect(square, palette.code_ink);
            }
        }
        ui.painter().add(Shape::mesh(dark));
    });
}
