//! Where each message is in the log, and checkpoints of the state: a SQLite database that follows the log, and can
//! be deleted at any time.
//!
//! What is new is in memory ([`Index::add_run`]), readable at once. Now and then ([`Index::flush_due`]) a thread writes that and
//! what has changed in the state, in one transaction with the position in the log up to which both go. So after a start or a
//! crash the log is replayed from that position, and nothing else has to agree. If anything in the database is not as
//! it was written, it is deleted and the log is replayed from its beginning.

mod appending;
mod chain;
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
        waiting::{Waiting, Written},
    },
};

/// Messages of one conversation that follow one another in one run of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEntry {
    /// The id of the first one. The others have the ids that follow.
    pub first: MessageId,
    /// How many there are; not 0.
    pub count: u32,
    /// The record they are in.
    pub record: Position,
    /// Where their run is in it.
    pub part: Part,
    /// Which of its texts is the first one.
    pub text: u32,
    /// Of a group: the number of its members' roster then; 0 for a pair.
    pub roster: u32,
}

/// What the members of a group were from some moment on. Numbers rise by one over all groups, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterEntry {
    /// Its number.
    pub number: u32,
    /// Which group.
    pub group: Login,
    /// Its members; `None`: there was no such group any more.
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

/// What was written to a group, as far as the state knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupEntry {
    /// Which group.
    pub group: Login,
    /// What was written.
    pub written: Written,
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

/// How far a device has come with numbering its messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceEntry {
    /// Whose.
    pub login: Login,
    /// Its name.
    pub device: Device,
    /// What the state knows of it, as bytes of the state's own. Empty: nothing any more, and its row goes.
    pub window: Vec<u8>,
}

/// Who has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HolderEntry {
    /// Which name.
    pub who: Target,
    /// Who has it.
    pub holder: Holder,
    /// What waited for the holder before, as long as that may be undone.
    pub aside: Vec<AsideEntry>,
}

/// What waited for an earlier holder of a login in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsideEntry {
    /// As it was.
    pub before: CursorEntry,
    /// How many messages waited.
    pub unread: u64,
    /// Of a group: how many of its messages did not wait any more when these had been set aside.
    pub settled: u64,
}

/// The single values of a state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Where the first record is that the state does not hold.
    pub position: Position,
    /// The last numbers used.
    pub last: LastNumbers,
    /// What a mailbox takes; `None`: anything.
    pub limits: Option<MailboxLimits>,
    /// The last number of a roster.
    pub roster: u32,
}

/// What has changed in the state since the checkpoint before this one. What is new of messages, tags and rosters is in the
/// index already.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// As they are now. The position is the one up to which everything was added to the index.
    pub header: Header,
    /// Cursors that are other than before.
    pub cursors: Vec<CursorEntry>,
    /// Groups that were written to.
    pub groups: Vec<GroupEntry>,
    /// When users were last there.
    pub seen: Vec<(Login, Timestamp)>,
    /// Windows that are other than before.
    pub devices: Vec<DeviceEntry>,
    /// Epochs of the store that have begun.
    pub epochs: Vec<Epoch>,
    /// Names that somebody else has, or nobody.
    pub holders: Vec<HolderEntry>,
    /// Read marks that are not archived yet.
    pub marks: Vec<ReadMark>,
    /// Marks up to this number are archived, and are forgotten.
    pub archived: u64,
}
