//! The state as a checkpoint has it.

use mensageiro_protocol::live::Epoch;

use super::{
    ConversationState, Roster, State,
    changes::{NO_DEVICE, STORED},
};
use crate::{
    index::{CursorEntry, DeviceEntry, GroupEntry, Header, RosterEntry},
    model::{conversation::Conversation, message::MessageId, waiting::Waiting},
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

    /// Takes in the newest message that changes another one of a conversation.
    pub fn load_changed(&mut self, conversation: &Conversation, last: MessageId) {
        let number = self.enter(conversation);
        self.conversations[number as usize].changed = last;
    }

    /// Takes in a cursor, and what waits for its user.
    pub fn load_cursor(&mut self, entry: CursorEntry) {
        let conversation = self.enter(&entry.conversation);
        let id = self.join(conversation, &entry.user);
        let ConversationState {
            participants,
            group,
            ..
        } = &mut self.conversations[conversation as usize];
        let participant = &mut participants[id.index as usize];
        participant.cursor = entry.cursor;
        participant.waiting = entry.waiting;
        if let (Waiting::Membership(member), Some(group)) = (&participant.waiting, group)
            && member.newest_own > MessageId(0)
        {
            group.authors.insert(member.newest_own, id.index);
        }
        self.list(id, true);
    }

    /// Takes in what was written to a group, after the cursors in it.
    pub fn load_group(&mut self, entry: GroupEntry) {
        let conversation = Conversation::Group(entry.group);
        let number = self.enter(&conversation);
        let recent = entry.written.recent.into_iter();
        let recent = recent.map(|(id, author)| (id, self.join(number, &author).index));
        let recent = recent.collect();
        if let Some(group) = &mut self.conversations[number as usize].group {
            group.tally = entry.written.tally;
            group.recent = recent;
        }
    }

    /// Everything was taken in.
    pub fn end_loading(&mut self) {
        let all = self.conversations.iter().map(|conversation| {
            let participants = 0..conversation.participants.len() as u32;
            participants
                .map(|index| conversation.unread(index))
                .sum::<u64>()
        });
        self.waiting = all.sum();
        // All of this is in the checkpoint.
        self.forget_changes();
    }
}
