//! What can be done with a conversation, in its menu in the list and above its messages.

use egui::Ui;

use super::{View, widget};
use crate::{engine::Conversation, model::Action};

/// The items of a conversation's menu: marking it as read, pinning and muting it.
pub fn show(ui: &mut Ui, view: &View<'_>, conversation: &Conversation, actions: &mut Vec<Action>) {
    widget::menu(ui);
    let (with, is_pinned, is_muted) = (
        &conversation.with,
        conversation.is_pinned,
        conversation.is_muted,
    );
    if conversation.unread > 0 && ui.button(view.texts.get("list.mark_read")).clicked() {
        actions.push(Action::MarkRead(with.clone()));
        ui.close();
    }
    let pin = if is_pinned { "list.unpin" } else { "list.pin" };
    if ui.button(view.texts.get(pin)).clicked() {
        actions.push(Action::Pin(with.clone(), !is_pinned));
        ui.close();
    }
    let mute = if is_muted { "list.unmute" } else { "list.mute" };
    if ui.button(view.texts.get(mute)).clicked() {
        actions.push(Action::Mute(with.clone(), !is_muted));
        ui.close();
    }
}
