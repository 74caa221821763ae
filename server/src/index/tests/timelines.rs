//! Many conversations in order, with little memory.

use std::{cell::Cell, collections::BTreeSet};

use mensageiro_protocol::Login;

use super::{
    super::{Wanted, reading::Reading},
    world::{World, group, user},
};
use crate::model::{
    conversation::Conversation,
    event::Target,
    message::{Message, MessageId},
};

const OTHERS: usize = 400;

/// What one user gets, who may be gone after some time.
struct Mail {
    conversations: Vec<(Conversation, MessageId)>,
    me: Login,
    patience: Cell<usize>,
}

impl Wanted for Mail {
    fn some(
        &self,
        from: usize,
        most: usize,
        _: MessageId,
        out: &mut Vec<(Conversation, MessageId)>,
    ) -> Option<usize> {
        out.extend(self.conversations.iter().skip(from).take(most).cloned());
        (from + most < self.conversations.len()).then_some(from + most)
    }

    fn is_for(&self, members: &BTreeSet<Login>) -> bool {
        members.contains(&self.me)
    }

    fn goes_on(&self) -> bool {
        self.patience.set(self.patience.get().saturating_sub(1));
        self.patience.get() > 0
    }
}

/// Some hundred conversations of user 0, and a group it comes into late.
fn mail(world: &mut World) -> Mail {
    let members = |who: &[usize]| Some(who.iter().map(|n| user(*n)).collect());
    world.change_group(&group(0), members(&[1, 2]));
    for round in 0..6 {
        if round == 4 {
            world.change_group(&group(0), members(&[0, 1]));
        }
        let runs = (1..=OTHERS).map(|n| {
            let (from, to) = if n % 3 == round % 3 { (0, n) } else { (n, 0) };
            let texts = 1 + (n + round) % 3;
            (user(from), Target::User(user(to)), texts, texts, false)
        });
        let to_group = (user(1), Target::Group(group(0)), 70, 70, false);
        let mut runs: Vec<_> = runs.chain([to_group]).collect();
        // Each record in an order of its own.
        runs.rotate_left(round * 71);
        world.send(&runs);
        if round % 2 == 0 {
            world.flush();
        }
    }
    let pairs = (1..=OTHERS).map(|n| Conversation::pair(&user(0), &user(n)));
    let conversations = pairs.chain([Conversation::Group(group(0))]);
    Mail {
        conversations: conversations.map(|one| (one, MessageId(0))).collect(),
        me: user(0),
        patience: Cell::new(usize::MAX),
    }
}

fn is_mine(message: &Message) -> bool {
    message
        .members
        .as_ref()
        .is_none_or(|members| members.contains(&user(0)))
}

/// All that a device lacks after `after`, by `bytes` at a time, by a reader who sometimes rests.
fn read(world: &World, mail: &Mail, after: u64, bytes: usize) -> Vec<Message> {
    let reader = world.reader();
    let mut timeline = reader.timeline_of(mail, MessageId(after), MessageId::MAX);
    let (mut found, mut is_more) = (Vec::new(), true);
    while is_more {
        let before = found.len();
        is_more = timeline
            .show(bytes, &mut |message| {
                found.push(message);
                true
            })
            .unwrap();
        assert!(found.len() - before <= bytes.max(1), "{bytes} bytes");
        timeline.rest();
    }
    found
}

#[test]
fn a_timeline_of_more_conversations_than_it_has_room_for_is_complete_and_in_order() {
    let folders = tempfile::tempdir().unwrap();
    let mut world = World::new(folders.path());
    let mut mail = mail(&mut world);
    let mut expected: Vec<_> = mail
        .conversations
        .iter()
        .flat_map(|(one, _)| world.messages_of(one))
        .filter(is_mine)
        .collect();
    expected.sort_unstable_by_key(|message| message.id);
    let reader = world.reader();
    for is_scarce in [false, true] {
        let hogs: Vec<_> = (0..if is_scarce { 20 } else { 0 })
            .map(|_| full_share(reader.reading()))
            .collect();
        for (after, bytes) in [(0, 1), (0, 300), (700, 16 * 1024), (3_000, 1 << 20)] {
            let wanted = expected.iter().filter(|message| message.id.0 > after);
            let found = read(&world, &mail, after, bytes);
            assert!(found.iter().eq(wanted), "{is_scarce} {after} {bytes}");
        }
        drop(hogs);
    }
    // Each conversation may begin somewhere else.
    for (n, (_, after)) in mail.conversations.iter_mut().enumerate() {
        *after = MessageId(n as u64 * 8);
    }
    let after = |message: &Message| {
        let of = message.conversation();
        let mut all = mail.conversations.iter();
        all.find(|(one, _)| *one == of).unwrap().1
    };
    let wanted = expected.iter().filter(|one| one.id > after(one));
    assert!(
        read(&world, &mail, 100, 4_096)
            .iter()
            .eq(wanted.filter(|one| one.id.0 > 100))
    );
}

/// All that one reader can have.
fn full_share(reading: &Reading) -> super::super::reading::Share<'_> {
    let mut share = reading.share();
    while share.grow() {}
    share
}

#[test]
fn a_timeline_ends_when_nobody_waits_for_it_any_more() {
    let folders = tempfile::tempdir().unwrap();
    let mut world = World::new(folders.path());
    let mail = mail(&mut world);
    mail.patience.set(2);
    assert!(read(&world, &mail, 0, 4_096).is_empty());
    mail.patience.set(usize::MAX);
    assert!(!read(&world, &mail, 0, 4_096).is_empty());
}

#[test]
fn an_answer_has_no_more_bytes_than_it_may_and_says_whether_there_is_more() {
    let folders = tempfile::tempdir().unwrap();
    let mut world = World::new(folders.path());
    let run = |texts| (user(0), Target::User(user(1)), texts, texts, false);
    (0..50).for_each(|_| world.send(&[run(3), run(1)]));
    let reader = world.reader();
    let with = Conversation::pair(&user(0), &user(1));
    let ids = |limit, bytes| {
        let mut page = reader
            .page(&with, (MessageId(0), MessageId::MAX), limit, bytes)
            .unwrap();
        let mut ids = Vec::new();
        while !page.places.is_empty() {
            page.places
                .show(100, &mut |message| {
                    ids.push(message.id.0);
                    true
                })
                .unwrap();
        }
        (ids, page.is_more)
    };
    assert_eq!(ids(3, u64::MAX), (vec![198, 199, 200], true));
    assert_eq!(ids(200, u64::MAX), ((1..=200).collect(), false));
    assert!(!ids(500, u64::MAX).1);
    assert_eq!(ids(200, 1), (vec![200], true));
    let (some, is_more) = ids(200, 2_000);
    assert!(is_more && some.len() > 10 && some.len() < 100, "{some:?}");
    assert!(some.iter().copied().eq(201 - some.len() as u64..=200));
}
