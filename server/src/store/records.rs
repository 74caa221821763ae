//! How keys and records look on disk (docs/STORAGE.md): plain functions from values to bytes and
//! back. What cannot be read is `None`.

use std::sync::Arc;

use jiff::Timestamp;
use mensageiro_protocol::Login;
use serde::{Deserialize, Serialize};

use super::{TagHash, rosters::Members};
use crate::{
    conversation::Conversation,
    mailbox::Cursor,
    message::{MessageId, ReadMark},
};

/// The first byte of each record is the version of its form.
pub(super) const VERSION: u8 = 2;

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

pub(super) fn versioned(value: &[u8]) -> Option<&[u8]> {
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

pub(super) fn append(form: &impl Serialize, out: &mut Vec<u8>) {
    // Writing plain structs to a growing vector cannot fail.
    if let Ok(longer) = postcard::to_extend(form, std::mem::take(out)) {
        *out = longer;
    }
}
