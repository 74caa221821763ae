//! How keys and records look on disk (docs/STORAGE.md): plain functions from values to bytes and
//! back. What cannot be read is `None`.

use std::sync::Arc;

use jiff::Timestamp;
use mensageiro_protocol::{Login, Text};
use serde::{Deserialize, Serialize};

use super::{TagHash, Unarchived, rosters::Members};
use crate::{
    conversation::Conversation,
    mailbox::Cursor,
    message::{Message, MessageId, ReadMark, Tag},
};

/// The first byte of each record is the version of its form.
const VERSION: u8 = 2;

/// The kinds of conversation keys.
const PAIR: u8 = 1;
const GROUP: u8 = 2;

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

#[derive(Serialize, Deserialize)]
struct CursorForm {
    delivered: MessageId,
    delivered_at_ms: i64,
    read: MessageId,
    read_at_ms: i64,
    changed: MessageId,
    left: Option<MessageId>,
}

#[derive(Serialize, Deserialize)]
struct ReadForm<'a> {
    reader: &'a str,
    /// Its key, which is text too.
    conversation: &'a str,
    first: MessageId,
    last: MessageId,
    read_at_ms: i64,
}

#[derive(Serialize, Deserialize)]
struct RosterForm<'a> {
    group: &'a str,
    #[serde(borrow)]
    members: Vec<&'a str>,
}

/// Kind, names each followed by a zero byte, which no login holds.
pub(super) fn conversation_key(conversation: &Conversation) -> Vec<u8> {
    let (kind, names) = match conversation {
        Conversation::Pair(lesser, greater) => (PAIR, [Some(lesser), Some(greater)]),
        Conversation::Group(name) => (GROUP, [Some(name), None]),
    };
    let mut key = Vec::with_capacity(48);
    key.push(kind);
    for name in names.into_iter().flatten() {
        key.extend_from_slice(name.as_str().as_bytes());
        key.push(0);
    }
    key
}

/// Reads a conversation's key and gives back what follows it.
pub(super) fn split_conversation(key: &[u8]) -> Option<(Conversation, &[u8])> {
    let (&kind, rest) = key.split_first()?;
    match kind {
        PAIR => {
            let (lesser, rest) = split_login(rest)?;
            let (greater, rest) = split_login(rest)?;
            Some((Conversation::Pair(lesser, greater), rest))
        }
        GROUP => {
            let (name, rest) = split_login(rest)?;
            Some((Conversation::Group(name), rest))
        }
        _ => None,
    }
}

fn split_login(bytes: &[u8]) -> Option<(Login, &[u8])> {
    let end = bytes.iter().position(|&byte| byte == 0)?;
    Some((login(&bytes[..end])?, &bytes[end + 1..]))
}

pub(super) fn login(bytes: &[u8]) -> Option<Login> {
    Login::parse(str::from_utf8(bytes).ok()?).ok()
}

/// A conversation's key followed by a number.
pub(super) fn numbered(mut key: Vec<u8>, id: MessageId) -> Vec<u8> {
    key.extend_from_slice(&id.0.to_be_bytes());
    key
}

/// The number at the end of a key.
pub(super) fn number_at_end(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(*key.last_chunk()?))
}

pub(super) fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
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

pub(super) fn cursor_value(cursor: &Cursor) -> Vec<u8> {
    record(&CursorForm {
        delivered: cursor.delivered,
        delivered_at_ms: cursor.delivered_at.as_millisecond(),
        read: cursor.read,
        read_at_ms: cursor.read_at.as_millisecond(),
        changed: cursor.changed,
        left: cursor.left,
    })
}

pub(super) fn cursor(value: &[u8]) -> Option<Cursor> {
    let form: CursorForm = postcard::from_bytes(versioned(value)?).ok()?;
    Some(Cursor {
        delivered: form.delivered,
        delivered_at: Timestamp::from_millisecond(form.delivered_at_ms).ok()?,
        read: form.read,
        read_at: Timestamp::from_millisecond(form.read_at_ms).ok()?,
        changed: form.changed,
        left: form.left,
    })
}

/// Marks whose numbers follow one another; that of the first is the key.
pub(super) fn reads_value<'a>(marks: impl IntoIterator<Item = &'a ReadMark>) -> Vec<u8> {
    let mut value = vec![VERSION];
    for mark in marks {
        let conversation = conversation_key(&mark.conversation);
        append(
            &ReadForm {
                reader: mark.reader.as_str(),
                // Made of logins and two ASCII characters.
                conversation: str::from_utf8(&conversation).unwrap_or_default(),
                first: mark.first,
                last: mark.last,
                read_at_ms: mark.read_at.as_millisecond(),
            },
            &mut value,
        );
    }
    value
}

pub(super) fn reads(key: &[u8], value: &[u8]) -> Option<Vec<ReadMark>> {
    let mut number = number(key)?;
    let mut rest = versioned(value)?;
    let mut marks = Vec::new();
    while !rest.is_empty() {
        let (form, left) = postcard::take_from_bytes(rest).ok()?;
        rest = left;
        let form: ReadForm<'_> = form;
        marks.push(ReadMark {
            number,
            reader: Login::parse(form.reader).ok()?,
            conversation: split_conversation(form.conversation.as_bytes())?.0,
            first: form.first,
            last: form.last,
            read_at: Timestamp::from_millisecond(form.read_at_ms).ok()?,
        });
        number += 1;
    }
    Some(marks)
}

pub(super) fn roster_value(group: &Login, members: &Members) -> Vec<u8> {
    record(&RosterForm {
        group: group.as_str(),
        members: members.iter().map(Login::as_str).collect(),
    })
}

pub(super) fn roster(value: &[u8]) -> Option<(Login, Members)> {
    let form: RosterForm<'_> = postcard::from_bytes(versioned(value)?).ok()?;
    let members = form.members.into_iter().map(Login::parse);
    Some((
        Login::parse(form.group).ok()?,
        Arc::new(members.collect::<Result<_, _>>().ok()?),
    ))
}

/// A login, a zero byte, the number of the first message.
pub(super) fn tags_key(login: &Login, first: MessageId) -> Vec<u8> {
    let mut key = Vec::with_capacity(login.as_str().len() + 9);
    key.extend_from_slice(login.as_str().as_bytes());
    key.push(0);
    numbered(key, first)
}

/// The beginning of a record of tags.
pub(super) fn write_tags_header(sent_at: Timestamp, out: &mut Vec<u8>) {
    out.push(VERSION);
    out.extend_from_slice(&sent_at.as_millisecond().to_be_bytes());
}

pub(super) fn write_tag(hash: TagHash, id: MessageId, out: &mut Vec<u8>) {
    out.extend_from_slice(&hash.0.to_be_bytes());
    out.extend_from_slice(&id.0.to_be_bytes());
}

/// When the messages were sent, and for each tag its message.
pub(super) fn tags(value: &[u8]) -> Option<(Timestamp, Vec<(TagHash, MessageId)>)> {
    let (sent_at, tags) = versioned(value)?.split_first_chunk()?;
    let sent_at = Timestamp::from_millisecond(i64::from_be_bytes(*sent_at)).ok()?;
    let (tags, []) = tags.as_chunks::<24>() else {
        return None;
    };
    let tag = |bytes: &[u8; 24]| {
        let (hash, id) = bytes.split_first_chunk()?;
        let hash = TagHash(u128::from_be_bytes(*hash));
        Some((hash, MessageId(number(id)?)))
    };
    Some((sent_at, tags.iter().map(tag).collect::<Option<_>>()?))
}

fn versioned(value: &[u8]) -> Option<&[u8]> {
    match value.split_first()? {
        (&VERSION, record) => Some(record),
        _ => None,
    }
}

fn record(form: &impl Serialize) -> Vec<u8> {
    let mut value = vec![VERSION];
    append(form, &mut value);
    value
}

fn append(form: &impl Serialize, out: &mut Vec<u8>) {
    // Writing plain structs to a growing vector cannot fail.
    if let Ok(longer) = postcard::to_extend(form, std::mem::take(out)) {
        *out = longer;
    }
}
