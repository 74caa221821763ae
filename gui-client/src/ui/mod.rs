//! What is drawn: each screen reads a [`View`] and returns what the person did as [`Action`]s.

mod about;
mod administration;
mod avatar;
mod banner;
mod bidi;
mod calendar;
mod changes;
mod chat;
mod completion;
mod composer;
mod composer_hint;
mod conversation_menu;
mod dialog;
mod distrust;
mod emoji;
mod error_text;
mod field;
mod focus;
mod hosting;
mod hosting_entry;
mod icon;
mod info;
mod inspector;
mod journey;
mod keys;
mod link_question;
mod list_navigation;
mod list_row;
mod login;
mod markup_keys;
mod nearby;
mod padlock;
mod people;
mod preferences;
mod presence;
mod refused;
mod row;
mod runs;
mod search;
mod search_filters;
mod selection_bar;
mod setting_row;
mod shortcuts;
mod sidebar;
mod timeline;
mod underline;
mod widget;

use std::time::Instant;

use egui::Ui;
use jiff::{Timestamp, tz::TimeZone};

use focus::Focus;
pub use timeline::{Anchor, DrawnRow, TimelineState};

use crate::{
    engine::Peer,
    model::{Action, Model, Notice, Session},
    texts::Texts,
    theme::{self, Palette, space},
};

/// In a window narrower than this, in points, either the list or a conversation is shown.
pub const ONE_PANE_BELOW: f32 = 640.0;

/// Width of a notice at most.
const NOTICE_WIDTH: f32 = 480.0;

/// What the screens read.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// What is known.
    pub model: &'a Model,
    /// The sentences of the chosen language.
    pub texts: &'static Texts,
    /// The colours of the chosen theme.
    pub palette: &'static Palette,
    /// The time, for "today" and the like.
    pub now: Timestamp,
    /// The time zone it is shown in.
    pub zone: &'a TimeZone,
    /// The time, for countdowns.
    pub instant: Instant,
    /// Whether somebody looks: the window has the focus.
    pub watched: bool,
}

impl<'a> View<'a> {
    /// Who is quoted, as it stands over the quote: oneself is "you".
    fn quoted(&self, login: &'a str) -> &'a str {
        match self.is_me(login) {
            true => self.texts.get("quote.you"),
            false => self.person(login),
        }
    }

    fn is_me(&self, login: &str) -> bool {
        let session = self.model.session.as_ref();
        session.is_some_and(|session| session.account.login.as_str() == login)
    }

    /// How somebody is called by people, who may be nobody, as in a quote written by hand.
    fn person(&self, login: &'a str) -> &'a str {
        let session = self.model.session.as_ref();
        let title = session.and_then(|session| session.people.title(login));
        title.unwrap_or(login)
    }
}

/// What only the screens know: where one has scrolled to, what is to have the focus.
#[derive(Debug, Default)]
pub struct UiState {
    /// The timeline's.
    pub timeline: TimelineState,
    compose: composer::ComposerState,
    inspector: inspector::InspectorState,
    focus: Option<Focus>,
    /// So many failures to sign in have been seen.
    login_failures: u32,
    /// The row of what was found that the arrows have just gone to.
    navigated_to: Option<usize>,
    /// A menu or the emoji were open at the end of the last frame.
    popup_is_open: bool,
    dialog: Option<dialog::Kind>,
    /// Where the journey of a message was drawn alone.
    journey: Option<egui::Rect>,
    alone: Option<journey::Alone>,
    seen_open: Option<Peer>,
    /// Where the open conversation was in the last frame, if it stood beside the list.
    pane: Option<egui::Rect>,
    /// The list and the open conversation took turns in the last frame.
    one_pane: bool,
}

impl UiState {
    /// Where the journey of a message was last drawn for its picture, in points.
    pub fn journey(&self) -> Option<egui::Rect> {
        self.journey
    }
}

/// Draws the window and returns what the person did.
pub fn show(ui: &mut Ui, view: &View<'_>, state: &mut UiState) -> Vec<Action> {
    let mut actions = Vec::new();
    keys::read(ui, view, state, &mut actions);
    focus::take_up(ui, view);
    keys::cut_pasted(ui, view, &mut actions);
    screen(ui, view, state, &mut actions);
    focus::give_back(ui, view, state, &actions);
    actions
}

fn screen(ui: &mut Ui, view: &View<'_>, state: &mut UiState, actions: &mut Vec<Action>) {
    let palette = view.palette;
    ui.painter().rect_filled(ui.max_rect(), 0.0, palette.ground);
    let screen = ui.max_rect();
    if let Some(told) = &view.model.notice {
        notice(ui, view, told, state.pane.unwrap_or(screen), actions);
    }
    state.pane = None;
    if view.model.inspector.is_open {
        if inspector::is_alone(ui) {
            inspector::show(ui, view, state, actions);
            dialog::show(ui, view, screen, state, actions);
            journey::show_alone(ui, view, state);
            return;
        }
        inspector::panel(ui, view, state, actions);
    }
    match &view.model.session {
        None => login::show(ui, view, state, actions),
        Some(session) if let Some(distrust) = session.distrust() => {
            distrust::show(ui, view, session, distrust, actions);
        }
        Some(_) if view.model.is_entering() => login::show(ui, view, state, actions),
        Some(session) if session.refused() => refused::show(ui, view, session, actions),
        Some(session) if session.storage_problem.is_some() && !session.ready => {
            refused::show_storage(ui, view, session, actions);
        }
        Some(session) => chat::show(ui, view, session, state, actions),
    }
    dialog::show(ui, view, screen, state, actions);
    journey::show_alone(ui, view, state);
}

/// Floats over what is in `pane`, so that nothing moves when it comes and goes.
fn notice(ui: &Ui, view: &View<'_>, notice: &Notice, pane: egui::Rect, actions: &mut Vec<Action>) {
    let room = pane.width() - 2.0 * space::LARGE;
    let width = room.min(NOTICE_WIDTH);
    let fill = match notice {
        Notice::Saved(..) => view.palette.chosen,
        _ => view.palette.warning,
    };
    // The bar in it has no round corners: the margin keeps it away from those of the card.
    let frame = egui::Frame::new()
        .fill(fill)
        .stroke((1.0, view.palette.line))
        .corner_radius(space::CARD_CORNER)
        .shadow(view.palette.shadow())
        .inner_margin(egui::Margin::symmetric(4, 5));
    let shown = egui::Area::new(egui::Id::unique("notice"))
        .order(egui::Order::Tooltip)
        // By its left edge: of the middle egui knows what it was in the last frame.
        .fixed_pos(egui::pos2(
            (pane.center().x - width / 2.0).round(),
            pane.top() + space::BAR + space::SMALL,
        ))
        // It fits; egui would move it by the size that it had in the last frame.
        .constrain(false)
        .default_width(width)
        .show(ui.ctx(), |ui| {
            frame.show(ui, |ui| {
                ui.set_width((width - 8.0).max(0.0));
                banner::notice(ui, view, notice, actions);
            });
        });
    widget::settle(ui.ctx(), &shown.response);
}

/// The palette that goes with what egui has chosen.
pub fn palette(ui: &Ui) -> &'static Palette {
    theme::palette(ui.style())
}

/// How a conversation is called by people: by the full name, where the server tells it.
pub(crate) fn peer_title<'a>(texts: &'a Texts, session: &'a Session, peer: &'a Peer) -> &'a str {
    match peer {
        Peer::Person(login) => session.people.title(login.as_str()),
        Peer::Server => None,
    }
    .unwrap_or_else(|| peer_name(texts, peer))
}

/// How a conversation is called by the protocol.
pub(crate) fn peer_name<'a>(texts: &'a Texts, peer: &'a Peer) -> &'a str {
    match peer {
        Peer::Person(login) => login.as_str(),
        Peer::Server => texts.get("peer.server"),
    }
}
