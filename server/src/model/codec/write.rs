//! Batches become bytes.

use std::convert::Infallible;

use mensageiro_protocol::{Login, live::Attachment};
use minicbor::{Encoder, encode};

use super::{
    CHECKSUM_BYTES, checksum,
    fields::{about, batch, event, field, file, holder, read, run, set},
};
use crate::{
    log::Part,
    model::{
        conversation::Conversation,
        event::{Batch, Event, Read, Run, Sent, Target},
        holder::Holder,
        message::About,
        setting::Set,
    },
};

type Written = Result<(), encode::Error<Infallible>>;
type Out<'a> = Encoder<&'a mut Vec<u8>>;

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

fn write_run(run: &Run, out: &mut Out<'_>) -> Written {
    out.map(4 + u64::from(run.device.is_some()))?;
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
    out.u32(run::TEXTS)?.array(run.texts.len() as u64)?;
    for Sent {
        tag,
        about,
        file,
        text,
    } in &run.texts
    {
        let more = [tag.is_some(), about.is_some(), file.is_some()];
        out.map(1 + more.into_iter().map(u64::from).sum::<u64>())?;
        out.u32(run::TEXT)?.str(text.as_str())?;
        if let Some(tag) = tag {
            out.u32(run::TAG)?.str(tag.as_str())?;
        }
        if let Some(about) = about {
            let kind = match about {
                About::Reply(_) => about::REPLY,
                About::Edit(_) => about::EDIT,
                About::Delete(_) => about::DELETE,
            };
            out.u32(run::ABOUT)?
                .array(2)?
                .u32(kind)?
                .u64(about.target())?;
        }
        if let Some(file) = file {
            out.u32(run::FILE)?;
            write_file(file, out)?;
        }
    }
    Ok(())
}

fn write_file(sent: &Attachment, out: &mut Out<'_>) -> Written {
    out.map(5 + u64::from(sent.preview.is_some()))?;
    out.u32(file::TOKEN)?.bytes(sent.token.bytes())?;
    out.u32(file::NAME)?.str(sent.name.as_str())?;
    out.u32(file::SIZE)?.u64(sent.size)?;
    out.u32(file::KIND)?.str(sent.kind.as_str())?;
    out.u32(file::HASH)?.bytes(&sent.hash.0)?;
    if let Some(preview) = &sent.preview {
        out.u32(file::PREVIEW)?.bytes(preview.bytes())?;
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
        Event::Gone { login } => {
            out.u32(event::GONE)?.map(1)?;
            out.u32(field::LOGIN)?.str(login.as_str())?;
        }
        Event::Back { who, keeps } => {
            out.u32(event::BACK)?.map(2)?;
            write_name(who, out)?;
            out.u32(holder::KEEPS)?.bool(*keeps)?;
        }
        Event::Holder { who, holder } => {
            out.u32(event::HOLDER)?;
            write_holder(who, holder, out)?;
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
        Event::Set(set) => {
            out.u32(event::SET)?;
            write_set(set, out)?;
        }
    }
    Ok(())
}

fn write_set(set: &Set, out: &mut Out<'_>) -> Written {
    let change = &set.change;
    let fields = [
        set.scope.is_some(),
        change.is_pinned.is_some(),
        change.muted_until.is_some(),
        change.archived.is_some(),
        change.draft.is_some(),
        change.is_marked_unread.is_some(),
        change.note.is_some(),
        set.number.is_some(),
    ];
    let fields = fields.into_iter().filter(|is_there| *is_there).count();
    out.map(1 + fields as u64)?;
    out.u32(set::BY)?.str(set.by.as_str())?;
    if let Some(with) = &set.scope {
        out.u32(set::CONVERSATION)?;
        write_conversation(with, out)?;
    }
    if let Some(is_pinned) = change.is_pinned {
        out.u32(set::PINNED)?.bool(is_pinned)?;
    }
    if let Some(until) = change.muted_until {
        out.u32(set::MUTED_UNTIL)?.i64(until.unwrap_or(set::NOT))?;
    }
    if let Some(archived) = change.archived {
        let up_to = archived.map_or(set::NOT, |id| id.0.cast_signed());
        out.u32(set::ARCHIVED)?.i64(up_to)?;
    }
    if let Some(draft) = &change.draft {
        out.u32(set::DRAFT)?.str(draft.as_str())?;
    }
    if let Some(is_marked) = change.is_marked_unread {
        out.u32(set::MARKED_UNREAD)?.bool(is_marked)?;
    }
    if let Some(note) = &change.note {
        out.u32(set::NOTE)?.str(note.as_str())?;
    }
    if let Some(number) = set.number {
        out.u32(set::NUMBER)?.u64(number)?;
    }
    Ok(())
}

fn write_name(who: &Target, out: &mut Out<'_>) -> Written {
    let (kind, name) = match who {
        Target::User(login) => (holder::USER, login),
        Target::Group(group) => (holder::GROUP, group),
    };
    out.u32(kind)?.str(name.as_str())?;
    Ok(())
}

fn write_holder(who: &Target, holder: &Holder, out: &mut Out<'_>) -> Written {
    out.map(4 + u64::from(holder.before.is_some()))?;
    write_name(who, out)?;
    out.u32(holder::NUMBER)?.u64(holder.number)?;
    out.u32(holder::SINCE)?.u64(holder.since.0)?;
    if let Some(before) = holder.before {
        out.u32(holder::BEFORE)?.u64(before.0)?;
    }
    out.u32(holder::IS_GONE)?.bool(holder.is_gone)?;
    Ok(())
}

/// One name for a group, two for a pair.
fn write_conversation(conversation: &Conversation, out: &mut Out<'_>) -> Written {
    match conversation {
        Conversation::Pair(lesser, greater) => write_logins(2, [lesser, greater].into_iter(), out),
        Conversation::Group(name) => write_logins(1, [name].into_iter(), out),
    }
}
