//! The index: a SQLite database that holds the position of each message in the log, and checkpoints of the state. It follows
//! the log, and can be deleted at any time.
//!
//! New entries are in memory ([`Index::add_run`]) and can be read at once. From time to time ([`Index::flush_due`]) a thread writes
//! them, together with the changes of the state and the position in the log that both have reached, in one transaction. After
//! a start or a crash the log is replayed from that position. If the database is damaged in any way, it is deleted, and the
//! whole log is replayed.

mod appending;
mod chain;
mod changes;
mod entries;
mod error;
mod load;
mod lookups;
mod memtable;
mod messages;
mod opening;
mod pack;
mod page;
mod places;
mod pool;
mod reading;
mod rosters;
mod running;
mod schema;
mod shared;
mod state_rows;
mod step;
mod sweep;
mod tallies;
mod texts;
mod timeline;
mod writer;

#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use mensageiro_protocol::{Login, live::Epoch};

pub use self::{
    error::IndexError,
    load::Loaded,
    messages::Messages,
    page::Page,
    places::Places,
    running::Index,
    timeline::{Timeline, Wanted},
};
use crate::{
    log::{Part, Position},
    model::{
        conversation::Conversation,
        cursor::Cursor,
        event::{Device, LastNumbers, MailboxLimits, Target},
        holder::Holder,
        message::{MessageId, ReadMark, TagHash},
        setting::{Scope, Settings},
        waiting::{Waiting, Written},
    },
};

/// Consecutive messages of one conversation in one run of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEntry {
    /// The id of the first message. The others have the ids after it.
    pub first: MessageId,
    /// The number of messages, not 0.
    pub count: u32,
    /// The record that contains them.
    pub record: Position,
    /// The run in the record's payload.
    pub part: Part,
    /// The index of the first message's text in the run.
    pub text: u32,
    /// For a group, the number of its roster at that time; 0 for two users.
    pub roster: u32,
}

/// The members of a group from some moment on. All groups share one sequence of numbers, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterEntry {
    /// Its number.
    pub number: u32,
    /// Which group.
    pub group: Login,
    /// The members; `None` if the group was deleted.
    pub members: Option<Arc<BTreeSet<Login>>>,
}

/// How far a user has come in a conversation, and what waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorEntry {
    /// Which one.
    pub conversation: Conversation,
    /// Who.
    pub user: Login,
    /// How far.
    pub cursor: Cursor,
    /// What waits.
    pub waiting: Waiting,
}

/// The tally of messages to a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupEntry {
    /// Which group.
    pub group: Login,
    /// What was written.
    pub written: Written,
}

/// A message has changed another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangeEntry {
    /// The one that was changed.
    pub of: MessageId,
    /// It was deleted; otherwise it was edited.
    pub is_deletion: bool,
    /// The message that says so.
    pub by: MessageId,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Revision {
    /// It was deleted.
    pub is_deleted: bool,
    /// The last edit.
    pub edit: Option<MessageId>,
}

/// The two sequences of messages of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Series {
    /// What was said.
    Said,
    /// What changes that.
    Changes,
}

/// A tag under which a message was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TagEntry {
    /// What stands for it.
    pub hash: TagHash,
    /// The message.
    pub id: MessageId,
    /// When it was accepted.
    pub sent_at: Timestamp,
}

/// The window of a device: which numbers of its tags are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceEntry {
    /// Whose.
    pub login: Login,
    /// Its name.
    pub device: Device,
    /// The window, encoded by the state. If it is empty, its row is deleted.
    pub window: Vec<u8>,
}

/// The holder of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HolderEntry {
    /// Which name.
    pub who: Target,
    /// Who has it.
    pub holder: Holder,
    /// What waited for the previous holder, as long as the change may be undone.
    pub aside: Vec<AsideEntry>,
}

/// What waited in a conversation for an earlier holder of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsideEntry {
    /// As it was.
    pub before: CursorEntry,
    /// How many messages waited.
    pub unread: u64,
    /// For a group, how many of its messages no longer waited when these were set aside.
    pub settled: u64,
}

/// What a user has set for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingEntry {
    /// Whose.
    pub login: Login,
    /// What for.
    pub scope: Scope,
    /// The number of its last change, when the log said so, and what is set. `None`: nothing was ever set, so that its row is
    /// deleted.
    pub known: Option<(u64, Timestamp, Settings)>,
}

/// The single values of a state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The position of the first record that is not applied yet.
    pub position: Position,
    /// The last numbers used.
    pub last: LastNumbers,
    /// The limits of a mailbox; `None` for no limit.
    pub limits: Option<MailboxLimits>,
    /// The highest number of a roster.
    pub roster: u32,
}

/// The changes of the state since the previous checkpoint. New messages, tags and rosters are in the index already.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// The current single values. Everything before the position was added to the index.
    pub header: Header,
    /// Cursors that have changed.
    pub cursors: Vec<CursorEntry>,
    /// Tallies of groups that have new messages.
    pub groups: Vec<GroupEntry>,
    /// When users were last online.
    pub seen: Vec<(Login, Timestamp)>,
    /// Windows of devices that have changed.
    pub devices: Vec<DeviceEntry>,
    /// New epochs of the store.
    pub epochs: Vec<Epoch>,
    /// Names whose holder has changed or left.
    pub holders: Vec<HolderEntry>,
    /// What users have set.
    pub settings: Vec<SettingEntry>,
    /// Read marks that are not archived yet.
    pub marks: Vec<ReadMark>,
    /// Marks up to this number are archived, and are deleted.
    pub archived: u64,
}
