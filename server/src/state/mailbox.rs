//! Messages go into the mailboxes of those they are for.

use std::sync::Arc;

use mensageiro_protocol::Login;

use super::{KEPT, KEPT_BYTES, ParticipantId, State, Unread};
use crate::model::{
    event::MailboxLimits,
    message::{Message, is_among},
};

/// What a mailbox takes before it is full.
#[derive(Clone, Copy)]
pub(super) struct Room {
    /// Messages.
    messages: u64,
    /// It takes a message as long as this is above 0, however long that is.
    bytes: u64,
}

impl Room {
    /// As much as anybody can write.
    const ENDLESS: Self = Self {
        messages: u64::MAX,
        bytes: u64::MAX,
    };

    /// Takes a message of so many bytes, if there is room.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        let has_room = self.messages > 0 && self.bytes > 0;
        if has_room {
            self.messages -= 1;
            self.bytes = self.bytes.saturating_sub(bytes as u64);
        }
        has_room
    }

    /// Whether it takes so many messages, with so many bytes together, without a look at each.
    pub(super) fn takes_all(self, messages: usize, bytes: usize) -> bool {
        self.messages >= messages as u64 && self.bytes > bytes as u64
    }
}

impl State {
    /// What a user's mailbox still takes.
    pub(super) fn room(&self, login: &Login) -> Room {
        let Some(MailboxLimits { messages, bytes }) = self.header.limits else {
            return Room::ENDLESS;
        };
        let (waiting, waiting_bytes) = self
            .user(login)
            .map_or((0, 0), |user| (user.mailbox.len(), user.bytes));
        Room {
            messages: messages.saturating_sub(waiting as u64),
            bytes: bytes.saturating_sub(waiting_bytes as u64),
        }
    }

    /// Puts messages, from one user and to the same user or members of a group, into the mailboxes
    /// of those they are for. Their author, if nothing is unread there, has read them.
    pub(super) fn deliver(&mut self, conversation: u32, messages: &[Message]) {
        let (Some(first), Some(last)) = (messages.first(), messages.last()) else {
            return;
        };
        let author = self.join(conversation, &first.from);
        let mut kept = vec![None; messages.len()];
        match &first.members {
            None => {
                let reader = self.join(conversation, &first.to);
                self.put(reader, author, messages, &mut kept);
            }
            Some(members) => {
                let participants = self.participants_of(conversation, &first.to);
                for (member, &index) in members
                    .iter()
                    .zip(participants.iter().flat_map(|all| &**all))
                {
                    if index != author.index && !is_among(&first.missed_by, member) {
                        let id = ParticipantId {
                            conversation,
                            index,
                        };
                        self.put(id, author, messages, &mut kept);
                    }
                }
            }
        }
        // Who takes part from now on has read what was said before, and not this.
        self.conversations[conversation as usize].last = last.id;
        if self.participant(author).unread == 0 {
            let cursor = &mut self.participant_mut(author).cursor;
            cursor.read = cursor.read.max(last.id);
            self.note_cursor(author);
        }
    }

    /// Puts messages into one mailbox. `kept`: those of them that are in memory in another one, and
    /// need not be there twice.
    pub(super) fn put(
        &mut self,
        id: ParticipantId,
        author: ParticipantId,
        messages: &[Message],
        kept: &mut [Option<Arc<Message>>],
    ) {
        let author = self.participant(author).user;
        let conversation = &mut self.conversations[id.conversation as usize];
        let participant = &mut conversation.participants[id.index as usize];
        // Of a converted store it is known beforehand what has been read.
        let read = messages.partition_point(|message| message.id <= participant.cursor.read);
        let (messages, kept) = (&messages[read..], &mut kept[read..]);
        let (Some(first), Some(last)) = (messages.first(), messages.last()) else {
            return;
        };
        let user = &mut self.users[participant.user as usize];
        if participant.unread == 0 {
            participant.first_unread = first.id;
        }
        let is_listed = participant.cursor.delivered < participant.newest;
        if !is_listed && participant.cursor.delivered < last.id {
            user.undelivered.push(id);
        }
        participant.unread += messages.len() as u32;
        participant.newest = last.id;
        for (message, kept) in messages.iter().zip(kept) {
            let is_kept = user.mailbox.len() < KEPT && user.bytes < KEPT_BYTES;
            user.bytes += message.text.len();
            user.mailbox.push_back(Unread {
                id: message.id,
                participant: id,
                author,
                bytes: message.text.len() as u32,
                message: is_kept.then(|| {
                    let kept = kept.get_or_insert_with(|| Arc::new(message.clone()));
                    kept.clone()
                }),
            });
        }
    }
}
