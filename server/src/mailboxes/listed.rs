use mensageiro_protocol::Login;

use super::Mailboxes;
use crate::{
    model::{conversation::Conversation, message::MessageId},
    state::{ParticipantId, State},
};

/// Conversations that are looked at while the lock is held.
const AT_A_TIME: usize = 512;

/// A conversation, as a user's list of them has it.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Which one.
    pub with: Conversation,
    /// Its last message.
    pub last: MessageId,
    /// The user in it; a group may have been written to before the user came into it.
    participant: Option<ParticipantId>,
    /// What came up to this message is not for the user.
    pub since: MessageId,
}

/// How far a user is in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HowFar {
    /// Messages of others that the user has not read.
    pub unread: u64,
    /// The user has read everything up to here.
    pub read: MessageId,
}

impl Mailboxes {
    /// Adds some of the conversations that a user has been part of and in which something has been said, in no
    /// order, from the number `from` on. Returns the number to go on with; `None`: there are no more.
    pub fn some_listed(&self, login: &Login, from: usize, out: &mut Vec<Listed>) -> Option<usize> {
        let listed = |state: &State, id| {
            let one = state.conversation_of(id);
            let since = state.since_in(login, &one.conversation);
            (one.last > since).then(|| Listed {
                with: one.conversation.clone(),
                last: one.last,
                participant: Some(id),
                since,
            })
        };
        self.some(login, (from, AT_A_TIME), listed, out)
    }

    /// Adds some of the conversations of a user that have messages above `after`, at most so many; see
    /// [`Mailboxes::some_listed`]. Each comes with the message after which its messages are for the user, or
    /// with `is_unread` the last one that the user has read, and then only conversations with unread messages come.
    pub fn some_with_news(
        &self,
        login: &Login,
        (from, most): (usize, usize),
        (after, is_unread): (MessageId, bool),
        out: &mut Vec<(Conversation, MessageId)>,
    ) -> Option<usize> {
        let news = |state: &State, id| {
            let (one, participant) = (state.conversation_of(id), state.participant(id));
            if one.newest() <= after || (is_unread && state.unread(id) == 0) {
                return None;
            }
            // What a member got of a group before it was made again is still the member's.
            let since = state.since(login);
            let read = participant.cursor.read;
            let since = if is_unread { since.max(read) } else { since };
            (one.newest() > since).then(|| (one.conversation.clone(), since))
        };
        self.some(login, (from, most), news, out)
    }

    /// Adds up to where a user has read some of those conversations in which that has changed since the
    /// message `since`; see [`Mailboxes::some_listed`].
    pub fn some_read_since(
        &self,
        login: &Login,
        (from, most): (usize, usize),
        since: MessageId,
        out: &mut Vec<(Conversation, MessageId)>,
    ) -> Option<usize> {
        let read = |state: &State, id| {
            let cursor = state.participant(id).cursor;
            let with = &state.conversation_of(id).conversation;
            let is_new = cursor.changed >= since && cursor.read > state.since_in(login, with);
            is_new.then(|| (with.clone(), cursor.read))
        };
        self.some(login, (from, most), read, out)
    }

    /// Adds what `pick` finds in some of a user's conversations, at most so many things.
    fn some<T>(
        &self,
        login: &Login,
        (from, most): (usize, usize),
        pick: impl Fn(&State, ParticipantId) -> Option<T>,
        out: &mut Vec<T>,
    ) -> Option<usize> {
        let state = self.lock();
        let all = state.user(login).map_or(&[][..], |one| &one.participations);
        let (mut at, end) = (from, all.len().min(from + AT_A_TIME));
        let full = out.len() + most;
        while at < end && out.len() < full {
            out.extend(pick(&state, all[at]));
            at += 1;
        }
        (at < all.len()).then_some(at)
    }

    /// A group that a user has been no part of, if something has been said in it.
    pub fn list_group(&self, login: &Login, group: Conversation) -> Option<Listed> {
        let state = self.lock();
        let since = state.since_in(login, &group);
        let last = state.last(&group).filter(|last| *last > since)?;
        Some(Listed {
            with: group,
            last,
            participant: None,
            since,
        })
    }

    /// How far a user is in a conversation of the list.
    pub fn how_far(&self, listed: &Listed) -> HowFar {
        let state = self.lock();
        listed.participant.map_or(
            HowFar {
                unread: 0,
                read: listed.since,
            },
            |id| HowFar {
                unread: state.unread(id),
                read: state.participant(id).cursor.read.max(listed.since),
            },
        )
    }
}
