//! What a liar says, as strategies for property tests.

use mensageiro_protocol::{
    Login, Text,
    live::{
        About, Bye, ByeCode, ConversationNews, Conversations, Delivered, Event, HistoryEnd,
        LastMessage, Presence, PresenceNews, Read, Receipt, ReceiptState, RefusalCode, Roster,
        RosterGroup, RosterUser, Setting, Settings, SettingsNews, Tag, TypingNews,
    },
};
use proptest::prelude::*;

use crate::{
    liar::{Greeting, Lie, Session},
    window::login,
};

fn id() -> BoxedStrategy<u64> {
    prop_oneof![
        4 => 100..112_u64,
        2 => 0..3_u64,
        1 => Just((1 << 40) - 1),
        1 => Just(1 << 40),
        1 => Just((1 << 53) - 1),
        1 => Just((1 << 63) - 1),
        1 => Just(1 << 63),
        1 => Just(u64::MAX),
        1 => any::<u64>(),
    ]
    .boxed()
}

fn time() -> BoxedStrategy<i64> {
    prop_oneof![
        Just(0),
        Just(i64::MIN),
        Just(i64::MAX),
        Just(1_763_843_200_456),
        any::<i64>()
    ]
    .boxed()
}

fn anybody() -> BoxedStrategy<Login> {
    prop_oneof![
        3 => Just("bob".to_owned()),
        2 => Just("alice".to_owned()),
        1 => Just("eva".to_owned()),
        1 => Just("turma".to_owned()),
        1 => "[a-zé@.]{0,4}[a-z]{1,59}".prop_map(|name| format!("x{name}")),
    ]
    .prop_map(|name| login(&name))
    .boxed()
}

fn text() -> BoxedStrategy<Text> {
    let long = (0..5_usize, 0..15_000_usize)
        .prop_map(|(of, count)| ["w", "é", "\u{202e}", "\0", "a\n"][of].repeat(count));
    prop_oneof![4 => "\\PC{0,40}", 1 => ".{0,40}", 1 => long]
        .prop_map(|text| Text::from(format!("!{text}").as_str()))
        .boxed()
}

fn tag() -> BoxedStrategy<Tag> {
    "[a-z0-9:._-]{1,64}"
        .prop_map(|tag| Tag::parse(&tag).unwrap())
        .boxed()
}

fn delivered() -> BoxedStrategy<Delivered> {
    let parts = (
        id(),
        time(),
        anybody(),
        anybody(),
        prop::option::of(tag()),
        any::<bool>(),
        prop::option::of(id().prop_map(About::Reply)),
        text(),
    );
    parts
        .prop_map(|(id, at, with, from, tag, is_old, about, text)| Delivered {
            id,
            at,
            with,
            from,
            tag,
            about,
            is_old,
            file: None,
            text,
        })
        .boxed()
}

fn presence() -> BoxedStrategy<PresenceNews> {
    let state = prop_oneof![
        Just(Presence::Online),
        Just(Presence::Away),
        Just(Presence::Offline)
    ];
    (anybody(), state, text(), prop::option::of(time()))
        .prop_map(|(login, state, note, seen)| PresenceNews {
            login,
            state,
            note,
            seen,
        })
        .boxed()
}

fn roster() -> BoxedStrategy<Roster> {
    let user = (presence(), "\\PC{0,30}").prop_map(|(presence, name)| RosterUser {
        presence,
        name: name.as_str().into(),
        role: None,
    });
    let logins = || prop::collection::vec(anybody(), 0..6);
    let group = (anybody(), logins(), logins()).prop_map(|(name, members, gone)| RosterGroup {
        name,
        members,
        gone,
        admins: Vec::new(),
    });
    let users = prop::collection::vec(user, 0..5);
    let groups = prop::collection::vec(group, 0..4);
    (any::<[bool; 2]>(), logins(), users, groups)
        .prop_map(|([changes, more], gone, users, groups)| Roster {
            changes,
            gone,
            users,
            groups,
            more,
        })
        .boxed()
}

/// Of conversations that there are and others, with numbers that rise, fall and come again.
fn settings() -> BoxedStrategy<SettingsNews> {
    let of = (
        any::<[bool; 4]>(),
        any::<Option<i64>>(),
        prop::option::of(id()),
        ".{0,9}",
    );
    let of = of.prop_map(
        |([pinned, muted, archived, marked_unread], muted_until, up_to, draft)| Settings {
            pinned,
            muted,
            muted_until,
            archived,
            archived_up_to: up_to,
            draft: Text::from(draft.as_str()),
            marked_unread,
            note: Text::from(draft.as_str()),
        },
    );
    let names = prop::sample::select(&["bruno", "turma", "nobody"][..]);
    let number = prop_oneof![3 => 0..9_u64, 1 => any::<u64>()];
    let one = (prop::option::of(names), number.clone(), of);
    let one = one.prop_map(|(with, number, of)| Setting {
        with: with.map(login),
        number,
        of,
    });
    let tag = prop::option::of((1..4_u64).prop_map(|n| Tag::parse(&format!("set{n}")).unwrap()));
    let all = prop::collection::vec(one, 0..4);
    (tag, prop::option::of(0..9_u64), number, all, any::<bool>())
        .prop_map(|(tag, after, last, changed, more)| SettingsNews {
            tag,
            after,
            last,
            changed,
            more,
        })
        .boxed()
}

fn conversations() -> BoxedStrategy<Conversations> {
    let one = (delivered(), any::<bool>(), id(), id());
    let one = one.prop_map(|(last, group, unread, read)| ConversationNews {
        with: last.with,
        group,
        unread,
        read,
        last: LastMessage {
            id: last.id,
            at: last.at,
            from: last.from,
            tag: last.tag,
            re: last.about.map(About::target),
            edit: None,
            text: last.text,
        },
        settings: Settings::default(),
    });
    let all = prop::collection::vec(one, 0..4);
    (prop::option::of(id()), all, any::<bool>())
        .prop_map(|(before, conversations, more)| Conversations {
            before,
            conversations,
            more,
        })
        .boxed()
}

fn code() -> BoxedStrategy<RefusalCode> {
    prop_oneof![
        Just(RefusalCode::UnknownRecipient),
        Just(RefusalCode::MailboxFull),
        Just(RefusalCode::BadLine),
        Just(RefusalCode::Quota),
        Just(RefusalCode::TagUsed),
        Just(RefusalCode::TagOld),
        Just(RefusalCode::Other),
    ]
    .boxed()
}

fn event() -> BoxedStrategy<Event> {
    let state = || prop_oneof![Just(ReceiptState::Delivered), Just(ReceiptState::Read)];
    let bye = prop_oneof![
        Just(ByeCode::Shutdown),
        Just(ByeCode::UnknownUser),
        Just(ByeCode::Removed),
        Just(ByeCode::BadHello),
        Just(ByeCode::Other),
    ];
    prop_oneof![
        4 => delivered().prop_map(Event::Message),
        2 => (id(), anybody(), anybody(), state(), time()).prop_map(|(id, with, by, state, at)| {
            Event::Receipt(Receipt { id, with, by, state, at })
        }),
        2 => (anybody(), id()).prop_map(|(with, up_to)| Event::Read(Read { with, up_to })),
        1 => (anybody(), anybody()).prop_map(|(from, with)| Event::Typing(TypingNews { from, with })),
        1 => presence().prop_map(Event::Presence),
        1 => roster().prop_map(Event::Roster),
        1 => conversations().prop_map(Event::Conversations),
        1 => settings().prop_map(Event::Settings),
        1 => (anybody(), prop::option::of(id()), any::<usize>(), any::<bool>()).prop_map(
            |(with, before, count, more)| Event::History(HistoryEnd { with, before, count, more })
        ),
        1 => Just(Event::Pong),
        1 => bye.prop_map(|code| Event::Bye(Bye::new(code, ""))),
    ]
    .boxed()
}

/// Bytes that are hard to read: without an end, deep, of other programs, or of no program.
fn bytes() -> BoxedStrategy<Vec<u8>> {
    let verb = prop_oneof![
        Just("welcome"),
        Just("ok"),
        Just("no"),
        Just("receipt"),
        Just("roster"),
        Just("history"),
        Just("conversations"),
        Just("presence"),
        Just("bye"),
        Just("#1;at=1 @bob"),
    ];
    let deep = (verb.clone(), 1..3_000_usize)
        .prop_map(|(verb, depth)| format!("{verb} {}\n", "[{\"a\":".repeat(depth)).into_bytes());
    let odd = (verb, "\\PC{0,60}").prop_map(|(verb, rest)| format!("{verb} {rest}\n").into_bytes());
    let endless = (1..80_000_usize).prop_map(|count| vec![b'x'; count]);
    prop_oneof![
        2 => prop::collection::vec(any::<u8>(), 0..200),
        2 => odd,
        1 => deep,
        1 => endless,
        1 => Just(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        1 => Just(b"f\n".to_vec()),
        1 => Just(vec![0; 300]),
    ]
    .boxed()
}

fn lie() -> BoxedStrategy<Lie> {
    prop_oneof![
        8 => event().prop_map(Lie::Event),
        2 => bytes().prop_map(Lie::Bytes),
        2 => (id(), time()).prop_map(|(id, at)| Lie::Accept { id, at }),
        1 => code().prop_map(Lie::Refuse),
        1 => (id(), time(), any::<bool>(), prop::option::of(text())).prop_map(
            |(id, at, has_tag, text)| Lie::Repeat { id, at, has_tag, text }
        ),
        3 => Just(Lie::End),
    ]
    .boxed()
}

fn greeting() -> BoxedStrategy<Greeting> {
    let you = prop_oneof![9 => Just(None), 1 => anybody().prop_map(Some)];
    let line_bytes = prop_oneof![4 => Just(16_384), 1 => Just(0), 1 => any::<usize>()];
    let optional = || prop::option::of(id());
    let store = prop::option::of(any::<bool>());
    let welcome = (you, id(), store, id(), optional(), optional(), line_bytes).prop_map(
        |(you, last, store, epoch, after, number, line_bytes)| Greeting::Welcome {
            you,
            last,
            store,
            epoch,
            after,
            number,
            line_bytes,
        },
    );
    prop_oneof![
        8 => welcome,
        1 => bytes().prop_map(Greeting::Bytes),
        1 => Just(Greeting::Nothing),
    ]
    .boxed()
}

pub fn sessions() -> BoxedStrategy<Vec<Session>> {
    let lies = prop::collection::vec(lie(), 0..24);
    let one = (greeting(), lies).prop_map(|(greeting, lies)| Session { greeting, lies });
    prop::collection::vec(one, 1..4).boxed()
}
