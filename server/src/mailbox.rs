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
pub struct Mailboxes(Mutex<HashMap<Login, VecDeque<Arc<Message>>>>);

impl Mailboxes {
    /// Adds a message, whose number is higher than all before it.
    pub fn deliver(&self, messages: impl IntoIterator<Item = Arc<Message>>) {
        let mut mailboxes = self.lock();
        for message in messages {
            if let Some(mailbox) = mailboxes.get_mut(message.to.as_str()) {
                mailbox.push_back(message);
            } else {
                mailboxes.insert(message.to.clone(), VecDeque::from([message]));
            }
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
        let Some(mailbox) = mailboxes.get(login) else {
            return Vec::new();
        };
        let start = mailbox.partition_point(|message| message.id <= after);
        let wanted = mailbox
            .range(start..)
            .take_while(|message| message.id <= last);
        wanted.take(limit).cloned().collect()
    }

    /// The oldest and the newest unread message of a login.
    pub fn ends(&self, login: &Login) -> Option<(MessageId, MessageId)> {
        let mailboxes = self.lock();
        let mailbox = mailboxes.get(login)?;
        Some((mailbox.front()?.id, mailbox.back()?.id))
    }

    /// How many messages wait for a login.
    pub fn waiting(&self, login: &Login) -> usize {
        self.lock().get(login).map_or(0, VecDeque::len)
    }

    /// For how many logins messages wait, and how many messages.
    pub fn totals(&self) -> (usize, usize) {
        let mailboxes = self.lock();
        (mailboxes.len(), mailboxes.values().map(VecDeque::len).sum())
    }

    /// Takes away what has been read, up to and including `last`, and says how many these were.
    pub fn remove(&self, login: &Login, last: MessageId) -> usize {
        let mut mailboxes = self.lock();
        let Some(mailbox) = mailboxes.get_mut(login) else {
            return 0;
        };
        let before = mailbox.len();
        while mailbox.front().is_some_and(|message| message.id <= last) {
            mailbox.pop_front();
        }
        let removed = before - mailbox.len();
        if mailbox.is_empty() {
            mailboxes.remove(login);
        }
        removed
    }

    /// No code panics while it holds the lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, HashMap<Login, VecDeque<Arc<Message>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
