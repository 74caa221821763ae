//! What has been read and is to be archived.

use std::{
    collections::VecDeque,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use mensageiro_protocol::Text;
use mensageiro_server::{
    message::{Message, MessageId, ReadMark},
    store::{Block, Commit, LastNumbers, Store, Unarchived},
};
use proptest::{collection::vec, prelude::*};

use super::{accept, at, ids, login, message, on_every_backend, open_on_disk, with};

fn mark(number: u64, reader: &str, first: u64, last: u64) -> ReadMark {
    let conversation = with(reader);
    ReadMark {
        number,
        reader: login(reader),
        conversation,
        first: MessageId(first),
        last: MessageId(last),
        read_at: at(1),
    }
}

fn read(store: &dyn Store, reads: Vec<ReadMark>) {
    let mut last = store.last_numbers().unwrap();
    last.read_mark = reads.last().unwrap().number;
    let commit = Commit {
        reads,
        last,
        ..Commit::default()
    };
    store.commit(&commit).unwrap();
}

/// The marks that are not archived, and the messages of each.
pub fn unarchived(store: &dyn Store, marks: usize, messages: usize) -> Vec<(ReadMark, Vec<u64>)> {
    let mut found = Vec::<(ReadMark, Vec<u64>)>::new();
    let last = store.unarchived(marks, messages, &mut |mark, read| {
        let expected = message(read.id.0, mark.reader.as_str());
        assert!(expected.is_for(&mark.reader));
        assert_eq!(
            (read.sent_at, read.from, read.group, read.text),
            (
                expected.sent_at,
                expected.from.as_str(),
                None,
                expected.text.as_str()
            )
        );
        match found.last_mut() {
            Some((last, ids)) if last == mark => ids.push(read.id.0),
            _ => found.push((mark.clone(), vec![read.id.0])),
        }
    });
    assert_eq!(last.unwrap(), found.last().map(|(mark, _)| mark.number));
    found
}

#[test]
fn what_was_read_waits_for_the_archive_and_stays_in_the_history() {
    on_every_backend(|open| {
        let store = open();
        let messages = [(1, "bob"), (2, "bob"), (3, "bobo"), (4, "bob"), (5, "bob")];
        let messages = messages.map(|(id, name)| message(id, name));
        accept(&*store, messages.to_vec());
        read(&*store, vec![mark(1, "bob", 1, 5), mark(2, "bobo", 3, 3)]);
        drop(store);
        let store = open();
        let expected = [
            (mark(1, "bob", 1, 5), vec![1, 5]),
            (mark(2, "bobo", 3, 3), vec![3]),
        ];
        assert_eq!(unarchived(&*store, 9, 9), expected);
        store.archived(1, 77).unwrap();
        drop(store);
        let store = open();
        assert_eq!(unarchived(&*store, 9, 9), expected[1..]);
        store.archived(2, 99).unwrap();
        assert_eq!(store.archive_bytes().unwrap(), 99);
        assert!(unarchived(&*store, 9, 9).is_empty());
        let history = store.history(&with("bob"), None, 50, MessageId::MAX);
        assert_eq!(ids(&history.unwrap()), [1, 2, 4, 5]);
        let last = LastNumbers {
            message: MessageId(5),
            read_mark: 2,
        };
        assert_eq!(store.last_numbers().unwrap(), last);
    });
}

#[test]
fn marks_come_in_their_order_and_no_more_than_asked_for() {
    on_every_backend(|open| {
        let store = open();
        accept(
            &*store,
            (1..=600).step_by(2).map(|id| message(id, "bob")).collect(),
        );
        for first in (1..=300).step_by(10) {
            let marks = (first..first + 10).map(|number| {
                let id = number * 2 - 1;
                mark(number, "bob", id, id)
            });
            read(&*store, marks.collect());
        }
        let numbers = |marks, messages| -> Vec<u64> {
            let found = unarchived(&*store, marks, messages);
            found.iter().map(|(mark, _)| mark.number).collect()
        };
        assert_eq!(numbers(3, 99), [1, 2, 3]);
        assert_eq!(numbers(99, 2), [1, 2]);
        assert_eq!(numbers(99, 0), [1]);
        assert!(numbers(0, 99).is_empty());
        assert_eq!(numbers(999, 999), (1..=300).collect::<Vec<_>>());
        store.archived(25, 1).unwrap();
        assert_eq!(numbers(7, 99), (26..=32).collect::<Vec<_>>());
        store.archived(30, 1).unwrap();
        assert_eq!(numbers(1, 99), [31]);
    });
}

/// What happens to a store that the archive follows.
#[derive(Clone, Debug)]
enum Step {
    /// So many messages are written, from them and to them.
    Write(u64),
    /// One of them reads all but so many messages.
    Read(usize, usize),
    /// The archive asks for so many marks, and has them or not.
    Archive(usize, bool),
    OpenAgain,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u64..40).prop_map(Step::Write),
        4 => (0..2_usize, 0..9_usize).prop_map(|(who, but)| Step::Read(who, but)),
        4 => (1..6_usize, any::<bool>()).prop_map(|(marks, has)| Step::Archive(marks, has)),
        1 => Just(Step::OpenAgain),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn the_archive_gets_everything_once_whenever_it_was_written_read_and_asked_for(
        steps in vec(step(), 1..60)
    ) {
        let folder = tempfile::tempdir().unwrap();
        let open = || open_on_disk(folder.path()).unwrap();
        let (mut store, names) = (open(), ["bob", "bobo"]);
        let (mut last, mut number) = (0, 0);
        let mut unread = [vec![], vec![]];
        let mut expected = VecDeque::new();
        for step in steps.into_iter().chain([Step::Archive(usize::MAX, true)]) {
            match step {
                Step::Write(count) => {
                    let mut messages = Vec::new();
                    for id in last + 1..=last + count {
                        let who = usize::from(id % 4 > 1);
                        let message = message(id, names[who]);
                        if message.is_for(&login(names[who])) {
                            unread[who].push(id);
                        }
                        messages.push(message);
                    }
                    last += count;
                    accept(&store, messages);
                }
                Step::Read(who, but) => {
                    let end = unread[who].len().saturating_sub(but);
                    let ids: Vec<_> = unread[who].drain(..end).collect();
                    if let (Some(&first), Some(&last)) = (ids.first(), ids.last()) {
                        number += 1;
                        let mark = mark(number, names[who], first, last);
                        read(&store, vec![mark.clone()]);
                        expected.push_back((mark, ids));
                    }
                }
                Step::Archive(marks, has) => loop {
                    let found = unarchived(&store, marks, usize::MAX);
                    let count = found.len();
                    prop_assert!(found.iter().eq(expected.iter().take(count)));
                    prop_assert!(count > 0 || expected.is_empty());
                    if has && let Some((mark, _)) = found.last() {
                        store.archived(mark.number, 0).unwrap();
                        expected.drain(..count);
                    }
                    if marks < usize::MAX || count == 0 {
                        break;
                    }
                },
                Step::OpenAgain => {
                    drop(store);
                    store = open();
                }
            }
        }
    }
}

/// A commit of so many messages of 64 KiB to bob, which bob has read by the same commit.
fn large(first: u64, count: u64, number: u64) -> Commit {
    let text = Text::from("x".repeat(64 * 1024).as_str());
    let odd = (first..).step_by(2).take(count as usize);
    let messages: Vec<_> = odd
        .map(|id| Message {
            text: text.clone(),
            ..message(id, "bob")
        })
        .collect();
    let last = messages.last().unwrap().id;
    Commit {
        blocks: vec![Block {
            conversation: with("bob"),
            messages,
        }],
        reads: vec![mark(number, "bob", first, last.0)],
        last: LastNumbers {
            message: last,
            read_mark: number,
        },
        ..Commit::default()
    }
}

#[test]
fn who_archives_meanwhile_misses_nothing_and_a_full_log_stops_nobody() {
    const COMMITS: u64 = 12;
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open_on_disk(folder.path()).unwrap());
    let (say, said) = crossbeam_channel::unbounded();
    let writer = store.clone();
    thread::spawn(move || {
        let mut next = 1;
        for number in 1..=COMMITS {
            // More than makes a file long; now and then more than makes it full.
            let count = if number % 5 == 0 { 270 } else { 70 };
            writer.commit(&large(next, count, number)).unwrap();
            next += 2 * count;
        }
        say.send((next - 1) / 2).unwrap();
    });
    let deadline = Instant::now() + Duration::from_secs(120);
    let (mut ids, mut last) = (Vec::new(), 0);
    while last < COMMITS {
        assert!(Instant::now() < deadline, "after {last} commits");
        let mut keep = |_: &ReadMark, one: Unarchived<'_>| ids.push(one.id.0);
        if let Some(up_to) = store.unarchived(usize::MAX, usize::MAX, &mut keep).unwrap() {
            store.archived(up_to, 0).unwrap();
            last = up_to;
        }
    }
    let written = said.recv_timeout(Duration::from_secs(60)).unwrap();
    assert!(
        ids.iter()
            .copied()
            .eq((1..).step_by(2).take(written as usize))
    );
}
