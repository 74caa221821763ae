//! What must survive a crash, behind one narrow trait.
//!
//! A store holds all messages by conversation, how far each user has come in each, the marks of
//! what has been read but not archived, the tags of the last days, and the last numbers used.
//! Everything else is derived from these at start.

mod archiving;
mod block;
mod disk;
mod fjall;
mod growing;
mod high_water;
mod log;
mod loss;
mod manifest;
mod mend;
mod reading;
mod records;
mod rosters;
mod unsettled;
mod writing;

use std::{collections::HashMap, io, ops::RangeInclusive, path::PathBuf};

use jiff::Timestamp;
use mensageiro_protocol::Login;
use thiserror::Error;

pub use self::{disk::DiskStore, loss::Loss};
use crate::{
    conversation::Conversation,
    mailbox::Cursor,
    message::{Message, MessageId, ReadMark, TagHash},
};

/// What happened at one moment, to be made durable together or not at all.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// Newly accepted messages, each conversation once.
    pub blocks: Vec<Block>,
    /// Cursors as they are now.
    pub cursors: Vec<CursorRecord>,
    /// What has been read, with rising numbers that follow one another.
    pub reads: Vec<ReadMark>,
    /// When users were last there. Nobody relies on it.
    pub seen: Vec<(Login, Timestamp)>,
    /// The last numbers used, these included.
    pub last: LastNumbers,
}

/// Messages of one conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Which one.
    pub conversation: Conversation,
    /// With rising numbers; not empty.
    pub messages: Vec<Message>,
}

/// How far a user has come in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorRecord {
    /// Which one.
    pub conversation: Conversation,
    /// Who.
    pub user: Login,
    /// How far.
    pub cursor: Cursor,
}

/// The last numbers that were used; never used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastNumbers {
    /// Of messages.
    pub message: MessageId,
    /// Of read marks.
    pub read_mark: u64,
}

/// A tag under which a message was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TagRecord {
    /// What stands for it.
    pub hash: TagHash,
    /// The message.
    pub id: MessageId,
    /// When it was accepted.
    pub sent_at: Timestamp,
}

/// A message that has been read and is not yet known to be in the archive, as it stands in the
/// store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unarchived<'a> {
    /// Its place in the sequence.
    pub id: MessageId,
    /// When it was accepted.
    pub sent_at: Timestamp,
    /// Who wrote it.
    pub from: &'a str,
    /// The group it was written to, if it was.
    pub group: Option<&'a Login>,
    /// What it says.
    pub text: &'a str,
}

/// The durable state of the server. Every backend passes `tests/store_contract`.
pub trait Store: Send + Sync + 'static {
    /// Makes a commit durable. When this returns, it survives a power cut (unless the store was
    /// opened for less); after an error, none of it may be acknowledged.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses.
    fn commit(&self, commit: &Commit) -> Result<(), StoreError>;

    /// The last numbers that may have been given to somebody.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses.
    fn last_numbers(&self) -> Result<LastNumbers, StoreError>;

    /// Shows every cursor; those of one conversation come together.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses or a record is damaged.
    fn cursors(&self, visit: &mut dyn FnMut(CursorRecord)) -> Result<(), StoreError>;

    /// The last message of a conversation; 0 if there is none.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses or a record is damaged.
    fn last_of(&self, conversation: &Conversation) -> Result<MessageId, StoreError>;

    /// The newest messages of a conversation, at most `limit`, of those before `before` and not
    /// after `up_to`; oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses or a record is damaged.
    fn history(
        &self,
        with: &Conversation,
        before: Option<MessageId>,
        limit: usize,
        up_to: MessageId,
    ) -> Result<Vec<Message>, StoreError>;

    /// Shows every message of these conversations after `after` and not after `up_to`, by rising
    /// ids whatever their conversation, until `visit` says false.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses or a record is damaged.
    fn timeline(
        &self,
        conversations: &[Conversation],
        after: MessageId,
        up_to: MessageId,
        visit: &mut dyn FnMut(Message) -> bool,
    ) -> Result<(), StoreError>;

    /// The tags under which a login has sent messages, with their messages: those not sent before
    /// `not_before`, and of these about the newest `most`. The store may forget the others.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses or a record is damaged.
    fn tags(
        &self,
        login: &Login,
        not_before: Timestamp,
        most: usize,
    ) -> Result<Vec<TagRecord>, StoreError>;

    /// Those of these tags whose messages' numbers are in `near`, however old.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses or a record is damaged.
    fn tags_near(
        &self,
        login: &Login,
        near: &RangeInclusive<MessageId>,
    ) -> Result<Vec<TagRecord>, StoreError>;

    /// When users were last there.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses or a record is damaged.
    fn seen(&self) -> Result<HashMap<Login, Timestamp>, StoreError>;

    /// Shows the messages of the oldest read marks that are not archived, of each mark by rising
    /// ids: at most `marks` marks, and no further one after about `messages` messages. Some marks
    /// may be left for the next time; only if none is shown there is none. Returns the number of
    /// the last mark shown.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses or a record is damaged.
    fn unarchived(
        &self,
        marks: usize,
        messages: usize,
        visit: &mut dyn FnMut(&ReadMark, Unarchived<'_>),
    ) -> Result<Option<u64>, StoreError>;

    /// Forgets that the marks up to and including this number are to be archived; they are
    /// safely in the archive, whose length is now `archive_bytes`. A crash may undo this call, so
    /// the archive checks what it holds when it starts.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses.
    fn archived(&self, up_to: u64, archive_bytes: u64) -> Result<(), StoreError>;

    /// The length of the archive as the last [`Store::archived`] gave it.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses.
    fn archive_bytes(&self) -> Result<u64, StoreError>;
}

impl Commit {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
            && self.cursors.is_empty()
            && self.reads.is_empty()
            && self.seen.is_empty()
    }
}

/// Why the store cannot do what was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another program has it open.
    #[error("{0}: another mensageiro-server is using this folder; stop it first")]
    InUse(PathBuf),
    /// The system refused.
    #[error(
        "the message store in {folder} cannot be used: {source}; check the disk and who may write there"
    )]
    Io {
        /// Where it lives.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system has no thread left.
    #[error(
        "a thread of the message store cannot be started: {0}; close other programs, or allow more threads (ulimit -u)"
    )]
    Thread(io::Error),
    /// A record cannot be understood.
    #[error(
        "the message store in {folder} is damaged: {reason}; keep a copy of the folder and restore it from a backup, or start once with --repair to go on without what cannot be read"
    )]
    Damaged {
        /// Where it lives.
        folder: PathBuf,
        /// What was found.
        reason: String,
    },
    /// What the database needs to know what it has cannot be understood: going on would delete it.
    #[error(
        "the message store in {folder} is damaged: {reason}; keep a copy of the folder and restore it from a backup, as --repair cannot mend this"
    )]
    BeyondRepair {
        /// Where it lives.
        folder: PathBuf,
        /// What was found.
        reason: String,
    },
    /// Messages were acknowledged that are not there.
    #[error(
        "the message store in {folder} is damaged: {missing} acknowledged messages are missing (the last one there is {there}); keep a copy of the folder and restore it from a backup, or start once with --repair to go on without them"
    )]
    Lost {
        /// Where it lives.
        folder: PathBuf,
        /// How many numbers were given that the store does not know.
        missing: u64,
        /// The last message it has.
        there: MessageId,
    },
    /// An unread message is not there any more.
    #[error(
        "message {0}, which has not been read, is no longer in the store; stop the server, keep a copy of its data folder and restore it from a backup"
    )]
    Gone(MessageId),
}
