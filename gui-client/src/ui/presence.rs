//! Where people are, in words and as a dot.

use egui::{Color32, Painter, Pos2, Stroke, Ui};

use super::View;
use crate::{
    engine::{LinkState, Peer, Presence, PresenceNews},
    model::Session,
    texts,
    theme::Palette,
};

/// The line under a conversation's name: who types, where the other one is, how many members
/// there are. Nothing if nobody tells.
pub fn line(ui: &Ui, view: &View<'_>, session: &Session, peer: &Peer) -> Option<(String, Color32)> {
    if let Some(typing) = typing(ui, view, session, peer) {
        return Some((typing, view.palette.accent_text));
    }
    let Peer::Person(login) = peer else {
        return None;
    };
    let weak = view.palette.text_weak;
    let is_known = session.is_group(peer) || session.people.user(login).is_some();
    if is_known && !session.online {
        // In the place of what nobody tells now, so that the name above it stays where it is.
        return Some((view.texts.get(link_key(&session.link)).to_owned(), weak));
    }
    if session.is_group(peer) {
        let members = session.people.members(login)?;
        let me = &session.account.login;
        let is_online = |news: &PresenceNews| news.state == Presence::Online;
        let present = members.iter().filter(|member| {
            *member == me || session.people.presence(member).is_some_and(is_online)
        });
        let present = present.count().to_string();
        let members = view.texts.count("presence.members", members.len());
        let values = [("members", members.as_str()), ("count", present.as_str())];
        return Some((view.texts.fill("presence.group", &values), weak));
    }
    let news = session.people.presence(login)?;
    let ink = match news.state {
        Presence::Online => view.palette.success_text,
        _ => weak,
    };
    Some((words(view, news), ink))
}

/// The word for a connection that is not there.
fn link_key(link: &LinkState) -> &'static str {
    match link {
        LinkState::Waiting { .. } => "link.waiting",
        LinkState::Refused => "link.refused",
        _ => "link.connecting",
    }
}

/// Who types in a conversation, in words; draws again when that ends.
pub fn typing(ui: &Ui, view: &View<'_>, session: &Session, peer: &Peer) -> Option<String> {
    let (who, until) = session.people.typing(peer, view.instant);
    ui.ctx()
        .request_repaint_after(until?.saturating_duration_since(view.instant));
    Some(match who.as_slice() {
        [_] if !session.is_group(peer) => view.texts.get("presence.typing").to_owned(),
        [one] => view
            .texts
            .fill("presence.one_types", &[("name", one.as_str())]),
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
    match news.note.as_str() {
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
            painter.circle_filled(center, radius + 2.0, ground);
            painter.circle_filled(center, radius, palette.success_text);
        }
        Some(Presence::Away) => {
            painter.circle_filled(center, radius + 2.0, ground);
            let stroke = Stroke::new(2.0, palette.warning_text);
            painter.circle_stroke(center, radius - 1.0, stroke);
        }
        _ => {}
    }
}
