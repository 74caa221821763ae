//! The rows of the table `state`: the meaning of keys and values. The first byte of a key is its kind; rows are read in this
//! order.

use std::sync::Arc;

use mensageiro_protocol::{Login, Text, live::Epoch};

use super::{
    AsideEntry, ChangeEntry, CursorEntry, DeviceEntry, GroupEntry, Header, HolderEntry,
    SettingEntry,
    pack::{Unpack, login, put, put_bytes, put_login, put_option, put_signed, put_time},
    tallies,
};
use crate::{
    log::{Identity, Position},
    model::{
        conversation::Conversation,
        cursor::Cursor,
        event::{LastNumbers, MailboxLimits, Target},
        holder::Holder,
        message::{MessageId, ReadMark},
        setting::Settings,
        waiting::Written,
    },
};

/// The one [`StoredHeader`].
pub(super) const HEADER: u8 = 0;
/// By number: a [`Chain`].
pub(super) const CHAIN: u8 = 1;
/// By the number of the conversation's chain and the user: a cursor, and what waits.
pub(super) const CURSOR: u8 = 2;
/// By name: the number of a group's current roster.
pub(super) const GROUP: u8 = 3;
/// By login: when a user was last online.
pub(super) const SEEN: u8 = 4;
/// By login, 0 and device: its window.
pub(super) const DEVICE: u8 = 5;
/// By number: a read mark that is not archived.
pub(super) const MARK: u8 = 6;

/// By number: the newest message when an epoch of the store began.
pub(super) const EPOCH: u8 = 7;
/// By kind (user or group) and name: a holder.
pub(super) const HOLDER: u8 = 9;

/// By login, 0 and conversation (nothing: the user): what is set.
pub(super) const SETTING: u8 = 10;

/// By the message that is changed, the kind of the change and the message that changes it.
pub(super) const CHANGE: u8 = 11;

/// By name: the tally of messages to a group.
pub(super) const WRITTEN: u8 = 8;

/// The number of a chain, from 1.
pub(super) type ChainNumber = u32;

/// The subject of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    /// The messages of a conversation.
    Conversation(Conversation),
    /// The messages that change others in a conversation.
    Changes(Conversation),
    /// The tags of a login.
    Tags(Login),
}

/// A sequence of blocks. Each block holds the checksum of the previous one, and this row that of the last one, so a missing
/// block is detected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) subject: Subject,
    /// The ordinal of the first block.
    pub(super) start: u64,
    /// The ordinal after the last block.
    pub(super) end: u64,
    /// The last message, even if its block was deleted.
    pub(super) last: MessageId,
    /// The checksum of the last block; 0 without blocks.
    pub(super) tail: u64,
}

/// The single values of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StoredHeader {
    /// The identity of the log that the index follows.
    pub(super) log: Identity,
    pub(super) header: Header,
    /// The highest number of a chain.
    pub(super) chains: ChainNumber,
    /// The number of other rows in the table.
    pub(super) rows: u64,
    /// The sum of their checksums, independent of their order: it detects rows that are missing or outdated.
    pub(super) sum: u64,
}

impl StoredHeader {
    /// The header of an empty index.
    pub(super) fn new(log: Identity) -> Self {
        Self {
            log,
            header: Header::default(),
            chains: 0,
            rows: 0,
            sum: 0,
        }
    }

    pub(super) fn value(&self) -> Vec<u8> {
        let header = &self.header;
        let mut out = self.log.id.to_le_bytes().to_vec();
        put(&mut out, self.log.epoch);
        put(&mut out, header.position.0);
        put(&mut out, header.last.message.0);
        put(&mut out, header.last.read_mark);
        put(&mut out, header.roster.into());
        put(&mut out, header.limits.is_some().into());
        if let Some(limits) = header.limits {
            put(&mut out, limits.messages);
            put(&mut out, limits.bytes);
        }
        put(&mut out, self.chains.into());
        put(&mut out, self.rows);
        put(&mut out, self.sum);
        out
    }

    pub(super) fn read(value: &[u8]) -> Option<Self> {
        let mut value = Unpack(value);
        let log = Identity {
            id: u128::from_le_bytes(value.array()?),
            epoch: value.int()?,
        };
        let position = Position(value.int()?);
        let last = LastNumbers {
            message: MessageId(value.int()?),
            read_mark: value.int()?,
        };
        let roster = value.int32()?;
        let limits = match value.byte()? {
            0 => None,
            _ => Some(MailboxLimits {
                messages: value.int()?,
                bytes: value.int()?,
            }),
        };
        let read = Self {
            log,
            header: Header {
                position,
                last,
                limits,
                roster,
            },
            chains: value.int32()?,
            rows: value.int()?,
            sum: value.int()?,
        };
        value.end()?;
        Some(read)
    }
}

impl Chain {
    /// A chain without blocks.
    pub(super) fn new(subject: Subject) -> Self {
        Self {
            subject,
            start: 0,
            end: 0,
            last: MessageId(0),
            tail: 0,
        }
    }

    pub(super) fn key(number: ChainNumber) -> Vec<u8> {
        let mut key = vec![CHAIN];
        key.extend_from_slice(&number.to_be_bytes());
        key
    }

    pub(super) fn value(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        match &self.subject {
            Subject::Conversation(conversation) => put_conversation(&mut out, conversation),
            Subject::Changes(conversation) => {
                put(&mut out, CHANGES);
                put_conversation(&mut out, conversation);
            }
            Subject::Tags(login) => {
                put(&mut out, TAGS);
                put_login(&mut out, login);
            }
        }
        put(&mut out, self.start);
        put(&mut out, self.end);
        put(&mut out, self.last.0);
        put(&mut out, self.tail);
        out
    }

    pub(super) fn read(key: &[u8], value: &[u8]) -> Option<(ChainNumber, Self)> {
        let number = u32::from_be_bytes(key.try_into().ok()?);
        let mut value = Unpack(value);
        let subject = match value.int()? {
            TAGS => Subject::Tags(value.login()?),
            CHANGES => {
                let kind = value.int()?;
                Subject::Changes(conversation(kind, &mut value)?)
            }
            kind => Subject::Conversation(conversation(kind, &mut value)?),
        };
        let chain = Self {
            subject,
            start: value.int()?,
            end: value.int()?,
            last: MessageId(value.int()?),
            tail: value.int()?,
        };
        value.end()?;
        (chain.start <= chain.end).then_some((number, chain))
    }
}

const PAIR: u64 = 0;
const OF_GROUP: u64 = 1;
const TAGS: u64 = 2;
const CHANGES: u64 = 3;

fn put_conversation(out: &mut Vec<u8>, conversation: &Conversation) {
    match conversation {
        Conversation::Pair(lesser, greater) => {
            put(out, PAIR);
            put_login(out, lesser);
            put_login(out, greater);
        }
        Conversation::Group(name) => {
            put(out, OF_GROUP);
            put_login(out, name);
        }
    }
}

fn conversation(kind: u64, bytes: &mut Unpack<'_>) -> Option<Conversation> {
    match kind {
        PAIR => Some(Conversation::Pair(bytes.login()?, bytes.login()?)),
        OF_GROUP => Some(Conversation::Group(bytes.login()?)),
        _ => None,
    }
}

/// The key of a row about a group or a login.
pub(super) fn name_key(kind: u8, name: &Login) -> Vec<u8> {
    [&[kind], name.as_str().as_bytes()].concat()
}

pub(super) fn cursor_key(chain: ChainNumber, user: &Login) -> Vec<u8> {
    [
        &[CURSOR],
        &chain.to_be_bytes()[..],
        user.as_str().as_bytes(),
    ]
    .concat()
}

pub(super) fn cursor_value(entry: &CursorEntry) -> Vec<u8> {
    let cursor = &entry.cursor;
    let mut out = Vec::with_capacity(64);
    put(&mut out, cursor.delivered.0);
    put_time(&mut out, cursor.delivered_at);
    put(&mut out, cursor.read.0);
    put_time(&mut out, cursor.read_at);
    put(&mut out, cursor.changed.0);
    put_option(&mut out, cursor.left.map(|left| left.0));
    tallies::put_waiting(&mut out, &entry.waiting);
    out
}

pub(super) fn read_cursor<'a>(
    key: &[u8],
    value: &[u8],
    conversation: impl FnOnce(ChainNumber) -> Option<&'a Conversation>,
) -> Option<CursorEntry> {
    let (number, user) = key.split_at_checked(size_of::<ChainNumber>())?;
    let number = u32::from_be_bytes(number.try_into().ok()?);
    cursor(value, conversation(number)?.clone(), login(user)?)
}

fn cursor(value: &[u8], conversation: Conversation, user: Login) -> Option<CursorEntry> {
    let mut value = Unpack(value);
    let cursor = Cursor {
        delivered: MessageId(value.int()?),
        delivered_at: value.time()?,
        read: MessageId(value.int()?),
        read_at: value.time()?,
        changed: MessageId(value.int()?),
        left: value.option()?.map(MessageId),
    };
    let waiting = tallies::waiting(&mut value)?;
    value.end()?;
    Some(CursorEntry {
        conversation,
        user,
        cursor,
        waiting,
    })
}

pub(super) fn written_value(written: &Written) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    tallies::put_written(&mut out, written);
    out
}

pub(super) fn read_written(key: &[u8], value: &[u8]) -> Option<GroupEntry> {
    let mut value = Unpack(value);
    let written = tallies::written(&mut value)?;
    value.end()?;
    Some(GroupEntry {
        group: login(key)?,
        written,
    })
}

pub(super) fn device_key(device: &DeviceEntry) -> Vec<u8> {
    let name = device.device.as_bytes();
    // No login has a 0 in it.
    [&name_key(DEVICE, &device.login), &[0][..], name].concat()
}

pub(super) fn read_device(key: &[u8], value: &[u8]) -> Option<DeviceEntry> {
    let end = memchr::memchr(0, key)?;
    let name = str::from_utf8(&key[end + 1..]).ok()?;
    Some(DeviceEntry {
        login: login(&key[..end])?,
        device: Arc::from(name),
        window: value.to_vec(),
    })
}

/// The key of a change. Changes of one kind of one message follow one another, in the order in which they were made.
pub(super) fn change_key(change: &ChangeEntry) -> [u8; 18] {
    let mut key = [CHANGE; 18];
    key[1..9].copy_from_slice(&change.of.0.to_be_bytes());
    key[9] = u8::from(change.is_deletion);
    key[10..].copy_from_slice(&change.by.0.to_be_bytes());
    key
}

pub(super) fn mark_key(number: u64) -> Vec<u8> {
    let mut key = vec![MARK];
    key.extend_from_slice(&number.to_be_bytes());
    key
}

pub(super) fn epoch_key(epoch: &Epoch) -> Vec<u8> {
    let mut key = vec![EPOCH];
    key.extend_from_slice(&epoch.number.to_be_bytes());
    key
}

pub(super) fn epoch_value(epoch: &Epoch) -> Vec<u8> {
    epoch.after.to_be_bytes().to_vec()
}

pub(super) fn read_epoch(key: &[u8], value: &[u8]) -> Option<Epoch> {
    Some(Epoch {
        number: u64::from_be_bytes(key.try_into().ok()?),
        after: u64::from_be_bytes(value.try_into().ok()?),
    })
}

const OF_USER: u8 = 0;

pub(super) fn holder_key(who: &Target) -> Vec<u8> {
    let (kind, name) = match who {
        Target::User(login) => (OF_USER, login),
        Target::Group(group) => (OF_GROUP as u8, group),
    };
    [&[HOLDER, kind], name.as_str().as_bytes()].concat()
}

pub(super) fn holder_value(entry: &HolderEntry) -> Vec<u8> {
    let HolderEntry { holder, aside, .. } = entry;
    let mut out = Vec::with_capacity(16);
    put(&mut out, holder.number);
    put(&mut out, holder.since.0);
    put(&mut out, holder.is_gone.into());
    put_option(&mut out, holder.before.map(|before| before.0));
    for AsideEntry {
        before,
        unread,
        settled,
    } in aside
    {
        put_conversation(&mut out, &before.conversation);
        put_bytes(&mut out, &cursor_value(before));
        put(&mut out, *unread);
        put(&mut out, *settled);
    }
    out
}

pub(super) fn read_holder(key: &[u8], value: &[u8]) -> Option<HolderEntry> {
    let (&kind, name) = key.split_first()?;
    let name = login(name)?;
    let mut value = Unpack(value);
    let holder = Holder {
        number: value.int()?,
        since: MessageId(value.int()?),
        is_gone: value.int()? != 0,
        before: value.option()?.map(MessageId),
    };
    let mut aside = Vec::new();
    while !value.is_empty() {
        let kind = value.int()?;
        let conversation = conversation(kind, &mut value)?;
        aside.push(AsideEntry {
            before: cursor(value.bytes()?, conversation, name.clone())?,
            unread: value.int()?,
            settled: value.int()?,
        });
    }
    let who = match kind {
        OF_USER => Target::User(name),
        _ => Target::Group(name),
    };
    Some(HolderEntry { who, holder, aside })
}

pub(super) fn setting_key(entry: &SettingEntry) -> Vec<u8> {
    let mut key = name_key(SETTING, &entry.login);
    // No login has a 0 in it.
    key.push(0);
    if let Some(conversation) = &entry.scope {
        put_conversation(&mut key, conversation);
    }
    key
}

/// `None`: there is no such row.
pub(super) fn setting_value(entry: &SettingEntry) -> Option<Vec<u8>> {
    let (number, at, settings) = entry.known.as_ref()?;
    let mut out = Vec::with_capacity(32 + settings.draft.len());
    put(&mut out, *number);
    put_time(&mut out, *at);
    put(&mut out, settings.is_pinned.into());
    put(&mut out, settings.muted_until.is_some().into());
    put_signed(&mut out, settings.muted_until.unwrap_or_default());
    put_option(&mut out, settings.archived.map(|id| id.0));
    put(&mut out, settings.is_marked_unread.into());
    put_bytes(&mut out, settings.draft.as_str().as_bytes());
    put_bytes(&mut out, settings.note.as_str().as_bytes());
    Some(out)
}

pub(super) fn read_setting(key: &[u8], value: &[u8]) -> Option<SettingEntry> {
    let end = memchr::memchr(0, key)?;
    let mut scope = Unpack(&key[end + 1..]);
    let scope = match scope.is_empty() {
        true => None,
        false => {
            let kind = scope.int()?;
            let conversation = conversation(kind, &mut scope)?;
            scope.end()?;
            Some(conversation)
        }
    };
    let mut value = Unpack(value);
    let (number, at) = (value.int()?, value.time()?);
    let is_pinned = value.int()? != 0;
    let is_muted = value.int()? != 0;
    let until = value.signed()?;
    let settings = Settings {
        is_pinned,
        muted_until: is_muted.then_some(until),
        archived: value.option()?.map(MessageId),
        is_marked_unread: value.int()? != 0,
        draft: text(value.bytes()?)?,
        note: text(value.bytes()?)?,
    };
    value.end()?;
    Some(SettingEntry {
        login: login(&key[..end])?,
        scope,
        known: Some((number, at, settings)),
    })
}

fn text(bytes: &[u8]) -> Option<Text> {
    str::from_utf8(bytes).ok().map(Text::from)
}

pub(super) fn mark_value(mark: &ReadMark) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    put_login(&mut out, &mark.reader);
    put_conversation(&mut out, &mark.conversation);
    put(&mut out, mark.first.0);
    put(&mut out, mark.last.0);
    put_time(&mut out, mark.read_at);
    put(&mut out, mark.as_of.0);
    out
}

pub(super) fn read_mark(key: &[u8], value: &[u8]) -> Option<ReadMark> {
    let number = u64::from_be_bytes(key.try_into().ok()?);
    let mut value = Unpack(value);
    let reader = value.login()?;
    let kind = value.int()?;
    let mark = ReadMark {
        number,
        reader,
        conversation: conversation(kind, &mut value)?,
        first: MessageId(value.int()?),
        last: MessageId(value.int()?),
        read_at: value.time()?,
        as_of: MessageId(value.int()?),
    };
    value.end()?;
    Some(mark)
}
