//! What can go wrong with a log.

use std::{io, path::PathBuf};

use thiserror::Error;

use super::{MAX_PAYLOAD, Position};

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
        /// Where in the file.
        offset: u64,
        /// What was found.
        reason: String,
    },
    /// Records were acknowledged that are not there any more.
    #[error(
        "{file}: {missing} bytes of acknowledged messages are missing after byte {offset}; keep a copy of the folder and restore it from a backup, or start once with --repair to go on without them"
    )]
    Lost {
        /// The file or folder where they should be.
        file: PathBuf,
        /// Where in the file they should begin.
        offset: u64,
        /// How many bytes of the log.
        missing: u64,
    },
    /// Files of two stores have been mixed.
    #[error(
        "{0}: belongs to another message store than the rest of the folder; restore the whole folder from one backup"
    )]
    Foreign(PathBuf),
    /// There is no log, or one of an older format.
    #[error(
        "{0}: there is no message store of today's format in it; start mensageiro-server on the folder once, which creates or converts it"
    )]
    NoLog(PathBuf),
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
    /// No record can be so long, in bytes.
    #[error("a record of {0} bytes cannot be written: 1 to {max} are possible", max = MAX_PAYLOAD)]
    Length(usize),
    /// A write has failed before.
    #[error("the log takes nothing more, as a write has failed; start the server again")]
    Closed,
    /// There is something where a backup should go.
    #[error("{0}: there is something in it already; name a new folder for the backup")]
    NotEmpty(PathBuf),
    /// Whoever asked for it has ended it.
    #[error("interrupted; nothing was left half done")]
    Cancelled,
}
