//! What there is to know of a conversation and to do with it: who it is with, its messages and links, its members.

use egui::{Sense, Ui, Vec2, vec2};
use mensageiro_protocol::Login;

use super::{
    UiState, View, avatar, bidi, calendar, conversation_menu, focus, peer_name, peer_title, people,
    presence, widget,
};
use crate::{
    engine::Peer,
    model::{Action, DayUse, Overlay, Session},
    theme::{space, text},
};

/// Size of the picture.
const FACE: f32 = 64.0;

/// The key of the title, and of the entry in the menu.
pub fn title(session: Option<&Session>, of: &Login) -> &'static str {
    let peer = Peer::Person(of.clone());
    match session.is_some_and(|session| session.is_group(&peer)) {
        true => "info.group",
        false => "info.person",
    }
}

/// Opens the page of a conversation.
pub fn open(of: &Login) -> Action {
    Action::Show(Overlay::info(of.clone()))
}

/// The page, in `room` points of height.
pub fn show(
    ui: &mut Ui,
    view: &View<'_>,
    (of, typed): (&Login, &str),
    room: f32,
    state: &mut UiState,
    actions: &mut Vec<Action>,
) {
    let Some(session) = &view.model.session else {
        return;
    };
    let top = ui.cursor().top();
    let peer = Peer::Person(of.clone());
    profile(ui, view, session, &peer);
    ui.add_space(space::MEDIUM);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = Vec2::splat(6.0);
        let texts = view.texts;
        let button = |ui: &mut Ui, name: &str| {
            let name = texts.get(name);
            widget::small_button(ui, view.palette, name).clicked()
        };
        if button(ui, "chat.search") {
            focus::search_in(&peer, state, actions);
        }
        if button(ui, "info.links") {
            focus::search_in(&peer, state, actions);
            actions.push(Action::SearchLinks(true));
        }
        if button(ui, "calendar.go_to") {
            actions.push(Action::Open(peer.clone()));
            actions.push(calendar::ask(view, DayUse::GoTo));
        }
        if let Some(row) = session.conversations.get(&peer) {
            ui.style_mut().override_font_id = Some(text::small());
            conversation_menu::show(ui, view, row, actions);
        }
    });
    if session.is_group(&peer) {
        ui.add_space(space::MEDIUM);
        let left = room - (ui.cursor().top() - top);
        people::members(ui, view, (of, typed), left, actions);
    }
}

/// Who it is, and where they are.
fn profile(ui: &mut Ui, view: &View<'_>, session: &Session, peer: &Peer) {
    let palette = view.palette;
    ui.horizontal(|ui| {
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(FACE), Sense::hover());
        let ground = palette.raised;
        avatar::paint(
            ui.painter(),
            view,
            session,
            peer,
            rect.center(),
            FACE,
            ground,
        );
        ui.add_space(space::MEDIUM);
        let width = ui.available_width();
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = space::TINY;
            ui.set_min_size(vec2(width, FACE));
            let (title, login) = (
                peer_title(view.texts, session, peer),
                peer_name(view.texts, peer),
            );
            let login = Some(login).filter(|login| *login != title);
            let (line, ink) = presence::line(ui, view, session, peer, false);
            let lines = [
                (Some(title), text::heading(), palette.text),
                (login, text::small(), palette.text_weak),
            ];
            for (words, font, ink) in lines {
                if let Some(words) = words {
                    let job = widget::one_line(words, font, ink, width);
                    ui.label(bidi::galley(ui, job));
                }
            }
            let line = egui::RichText::new(line).font(text::small()).color(ink);
            ui.add(egui::Label::new(line).wrap());
        });
    });
}
