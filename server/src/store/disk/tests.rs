use std::{mem, ops::RangeInclusive};

use crossbeam_channel::bounded;
use jiff::Timestamp;
use mensageiro_protocol::{Login, Text};

use super::*;
use crate::{
    conversation::Conversation,
    message::TagHash,
    message::{Message, ReadMark, Tag},
    store::{Block, LastNumbers, Unarchived},
};

fn login(name: &str) -> Login {
    Login::parse(name).unwrap()
}

fn open(folder: &Path) -> Arc<Parts> {
    Arc::new(Parts::open(folder, Durability::Relaxed, Loss::Refused).unwrap())
}

/// One message of ana to bob with so many bytes of text, and that bob has read it.
fn commit(number: u64, bytes: usize) -> Commit {
    let message = Message {
        id: MessageId(number),
        sent_at: Timestamp::UNIX_EPOCH,
        from: login("ana"),
        to: login("bob"),
        members: None,
        missed_by: None,
        tag: Some(Tag::parse(&format!("t{number}")).unwrap()),
        text: Text::from("x".repeat(bytes).as_str()),
    };
    let conversation = message.conversation();
    let read = ReadMark {
        number,
        reader: login("bob"),
        conversation: conversation.clone(),
        first: message.id,
        last: message.id,
        read_at: Timestamp::UNIX_EPOCH,
    };
    Commit {
        blocks: vec![Block {
            conversation,
            messages: vec![message],
        }],
        reads: vec![read],
        last: LastNumbers {
            message: MessageId(number),
            read_mark: number,
        },
        ..Commit::default()
    }
}

#[test]
fn a_full_file_stops_nobody_although_somebody_else_has_settled_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let parts = open(folder.path());
    parts.commit(&commit(1, 17 * 1024 * 1024)).unwrap();
    parts.settle().unwrap();
    let settler = parts.clone();
    let settler = thread::spawn(move || settler.run());
    let (tell, told) = bounded(1);
    let writer = parts.clone();
    thread::spawn(move || tell.send(writer.commit(&commit(2, 1)).is_ok()));
    let patience = Duration::from_secs(20);
    assert!(told.recv_timeout(patience).expect("it waits for nothing"));
    lock(&parts.memory).is_ending = true;
    parts.changed.notify_all();
    settler.join().unwrap();
}

#[test]
fn a_mark_that_is_seen_before_its_block_is_at_hand_is_shown_whole() {
    let folder = tempfile::tempdir().unwrap();
    let parts = open(folder.path());
    parts.commit(&commit(1, 1)).unwrap();
    parts.settle().unwrap();
    parts.commit(&commit(2, 1)).unwrap();
    let gathered = mem::take(&mut lock(&parts.memory).gathered);
    let database = &parts.database;
    let mut batch = database.database.batch();
    database.write(&gathered, &mut batch);
    batch.commit().unwrap();
    let mut ids = Vec::new();
    let mut show = |_: &ReadMark, one: Unarchived<'_>| ids.push(one.id.0);
    assert_eq!(database.unarchived(9, 9, &mut show).unwrap(), Some(2));
    assert_eq!(ids, [1, 2]);
}

#[test]
fn nobody_waits_for_a_settler_that_is_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let parts = open(folder.path());
    parts.commit(&commit(1, 17 * 1024 * 1024)).unwrap();
    drop(Ended(&parts));
    assert!(parts.commit(&commit(2, 1)).is_err());
}

#[test]
fn what_the_database_has_of_a_replay_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let parts = open(folder.path());
    let gather = |numbers: RangeInclusive<u64>| {
        for number in numbers {
            parts.commit(&commit(number, 1)).unwrap();
        }
        mem::take(&mut lock(&parts.memory).gathered)
    };
    let all = gather(1..=9);
    // It was settled in other portions before.
    for portion in [1..=3, 4..=5, 6..=9] {
        parts.database.settle(&gather(portion)).unwrap();
    }
    parts.database.settle_again(&all).unwrap();
    let with = Conversation::pair(&login("ana"), &login("bob"));
    let found = parts.database.history(&with, MessageId::MAX, 99).unwrap();
    let ids: Vec<_> = found.iter().map(|one| one.id.0).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for message in found {
        let hash = TagHash::of(&message.tag.unwrap());
        let near = message.id..=message.id;
        let found = parts.database.tags_near(&login("ana"), &near).unwrap();
        assert!(
            found
                .iter()
                .any(|one| (one.id, one.hash) == (message.id, hash))
        );
    }
    assert_eq!(parts.database.tags.len().unwrap(), 1);
    assert_eq!(parts.database.reads.len().unwrap(), 1);
}
