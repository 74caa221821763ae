//! What stands in the place of everything else while the app does not trust what answers, or while
//! the server does not let this device in.

use egui::{Align, Frame, Layout, Margin, RichText, ScrollArea, Ui, Vec2};
use mensageiro_protocol::trust::Fingerprint;

use super::{View, icon::Icon, padlock, widget};
use crate::{
    engine::Distrust,
    model::{Action, Session},
    texts::{Texts, moment},
    theme::{space, text},
};

const CARD_WIDTH: f32 = 500.0;

/// The card: what happened, what it may mean, the fingerprints, and what can be done.
pub fn show(
    ui: &mut Ui,
    view: &View<'_>,
    session: &Session,
    distrust: &Distrust,
    actions: &mut Vec<Action>,
) {
    let (texts, palette) = (view.texts, view.palette);
    let card = card(view, session, distrust);
    let values = [("server", session.account.server.as_str())];
    ScrollArea::vertical()
        .id_salt("distrust")
        .auto_shrink(false)
        .show(ui, |ui| {
            widget::centred(ui, CARD_WIDTH, "distrust", |ui| {
                Frame::new()
                    .fill(palette.raised)
                    .stroke((1.0, palette.line))
                    .corner_radius(space::CARD_CORNER)
                    .inner_margin(Margin::symmetric(20, space::LARGE as i8))
                    .show(ui, |ui| {
                        ui.with_layout(Layout::top_down(Align::Min), |ui| {
                            ui.set_width(ui.available_width());
                            sign(ui, view);
                            let title = texts.fill(card.title, &values);
                            let title = RichText::new(title).font(text::heading());
                            ui.label(title.color(palette.text));
                            for sentence in &card.sentences {
                                let sentence = texts.fill(sentence, &values);
                                let sentence = RichText::new(sentence).font(text::body());
                                ui.label(sentence.color(palette.text_weak));
                                ui.add_space(space::TINY);
                            }
                            for (name, key) in &card.keys {
                                padlock::fingerprint(ui, palette, name, key);
                                ui.add_space(space::TINY);
                            }
                            ui.add_space(space::SMALL);
                            ui.with_layout(Layout::top_down_justified(Align::Center), |ui| {
                                for (name, action) in card.choices {
                                    if widget::plain_button(ui, texts.get(name)).clicked() {
                                        actions.push(action);
                                    }
                                }
                            });
                        });
                    });
                ui.add_space(space::LARGE);
            });
        });
}

/// Why the server does not let this device in, in a sentence or two.
pub fn sentence(texts: &Texts, distrust: &Distrust, server: &str) -> String {
    let key = match distrust {
        Distrust::NeedsKey => "distrust.needs_key",
        Distrust::Revoked => "distrust.revoked",
        Distrust::NeedsTls => "distrust.needs_tls",
        Distrust::BadCode => "distrust.bad_code",
        Distrust::TooManyTries => "distrust.too_many_tries",
        Distrust::Unknown { .. } => "distrust.unknown",
        Distrust::Changed { .. } => "distrust.changed",
        Distrust::NotInvited { .. } => "distrust.not_invited",
        Distrust::Plain { .. } => "distrust.plain",
    };
    texts.fill(key, &[("server", server)])
}

/// What a card says: keys of texts, fingerprints with their names, buttons.
struct Card<'a> {
    title: &'static str,
    sentences: Vec<&'static str>,
    keys: Vec<(String, &'a Fingerprint)>,
    choices: Vec<(&'static str, Action)>,
}

fn card<'a>(view: &View<'_>, session: &Session, distrust: &'a Distrust) -> Card<'a> {
    let texts = view.texts;
    let again = match session.ready {
        true => Action::FetchNow,
        false => Action::SignInAs(session.account.clone()),
    };
    let again = ("refused.again", again);
    let leave = ("distrust.leave", Action::SignOut);
    let invite = ("distrust.use_invite", Action::SignOut);
    let named = |name: &str| texts.get(name).to_owned();
    let card = |title, sentences| Card {
        title,
        sentences,
        keys: Vec::new(),
        choices: vec![again.clone(), leave.clone()],
    };
    let refused = |title, sentence| Card {
        choices: vec![invite.clone(), again.clone()],
        ..card(title, vec![sentence])
    };
    match distrust {
        Distrust::Unknown { fingerprint } => Card {
            keys: vec![(named("security.fingerprint"), fingerprint)],
            choices: vec![
                ("distrust.same", Action::Trust(*fingerprint)),
                ("dialog.cancel", Action::SignOut),
            ],
            ..card(
                "distrust.unknown_title",
                vec!["distrust.unknown", "distrust.unknown_advice"],
            )
        },
        Distrust::Changed {
            known,
            offered,
            since,
        } => {
            let since = moment(texts, *since, view.now, view.zone);
            let known_name = texts.fill("distrust.key_known", &[("moment", &since)]);
            Card {
                keys: vec![(known_name, known), (named("distrust.key_now"), offered)],
                ..card(
                    "distrust.changed_title",
                    vec![
                        "distrust.changed",
                        "distrust.changed_causes",
                        "distrust.changed_advice",
                    ],
                )
            }
        }
        Distrust::NotInvited { invited, offered } => Card {
            keys: vec![
                (named("distrust.key_invited"), invited),
                (named("distrust.key_now"), offered),
            ],
            ..card(
                "distrust.not_invited_title",
                vec!["distrust.not_invited", "distrust.not_invited_advice"],
            )
        },
        Distrust::Plain { .. } => card(
            "distrust.plain_title",
            vec!["distrust.plain", "distrust.plain_advice"],
        ),
        Distrust::NeedsKey => refused("distrust.needs_key_title", "distrust.needs_key"),
        Distrust::Revoked => refused("distrust.revoked_title", "distrust.revoked"),
        Distrust::BadCode => refused("distrust.bad_code_title", "distrust.bad_code"),
        Distrust::TooManyTries => card(
            "distrust.too_many_tries_title",
            vec!["distrust.too_many_tries"],
        ),
        Distrust::NeedsTls => card("distrust.needs_tls_title", vec!["distrust.needs_tls"]),
    }
}

fn sign(ui: &mut Ui, view: &View<'_>) {
    let palette = view.palette;
    let (rect, _) = ui.allocate_exact_size(Vec2::splat(44.0), egui::Sense::hover());
    let center = rect.center();
    ui.painter().circle_filled(center, 22.0, palette.warning);
    let sign = center - egui::vec2(0.0, 1.0);
    Icon::Warning.paint(ui.painter(), sign, 24.0, palette.on_warning);
    ui.add_space(space::TINY);
}
