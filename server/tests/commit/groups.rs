//! Messages to groups, whose members change.

use std::{fs, sync::Arc};

use jiff::Timestamp;
use mensageiro_server::{
    log::Part,
    model::{
        conversation::Conversation,
        event::{Event, Read, Run, Sent},
        message::{MessageId, MissedBy},
    },
};

use crate::desk::{Desk, draft, login};

#[test]
fn who_has_left_a_group_makes_no_start_read_what_came_after() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path().into());
    let (all, left) = (["ana", "bob", "carla"], ["ana", "bob"]);
    let read = |desk: &Desk| {
        desk.read(
            "bob",
            Read::All {
                up_to: MessageId::MAX,
            },
        );
    };
    desk.send(vec![desk.to_class("ana", &all); 3]);
    for _ in 0..10 {
        desk.send(vec![desk.to_class("ana", &left); 100]);
        read(&desk);
    }
    let desk = desk.reopen();
    let read = desk.reads();
    assert!(read <= 3, "{read} looks into the log to find 3 messages");
    assert_eq!(desk.waiting("carla"), [1, 2, 3]);
    desk.send(vec![desk.to_class("bob", &all)]);
    assert_eq!(desk.waiting("carla"), [1, 2, 3, 1_004]);
    let desk = desk.reopen();
    assert_eq!(desk.waiting("carla"), [1, 2, 3, 1_004]);
    assert_eq!(desk.waiting("ana"), [1_004]);
    desk.stop();
}

#[test]
fn a_group_message_is_in_memory_once_however_many_have_it_unread() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(folder.path().to_owned());
    desk.send(vec![desk.to_class("ana", &["ana", "bob", "carla"]); 3]);
    for _ in 0..2 {
        let [of_bob, of_carla] = ["bob", "carla"].map(|who| {
            let all = (MessageId(0), MessageId::MAX);
            let found = desk.mailboxes.peek(&desk.messages, &login(who), all, 99);
            found.unwrap()
        });
        assert_eq!(of_bob.len(), 3);
        let mut both = of_bob.iter().zip(&of_carla);
        assert!(both.all(|(one, other)| Arc::ptr_eq(one, other)));
        desk = desk.reopen();
    }
    desk.stop();
}

#[test]
fn a_group_message_is_one_message_and_a_row_for_each_who_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path().into());
    desk.send(vec![desk.to_class("ana", &["ana", "bob", "carla"])]);
    desk.send(vec![desk.to_class("ana", &["ana", "bob"])]);
    let class = Conversation::Group(login("class"));
    assert_eq!(desk.waiting("ana"), [0; 0]);
    assert_eq!(desk.waiting("bob"), [1, 2]);
    let desk = desk.reopen();
    assert_eq!(
        desk.waiting("carla"),
        [1],
        "who has left keeps what was sent before"
    );
    desk.send(vec![desk.to_class("bob", &["ana", "bob", "diego"])]);
    assert_eq!(desk.waiting("diego"), [3]);
    for who in ["carla", "bob", "diego", "ana"] {
        let with = class.clone();
        let up_to = MessageId(3);
        desk.read(who, Read::Conversation { with, up_to });
    }
    assert_eq!(
        desk.mailboxes.conversations(&login("diego"), MessageId(2)),
        [class]
    );
    desk.stop();
    let rows = fs::read_to_string(folder.path().join("messages.csv")).unwrap();
    let rows: Vec<_> = rows
        .lines()
        .skip(1)
        .map(|row| {
            let fields: Vec<_> = row.split(',').collect();
            (fields[0].to_owned(), fields[4].to_owned())
        })
        .collect();
    let expected = [
        ("1", "carla"),
        ("1", "bob"),
        ("2", "bob"),
        ("3", "diego"),
        ("3", "ana"),
    ];
    let expected = expected.map(|(id, who)| (id.to_owned(), format!("class/{who}")));
    assert_eq!(rows, expected);
}

#[test]
fn who_does_not_get_a_group_message_has_it_nowhere_before_and_after_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let members: Vec<_> = (0..300).map(|number| format!("m{number:03}")).collect();
    let members: Vec<_> = members.iter().map(String::as_str).collect();
    let missed = ["m000", "m007", "m008", "m299"];
    let mut desk = Desk::open(folder.path().into());
    let all = desk.to_class("m100", &members);
    let missed_by: MissedBy = Some(missed.map(login).into());
    // As a full mailbox would have it.
    let but = || {
        let draft = draft("m100", "m100", None).draft;
        let run = Run {
            from: login("m100"),
            to: all.draft.to.clone(),
            device: None,
            at: Timestamp::UNIX_EPOCH,
            missed_by: missed_by.clone(),
            texts: vec![Sent {
                tag: None,
                text: draft.text,
            }],
            part: Part {
                offset: 0,
                length: 0,
            },
        };
        Event::Messages(run)
    };
    desk.send(vec![all.clone()]);
    desk.committer.note(vec![but()]).unwrap();
    desk.send(vec![all.clone()]);
    desk.committer.note(vec![but()]).unwrap();
    for is_new in [true, false] {
        for who in missed {
            assert_eq!(desk.waiting(who), [1, 3], "{who}, {is_new}");
        }
        assert_eq!(desk.waiting("m001"), [1, 2, 3, 4]);
        assert_eq!(desk.waiting("m100"), [0; 0]);
        let with = [Conversation::Group(login("class"))];
        let mut found = Vec::new();
        desk.messages
            .timeline(&with, MessageId(0), MessageId::MAX, &mut |message| {
                found.push(message.missed_by);
                true
            })
            .unwrap();
        let but = missed_by.clone();
        assert_eq!(found, [None, but.clone(), None, but]);
        desk = desk.reopen();
    }
    // What was never given is not read, nor archived as read.
    desk.read(
        "m007",
        Read::All {
            up_to: MessageId::MAX,
        },
    );
    desk.read(
        "m001",
        Read::All {
            up_to: MessageId::MAX,
        },
    );
    let desk = desk.reopen();
    assert_eq!(desk.waiting("m007"), [0; 0]);
    desk.stop();
    let rows = fs::read_to_string(folder.path().join("messages.csv")).unwrap();
    let of = |who: &str| {
        rows.lines()
            .filter(|row| row.contains(&format!("class/{who},")))
            .count()
    };
    assert_eq!((of("m007"), of("m001")), (2, 4));
}
