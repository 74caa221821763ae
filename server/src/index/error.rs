//! Why the index cannot do what was asked.

use std::{
    io,
    path::{Path, PathBuf},
};

use rusqlite::{ErrorCode, ffi};
use thiserror::Error;

use crate::{
    log::{LogError, Position},
    model::codec::CodecError,
};

/// Why the index cannot do what was asked.
#[derive(Debug, Error)]
pub enum IndexError {
    /// SQLite or the system refused.
    #[error("{file}: the index cannot be used: {source}; check the disk and who may write there")]
    Sqlite {
        /// The database.
        file: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The system refused.
    #[error("{file}: the index cannot be used: {source}; check the disk and who may write there")]
    Io {
        /// The database.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something is not as it was written. The next opening throws the index away, so that it is built anew.
    #[error(
        "{file}: the index is damaged: {reason}; it is built anew from the log when the server starts again"
    )]
    Damaged {
        /// The database.
        file: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The log ends before the position up to which the index is written, so it has lost its end.
    #[error("the index knows the log up to position {}, but the log ends before it", .0.0)]
    Ahead(Position),
    /// A message cannot be read, as the log cannot.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A message in the log is not as it was written.
    #[error(
        "a message in the log's record {} cannot be read: {source}; keep a copy of the folder and restore it from a backup, or start once with --repair to go on without what cannot be read", .position.0
    )]
    Message {
        /// Its record.
        position: Position,
        /// What is wrong with it.
        source: CodecError,
    },
    /// The system has no thread left.
    #[error(
        "the index's thread cannot be started: {0}; close other programs, or allow more threads (ulimit -u)"
    )]
    Thread(io::Error),
    /// A write has failed before.
    #[error("the index takes nothing more, as a write has failed; start the server again")]
    Closed,
}

impl IndexError {
    pub(super) fn damaged(file: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged {
            file: file.to_owned(),
            reason: reason.into(),
        }
    }

    /// What an error of SQLite means.
    pub(super) fn sqlite(file: &Path, source: rusqlite::Error) -> Self {
        if is_of_the_system(&source) {
            let file = file.to_owned();
            Self::Sqlite { file, source }
        } else {
            Self::damaged(file, source.to_string())
        }
    }
}

/// Whether an error is the system's: it may pass. Any other one says that the database is not what it was.
fn is_of_the_system(error: &rusqlite::Error) -> bool {
    const OF_READING: [i32; 4] = [
        ffi::SQLITE_IOERR_READ,
        ffi::SQLITE_IOERR_SHORT_READ,
        ffi::SQLITE_IOERR_CORRUPTFS,
        ffi::SQLITE_IOERR_DATA,
    ];
    error.sqlite_error().is_some_and(|error| match error.code {
        ErrorCode::SystemIoFailure => !OF_READING.contains(&error.extended_code),
        ErrorCode::DiskFull
        | ErrorCode::ReadOnly
        | ErrorCode::PermissionDenied
        | ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::CannotOpen
        | ErrorCode::OutOfMemory => true,
        _ => false,
    })
}
