//! How the connection is protected: the padlock beside the server, and the page that it opens.

use egui::{Frame, Margin, Rect, RichText, Role, Sense, Ui, Vec2, WidgetInfo};
use mensageiro_protocol::trust::Fingerprint;

use super::{View, bidi, icon::Icon, widget};
use crate::{
    engine::{Encryption, Verified},
    model::{Action, Overlay, Session},
    texts::{Texts, full_moment},
    theme::{Palette, space, text},
};

/// How large the padlock beside the server is.
const SIGN: f32 = 13.0;

/// How high the line is that it stands in.
const LINE: f32 = 14.0;

/// The padlock, its colour, and what it says in a few words; `None`: there was no connection yet.
pub fn sign(view: &View<'_>, session: &Session) -> Option<(Icon, egui::Color32, &'static str)> {
    let palette = view.palette;
    let encryption = session.security.as_ref()?.encryption.as_ref();
    let (icon, ink, key) = match encryption.map(|encryption| encryption.verified) {
        None => (Icon::LockOpen, palette.warning_text, "security.plain"),
        Some(Verified::FirstContact) => {
            (Icon::LockOutline, palette.text_weak, "security.unverified")
        }
        Some(Verified::Invite | Verified::System | Verified::Person) => {
            (Icon::Lock, palette.success_text, "security.verified")
        }
    };
    Some((icon, ink, view.texts.get(key)))
}

/// The line about the connection: the padlock, that nothing is encrypted if so, and where it leads.
pub fn line(ui: &mut Ui, view: &View<'_>, session: &Session, about: &str, width: f32) {
    let palette = view.palette;
    let Some((icon, ink, words)) = sign(view, session) else {
        let job = widget::one_line(about, text::tiny(), palette.text_weak, width);
        ui.label(bidi::galley(ui, job));
        return;
    };
    // The line is no higher than without a padlock.
    ui.spacing_mut().interact_size.y = LINE;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::TINY;
        let (rect, _) = ui.allocate_exact_size(Vec2::new(SIGN, LINE), Sense::hover());
        icon.paint(ui.painter(), rect.center(), SIGN, ink);
        let is_plain = icon == Icon::LockOpen;
        let (line, ink) = match is_plain {
            true => {
                let values = [("state", words), ("about", about)];
                (view.texts.fill("security.line", &values), ink)
            }
            false => (about.to_owned(), palette.text_weak),
        };
        let job = widget::one_line(&line, text::tiny(), ink, width - SIGN - space::TINY);
        ui.label(bidi::galley(ui, job));
    });
}

/// Makes what stands in `rect` a button that opens the page, once there is something to say.
pub fn button(
    ui: &mut Ui,
    view: &View<'_>,
    session: &Session,
    rect: Rect,
    about: &str,
    actions: &mut Vec<Action>,
) {
    let Some((_, _, words)) = sign(view, session) else {
        return;
    };
    let button = ui.interact(rect, ui.scope_id().with("padlock"), Sense::click());
    let name = view.texts.fill("security.button", &[("state", words)]);
    button.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
    widget::focus_ring(ui, view.palette, &button, rect, space::TINY as u8);
    if button.clicked() {
        actions.push(Action::Show(Overlay::Connection));
    }
    button.on_hover_ui(|ui| {
        ui.label(words);
        ui.label(about);
    });
}

/// The page: what is protected, how it was verified, and the details for experts.
pub fn page(ui: &mut Ui, view: &View<'_>) {
    let Some(session) = &view.model.session else {
        return;
    };
    let Some((icon, ink, words)) = sign(view, session) else {
        return;
    };
    let (texts, palette) = (view.texts, view.palette);
    let server = session.account.server.as_str();
    let security = session.security.as_ref();
    let encryption = security.and_then(|security| security.encryption.as_ref());
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::SMALL;
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(24.0), Sense::hover());
        icon.paint(ui.painter(), rect.center(), 24.0, ink);
        ui.label(
            RichText::new(words)
                .font(text::strong())
                .color(palette.text),
        );
    });
    ui.add_space(space::SMALL);
    let mut sentences = vec![match encryption {
        None => texts.fill("security.about_plain", &[("server", server)]),
        Some(encryption) => about(texts, encryption, server),
    }];
    let rights = session.rights();
    let who = match (encryption.is_some(), rights.is_closed) {
        (_, true) => "security.closed",
        (_, false) => "security.open",
    };
    sentences.push(texts.get(who).to_owned());
    sentences.push(texts.get("security.operator").to_owned());
    for sentence in &sentences {
        let sentence = RichText::new(sentence).font(text::body());
        ui.label(sentence.color(palette.text_weak));
        ui.add_space(space::TINY);
    }
    ui.add_space(space::SMALL);
    detail(ui, palette, texts.get("login.server"), server);
    let Some(encryption) = encryption else {
        return;
    };
    detail(
        ui,
        palette,
        texts.get("security.cipher"),
        &encryption.cipher,
    );
    let since = full_moment(texts, encryption.since, view.zone);
    detail(ui, palette, texts.get("security.since"), &since);
    ui.add_space(space::SMALL);
    let name = texts.get("security.fingerprint");
    fingerprint(ui, palette, name, &encryption.fingerprint);
    ui.add_space(space::SMALL);
    if widget::plain_button(ui, texts.get("security.copy")).clicked() {
        ui.ctx().copy_text(encryption.fingerprint.to_string());
    }
}

/// How it is known whose key this is.
fn about(texts: &Texts, encryption: &Encryption, server: &str) -> String {
    let key = match encryption.verified {
        Verified::Invite => "security.about_invite",
        Verified::System => "security.about_system",
        Verified::Person => "security.about_person",
        Verified::FirstContact => "security.about_first",
    };
    texts.fill(key, &[("server", server)])
}

/// A name and its value on one line, or on two where there is no room.
fn detail(ui: &mut Ui, palette: &Palette, name: &str, value: &str) {
    ui.horizontal_wrapped(|ui| {
        let label = |words: &str, ink| RichText::new(words).font(text::body()).color(ink);
        ui.label(label(name, palette.text_weak));
        bidi::label(ui, label(value, palette.text));
    });
}

/// A fingerprint in groups that can be read aloud, below its name.
pub fn fingerprint(ui: &mut Ui, palette: &Palette, name: &str, fingerprint: &Fingerprint) {
    let label = RichText::new(name).font(text::small());
    ui.label(label.color(palette.text_weak));
    ui.add_space(-space::TINY);
    Frame::new()
        .fill(palette.field)
        .corner_radius(space::CONTROL_CORNER)
        .inner_margin(Margin::symmetric(space::MEDIUM as i8, space::SMALL as i8))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            let groups = RichText::new(fingerprint.to_string()).font(text::code());
            ui.label(groups.color(palette.text));
        });
}
