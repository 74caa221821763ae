//! How a batch stands in the log: CBOR maps with numbered fields (docs/STORAGE.md). A reader skips the fields and events that it
//! does not know, so a field or an event may be added at any time; the meaning of a number never changes.
//!
//! Each run of messages is a byte string with a checksum of its own, so that it can be read alone.

use std::{collections::BTreeSet, convert::Infallible, sync::Arc};

use jiff::Timestamp;
use mensageiro_protocol::{Login, Text};
use minicbor::{Decoder, Encoder, decode, encode};
use thiserror::Error;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    conversation::Conversation,
    cursor::Cursor,
    event::{Batch, Event, LastNumbers, MailboxLimits, Read, Run, Sent, Target},
    message::{MessageId, ReadMark, Tag},
};
use crate::log::Part;

/// A batch cannot be read.
#[derive(Debug, Error)]
pub enum CodecError {
    /// It is no CBOR, or a field is not what it should be.
    #[error("not an event of this log: {0}")]
    Malformed(String),
    /// A run of messages is not as it was written.
    #[error("the checksum of a run of messages is wrong")]
    Checksum,
}

/// Fields of a batch.
mod batch {
    pub const AT: u32 = 0;
    pub const LAST_MESSAGE: u32 = 1;
    pub const LAST_READ_MARK: u32 = 2;
    pub const EVENTS: u32 = 3;
}

/// Events. Each is a map of one entry, whose key says what it is.
mod event {
    pub const MESSAGES: u32 = 1;
    pub const READ: u32 = 2;
    pub const SEEN: u32 = 3;
    pub const GROUP: u32 = 4;
    pub const LIMITS: u32 = 5;
    pub const CURSOR: u32 = 6;
    pub const MARK: u32 = 7;
    pub const EPOCH: u32 = 8;
}

/// Fields of a run of messages, and of a message in it.
mod run {
    pub const FROM: u32 = 0;
    pub const TO_USER: u32 = 1;
    pub const TO_GROUP: u32 = 2;
    pub const DEVICE: u32 = 3;
    pub const AT: u32 = 4;
    pub const MISSED_BY: u32 = 5;
    pub const TEXTS: u32 = 6;

    pub const TEXT: u32 = 0;
    pub const TAG: u32 = 1;
}

/// Fields of what was read.
mod read {
    pub const BY: u32 = 0;
    pub const ALL: u32 = 1;
    pub const CONVERSATION: u32 = 2;
    pub const UP_TO: u32 = 3;
    pub const DELIVERED: u32 = 4;
}

/// Fields of the other events: each has its own numbers from 0.
mod field {
    pub const LOGIN: u32 = 0;
    pub const AT: u32 = 1;

    pub const GROUP: u32 = 0;
    pub const MEMBERS: u32 = 1;

    pub const MESSAGES: u32 = 0;
    pub const BYTES: u32 = 1;

    pub const CONVERSATION: u32 = 0;
    pub const USER: u32 = 1;
    pub const DELIVERED: u32 = 2;
    pub const DELIVERED_AT: u32 = 3;
    pub const READ: u32 = 4;
    pub const READ_AT: u32 = 5;
    pub const CHANGED: u32 = 6;
    pub const LEFT: u32 = 7;

    pub const NUMBER: u32 = 2;
    pub const FIRST: u32 = 3;
    pub const LAST: u32 = 4;
    pub const MARK_AT: u32 = 5;

    pub const EPOCH: u32 = 0;
    pub const AFTER: u32 = 1;
}

const CHECKSUM_BYTES: usize = 4;

type Written = Result<(), encode::Error<Infallible>>;
type Out<'a> = Encoder<&'a mut Vec<u8>>;
type Taken<T> = Result<T, decode::Error>;

/// Appends a batch to a payload that is empty, and notes in each run where it stands.
pub fn write_batch(batch: &mut Batch, payload: &mut Vec<u8>) {
    let mut scratch = Vec::new();
    // Memory takes everything.
    let written = try_write_batch(batch, payload, &mut scratch);
    debug_assert!(written.is_ok());
}

fn try_write_batch(batch: &mut Batch, payload: &mut Vec<u8>, scratch: &mut Vec<u8>) -> Written {
    let mut out = Encoder::new(&mut *payload);
    out.map(4)?;
    out.u32(batch::AT)?.i64(batch.at.as_millisecond())?;
    out.u32(batch::LAST_MESSAGE)?.u64(batch.last.message.0)?;
    out.u32(batch::LAST_READ_MARK)?.u64(batch.last.read_mark)?;
    out.u32(batch::EVENTS)?.array(batch.events.len() as u64)?;
    for event in &mut batch.events {
        match event {
            Event::Messages(run) => {
                scratch.clear();
                scratch.extend_from_slice(&[0; CHECKSUM_BYTES]);
                write_run(run, &mut Encoder::new(&mut *scratch))?;
                let checksum = checksum(&scratch[CHECKSUM_BYTES..]);
                scratch[..CHECKSUM_BYTES].copy_from_slice(&checksum);
                out.map(1)?.u32(event::MESSAGES)?.bytes(scratch)?;
                let end = out.writer().len();
                run.part = Part {
                    offset: (end - scratch.len()) as u32,
                    length: scratch.len() as u32,
                };
            }
            event => write_event(event, &mut out)?,
        }
    }
    Ok(())
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    (xxh3_64(bytes) as u32).to_be_bytes()
}

fn write_run(run: &Run, out: &mut Out<'_>) -> Written {
    let options = [run.device.is_some(), run.missed_by.is_some()];
    let options = options.into_iter().filter(|there| *there).count();
    out.map(4 + options as u64)?;
    out.u32(run::FROM)?.str(run.from.as_str())?;
    let (kind, to) = match &run.to {
        Target::User(to) => (run::TO_USER, to),
        Target::Group(to) => (run::TO_GROUP, to),
    };
    out.u32(kind)?.str(to.as_str())?;
    if let Some(device) = &run.device {
        out.u32(run::DEVICE)?.str(device)?;
    }
    out.u32(run::AT)?.i64(run.at.as_millisecond())?;
    if let Some(missed_by) = &run.missed_by {
        out.u32(run::MISSED_BY)?;
        write_logins(missed_by.len(), missed_by.iter(), out)?;
    }
    out.u32(run::TEXTS)?.array(run.texts.len() as u64)?;
    for Sent { tag, text } in &run.texts {
        out.map(1 + u64::from(tag.is_some()))?;
        out.u32(run::TEXT)?.str(text.as_str())?;
        if let Some(tag) = tag {
            out.u32(run::TAG)?.str(tag.as_str())?;
        }
    }
    Ok(())
}

fn write_logins<'a>(
    count: usize,
    logins: impl Iterator<Item = &'a Login>,
    out: &mut Out<'_>,
) -> Written {
    out.array(count as u64)?;
    for login in logins {
        out.str(login.as_str())?;
    }
    Ok(())
}

fn write_event(event: &Event, out: &mut Out<'_>) -> Written {
    out.map(1)?;
    match event {
        // Written by the caller, who knows where it stands.
        Event::Messages(_) => {}
        Event::Read { by, what } => {
            out.u32(event::READ)?;
            let with = match what {
                Read::Conversation { with, .. } => Some(with),
                Read::All { .. } | Read::Delivered { .. } => None,
            };
            out.map(2 + u64::from(with.is_some()))?;
            out.u32(read::BY)?.str(by.as_str())?;
            if let Some(with) = with {
                out.u32(read::CONVERSATION)?;
                write_conversation(with, out)?;
            }
            let (kind, up_to) = match what {
                Read::All { up_to } => (read::ALL, up_to),
                Read::Conversation { up_to, .. } => (read::UP_TO, up_to),
                Read::Delivered { up_to } => (read::DELIVERED, up_to),
            };
            out.u32(kind)?.u64(up_to.0)?;
        }
        Event::Seen { login, at } => {
            out.u32(event::SEEN)?.map(2)?;
            out.u32(field::LOGIN)?.str(login.as_str())?;
            out.u32(field::AT)?.i64(at.as_millisecond())?;
        }
        Event::Group { group, members } => {
            out.u32(event::GROUP)?
                .map(1 + u64::from(members.is_some()))?;
            out.u32(field::GROUP)?.str(group.as_str())?;
            if let Some(members) = members {
                out.u32(field::MEMBERS)?;
                write_logins(members.len(), members.iter(), out)?;
            }
        }
        Event::Limits(limits) => {
            out.u32(event::LIMITS)?.map(2)?;
            out.u32(field::MESSAGES)?.u64(limits.messages)?;
            out.u32(field::BYTES)?.u64(limits.bytes)?;
        }
        Event::Epoch { number, after } => {
            out.u32(event::EPOCH)?.map(1 + u64::from(after.is_some()))?;
            out.u32(field::EPOCH)?.u64(*number)?;
            if let Some(after) = after {
                out.u32(field::AFTER)?.u64(after.0)?;
            }
        }
        Event::Cursor {
            conversation,
            user,
            cursor,
        } => {
            out.u32(event::CURSOR)?
                .map(7 + u64::from(cursor.left.is_some()))?;
            out.u32(field::CONVERSATION)?;
            write_conversation(conversation, out)?;
            out.u32(field::USER)?.str(user.as_str())?;
            out.u32(field::DELIVERED)?.u64(cursor.delivered.0)?;
            out.u32(field::DELIVERED_AT)?
                .i64(cursor.delivered_at.as_millisecond())?;
            out.u32(field::READ)?.u64(cursor.read.0)?;
            out.u32(field::READ_AT)?
                .i64(cursor.read_at.as_millisecond())?;
            out.u32(field::CHANGED)?.u64(cursor.changed.0)?;
            if let Some(left) = cursor.left {
                out.u32(field::LEFT)?.u64(left.0)?;
            }
        }
        Event::Mark(mark) => {
            out.u32(event::MARK)?.map(6)?;
            out.u32(field::CONVERSATION)?;
            write_conversation(&mark.conversation, out)?;
            out.u32(field::USER)?.str(mark.reader.as_str())?;
            out.u32(field::NUMBER)?.u64(mark.number)?;
            out.u32(field::FIRST)?.u64(mark.first.0)?;
            out.u32(field::LAST)?.u64(mark.last.0)?;
            out.u32(field::MARK_AT)?
                .i64(mark.read_at.as_millisecond())?;
        }
    }
    Ok(())
}

/// One name for a group, two for a pair.
fn write_conversation(conversation: &Conversation, out: &mut Out<'_>) -> Written {
    match conversation {
        Conversation::Pair(lesser, greater) => write_logins(2, [lesser, greater].into_iter(), out),
        Conversation::Group(name) => write_logins(1, [name].into_iter(), out),
    }
}

/// Reads a batch; each run knows where it stands.
///
/// # Errors
/// [`CodecError`] when it is not as it was written. A run whose checksum is wrong is an error too.
pub fn read_batch(payload: &[u8]) -> Result<Batch, CodecError> {
    let mut checksums_hold = true;
    let batch = try_read_batch(payload, &mut checksums_hold).map_err(malformed)?;
    match checksums_hold {
        true => Ok(batch),
        false => Err(CodecError::Checksum),
    }
}

/// Reads one run, of which [`Run::part`] is left empty.
///
/// # Errors
/// [`CodecError`] when it is not as it was written.
pub fn read_run(part: &[u8]) -> Result<Run, CodecError> {
    let (sum, bytes) = part
        .split_at_checked(CHECKSUM_BYTES)
        .ok_or(CodecError::Checksum)?;
    if sum != checksum(bytes) {
        return Err(CodecError::Checksum);
    }
    take_run(&mut Decoder::new(bytes)).map_err(malformed)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn malformed(error: decode::Error) -> CodecError {
    CodecError::Malformed(error.to_string())
}

/// Reads the entries of a map: `take` takes the value of a field it knows and says true.
fn fields(
    input: &mut Decoder<'_>,
    mut take: impl FnMut(u32, &mut Decoder<'_>) -> Taken<bool>,
) -> Taken<()> {
    let count = input.map()?.ok_or_else(|| bad("a map without a length"))?;
    for _ in 0..count {
        let field = input.u32()?;
        if !take(field, input)? {
            input.skip()?;
        }
    }
    Ok(())
}

fn bad(why: &'static str) -> decode::Error {
    decode::Error::message(why)
}

fn needed<T>(value: Option<T>) -> Taken<T> {
    value.ok_or_else(|| bad("a field is missing"))
}

fn try_read_batch(payload: &[u8], checksums_hold: &mut bool) -> Taken<Batch> {
    let mut batch = Batch {
        at: Timestamp::UNIX_EPOCH,
        last: LastNumbers::default(),
        events: Vec::new(),
    };
    fields(&mut Decoder::new(payload), |field, input| {
        match field {
            batch::AT => batch.at = take_time(input)?,
            batch::LAST_MESSAGE => batch.last.message = MessageId(input.u64()?),
            batch::LAST_READ_MARK => batch.last.read_mark = input.u64()?,
            batch::EVENTS => {
                for _ in 0..take_count(input)? {
                    fields(input, |kind, input| {
                        let event = take_event(kind, input, checksums_hold)?;
                        let is_known = event.is_some();
                        batch.events.extend(event);
                        Ok(is_known)
                    })?;
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(batch)
}

fn take_count(input: &mut Decoder<'_>) -> Taken<u64> {
    input.array()?.ok_or_else(|| bad("a list without a length"))
}

fn take_event(
    kind: u32,
    input: &mut Decoder<'_>,
    checksums_hold: &mut bool,
) -> Taken<Option<Event>> {
    Ok(Some(match kind {
        event::MESSAGES => {
            let bytes = input.bytes()?;
            let part = Part {
                offset: (input.position() - bytes.len()) as u32,
                length: bytes.len() as u32,
            };
            match read_run(bytes) {
                Ok(run) => Event::Messages(Run { part, ..run }),
                Err(CodecError::Checksum) => {
                    *checksums_hold = false;
                    return Err(bad("the checksum of a run is wrong"));
                }
                Err(CodecError::Malformed(_)) => return Err(bad("a run of messages")),
            }
        }
        event::READ => take_read(input)?,
        event::SEEN => {
            let (mut login, mut at) = (None, None);
            fields(input, |field, input| {
                match field {
                    field::LOGIN => login = Some(take_login(input)?),
                    field::AT => at = Some(take_time(input)?),
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
            Event::Seen {
                login: needed(login)?,
                at: needed(at)?,
            }
        }
        event::GROUP => {
            let (mut group, mut members) = (None, None);
            fields(input, |field, input| {
                match field {
                    field::GROUP => group = Some(take_login(input)?),
                    field::MEMBERS => {
                        let all: Taken<BTreeSet<_>> = take_logins(input);
                        members = Some(Arc::new(all?));
                    }
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
            Event::Group {
                group: needed(group)?,
                members,
            }
        }
        event::LIMITS => {
            let mut limits = MailboxLimits {
                messages: u64::MAX,
                bytes: u64::MAX,
            };
            fields(input, |field, input| {
                match field {
                    field::MESSAGES => limits.messages = input.u64()?,
                    field::BYTES => limits.bytes = input.u64()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
            Event::Limits(limits)
        }
        event::EPOCH => {
            let (mut number, mut after) = (None, None);
            fields(input, |field, input| {
                match field {
                    field::EPOCH => number = Some(input.u64()?),
                    field::AFTER => after = Some(MessageId(input.u64()?)),
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
            Event::Epoch {
                number: needed(number)?,
                after,
            }
        }
        event::CURSOR => take_cursor(input)?,
        event::MARK => take_mark(input)?,
        _ => return Ok(None),
    }))
}

fn take_run(input: &mut Decoder<'_>) -> Taken<Run> {
    let (mut from, mut to, mut at) = (None, None, None);
    let (mut device, mut missed_by) = (None, None);
    let mut texts = Vec::new();
    fields(input, |field, input| {
        match field {
            run::FROM => from = Some(take_login(input)?),
            run::TO_USER => to = Some(Target::User(take_login(input)?)),
            run::TO_GROUP => to = Some(Target::Group(take_login(input)?)),
            run::DEVICE => device = Some(Arc::from(input.str()?)),
            run::AT => at = Some(take_time(input)?),
            run::MISSED_BY => {
                let all: Taken<Vec<_>> = take_logins(input);
                missed_by = Some(Arc::from(all?));
            }
            run::TEXTS => {
                for _ in 0..take_count(input)? {
                    texts.push(take_text(input)?);
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(Run {
        from: needed(from)?,
        to: needed(to)?,
        device,
        at: needed(at)?,
        missed_by,
        texts,
        part: Part {
            offset: 0,
            length: 0,
        },
    })
}

fn take_text(input: &mut Decoder<'_>) -> Taken<Sent> {
    let (mut text, mut tag) = (None, None);
    fields(input, |field, input| {
        match field {
            run::TEXT => text = Some(Text::from(input.str()?)),
            run::TAG => {
                tag = Some(Tag::parse(input.str()?).map_err(|_| bad("no tag"))?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(Sent {
        tag,
        text: needed(text)?,
    })
}

fn take_read(input: &mut Decoder<'_>) -> Taken<Event> {
    let (mut by, mut with, mut all, mut up_to, mut delivered) = (None, None, None, None, None);
    fields(input, |field, input| {
        match field {
            read::BY => by = Some(take_login(input)?),
            read::ALL => all = Some(MessageId(input.u64()?)),
            read::CONVERSATION => with = Some(take_conversation(input)?),
            read::UP_TO => up_to = Some(MessageId(input.u64()?)),
            read::DELIVERED => delivered = Some(MessageId(input.u64()?)),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let what = match (all, with.zip(up_to), delivered) {
        (Some(up_to), ..) => Read::All { up_to },
        (_, Some((with, up_to)), _) => Read::Conversation { with, up_to },
        (.., up_to) => Read::Delivered {
            up_to: needed(up_to)?,
        },
    };
    Ok(Event::Read {
        by: needed(by)?,
        what,
    })
}

fn take_cursor(input: &mut Decoder<'_>) -> Taken<Event> {
    let (mut conversation, mut user, mut cursor) = (None, None, Cursor::default());
    fields(input, |field, input| {
        match field {
            field::CONVERSATION => conversation = Some(take_conversation(input)?),
            field::USER => user = Some(take_login(input)?),
            field::DELIVERED => cursor.delivered = MessageId(input.u64()?),
            field::DELIVERED_AT => cursor.delivered_at = take_time(input)?,
            field::READ => cursor.read = MessageId(input.u64()?),
            field::READ_AT => cursor.read_at = take_time(input)?,
            field::CHANGED => cursor.changed = MessageId(input.u64()?),
            field::LEFT => cursor.left = Some(MessageId(input.u64()?)),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(Event::Cursor {
        conversation: needed(conversation)?,
        user: needed(user)?,
        cursor,
    })
}

fn take_mark(input: &mut Decoder<'_>) -> Taken<Event> {
    let (mut conversation, mut reader) = (None, None);
    let (mut number, mut first, mut last, mut read_at) = (None, None, None, None);
    fields(input, |field, input| {
        match field {
            field::CONVERSATION => conversation = Some(take_conversation(input)?),
            field::USER => reader = Some(take_login(input)?),
            field::NUMBER => number = Some(input.u64()?),
            field::FIRST => first = Some(MessageId(input.u64()?)),
            field::LAST => last = Some(MessageId(input.u64()?)),
            field::MARK_AT => read_at = Some(take_time(input)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(Event::Mark(ReadMark {
        number: needed(number)?,
        reader: needed(reader)?,
        conversation: needed(conversation)?,
        first: needed(first)?,
        last: needed(last)?,
        read_at: needed(read_at)?,
    }))
}

fn take_time(input: &mut Decoder<'_>) -> Taken<Timestamp> {
    Timestamp::from_millisecond(input.i64()?).map_err(|_| bad("a time out of range"))
}

fn take_login(input: &mut Decoder<'_>) -> Taken<Login> {
    Login::kept(input.str()?).map_err(|_| bad("no login"))
}

fn take_logins<C: FromIterator<Login>>(input: &mut Decoder<'_>) -> Taken<C> {
    (0..take_count(input)?).map(|_| take_login(input)).collect()
}

fn take_conversation(input: &mut Decoder<'_>) -> Taken<Conversation> {
    let names: Vec<_> = take_logins(input)?;
    match <[Login; 2]>::try_from(names) {
        Ok([lesser, greater]) => Ok(Conversation::Pair(lesser, greater)),
        Err(names) => Ok(Conversation::Group(needed(names.into_iter().next())?)),
    }
}

#[cfg(test)]
mod tests;
