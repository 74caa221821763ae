//! The messages of the open conversation. The scroll position is an anchor: one message and its position in the window. Only
//! visible messages are laid out. So nothing moves when messages arrive above or below, however many there are.

mod anchor;
mod bubble;
pub mod delivery;
mod delivery_problem;
mod empty;
mod floating_day;
mod layout_cache;
mod menu;
mod row;
mod scrollbar;
mod separators;
mod styled_text;

use std::{collections::HashMap, rc::Rc};

use egui::{Align2, Rect, Sense, Ui, Vec2, pos2, vec2};

pub use anchor::Anchor;
pub use menu::first_link;
pub use row::follow;

use self::{
    anchor::{Placed, place},
    bubble::Bubble,
    floating_day::Floating,
    layout_cache::LayoutCache,
    row::Measure,
};
use super::{UiState, View, icon::Icon, widget};
use crate::{
    engine::{MessageId, Peer, SortKey},
    model::{Action, MOST_LOADED, Session, Timeline},
    theme::{Palette, space},
};

/// More messages are requested when less than this many screens of them are left above or below.
const SCREENS_AHEAD: f64 = 2.0;

/// The distance of the first new message from the upper edge of the window, in points.
const NEW_TOP: f32 = 72.0;

/// The scroll position of each conversation, and what was drawn last.
#[derive(Debug, Default)]
pub struct TimelineState {
    anchors: HashMap<Peer, Anchor>,
    /// The conversation that was drawn last. Another one starts at its new messages.
    drawn: Option<Peer>,
    /// The number of the last known sent message: a later one scrolls to the end.
    sent: u32,
    /// The last jump.
    target: Option<(MessageId, u32)>,
    /// The same, until the person scrolls, presses a key or sends.
    marked: Option<MessageId>,
    to_latest: bool,
    /// The last message at the time when the person scrolled to the end.
    end: Option<SortKey>,
    /// The mean height of the rows drawn so far, only for the scroll bar.
    mean: f64,
    rows: Vec<DrawnRow>,
    cache: LayoutCache,
}

/// A message in the last frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DrawnRow {
    /// Its id.
    pub id: MessageId,
    /// Its bubble, in the window.
    pub bubble: Rect,
    /// It is marked as the target of a jump.
    pub is_marked: bool,
}

impl TimelineState {
    /// Scrolls to the newest message in the next frame.
    pub fn jump_to_latest(&mut self) {
        self.to_latest = true;
    }

    /// How many layouts were computed in all. A frame without changes adds none.
    pub fn laid_out(&self) -> u64 {
        self.cache.count()
    }

    /// The rows of the last frame, from top to bottom: only visible ones.
    pub fn drawn_rows(&self) -> &[DrawnRow] {
        &self.rows
    }

    /// The anchor of this frame.
    fn anchor(&mut self, open: &Peer, messages: &Timeline) -> Anchor {
        let same = self.drawn.as_ref() == Some(open);
        let kept = self.anchors.get(open).copied();
        let wrote = messages.sent > self.sent;
        self.sent = self.sent.max(messages.sent);
        self.to_latest = wrote || (self.to_latest && same);
        if !same {
            self.end = None;
        }
        if !same || wrote {
            self.marked = None;
        }
        if self.to_latest && !messages.newer {
            self.to_latest = false;
            self.end = messages.last().map(|last| last.sort_key);
            self.drawn = Some(open.clone());
            return Anchor::Latest;
        }
        let target = messages
            .target
            .filter(|target| self.target != Some(*target));
        if let Some(message) = target.and_then(|(id, _)| messages.find(id)) {
            self.target = target;
            self.marked = Some(message.id);
            self.to_latest = false;
            self.drawn = Some(open.clone());
            return Anchor::Message {
                sort_key: message.sort_key,
                top: 120.0,
            };
        }
        if same {
            return kept.unwrap_or(Anchor::Latest);
        }
        if !messages.loaded {
            return Anchor::Latest;
        }
        self.drawn = Some(open.clone());
        match messages.first_new.and_then(|id| messages.find(id)) {
            Some(first) => Anchor::Message {
                sort_key: first.sort_key,
                top: NEW_TOP,
            },
            None => kept.unwrap_or(Anchor::Latest),
        }
    }
}

impl TimelineState {
    /// If the person does not look at the window, arriving messages push the first unseen message up to the upper edge of the
    /// window and no farther. Returns the anchor to stay at.
    fn unseen_from(
        &self,
        session: &Session,
        messages: &Timeline,
        anchor: Anchor,
        placed: &Placed,
    ) -> Option<Anchor> {
        let follows = anchor == Anchor::Latest;
        if !follows || session.attentive() || session.open_unread() == 0 {
            return None;
        }
        let first = messages.first_new.and_then(|id| messages.index_of(id))?;
        let row = placed.rows.iter().find(|row| row.index == first);
        let is_in_sight = row.is_some_and(|row| row.bubble_top >= NEW_TOP);
        let sort_key = messages.get(first)?.sort_key;
        let is_passed = self.end.is_some_and(|end| end >= sort_key);
        (!is_in_sight && !is_passed).then_some(Anchor::Message {
            sort_key,
            top: NEW_TOP,
        })
    }
}

/// Draws the messages of the open conversation.
pub fn show(
    ui: &mut Ui,
    view: &View<'_>,
    session: &Session,
    open: &Peer,
    messages: &Timeline,
    state: &mut UiState,
    actions: &mut Vec<Action>,
) {
    let state = &mut state.timeline;
    let window = ui.max_rect();
    ui.painter().rect_filled(window, 0.0, view.palette.ground);
    ui.set_clip_rect(window.intersect(ui.clip_rect()));
    ui.advance_cursor_after_rect(window);
    state.rows.clear();
    menu::watch_selection(ui);
    if messages.is_empty() {
        empty::show(ui, view, open, messages, window, actions);
        state.drawn = None;
        report_attention(session, view.watched && messages.loaded, actions);
        return;
    }

    if has_key(ui) {
        state.marked = None;
    }
    let mut anchor = state.anchor(open, messages);
    let name = view.texts.get("chat.scroll_bar");
    let bar = scrollbar::Bar::new(ui, name, window, messages.len(), state.mean);
    let dragged = bar.dragged(ui, messages);
    if let Some(dragged) = dragged {
        anchor = dragged;
    }
    let scroll = scroll_delta(ui, view, window);
    let is_by_hand = dragged.is_some() || scroll != 0.0;
    if is_by_hand {
        state.marked = None;
    }
    let column = widget::column(window);
    state.cache.begin_frame(ui);
    let mut cache = std::mem::take(&mut state.cache);
    let mut measure = Measure::new(ui, view, messages, column, &mut cache);
    let mut measured = |index| measure.heights(index);
    let mut placed = place(anchor, scroll, messages, window.height(), &mut measured);
    if is_by_hand && placed.at_latest {
        state.end = messages.last().map(|last| last.sort_key);
    }
    if let Some(first_new) = state.unseen_from(session, messages, anchor, &placed) {
        placed = place(first_new, 0.0, messages, window.height(), &mut measured);
    }
    let laid_out = measure.laid_out();
    state.cache = cache;
    state.anchors.insert(open.clone(), placed.anchor);
    let mean = placed.mean_height();
    state.mean = if state.mean == 0.0 {
        mean
    } else {
        state.mean * 0.9 + mean * 0.1
    };

    paint_rows(
        ui,
        view,
        messages,
        (&placed, &laid_out),
        (window, column),
        state,
        actions,
    );
    bar.paint(ui, view.palette, &placed, messages.len());
    if !placed.at_latest && jump_button(ui, view, session, window) {
        state.to_latest = true;
        ui.ctx().request_repaint();
    }

    ask_for_more(messages, &placed, window, state, actions);
    report_seen(view, session, messages, window, state, actions);
    report_attention(session, view.watched && placed.at_latest, actions);
}

/// Draws the placed rows and the floating day.
fn paint_rows(
    ui: &mut Ui,
    view: &View<'_>,
    messages: &Timeline,
    (placed, laid_out): (&Placed, &HashMap<usize, Rc<Bubble>>),
    (window, column): (Rect, Rect),
    state: &mut TimelineState,
    actions: &mut Vec<Action>,
) {
    let floating = Floating::of(view, messages, placed);
    let instead = floating.as_ref().map(|floating| floating.index);
    for row in &placed.rows {
        let (index, top) = (row.index, window.top() + row.bubble_top);
        // Every placed row was measured.
        let Some(bubble) = laid_out.get(&index) else {
            continue;
        };
        let drawn = row::paint(
            ui,
            view,
            messages,
            (index, bubble, top),
            (state.marked, instead),
            column,
            actions,
        );
        state.rows.extend(drawn);
    }
    if let Some(floating) = floating {
        floating.paint(ui, view, window, column);
    }
}

/// Keeps messages near the window loaded: requests more of them, and drops those far away.
fn ask_for_more(
    messages: &Timeline,
    placed: &Placed,
    window: Rect,
    state: &TimelineState,
    actions: &mut Vec<Action>,
) {
    let (Some(first), Some(last)) = (placed.rows.first(), placed.rows.last()) else {
        return;
    };
    let is_near =
        |rows: usize| rows as f64 * state.mean < SCREENS_AHEAD * f64::from(window.height());
    let is_had = messages.not_loaded.is_none();
    let may_load = messages.loaded && !messages.loading && is_had;
    if may_load && !messages.complete && !messages.older_at_server && is_near(first.index) {
        actions.push(Action::LoadOlder);
    }
    if messages.newer && state.to_latest {
        if may_load {
            actions.push(Action::LoadNewest);
        }
    } else if messages.newer
        && !messages.loading_newer
        && is_had
        && is_near(messages.len() - 1 - last.index)
    {
        actions.push(Action::LoadNewer);
    }
    if messages.len() > MOST_LOADED
        && let Some(message) = messages.get(first.index)
    {
        actions.push(Action::ReadAt(message.sort_key));
    }
}

/// Whether a key is pressed.
fn has_key(ui: &Ui) -> bool {
    let is_press = |event: &egui::Event| matches!(event, egui::Event::Key { pressed: true, .. });
    ui.input(|input| input.events.iter().any(is_press))
}

/// The scroll distance of this frame in points; negative is down the page.
fn scroll_delta(ui: &Ui, view: &View<'_>, window: Rect) -> f32 {
    if view.model.overlay.is_some() {
        return 0.0;
    }
    let mut delta = 0.0;
    if ui.rect_contains_pointer(window) {
        delta += ui.input_mut(|input| std::mem::take(&mut input.smooth_scroll_delta.y));
    }
    let page = window.height() * 0.9;
    ui.input_mut(|input| {
        if input.consume_key(egui::Modifiers::NONE, egui::Key::PageUp) {
            delta += page;
        }
        if input.consume_key(egui::Modifiers::NONE, egui::Key::PageDown) {
            delta -= page;
        }
    });
    delta
}

/// Reports the last received message that is completely visible as read, if somebody looks at the window. Own messages that
/// wait are below what others write meanwhile.
fn report_seen(
    view: &View<'_>,
    session: &Session,
    messages: &Timeline,
    window: Rect,
    state: &TimelineState,
    actions: &mut Vec<Action>,
) {
    let unread = session.open_unread();
    // A jump skips messages, which are not read.
    let has_jumped = messages.newer && messages.first_new.is_none();
    if !view.watched || unread == 0 || has_jumped {
        return;
    }
    let mut rows = state.rows.iter().rev();
    let whole = rows.find(|row| row.bubble.bottom() <= window.bottom() + 1.0);
    let seen = whole.and_then(|row| messages.received_up_to(row.id));
    let is_news = |&sort_key: &SortKey| match messages.newer {
        true => messages.read_up_to.is_none_or(|before| before < sort_key),
        false => messages.received_after(sort_key) < unread,
    };
    if let Some(sort_key) = seen.filter(is_news) {
        actions.push(Action::Seen(sort_key));
    }
}

fn report_attention(session: &Session, attentive: bool, actions: &mut Vec<Action>) {
    if session.attentive() != attentive {
        actions.push(Action::Attentive(attentive));
    }
}

/// The round button at the lower right corner, with the number of unseen messages.
fn jump_button(ui: &mut Ui, view: &View<'_>, session: &Session, window: Rect) -> bool {
    let palette: &Palette = view.palette;
    let rect =
        Align2::RIGHT_BOTTOM.align_size_within_rect(Vec2::splat(42.0), window.shrink(space::LARGE));
    let unread = session.open_unread();
    let response = ui.interact(rect, ui.scope_id().with("latest"), Sense::click());
    let name = match unread {
        0 => view.texts.get("chat.latest").to_owned(),
        unread => view.texts.count("chat.latest_new", unread),
    };
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, name.as_str()));
    let ground = if response.hovered() {
        palette.hover
    } else {
        palette.raised
    };
    let painter = ui.painter();
    painter.add(palette.shadow().as_shape(rect, 21));
    painter.circle(rect.center(), 21.0, ground, (1.0, palette.line));
    Icon::Down.paint(painter, rect.center(), 24.0, palette.text);
    widget::focus_ring(ui, palette, &response, rect, 21);
    if unread > 0 {
        let at = pos2(rect.right() + 4.0, rect.top());
        widget::badge(
            painter,
            (palette.accent, palette.on_accent),
            at + vec2(0.0, 2.0),
            unread,
        );
    }
    response.on_hover_text(name).clicked()
}

impl Placed {
    fn mean_height(&self) -> f64 {
        let height: f32 = self.rows.iter().map(|row| row.height()).sum();
        f64::from(height) / self.rows.len().max(1) as f64
    }
}
