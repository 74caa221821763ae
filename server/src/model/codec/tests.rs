use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use mensageiro_protocol::{
    Login, Text,
    live::{Attachment, FileHash, FileToken, Preview},
};
use minicbor::Encoder;

use super::{
    fields::{batch, event, field},
    *,
};
use crate::{
    log::Part,
    model::{
        conversation::Conversation,
        cursor::Cursor,
        event::{Batch, Event, LastNumbers, MailboxLimits, Read, Run, Sent, Target},
        holder::Holder,
        message::{About, MessageId, ReadMark, Tag},
        setting::{FOR_GOOD, Set, SettingsChange},
    },
};

fn login(name: &str) -> Login {
    Login::parse(name).unwrap()
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(1_700_000_000_000 + ms).unwrap()
}

fn sent(tag: Option<&str>, text: &str) -> Sent {
    Sent {
        tag: tag.map(|tag| Tag::parse(tag).unwrap()),
        about: None,
        file: None,
        text: Text::from(text),
    }
}

fn with_file() -> Sent {
    let file = Attachment {
        token: FileToken::new([7; 16]),
        name: "photo.png".into(),
        size: 1 << 40,
        kind: "image/png".into(),
        hash: FileHash([9; 32]),
        preview: Preview::new(b"x"),
    };
    Sent {
        file: Some(Arc::new(file)),
        ..sent(Some("f"), "photo.png")
    }
}

fn run(to: Target, device: Option<&str>, texts: Vec<Sent>) -> Event {
    Event::Messages(Run {
        from: login("joão"),
        to,
        device: device.map(Arc::from),
        at: at(7),
        texts,
        part: Part {
            offset: 0,
            length: 0,
        },
    })
}

/// One of everything.
fn batch() -> Batch {
    let pair = Conversation::pair(&login("ana"), &login("bob"));
    let members: BTreeSet<_> = ["ana", "bob", "joão"].map(login).into();
    let to_group = run(
        Target::Group(login("class")),
        None,
        vec![
            Sent {
                about: Some(About::Reply(299)),
                ..sent(Some("t"), "two\nlines")
            },
            Sent {
                about: Some(About::Edit(299)),
                ..sent(None, "new")
            },
            Sent {
                about: Some(About::Delete((1 << 40) - 1)),
                ..sent(Some("u"), "-")
            },
        ],
    );
    Batch {
        at: at(0),
        last: LastNumbers {
            message: MessageId(300),
            read_mark: 70_000,
        },
        events: vec![
            run(
                Target::User(login("ana")),
                Some("laptop"),
                vec![sent(Some("1"), "oi"), sent(None, "é"), sent(Some("2"), "")],
            ),
            run(
                Target::User(login("ana")),
                None,
                vec![with_file(), sent(None, "é")],
            ),
            to_group,
            Event::Read {
                by: login("ana"),
                what: Read::All {
                    up_to: MessageId(5),
                },
            },
            Event::Read {
                by: login("ana"),
                what: Read::Conversation {
                    with: pair.clone(),
                    up_to: MessageId(1 << 40),
                },
            },
            Event::Read {
                by: login("bob"),
                what: Read::Delivered {
                    up_to: MessageId(0),
                },
            },
            Event::Seen {
                login: login("ana"),
                at: at(-5),
            },
            Event::Group {
                group: login("class"),
                members: Some(Arc::new(members)),
            },
            Event::Group {
                group: login("gone"),
                members: None,
            },
            Event::Limits(MailboxLimits {
                messages: 100_000,
                bytes: u64::MAX,
            }),
            Event::Epoch {
                number: 3,
                after: None,
            },
            Event::Epoch {
                number: 4,
                after: Some(MessageId(300)),
            },
            Event::Set(Set {
                by: login("ana"),
                scope: Some(pair.clone()),
                change: SettingsChange {
                    is_pinned: Some(true),
                    muted_until: Some(Some(FOR_GOOD)),
                    archived: Some(Some(MessageId(0))),
                    draft: Some(Text::from("two\nlines")),
                    is_marked_unread: Some(false),
                    note: None,
                },
                number: None,
            }),
            Event::Set(Set {
                by: login("ana"),
                scope: None,
                change: SettingsChange {
                    muted_until: Some(None),
                    archived: Some(None),
                    note: Some(Text::from("lunch")),
                    ..SettingsChange::default()
                },
                number: Some(7),
            }),
            Event::Gone {
                login: login("joão"),
            },
            Event::Back {
                who: Target::User(login("joão")),
                keeps: true,
            },
            Event::Back {
                who: Target::Group(login("class")),
                keeps: false,
            },
            Event::Holder {
                who: Target::User(login("bob")),
                holder: Holder {
                    number: 0,
                    since: MessageId(0),
                    before: None,
                    is_gone: true,
                },
            },
            Event::Holder {
                who: Target::Group(login("class")),
                holder: Holder {
                    number: 2,
                    since: MessageId(300),
                    before: Some(MessageId(7)),
                    is_gone: false,
                },
            },
            Event::Cursor {
                conversation: Conversation::Group(login("class")),
                user: login("bob"),
                cursor: Cursor {
                    read: MessageId(9),
                    read_at: at(1),
                    left: Some(MessageId(12)),
                    ..Cursor::default()
                },
            },
            Event::Mark(ReadMark {
                number: 8,
                reader: login("ana"),
                conversation: pair,
                first: MessageId(1),
                last: MessageId(2),
                read_at: at(3),
                as_of: MessageId(2),
            }),
        ],
    }
}

fn written(batch: &mut Batch) -> Vec<u8> {
    let mut payload = Vec::new();
    write_batch(batch, &mut payload);
    payload
}

#[test]
fn what_is_written_is_read_and_each_run_can_be_read_alone() {
    let mut batch = batch();
    let payload = written(&mut batch);
    assert_eq!(read_batch(&payload).unwrap(), batch);
    let runs = batch.events.iter().filter_map(|event| match event {
        Event::Messages(run) => Some(run),
        _ => None,
    });
    let mut count = 0;
    for run in runs {
        let alone = read_run(&payload[run.part.range()]).unwrap();
        let part = run.part;
        assert_eq!(&Run { part, ..alone }, run);
        count += 1;
    }
    assert_eq!(count, 3);
}

#[test]
fn fields_and_events_of_a_newer_program_are_skipped() {
    let mut payload = Vec::new();
    let mut out = Encoder::new(&mut payload);
    out.map(4).unwrap();
    out.u32(99).unwrap().array(2).unwrap();
    out.str("new").unwrap().map(0).unwrap();
    out.u32(batch::LAST_MESSAGE).unwrap().u64(4).unwrap();
    out.u32(batch::EVENTS).unwrap().array(2).unwrap();
    out.map(1).unwrap().u32(77).unwrap().str("edited").unwrap();
    out.map(1).unwrap().u32(event::SEEN).unwrap();
    out.map(3).unwrap();
    out.u32(field::LOGIN).unwrap().str("ana").unwrap();
    out.u32(field::AT).unwrap().i64(0).unwrap();
    out.u32(50).unwrap().bytes(b"anything").unwrap();
    out.u32(98).unwrap().null().unwrap();
    let read = read_batch(&payload).unwrap();
    let seen = Event::Seen {
        login: login("ana"),
        at: Timestamp::UNIX_EPOCH,
    };
    assert_eq!((read.last.message, read.events), (MessageId(4), vec![seen]));
}

#[test]
fn no_changed_bit_and_no_cut_makes_a_reader_panic_or_changes_a_message() {
    let mut batch = batch();
    let payload = written(&mut batch);
    let runs = |batch: &Batch| {
        let events = batch.events.iter();
        let runs = events.filter_map(|event| match event {
            Event::Messages(run) => Some(run.texts.clone()),
            _ => None,
        });
        runs.collect::<Vec<_>>()
    };
    let expected = runs(&batch);
    for place in 0..payload.len() {
        assert!(read_batch(&payload[..place]).is_err());
        for bit in 0..8 {
            let mut spoiled = payload.clone();
            spoiled[place] ^= 1 << bit;
            // The log's own checksum notices the rest.
            if let Ok(read) = read_batch(&spoiled) {
                assert!(runs(&read).iter().all(|texts| expected.contains(texts)));
            }
        }
    }
}
