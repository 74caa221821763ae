//! How far everybody has come, as a store of format 3 means it.
//!
//! Not every step was written: a user's own messages move a cursor that was then written only now and then. What a
//! start made of it counts: who has nothing unread in a conversation has read all of it.

use std::collections::HashMap;

use mensageiro_protocol::Login;

use super::{records::Members, timeline::BlockRead};
use crate::model::{conversation::Conversation, cursor::Cursor, event::Event, message::MessageId};

/// See the module.
#[derive(Default)]
pub(super) struct Participants(HashMap<Conversation, Conversed>);

#[derive(Default)]
struct Conversed {
    users: Vec<Participant>,
    /// Those of them who may have nothing unread, though there are messages after what they have read.
    caught_up: Vec<usize>,
    last: MessageId,
}

struct Participant {
    login: Login,
    cursor: Cursor,
}

impl Participants {
    /// Takes in a cursor as it is stored; a later one of the same user replaces it.
    pub(super) fn add(&mut self, conversation: Conversation, login: Login, cursor: Cursor) {
        let users = &mut self.0.entry(conversation).or_default().users;
        users.push(Participant { login, cursor });
    }

    /// All cursors are there.
    pub(super) fn complete(&mut self) {
        for conversed in self.0.values_mut() {
            // The last one of each counts.
            conversed.users.reverse();
            conversed
                .users
                .sort_by(|one, next| one.login.cmp(&next.login));
            conversed
                .users
                .dedup_by(|next, before| next.login == before.login);
            conversed.caught_up = (0..conversed.users.len()).collect();
        }
    }

    /// Finds out who has something unread among these messages.
    pub(super) fn look(&mut self, block: &BlockRead<'_>) {
        let Some(conversed) = self.0.get_mut(block.conversation) else {
            return;
        };
        let Some(last) = block.messages.last().map(|message| message.id) else {
            return;
        };
        conversed.last = conversed.last.max(last);
        let users = &conversed.users;
        conversed.caught_up.retain(|&user| {
            let Participant { login, cursor } = &users[user];
            let mut unread = block
                .messages
                .iter()
                .rev()
                .take_while(|one| one.id > cursor.read);
            !unread.any(|message| match (block.conversation, block.members) {
                (Conversation::Pair(lesser, greater), _) => {
                    message.from != *login || lesser == greater
                }
                (Conversation::Group(_), members) => {
                    message.from != *login
                        && members.is_some_and(|members: &Members| members.contains(login))
                }
            })
        });
    }

    /// As they are meant, once every block was looked at.
    pub(super) fn meant(&self) -> impl Iterator<Item = Event> {
        let all = self.0.iter().flat_map(|(conversation, conversed)| {
            let users = conversed.users.iter().enumerate();
            users.map(move |user| (conversation, conversed, user))
        });
        all.map(|(conversation, conversed, (number, user))| {
            let mut cursor = user.cursor;
            if conversed.caught_up.binary_search(&number).is_ok() {
                let before_leaving = cursor.left.map(|left| MessageId(left.0.saturating_sub(1)));
                let newest = before_leaving.map_or(conversed.last, |one| one.min(conversed.last));
                cursor.read = cursor.read.max(newest);
            }
            Event::Cursor {
                conversation: conversation.clone(),
                user: user.login.clone(),
                cursor,
            }
        })
    }
}
