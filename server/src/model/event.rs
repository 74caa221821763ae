//! What the log says: events, a batch of them for each commit, as CBOR with numbered fields
//! (docs/STORAGE.md). Fields and events that a program does not know are skipped.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use mensageiro_protocol::{Login, Text, live::Attachment};

use super::{
    conversation::Conversation,
    cursor::Cursor,
    holder::Holder,
    message::{About, MessageId, ReadMark, Tag},
    setting::Set,
};
use crate::log::Part;

/// What one commit brought, in order. What it means is decided when it is applied ([`crate::state`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// When it was appended, by the server's clock, in whole milliseconds: a label, not an order.
    pub at: Timestamp,
    /// The last numbers that were in use when it was appended, as far as its author knew. They are never used again, even
    /// if the records that used them are lost.
    pub last: LastNumbers,
    /// What happened.
    pub events: Vec<Event>,
}

/// The last numbers that were used; never used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastNumbers {
    /// Of messages.
    pub message: MessageId,
    /// Of read marks.
    pub read_mark: u64,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody sent messages. Which of them are accepted is decided when it is applied.
    Messages(Run),
    /// Somebody has read something, or was given it.
    Read {
        /// Who.
        by: Login,
        /// What.
        what: Read,
    },
    /// When a user was last there.
    Seen {
        /// Who.
        login: Login,
        /// When.
        at: Timestamp,
    },
    /// A group has these members from now on.
    Group {
        /// Which group.
        group: Login,
        /// Its members; `None`: there is no such group any more.
        members: Option<Arc<BTreeSet<Login>>>,
    },
    /// What may wait of one user in the mailbox of another from now on.
    Limits(MailboxLimits),
    /// Another epoch of the store begins: a backup took the place of a newer store, or damage was repaired (rule V3).
    Epoch {
        /// Its number, higher than all before.
        number: u64,
        /// The newest id when it began; `None`: the newest one there is when this is applied.
        after: Option<MessageId>,
    },
    /// A login is not in users.csv any more.
    Gone {
        /// Which login.
        login: Login,
    },
    /// A login is in users.csv again, or a group in groups.csv.
    Back {
        /// Which one.
        who: Target,
        /// It is who it was before. If it came back already and began empty, that is undone. `false`: it begins
        /// empty, with the newest message there is when this is applied.
        keeps: bool,
    },
    /// Only at the beginning of a segment: who has a name.
    Holder {
        /// Which name.
        who: Target,
        /// Who has it.
        holder: Holder,
    },
    /// Only in a store that was converted: how far a user had come in a conversation.
    Cursor {
        /// Which conversation.
        conversation: Conversation,
        /// Who.
        user: Login,
        /// How far.
        cursor: Cursor,
    },
    /// Only in a store that was converted: what was read and not archived yet.
    Mark(ReadMark),
    /// A user has set something for a conversation. Whether it is accepted is decided when it is applied.
    Set(Set),
}

/// Messages that follow one another, from one session to one user or group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Who wrote them.
    pub from: Login,
    /// Whom they are for.
    pub to: Target,
    /// The device of the session, if it has a name: tags that begin with it are numbered (rule V4).
    pub device: Option<Device>,
    /// When they were accepted, in whole milliseconds.
    pub at: Timestamp,
    /// What was sent, in order; not empty.
    pub texts: Vec<Sent>,
    /// Where it is in its record; set by whoever writes or reads one.
    pub part: Part,
}

/// One message of a [`Run`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// What its sender calls it.
    pub tag: Option<Tag>,
    /// What it says about another message.
    pub about: Option<About>,
    /// The file that belongs to it.
    pub file: Option<Arc<Attachment>>,
    /// What it says.
    pub text: Text,
}

/// Whom a message is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// A user.
    User(Login),
    /// A group.
    Group(Login),
}

/// A device's name, as its hello gives it.
pub type Device = Arc<str>;

/// What a user has read or been given. What is not there, or not for the user, is left out; what
/// was read already stays read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// Everything in the mailbox up to a message (classic, rule S9).
    All {
        /// The newest one.
        up_to: MessageId,
    },
    /// Everything in one conversation up to a message.
    Conversation {
        /// Which one.
        with: Conversation,
        /// The newest one.
        up_to: MessageId,
    },
    /// Nothing is read, but a device keeps everything up to a message, in all conversations.
    Delivered {
        /// The newest one.
        up_to: MessageId,
    },
}

/// What may wait of one user in the mailbox of another. Messages to groups do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxLimits {
    /// Unread messages.
    pub messages: u64,
    /// Bytes of text in them together.
    pub bytes: u64,
}
