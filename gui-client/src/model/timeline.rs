use std::collections::VecDeque;

use crate::engine::{Message, MessageId};

/// How many messages of a conversation that is not open stay loaded.
const KEPT_WHEN_LEFT: usize = 500;

/// The loaded messages of one conversation, oldest first, without a gap up to the newest.
#[derive(Debug, Default)]
pub struct Timeline {
    messages: VecDeque<Message>,
    newest_own: Option<MessageId>,
    /// There is nothing older than what is loaded.
    pub complete: bool,
    /// A page has been asked for and is not there yet.
    pub loading: bool,
    /// The newest page has come.
    pub loaded: bool,
    /// The first message of those that were new when the person came; a line is drawn above it.
    pub first_new: Option<MessageId>,
}

impl Timeline {
    /// How many messages are loaded.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The message at a place, 0 being the oldest loaded.
    pub fn get(&self, index: usize) -> Option<&Message> {
        self.messages.get(index)
    }

    /// The newest message.
    pub fn last(&self) -> Option<&Message> {
        self.messages.back()
    }

    /// The newest message written here, of those that have been loaded.
    pub fn newest_own(&self) -> Option<MessageId> {
        self.newest_own
    }

    /// All loaded messages, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.messages.iter()
    }

    /// The place of a message, if it is loaded.
    pub fn index_of(&self, id: MessageId) -> Option<usize> {
        self.messages.binary_search_by_key(&id, |m| m.id).ok()
    }

    /// The place of a message, or the place it would have.
    pub fn place_of(&self, id: MessageId) -> usize {
        self.messages.partition_point(|m| m.id < id)
    }

    /// The message, if it is loaded.
    pub fn find(&self, id: MessageId) -> Option<&Message> {
        self.index_of(id).and_then(|at| self.messages.get(at))
    }

    /// How many received messages come after this one.
    pub fn received_after(&self, id: MessageId) -> usize {
        self.iter()
            .rev()
            .take_while(|m| m.id > id)
            .filter(|m| !m.is_own())
            .count()
    }

    /// The received message from which on `count` are received, if that many are loaded.
    pub fn first_of_last_received(&self, count: usize) -> Option<MessageId> {
        let nth = count.checked_sub(1)?;
        self.iter()
            .rev()
            .filter(|m| !m.is_own())
            .nth(nth)
            .map(|m| m.id)
    }

    /// Takes in a new message, or one whose delivery changed.
    pub fn take_in(&mut self, message: &Message) {
        if !self.loaded {
            return;
        }
        self.note_own(message);
        match self
            .messages
            .binary_search_by_key(&message.id, |known| known.id)
        {
            Ok(at) => self.messages[at] = message.clone(),
            // Older than what is loaded: it will come with its page.
            Err(0) if !self.messages.is_empty() && !self.complete => {}
            Err(at) => self.messages.insert(at, message.clone()),
        }
    }

    /// Takes in a page, oldest first.
    pub fn take_page(&mut self, before: Option<MessageId>, page: Vec<Message>, complete: bool) {
        self.loading = false;
        if before.is_none() {
            self.loaded = true;
        }
        let continues = match (before, self.messages.front()) {
            (Some(before), Some(first)) => before >= first.id,
            (Some(_), None) => false,
            (None, _) => true,
        };
        if !continues {
            return;
        }
        self.complete |= complete;
        for message in page.into_iter().rev() {
            self.note_own(&message);
            match self.messages.front() {
                Some(first) if first.id <= message.id => {
                    match self.messages.binary_search_by_key(&message.id, |m| m.id) {
                        Ok(at) => self.messages[at] = message,
                        Err(at) => self.messages.insert(at, message),
                    }
                }
                _ => self.messages.push_front(message),
            }
        }
    }

    /// Takes a message out; true if it was there.
    pub fn forget(&mut self, id: MessageId) -> bool {
        if self.first_new == Some(id) {
            self.first_new = None;
        }
        self.index_of(id)
            .and_then(|at| self.messages.remove(at))
            .is_some()
    }

    fn note_own(&mut self, message: &Message) {
        if message.is_own() {
            self.newest_own = self.newest_own.max(Some(message.id));
        }
    }

    /// The conversation is left: old pages go, and so does the line above new messages.
    pub fn leave(&mut self) {
        self.first_new = None;
        let surplus = self.messages.len().saturating_sub(KEPT_WHEN_LEFT);
        if surplus > 0 {
            self.messages.drain(..surplus);
            self.complete = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use mensageiro_protocol::{Login, Text};

    use super::*;
    use crate::engine::{Delivery, Peer};

    fn message(id: i64) -> Message {
        Message {
            id: MessageId(id),
            with: Peer::Person(Login::parse("bob").unwrap()),
            text: Text::from(format!("message {id}").as_str()),
            at: Timestamp::UNIX_EPOCH,
            delivery: Delivery::Received,
        }
    }

    fn ids(timeline: &Timeline) -> Vec<i64> {
        timeline.iter().map(|m| m.id.0).collect()
    }

    #[test]
    fn pages_and_arrivals_in_any_order_give_one_sorted_timeline() {
        let mut timeline = Timeline::default();
        timeline.take_in(&message(9));
        assert!(timeline.is_empty(), "nothing is shown before its page");
        timeline.take_page(None, (5..9).map(message).collect(), false);
        timeline.take_in(&message(10));
        timeline.take_in(&message(9));
        timeline.take_in(&message(2));
        timeline.take_page(Some(MessageId(5)), (1..5).map(message).collect(), true);
        timeline.take_page(Some(MessageId(5)), (1..5).map(message).collect(), true);
        assert_eq!(ids(&timeline), (1..=10).collect::<Vec<_>>());
        assert!(timeline.complete && !timeline.loading);
    }

    #[test]
    fn a_page_that_would_leave_a_gap_is_not_taken() {
        let mut timeline = Timeline::default();
        timeline.take_page(None, (50..60).map(message).collect(), false);
        timeline.take_page(Some(MessageId(20)), (10..20).map(message).collect(), true);
        assert_eq!(ids(&timeline), (50..60).collect::<Vec<_>>());
        assert!(!timeline.complete);
    }

    #[test]
    fn a_conversation_that_is_left_keeps_its_newest_messages() {
        let mut timeline = Timeline::default();
        timeline.take_page(None, (0..900).map(message).collect(), true);
        timeline.leave();
        assert_eq!(timeline.len(), KEPT_WHEN_LEFT);
        assert_eq!(timeline.last().unwrap().id, MessageId(899));
        assert!(!timeline.complete);
    }

    #[test]
    fn the_first_of_the_unread_is_found_by_their_number() {
        let mut timeline = Timeline::default();
        timeline.take_page(None, (0..10).map(message).collect(), true);
        assert_eq!(timeline.first_of_last_received(3), Some(MessageId(7)));
        assert_eq!(timeline.first_of_last_received(0), None);
        assert_eq!(timeline.first_of_last_received(11), None);
        assert_eq!(timeline.received_after(MessageId(7)), 2);
    }
}
