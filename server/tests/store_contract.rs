//! What every [`Store`] must do. A second backend passes it by one more call in each test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::{path::Path, sync::Arc};

use jiff::Timestamp;
use mensageiro_protocol::{Login, Text};
use mensageiro_server::{
    message::{Message, MessageId, ReadMark},
    options::Durability,
    store::{Commit, FjallStore, LastNumbers, Store, StoreError, Unarchived},
};

fn login(name: &str) -> Login {
    Login::parse(name).unwrap()
}

fn message(id: u64, to: &str) -> Message {
    Message {
        id: MessageId(id),
        sent_at: Timestamp::from_millisecond(1_700_000_000_000 + id as i64).unwrap(),
        from: login("ana"),
        to: login(to),
        group: id.is_multiple_of(2).then(|| login("class")),
        text: Text::from(format!("text {id}\nsecond line").as_str()),
    }
}

fn mark(number: u64, reader: &str, first: u64, last: u64) -> ReadMark {
    let read_at = Timestamp::from_millisecond(1_800_000_000_000).unwrap();
    ReadMark {
        number,
        reader: login(reader),
        first: MessageId(first),
        last: MessageId(last),
        read_at,
    }
}

fn accept(store: &dyn Store, messages: &[(u64, &str)]) {
    let accepted = messages
        .iter()
        .map(|&(id, to)| Arc::new(message(id, to)))
        .collect();
    store
        .commit(&Commit {
            accepted,
            read: Vec::new(),
        })
        .unwrap();
}

fn read(store: &dyn Store, marks: Vec<ReadMark>) {
    store
        .commit(&Commit {
            accepted: Vec::new(),
            read: marks,
        })
        .unwrap();
}

fn unread(store: &dyn Store) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    store
        .unread(&mut |found_one| {
            assert_eq!(found_one, message(found_one.id.0, found_one.to.as_str()));
            found.push((found_one.to.to_string(), found_one.id.0));
        })
        .unwrap();
    found
}

fn owned(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected
        .iter()
        .map(|&(to, id)| (to.to_owned(), id))
        .collect()
}

/// Runs a test on every backend; `open` opens the same store again after it was dropped.
fn on_every_backend(test: impl Fn(&dyn Fn() -> Box<dyn Store>)) {
    let folder = tempfile::tempdir().unwrap();
    test(&|| Box::new(FjallStore::open(folder.path(), Durability::Sync).unwrap()));
}

#[test]
fn a_new_store_is_empty() {
    on_every_backend(|open| {
        let store = open();
        assert_eq!(store.last_numbers().unwrap(), LastNumbers::default());
        assert_eq!(store.archive_bytes().unwrap(), 0);
        assert!(unread(&*store).is_empty());
        assert!(store.unarchived(9, 9).unwrap().is_empty());
    });
}

#[test]
fn what_was_committed_is_there_after_opening_again_in_order() {
    on_every_backend(|open| {
        let store = open();
        accept(&*store, &[(1, "bob"), (2, "carla"), (3, "bob")]);
        accept(&*store, &[(256, "bob"), (70_000, "bob")]);
        drop(store);
        let store = open();
        let expected = [
            ("bob", 1),
            ("bob", 3),
            ("bob", 256),
            ("bob", 70_000),
            ("carla", 2),
        ];
        assert_eq!(unread(&*store), owned(&expected));
        assert_eq!(store.last_numbers().unwrap().message, MessageId(70_000));
    });
}

#[test]
fn what_was_read_is_not_unread_and_waits_for_the_archive() {
    on_every_backend(|open| {
        let store = open();
        accept(&*store, &[(1, "bob"), (2, "bobo"), (3, "bob"), (4, "bob")]);
        read(&*store, vec![mark(1, "bob", 1, 3)]);
        drop(store);
        let store = open();
        assert_eq!(unread(&*store), owned(&[("bob", 4), ("bobo", 2)]));
        let expected = Unarchived {
            mark: mark(1, "bob", 1, 3),
            messages: vec![message(1, "bob"), message(3, "bob")],
        };
        assert_eq!(store.unarchived(9, 9).unwrap(), [expected]);
        assert_eq!(store.last_numbers().unwrap().read_mark, 1);
    });
}

#[test]
fn what_is_archived_is_forgotten_but_its_numbers_are_not_used_again() {
    on_every_backend(|open| {
        let store = open();
        accept(&*store, &[(1, "bob"), (2, "bob")]);
        read(&*store, vec![mark(1, "bob", 1, 1), mark(2, "bob", 2, 2)]);
        let first = store.unarchived(1, 9).unwrap();
        assert_eq!(first[0].mark.number, 1);
        store.archived(&first, 77).unwrap();
        drop(store);
        let store = open();
        let rest = store.unarchived(9, 9).unwrap();
        assert_eq!(rest.len(), 1);
        assert_eq!(rest[0].mark.number, 2);
        store.archived(&rest, 99).unwrap();
        assert_eq!(store.archive_bytes().unwrap(), 99);
        assert!(unread(&*store).is_empty());
        let last = LastNumbers {
            message: MessageId(2),
            read_mark: 2,
        };
        assert_eq!(store.last_numbers().unwrap(), last);
    });
}

#[test]
fn marks_come_in_their_order_and_no_more_than_asked_for() {
    on_every_backend(|open| {
        let store = open();
        let messages: Vec<_> = (1..=300).map(|id| (id, "bob")).collect();
        accept(&*store, &messages);
        read(
            &*store,
            (1..=300).map(|id| mark(id, "bob", id, id)).collect(),
        );
        let numbers = |marks, messages| -> Vec<u64> {
            store
                .unarchived(marks, messages)
                .unwrap()
                .iter()
                .map(|one| one.mark.number)
                .collect()
        };
        assert_eq!(numbers(3, 99), [1, 2, 3]);
        assert_eq!(numbers(99, 2), [1, 2]);
        assert_eq!(numbers(99, 0), [1]);
        assert_eq!(numbers(999, 999), (1..=300).collect::<Vec<_>>());
    });
}

#[test]
fn a_second_program_is_told_that_the_store_is_in_use() {
    fn second(folder: &Path) -> StoreError {
        FjallStore::open(folder, Durability::Sync)
            .err()
            .expect("two programs have the same store open")
    }
    let folder = tempfile::tempdir().unwrap();
    let _first = FjallStore::open(folder.path(), Durability::Sync).unwrap();
    let error = second(folder.path());
    assert!(matches!(error, StoreError::InUse(_)), "{error}");
}
