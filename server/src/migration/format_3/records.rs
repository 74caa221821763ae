//! From the bytes of a store of format 3 to values. What cannot be read is `None`.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use mensageiro_protocol::{Login, Text};
use serde::{Deserialize, de::DeserializeOwned};

use crate::model::{
    conversation::Conversation,
    cursor::Cursor,
    message::{MessageId, ReadMark, Tag},
};

/// The first byte of most records is the version of their format.
pub(super) const VERSION: u8 = 3;

/// The kinds of conversation keys.
const PAIR: u8 = 1;
const GROUP: u8 = 2;

/// Who belonged to a group at some moment.
pub(super) type Members = Arc<BTreeSet<Login>>;

/// A message as a block has it; the conversation and the members of the group are the block's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) id: MessageId,
    pub(super) sent_at: Timestamp,
    pub(super) from: Login,
    pub(super) tag: Option<Tag>,
    pub(super) text: Text,
}

#[derive(Deserialize)]
struct CursorRecord {
    delivered: MessageId,
    delivered_at_ms: i64,
    read: MessageId,
    read_at_ms: i64,
    changed: MessageId,
    left: Option<MessageId>,
}

#[derive(Deserialize)]
struct MarkRecord<'a> {
    reader: &'a str,
    /// Its key, which is text too.
    conversation: &'a str,
    first: MessageId,
    last: MessageId,
    read_at_ms: i64,
}

#[derive(Deserialize)]
struct RosterRecord<'a> {
    group: &'a str,
    #[serde(borrow)]
    members: Vec<&'a str>,
}

/// What stands before the messages of a block.
#[derive(Deserialize)]
pub(super) struct BlockHeader {
    /// Of the first message.
    sent_at_ms: i64,
    /// The id of the last message less that of the first.
    _span: u64,
    /// Of a group: the number of its members. 0: a pair.
    pub(super) roster: u32,
}

#[derive(Deserialize)]
struct MessageRecord<'a> {
    /// Added to the id of the message before it in the block; 0 for the first one.
    further: u64,
    /// Added to the time of the message before it.
    later_ms: i64,
    from: Author<'a>,
    tag: Option<&'a str>,
    text: &'a str,
}

#[derive(Deserialize)]
enum Author<'a> {
    /// The lesser login of a pair.
    Lesser,
    /// The greater one.
    Greater,
    /// A member of a group.
    Member(&'a str),
    /// The same, and who did not get the message: of each how many members stand between it and the one before.
    MemberMissed(
        &'a str,
        #[expect(dead_code, reason = "it says how many bytes it takes")] &'a [u8],
    ),
}

/// Reads a conversation's key and gives back what follows it: a kind, then names, each followed by a zero byte.
pub(super) fn split_conversation(key: &[u8]) -> Option<(Conversation, &[u8])> {
    let (&kind, rest) = key.split_first()?;
    let (first, rest) = split_login(rest)?;
    match kind {
        PAIR => {
            let (second, rest) = split_login(rest)?;
            Some((Conversation::Pair(first, second), rest))
        }
        GROUP => Some((Conversation::Group(first), rest)),
        _ => None,
    }
}

/// The key of a conversation's block whose first message has this id.
pub(super) fn block_key(conversation: &Conversation, first: MessageId) -> Vec<u8> {
    let (kind, names) = match conversation {
        Conversation::Pair(lesser, greater) => (PAIR, [Some(lesser), Some(greater)]),
        Conversation::Group(name) => (GROUP, [Some(name), None]),
    };
    let mut key = vec![kind];
    for name in names.into_iter().flatten() {
        key.extend_from_slice(name.as_str().as_bytes());
        key.push(0);
    }
    key.extend_from_slice(&first.0.to_be_bytes());
    key
}

/// The conversation of a block and the id of its first message.
pub(super) fn split_block_key(key: &[u8]) -> Option<(Conversation, MessageId)> {
    let (conversation, rest) = split_conversation(key)?;
    Some((conversation, MessageId(number(rest)?)))
}

fn split_login(bytes: &[u8]) -> Option<(Login, &[u8])> {
    let end = bytes.iter().position(|&byte| byte == 0)?;
    Some((login(&bytes[..end])?, &bytes[end + 1..]))
}

/// One that today's rules would refuse stays valid.
fn login(bytes: &[u8]) -> Option<Login> {
    Login::kept(str::from_utf8(bytes).ok()?).ok()
}

pub(super) fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

/// Where, who and how far.
pub(super) fn cursor(key: &[u8], value: &[u8]) -> Option<(Conversation, Login, Cursor)> {
    let (conversation, user) = split_conversation(key)?;
    let record: CursorRecord = whole(value)?;
    let cursor = Cursor {
        delivered: record.delivered,
        delivered_at: Timestamp::from_millisecond(record.delivered_at_ms).ok()?,
        read: record.read,
        read_at: Timestamp::from_millisecond(record.read_at_ms).ok()?,
        changed: record.changed,
        left: record.left,
    };
    Some((conversation, login(user)?, cursor))
}

/// Read marks whose numbers follow one another; that of the first is the key.
pub(super) fn marks(key: &[u8], value: &[u8]) -> Option<Vec<ReadMark>> {
    let mut number = number(key)?;
    let mut rest = versioned(value)?;
    let mut marks = Vec::new();
    while !rest.is_empty() {
        let record: MarkRecord<'_>;
        (record, rest) = postcard::take_from_bytes(rest).ok()?;
        marks.push(ReadMark {
            number,
            reader: Login::kept(record.reader).ok()?,
            conversation: split_conversation(record.conversation.as_bytes())?.0,
            first: record.first,
            last: record.last,
            read_at: Timestamp::from_millisecond(record.read_at_ms).ok()?,
            as_of: record.last,
        });
        number = number.checked_add(1)?;
    }
    Some(marks)
}

/// Who was last there when.
pub(super) fn seen(key: &[u8], value: &[u8]) -> Option<(Login, Timestamp)> {
    let at = i64::from_be_bytes(value.try_into().ok()?);
    Some((login(key)?, Timestamp::from_millisecond(at).ok()?))
}

/// The number of a group's members, and who they are.
pub(super) fn roster(key: &[u8], value: &[u8]) -> Option<(u32, Members)> {
    let number = u32::from_be_bytes(key.try_into().ok()?);
    let record: RosterRecord<'_> = postcard::from_bytes(versioned(value)?).ok()?;
    // A name that cannot be read makes its messages unreadable too.
    Login::kept(record.group).ok()?;
    let members = record.members.into_iter().map(Login::kept);
    Some((number, Arc::new(members.collect::<Result<_, _>>().ok()?)))
}

/// The header of a block and its messages.
pub(super) fn split_block(value: &[u8]) -> Option<(BlockHeader, &[u8])> {
    postcard::take_from_bytes(versioned(value)?).ok()
}

/// Adds the messages of a block to `found`, up to the first one that cannot be read. `None`: there is such a one.
pub(super) fn messages(
    conversation: &Conversation,
    first: MessageId,
    value: &[u8],
    members: Option<&Members>,
    found: &mut Vec<Stored>,
) -> Option<()> {
    let (header, mut rest) = split_block(value)?;
    let (mut id, mut at_ms) = (first.0, header.sent_at_ms);
    while !rest.is_empty() {
        let record: MessageRecord<'_>;
        (record, rest) = postcard::take_from_bytes(rest).ok()?;
        id = id.checked_add(record.further)?;
        at_ms = at_ms.checked_add(record.later_ms)?;
        let from = match (conversation, record.from) {
            (Conversation::Pair(lesser, _), Author::Lesser) => lesser.clone(),
            (Conversation::Pair(_, greater), Author::Greater) => greater.clone(),
            // Members whose mailboxes were full get it now, if they have not read on.
            (Conversation::Group(_), Author::Member(name) | Author::MemberMissed(name, _)) => {
                member(members?, name)?
            }
            _ => return None,
        };
        found.push(Stored {
            id: MessageId(id),
            sent_at: Timestamp::from_millisecond(at_ms).ok()?,
            from,
            tag: record.tag.map(Tag::parse).transpose().ok()?,
            text: Text::from(record.text),
        });
    }
    Some(())
}

/// The member's own login, if only to save memory.
fn member(members: &Members, name: &str) -> Option<Login> {
    match members.get(name) {
        Some(member) => Some(member.clone()),
        None => Login::kept(name).ok(),
    }
}

fn whole<T: DeserializeOwned>(value: &[u8]) -> Option<T> {
    postcard::from_bytes(versioned(value)?).ok()
}

fn versioned(value: &[u8]) -> Option<&[u8]> {
    match value.split_first()? {
        (&VERSION, record) => Some(record),
        _ => None,
    }
}
