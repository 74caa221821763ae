//! Reads a store of format 3, the one before there was one log: a small log of the newest commits ([`tail`]) before an
//! embedded database.

mod database;
mod journals;
mod participants;
mod records;
mod tail;
mod timeline;

use std::{fs, io, path::Path, sync::Arc};

use jiff::Timestamp;
use tracing::warn;

use self::{
    database::Database,
    participants::Participants,
    records::Members,
    tail::Tail,
    timeline::{Next, Timeline},
};
use super::{ArchivePosition, Loss, MigrationError};
use crate::{
    log::Part,
    model::{
        conversation::Conversation,
        event::{Batch, Event, LastNumbers, Run, Sent, Target},
        message::{MessageId, ReadMark},
    },
};

/// A batch is ended after about so many bytes of payload.
const BATCH_BYTES: usize = 1024 * 1024;

/// What an event takes beside its texts and names, at most.
const EVENT_BYTES: usize = 128;

/// A store of format 3 that is being read.
pub struct OldStore {
    database: Database,
    tail: Tail,
    marks: Vec<ReadMark>,
    last: LastNumbers,
}

/// What a store of format 3 had beside its batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// How many messages there were.
    pub messages: u64,
    /// How many records could not be read and were left out.
    pub unreadable: u64,
}

/// Whether a folder holds a store of this format.
pub(super) fn is_here(folder: &Path) -> bool {
    ["keyspaces", "0.wal", "1.wal"]
        .iter()
        .any(|name| folder.join(name).exists())
}

impl OldStore {
    /// Opens a store and looks whether something is missing.
    ///
    /// # Errors
    /// [`MigrationError`]: it is in use, damaged beyond what `loss` accepts, of another format, or the disk refuses.
    pub fn open(folder: &Path, loss: Loss) -> Result<Self, MigrationError> {
        let refused = MigrationError::io(folder);
        let database = Database::open(folder, loss)?;
        let high_water = high_water(folder).map_err(&refused)?;
        let tail = Tail::read(folder, database.number("settled")?).map_err(&refused)?;
        let there = database.last()?.message.max(tail.last.message);
        let missing = high_water.0.saturating_sub(there.0);
        let here = folder.display();
        match &tail.damage {
            Some(reason) if loss == Loss::Refused => {
                return Err(MigrationError::Damaged {
                    folder: folder.to_owned(),
                    reason: reason.clone(),
                });
            }
            Some(reason) => warn!("{here}: {reason}; going on without it"),
            None => {}
        }
        if missing > 0 {
            if loss == Loss::Refused {
                return Err(MigrationError::Lost {
                    folder: folder.to_owned(),
                    missing,
                    there,
                });
            }
            warn!(
                "{here}: {missing} acknowledged messages are missing; the last one there is {there}"
            );
        }
        let mut marks = Vec::new();
        let first_of_tail = tail.marks.first().map(|mark| mark.number);
        database.each(&database.marks, "a read mark", &mut |key, value| {
            marks.extend(records::marks(key, value)?);
            Some(())
        })?;
        marks.retain(|mark| first_of_tail.is_none_or(|first| mark.number < first));
        marks.extend_from_slice(&tail.marks);
        marks.sort_by_key(|mark| mark.number);
        marks.dedup_by_key(|mark| mark.number);
        let read_mark = database.last()?.read_mark.max(tail.last.read_mark);
        let last = LastNumbers {
            message: there.max(high_water),
            read_mark: marks
                .last()
                .map_or(read_mark, |last| last.number.max(read_mark)),
        };
        Ok(Self {
            database,
            tail,
            marks,
            last,
        })
    }

    /// The last numbers that were used.
    pub fn last(&self) -> LastNumbers {
        self.last
    }

    /// Up to where messages.csv is written.
    ///
    /// # Errors
    /// [`MigrationError`] when that cannot be read.
    pub fn archive(&self) -> Result<ArchivePosition, MigrationError> {
        let first = self.marks.first();
        Ok(ArchivePosition {
            last_mark: first.map_or(self.last.read_mark, |first| first.number.saturating_sub(1)),
            bytes: self.database.number("archive-bytes")?,
        })
    }

    /// Shows everything as batches, in the order in which they are to be appended to a new log: how far everybody has
    /// come, so that what is read does not wait; when everybody was last there; messages, each group's members before
    /// the first message to them; how far everybody has come once more, as messages change it; read marks that are not
    /// archived; the last numbers used. `at`: when the batches are made.
    ///
    /// # Errors
    /// [`MigrationError`]: something cannot be read, or `visit` refuses.
    pub fn batches(
        &self,
        at: Timestamp,
        visit: &mut dyn FnMut(Batch, MessageId) -> Result<(), MigrationError>,
    ) -> Result<Read, MigrationError> {
        let mut out = Batches {
            batch: empty(at),
            bytes: 0,
            shown: MessageId(0),
            visit,
        };
        let mut participants = self.participants()?;
        out.all(participants.stored())?;
        let mut seen = Vec::new();
        self.database.each(
            &self.database.seen,
            "when a user was last there",
            &mut |key, value| {
                seen.push(records::seen(key, value)?);
                Some(())
            },
        )?;
        let seen = seen.into_iter().chain(self.tail.seen.iter().cloned());
        out.all(seen.map(|(login, at)| Event::Seen { login, at }))?;
        out.end()?;
        let timeline = Timeline::new(&self.database, &self.tail)?;
        let mut rosters = Rosters::default();
        let mut messages = 0;
        let mut last = MessageId(0);
        timeline.show(&mut |block| participants.look(&block), &mut |next| {
            messages += 1;
            last = next.message.id;
            out.message(next, &mut rosters)
        })?;
        out.end()?;
        out.all(participants.meant())?;
        out.end()?;
        for mark in &self.marks {
            out.mark(mark.clone())?;
        }
        out.end()?;
        out.batch.last = self.last;
        out.batch.last.message = self.last.message.max(last);
        out.show()?;
        Ok(Read {
            messages,
            unreadable: self.database.unreadable(),
        })
    }

    fn participants(&self) -> Result<Participants, MigrationError> {
        let mut participants = Participants::default();
        self.database
            .each(&self.database.cursors, "a cursor", &mut |key, value| {
                let (conversation, login, cursor) = records::cursor(key, value)?;
                participants.add(conversation, login, cursor);
                Some(())
            })?;
        for ((conversation, login), cursor) in &self.tail.cursors {
            participants.add(conversation.clone(), login.clone(), *cursor);
        }
        participants.complete();
        Ok(participants)
    }
}

/// Who belongs to each group, as the batches say.
type Rosters = std::collections::HashMap<mensageiro_protocol::Login, Members>;

/// Makes batches of events.
struct Batches<'a> {
    batch: Batch,
    bytes: usize,
    /// The last message that was added.
    shown: MessageId,
    visit: &'a mut dyn FnMut(Batch, MessageId) -> Result<(), MigrationError>,
}

impl Batches<'_> {
    fn all(&mut self, events: impl Iterator<Item = Event>) -> Result<(), MigrationError> {
        for event in events {
            self.add(event, EVENT_BYTES)?;
        }
        Ok(())
    }

    fn add(&mut self, event: Event, bytes: usize) -> Result<(), MigrationError> {
        self.batch.events.push(event);
        self.bytes += bytes;
        if self.bytes >= BATCH_BYTES {
            self.end()?;
        }
        Ok(())
    }

    /// Adds a message, after the members of its group if these are others than before.
    fn message(&mut self, next: Next<'_>, rosters: &mut Rosters) -> Result<(), MigrationError> {
        let Next {
            conversation,
            members,
            message,
        } = next;
        // Ids are given one after the other when a batch is applied.
        if self.batch.events.is_empty() || message.id != self.shown.next() {
            self.end()?;
            self.batch.last.message = MessageId(message.id.0.saturating_sub(1));
        }
        self.shown = message.id;
        let to = match conversation {
            Conversation::Pair(lesser, greater) if message.from == *lesser => {
                Target::User(greater.clone())
            }
            Conversation::Pair(lesser, _) => Target::User(lesser.clone()),
            Conversation::Group(group) => Target::Group(group.clone()),
        };
        if let (Target::Group(group), Some(members)) = (&to, members)
            && rosters
                .get(group)
                .is_none_or(|known| !is_same(known, members))
        {
            rosters.insert(group.clone(), members.clone());
            self.bytes += members.len() * EVENT_BYTES / 2;
            self.batch.events.push(Event::Group {
                group: group.clone(),
                members: Some(members.clone()),
            });
        }
        let bytes = message.text.len() + EVENT_BYTES;
        let sent = Sent {
            tag: message.tag,
            text: message.text,
        };
        match self.batch.events.last_mut() {
            Some(Event::Messages(run))
                if run.from == message.from
                    && run.to == to
                    && run.at == message.sent_at
                    && run.missed_by == message.missed_by =>
            {
                run.texts.push(sent);
            }
            _ => self.batch.events.push(Event::Messages(Run {
                from: message.from,
                to,
                device: None,
                at: message.sent_at,
                missed_by: message.missed_by,
                texts: vec![sent],
                part: Part {
                    offset: 0,
                    length: 0,
                },
            })),
        }
        self.bytes += bytes;
        if self.bytes >= BATCH_BYTES {
            self.end()?;
        }
        Ok(())
    }

    fn mark(&mut self, mark: ReadMark) -> Result<(), MigrationError> {
        let before = mark.number.saturating_sub(1);
        let expected = self.batch.last.read_mark + self.batch.events.len() as u64;
        if self.batch.events.is_empty() || expected != before {
            self.end()?;
            self.batch.last.read_mark = before;
        }
        self.add(Event::Mark(mark), EVENT_BYTES)
    }

    /// Ends the batch, if there is anything in it.
    fn end(&mut self) -> Result<(), MigrationError> {
        if self.batch.events.is_empty() {
            return Ok(());
        }
        self.show()
    }

    fn show(&mut self) -> Result<(), MigrationError> {
        self.bytes = 0;
        let next = empty(self.batch.at);
        let batch = std::mem::replace(&mut self.batch, next);
        (self.visit)(batch, self.shown)
    }
}

fn empty(at: Timestamp) -> Batch {
    Batch {
        at,
        last: LastNumbers::default(),
        events: Vec::new(),
    }
}

fn is_same(one: &Members, other: &Members) -> bool {
    Arc::ptr_eq(one, other) || one == other
}

/// The last message that was acknowledged, as `high-water` says beside log and database: the number, and the same
/// with every bit turned. 0 if it is not there or half written.
fn high_water(folder: &Path) -> io::Result<MessageId> {
    let content = match fs::read(folder.join("high-water")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(MessageId(0)),
        content => content?,
    };
    let number = content.split_first_chunk().and_then(|(number, check)| {
        let number = u64::from_be_bytes(*number);
        (u64::from_be_bytes(check.try_into().ok()?) == !number).then_some(MessageId(number))
    });
    Ok(number.unwrap_or_default())
}
