//! What waits for a user, by rising ids whatever the conversation.

use std::{
    collections::{BinaryHeap, HashSet},
    ops::Bound,
};

use mensageiro_protocol::Login;
use thiserror::Error;

use super::{AT_A_TIME, Mailboxes, SharedMessage};
use crate::{
    index::{IndexError, Messages},
    model::{
        conversation::Conversation,
        message::{Message, MessageId},
    },
    state::{ParticipantId, State},
};

/// So much text may wait for a user who is answered without waiting for the client.
const AT_ONCE_BYTES: usize = 32 * 1024;

/// Who has something new in more conversations is answered from the log.
const FEW: usize = 64;

/// So many messages are looked at in memory; whoever has more waiting is answered from the log.
const MOST_LOOKED_AT: usize = 1024;

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

/// A conversation in which something new waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct New {
    /// It is not before this one.
    next: MessageId,
    /// It is not after this one, which waits if it is a conversation of two.
    newest: MessageId,
    id: ParticipantId,
}

impl Mailboxes {
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
    ) -> Result<Vec<SharedMessage>, PeekError> {
        if let Some(mut found) = self.in_memory(login, after) {
            found.retain(|message| message.id <= last);
            found.truncate(limit);
            return Ok(found);
        }
        let mut new = self.all_new(login, (after, last));
        new.sort_unstable();
        let mut first = First::new(limit);
        for New { next, newest, id } in new {
            if first.is_beyond(next) {
                break;
            }
            let conversation = self.lock().conversation(id.conversation).clone();
            let range = (MessageId(next.0 - 1), last);
            first.take_from(reader, login, &conversation, range)?;
            let is_missing = matches!(conversation, Conversation::Pair(..))
                && newest <= last
                && !first.is_beyond(newest)
                && !first.has(newest);
            // It may have been read meanwhile.
            if is_missing && self.lock().newest_unread(id) >= Some(newest) {
                return Err(PeekError::Gone(newest));
            }
        }
        Ok(SharedMessage::all(first.in_order()))
    }

    /// Whether all that waits for a login above `after` is in memory, and little enough to be written at once.
    pub fn is_at_hand(&self, login: &Login, after: MessageId) -> bool {
        let found = self.in_memory(login, after);
        found.is_some_and(|found| {
            let texts = found.iter().map(|message| message.line_bytes());
            texts.sum::<usize>() <= AT_ONCE_BYTES
        })
    }

    /// The unread messages with numbers above `after`, oldest first, up to one that has no room in one write. None, if
    /// they are not all in memory.
    pub fn at_hand(&self, login: &Login, after: MessageId) -> Vec<SharedMessage> {
        let mut bytes = 0;
        let mut found = self.in_memory(login, after).unwrap_or_default();
        let fit = found.iter().take_while(|message| {
            bytes += message.line_bytes();
            bytes <= 2 * AT_ONCE_BYTES
        });
        found.truncate(fit.count());
        found
    }

    /// The newest message that waits for a login.
    pub fn newest(&self, login: &Login) -> Option<MessageId> {
        let state = self.lock();
        let user = state.user(login)?;
        let of_two = user.by_newest.last().map(|(newest, _)| *newest);
        let groups = user.groups.iter();
        let of_groups = groups.filter_map(|id| state.newest_unread(*id)).max();
        of_two.max(of_groups)
    }

    /// The oldest message that waits for anybody is not before this one. For whom it waits.
    pub(crate) fn oldest_unread(&self) -> Option<(MessageId, Login)> {
        let (mut oldest, mut from) = (None, 0);
        loop {
            let state = self.lock();
            let users = state.users();
            for user in users.iter().skip(from).take(AT_A_TIME) {
                let groups = user.groups.iter();
                let of_groups = groups.filter_map(|id| state.next_unread(*id, MessageId(0)));
                let of_user = of_groups.chain(user.oldest_of_two()).min();
                if let Some(id) = of_user
                    && oldest.as_ref().is_none_or(|(oldest, _)| id < *oldest)
                {
                    oldest = Some((id, user.login.clone()));
                }
            }
            from += AT_A_TIME;
            if from >= users.len() {
                return oldest;
            }
        }
    }

    /// All that waits above a message, if it is in memory.
    fn in_memory(&self, login: &Login, after: MessageId) -> Option<Vec<SharedMessage>> {
        let state = self.lock();
        let Some(user) = state.user(login) else {
            return Some(Vec::new());
        };
        let above = user.by_newest.range(above(after)..).map(|(_, id)| *id);
        let all = above.chain(user.groups.iter().copied());
        let new = all.filter_map(|id| new(&state, id, after));
        let new: Vec<_> = new.take(FEW + 1).collect();
        if new.is_empty() {
            return Some(Vec::new());
        }
        if new.len() > FEW {
            return None;
        }
        let recent = self.recent.lock();
        let (mut found, mut looked_at) = (Vec::new(), 0);
        for New { next, newest, id } in new {
            let conversation = state.conversation(id.conversation);
            // What was changed since is in the log.
            if state.conversation_of(id).changed >= next {
                return None;
            }
            for message in recent.from(conversation, next, newest)? {
                looked_at += 1;
                if looked_at > MOST_LOOKED_AT {
                    return None;
                }
                if message.is_for(login) {
                    found.push(message);
                }
            }
        }
        found.sort_unstable_by_key(|message| message.id);
        Some(found)
    }

    /// Where something new waits.
    fn all_new(&self, login: &Login, (after, last): (MessageId, MessageId)) -> Vec<New> {
        let mut found = Vec::new();
        let is_new = |new: &New| new.next <= last;
        let (mut groups, mut is_more) = (0, true);
        while is_more {
            let state = self.lock();
            let all = state.user(login).map_or(&[][..], |user| &user.groups[..]);
            let portion = all.iter().skip(groups).take(AT_A_TIME);
            found.extend(
                portion
                    .filter_map(|id| new(&state, *id, after))
                    .filter(is_new),
            );
            groups += AT_A_TIME;
            is_more = groups < all.len();
        }
        // Whoever gets more meanwhile comes once more, further on.
        let mut known = HashSet::new();
        let mut from = Bound::Included(above(after));
        let mut is_more = true;
        while is_more {
            let state = self.lock();
            let mut looked_at = 0;
            let user = state.user(login).into_iter();
            let range = (from, Bound::Unbounded);
            let rest = user.flat_map(|user| user.by_newest.range(range));
            for key in rest.take(AT_A_TIME) {
                from = Bound::Excluded(*key);
                looked_at += 1;
                if known.insert(key.1.conversation) {
                    found.extend(new(&state, key.1, after).filter(is_new));
                }
            }
            is_more = looked_at == AT_A_TIME;
        }
        found
    }
}

/// Before every conversation whose newest message is above this one.
fn above(after: MessageId) -> (MessageId, ParticipantId) {
    let first = ParticipantId {
        conversation: 0,
        index: 0,
    };
    (after.next(), first)
}

fn new(state: &State, id: ParticipantId, after: MessageId) -> Option<New> {
    Some(New {
        next: state.next_unread(id, after)?,
        newest: state.newest_unread(id)?,
        id,
    })
}

/// The first messages of all that were shown.
struct First {
    limit: usize,
    found: BinaryHeap<ById>,
}

struct ById(Message);

impl First {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            found: BinaryHeap::new(),
        }
    }

    /// Whether a message with this id is none of them: there are enough before it.
    fn is_beyond(&self, id: MessageId) -> bool {
        self.found.len() >= self.limit && self.found.peek().is_none_or(|last| last.0.id < id)
    }

    fn has(&self, id: MessageId) -> bool {
        self.found.iter().any(|one| one.0.id == id)
    }

    /// Takes what is for a user.
    fn take_from(
        &mut self,
        reader: &Messages,
        login: &Login,
        conversation: &Conversation,
        (after, last): (MessageId, MessageId),
    ) -> Result<(), IndexError> {
        let with = std::slice::from_ref(conversation);
        reader.timeline(with, after, last, &mut |message| {
            if self.is_beyond(message.id) {
                return false;
            }
            if message.is_for(login) && message.waits() {
                self.found.push(ById(message));
                if self.found.len() > self.limit {
                    self.found.pop();
                }
            }
            true
        })
    }

    fn in_order(self) -> Vec<Message> {
        let sorted = self.found.into_sorted_vec().into_iter();
        sorted.map(|one| one.0).collect()
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for ById {}

impl PartialOrd for ById {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ById {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.id.cmp(&other.0.id)
    }
}
