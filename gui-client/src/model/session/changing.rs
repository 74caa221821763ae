//! Editing and deleting own messages.

use super::Session;
use crate::{
    engine::{Command, Delivery, LinkState, Message, MessageId, Peer},
    model::{ComposeProblem, MOST_TYPED, cut_to},
};
use mensageiro_protocol::{Text, limits::LINE_BYTES};

/// An own message whose text is in the composer instead of the draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Editing {
    message: MessageId,
    with: Peer,
    /// What it said.
    before: Text,
    pub(super) text: String,
}

impl Session {
    /// Whether a message can be edited and deleted now: the server has it from this user, knows how, and is there.
    pub fn may_change(&self, message: &Message) -> bool {
        message.delivery == Delivery::Accepted
            && message.server_id.is_some()
            && !message.is_changing
            && self.rights().may_change_messages
            && matches!(self.link, LinkState::Live { .. })
    }

    /// What the message said that is being edited in the open conversation.
    pub fn edited(&self) -> Option<&Text> {
        self.editing().map(|editing| &editing.before)
    }

    pub(super) fn editing(&self) -> Option<&Editing> {
        let editing = self.editing.as_ref()?;
        (self.open.as_ref() == Some(&editing.with)).then_some(editing)
    }

    pub(super) fn edit(&mut self, message: &Message) {
        if self.may_change(message) {
            self.compose_problem = None;
            self.editing = Some(Editing {
                message: message.id,
                with: message.with.clone(),
                before: message.text.clone(),
                text: message.text.as_str().to_owned(),
            });
        }
    }

    /// Begins to edit the newest message of the user that can be edited, if nothing is typed.
    pub(super) fn edit_last(&mut self) {
        if !self.draft().is_empty() {
            return;
        }
        let last = self.timeline().and_then(|timeline| {
            let mut own = timeline.iter().rev().filter(|one| one.is_own());
            own.next().filter(|one| self.may_change(one)).cloned()
        });
        if let Some(last) = last {
            self.edit(&last);
        }
    }

    pub(super) fn end_edit(&mut self) {
        self.compose_problem = None;
        self.editing = None;
    }

    pub(super) fn write_edit(&mut self, mut text: String) -> bool {
        if self.editing().is_none() {
            return false;
        }
        self.compose_problem = None;
        cut_to(&mut text, MOST_TYPED);
        if let Some(editing) = &mut self.editing {
            editing.text = text;
        }
        true
    }

    /// Sends the edit. A text that is empty or as it was changes nothing.
    pub(super) fn send_edit(&mut self) -> Vec<Command> {
        let bytes = self.line_bytes();
        if bytes > LINE_BYTES {
            self.compose_problem = Some(ComposeProblem::TooLong { bytes });
            return Vec::new();
        }
        let Some(editing) = self.editing.take() else {
            return Vec::new();
        };
        let text = Text::from(editing.text.trim_end());
        if text == editing.before
            || crate::markup::split_draft(text.as_str())
                .1
                .trim()
                .is_empty()
        {
            return Vec::new();
        }
        vec![Command::Change {
            id: editing.message,
            text: Some(text),
        }]
    }

    pub(super) fn take_changed(&mut self, message: &Message) {
        let known = self.timelines.iter_mut();
        for (_, timeline) in known.filter(|(peer, _)| *peer == message.with) {
            if timeline.find(message.id).is_some() {
                timeline.take_in(message);
            }
        }
        let row = self.conversations.get(&message.with);
        let last = row.and_then(|row| row.last.as_ref());
        if last.is_some_and(|last| last.id == message.id) {
            self.conversations.set_last(&message.with, message);
        }
        self.search.take_changed(message.id, Some(message));
        self.refresh_selection(message.id, Some(message));
    }
}
