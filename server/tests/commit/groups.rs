//! Messages to groups, whose members change.

use std::fs;

use mensageiro_server::model::{conversation::Conversation, event::Read, message::MessageId};

use crate::desk::{Desk, login};

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
    assert_eq!(desk.reads(), 0, "a start looks into the log for no message");
    assert_eq!(desk.waiting("carla"), [1, 2, 3]);
    desk.send(vec![desk.to_class("bob", &all)]);
    assert_eq!(desk.waiting("carla"), [1, 2, 3, 1_004]);
    let desk = desk.reopen();
    assert_eq!(desk.waiting("carla"), [1, 2, 3, 1_004]);
    assert_eq!(desk.waiting("ana"), [1_004]);
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
