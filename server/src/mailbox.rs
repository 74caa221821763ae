//! The mailboxes: for each login, the messages accepted and not yet read (rule S7), and how far
//! everybody has come in each conversation.

mod listed;
mod peers;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use jiff::Timestamp;
use mensageiro_protocol::Login;
use parking_lot::{Mutex, MutexGuard};

pub use self::{
    listed::{HowFar, Listed},
    peers::Peers,
};
pub use crate::standing::Cursor;
use crate::{
    conversation::Conversation,
    message::{Draft, Message, MessageId, MissedBy, Recipient},
    standing::Book,
    store::{Store, StoreError},
};

/// So much text may wait for a user who is answered without waiting for the client.
const AT_ONCE_BYTES: usize = 32 * 1024;

/// The assignment's dictionary keyed by the recipient's login, in memory. Only the journal
/// changes it, after each commit; sessions look into it.
#[derive(Debug, Default)]
pub struct Mailboxes {
    book: Mutex<Book>,
    visible: Arc<AtomicU64>,
}

/// What is next in a mailbox.
#[derive(Default)]
struct Next {
    /// Those in memory.
    messages: Vec<Arc<Message>>,
    /// Those in the store only, and in which conversations they are.
    stored: Vec<MessageId>,
    conversations: Vec<Conversation>,
}

/// A cursor that moved: the new values, of what moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Whose.
    pub who: Login,
    /// Where.
    pub with: Conversation,
    /// Who wrote what it moved over.
    pub authors: Vec<Login>,
    /// A device of theirs keeps everything up to here.
    pub delivered: Option<MessageId>,
    /// They have read everything up to here.
    pub read: Option<MessageId>,
    /// When.
    pub at: Timestamp,
    /// The [`Origin::key`](crate::journal::Origin::key) of the live session that moved it.
    pub by: Option<u64>,
}

impl Mailboxes {
    /// Puts what is unread into the mailboxes. Reads the cursors and the messages after them,
    /// whatever else there is.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn load(store: &dyn Store) -> Result<Self, StoreError> {
        let mut book = Book::default();
        store.cursors(&mut |record| book.load(record))?;
        let last = store.last_numbers()?.message;
        for standing in 0..book.len() {
            let conversation = book.conversation(standing).clone();
            let newest = store.last_of(&conversation)?;
            for (after, up_to) in book.unread_ranges(standing, newest) {
                let with = std::slice::from_ref(&conversation);
                store.timeline(with, after, up_to, &mut |message| {
                    book.load_unread(standing, &message);
                    true
                })?;
            }
            book.loaded(standing, newest);
        }
        book.sort();
        Ok(Self {
            book: Mutex::new(book),
            visible: Arc::new(AtomicU64::new(last.0)),
        })
    }

    /// The newest message that is durable and visible; readers of the store look no further.
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
    /// When one of them is in the store only and cannot be read.
    pub fn peek(
        &self,
        store: &dyn Store,
        login: &Login,
        (after, last): (MessageId, MessageId),
        limit: usize,
    ) -> Result<Vec<Arc<Message>>, StoreError> {
        let Next {
            mut messages,
            stored,
            conversations,
        } = self.next(login, (after, last), limit);
        if let (Some(first), Some(last)) = (stored.first(), stored.last()) {
            let mut wanted = stored.iter().peekable();
            let before = MessageId(first.0.saturating_sub(1));
            store.timeline(&conversations, before, *last, &mut |message| {
                if wanted.next_if(|id| **id == message.id).is_some() {
                    messages.push(Arc::new(message));
                }
                wanted.peek().is_some()
            })?;
            if let Some(missing) = wanted.next() {
                return Err(StoreError::Gone(*missing));
            }
            messages.sort_unstable_by_key(|message| message.id);
        }
        Ok(messages)
    }

    /// Whether all that waits for a login is in memory, and little enough to be written at once.
    pub fn is_at_hand(&self, login: &Login) -> bool {
        let book = self.lock();
        book.person(login)
            .is_none_or(|person| person.bytes <= AT_ONCE_BYTES && person.is_kept())
    }

    /// The unread messages with numbers above `after`, oldest first, up to one that is not in
    /// memory or has no room in one write.
    pub fn at_hand(&self, login: &Login, after: MessageId) -> Vec<Arc<Message>> {
        let book = self.lock();
        let Some(person) = book.person(login) else {
            return Vec::new();
        };
        let start = person.mailbox.partition_point(|one| one.id <= after);
        let mut bytes = 0;
        let waiting = person.mailbox.range(start..);
        let at_hand = waiting.map_while(|one| one.message.clone());
        at_hand
            .take_while(|message| {
                bytes += message.text.len();
                bytes <= 2 * AT_ONCE_BYTES
            })
            .collect()
    }

    fn next(&self, login: &Login, (after, last): (MessageId, MessageId), limit: usize) -> Next {
        let book = self.lock();
        let mut next = Next::default();
        let Some(person) = book.person(login) else {
            return next;
        };
        let start = person.mailbox.partition_point(|one| one.id <= after);
        let waiting = person.mailbox.range(start..);
        let mut standings = Vec::new();
        for one in waiting.take_while(|one| one.id <= last).take(limit) {
            match &one.message {
                Some(message) => next.messages.push(message.clone()),
                None => {
                    next.stored.push(one.id);
                    standings.push(one.place.standing);
                }
            }
        }
        standings.sort_unstable();
        standings.dedup();
        let conversation = |standing| book.conversation(standing).clone();
        next.conversations = standings.into_iter().map(conversation).collect();
        next
    }

    /// The oldest and the newest unread message of a login.
    pub fn ends(&self, login: &Login) -> Option<(MessageId, MessageId)> {
        let book = self.lock();
        let mailbox = &book.person(login)?.mailbox;
        Some((mailbox.front()?.id, mailbox.back()?.id))
    }

    /// How many messages wait for a login, and how many bytes of text they have together.
    pub fn waiting(&self, login: &Login) -> (usize, usize) {
        let book = self.lock();
        let person = book.person(login);
        person.map_or((0, 0), |person| (person.mailbox.len(), person.bytes))
    }

    /// The first user to whom one of these drafts is written and whose mailbox has reached a limit. Of drafts
    /// to groups it is noted which members that holds for.
    pub fn first_full(&self, drafts: &mut [Draft], messages: usize, bytes: usize) -> Option<Login> {
        let book = self.lock();
        let is_full = |login: &Login| {
            let person = book.person(login);
            person.is_some_and(|one| one.mailbox.len() >= messages || one.bytes >= bytes)
        };
        // What comes together is mostly for one user.
        let mut runs = drafts.chunk_by_mut(|one, next| one.to == next.to);
        runs.find_map(|run| match &run[0].to {
            Recipient::User(to) => is_full(to).then(|| to.clone()),
            Recipient::Group(_, members) => {
                let others = members.iter().filter(|&member| *member != run[0].from);
                let full: Vec<_> = others.filter(|&member| is_full(member)).cloned().collect();
                let missed_by: MissedBy = (!full.is_empty()).then(|| full.into());
                for draft in run {
                    draft.missed_by.clone_from(&missed_by);
                }
                None
            }
        })
    }

    /// For how many logins messages wait, and how many messages.
    pub fn totals(&self) -> (usize, usize) {
        let book = self.lock();
        let counts = book.persons().iter().map(|person| person.mailbox.len());
        counts
            .filter(|&count| count > 0)
            .fold((0, 0), |(logins, messages), count| {
                (logins + 1, messages + count)
            })
    }

    /// The conversations of a user that have messages above `after`.
    pub fn conversations(&self, login: &Login, after: MessageId) -> Vec<Conversation> {
        let book = self.lock();
        let places = book.person(login).into_iter().flat_map(|one| &one.places);
        places
            .map(|&place| book.standing(place))
            .filter(|standing| standing.last > after)
            .map(|standing| standing.conversation.clone())
            .collect()
    }

    /// Up to where a user has read those conversations in which that has changed since the
    /// message `since`.
    pub fn read_since(&self, login: &Login, since: MessageId) -> Vec<(Conversation, MessageId)> {
        let book = self.lock();
        let places = book.person(login).into_iter().flat_map(|one| &one.places);
        places
            .map(|&place| (book.standing(place), book.seat(place).cursor))
            .filter(|(_, cursor)| cursor.changed >= since && cursor.read > MessageId(0))
            .map(|(standing, cursor)| (standing.conversation.clone(), cursor.read))
            .collect()
    }

    /// How far a user has come in a conversation, if the user is part of it.
    pub fn cursor(&self, login: &Login, with: &Conversation) -> Option<Cursor> {
        let book = self.lock();
        let place = book.find(login, with)?;
        Some(book.seat(place).cursor)
    }

    pub(crate) fn show(&self, last: MessageId) {
        self.visible.store(last.0, Ordering::Release);
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock()
    }
}
