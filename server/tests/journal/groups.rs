//! Messages to groups, whose members change.

use std::{
    fs,
    sync::{Arc, atomic::Ordering},
};

use mensageiro_server::{conversation::Conversation, journal::Read, message::MessageId};

use crate::desk::{Desk, login, to_class};

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
    desk.send(vec![to_class("ana", &all); 3]);
    for _ in 0..10 {
        desk.send(vec![to_class("ana", &left); 100]);
        read(&desk);
    }
    let desk = desk.reopen();
    let shown = desk.store.shown.load(Ordering::Relaxed);
    assert!(shown <= 3, "{shown} messages read to find 3");
    assert_eq!(desk.waiting("carla"), [1, 2, 3]);
    desk.send(vec![to_class("bob", &all)]);
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
    desk.send(vec![to_class("ana", &["ana", "bob", "carla"]); 3]);
    for _ in 0..2 {
        let [of_bob, of_carla] = ["bob", "carla"].map(|who| {
            let all = (MessageId(0), MessageId::MAX);
            let found = desk.mailboxes.peek(&*desk.store, &login(who), all, 99);
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
    desk.send(vec![to_class("ana", &["ana", "bob", "carla"])]);
    desk.send(vec![to_class("ana", &["ana", "bob"])]);
    let class = Conversation::Group(login("class"));
    assert_eq!(desk.waiting("ana"), [0; 0]);
    assert_eq!(desk.waiting("bob"), [1, 2]);
    let desk = desk.reopen();
    assert_eq!(
        desk.waiting("carla"),
        [1],
        "who has left keeps what was sent before"
    );
    desk.send(vec![to_class("bob", &["ana", "bob", "diego"])]);
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
