//! The write-ahead log: the one durable, totally ordered sequence of everything that happened.
//!
//! It does not interpret its records. Everything else (state, delivery, archive, index) follows it and can be rebuilt
//! from it.
//!
//! ```text
//! file ──► writer                  append, rotate
//!      ──► reader ──► segments     records, parts
//!      ──► recovery ──► repair     opening
//!               └────► survey      damage
//! backup, check, keep ──► survey, repair
//!           └──► record, segment, identity, acknowledged ──► folder ──► disk
//! ```

mod acknowledged;
mod backup;
mod check;
pub mod disk;
mod error;
mod file;
mod folder;
mod identity;
mod keep;
mod memory;
mod reader;
mod record;
mod recovery;
mod repair;
mod segment;
mod segments;
mod settings;
mod survey;
mod writer;

use std::ops::{ControlFlow, Range};

use jiff::{SignedDuration, Timestamp};

pub use self::{
    backup::{BackedUp, Backup},
    check::{Checked, check},
    error::LogError,
    file::{FileLog, is_in_use},
    identity::Identity,
    memory::MemoryLog,
    record::MAX_PAYLOAD,
    settings::{Durability, Settings},
    survey::{Damage, Visit},
};

/// The extension of a file that is not complete yet.
const NEW: &str = ".new";

/// The position of a record. Positions increase from record to record, not necessarily by one. An empty log begins at
/// [`Position::START`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position(pub u64);

/// One commit in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The position of the record.
    pub position: Position,
    /// The position after it, from which reading continues.
    pub next: Position,
    /// The appended bytes, never empty.
    pub payload: Vec<u8>,
}

/// The positions of an appended record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The position of the record.
    pub position: Position,
    /// The position after it.
    pub next: Position,
}

/// A range of a record's payload, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Part {
    /// The offset of its first byte.
    pub offset: u32,
    /// Its length.
    pub length: u32,
}

/// Records in ascending order of positions.
pub type Records<'a> = Box<dyn Iterator<Item = Result<Record, LogError>> + Send + 'a>;

/// An ordered, durable sequence of records. All implementations pass the same contract tests (`tests/log_contract`).
pub trait Log: Send + Sync + 'static {
    /// Appends a record. The record is durable, and visible to readers, only when this has returned. After an error it may or
    /// may not be in the log, and nothing more is accepted until the log is opened again.
    ///
    /// # Errors
    /// [`LogError`] when the disk fails; [`LogError::Length`] when the payload is empty or longer than [`MAX_PAYLOAD`],
    /// which changes nothing.
    fn append(&self, payload: &[u8]) -> Result<Appended, LogError>;

    /// The records from a position on, up to the last one that is durable now. The [`Record::next`] of a record and
    /// [`Position::START`] are always valid. Records before [`Log::start`] were dropped and are skipped.
    ///
    /// # Errors
    /// [`LogError`] when the disk fails or something is damaged, [`LogError::Missing`] when no record begins at the
    /// position. The iterator ends after an error.
    fn read_from(&self, position: Position) -> Result<Records<'_>, LogError>;

    /// A part of one record's payload. This default reads the whole record.
    ///
    /// # Errors
    /// [`LogError`] when the disk fails, or there is no such record or part.
    fn read_part(&self, position: Position, part: Part) -> Result<Vec<u8>, LogError> {
        let record = self.read_from(position)?.next().transpose()?;
        let found = record.filter(|record| record.position == position);
        let bytes = found.and_then(|record| record.payload.get(part.range()).map(<[u8]>::to_vec));
        bytes.ok_or(LogError::Missing(position))
    }

    /// Where the log begins: [`Position::START`] until old records are dropped.
    fn start(&self) -> Position;

    /// Whether the next record, with a payload of so many bytes, would be the first one of a segment: retention may drop
    /// everything before it.
    fn begins_segment(&self, _payload: usize) -> bool {
        false
    }

    /// Drops old records, if the log supports it. Returns the number of bytes dropped.
    ///
    /// # Errors
    /// [`LogError`] when the disk fails.
    fn drop_old(&self, _keep: &Keep<'_>) -> Result<u64, LogError> {
        Ok(0)
    }

    /// The lowest position that the next record can have. Everything before it is durable.
    fn end(&self) -> Position;
}

/// What to do when something acknowledged is missing or damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The log does not open.
    Refused,
    /// The log continues without it. Damaged files are kept beside their replacements.
    Accepted,
}

/// Called with the progress of a long task; decides whether it continues.
pub type Progress<'a> = dyn FnMut(Done) -> ControlFlow<()> + 'a;

/// The progress of a long task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Bytes processed.
    pub bytes: u64,
    /// Bytes in total, as far as is known now.
    pub total: u64,
}

/// What retention keeps.
pub struct Keep<'a> {
    /// The current time.
    pub now: Timestamp,
    /// The retention time: older records may be dropped.
    pub keep: SignedDuration,
    /// Records from this position on are kept, however old they are.
    pub before: Position,
    /// When a record was appended; `None` if that is unknown, and then it is kept.
    pub time_of: &'a dyn Fn(&[u8]) -> Option<Timestamp>,
}

impl Position {
    /// Where a log begins.
    pub const START: Self = Self(0);
}

impl Part {
    /// The part as a range of indices.
    pub fn range(self) -> Range<usize> {
        let start = self.offset as usize;
        start..start + self.length as usize
    }
}
