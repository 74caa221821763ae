//! The errors of the index.

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

/// Why an operation on the index failed.
#[derive(Debug, Error)]
pub enum IndexError {
    /// SQLite reported an error.
    #[error("{file}: the index cannot be used: {source}; check the disk and who may write there")]
    Sqlite {
        /// The database.
        file: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The system reported an error.
    #[error("{file}: the index cannot be used: {source}; check the disk and who may write there")]
    Io {
        /// The database.
        file: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The database is damaged. The next opening discards the index, and it is rebuilt.
    #[error(
        "{file}: the index is damaged: {reason}; it is built anew from the log when the server starts again"
    )]
    Damaged {
        /// The database.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The log ends before the position that the index has reached, so the log has lost its end.
    #[error("the index knows the log up to position {}, but the log ends before it", .0.0)]
    Ahead(Position),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A message in the log cannot be decoded.
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

    /// Converts an error of SQLite.
    pub(super) fn sqlite(file: &Path, source: rusqlite::Error) -> Self {
        if is_of_the_system(&source) {
            let file = file.to_owned();
            Self::Sqlite { file, source }
        } else {
            Self::damaged(file, source.to_string())
        }
    }
}

/// Whether the system caused an error, which may pass. All other errors mean that the database is damaged.
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
