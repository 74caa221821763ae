//! Makes batches of events.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    mem,
    sync::Arc,
};

use jiff::Timestamp;
use mensageiro_protocol::Login;
use xxhash_rust::xxh3::xxh3_64;

use super::{records::Members, timeline::Next};
use crate::{
    log::Part,
    migration::MigrationError,
    model::{
        conversation::Conversation,
        event::{Batch, Event, LastNumbers, Run, Sent, Target},
        message::{MessageId, ReadMark, Tag},
    },
};

/// A batch is ended after about so many bytes of payload.
const BATCH_BYTES: usize = 1024 * 1024;

/// What an event takes beside its texts, at most; about twice what a login takes.
const EVENT_BYTES: usize = 128;

/// Takes a batch, with the last message so far.
pub(super) type Visit<'a> = dyn FnMut(Batch, MessageId) -> Result<(), MigrationError> + 'a;

/// See the module.
pub(super) struct Batches<'a> {
    batch: Batch,
    bytes: usize,
    /// The last message that was added.
    last: MessageId,
    /// Who belongs to each group, as the batches say.
    rosters: HashMap<Login, Members>,
    tags: KnownTags,
    visit: &'a mut Visit<'a>,
}

/// The tags that were used, each with its login as a hash of 64 bits. A store of format 3 forgot them after seven days, and so
/// may have the same one twice; a log takes the second message for the first one.
#[derive(Default)]
struct KnownTags {
    hashes: HashSet<u64>,
    bytes: Vec<u8>,
    again: u64,
}

impl<'a> Batches<'a> {
    /// `at`: when the batches are made.
    pub(super) fn new(at: Timestamp, visit: &'a mut Visit<'a>) -> Self {
        Self {
            batch: empty(at),
            bytes: 0,
            last: MessageId(0),
            rosters: HashMap::new(),
            tags: KnownTags::default(),
            visit,
        }
    }

    /// Adds events of no great length.
    pub(super) fn all(
        &mut self,
        events: impl Iterator<Item = Event>,
    ) -> Result<(), MigrationError> {
        for event in events {
            self.add(event, EVENT_BYTES)?;
        }
        Ok(())
    }

    fn add(&mut self, event: Event, bytes: usize) -> Result<(), MigrationError> {
        self.batch.events.push(event);
        self.bytes += bytes;
        self.end_if_full()
    }

    /// Adds a message, after the members of its group if these are others than before.
    pub(super) fn message(&mut self, next: Next<'_>) -> Result<(), MigrationError> {
        let Next {
            conversation,
            members,
            message,
        } = next;
        // Ids are given one after the other when a batch is applied.
        if self.batch.events.is_empty() || message.id != self.last.next() {
            self.end()?;
            self.batch.last.message = MessageId(message.id.0.saturating_sub(1));
        }
        self.last = message.id;
        let to = match conversation {
            Conversation::Pair(lesser, greater) if message.from == *lesser => {
                Target::User(greater.clone())
            }
            Conversation::Pair(lesser, _) => Target::User(lesser.clone()),
            Conversation::Group(group) => Target::Group(group.clone()),
        };
        if let (Target::Group(group), Some(members)) = (&to, members) {
            self.members(group, members, &message.from);
        }
        self.bytes += message.text.len() + EVENT_BYTES;
        let sent = Sent {
            tag: self.tags.once(&message.from, message.tag),
            about: None,
            file: None,
            text: message.text,
        };
        match self.batch.events.last_mut() {
            Some(Event::Messages(run))
                if run.from == message.from && run.to == to && run.at == message.sent_at =>
            {
                run.texts.push(sent);
            }
            _ => self.batch.events.push(Event::Messages(Run {
                from: message.from,
                to,
                device: None,
                at: message.sent_at,
                texts: vec![sent],
                part: Part {
                    offset: 0,
                    length: 0,
                },
            })),
        }
        self.end_if_full()
    }

    /// Says who belongs to a group, unless it is said already.
    fn members(&mut self, group: &Login, members: &Members, author: &Login) {
        // Nobody else could have written it.
        let members = match members.contains(author) {
            true => members.clone(),
            false => {
                let mut all = BTreeSet::clone(members);
                all.insert(author.clone());
                Arc::new(all)
            }
        };
        let known = self.rosters.get(group);
        if known.is_some_and(|known| Arc::ptr_eq(known, &members) || *known == members) {
            return;
        }
        self.rosters.insert(group.clone(), members.clone());
        self.bytes += members.len() * EVENT_BYTES / 2;
        self.batch.events.push(Event::Group {
            group: group.clone(),
            members: Some(members),
        });
    }

    /// Adds a read mark.
    pub(super) fn mark(&mut self, mark: ReadMark) -> Result<(), MigrationError> {
        let before = mark.number.saturating_sub(1);
        let expected = self.batch.last.read_mark + self.batch.events.len() as u64;
        if self.batch.events.is_empty() || expected != before {
            self.end()?;
            self.batch.last.read_mark = before;
        }
        self.add(Event::Mark(mark), EVENT_BYTES)
    }

    /// Ends the batch, if there is anything in it.
    pub(super) fn end(&mut self) -> Result<(), MigrationError> {
        if self.batch.events.is_empty() {
            return Ok(());
        }
        self.show()
    }

    /// Adds a batch with the last numbers that were used. Returns how many messages have lost their tags.
    pub(super) fn finish(mut self, last: LastNumbers) -> Result<u64, MigrationError> {
        self.end()?;
        self.batch.last = LastNumbers {
            message: last.message.max(self.last),
            read_mark: last.read_mark,
        };
        self.show()?;
        Ok(self.tags.again)
    }

    fn end_if_full(&mut self) -> Result<(), MigrationError> {
        match self.bytes >= BATCH_BYTES {
            true => self.end(),
            false => Ok(()),
        }
    }

    fn show(&mut self) -> Result<(), MigrationError> {
        self.bytes = 0;
        let next = empty(self.batch.at);
        (self.visit)(mem::replace(&mut self.batch, next), self.last)
    }
}

impl KnownTags {
    /// The tag, if its sender has not used it before.
    fn once(&mut self, login: &Login, tag: Option<Tag>) -> Option<Tag> {
        let tag = tag?;
        self.bytes.clear();
        self.bytes.extend_from_slice(login.as_str().as_bytes());
        self.bytes.push(0);
        self.bytes.extend_from_slice(tag.as_str().as_bytes());
        let is_new = self.hashes.insert(xxh3_64(&self.bytes));
        self.again += u64::from(!is_new);
        is_new.then_some(tag)
    }
}

fn empty(at: Timestamp) -> Batch {
    Batch {
        at,
        last: LastNumbers::default(),
        events: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use mensageiro_protocol::Text;

    use super::*;
    use crate::migration::format_3::records::Stored;

    fn login(name: &str) -> Login {
        Login::parse(name).unwrap()
    }

    fn members(names: &[&str]) -> Members {
        Arc::new(names.iter().map(|name| login(name)).collect())
    }

    /// The batches of messages, each with an id, a tag and the members of the group it is written to.
    fn batches(messages: &[(u64, &str, Option<Members>)]) -> Vec<Batch> {
        let mut found = Vec::new();
        let mut visit = |batch, _| {
            found.push(batch);
            Ok(())
        };
        let at = Timestamp::UNIX_EPOCH;
        let mut out = Batches::new(at, &mut visit);
        for (id, tag, members) in messages {
            let conversation = match members {
                None => Conversation::pair(&login("ana"), &login("bob")),
                Some(_) => Conversation::Group(login("class")),
            };
            let message = Stored {
                id: MessageId(*id),
                sent_at: at,
                from: login("bob"),
                tag: Tag::parse(tag).ok(),
                text: Text::from("text"),
            };
            let next = Next {
                conversation: &conversation,
                members: members.as_ref(),
                message,
            };
            out.message(next).unwrap();
        }
        let last = LastNumbers {
            message: MessageId(9),
            read_mark: 7,
        };
        out.finish(last).unwrap();
        found
    }

    fn runs(batch: &Batch) -> impl Iterator<Item = &Run> {
        batch.events.iter().filter_map(|event| match event {
            Event::Messages(run) => Some(run),
            _ => None,
        })
    }

    #[test]
    fn messages_of_one_moment_are_one_run_and_a_gap_in_the_ids_begins_a_batch() {
        let found = batches(&[(3, "", None), (4, "", None), (6, "", None)]);
        let floors = found.iter().map(|batch| batch.last.message.0);
        assert_eq!(floors.collect::<Vec<_>>(), [2, 5, 9]);
        let texts = found.iter().flat_map(runs).map(|run| run.texts.len());
        assert_eq!(texts.collect::<Vec<_>>(), [2, 1]);
        assert_eq!((found[2].events.len(), found[2].last.read_mark), (0, 7));
    }

    #[test]
    fn a_tag_stands_for_the_first_message_that_has_it() {
        let found = batches(&[(1, "t1", None), (2, "t2", None), (3, "t1", None)]);
        let tags = runs(&found[0]).flat_map(|run| &run.texts).map(|sent| {
            let tag = sent.tag.as_ref()?;
            Some(tag.as_str())
        });
        assert_eq!(tags.collect::<Vec<_>>(), [Some("t1"), Some("t2"), None]);
    }

    #[test]
    fn a_group_has_the_author_among_its_members_and_is_said_once() {
        let both = members(&["ana", "bob"]);
        let of = |id, members: &Members| (id, "", Some(members.clone()));
        let found = batches(&[of(1, &both), of(2, &members(&["ana"])), of(3, &both)]);
        let groups = found[0].events.iter().filter_map(|event| match event {
            Event::Group { members, .. } => members.clone(),
            _ => None,
        });
        assert_eq!(groups.collect::<Vec<_>>(), [both]);
    }
}
