//! How keys and records look on disk (docs/STORAGE.md): plain functions from values to bytes and
//! back. What cannot be read is `None`.

use std::sync::Arc;

use jiff::Timestamp;
use mensageiro_protocol::Login;
use serde::{Deserialize, Serialize};

use super::{CursorRecord, TagRecord, rosters::Members};
use crate::{
    conversation::Conversation,
    mailbox::Cursor,
    message::{MessageId, ReadMark, TagHash},
};

/// The first byte of each record is the version of its form.
pub(super) const VERSION: u8 = 3;

/// The kinds of conversation keys.
const PAIR: u8 = 1;
const GROUP: u8 = 2;

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
    let mut key = Vec::with_capacity(48);
    write_conversation(conversation, &mut key);
    key
}

fn write_conversation(conversation: &Conversation, key: &mut Vec<u8>) {
    let (kind, names) = match conversation {
        Conversation::Pair(lesser, greater) => (PAIR, [Some(lesser), Some(greater)]),
        Conversation::Group(name) => (GROUP, [Some(name), None]),
    };
    key.push(kind);
    for name in names.into_iter().flatten() {
        key.extend_from_slice(name.as_str().as_bytes());
        key.push(0);
    }
}

/// A conversation's key and the number of a block's first message.
pub(super) fn write_block_key(conversation: &Conversation, first: MessageId, key: &mut Vec<u8>) {
    write_conversation(conversation, key);
    key.extend_from_slice(&first.0.to_be_bytes());
}

/// A conversation's key and a user.
pub(super) fn write_cursor_key(record: &CursorRecord, key: &mut Vec<u8>) {
    write_conversation(&record.conversation, key);
    key.extend_from_slice(record.user.as_str().as_bytes());
}

/// The names in a conversation's key: two of a pair, that of a group and nothing.
pub(super) fn names(key: &[u8]) -> Option<[&[u8]; 2]> {
    let (&kind, rest) = key.split_first()?;
    let mut names = rest.split(|&byte| byte == 0);
    let first = names.next()?;
    let second = if kind == PAIR { names.next()? } else { &[] };
    Some([first, second])
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
    Login::kept(str::from_utf8(bytes).ok()?).ok()
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

pub(super) fn write_cursor(cursor: &Cursor, out: &mut Vec<u8>) {
    out.push(VERSION);
    let form = CursorForm {
        delivered: cursor.delivered,
        delivered_at_ms: cursor.delivered_at.as_millisecond(),
        read: cursor.read,
        read_at_ms: cursor.read_at.as_millisecond(),
        changed: cursor.changed,
        left: cursor.left,
    };
    append(&form, out);
}

pub(super) fn cursor_record(key: &[u8], value: &[u8]) -> Option<CursorRecord> {
    let (conversation, user) = split_conversation(key)?;
    Some(CursorRecord {
        conversation,
        user: login(user)?,
        cursor: cursor(value)?,
    })
}

fn cursor(value: &[u8]) -> Option<Cursor> {
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
pub(super) fn write_reads<'a>(marks: impl IntoIterator<Item = &'a ReadMark>, out: &mut Vec<u8>) {
    out.push(VERSION);
    let mut conversation = Vec::with_capacity(48);
    for mark in marks {
        conversation.clear();
        write_conversation(&mark.conversation, &mut conversation);
        append(
            &ReadForm {
                reader: mark.reader.as_str(),
                // Made of logins and two ASCII characters.
                conversation: str::from_utf8(&conversation).unwrap_or_default(),
                first: mark.first,
                last: mark.last,
                read_at_ms: mark.read_at.as_millisecond(),
            },
            out,
        );
    }
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
            reader: Login::kept(form.reader).ok()?,
            conversation: split_conversation(form.conversation.as_bytes())?.0,
            first: form.first,
            last: form.last,
            read_at: Timestamp::from_millisecond(form.read_at_ms).ok()?,
        });
        number += 1;
    }
    Some(marks)
}

pub(super) fn seen_record(key: &[u8], value: &[u8]) -> Option<(Login, Timestamp)> {
    let at = i64::from_be_bytes(value.try_into().ok()?);
    Some((login(key)?, Timestamp::from_millisecond(at).ok()?))
}

pub(super) fn roster_value(group: &Login, members: &Members) -> Vec<u8> {
    let form = RosterForm {
        group: group.as_str(),
        members: members.iter().map(Login::as_str).collect(),
    };
    let mut value = vec![VERSION];
    append(&form, &mut value);
    value
}

pub(super) fn roster(value: &[u8]) -> Option<(Login, Members)> {
    let form: RosterForm<'_> = postcard::from_bytes(versioned(value)?).ok()?;
    let members = form.members.into_iter().map(Login::kept);
    Some((
        Login::kept(form.group).ok()?,
        Arc::new(members.collect::<Result<_, _>>().ok()?),
    ))
}

/// A login, a zero byte, the number of the message a record begins with.
pub(super) fn tags_key(login: &[u8], id: MessageId) -> Vec<u8> {
    let mut key = Vec::with_capacity(login.len() + 9);
    key.extend_from_slice(login);
    key.push(0);
    numbered(key, id)
}

/// Bytes of tags in one record, at most.
const TAGS_BYTES: usize = 16 * 1024;

/// A record of tags of one login that grows: a message and its time, then for each tag its hash,
/// its message and its time, the latter two less those of the one message.
#[derive(Debug)]
pub(super) struct TagsWriter {
    base: TagsHeader,
    value: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct TagsHeader {
    id: MessageId,
    at_ms: i64,
}

/// What follows the hash of a tag.
#[derive(Serialize, Deserialize)]
struct TagForm {
    further: i64,
    later_ms: i64,
}

impl TagsWriter {
    /// Begins with a message that no other record begins with.
    pub(super) fn new(id: MessageId, at_ms: i64) -> Self {
        let base = TagsHeader { id, at_ms };
        let mut value = vec![VERSION];
        append(&base, &mut value);
        Self { base, value }
    }

    pub(super) fn is_full(&self) -> bool {
        self.value.len() >= TAGS_BYTES
    }

    pub(super) fn add(&mut self, hash: TagHash, id: MessageId, at_ms: i64) {
        self.value.extend_from_slice(&hash.0.to_be_bytes());
        let form = TagForm {
            further: id.0.wrapping_sub(self.base.id.0).cast_signed(),
            later_ms: at_ms.wrapping_sub(self.base.at_ms),
        };
        append(&form, &mut self.value);
    }

    /// The message it begins with.
    pub(super) fn id(&self) -> MessageId {
        self.base.id
    }

    /// As it is stored.
    pub(super) fn value(&self) -> &[u8] {
        &self.value
    }
}

/// The tags of a record.
pub(super) fn tags(value: &[u8]) -> Option<Vec<TagRecord>> {
    let (base, mut rest) = postcard::take_from_bytes::<TagsHeader>(versioned(value)?).ok()?;
    let mut tags = Vec::with_capacity(rest.len() / 20);
    while !rest.is_empty() {
        let (hash, left) = rest.split_first_chunk()?;
        let (form, left) = postcard::take_from_bytes::<TagForm>(left).ok()?;
        rest = left;
        let at_ms = base.at_ms.wrapping_add(form.later_ms);
        tags.push(TagRecord {
            hash: TagHash(u128::from_be_bytes(*hash)),
            id: MessageId(base.id.0.wrapping_add_signed(form.further)),
            sent_at: Timestamp::from_millisecond(at_ms).ok()?,
        });
    }
    Some(tags)
}

pub(super) fn versioned(value: &[u8]) -> Option<&[u8]> {
    match value.split_first()? {
        (&VERSION, record) => Some(record),
        _ => None,
    }
}

pub(super) fn append(form: &impl Serialize, out: &mut Vec<u8>) {
    // Writing plain structs to a growing vector cannot fail.
    if let Ok(longer) = postcard::to_extend(form, std::mem::take(out)) {
        *out = longer;
    }
}
