//! Presence, in words and as a dot.

use egui::{Color32, Painter, Pos2, Stroke, Ui};
use mensageiro_protocol::Login;

use super::View;
use crate::{
    engine::{Peer, Presence, PresenceNews},
    model::Session,
    texts,
    theme::Palette,
};

/// Between a mark and its avatar, which may be of the same colour.
const RING: f32 = 2.5;

/// The line under a conversation's name: who types, where the other one is, how many members there
/// are, and the server where nobody tells more. There always is one, so that the name above it stays
/// where it is. `is_alone`: the list, which would say so, is not beside it while it connects.
pub fn line(
    ui: &Ui,
    view: &View<'_>,
    session: &Session,
    peer: &Peer,
    is_alone: bool,
) -> (String, Color32) {
    let weak = view.palette.text_weak;
    if let Some(typing) = typing(ui, view, session, peer) {
        return (typing, view.palette.accent_text);
    }
    if is_alone && !session.online && session.outage.is_none() {
        return (view.texts.get("link.connecting").to_owned(), weak);
    }
    let told = match peer {
        Peer::Person(group) if session.is_group(peer) => {
            members(view, session, group).map(|members| (members, weak))
        }
        Peer::Person(login) => session.people.presence(login).map(|news| {
            let ink = match news.state {
                Presence::Online => view.palette.success_text,
                _ => weak,
            };
            (words(view, news), ink)
        }),
        Peer::Server => None,
    };
    told.unwrap_or_else(|| (session.account.server.clone(), weak))
}

/// How many members a group has, and how many of them are online, where that is known now.
fn members(view: &View<'_>, session: &Session, group: &Login) -> Option<String> {
    let members = session.people.members(group)?;
    let count = view.texts.count("presence.members", members.len());
    if !session.people.is_told() {
        return Some(count);
    }
    let me = &session.account.login;
    let present = view.texts.number(session.people.present(group, me)?);
    let values = [("members", count.as_str()), ("count", present.as_str())];
    Some(view.texts.fill("presence.group", &values))
}

/// Who types in a conversation, in words; draws again when that ends.
pub fn typing(ui: &Ui, view: &View<'_>, session: &Session, peer: &Peer) -> Option<String> {
    let (who, until) = session.people.typing(peer, view.instant);
    ui.ctx()
        .request_repaint_after(until?.saturating_duration_since(view.instant));
    Some(match who.as_slice() {
        [_] if !session.is_group(peer) => view.texts.get("presence.typing").to_owned(),
        [one] => {
            let name = view.person(one.as_str());
            view.texts.fill("presence.one_types", &[("name", name)])
        }
        several => view.texts.count("presence.several_type", several.len()),
    })
}

/// Where somebody is, and what they say of it.
pub fn words(view: &View<'_>, news: &PresenceNews) -> String {
    let texts = view.texts;
    let state = match (news.state, news.seen) {
        (Presence::Online, _) => texts.get("presence.online").to_owned(),
        (Presence::Away, _) => texts.get("presence.away").to_owned(),
        (Presence::Offline, None) => texts.get("presence.offline").to_owned(),
        (Presence::Offline, Some(seen)) => {
            let at = jiff::Timestamp::from_millisecond(seen).unwrap_or(view.now);
            let time = texts::moment(texts, at, view.now, view.zone);
            texts.fill("presence.seen", &[("time", &time)])
        }
    };
    match news.note.one_line().trim() {
        "" => state,
        note => texts.fill("presence.with_note", &[("state", &state), ("note", note)]),
    }
}

/// A mark at the lower right of an avatar: a dot for those who are there, a ring for those who are
/// away, so that nobody needs to tell colours apart.
pub fn dot(
    painter: &Painter,
    palette: &Palette,
    avatar: Pos2,
    size: f32,
    ground: Color32,
    news: Option<&PresenceNews>,
) {
    let radius = (size * 0.13).max(4.5);
    let center = avatar + egui::Vec2::splat(size * 0.36);
    match news.map(|news| news.state) {
        Some(Presence::Online) => {
            painter.circle_filled(center, radius + RING, ground);
            painter.circle_filled(center, radius, palette.present);
        }
        Some(Presence::Away) => {
            painter.circle_filled(center, radius + RING, ground);
            let stroke = Stroke::new(2.0, palette.warning_text);
            painter.circle_stroke(center, radius - 1.0, stroke);
        }
        _ => {}
    }
}
