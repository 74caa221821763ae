//! The mailboxes: for each login, the messages accepted and not yet read (rule S7).

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mensageiro_protocol::Login;

use crate::message::{Message, MessageId};

/// The assignment's dictionary keyed by the recipient's login, in memory. Only the journal
/// changes it, after each commit; sessions look into it.
#[derive(Debug, Default)]
pub struct Mailboxes(Mutex<HashMap<Login, Mailbox>>);

/// Never empty: a login without messages has none.
#[derive(Debug, Default)]
struct Mailbox {
    messages: VecDeque<Arc<Message>>,
    /// Of all texts together.
    bytes: usize,
}

impl Mailboxes {
    /// Adds a message, whose number is higher than all before it.
    pub fn deliver(&self, messages: impl IntoIterator<Item = Arc<Message>>) {
        let mut mailboxes = self.lock();
        for message in messages {
            let mailbox = match mailboxes.get_mut(&message.to) {
                Some(mailbox) => mailbox,
                None => mailboxes.entry(message.to.clone()).or_default(),
            };
            mailbox.bytes += message.text.len();
            mailbox.messages.push_back(message);
        }
    }

    /// Up to `limit` unread messages with numbers above `after` and up to `last`, oldest first.
    pub fn peek(
        &self,
        login: &Login,
        after: MessageId,
        last: MessageId,
        limit: usize,
    ) -> Vec<Arc<Message>> {
        let mailboxes = self.lock();
        let Some(Mailbox { messages, .. }) = mailboxes.get(login) else {
            return Vec::new();
        };
        let start = messages.partition_point(|message| message.id <= after);
        let wanted = messages
            .range(start..)
            .take_while(|message| message.id <= last);
        wanted.take(limit).cloned().collect()
    }

    /// The oldest and the newest unread message of a login.
    pub fn ends(&self, login: &Login) -> Option<(MessageId, MessageId)> {
        let mailboxes = self.lock();
        let messages = &mailboxes.get(login)?.messages;
        Some((messages.front()?.id, messages.back()?.id))
    }

    /// How many messages wait for a login, and how many bytes of text they have together.
    pub fn waiting(&self, login: &Login) -> (usize, usize) {
        let mailboxes = self.lock();
        mailboxes
            .get(login)
            .map_or((0, 0), |mailbox| (mailbox.messages.len(), mailbox.bytes))
    }

    /// For how many logins messages wait, and how many messages.
    pub fn totals(&self) -> (usize, usize) {
        let mailboxes = self.lock();
        (
            mailboxes.len(),
            mailboxes
                .values()
                .map(|mailbox| mailbox.messages.len())
                .sum(),
        )
    }

    /// Takes away what has been read, up to and including `last`, and says how many these were.
    pub fn remove(&self, login: &Login, last: MessageId) -> usize {
        let mut mailboxes = self.lock();
        let Some(mailbox) = mailboxes.get_mut(login) else {
            return 0;
        };
        let read = mailbox
            .messages
            .partition_point(|message| message.id <= last);
        let bytes: usize = mailbox
            .messages
            .drain(..read)
            .map(|message| message.text.len())
            .sum();
        mailbox.bytes -= bytes;
        if mailbox.messages.is_empty() {
            mailboxes.remove(login);
        }
        read
    }

    /// No code panics while it holds the lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, HashMap<Login, Mailbox>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
