//! The errors of a log.

use std::{io, path::PathBuf};

use thiserror::Error;

use super::{MAX_PAYLOAD, Position};
use crate::version::WrittenBy;

/// Why an operation on the log failed.
#[derive(Debug, Error)]
pub enum LogError {
    /// The system reported an error.
    #[error("{file}: cannot be used: {source}; check the disk and who may write there")]
    Io {
        /// The file.
        file: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// Data in a file is damaged.
    #[error(
        "{file}: damaged at byte {offset}: {reason}; keep a copy of the folder and restore it from a backup, or start once with --repair to go on without what cannot be read"
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// The offset in the file, in bytes.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// Acknowledged records are missing.
    #[error(
        "{file}: {missing} bytes of acknowledged messages are missing after byte {offset}; keep a copy of the folder and restore it from a backup, or start once with --repair to go on without them"
    )]
    Lost {
        /// The file or folder that should contain them.
        file: PathBuf,
        /// The offset in the file where they should begin, in bytes.
        offset: u64,
        /// How many bytes of the log are missing.
        missing: u64,
    },
    /// A file belongs to another store.
    #[error(
        "{0}: belongs to another message store than the rest of the folder; restore the whole folder from one backup"
    )]
    Foreign(PathBuf),
    /// There is no log, or one of an older format.
    #[error(
        "{0}: there is no message store of today's format in it; start mensageiro-server on the folder once, which creates or converts it"
    )]
    NoLog(PathBuf),
    /// Another program has the log open.
    #[error("{0}: another mensageiro-server is using this folder; stop it first")]
    InUse(PathBuf),
    /// A newer version of the program has written the file.
    #[error("{file}: {by}")]
    Newer {
        /// The file.
        file: PathBuf,
        /// What it says of that version.
        by: WrittenBy,
    },
    /// No record begins at this position.
    #[error("the log has no record at position {}", .0.0)]
    Missing(Position),
    /// A payload is empty or too long; its length in bytes.
    #[error("a record of {0} bytes cannot be written: 1 to {max} are possible", max = MAX_PAYLOAD)]
    Length(usize),
    /// A write has failed before.
    #[error("the log takes nothing more, as a write has failed; start the server again")]
    Closed,
    /// The folder for a backup is not empty.
    #[error("{0}: there is something in it already; name a new folder for the backup")]
    NotEmpty(PathBuf),
    /// The caller has cancelled the operation.
    #[error("interrupted; nothing was left half done")]
    Cancelled,
}
