//! The avatar of a person or group, with the presence dot.

use egui::{Color32, Painter, Pos2};

use super::{View, icon::Icon, presence, widget};
use crate::{engine::Peer, model::Session};

/// Draws the avatar; `ground` is the colour behind it.
pub fn paint(
    painter: &Painter,
    view: &View<'_>,
    session: &Session,
    peer: &Peer,
    center: Pos2,
    size: f32,
    ground: Color32,
) {
    let palette = view.palette;
    let login = match peer {
        Peer::Server => {
            widget::sign_avatar(painter, palette, center, size, Icon::Bubbles);
            return;
        }
        Peer::Person(_) if session.is_group(peer) => {
            widget::sign_avatar(painter, palette, center, size, Icon::People);
            return;
        }
        Peer::Person(login) => login,
    };
    let names = (login.as_str(), view.person(login.as_str()));
    widget::avatar(painter, palette, center, size, names);
    let news = session.people.presence(login);
    presence::dot(painter, palette, center, size, ground, news);
}
