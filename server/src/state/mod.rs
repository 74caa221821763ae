//! What follows from the log, in memory: for each conversation its last message, how far each participant has come and
//! how much waits, the members of groups, the tags that are known.
//!
//! A mailbox is no list of messages. What waits for a user are the messages of others above the user's read cursor; they are
//! in the log, and only counted here ([`crate::model::tally`]). So no memory depends on how much waits.
//!
//! The state is a pure function of the log. [`State::apply`] decides what an event means: which messages are
//! accepted and get which ids, who belongs to a group, whether a mailbox is full. Whoever applies the same log,
//! in whatever portions and from whatever checkpoint, has the same state.

mod apply;
mod changes;
mod cursors;
mod devices;
mod effects;
mod group;
mod groups;
mod holders;
mod load;
mod mailbox;
mod participants;
mod quotas;
mod sending;
mod settings;
mod tags;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use jiff::Timestamp;
use mensageiro_protocol::{Login, live::Epoch};

use self::{devices::Devices, group::Group};
pub use self::{
    effects::{AppliedRun, Effects, Moved, Outcome, Refusal},
    settings::{SetOutcome, SetRefusal},
    tags::{Preload, TagReader, Tags, Wanted},
};
use crate::{
    index::{Header, RosterEntry},
    log::Position,
    model::{
        conversation::Conversation,
        cursor::Cursor,
        event::Event,
        message::{MessageId, ReadMark},
        waiting::Waiting,
    },
};

/// See the module.
#[derive(Debug, Default)]
pub struct State {
    header: Header,
    user_numbers: HashMap<Login, u32>,
    users: Vec<User>,
    conversation_numbers: HashMap<Conversation, u32>,
    conversations: Vec<ConversationState>,
    /// The groups there are.
    groups: HashMap<Login, Roster>,
    holders: holders::Holders,
    devices: Devices,
    tag_floors: tags::Floors,
    quotas: quotas::Quotas,
    settings: settings::AllSettings,
    /// All that the store has had, the oldest first.
    epochs: Vec<Epoch>,
    /// Of the batch in hand.
    new_rosters: Vec<RosterEntry>,
    /// How many messages wait, each for each of its readers.
    waiting: u64,
    changed: changes::Changed,
}

/// The members of a group.
#[derive(Clone, Debug)]
struct Roster {
    /// Rises with each new roster of any group.
    number: u32,
    members: Arc<BTreeSet<Login>>,
    /// The members' places in the conversation, in the same order; `None` until somebody writes to it.
    participants: Option<Arc<[u32]>>,
}

/// A user who has been part of a conversation.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) login: Login,
    /// Every conversation the user is part of.
    pub(crate) participations: Vec<ParticipantId>,
    /// Those of them that are groups.
    pub(crate) groups: Vec<ParticipantId>,
    /// Those with one other user in which something waits, by the oldest message that may wait.
    by_oldest: BTreeSet<(MessageId, ParticipantId)>,
    /// The same by the newest message that waits.
    pub(crate) by_newest: BTreeSet<(MessageId, ParticipantId)>,
    /// Those of them with messages that no device of the user is known to have ([`crate::model::waiting::Share::undelivered`]).
    undelivered: BTreeSet<(MessageId, ParticipantId)>,
}

/// A user in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ParticipantId {
    pub(crate) conversation: u32,
    pub(crate) index: u32,
}

#[derive(Debug)]
pub(crate) struct ConversationState {
    pub(crate) conversation: Conversation,
    /// The newest message, but for those that change others; 0: nothing has been said.
    pub(crate) last: MessageId,
    /// The newest message that changes another one; 0: nothing was changed.
    pub(crate) changed: MessageId,
    pub(crate) participants: Vec<Participant>,
    /// What was written, of a group.
    group: Option<Box<Group>>,
}

#[derive(Debug)]
pub(crate) struct Participant {
    user: u32,
    pub(crate) cursor: Cursor,
    waiting: Waiting,
    /// It is other than in the last checkpoint.
    is_changed: bool,
}

impl State {
    /// The single values: how far the log was applied, the last numbers, what a mailbox takes.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The members of a group, if there is one.
    pub fn members(&self, group: &Login) -> Option<&Arc<BTreeSet<Login>>> {
        Some(&self.groups.get(group)?.members)
    }

    /// The groups there are.
    pub fn groups(&self) -> impl Iterator<Item = (&Login, &Arc<BTreeSet<Login>>)> {
        let groups = self.groups.iter();
        groups.map(|(group, roster)| (group, &roster.members))
    }

    /// The highest number under which a device has sent something.
    pub fn device_number(&self, login: &Login, device: &str) -> Option<u64> {
        self.devices.highest(login, device, self.since(login))
    }

    /// How many bytes a login has in the log.
    pub fn stored(&self, login: &Login) -> u64 {
        self.quotas.of(login)
    }

    /// The login that has most bytes in the log, and how many.
    pub fn largest_stored(&self) -> Option<(&Login, u64)> {
        self.quotas.largest()
    }

    /// Nothing before this position is left in the log.
    pub fn log_begins_at(&mut self, start: Position) {
        self.quotas.begin_at(start);
    }

    /// The epochs of the store, the oldest first (rule V3).
    pub fn epochs(&self) -> &[Epoch] {
        &self.epochs
    }

    /// Ids may be given again that an earlier epoch has given, from the next one on.
    fn begin_epoch(&mut self, number: u64, after: Option<MessageId>) {
        let newest = self.epochs.last().map_or(0, |epoch| epoch.number);
        if number > newest {
            let after = match (after, self.epochs.is_empty()) {
                (Some(after), _) => after.0,
                (None, true) => 0,
                (None, false) => self.header.last.message.0,
            };
            let epoch = Epoch { number, after };
            self.epochs.push(epoch);
            self.changed.epochs.push(epoch);
        }
    }

    /// What a log that begins here needs to say first, so that what follows means the same: the first record of each segment
    /// does, as those before it may be dropped.
    pub fn preface(&self) -> Vec<Event> {
        let epochs = self.epochs.iter().map(|epoch| Event::Epoch {
            number: epoch.number,
            after: Some(MessageId(epoch.after)),
        });
        let limits = self.header.limits.map(Event::Limits);
        let mut groups: Vec<_> = self.groups().collect();
        groups.sort_unstable_by_key(|(group, _)| *group);
        let groups = groups.into_iter().map(|(group, members)| Event::Group {
            group: group.clone(),
            members: Some(members.clone()),
        });
        let holders = self.holders.all().into_iter();
        let holders = holders.map(|(who, holder)| Event::Holder { who, holder });
        epochs.chain(limits).chain(groups).chain(holders).collect()
    }

    pub(crate) fn user(&self, login: &Login) -> Option<&User> {
        Some(&self.users[*self.user_numbers.get(login)? as usize])
    }

    pub(crate) fn users(&self) -> &[User] {
        &self.users
    }

    pub(crate) fn conversation_of(&self, id: ParticipantId) -> &ConversationState {
        &self.conversations[id.conversation as usize]
    }

    pub(crate) fn participant(&self, id: ParticipantId) -> &Participant {
        &self.conversations[id.conversation as usize].participants[id.index as usize]
    }

    pub(crate) fn conversation(&self, number: u32) -> &Conversation {
        &self.conversations[number as usize].conversation
    }

    /// The last message of a conversation, if there is any.
    pub(crate) fn last(&self, of: &Conversation) -> Option<MessageId> {
        let number = *self.conversation_numbers.get(of)?;
        let last = self.conversations[number as usize].last;
        (last > MessageId(0)).then_some(last)
    }

    pub(crate) fn login_of(&self, participant: &Participant) -> &Login {
        &self.users[participant.user as usize].login
    }

    fn participant_mut(&mut self, id: ParticipantId) -> &mut Participant {
        &mut self.conversations[id.conversation as usize].participants[id.index as usize]
    }

    /// The next number of a read mark, for what a user has read of a conversation.
    fn mark(
        &mut self,
        id: ParticipantId,
        (first, last): (MessageId, MessageId),
        read_at: Timestamp,
    ) -> ReadMark {
        self.header.last.read_mark += 1;
        ReadMark {
            number: self.header.last.read_mark,
            reader: self.login_of(self.participant(id)).clone(),
            conversation: self.conversation(id.conversation).clone(),
            first,
            last,
            read_at,
            as_of: self.header.last.message,
        }
    }
}
