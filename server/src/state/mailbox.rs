//! What waits: in each conversation of two what the one has not read of the other, and of groups what their members have not
//! read.

use mensageiro_protocol::Login;

use super::{ConversationState, ParticipantId, State, User};
use crate::model::{
    conversation::Conversation,
    event::MailboxLimits,
    message::{Message, MessageId},
    waiting::{Share, Waiting},
};

/// What the mailbox of one user still takes of another.
#[derive(Clone, Copy)]
pub(super) struct Room {
    /// Messages.
    messages: u64,
    /// It takes a message as long as this is above 0, however long that is.
    bytes: u64,
}

impl Room {
    /// As much as anybody can write.
    pub(super) const ENDLESS: Self = Self {
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
}

impl State {
    /// How many messages wait, each for each of its readers.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting
    }

    /// What a user's mailbox still takes of the other user of a conversation.
    pub(super) fn room(&self, with: &Conversation, reader: &Login) -> Room {
        let Some(MailboxLimits { messages, bytes }) = self.header.limits else {
            return Room::ENDLESS;
        };
        let id = self.find(reader, with);
        let (waiting, waiting_bytes) = match id.map(|id| &self.participant(id).waiting) {
            Some(Waiting::Share(share)) => (share.tally.count(), share.tally.bytes()),
            _ => (0, 0),
        };
        Room {
            messages: messages.saturating_sub(waiting),
            bytes: bytes.saturating_sub(waiting_bytes),
        }
    }

    /// Messages, from one user and to the same user or group, wait for those they are for. Their author, if nothing is
    /// unread there, has read them.
    pub(super) fn deliver(&mut self, conversation: u32, messages: &[Message]) {
        let (Some(first), Some(last)) = (messages.first(), messages.last()) else {
            return;
        };
        let author = self.join(conversation, &first.from);
        match &first.members {
            None => {
                let reader = self.join(conversation, &first.to);
                self.deliver_to_one(reader, messages);
            }
            Some(_) => self.deliver_to_group(author, &first.to, messages),
        }
        // Who takes part from now on has read what was said before, and not this.
        self.note_newest(conversation, last);
        if self.unread(author) == 0 {
            let cursor = &mut self.participant_mut(author).cursor;
            cursor.read = cursor.read.max(last.id);
            self.note_participant(author);
        }
    }

    pub(super) fn note_newest(&mut self, conversation: u32, last: &Message) {
        let conversation = &mut self.conversations[conversation as usize];
        match last.changes() {
            None => conversation.last = last.id,
            Some(_) => conversation.changed = last.id,
        }
    }

    fn deliver_to_one(&mut self, id: ParticipantId, messages: &[Message]) {
        let (Some(first), Some(last)) = (messages.first(), messages.last()) else {
            return;
        };
        let participant = self.participant_mut(id);
        let user = participant.user as usize;
        let Waiting::Share(share) = &mut participant.waiting else {
            return;
        };
        let newest = share.tally.newest();
        for message in messages {
            share.tally.add(message.id, message.text.len());
        }
        let is_undelivered = share.undelivered > MessageId(0);
        if !is_undelivered {
            share.undelivered = first.id;
        }
        let user = &mut self.users[user];
        match newest {
            Some(newest) => drop(user.by_newest.remove(&(newest, id))),
            None => drop(user.by_oldest.insert((first.id, id))),
        }
        user.by_newest.insert((last.id, id));
        if !is_undelivered {
            user.undelivered.insert((first.id, id));
        }
        self.waiting += messages.len() as u64;
        self.note_participant(id);
    }

    /// Puts a participant into the lists of its user, or takes it out of them.
    pub(super) fn list(&mut self, id: ParticipantId, is_in: bool) {
        let participant = self.participant(id);
        let Waiting::Share(Share { tally, undelivered }) = &participant.waiting else {
            return;
        };
        let keys = (tally.oldest(), tally.newest(), *undelivered);
        let user = participant.user as usize;
        let user = &mut self.users[user];
        let change = |list: &mut std::collections::BTreeSet<_>, key| match is_in {
            true => list.insert((key, id)),
            false => list.remove(&(key, id)),
        };
        if let (Some(oldest), Some(newest), _) = keys {
            change(&mut user.by_oldest, oldest);
            change(&mut user.by_newest, newest);
        }
        if keys.2 > MessageId(0) {
            change(&mut user.undelivered, keys.2);
        }
    }

    /// How many messages of a conversation wait for a participant.
    pub(crate) fn unread(&self, id: ParticipantId) -> u64 {
        self.conversation_of(id).unread(id.index)
    }

    /// The next message that waits for a participant above an id is not before this one; `None`: nothing waits there.
    pub(crate) fn next_unread(&self, id: ParticipantId, above: MessageId) -> Option<MessageId> {
        let conversation = self.conversation_of(id);
        let above = above.max(self.participant(id).cursor.read);
        let newest = conversation.newest_for(id.index)?;
        (newest > above).then(|| conversation.next_for(id.index, above))?
    }

    /// The newest message that waits for a participant, if anything does.
    pub(crate) fn newest_unread(&self, id: ParticipantId) -> Option<MessageId> {
        let newest = self.conversation_of(id).newest_for(id.index);
        newest.filter(|newest| *newest > self.participant(id).cursor.read)
    }
}

impl User {
    /// No message that waits in a conversation of two is before this one; `None`: nothing waits there.
    pub(crate) fn oldest_of_two(&self) -> Option<MessageId> {
        self.by_oldest.first().map(|(oldest, _)| *oldest)
    }
}

impl ConversationState {
    /// The newest message of all.
    pub(crate) fn newest(&self) -> MessageId {
        self.last.max(self.changed)
    }

    /// How many messages wait for a participant.
    pub(super) fn unread(&self, index: u32) -> u64 {
        match &self.participants[index as usize].waiting {
            Waiting::Share(share) => share.tally.count(),
            Waiting::Membership(member) => {
                let all = self.group.as_ref().map_or(0, |group| group.tally.count());
                member.away.unwrap_or(all).saturating_sub(member.settled)
            }
        }
    }

    /// The newest message for a participant that may wait.
    pub(super) fn newest_for(&self, index: u32) -> Option<MessageId> {
        match &self.participants[index as usize].waiting {
            Waiting::Share(share) => share.tally.newest(),
            Waiting::Membership(member) => Some(self.group.as_ref()?.newest_for(index, member)),
        }
    }

    /// The next message above an id that may be for a participant is not before this one.
    fn next_for(&self, index: u32, above: MessageId) -> Option<MessageId> {
        match &self.participants[index as usize].waiting {
            Waiting::Share(share) => share.tally.next_above(above),
            Waiting::Membership(member) => self.group.as_ref()?.next_for(index, member, above),
        }
    }
}
