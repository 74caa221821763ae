//! What every [`Store`] must do. A second backend passes it by one more call in each test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod archive;

use std::{collections::BTreeSet, path::Path, sync::Arc};

use archive::unarchived;

use jiff::{SignedDuration, Timestamp};
use mensageiro_protocol::{Login, Text};
use mensageiro_server::{
    conversation::Conversation,
    mailbox::Cursor,
    message::{Message, MessageId, Tag, TagHash},
    options::Durability,
    store::{
        Block, Commit, CursorRecord, DiskStore, LastNumbers, Loss, Store, StoreError, TagRecord,
    },
};

fn login(name: &str) -> Login {
    Login::parse(name).unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

/// From ana or, if the id is even, to ana; every third one has a tag.
fn message(id: u64, with: &str) -> Message {
    let (ana, with) = (login("ana"), login(with));
    let (from, to) = if id.is_multiple_of(2) {
        (with, ana)
    } else {
        (ana, with)
    };
    Message {
        id: MessageId(id),
        sent_at: at(0),
        from,
        to,
        members: None,
        missed_by: None,
        tag: id
            .is_multiple_of(3)
            .then(|| Tag::parse(&format!("c{id}")).unwrap()),
        text: Text::from(format!("text {id}\nsecond line").as_str()),
    }
}

fn in_group(id: u64, from: &str, members: &[&str]) -> Message {
    let members: BTreeSet<_> = members.iter().map(|name| login(name)).collect();
    Message {
        from: login(from),
        to: login("class"),
        members: Some(Arc::new(members)),
        ..message(id, "bob")
    }
}

fn with(name: &str) -> Conversation {
    Conversation::pair(&login("ana"), &login(name))
}

/// Commits messages together.
fn accept(store: &dyn Store, messages: Vec<Message>) {
    let mut last = store.last_numbers().unwrap();
    let mut blocks = Vec::<Block>::new();
    for message in messages {
        last.message = message.id;
        let conversation = message.conversation();
        let known = blocks
            .iter_mut()
            .find(|block| block.conversation == conversation);
        match known {
            Some(block) => block.messages.push(message),
            None => blocks.push(Block {
                conversation,
                messages: vec![message],
            }),
        }
    }
    let commit = Commit {
        blocks,
        last,
        ..Commit::default()
    };
    store.commit(&commit).unwrap();
}

fn ids(messages: &[Message]) -> Vec<u64> {
    messages.iter().map(|message| message.id.0).collect()
}

fn timeline(store: &dyn Store, names: &[&str], after: u64, up_to: u64) -> Vec<u64> {
    let conversations: Vec<_> = names.iter().map(|name| with(name)).collect();
    let mut found = Vec::new();
    store
        .timeline(
            &conversations,
            MessageId(after),
            MessageId(up_to),
            &mut |message| {
                found.push(message.id.0);
                true
            },
        )
        .unwrap();
    found
}

fn open_on_disk(folder: &Path) -> Result<DiskStore, StoreError> {
    DiskStore::open(folder, Durability::Sync, Loss::Refused)
}

/// Runs a test on every backend; `open` opens the same store again after it was dropped.
fn on_every_backend(test: impl Fn(&dyn Fn() -> Box<dyn Store>)) {
    let folder = tempfile::tempdir().unwrap();
    test(&|| Box::new(open_on_disk(folder.path()).unwrap()));
}

#[test]
fn a_new_store_is_empty() {
    on_every_backend(|open| {
        let store = open();
        assert_eq!(store.last_numbers().unwrap(), LastNumbers::default());
        assert_eq!(store.archive_bytes().unwrap(), 0);
        assert_eq!(store.last_of(&with("bob")).unwrap(), MessageId(0));
        assert!(unarchived(&*store, 9, 9).is_empty());
        assert!(store.seen().unwrap().is_empty());
        let history = store.history(&with("bob"), None, 50, MessageId::MAX);
        assert!(history.unwrap().is_empty());
        assert!(timeline(&*store, &["bob"], 0, u64::MAX).is_empty());
        store
            .cursors(&mut |cursor| panic!("{cursor:?} in a new store"))
            .unwrap();
    });
}

#[test]
fn what_was_committed_is_there_after_opening_again() {
    on_every_backend(|open| {
        let store = open();
        let cursor = Cursor {
            delivered: MessageId(2),
            delivered_at: at(3),
            read: MessageId(1),
            read_at: at(4),
            changed: MessageId(2),
            left: Some(MessageId(9)),
        };
        let record = |conversation, user| CursorRecord {
            conversation,
            user: login(user),
            cursor,
        };
        let records = [
            record(with("bob"), "bob"),
            record(Conversation::Group(login("class")), "carla"),
        ];
        let first = message(1, "bob");
        let commit = Commit {
            blocks: vec![Block {
                conversation: with("bob"),
                messages: vec![first.clone(), message(2, "bob")],
            }],
            cursors: records.to_vec(),
            seen: vec![(login("bob"), at(7))],
            last: LastNumbers {
                message: MessageId(2),
                read_mark: 0,
            },
            ..Commit::default()
        };
        store.commit(&commit).unwrap();
        accept(&*store, vec![message(70_000, "bob")]);
        drop(store);
        let store = open();
        let history = store.history(&with("bob"), None, 50, MessageId::MAX);
        let expected = [first, message(2, "bob"), message(70_000, "bob")];
        assert_eq!(history.unwrap(), expected);
        assert_eq!(store.last_of(&with("bob")).unwrap(), MessageId(70_000));
        assert_eq!(store.last_numbers().unwrap().message, MessageId(70_000));
        let mut found = Vec::new();
        store.cursors(&mut |record| found.push(record)).unwrap();
        assert_eq!(found, records);
        assert_eq!(store.seen().unwrap()[&login("bob")], at(7));
    });
}

#[test]
fn a_page_of_history_is_right_wherever_it_begins_and_ends() {
    on_every_backend(|open| {
        let store = open();
        let mut id = 0;
        for size in [1, 2, 3, 7, 1, 1, 5] {
            let both = (0..size).flat_map(|_| {
                id += 2;
                [message(id - 1, "bob"), message(id, "bobo")]
            });
            accept(&*store, both.collect());
        }
        let all: Vec<u64> = (1..id).step_by(2).collect();
        for before in 0..=id + 1 {
            for limit in [0, 1, 2, 6, 50] {
                for up_to in [0, 1, 9, 24, u64::MAX] {
                    let there = all.iter().filter(|&&one| one < before && one <= up_to);
                    let there: Vec<_> = there.copied().collect();
                    let expected = &there[there.len().saturating_sub(limit)..];
                    let page = store.history(
                        &with("bob"),
                        Some(MessageId(before)),
                        limit,
                        MessageId(up_to),
                    );
                    let page = ids(&page.unwrap());
                    assert_eq!(page, expected, "{limit} before {before} up to {up_to}");
                }
            }
        }
    });
}

#[test]
fn what_is_too_much_for_one_record_is_found_whole() {
    on_every_backend(|open| {
        let store = open();
        let long = Text::from("x".repeat(30_000).as_str());
        let messages: Vec<_> = (1..=40)
            .map(|id| Message {
                text: long.clone(),
                ..message(id, "bob")
            })
            .collect();
        accept(&*store, messages.clone());
        let history = store.history(&with("bob"), None, 50, MessageId::MAX);
        assert_eq!(history.unwrap(), messages);
        assert_eq!(store.last_of(&with("bob")).unwrap(), MessageId(40));
        let expected: Vec<_> = (6..=35).collect();
        assert_eq!(timeline(&*store, &["bob"], 5, 35), expected);
    });
}

#[test]
fn a_timeline_merges_conversations_by_rising_ids() {
    on_every_backend(|open| {
        let store = open();
        let names = ["bob", "bobo", "carla"];
        let name_of = |id: u64| names[(id * id % 7 % 3) as usize];
        for first in (1..=900).step_by(9) {
            accept(
                &*store,
                (first..first + 9)
                    .map(|id| message(id, name_of(id)))
                    .collect(),
            );
        }
        for (after, up_to) in [(0, 900), (1, 2), (17, 18), (400, 700), (899, 2_000), (7, 7)] {
            for some in [&names[..], &names[..1], &names[1..]] {
                let expected: Vec<_> = (after + 1..=up_to.min(900))
                    .filter(|&id| some.contains(&name_of(id)))
                    .collect();
                assert_eq!(timeline(&*store, some, after, up_to), expected);
            }
        }
        assert!(timeline(&*store, &names, u64::MAX, u64::MAX).is_empty());
        let mut seen = 0;
        let stop = |_| {
            seen += 1;
            seen < 5
        };
        let mut stop = stop;
        store
            .timeline(&[with("bob")], MessageId(0), MessageId(900), &mut stop)
            .unwrap();
        assert_eq!(seen, 5);
    });
}

#[test]
fn who_a_group_message_was_for_does_not_change_with_the_group() {
    on_every_backend(|open| {
        let store = open();
        let messages = [
            in_group(1, "ana", &["ana", "bob"]),
            in_group(2, "bob", &["ana", "bob"]),
            in_group(3, "ana", &["ana", "bob", "carla"]),
            in_group(4, "ana", &["ana", "carla"]),
            in_group(5, "ana", &["ana", "bob"]),
        ];
        accept(&*store, messages[..4].to_vec());
        drop(store);
        let store = open();
        accept(&*store, messages[4..].to_vec());
        let class = Conversation::Group(login("class"));
        let found = store.history(&class, None, 50, MessageId::MAX).unwrap();
        assert_eq!(found, messages);
        let for_bob: Vec<_> = found.iter().map(|one| one.is_for(&login("bob"))).collect();
        assert_eq!(for_bob, [true, false, true, false, true]);
    });
}

#[test]
fn a_tag_is_found_where_its_message_is() {
    on_every_backend(|open| {
        let tagged = |id: u64, to: &str| Message {
            from: login("ana"),
            to: login(to),
            tag: Some(Tag::parse(&format!("t{id}")).unwrap()),
            ..message(id, "bob")
        };
        let check = |store: &dyn Store| {
            let find = |tag: &str, from, to| {
                let hash = TagHash::of(&Tag::parse(tag).unwrap());
                let near = MessageId(from)..=MessageId(to);
                let found = store.tags_near(&login("ana"), &near).unwrap();
                assert!(found.iter().all(|one| near.contains(&one.id)));
                let mut found = found.into_iter().filter(|one| one.hash == hash);
                let one = found.next().map(|one| (one.id.0, one.sent_at));
                assert!(found.next().is_none());
                one
            };
            for id in 1..=3000 {
                let tag = format!("t{id}");
                for (from, to) in [(id, id), (id - 1, id + 1)] {
                    assert_eq!(find(&tag, from, to), Some((id, at(0))), "{id}");
                }
            }
            assert_eq!(find("t7", 0, u64::MAX), Some((7, at(0))));
            assert_eq!(find("t7", 8, u64::MAX), None);
            assert_eq!(find("other", 0, u64::MAX), None);
            let all = MessageId(0)..=MessageId::MAX;
            assert_eq!(store.tags_near(&login("bob"), &all).unwrap(), []);
        };
        // To two in turn: in a commit messages go by conversation, not by number.
        let store = open();
        for first in (1..=3000).step_by(300) {
            let to = ["bob", "zoe"];
            let messages = (first..first + 300).map(|id| tagged(id, to[(id / 7 % 2) as usize]));
            accept(&*store, messages.collect());
        }
        check(&*store);
        drop(store);
        check(&*open());
    });
}

#[test]
fn tags_are_remembered_until_they_are_too_old_or_too_many() {
    on_every_backend(|open| {
        let tagged = |id: u64, from: &str, day: i64| Message {
            from: login(from),
            to: login("zoe"),
            sent_at: at(day * 86_400),
            tag: Some(Tag::parse(&format!("t{id}")).unwrap()),
            ..message(id, "bob")
        };
        // As days pass, not in one moment.
        accept(&*open(), vec![tagged(1, "ana", 0), tagged(2, "ana", 0)]);
        accept(&*open(), vec![tagged(3, "anabela", 1), tagged(4, "ana", 1)]);
        accept(&*open(), vec![tagged(5, "ana", 8)]);
        let store = open();
        let tags = |day: i64, most| {
            let now = at(day * 86_400);
            let week = SignedDuration::from_hours(7 * 24);
            let mut found = store.tags(&login("ana"), now - week, most).unwrap();
            found.sort_unstable_by_key(|one| one.id);
            let mut ids = Vec::new();
            for TagRecord { hash, id, sent_at } in found {
                let tag = Tag::parse(&format!("t{id}")).unwrap();
                assert_eq!(hash, TagHash::of(&tag));
                let day = [0, 0, 0, 1, 1, 8][id.0 as usize];
                assert_eq!(sent_at, at(day * 86_400));
                ids.push(id.0);
            }
            ids
        };
        assert_eq!(tags(7, 99), [1, 2, 4, 5]);
        assert_eq!(tags(8, 99), [4, 5]);
        assert_eq!(tags(7, 99), [4, 5], "what was too old was forgotten");
        assert_eq!(tags(8, 1), [5]);
        assert_eq!(tags(8, 99), [5], "what was too much was forgotten");
    });
}

#[test]
fn a_second_program_is_told_that_the_store_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let _first = open_on_disk(folder.path()).unwrap();
    let error = open_on_disk(folder.path())
        .err()
        .expect("two programs have the same store open");
    assert!(matches!(error, StoreError::InUse(_)), "{error}");
}
