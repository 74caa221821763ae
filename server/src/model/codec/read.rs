//! Bytes become batches.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use mensageiro_protocol::{
    FileName, Login, MediaType, Text,
    live::{Attachment, FileHash, FileToken, Preview},
};
use minicbor::{Decoder, decode};

use super::{
    CHECKSUM_BYTES, CodecError, checksum,
    fields::{about, batch, event, field, file, holder, read, run, set},
};
use crate::{
    log::Part,
    model::{
        conversation::Conversation,
        cursor::Cursor,
        event::{Batch, Event, LastNumbers, MailboxLimits, Read, Run, Sent, Target},
        holder::Holder,
        message::{About, MessageId, ReadMark, Tag},
        setting::{Set, SettingsChange},
    },
};

type Taken<T> = Result<T, decode::Error>;

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
        event::GONE => {
            let mut login = None;
            fields(input, |field, input| {
                let is_known = field == field::LOGIN;
                if is_known {
                    login = Some(take_login(input)?);
                }
                Ok(is_known)
            })?;
            Event::Gone {
                login: needed(login)?,
            }
        }
        event::BACK => {
            let (who, keeps, _) = take_holder(input)?;
            Event::Back { who, keeps }
        }
        event::HOLDER => {
            let (who, _, holder) = take_holder(input)?;
            Event::Holder { who, holder }
        }
        event::CURSOR => take_cursor(input)?,
        event::MARK => take_mark(input)?,
        event::SET => Event::Set(take_set(input)?),
        _ => return Ok(None),
    }))
}

fn take_run(input: &mut Decoder<'_>) -> Taken<Run> {
    let (mut from, mut to, mut at) = (None, None, None);
    let mut device = None;
    let mut texts = Vec::new();
    fields(input, |field, input| {
        match field {
            run::FROM => from = Some(take_login(input)?),
            run::TO_USER => to = Some(Target::User(take_login(input)?)),
            run::TO_GROUP => to = Some(Target::Group(take_login(input)?)),
            run::DEVICE => device = Some(Arc::from(input.str()?)),
            run::AT => at = Some(take_time(input)?),
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
        texts,
        part: Part {
            offset: 0,
            length: 0,
        },
    })
}

fn take_text(input: &mut Decoder<'_>) -> Taken<Sent> {
    let (mut text, mut tag, mut about, mut file) = (None, None, None, None);
    fields(input, |field, input| {
        match field {
            run::TEXT => text = Some(Text::from(input.str()?)),
            run::TAG => {
                tag = Some(Tag::parse(input.str()?).map_err(|_| bad("no tag"))?);
            }
            run::ABOUT => about = Some(take_about(input)?),
            run::FILE => file = Some(Arc::new(take_file(input)?)),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(Sent {
        tag,
        about,
        file,
        text: needed(text)?,
    })
}

/// One that is not known is no plain message: later formats have more of them.
fn take_about(input: &mut Decoder<'_>) -> Taken<About> {
    if take_count(input)? != 2 {
        return Err(bad("not a kind and a message"));
    }
    let (kind, id) = (input.u32()?, input.u64()?);
    Ok(match kind {
        about::REPLY => About::Reply(id),
        about::EDIT => About::Edit(id),
        about::DELETE => About::Delete(id),
        _ => return Err(bad("says what is not known about another message")),
    })
}

fn take_file(input: &mut Decoder<'_>) -> Taken<Attachment> {
    let (mut token, mut size, mut hash, mut preview) = (None, None, None, None);
    let (mut name, mut kind) = (FileName::default(), MediaType::default());
    fields(input, |field, input| {
        match field {
            file::TOKEN => token = Some(FileToken::new(take_bytes(input)?)),
            file::NAME => name = FileName::from(input.str()?),
            file::SIZE => size = Some(input.u64()?),
            file::KIND => kind = MediaType::from(input.str()?),
            file::HASH => hash = Some(FileHash(take_bytes(input)?)),
            file::PREVIEW => preview = Preview::new(input.bytes()?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(Attachment {
        token: needed(token)?,
        name,
        size: needed(size)?,
        kind,
        hash: needed(hash)?,
        preview,
    })
}

fn take_bytes<const N: usize>(input: &mut Decoder<'_>) -> Taken<[u8; N]> {
    let bytes = input.bytes()?;
    bytes.try_into().map_err(|_| bad("another number of bytes"))
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

fn take_holder(input: &mut Decoder<'_>) -> Taken<(Target, bool, Holder)> {
    let (mut who, mut keeps, mut holder) = (None, false, Holder::default());
    fields(input, |field, input| {
        match field {
            holder::USER => who = Some(Target::User(take_login(input)?)),
            holder::GROUP => who = Some(Target::Group(take_login(input)?)),
            holder::KEEPS => keeps = input.bool()?,
            holder::NUMBER => holder.number = input.u64()?,
            holder::SINCE => holder.since = MessageId(input.u64()?),
            holder::BEFORE => holder.before = Some(MessageId(input.u64()?)),
            holder::IS_GONE => holder.is_gone = input.bool()?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok((needed(who)?, keeps, holder))
}

fn take_set(input: &mut Decoder<'_>) -> Taken<Set> {
    let (mut by, mut scope, mut number) = (None, None, None);
    let mut change = SettingsChange::default();
    fields(input, |field, input| {
        match field {
            set::BY => by = Some(take_login(input)?),
            set::CONVERSATION => scope = Some(take_conversation(input)?),
            set::PINNED => change.is_pinned = Some(input.bool()?),
            set::MUTED_UNTIL => {
                let until = input.i64()?;
                change.muted_until = Some((until != set::NOT).then_some(until));
            }
            set::ARCHIVED => {
                let up_to = input.i64()?;
                change.archived = Some(u64::try_from(up_to).ok().map(MessageId));
            }
            set::DRAFT => change.draft = Some(Text::from(input.str()?)),
            set::MARKED_UNREAD => change.is_marked_unread = Some(input.bool()?),
            set::NOTE => change.note = Some(Text::from(input.str()?)),
            set::NUMBER => number = Some(input.u64()?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(Set {
        by: needed(by)?,
        scope,
        change,
        number,
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
        as_of: needed(last)?,
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
