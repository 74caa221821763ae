//! How messages of one conversation that were stored together look on disk.

use std::iter;

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
    message::{Message, MessageId, MissedBy, ReadMark, Tag, is_among},
};

/// A block with more bytes of text than this is ended, so that nobody reads much to get little.
pub(super) const BLOCK_BYTES: usize = 64 * 1024;

/// What stands before the messages of a block.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct BlockHeader {
    /// Of the first message.
    pub(super) sent_at_ms: i64,
    /// From the number of the first message, which is in the key, to that of the last.
    pub(super) span: u64,
    /// Of a group: the version of its members. 0: a pair.
    pub(super) roster: u32,
}

/// One message of a block.
#[derive(Serialize, Deserialize)]
pub(super) struct MessageRecord<'a> {
    /// Added to the number of the message before it in the block; 0 for the first one.
    further: u64,
    /// Added to the time of the message before it; less than nothing where a clock was set back.
    later_ms: i64,
    pub(super) from: Author<'a>,
    pub(super) tag: Option<&'a str>,
    text: &'a str,
}

/// How a block's first message begins: nothing is added to its number and its time.
const FIRST: [u8; 2] = [0, 0];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Author<'a> {
    /// The lesser login of a pair.
    Lesser,
    /// The greater one.
    Greater,
    /// A member of a group.
    Member(&'a str),
    /// The same, and who of the members did not get the message: the places of these in the order of all
    /// (see [`write_places`]).
    MemberMissed(&'a str, &'a [u8]),
}

impl<'a> Author<'a> {
    /// The name, of a group's message.
    pub(super) fn member(self) -> Option<&'a str> {
        match self {
            Self::Member(name) | Self::MemberMissed(name, _) => Some(name),
            Self::Lesser | Self::Greater => None,
        }
    }

    /// Who did not get it; the outer `None` if that cannot be read.
    fn missed_by(self, members: &Members) -> Option<MissedBy> {
        let Self::MemberMissed(_, mut places) = self else {
            return Some(None);
        };
        let mut others = members.iter();
        let mut missed_by = Vec::new();
        while !places.is_empty() {
            let (skipped, rest): (usize, _) = postcard::take_from_bytes(places).ok()?;
            missed_by.push(others.nth(skipped)?.clone());
            places = rest;
        }
        Some(Some(missed_by.into()))
    }
}

/// Of each of some members, which come in order, how many others stand between it and the one before. Where
/// many are missing that is a byte for each.
fn write_places(members: &Members, some: &[Login], out: &mut Vec<u8>) {
    let mut some = some.iter().peekable();
    let mut skipped = 0_usize;
    for member in &**members {
        if some.next_if_eq(&member).is_some() {
            append(&skipped, out);
            skipped = 0;
        } else {
            skipped += 1;
        }
    }
}

/// The messages that follow a block's header, with their numbers and times.
#[derive(Clone, Copy)]
pub(super) struct Records<'a> {
    rest: &'a [u8],
    id: MessageId,
    at_ms: i64,
}

/// The messages of a conversation, parted where the members of the group change and where it
/// would be too long. No part is empty.
pub(super) fn parts(messages: &[Message]) -> impl Iterator<Item = &[Message]> {
    let mut rest = messages;
    iter::from_fn(move || {
        let first = rest.first()?;
        let mut bytes = 0;
        let is_together = |message: &&Message| {
            bytes += message.text.len();
            message.members == first.members && bytes <= BLOCK_BYTES
        };
        let more = rest[1..].iter().take_while(is_together).count();
        let (part, left) = rest.split_at(1 + more);
        rest = left;
        Some(part)
    })
}

/// Appends the block of one such part; `roster` stands for the members of the group.
pub(super) fn write(conversation: &Conversation, part: &[Message], roster: u32, out: &mut Vec<u8>) {
    let (Some(first), Some(last)) = (part.first(), part.last()) else {
        return;
    };
    let (mut id, mut at_ms) = (first.id, first.sent_at.as_millisecond());
    let header = BlockHeader {
        sent_at_ms: at_ms,
        span: last.id.0 - id.0,
        roster,
    };
    write_header(&header, out);
    let mut missed = Vec::new();
    for message in part {
        let author = message.from.as_str();
        let from = match (conversation, &message.members, &message.missed_by) {
            (Conversation::Pair(lesser, _), ..) if *lesser == message.from => Author::Lesser,
            (Conversation::Pair(..), ..) => Author::Greater,
            (Conversation::Group(_), Some(members), Some(missed_by)) => {
                missed.clear();
                write_places(members, missed_by, &mut missed);
                Author::MemberMissed(author, &missed)
            }
            (Conversation::Group(_), ..) => Author::Member(author),
        };
        let sent_at_ms = message.sent_at.as_millisecond();
        let record = MessageRecord {
            further: message.id.0 - id.0,
            later_ms: sent_at_ms - at_ms,
            from,
            tag: message.tag.as_ref().map(Tag::as_str),
            text: message.text.as_str(),
        };
        append(&record, out);
        (id, at_ms) = (message.id, sent_at_ms);
    }
}

/// Appends what stands before the messages.
pub(super) fn write_header(header: &BlockHeader, out: &mut Vec<u8>) {
    out.push(VERSION);
    append(header, out);
}

/// Appends the messages of a block, the first one of which is so much further and later than the
/// one before it. `None`: they are not the messages of a block.
pub(super) fn write_further(
    records: &[u8],
    further: u64,
    later_ms: i64,
    out: &mut Vec<u8>,
) -> Option<()> {
    let rest = records.strip_prefix(&FIRST)?;
    append(&(further, later_ms), out);
    out.extend_from_slice(rest);
    Some(())
}

/// The header of a block and its messages; `first`: the number in its key.
pub(super) fn split(first: MessageId, value: &[u8]) -> Option<(BlockHeader, Records<'_>)> {
    let (header, rest): (BlockHeader, _) = postcard::take_from_bytes(versioned(value)?).ok()?;
    let records = Records::new(first, header.sent_at_ms, rest);
    Some((header, records))
}

impl<'a> Records<'a> {
    /// Of a block whose first message has this number and time.
    pub(super) fn new(first: MessageId, sent_at_ms: i64, bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            id: first,
            at_ms: sent_at_ms,
        }
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// How many bytes that is, and the number and the time of the message before.
    pub(super) fn place(&self) -> (usize, MessageId, i64) {
        (self.rest.len(), self.id, self.at_ms)
    }

    /// The next message with its number and its time in ms; the outer `None` if it cannot be read.
    pub(super) fn next(&mut self) -> Option<Option<(MessageId, i64, MessageRecord<'a>)>> {
        if self.rest.is_empty() {
            return Some(None);
        }
        let (record, rest): (MessageRecord<'a>, _) = postcard::take_from_bytes(self.rest).ok()?;
        self.rest = rest;
        self.id = MessageId(self.id.0.checked_add(record.further)?);
        self.at_ms = self.at_ms.checked_add(record.later_ms)?;
        Some(Some((self.id, self.at_ms, record)))
    }
}

/// A block that is read message by message.
pub(super) struct BlockReader<'a> {
    conversation: &'a Conversation,
    last: MessageId,
    members: Option<Members>,
    records: Records<'a>,
    /// The author before, to whom the next message most likely belongs too.
    author: Option<Login>,
}

impl<'a> BlockReader<'a> {
    /// Of a block in the database.
    pub(super) fn new(
        conversation: &'a Conversation,
        key: &[u8],
        value: &'a [u8],
        members: impl FnOnce(u32) -> Option<Members>,
    ) -> Option<Self> {
        let first = MessageId(number_at_end(key)?);
        let (header, records) = split(first, value)?;
        let members = match header.roster {
            0 => None,
            version => Some(members(version)?),
        };
        let last = MessageId(first.0.checked_add(header.span)?);
        Some(Self::of(conversation, last, members, records))
    }

    /// Of messages up to `last`, to these members of a group.
    pub(super) fn of(
        conversation: &'a Conversation,
        last: MessageId,
        members: Option<Members>,
        records: Records<'a>,
    ) -> Self {
        Self {
            conversation,
            last,
            members,
            records,
            author: None,
        }
    }

    /// The number of its last message.
    pub(super) fn last(&self) -> MessageId {
        self.last
    }

    /// Adds the messages between two numbers, both included, to `found`.
    pub(super) fn read(
        mut self,
        from: MessageId,
        to: MessageId,
        found: &mut Vec<Message>,
    ) -> Option<()> {
        while let Some((id, at_ms, record)) = self.records.next()? {
            if id > to {
                break;
            }
            if id >= from {
                let message = self.message(id, at_ms, &record)?;
                found.push(message);
            }
        }
        Some(())
    }

    /// Who belonged to the group, if it is one.
    pub(super) fn members(&self) -> Option<Members> {
        self.members.clone()
    }

    /// Shows the messages that a mark says to be read. Returns those after them.
    pub(super) fn read_by(
        self,
        mark: &ReadMark,
        visit: &mut dyn FnMut(Unarchived<'_>),
    ) -> Option<Records<'a>> {
        let mut records = self.records;
        loop {
            let here = records;
            let Some((id, at_ms, record)) = records.next()? else {
                return Some(here);
            };
            if id > mark.last {
                return Some(here);
            }
            let (from, group) = match (self.conversation, &record.from) {
                (Conversation::Pair(lesser, _), Author::Lesser) => (lesser.as_str(), None),
                (Conversation::Pair(_, greater), Author::Greater) => (greater.as_str(), None),
                (Conversation::Group(name), from) => (from.member()?, Some(name)),
                _ => return None,
            };
            let is_of_others = from != mark.reader.as_str();
            let is_for_reader = match (self.conversation, &self.members) {
                (Conversation::Pair(lesser, greater), _) => is_of_others || lesser == greater,
                (_, Some(members)) => {
                    is_of_others
                        && members.contains(&mark.reader)
                        && !is_among(&record.from.missed_by(members)?, &mark.reader)
                }
                _ => return None,
            };
            if id >= mark.first && is_for_reader {
                visit(Unarchived {
                    id,
                    sent_at: Timestamp::from_millisecond(at_ms).ok()?,
                    from,
                    group,
                    text: record.text,
                });
            }
        }
    }

    fn message(
        &mut self,
        id: MessageId,
        at_ms: i64,
        record: &MessageRecord<'_>,
    ) -> Option<Message> {
        let (from, to) = match (self.conversation, &record.from) {
            (Conversation::Pair(lesser, greater), Author::Lesser) => (lesser.clone(), greater),
            (Conversation::Pair(lesser, greater), Author::Greater) => (greater.clone(), lesser),
            (Conversation::Group(name), from) => (self.author(from.member()?)?, name),
            _ => return None,
        };
        let missed_by = match &self.members {
            Some(members) => record.from.missed_by(members)?,
            None => None,
        };
        Some(Message {
            id,
            sent_at: Timestamp::from_millisecond(at_ms).ok()?,
            from,
            to: to.clone(),
            members: self.members.clone(),
            missed_by,
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
                None => Login::kept(name).ok(),
            };
        }
        self.author.clone()
    }
}
