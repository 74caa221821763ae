use mensageiro_protocol::Login;

use super::Mailboxes;
use crate::{
    model::{conversation::Conversation, message::MessageId},
    state::ParticipantId,
};

/// Conversations that are looked at while the lock is held.
const AT_A_TIME: usize = 1024;

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
    since: MessageId,
}

/// How far a user is in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HowFar {
    /// Messages of others that the user has not read.
    pub unread: u32,
    /// The user has read everything up to here.
    pub read: MessageId,
}

impl Mailboxes {
    /// Every conversation a user has been part of and in which something has been said, in no
    /// order.
    pub fn list(&self, login: &Login) -> Vec<Listed> {
        let mut listed = Vec::new();
        let mut from = 0;
        loop {
            let state = self.lock();
            let all = state.user(login).map_or(&[][..], |one| &one.participations);
            let portion = all.iter().skip(from).take(AT_A_TIME);
            for &id in portion.clone() {
                let one = state.conversation_of(id);
                let since = state.since_in(login, &one.conversation);
                if one.last > since {
                    listed.push(Listed {
                        with: one.conversation.clone(),
                        last: one.last,
                        participant: Some(id),
                        since,
                    });
                }
            }
            from += AT_A_TIME;
            if from >= all.len() {
                return listed;
            }
        }
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
            |id| {
                let participant = state.participant(id);
                HowFar {
                    unread: participant.unread(),
                    read: participant.cursor.read.max(listed.since),
                }
            },
        )
    }
}
