//! What is sent: tags, refusals, the order of telling, numbers.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex},
    thread,
};

use jiff::Timestamp;
use mensageiro_server::{
    journal::{Accepted, Entry, Read},
    message::MessageId,
    store::Store,
};

use crate::desk::{Desk, Session, Told, draft, login, pair};

#[test]
fn a_message_sent_again_under_its_tag_is_the_same_message() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path().into());
    let twice = ["a", "b", "a"].map(|tag| draft("ana", "bob", Some(tag)));
    let ids = |accepted: &[Accepted]| -> Vec<_> {
        let one = |one: &Accepted| (one.id.0, one.is_repeat);
        accepted.iter().map(one).collect()
    };
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
    assert_eq!(again[0].sent_at, first[1].sent_at);
    assert_eq!(desk.waiting("bob"), [1, 2, 4, 5]);
    desk.stop();
}

#[test]
fn whose_tags_cannot_be_read_is_refused_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path().into());
    let of_dora = |tag| Entry {
        from: login("dora"),
        reads: Vec::new(),
        drafts: vec![draft("dora", "bob", tag)],
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..=200 {
                let tag = format!("t{number}");
                let accepted = desk.send(vec![draft("ana", "bob", Some(&tag))]);
                assert_eq!(accepted[0].id.0, number);
            }
        });
        for _ in 0..200 {
            assert!(desk.journal.write(of_dora(Some("a"))).is_err());
        }
    });
    desk.journal.write(of_dora(None)).unwrap();
    assert_eq!(desk.waiting("bob"), (1..=201).collect::<Vec<_>>());
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
        reads: vec![Read::Conversation {
            with: pair("ana", "bob"),
            up_to: MessageId(1),
        }],
        drafts: vec![draft("bob", "ana", Some("x"))],
    };
    desk.journal.submit(entry, Arc::new(session));
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
    desk.journal.seen(login("ana"), at);
    let desk = desk.reopen();
    assert_eq!(
        desk.store.seen().unwrap(),
        HashMap::from([(login("ana"), at)])
    );
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
                    let ids: Vec<_> = accepted.iter().map(|one| one.id.0).collect();
                    assert_eq!(ids[2], ids[0] + 2);
                    all.lock().unwrap().extend(ids);
                }
            });
        }
    });
    assert!(all.lock().unwrap().iter().copied().eq(1..=900));
    let conversations = desk.mailboxes.conversations(&login("diego"), MessageId(0));
    let mut found = Vec::new();
    desk.store
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
