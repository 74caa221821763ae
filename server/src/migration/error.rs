//! Why a store cannot be converted.

use std::{
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::{log::LogError, model::message::MessageId};

/// Why a store of an earlier format cannot be converted. It stays as it was.
#[derive(Debug, Error)]
pub enum MigrationError {
    /// Another program has it open.
    #[error("{0}: another mensageiro-server is using this folder; stop it first")]
    InUse(PathBuf),
    /// The system refused.
    #[error(
        "the message store in {folder} cannot be converted: {source}; nothing has changed; {}, then start again",
        advice(source)
    )]
    Io {
        /// The store, or what it is converted into.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What is converted cannot be written.
    #[error("the message store in {folder} cannot be converted, and nothing has changed: {source}")]
    Log {
        /// The store.
        folder: PathBuf,
        /// What the new log said.
        source: LogError,
    },
    /// It is converted, but does not stand where it should.
    #[error(
        "the message store in {folder} has been converted, but the folders cannot be renamed: {source}; close what uses them (if it is mounted by itself, mount the folder above it), and start again: nothing is lost"
    )]
    Unfinished {
        /// The store.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something cannot be read.
    #[error(
        "the message store in {folder} is damaged: {reason}; keep a copy of the folder and restore it from a backup, or start once with --repair to go on without what cannot be read"
    )]
    Damaged {
        /// The store.
        folder: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The database cannot be opened.
    #[error(
        "the message store in {folder} is damaged: {reason}; keep a copy of the folder and restore it from a backup, or start the version that wrote it once with --repair, stop it, and start this version again"
    )]
    Unopenable {
        /// The store.
        folder: PathBuf,
        /// What was found.
        reason: String,
    },
    /// What the database needs to know what it has cannot be understood.
    #[error(
        "the message store in {folder} is damaged: {reason}; keep a copy of the folder and restore it from a backup, as --repair cannot help with this"
    )]
    BeyondRepair {
        /// The store.
        folder: PathBuf,
        /// What was found.
        reason: String,
    },
    /// Messages were acknowledged that are not there.
    #[error(
        "the message store in {folder} is damaged: {missing} acknowledged messages are missing (the last one there is {there}); keep a copy of the folder and restore it from a backup, or start once with --repair to go on without them"
    )]
    Lost {
        /// The store.
        folder: PathBuf,
        /// How many ids were given that the store does not know.
        missing: u64,
        /// The last message it has.
        there: MessageId,
    },
    /// It is of a format that this program does not know.
    #[error(
        "{folder}: a message store of format {found}, and this version converts format 3 only; start the version that wrote it, or restore a folder of this version from a backup"
    )]
    Format {
        /// The store.
        folder: PathBuf,
        /// Its format.
        found: u8,
    },
    /// Two versions have written to it.
    #[error(
        "{folder}: holds a message store of this version, and one of the version before, which was started here since; if nothing was written to that one, move everything but the files of this version ({ours}) out of the folder and start again; otherwise keep a copy of the folder and restore it from a backup"
    )]
    Mixed {
        /// The store.
        folder: PathBuf,
        /// What belongs to this version.
        ours: &'static str,
    },
    /// Whoever waited for it does not want it any more.
    #[error(
        "the message store in {0} has not been converted, as this was ended; nothing has changed, and the next start begins anew"
    )]
    Cancelled(PathBuf),
}

impl MigrationError {
    pub(super) fn io(folder: &Path) -> impl Fn(io::Error) -> Self {
        |source| Self::Io {
            folder: folder.to_owned(),
            source,
        }
    }

    pub(super) fn log(folder: &Path) -> impl Fn(LogError) -> Self {
        |source| match source {
            LogError::Io { source, .. } if is_full(&source) => Self::Io {
                folder: folder.to_owned(),
                source,
            },
            source => Self::Log {
                folder: folder.to_owned(),
                source,
            },
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// What to do about an error of the system.
fn advice(error: &io::Error) -> &'static str {
    if is_full(error) {
        "make room for about as much again as the store takes"
    } else {
        "check the disk and who may write there"
    }
}
