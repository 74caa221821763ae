//! What must survive a crash, behind one narrow trait.
//!
//! A store holds the messages that are not in the archive yet, the marks of what has been read
//! but not archived, and the last numbers used. Everything else is derived from these at start.

mod fjall;

use std::{io, path::PathBuf, sync::Arc};

use thiserror::Error;

pub use self::fjall::FjallStore;
use crate::message::{Message, MessageId, ReadMark};

/// Messages accepted and messages read, to be made durable together or not at all.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// Newly accepted messages, with rising numbers.
    pub accepted: Vec<Arc<Message>>,
    /// What has been read, with rising numbers.
    pub read: Vec<ReadMark>,
}

/// The last numbers that were used; never used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastNumbers {
    /// Of messages.
    pub message: MessageId,
    /// Of read marks.
    pub read_mark: u64,
}

/// What has been read and is not yet known to be in the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unarchived {
    /// Who read it and when.
    pub mark: ReadMark,
    /// The messages, oldest first.
    pub messages: Vec<Message>,
}

/// The durable state of the server. Every backend passes `tests/store_contract.rs`.
pub trait Store: Send + Sync + 'static {
    /// Makes a commit durable. When this returns, it survives a power cut (unless the store was
    /// opened for less); after an error, none of it may be acknowledged.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses.
    fn commit(&self, commit: &Commit) -> Result<(), StoreError>;

    /// The last numbers that were committed.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses.
    fn last_numbers(&self) -> Result<LastNumbers, StoreError>;

    /// Shows every message that was accepted and not read, for each recipient in their order.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses or a record is damaged.
    fn unread(&self, visit: &mut dyn FnMut(Message)) -> Result<(), StoreError>;

    /// The oldest read marks that are not archived, with their messages: at most `marks` marks
    /// and, beyond the first mark, at most about `messages` messages.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses or a record is damaged.
    fn unarchived(&self, marks: usize, messages: usize) -> Result<Vec<Unarchived>, StoreError>;

    /// Forgets what is safely in the archive, whose length is now `archive_bytes`. A crash may
    /// undo this call, so the archive checks what it holds when it starts.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses.
    fn archived(&self, done: &[Unarchived], archive_bytes: u64) -> Result<(), StoreError>;

    /// The length of the archive as the last [`Store::archived`] gave it.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses.
    fn archive_bytes(&self) -> Result<u64, StoreError>;
}

/// Why the store cannot do what was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another program has it open.
    #[error("{0}: another mensageiro-server is using this folder; stop it first")]
    InUse(PathBuf),
    /// The system refused.
    #[error("the message store in {folder}: {source}")]
    Io {
        /// Where it lives.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A record cannot be understood.
    #[error(
        "the message store in {folder} is damaged: {reason}; keep a copy of the folder and restore it from a backup"
    )]
    Damaged {
        /// Where it lives.
        folder: PathBuf,
        /// What was found.
        reason: String,
    },
}
