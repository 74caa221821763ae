//! What the batches of a converted store say, against what clients were told.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use mensageiro_protocol::{
    Login,
    live::{Receipt, ReceiptState},
};
use mensageiro_server::{
    migration::{Loss, MigrationError, format_3::OldStore},
    model::{
        codec,
        conversation::Conversation,
        cursor::Cursor,
        event::{Batch, Event, LastNumbers, Target},
        message::{Message, MessageId, ReadMark},
    },
};

use crate::sample::{self, expected, login};

/// What batches say, if they are applied by the letter.
#[derive(Default)]
pub struct Said {
    pub messages: BTreeMap<u64, Message>,
    pub cursors: HashMap<(Conversation, Login), Cursor>,
    seen: HashMap<Login, Timestamp>,
    pub marks: Vec<ReadMark>,
    groups: HashMap<Login, std::sync::Arc<BTreeSet<Login>>>,
    pub last: LastNumbers,
}

impl Said {
    pub fn apply(&mut self, batch: Batch) {
        self.last.message = self.last.message.max(batch.last.message);
        self.last.read_mark = self.last.read_mark.max(batch.last.read_mark);
        for event in batch.events {
            match event {
                Event::Messages(run) => {
                    let (to, members) = match run.to {
                        Target::User(to) => (to, None),
                        Target::Group(group) => {
                            let members = self.groups[&group].clone();
                            assert!(members.contains(&run.from));
                            (group, Some(members))
                        }
                    };
                    for sent in run.texts {
                        self.last.message = self.last.message.next();
                        let message = Message {
                            id: self.last.message,
                            sent_at: run.at,
                            from: run.from.clone(),
                            to: to.clone(),
                            members: members.clone(),
                            tag: sent.tag,
                            about: sent.about,
                            file: sent.file,
                            text: sent.text,
                        };
                        self.messages.insert(message.id.0, message);
                    }
                }
                Event::Group { group, members } => {
                    let before = self.groups.insert(group, members.clone().unwrap());
                    assert_ne!(before, members, "only what changes is said");
                }
                Event::Cursor {
                    conversation,
                    user,
                    cursor,
                } => {
                    assert!(
                        !self.messages.is_empty(),
                        "it says how far of what is there"
                    );
                    self.cursors.insert((conversation, user), cursor);
                }
                Event::Seen { login, at } => drop(self.seen.insert(login, at)),
                Event::Mark(mark) => {
                    self.last.read_mark += 1;
                    assert_eq!(mark.number, self.last.read_mark);
                    self.marks.push(mark);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// What waits for a user.
    fn unread(&self, user: &Login) -> Vec<&Message> {
        let of_user = |message: &&Message| {
            let cursor = self.cursors.get(&(message.conversation(), user.clone()));
            message.is_for(user) && cursor.is_none_or(|cursor| message.id > cursor.read)
        };
        self.messages.values().filter(of_user).collect()
    }

    /// How far others have come in the conversations of a user.
    fn receipts(&self, user: &Login, with: &Conversation) -> Vec<Receipt> {
        let others = self.cursors.iter();
        let others = others.filter(|((conversation, by), _)| conversation == with && by != user);
        let states = others.flat_map(|((conversation, by), cursor)| {
            let receipt = |state, id: MessageId, at: Timestamp| Receipt {
                id: id.0,
                with: conversation.with(user).clone(),
                by: by.clone(),
                state,
                at: at.as_millisecond(),
            };
            [
                receipt(
                    ReceiptState::Delivered,
                    cursor.delivered,
                    cursor.delivered_at,
                ),
                receipt(ReceiptState::Read, cursor.read, cursor.read_at),
            ]
        });
        states.collect()
    }
}

/// What a store says, by way of the bytes in a log.
pub fn said(store: &OldStore) -> Result<Said, MigrationError> {
    let mut said = Said::default();
    let read = store.batches(Timestamp::now(), &mut |mut batch, _| {
        let mut payload = Vec::new();
        codec::write_batch(&mut batch, &mut payload);
        said.apply(codec::read_batch(&payload).unwrap());
        Ok(())
    });
    assert_eq!(read?.messages, said.messages.len() as u64);
    Ok(said)
}

fn sample() -> Said {
    let data = sample::data();
    said(&OldStore::open(&data.path().join("store"), Loss::Refused).unwrap()).unwrap()
}

fn conversation(me: &str, with: &str, is_group: bool) -> Conversation {
    match is_group {
        true => Conversation::Group(login(with)),
        false => Conversation::pair(&login(me), &login(with)),
    }
}

#[test]
fn every_message_is_said_once_with_its_id_time_tag_and_text() {
    let (said, expected) = (sample(), expected());
    let mut known = BTreeSet::new();
    for (me, told) in &expected.told {
        let lines = told.histories.values().flatten().chain(&told.resumed);
        for one in sample::messages(&lines.cloned().collect::<Vec<_>>()) {
            known.insert(one.id);
            let message = &said.messages[&one.id];
            assert_eq!(message.conversation().with(&login(me)), &one.with);
            assert_eq!((&message.from, &message.text), (&one.from, &one.text));
            assert_eq!(message.sent_at.as_millisecond(), one.at);
            if one.from.as_str() == me {
                assert_eq!(message.tag, one.tag);
            }
        }
    }
    assert!(known.len() > 80 && known.iter().eq(said.messages.keys()));
    for sent in &expected.sent {
        let message = &said.messages[&sent.id];
        assert_eq!(message.tag.as_ref().unwrap().as_str(), sent.tag);
        assert_eq!(message.from.as_str(), sent.login);
        assert_eq!(message.sent_at.as_millisecond(), sent.at);
    }
    assert_eq!(said.last.message.0, *said.messages.keys().last().unwrap());
}

#[test]
fn groups_have_the_members_they_had() {
    let (said, expected) = (sample(), expected());
    let to_groups = said
        .messages
        .values()
        .filter(|message| message.members.is_some());
    let to_groups: HashMap<_, _> = to_groups.map(|one| (one.text.as_str(), one)).collect();
    assert_eq!(to_groups.len(), expected.members.len());
    let names = |names: &[String]| {
        names
            .iter()
            .map(|name| login(name))
            .collect::<BTreeSet<_>>()
    };
    for (text, members) in &expected.members {
        assert_eq!(
            **to_groups[&**text].members.as_ref().unwrap(),
            names(members)
        );
    }
}

#[test]
fn everybody_has_come_as_far_as_before() {
    let (said, expected) = (sample(), expected());
    for (me, told) in &expected.told {
        let user = login(me);
        let unread: Vec<_> = said
            .unread(&user)
            .iter()
            .map(|message| message.id.0)
            .collect();
        let ids = sample::messages(&told.unread).map(|message| message.id);
        assert_eq!(unread, ids.collect::<Vec<_>>(), "{me}");
        for news in &told.conversations {
            let with = conversation(me, news.with.as_str(), news.group);
            let cursor = said.cursors[&(with.clone(), user.clone())];
            assert_eq!(cursor.read.0, news.read, "{me} {with:?}");
            let there = said.receipts(&user, &with);
            let lines = &told.histories[news.with.as_str()];
            for receipt in sample::receipts(lines) {
                assert!(there.contains(&receipt), "{receipt:?}");
            }
        }
        for receipt in sample::receipts(&[&told.resumed[..], &told.receipts].concat()) {
            let with = conversation(me, receipt.with.as_str(), expected.is_group(&receipt.with));
            assert!(said.receipts(&user, &with).contains(&receipt));
        }
    }
    for (who, at) in &expected.seen {
        assert_eq!(said.seen[&login(who)].as_millisecond(), *at, "{who}");
    }
}

#[test]
fn the_archive_can_go_on_where_it_was() {
    let (said, expected) = (sample(), expected());
    let data = sample::data();
    let archive = std::fs::read_to_string(data.path().join("messages.csv")).unwrap();
    let store = OldStore::open(&data.path().join("store"), Loss::Refused).unwrap();
    let position = store.archive().unwrap();
    assert!(position.bytes > 0 && position.bytes <= archive.len() as u64);
    assert_eq!(
        position.last_mark + said.marks.len() as u64,
        said.last.read_mark
    );
    assert_eq!(store.last(), said.last);
    let mut rows = sample::rows(&archive[..position.bytes as usize]);
    assert!(rows.len() < sample::rows(&expected.archive).len());
    for mark in &said.marks {
        for message in said
            .messages
            .range(mark.first.0..=mark.last.0)
            .map(|(_, one)| one)
        {
            if message.conversation() == mark.conversation && message.is_for(&mark.reader) {
                let reader = mark.reader.as_str().to_owned();
                let is_new = rows.insert((message.id.0, reader, message.text.as_str().to_owned()));
                assert!(is_new);
            }
        }
    }
    assert_eq!(rows, sample::rows(&expected.archive));
}
