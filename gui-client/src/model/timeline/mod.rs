use std::collections::{HashMap, VecDeque};

use super::ReceiptNews;
use crate::engine::{Command, Message, MessageId, Older, SortKey, StorageProblem};

/// How many messages of a conversation that is not open stay loaded.
const KEPT_WHEN_LEFT: usize = 500;

/// When more messages than this are loaded, those farthest from what is read are dropped.
pub const MOST_LOADED: usize = 3000;

/// How many stay loaded on either side then.
const KEPT_AROUND: usize = 1000;

/// The loaded messages of a conversation, oldest first and without a gap. They end with the newest
/// one, unless the person has gone far back.
#[derive(Debug, Default)]
pub struct Timeline {
    messages: VecDeque<Message>,
    /// The index of each message.
    sort_keys: HashMap<MessageId, SortKey>,
    /// Nothing is older than what is loaded.
    pub complete: bool,
    /// Older messages are at a server that could not be asked.
    pub older_at_server: bool,
    /// A page was asked for and has not come yet.
    pub loading: bool,
    /// There are newer messages than those loaded.
    pub newer: bool,
    /// The next of them were asked for and have not come yet.
    pub loading_newer: bool,
    /// A request that failed; nothing more is asked for until the person does.
    pub not_loaded: Option<NotLoaded>,
    /// The newest page was asked for, to replace what is loaded.
    wants_newest: bool,
    /// The newest page has come.
    pub loaded: bool,
    /// The first message that was new when the person came; a line is drawn above it.
    pub first_new: Option<MessageId>,
    /// How far the person has read on from there, while newer messages are not loaded.
    pub read_up_to: Option<SortKey>,
    /// The message the person has jumped to, and the number of the jump.
    pub target: Option<(MessageId, u32)>,
    /// The number of the last message sent in this conversation, counted over all conversations.
    pub sent: u32,
}

/// A part of a conversation that could not be loaded.
#[derive(Debug)]
pub struct NotLoaded {
    /// The command to repeat.
    command: Command,
    /// Why.
    pub problem: StorageProblem,
}

impl Timeline {
    /// How many messages are loaded.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether no message is loaded.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The message at an index, 0 being the oldest loaded.
    pub fn get(&self, index: usize) -> Option<&Message> {
        self.messages.get(index)
    }

    /// The newest message of the conversation, if it is loaded.
    pub fn newest(&self) -> Option<&Message> {
        self.last().filter(|_| !self.newer)
    }

    /// The last loaded message.
    pub fn last(&self) -> Option<&Message> {
        self.messages.back()
    }

    /// All loaded messages, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.messages.iter()
    }

    /// The index of a message, if it is loaded.
    pub fn index_of(&self, id: MessageId) -> Option<usize> {
        let sort_key = self.sort_keys.get(&id)?;
        self.messages
            .binary_search_by_key(sort_key, |m| m.sort_key)
            .ok()
    }

    /// The index of the message with a sort key, or of the first one after it.
    pub fn index_at(&self, sort_key: SortKey) -> usize {
        self.messages.partition_point(|m| m.sort_key < sort_key)
    }

    /// The message, if it is loaded.
    pub fn find(&self, id: MessageId) -> Option<&Message> {
        self.index_of(id).and_then(|at| self.messages.get(at))
    }

    /// The number of received messages after this sort key.
    pub fn received_after(&self, sort_key: SortKey) -> usize {
        self.iter()
            .rev()
            .take_while(|m| m.sort_key > sort_key)
            .filter(|m| !m.is_own())
            .count()
    }

    /// The sort key of the last received message at or before this index.
    pub fn received_up_to(&self, id: MessageId) -> Option<SortKey> {
        let up_to = self.messages.range(..=self.index_of(id)?);
        let received = up_to.rev().find(|m| !m.is_own());
        received.map(|m| m.sort_key)
    }

    /// The oldest of the last `count` received messages, if that many are loaded.
    pub fn first_of_last_received(&self, count: usize) -> Option<MessageId> {
        let nth = count.checked_sub(1)?;
        self.iter()
            .rev()
            .filter(|m| !m.is_own())
            .nth(nth)
            .map(|m| m.id)
    }

    /// Takes in a new message, or one whose delivery or sort key changed.
    pub fn take_in(&mut self, message: &Message) {
        if !self.loaded {
            return;
        }
        // Newer or older than what is loaded: it will come with its page.
        if self.newer
            && self
                .last()
                .is_none_or(|last| last.sort_key < message.sort_key)
        {
            self.forget(message.id);
            return;
        }
        let is_older = self
            .messages
            .front()
            .is_some_and(|m| message.sort_key < m.sort_key);
        if is_older && !self.complete && !self.sort_keys.contains_key(&message.id) {
            return;
        }
        self.put(message.clone());
    }

    /// Notes that a request failed.
    pub fn give_up(&mut self, command: Command, problem: StorageProblem) {
        self.not_loaded = Some(NotLoaded { command, problem });
        (self.loading, self.loading_newer) = (false, false);
    }

    /// Takes the failed request, to repeat it.
    pub fn ask_again(&mut self) -> Option<Command> {
        let NotLoaded { command, .. } = self.not_loaded.take()?;
        match command {
            Command::LoadNewer { .. } => self.loading_newer = true,
            _ => self.loading = true,
        }
        Some(command)
    }

    /// Takes in a page, oldest first.
    pub fn take_page(&mut self, before: Option<SortKey>, page: Vec<Message>, older: Older) {
        if before.is_none() && self.newer && !std::mem::take(&mut self.wants_newest) {
            return;
        }
        self.loading = older == Older::Coming;
        self.older_at_server = older == Older::AtServer;
        let continues = match (before, self.messages.front()) {
            (Some(before), Some(first)) => before >= first.sort_key,
            (Some(_), None) => false,
            (None, _) => true,
        };
        if !continues {
            return;
        }
        match before {
            // The newest page again: it now contains what the server had in between. Older loaded
            // messages may have a gap to it.
            None if self.loaded => {
                self.newer = false;
                let first = page.first().map(|first| first.sort_key);
                while let Some(oldest) = self.messages.front().map(|m| m.sort_key)
                    && first.is_some_and(|first| oldest < first)
                {
                    self.drop_oldest();
                }
                self.complete = older == Older::Nothing;
            }
            None => self.loaded = true,
            Some(_) => {}
        }
        self.complete |= older == Older::Nothing;
        self.put_all(page);
    }

    /// Notes that the newest page will replace what is loaded; false if it was asked for already,
    /// or nothing newer is missing.
    pub fn ask_newest(&mut self) -> bool {
        let is_news = self.newer && !self.loading && !self.wants_newest;
        self.wants_newest |= is_news;
        self.loading |= is_news;
        is_news
    }

    /// Replaces what is loaded by the messages around a jump's target.
    pub fn take_around(&mut self, messages: Vec<Message>, older: Older, newer: bool) {
        self.loading = false;
        let is_target = |(id, _)| messages.iter().any(|message| message.id == id);
        if !self.target.is_some_and(is_target) && self.loaded {
            return;
        }
        self.messages.clear();
        self.sort_keys.clear();
        (self.loaded, self.newer) = (true, newer);
        (self.loading_newer, self.wants_newest) = (false, false);
        self.complete = older == Older::Nothing;
        self.older_at_server = older == Older::AtServer;
        self.put_all(messages);
    }

    /// Takes in the messages after the last one loaded.
    pub fn take_newer(&mut self, after: SortKey, messages: Vec<Message>, newer: bool) {
        self.loading_newer = false;
        if !self.newer || self.last().is_none_or(|last| last.sort_key != after) {
            return;
        }
        self.newer = newer;
        self.put_all(messages);
    }

    /// Drops messages far from the one with this sort key, if very many are loaded.
    pub fn keep_around(&mut self, sort_key: SortKey) {
        if self.len() <= MOST_LOADED {
            return;
        }
        let at = self.index_at(sort_key);
        for _ in KEPT_AROUND..at {
            self.drop_oldest();
            (self.complete, self.older_at_server) = (false, false);
        }
        while self.len() > 2 * KEPT_AROUND {
            if let Some(dropped) = self.messages.pop_back() {
                self.sort_keys.remove(&dropped.id);
            }
            self.newer = true;
        }
    }

    /// Drops the oldest messages of a conversation that is not open, if very many have come.
    pub fn keep_newest(&mut self) {
        if self.len() > 2 * KEPT_WHEN_LEFT {
            self.leave();
        }
    }

    /// Drops the newest messages of a conversation that is open but not drawn, if very many have
    /// come: the unread ones begin before them.
    pub fn keep_unseen(&mut self) {
        if self.len() > 2 * MOST_LOADED
            && let Some(first) = self.first_new.and_then(|id| self.find(id))
        {
            self.keep_around(first.sort_key);
        }
    }

    /// Removes a message; true if it was loaded.
    pub fn forget(&mut self, id: MessageId) -> bool {
        if self.first_new == Some(id) {
            self.first_new = None;
        }
        let at = self.index_of(id);
        self.sort_keys.remove(&id);
        at.and_then(|at| self.messages.remove(at)).is_some()
    }

    /// Takes in that somebody has received or read every own message up to an id.
    pub fn take_receipt(&mut self, receipt: &ReceiptNews) {
        for message in &mut self.messages {
            receipt.note(message);
        }
    }

    fn put_all(&mut self, messages: Vec<Message>) {
        for message in messages.into_iter().rev() {
            self.put(message);
        }
    }

    fn put(&mut self, message: Message) {
        match self.sort_keys.insert(message.id, message.sort_key) {
            Some(sort_key) if sort_key == message.sort_key => {}
            Some(sort_key) => {
                if let Ok(at) = self
                    .messages
                    .binary_search_by_key(&sort_key, |m| m.sort_key)
                {
                    self.messages.remove(at);
                }
            }
            None => {}
        }
        match self.messages.front() {
            Some(first) if first.sort_key <= message.sort_key => {
                match self
                    .messages
                    .binary_search_by_key(&message.sort_key, |m| m.sort_key)
                {
                    Ok(at) => self.messages[at] = message,
                    Err(at) => self.messages.insert(at, message),
                }
            }
            _ => self.messages.push_front(message),
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(dropped) = self.messages.pop_front() {
            self.sort_keys.remove(&dropped.id);
        }
    }

    /// Called when the conversation is left: drops old pages, and the line above new messages.
    pub fn leave(&mut self) {
        if self.newer {
            *self = Self::default();
        }
        self.first_new = None;
        self.read_up_to = None;
        self.target = None;
        self.not_loaded = None;
        while self.messages.len() > KEPT_WHEN_LEFT {
            self.drop_oldest();
            (self.complete, self.older_at_server) = (false, false);
        }
    }
}

#[cfg(test)]
mod tests;
