//! The values that travel between session, journal, store and archive.

use std::fmt;

use jiff::Timestamp;
use mensageiro_protocol::{Login, Text};
use serde::{Deserialize, Serialize};

/// Place of a message in the one rising sequence of all accepted messages; the first is 1.
/// Every order (delivery, archive) is by this number, never by a clock.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct MessageId(pub u64);

impl MessageId {
    /// Higher than every other.
    pub const MAX: Self = Self(u64::MAX);

    /// The number after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A message that a client sent and that nobody has accepted yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Who wrote it.
    pub from: Login,
    /// Who shall read it.
    pub to: Login,
    /// The group it was written to, if it was.
    pub group: Option<Login>,
    /// What it says.
    pub text: Text,
}

/// A message that was accepted: it has its number and is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its place in the sequence.
    pub id: MessageId,
    /// When it was accepted, by the server's clock: a label, not an order.
    pub sent_at: Timestamp,
    /// Who wrote it.
    pub from: Login,
    /// Who shall read it.
    pub to: Login,
    /// The group it was written to, if it was.
    pub group: Option<Login>,
    /// What it says.
    pub text: Text,
}

/// A user has read the messages from `first` to `last` of the mailbox (rule S9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadMark {
    /// Its place in the rising sequence of read marks, which is the order of the archive.
    pub number: u64,
    /// Whose mailbox.
    pub reader: Login,
    /// The oldest message that was read.
    pub first: MessageId,
    /// The newest message that was read.
    pub last: MessageId,
    /// When, by the server's clock.
    pub read_at: Timestamp,
}

impl ReadMark {
    /// Whether the mark says that this message, of its reader, has been read.
    pub fn covers(&self, id: MessageId) -> bool {
        self.first <= id && id <= self.last
    }
}
