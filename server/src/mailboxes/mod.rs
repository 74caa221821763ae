//! The mailboxes: for each login, the messages accepted and not yet read (rule S7), and how far
//! everybody has come in each conversation.

mod listed;
mod peers;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use mensageiro_protocol::Login;
use parking_lot::{Mutex, MutexGuard};
use thiserror::Error;

pub use self::{
    listed::{HowFar, Listed},
    peers::Peers,
};
use crate::{
    index::{IndexError, Messages},
    model::{
        conversation::Conversation,
        cursor::Cursor,
        message::{Message, MessageId},
    },
    state::State,
};

/// So much text may wait for a user who is answered without waiting for the client.
const AT_ONCE_BYTES: usize = 32 * 1024;

/// The assignment's dictionary keyed by the recipient's login: the state, as sessions look into it. Only
/// whoever commits changes it.
#[derive(Debug)]
pub struct Mailboxes {
    state: Mutex<State>,
    visible: Arc<AtomicU64>,
}

/// What is next in a mailbox.
#[derive(Default)]
struct Next {
    /// Those in memory.
    messages: Vec<Arc<Message>>,
    /// Those in the log only, and in which conversations they are.
    stored: Vec<MessageId>,
    conversations: Vec<Conversation>,
}

/// Why what waits cannot be shown.
#[derive(Debug, Error)]
pub enum PeekError {
    /// The index or the log refused.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// An unread message is not there any more.
    #[error(
        "message {0}, which has not been read, is no longer in the log; stop the server, keep a copy of its data folder and restore it from a backup"
    )]
    Gone(MessageId),
}

impl Mailboxes {
    /// Views a state, of which all is visible.
    pub fn new(state: State) -> Self {
        let last = state.header().last.message;
        Self {
            state: Mutex::new(state),
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

    /// Up to `limit` unread messages with numbers above `after` and up to `last`, oldest first.
    ///
    /// # Errors
    /// When one of them is in the log only and cannot be read.
    pub fn peek(
        &self,
        reader: &Messages,
        login: &Login,
        (after, last): (MessageId, MessageId),
        limit: usize,
    ) -> Result<Vec<Arc<Message>>, PeekError> {
        let Next {
            mut messages,
            stored,
            conversations,
        } = self.next(login, (after, last), limit);
        if let (Some(first), Some(last)) = (stored.first(), stored.last()) {
            let mut wanted = stored.iter().peekable();
            let before = MessageId(first.0.saturating_sub(1));
            reader.timeline(&conversations, before, *last, &mut |message| {
                if wanted.next_if(|id| **id == message.id).is_some() {
                    messages.push(Arc::new(message));
                }
                wanted.peek().is_some()
            })?;
            if let Some(missing) = wanted.next() {
                return Err(PeekError::Gone(*missing));
            }
            messages.sort_unstable_by_key(|message| message.id);
        }
        Ok(messages)
    }

    /// Whether all that waits for a login is in memory, and little enough to be written at once.
    pub fn is_at_hand(&self, login: &Login) -> bool {
        let state = self.lock();
        state
            .user(login)
            .is_none_or(|user| user.bytes <= AT_ONCE_BYTES && user.is_kept())
    }

    /// The unread messages with numbers above `after`, oldest first, up to one that is not in
    /// memory or has no room in one write.
    pub fn at_hand(&self, login: &Login, after: MessageId) -> Vec<Arc<Message>> {
        let state = self.lock();
        let Some(user) = state.user(login) else {
            return Vec::new();
        };
        let start = user.mailbox.partition_point(|one| one.id <= after);
        let mut bytes = 0;
        let waiting = user.mailbox.range(start..);
        let at_hand = waiting.map_while(|one| one.message.clone());
        at_hand
            .take_while(|message| {
                bytes += message.text.len();
                bytes <= 2 * AT_ONCE_BYTES
            })
            .collect()
    }

    fn next(&self, login: &Login, (after, last): (MessageId, MessageId), limit: usize) -> Next {
        let state = self.lock();
        let mut next = Next::default();
        let Some(user) = state.user(login) else {
            return next;
        };
        let start = user.mailbox.partition_point(|one| one.id <= after);
        let waiting = user.mailbox.range(start..);
        let mut conversations = Vec::new();
        for one in waiting.take_while(|one| one.id <= last).take(limit) {
            match &one.message {
                Some(message) => next.messages.push(message.clone()),
                None => {
                    next.stored.push(one.id);
                    conversations.push(one.participant.conversation);
                }
            }
        }
        conversations.sort_unstable();
        conversations.dedup();
        let conversation = |number| state.conversation(number).clone();
        next.conversations = conversations.into_iter().map(conversation).collect();
        next
    }

    /// The oldest and the newest unread message of a login.
    pub fn ends(&self, login: &Login) -> Option<(MessageId, MessageId)> {
        let state = self.lock();
        let mailbox = &state.user(login)?.mailbox;
        Some((mailbox.front()?.id, mailbox.back()?.id))
    }

    /// How many messages wait for a login, and how many bytes of text they have together.
    pub fn waiting(&self, login: &Login) -> (usize, usize) {
        let state = self.lock();
        let user = state.user(login);
        user.map_or((0, 0), |user| (user.mailbox.len(), user.bytes))
    }

    /// For how many logins messages wait, and how many messages.
    pub fn totals(&self) -> (usize, usize) {
        let state = self.lock();
        let counts = state.users().iter().map(|user| user.mailbox.len());
        counts
            .filter(|&count| count > 0)
            .fold((0, 0), |(logins, messages), count| {
                (logins + 1, messages + count)
            })
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
        let state = self.lock();
        let after = after.max(state.since(login));
        let participations = state
            .user(login)
            .into_iter()
            .flat_map(|one| &one.participations);
        participations
            .map(|&id| state.conversation_of(id))
            .filter(|one| one.last > after)
            .map(|one| one.conversation.clone())
            .collect()
    }

    /// Up to where a user has read those conversations in which that has changed since the
    /// message `since`.
    pub fn read_since(&self, login: &Login, since: MessageId) -> Vec<(Conversation, MessageId)> {
        let state = self.lock();
        let participations = state
            .user(login)
            .into_iter()
            .flat_map(|one| &one.participations);
        participations
            .map(|&id| (state.conversation_of(id), state.participant(id).cursor))
            .filter(|(one, cursor)| {
                let begin = state.since_in(login, &one.conversation);
                cursor.changed >= since && cursor.read > begin
            })
            .map(|(one, cursor)| (one.conversation.clone(), cursor.read))
            .collect()
    }

    /// How far a user has come in a conversation, if the user is part of it.
    pub fn cursor(&self, login: &Login, with: &Conversation) -> Option<Cursor> {
        let state = self.lock();
        let id = state.find(login, with)?;
        Some(state.participant(id).cursor)
    }

    pub(crate) fn show(&self, last: MessageId) {
        self.visible.store(last.0, Ordering::Release);
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}
