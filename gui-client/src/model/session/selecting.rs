use std::collections::BTreeMap;

use super::Session;
use crate::{
    engine::{Message, MessageId},
    markup,
};

/// The most messages that are selected at a time.
pub const MOST_SELECTED: usize = 100;

/// The selected messages of the open conversation.
#[derive(Debug, Default)]
pub struct Selection {
    messages: BTreeMap<MessageId, Message>,
    /// The one that was selected last, from which the selection is extended.
    last: Option<MessageId>,
}

impl Selection {
    /// Whether a message is selected.
    pub fn has(&self, id: MessageId) -> bool {
        self.messages.contains_key(&id)
    }

    /// How many are.
    pub fn count(&self) -> usize {
        self.messages.len()
    }

    /// Whether no other message can be selected.
    pub fn is_full(&self) -> bool {
        self.count() >= MOST_SELECTED
    }

    /// The messages, oldest first.
    pub fn messages(&self) -> Vec<&Message> {
        let mut all: Vec<_> = self.messages.values().collect();
        all.sort_by_key(|message| message.sort_key);
        all
    }

    /// What they say, without what they reply to.
    pub fn said(&self) -> String {
        let all = self.messages();
        let said = all.iter().map(|message| {
            let (_, said) = markup::split_quote(message.text.as_str());
            said
        });
        said.collect::<Vec<_>>().join("\n")
    }

    fn add(&mut self, message: &Message) {
        if self.has(message.id) || !self.is_full() {
            self.messages.insert(message.id, message.clone());
            self.last = Some(message.id);
        }
    }
}

/// Selecting messages of the open conversation.
impl Session {
    /// The selection; `None`: messages are not being selected.
    pub fn selection(&self) -> Option<&Selection> {
        self.selection.as_ref()
    }

    /// Selects nothing any more.
    pub(in crate::model) fn end_selection(&mut self) {
        self.selection = None;
    }

    /// Selects a message, or no longer. Without any, the selection ends.
    pub(super) fn select(&mut self, message: &Message) {
        let selection = self.selection.get_or_insert_default();
        if selection.messages.remove(&message.id).is_none() {
            selection.add(message);
        }
        self.selection.take_if(|selection| selection.count() == 0);
    }

    /// Selects all messages from the one that was selected last to this one.
    pub(super) fn select_up_to(&mut self, message: &Message) {
        let last = self.selection.as_ref().and_then(|selection| selection.last);
        let Some(timeline) = self.timeline() else {
            return;
        };
        let to = timeline.index_of(message.id);
        let from = last.and_then(|last| timeline.index_of(last)).or(to);
        let (Some(from), Some(to)) = (from, to) else {
            return self.select(message);
        };
        // From the last one on, so that it is the far end that is missing if there are too many.
        let indices: Vec<usize> = match from <= to {
            true => (from..=to).collect(),
            false => (to..=from).rev().collect(),
        };
        let indices = indices.into_iter().take(MOST_SELECTED);
        let all: Vec<_> = indices.filter_map(|at| timeline.get(at).cloned()).collect();
        let selection = self.selection.get_or_insert_default();
        all.iter().for_each(|message| selection.add(message));
    }

    /// Selects the message above the one that was selected last, or below it.
    pub(super) fn select_next(&mut self, is_above: bool) {
        let last = self.selection.as_ref().and_then(|selection| selection.last);
        let Some(timeline) = self.timeline() else {
            return;
        };
        let last = last.and_then(|last| timeline.index_of(last));
        let next = match is_above {
            true => last.and_then(|last| last.checked_sub(1)),
            false => last.map(|last| last + 1),
        };
        let next = next.and_then(|next| timeline.get(next)).cloned();
        if let (Some(next), Some(selection)) = (next, &mut self.selection) {
            selection.add(&next);
        }
    }

    /// Takes in that a message has changed, or is gone.
    pub(super) fn refresh_selection(&mut self, id: MessageId, now: Option<&Message>) {
        let Some(selection) = self.selection.as_mut().filter(|one| one.has(id)) else {
            return;
        };
        match now {
            Some(now) => selection.messages.insert(id, now.clone()),
            None => selection.messages.remove(&id),
        };
        self.selection.take_if(|selection| selection.count() == 0);
    }
}
