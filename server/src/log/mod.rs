//! The write-ahead log: the one durable, totally ordered sequence of everything that happened.
//!
//! It knows nothing of what its records say. Everything else (state, delivery, archive, index) follows it and
//! can be rebuilt from it.
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
    file::FileLog,
    identity::Identity,
    memory::MemoryLog,
    record::MAX_PAYLOAD,
    settings::{Durability, Settings},
    survey::{Damage, Visit},
};

/// What a file is called that is not whole yet.
const NEW: &str = ".new";

/// Where a record is: positions rise from record to record, but need not follow one another. The first record
/// of an empty log is at [`Position::START`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position(pub u64);

/// One commit, as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it is.
    pub position: Position,
    /// Where whatever follows it is: read from here to go on.
    pub next: Position,
    /// What was appended. Empty payloads are not appended.
    pub payload: Vec<u8>,
}

/// Where a record is that was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Where it is.
    pub position: Position,
    /// Where whatever follows it is.
    pub next: Position,
}

/// Where something is within a record's payload, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Part {
    /// Where it begins.
    pub offset: u32,
    /// How long it is.
    pub length: u32,
}

/// Records by rising positions.
pub type Records<'a> = Box<dyn Iterator<Item = Result<Record, LogError>> + Send + 'a>;

/// An ordered, durable sequence of records. One contract test suite holds for every implementation
/// (`tests/log_contract`).
pub trait Log: Send + Sync + 'static {
    /// Appends a record. When this returns, the record is durable and its position is known; not before. After an
    /// error it may or may not be in the log, and nothing more is accepted until the log was opened anew.
    ///
    /// # Errors
    /// [`LogError`] when the disk refuses; [`LogError::Length`] when the payload is empty or longer than
    /// [`MAX_PAYLOAD`], which changes nothing.
    fn append(&self, payload: &[u8]) -> Result<Appended, LogError>;

    /// The records from a position on, up to the last one that is durable now. A position that is the
    /// [`Record::next`] of a record, or [`Position::START`], is always valid. What lies before [`Log::start`] is not
    /// there any more, and is passed over.
    ///
    /// # Errors
    /// [`LogError`] when the disk refuses or something is damaged, [`LogError::Missing`] when no record begins at the
    /// position. The iterator ends after an error.
    fn read_from(&self, position: Position) -> Result<Records<'_>, LogError>;

    /// A part of one record's payload. A log that can look there at once does.
    ///
    /// # Errors
    /// [`LogError`] when the disk refuses, or there is no such record or part.
    fn read_part(&self, position: Position, part: Part) -> Result<Vec<u8>, LogError> {
        let record = self.read_from(position)?.next().transpose()?;
        let found = record.filter(|record| record.position == position);
        let bytes = found.and_then(|record| record.payload.get(part.range()).map(<[u8]>::to_vec));
        bytes.ok_or(LogError::Missing(position))
    }

    /// Where the log begins: [`Position::START`] until old records were dropped. No record before it is left.
    fn start(&self) -> Position;

    /// Whether a record with a payload of so many bytes begins a part of the log before which everything may be dropped one day.
    fn begins_segment(&self, _payload: usize) -> bool {
        false
    }

    /// Drops what is old, if the log can. Returns how many bytes of the log.
    ///
    /// # Errors
    /// [`LogError`] when the disk refuses.
    fn drop_old(&self, _keep: &Keep<'_>) -> Result<u64, LogError> {
        Ok(0)
    }

    /// Where the next record will be, at the least. Everything before it is durable.
    fn end(&self) -> Position;
}

/// What to do when something that was acknowledged is missing or damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The log does not open.
    Refused,
    /// Go on without it. What is damaged is kept beside what replaces it.
    Accepted,
}

/// Told how far a long task has come; says whether to go on.
pub type Progress<'a> = dyn FnMut(Done) -> ControlFlow<()> + 'a;

/// How far a long task has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Bytes that are done.
    pub bytes: u64,
    /// Bytes in all, as far as is known now.
    pub total: u64,
}

/// What is dropped.
pub struct Keep<'a> {
    /// What time it is.
    pub now: Timestamp,
    /// How old records may become.
    pub keep: SignedDuration,
    /// Records from here on are needed, however old they are.
    pub before: Position,
    /// When a record was appended; `None` if that cannot be told, and then nothing is dropped for it.
    pub time_of: &'a dyn Fn(&[u8]) -> Option<Timestamp>,
}

impl Position {
    /// Where a log begins.
    pub const START: Self = Self(0);
}

impl Part {
    /// The bytes of the payload.
    pub fn range(self) -> Range<usize> {
        let start = self.offset as usize;
        start..start + self.length as usize
    }
}
