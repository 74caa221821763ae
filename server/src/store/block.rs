//! How the messages of one commit and one conversation look on disk.

use jiff::Timestamp;
use mensageiro_protocol::{Login, Text};
use serde::{Deserialize, Serialize};

use super::{
    Unarchived,
    records::{VERSION, append, number_at_end, versioned},
    rosters::Members,
};
use crate::{
    conversation::Conversation,
    message::{Message, MessageId, ReadMark, Tag},
};

/// What stands before the messages of a block.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct BlockHeader {
    pub(super) sent_at_ms: i64,
    /// From the number of the first message, which is in the key, to that of the last.
    pub(super) span: u64,
    /// Of a group: the version of its members. 0: a pair.
    pub(super) roster: u32,
}

#[derive(Serialize, Deserialize)]
struct MessageRecord<'a> {
    /// Added to the number of the block's first message.
    offset: u64,
    from: Author<'a>,
    tag: Option<&'a str>,
    text: &'a str,
}

#[derive(Serialize, Deserialize)]
enum Author<'a> {
    /// The lesser login of a pair.
    Lesser,
    /// The greater one.
    Greater,
    /// A member of a group.
    Member(&'a str),
}

/// Appends the beginning of a block.
pub(super) fn write_block_header(header: BlockHeader, out: &mut Vec<u8>) {
    out.push(VERSION);
    append(&header, out);
}

/// Appends one message of a block whose first one is `first`.
pub(super) fn write_message(
    conversation: &Conversation,
    first: MessageId,
    message: &Message,
    out: &mut Vec<u8>,
) {
    let from = match conversation {
        Conversation::Pair(lesser, _) if *lesser == message.from => Author::Lesser,
        Conversation::Pair(..) => Author::Greater,
        Conversation::Group(_) => Author::Member(message.from.as_str()),
    };
    let record = MessageRecord {
        offset: message.id.0 - first.0,
        from,
        tag: message.tag.as_ref().map(Tag::as_str),
        text: message.text.as_str(),
    };
    append(&record, out);
}

/// A block that is read message by message.
pub(super) struct BlockReader<'a> {
    conversation: &'a Conversation,
    first: MessageId,
    header: BlockHeader,
    sent_at: Timestamp,
    members: Option<Members>,
    rest: &'a [u8],
    /// The author before, to whom the next message most likely belongs too.
    author: Option<Login>,
}

/// The header of a block and what follows it.
pub(super) fn split_header(value: &[u8]) -> Option<(BlockHeader, &[u8])> {
    postcard::take_from_bytes(versioned(value)?).ok()
}

impl<'a> BlockReader<'a> {
    pub(super) fn new(
        conversation: &'a Conversation,
        key: &[u8],
        value: &'a [u8],
        members: impl FnOnce(u32) -> Option<Members>,
    ) -> Option<Self> {
        let (header, rest) = split_header(value)?;
        let members = match header.roster {
            0 => None,
            version => Some(members(version)?),
        };
        Some(Self {
            conversation,
            first: MessageId(number_at_end(key)?),
            header,
            sent_at: Timestamp::from_millisecond(header.sent_at_ms).ok()?,
            members,
            rest,
            author: None,
        })
    }

    /// The number of its last message.
    pub(super) fn last(&self) -> MessageId {
        MessageId(self.first.0 + self.header.span)
    }

    /// Adds the messages between two numbers, both included, to `found`.
    pub(super) fn read(
        mut self,
        from: MessageId,
        to: MessageId,
        found: &mut Vec<Message>,
    ) -> Option<()> {
        while let Some(record) = self.next_record()? {
            let id = MessageId(self.first.0 + record.offset);
            if id > to {
                break;
            }
            if id >= from {
                let message = self.message(id, &record)?;
                found.push(message);
            }
        }
        Some(())
    }

    /// Shows the messages that a mark says to be read.
    pub(super) fn read_by(
        mut self,
        mark: &ReadMark,
        visit: &mut dyn FnMut(Unarchived<'_>),
    ) -> Option<()> {
        while let Some(record) = self.next_record()? {
            let id = MessageId(self.first.0 + record.offset);
            if id > mark.last {
                break;
            }
            let (from, group) = match (self.conversation, &record.from) {
                (Conversation::Pair(lesser, _), Author::Lesser) => (lesser.as_str(), None),
                (Conversation::Pair(_, greater), Author::Greater) => (greater.as_str(), None),
                (Conversation::Group(name), Author::Member(author)) => (*author, Some(name)),
                _ => return None,
            };
            let is_of_others = from != mark.reader.as_str();
            let is_for_reader = match (self.conversation, &self.members) {
                (Conversation::Pair(lesser, greater), _) => is_of_others || lesser == greater,
                (_, Some(members)) => is_of_others && members.contains(&mark.reader),
                _ => return None,
            };
            if id >= mark.first && is_for_reader {
                visit(Unarchived {
                    id,
                    sent_at: self.sent_at,
                    from,
                    group,
                    text: record.text,
                });
            }
        }
        Some(())
    }

    /// The next message; the outer `None` if it cannot be read.
    fn next_record(&mut self) -> Option<Option<MessageRecord<'a>>> {
        if self.rest.is_empty() {
            return Some(None);
        }
        let (record, rest) = postcard::take_from_bytes(self.rest).ok()?;
        self.rest = rest;
        Some(Some(record))
    }

    fn message(&mut self, id: MessageId, record: &MessageRecord<'_>) -> Option<Message> {
        let (from, to) = match (self.conversation, &record.from) {
            (Conversation::Pair(lesser, greater), Author::Lesser) => (lesser.clone(), greater),
            (Conversation::Pair(lesser, greater), Author::Greater) => (greater.clone(), lesser),
            (Conversation::Group(name), Author::Member(author)) => (self.author(author)?, name),
            _ => return None,
        };
        Some(Message {
            id,
            sent_at: self.sent_at,
            from,
            to: to.clone(),
            members: self.members.clone(),
            tag: record.tag.map(Tag::parse).transpose().ok()?,
            text: Text::from(record.text),
        })
    }

    fn author(&mut self, name: &str) -> Option<Login> {
        if self.author.as_ref().is_none_or(|one| one.as_str() != name) {
            let members = self.members.as_ref()?;
            // The member's own login, if only to save memory.
            self.author = match members.get(name) {
                Some(member) => Some(member.clone()),
                None => Login::parse(name).ok(),
            };
        }
        self.author.clone()
    }
}
