//! The progress of an own message: as an icon, as a word, and as a list of times.

use egui::{Color32, RichText, Ui};
use jiff::Timestamp;

use crate::{
    engine::{Delivery, Message, Refusal},
    model::Progress,
    texts,
    theme::text,
    ui::{View, bidi, icon::Icon},
};

/// The most members of a group whose times are listed.
const LISTED: usize = 12;

/// Draws the icon beside the time; `ink` is the colour of the time.
pub fn sign(view: &View<'_>, message: &Message, ink: Color32) -> (Icon, Color32) {
    match progress(view, message) {
        _ if message.is_changing => (Icon::Clock, ink),
        Progress::Waiting => (Icon::Clock, ink),
        Progress::Accepted => (Icon::Check, ink),
        Progress::Delivered => (Icon::Checks, ink),
        Progress::Read => (Icon::Checks, view.palette.read),
        Progress::Unconfirmed | Progress::Refused => (Icon::Warning, view.palette.danger_text),
    }
}

/// The same as a word; empty for received messages.
pub fn name<'a>(view: &View<'a>, message: &Message) -> &'a str {
    if message.delivery == Delivery::Received {
        return "";
    }
    view.texts.get(match progress(view, message) {
        _ if message.is_changing => "delivery.changing",
        Progress::Waiting => "delivery.waiting",
        Progress::Accepted => "delivery.accepted",
        Progress::Delivered => "delivery.delivered",
        Progress::Read => "delivery.read",
        Progress::Unconfirmed => "delivery.unconfirmed",
        Progress::Refused => "delivery.refused",
    })
}

/// The sentence that says why a message was refused; `{name}` is the recipient.
pub fn refusal_key(why: Refusal) -> &'static str {
    match why {
        Refusal::UnknownRecipient => "refusal.unknown_recipient",
        Refusal::NotAMember => "refusal.not_a_member",
        Refusal::MailboxFull => "refusal.mailbox_full",
        Refusal::Quota => "refusal.quota",
        Refusal::TooLong => "refusal.too_long",
        Refusal::UnknownMessage => "refusal.unknown_message",
        Refusal::Other => "refusal.unknown",
    }
}

/// When the message was accepted, delivered and read; in a group also by whom.
pub fn times(ui: &mut Ui, view: &View<'_>, message: &Message) {
    let line = |ui: &mut Ui, key: &str, name: &str, at: Timestamp| {
        let time = texts::moment(view.texts, at, view.now, view.zone);
        let sentence = view.texts.fill(key, &[("name", name), ("time", &time)]);
        bidi::label(ui, RichText::new(sentence).font(text::small()));
    };
    if message.delivery != Delivery::Accepted {
        ui.label(RichText::new(name(view, message)).font(text::small()));
        return;
    }
    line(ui, "delivery.accepted_at", "", message.at);
    let is_group = view
        .model
        .session
        .as_ref()
        .is_some_and(|session| session.is_group(&message.with));
    for receipt in message.receipts.iter().take(LISTED) {
        let by = view.person(receipt.by.as_str());
        match (receipt.delivered, receipt.read) {
            (_, Some(at)) if is_group => line(ui, "delivery.read_by", by, at),
            (Some(at), None) if is_group => line(ui, "delivery.delivered_to", by, at),
            (delivered, read) => {
                if let Some(at) = delivered {
                    line(ui, "delivery.delivered_at", by, at);
                }
                if let Some(at) = read {
                    line(ui, "delivery.read_at", by, at);
                }
            }
        }
    }
}

fn progress(view: &View<'_>, message: &Message) -> Progress {
    view.model
        .session
        .as_ref()
        .map_or(Progress::Waiting, |session| session.progress(message))
}
