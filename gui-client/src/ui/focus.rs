//! Keyboard focus: the composer has it by default.

use egui::{Event, Id, Order, Popup, Ui, text_selection::LabelSelectionState};

use super::{UiState, View, inspector};
use crate::{
    engine::Peer,
    model::{Action, Session},
};

/// The fields that can be asked to take the focus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Focus {
    /// The search field.
    Filter,
    /// The composer.
    Composer,
}

/// The id that egui knows the composer of the open conversation by.
pub fn composer_id(session: &Session) -> Id {
    Id::unique(("compose box", &session.open))
}

/// Whether nothing has the focus and typed text can go into the composer.
pub fn is_for_the_box(ui: &Ui, view: &View<'_>) -> bool {
    ui.memory(|memory| memory.focused().is_none()) && box_in_reach(ui, view).is_some()
}

/// Looks for messages in one conversation.
pub fn search_in(with: &Peer, state: &mut UiState, actions: &mut Vec<Action>) {
    actions.push(Action::SearchIn(Some(with.clone())));
    go_to_filter(state, actions);
}

/// The search field gets the focus. Where list and conversation take turns, it is the list's.
pub fn go_to_filter(state: &mut UiState, actions: &mut Vec<Action>) {
    state.focus = Some(Focus::Filter);
    actions.push(Action::CloseOverlay);
    if state.one_pane {
        actions.push(Action::CloseConversation);
    }
}

/// Before drawing: text typed or pasted while nothing has the focus goes into the composer, in the
/// same frame.
pub fn take_up(ui: &Ui, view: &View<'_>) {
    let is_typed = ui.input(|input| {
        let mut events = input.events.iter();
        events.any(|event| matches!(event, Event::Text(_) | Event::Paste(_)))
    });
    if is_typed
        && is_for_the_box(ui, view)
        && let Some(id) = box_in_reach(ui, view)
    {
        ui.memory_mut(|memory| memory.request_focus(id));
    }
}

/// After drawing: the focus returns to the composer when a menu or dialog has closed.
pub fn give_back(ui: &Ui, view: &View<'_>, state: &mut UiState, actions: &[Action]) {
    let is_open = Popup::is_any_open(ui.ctx());
    let is_closed = std::mem::replace(&mut state.popup_is_open, is_open) && !is_open;
    let session = view.model.session.as_ref();
    let is_to_be_written = actions.iter().any(|action| leads_to_box(session, action));
    let is_left = is_closed && view.model.overlay.is_none() && !has_gone_elsewhere(ui);
    if is_to_be_written || is_left {
        state.focus.get_or_insert(Focus::Composer);
        ui.ctx().request_repaint();
    }
}

/// Clears the selection in messages, so that copying is about the draft.
pub fn forget_selection(ui: &Ui) {
    let selection = ui.ctx().plugin::<LabelSelectionState>();
    selection.lock().clear_selection();
}

/// Whether this action leads back to the composer.
fn leads_to_box(session: Option<&Session>, action: &Action) -> bool {
    let open = session.and_then(|session| session.open.as_ref());
    match action {
        Action::Reply(_)
        | Action::ReplyAbove
        | Action::ReplyBelow
        | Action::ReplyToNothing
        | Action::Send => true,
        Action::EndSearch => open.is_some(),
        Action::Open(peer) => open == Some(peer),
        _ => false,
    }
}

/// Whether the focus is in the window itself, and not in a menu or dialog above it.
fn has_gone_elsewhere(ui: &Ui) -> bool {
    let focused = ui.memory(|memory| memory.focused());
    let focused = focused.and_then(|id| ui.ctx().read_response(id));
    focused.is_some_and(|focused| focused.layer_id.order == Order::Background)
}

/// The id of the open conversation's composer, if it is visible and uncovered.
fn box_in_reach(ui: &Ui, view: &View<'_>) -> Option<Id> {
    let session = view.model.session.as_ref();
    let session = session
        .filter(|session| session.ready && !session.refused() && session.distrust().is_none())?;
    let is_covered = view.model.overlay.is_some()
        || (view.model.inspector.is_open && inspector::is_alone(ui))
        || Popup::is_any_open(ui.ctx());
    match &session.open {
        Some(Peer::Person(_)) if !is_covered => Some(composer_id(session)),
        _ => None,
    }
}
