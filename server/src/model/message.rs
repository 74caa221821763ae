//! Messages, read marks and tags: the values that sessions, log, state and archive exchange.

use std::{borrow::Cow, collections::BTreeSet, fmt, sync::Arc};

use jiff::Timestamp;
pub use mensageiro_protocol::live::{About, Tag};
use mensageiro_protocol::{Login, Text, live::Attachment};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::conversation::Conversation;

/// Place of a message in the one rising sequence of all accepted messages; the first is 1.
/// Every order (delivery, archive) is by this number, never by a clock.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct MessageId(pub u64);

/// What stands for a tag: of two tags that anybody will ever send, no two are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TagHash(pub u128);

impl MessageId {
    /// Higher than every other.
    pub const MAX: Self = Self(u64::MAX);

    /// The number after this one; nothing comes after the highest.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A message that was accepted: it has its number and is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its place in the sequence.
    pub id: MessageId,
    /// When it was accepted, by the server's clock: a label, not an order.
    pub sent_at: Timestamp,
    /// Who wrote it.
    pub from: Login,
    /// Whom it was written to: a user, or a group if there are members.
    pub to: Login,
    /// Who belonged to the group when the message was accepted.
    pub members: Option<Arc<BTreeSet<Login>>>,
    /// What its sender called it.
    pub tag: Option<Tag>,
    /// What it says about another message.
    pub about: Option<About>,
    /// The file that belongs to it.
    pub file: Option<Arc<Attachment>>,
    /// What it says.
    pub text: Text,
}

/// A user has read the messages of a conversation from `first` to `last` (rule S9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadMark {
    /// Its place in the rising sequence of read marks, which is the order of the archive.
    pub number: u64,
    /// Who read them.
    pub reader: Login,
    /// Where.
    pub conversation: Conversation,
    /// The oldest message that was read.
    pub first: MessageId,
    /// The newest message that was read.
    pub last: MessageId,
    /// When, by the server's clock.
    pub read_at: Timestamp,
    /// The newest message at that time: what was deleted up to it was not read.
    pub as_of: MessageId,
}

impl TagHash {
    /// The same for the same tag on every machine and in every version.
    pub fn of(tag: &Tag) -> Self {
        Self::of_text(tag.as_str())
    }

    pub(crate) fn of_text(tag: &str) -> Self {
        Self(xxh3_128(tag.as_bytes()))
    }
}

impl Message {
    /// About how many bytes a line with it has: its text, and what is said of its file.
    pub fn line_bytes(&self) -> usize {
        self.text.len() + self.file.as_ref().map_or(0, |file| file.line_bytes())
    }

    /// Where it belongs.
    pub fn conversation(&self) -> Conversation {
        match &self.members {
            None => Conversation::pair(&self.from, &self.to),
            Some(_) => Conversation::Group(self.to.clone()),
        }
    }

    /// Whether it waits for those it is for until they have read it. A deletion is noticed by what is not there any more.
    pub fn waits(&self) -> bool {
        !matches!(self.about, Some(About::Delete(_)))
    }

    /// The message that it changes, if it changes one.
    pub fn changes(&self) -> Option<MessageId> {
        let about = self.about.filter(|about| about.is_change())?;
        Some(MessageId(about.target()))
    }

    /// What it says to those who know nothing of changes: an edit is the new text after a star, and a deletion nothing.
    pub fn as_said(&self) -> Option<Cow<'_, Text>> {
        match self.about {
            None | Some(About::Reply(_)) => Some(Cow::Borrowed(&self.text)),
            Some(About::Edit(_)) => Some(Cow::Owned(Text::from(&*format!("* {}", self.text)))),
            Some(About::Delete(_)) => None,
        }
    }

    /// Whether it is for this user to read: one it was written to, but not its author. A message
    /// to oneself is for oneself.
    pub fn is_for(&self, login: &Login) -> bool {
        match &self.members {
            None => self.to == *login,
            Some(members) => self.from != *login && members.contains(login),
        }
    }
}
