//! The state as a checkpoint has it.

use std::{slice, sync::Arc};

use mensageiro_protocol::live::Epoch;

use super::{
    ParticipantId, Roster, State,
    changes::{NO_DEVICE, STORED},
    groups::newest_possible,
};
use crate::{
    index::{CursorEntry, DeviceEntry, Header, RosterEntry},
    model::{
        conversation::Conversation,
        message::{Message, MessageId},
    },
};

impl State {
    /// The single values of a checkpoint, its groups, what is known of tags, and the store's epochs.
    pub fn from_checkpoint(
        header: Header,
        rosters: Vec<RosterEntry>,
        devices: Vec<DeviceEntry>,
        epochs: Vec<Epoch>,
    ) -> Self {
        let mut state = Self {
            header,
            epochs,
            ..Self::default()
        };
        for RosterEntry {
            number,
            group,
            members,
        } in rosters
        {
            let Some(members) = members else {
                state.groups.remove(&group);
                continue;
            };
            let roster = Roster {
                number,
                members,
                participants: None,
            };
            state.groups.insert(group, roster);
        }
        for DeviceEntry {
            login,
            device,
            window,
        } in devices
        {
            match &*device {
                STORED => state.quotas.load(login, &window),
                NO_DEVICE => state.tag_floors.load(login, &window),
                _ => state.devices.load(login, device, &window),
            }
        }
        state
    }

    /// Takes in a conversation and its newest message.
    pub fn load_conversation(&mut self, conversation: &Conversation, last: MessageId) {
        let number = self.enter(conversation);
        self.conversations[number as usize].last = last;
    }

    /// Takes in a cursor.
    pub fn load_cursor(&mut self, entry: &CursorEntry) {
        let conversation = self.enter(&entry.conversation);
        let id = self.join(conversation, &entry.user);
        self.participant_mut(id).cursor = entry.cursor;
    }

    /// Fills the mailboxes. `read` shows the messages of a conversation above one and up to another, by rising ids.
    ///
    /// # Errors
    /// What `read` fails with.
    pub fn load_unread<E>(
        &mut self,
        mut read: impl FnMut(
            &Conversation,
            (MessageId, MessageId),
            &mut dyn FnMut(Message),
        ) -> Result<(), E>,
    ) -> Result<(), E> {
        for number in 0..self.conversations.len() as u32 {
            let conversation = self.conversation(number).clone();
            for range in self.unread_ranges(number) {
                read(&conversation, range, &mut |message| {
                    self.load_message(number, &message);
                })?;
            }
        }
        for user in &mut self.users {
            let mailbox = user.mailbox.make_contiguous();
            mailbox.sort_unstable_by_key(|one| one.id);
        }
        // All of this is in the checkpoint.
        drop(self.take_changes());
        Ok(())
    }

    /// Where somebody in a conversation may have unread messages: above the one and up to the
    /// other, in order and each message in one range at most.
    fn unread_ranges(&self, conversation: u32) -> Vec<(MessageId, MessageId)> {
        let conversation = &self.conversations[conversation as usize];
        let participants = conversation.participants.iter();
        let mut ranges: Vec<_> = participants
            .map(|one| {
                let newest = newest_possible(one.cursor.left, conversation.last);
                (one.cursor.read, newest)
            })
            .filter(|(read, newest)| read < newest)
            .collect();
        ranges.sort_unstable();
        ranges.dedup_by(|next, before| {
            let is_one = next.0 <= before.1;
            if is_one {
                before.1 = before.1.max(next.1);
            }
            is_one
        });
        ranges
    }

    /// Puts a message into the mailboxes of those who have not read it.
    fn load_message(&mut self, conversation: u32, message: &Message) {
        let author = self.join(conversation, &message.from);
        let mut kept = [None::<Arc<Message>>];
        let participants = self.conversations[conversation as usize].participants.len();
        for index in 0..participants as u32 {
            let id = ParticipantId {
                conversation,
                index,
            };
            let participant = self.participant(id);
            if participant.cursor.read < message.id && message.is_for(self.login_of(participant)) {
                self.put(id, author, slice::from_ref(message), &mut kept);
            }
        }
    }
}
