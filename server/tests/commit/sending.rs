//! What is sent: tags, refusals, the order of telling, numbers.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex},
    thread,
};

use jiff::Timestamp;
use mensageiro_server::{
    commit::Entry,
    model::{event::Read, message::MessageId},
    state::Outcome,
};

use crate::desk::{Desk, Session, Told, draft, ids, login, pair};

#[test]
fn a_message_sent_again_under_its_tag_is_the_same_message() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path().into());
    let twice = ["a", "b", "a"].map(|tag| draft("ana", "bob", Some(tag)));
    let first = desk.send(twice.to_vec());
    assert_eq!(ids(&first), [(1, false), (2, false), (1, true)]);
    let of_others = desk.send(vec![draft("bob", "ana", Some("a"))]);
    assert_eq!(ids(&of_others), [(3, false)]);
    let desk = desk.reopen();
    let again = desk.send(vec![
        draft("ana", "bob", Some("b")),
        draft("ana", "bob", Some("c")),
        draft("ana", "bob", None),
    ]);
    assert_eq!(ids(&again), [(2, true), (4, false), (5, false)]);
    let sent_at = |outcome: &Outcome| match outcome {
        Outcome::Accepted { sent_at, .. } | Outcome::Repeat { sent_at, .. } => Some(*sent_at),
        Outcome::Refused(_) => None,
    };
    assert_eq!(sent_at(&again[0]), sent_at(&first[1]));
    assert_eq!(desk.waiting("bob"), [1, 2, 4, 5]);
    desk.stop();
}

#[test]
fn the_audience_is_told_before_the_origin_and_when_everything_is_visible() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path().into());
    desk.send(vec![draft("ana", "bob", None)]);
    let session = Session {
        key: 77,
        told: desk.tell.clone(),
    };
    let entry = Entry {
        from: login("bob"),
        device: None,
        reads: vec![Read::Conversation {
            with: pair("ana", "bob"),
            up_to: MessageId(1),
        }],
        sets: Vec::new(),
        drafts: vec![draft("bob", "ana", Some("x")).draft],
    };
    desk.committer.submit(entry, Arc::new(session));
    let told: Vec<_> = desk.told.iter().take(3).collect();
    let Told::Committed {
        messages,
        moved,
        visible,
    } = &told[1]
    else {
        panic!("{told:?}");
    };
    assert_eq!((&messages[..], *visible), (&[(2, Some(77))][..], 2));
    let moved = &moved[0];
    assert_eq!(
        (&moved.who, &moved.with),
        (&login("bob"), &pair("ana", "bob"))
    );
    assert_eq!((moved.read, moved.by), (Some(MessageId(1)), Some(77)));
    let Told::Done { key: 77, ids } = &told[2] else {
        panic!("{told:?}");
    };
    assert_eq!(ids[..], [2]);
    desk.stop();
}
#[test]
fn when_users_were_last_there_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path().into());
    let at = Timestamp::from_millisecond(1_700_000_000_123).unwrap();
    desk.committer.seen(login("ana"), at);
    let desk = desk.reopen();
    assert_eq!(desk.seen, HashMap::from([(login("ana"), at)]));
    desk.stop();
}

#[test]
fn many_threads_get_numbers_without_gaps_and_history_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path().into());
    let all = Mutex::new(BTreeSet::new());
    thread::scope(|scope| {
        for from in ["ana", "bob", "carla"] {
            let (desk, all) = (&desk, &all);
            scope.spawn(move || {
                for _ in 0..100 {
                    let accepted = desk.send(vec![draft(from, "diego", None); 3]);
                    let ids: Vec<_> = ids(&accepted).into_iter().map(|(id, _)| id).collect();
                    assert_eq!(ids[2], ids[0] + 2);
                    all.lock().unwrap().extend(ids);
                }
            });
        }
    });
    assert!(all.lock().unwrap().iter().copied().eq(1..=900));
    let conversations = desk.mailboxes.conversations(&login("diego"), MessageId(0));
    let mut found = Vec::new();
    desk.messages
        .timeline(
            &conversations,
            MessageId(0),
            MessageId::MAX,
            &mut |message| {
                found.push(message.id.0);
                true
            },
        )
        .unwrap();
    assert!(found.into_iter().eq(1..=900));
    desk.stop();
}
