//! The write-ahead log: the one durable, totally ordered sequence of everything that happened.
//!
//! It knows nothing of what its records say. Everything else (state, delivery, archive, index) follows it and
//! can be rebuilt from it.

use std::{io, ops::Range, path::PathBuf};

use thiserror::Error;

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
    /// [`LogError`] when the disk refuses.
    fn append(&self, payload: &[u8]) -> Result<Record, LogError>;

    /// The records from a position on, up to the last one that is durable now. A position that is the
    /// [`Record::next`] of a record, or [`Position::START`], is always valid.
    ///
    /// # Errors
    /// [`LogError`] when the disk refuses or something is damaged.
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

    /// Where the next record will be, at the least.
    fn end(&self) -> Position;
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

/// Why the log cannot do what was asked.
#[derive(Debug, Error)]
pub enum LogError {
    /// The system refused.
    #[error("{file}: cannot be used: {source}; check the disk and who may write there")]
    Io {
        /// Which file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something cannot be read as it was written.
    #[error(
        "{file}: damaged at byte {offset}: {reason}; keep a copy of the folder and restore it from a backup, or start once with --repair to go on without what cannot be read"
    )]
    Damaged {
        /// Which file.
        file: PathBuf,
        /// Where.
        offset: u64,
        /// What was found.
        reason: String,
    },
    /// Another program has it open.
    #[error("{0}: another mensageiro-server is using this folder; stop it first")]
    InUse(PathBuf),
    /// It was written by a newer program.
    #[error("{file}: written by a newer version (format {format}); start that version")]
    Newer {
        /// Which file.
        file: PathBuf,
        /// Its format.
        format: u32,
    },
    /// There is no record at a position.
    #[error("the log has no record at position {}", .0.0)]
    Missing(Position),
    /// A write has failed before.
    #[error("the log takes nothing more, as a write has failed; start the server again")]
    Closed,
}
