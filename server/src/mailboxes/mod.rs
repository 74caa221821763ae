//! The mailboxes: for each login, the messages accepted and not yet read (rule S7), and how far
//! everybody has come in each conversation.

mod listed;
mod peers;
mod recent;
mod unread;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use mensageiro_protocol::Login;
use parking_lot::{Mutex, MutexGuard};

use self::recent::Recent;
pub use self::{
    listed::{HowFar, Listed},
    peers::Peers,
    recent::SharedMessage,
    unread::PeekError,
};
use crate::{
    model::{conversation::Conversation, cursor::Cursor, event::Read, message::MessageId},
    state::{AppliedRun, State},
};

/// Participants that are looked at while the lock is held: nobody waits long for it.
const AT_A_TIME: usize = 1024;

/// The assignment's dictionary keyed by the recipient's login: the state, as sessions look into it. Only
/// whoever commits changes it.
#[derive(Debug)]
pub struct Mailboxes {
    state: Mutex<State>,
    /// Locked after the state, by whoever needs both.
    recent: Mutex<Recent>,
    visible: Arc<AtomicU64>,
}

impl Mailboxes {
    /// Views a state, of which all is visible.
    pub fn new(state: State) -> Self {
        let last = state.header().last.message;
        Self {
            state: Mutex::new(state),
            recent: Mutex::default(),
            visible: Arc::new(AtomicU64::new(last.0)),
        }
    }

    /// The newest message that is durable and visible; readers look no further.
    pub fn last(&self) -> MessageId {
        MessageId(self.visible.load(Ordering::Acquire))
    }

    /// The number behind [`Mailboxes::last`].
    pub fn visible(&self) -> Arc<AtomicU64> {
        self.visible.clone()
    }

    /// For how many logins messages wait, and about how many messages, each for each of its readers.
    pub fn totals(&self) -> (usize, u64) {
        let (mut from, mut logins) = (0, 0);
        loop {
            let state = self.lock();
            let users = state.users();
            let portion = users.iter().skip(from).take(AT_A_TIME);
            let waits = portion.filter(|user| {
                let mut groups = user.groups.iter();
                !user.by_newest.is_empty() || groups.any(|id| state.unread(*id) > 0)
            });
            logins += waits.count();
            from += AT_A_TIME;
            if from >= users.len() {
                return (logins, state.waiting());
            }
        }
    }

    /// What came up to this message is not for the user ([`State::since`]).
    pub fn since(&self, login: &Login) -> MessageId {
        self.lock().since(login)
    }

    /// What came up to this message in a conversation is not for the user ([`State::since_in`]).
    pub fn since_in(&self, login: &Login, with: &Conversation) -> MessageId {
        self.lock().since_in(login, with)
    }

    /// The conversations of a user that have messages above `after`.
    pub fn conversations(&self, login: &Login, after: MessageId) -> Vec<Conversation> {
        let (mut next, mut found) = (Some(0), Vec::new());
        while let Some(from) = next {
            let those = (from, AT_A_TIME);
            next = self.some_with_news(login, those, (after, false), &mut found);
        }
        found.into_iter().map(|(with, _)| with).collect()
    }

    /// How far a user has come in a conversation, if the user is part of it.
    pub fn cursor(&self, login: &Login, with: &Conversation) -> Option<Cursor> {
        let state = self.lock();
        let id = state.find(login, with)?;
        Some(state.participant(id).cursor)
    }

    /// Whether anything changes if this was read or given. If not, the log need not say it.
    pub fn is_news(&self, login: &Login, what: &Read) -> bool {
        self.lock().is_news(login, what)
    }

    /// Keeps what was just committed in memory for a while.
    pub(crate) fn keep(&self, runs: Vec<AppliedRun>) {
        let mut recent = self.recent.lock();
        for run in runs {
            recent.add(run);
        }
    }

    pub(crate) fn show(&self, last: MessageId) {
        self.visible.store(last.0, Ordering::Release);
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}
