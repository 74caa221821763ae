//! What can be done with a conversation, in its menu in the list and above its messages.

use egui::Ui;

use super::View;
use crate::{
    engine::{Conversation, FOR_GOOD, Message},
    model::Action,
};

/// The items of a conversation's menu: marking it as read or unread, pinning, muting and archiving it.
pub fn show(ui: &mut Ui, view: &View<'_>, conversation: &Conversation, actions: &mut Vec<Action>) {
    let with = || conversation.with.clone();
    let mut item = |key, action| {
        if ui.button(view.texts.get(key)).clicked() {
            actions.push(action);
            ui.close();
        }
    };
    match conversation.unread > 0 || conversation.is_marked_unread {
        true => item("list.mark_read", Action::MarkRead(with())),
        false => item("list.mark_unread", Action::MarkUnread(with())),
    }
    match conversation.is_pinned {
        true => item("list.unpin", Action::Pin(with(), false)),
        false => item("list.pin", Action::Pin(with(), true)),
    }
    if conversation.is_muted() {
        item("list.unmute", Action::Mute(with(), None));
    } else {
        let after = |hours: i64| view.now.as_millisecond() + hours * 60 * 60 * 1_000;
        item("list.mute_hour", Action::Mute(with(), Some(after(1))));
        item("list.mute_day", Action::Mute(with(), Some(after(24))));
        item("list.mute", Action::Mute(with(), Some(FOR_GOOD)));
    }
    let last = conversation.last.as_ref();
    if conversation.is_archived() {
        item("list.unarchive", Action::Archive(with(), false));
    } else if last.is_none_or(Message::is_stored) {
        // What waits has no place yet after which a message would be new.
        item("list.archive", Action::Archive(with(), true));
    }
}
