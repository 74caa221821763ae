//! Reads a store of format 3, the one before there was one log: a small log of the newest commits (`tail`) before an
//! embedded database.

mod batches;
mod database;
mod journals;
mod participants;
mod records;
mod tail;
mod timeline;

use std::{fs, io, path::Path};

use jiff::Timestamp;
use tracing::{info, warn};

use self::{
    batches::Batches, database::Database, participants::Participants, tail::Tail,
    timeline::Timeline,
};
use super::{ArchivePosition, Loss, MigrationError};
use crate::model::{
    event::{Batch, Event, LastNumbers},
    message::{MessageId, ReadMark},
};

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

    /// Shows everything as batches, in the order in which they are to be appended to a new log: when everybody
    /// was last there; messages, each group's members before the first message to them; how far everybody has come; read
    /// marks that are not archived; the last numbers used. `at`: when the batches are made.
    ///
    /// # Errors
    /// [`MigrationError`]: something cannot be read, or `visit` refuses.
    pub fn batches(
        &self,
        at: Timestamp,
        visit: &mut dyn FnMut(Batch, MessageId) -> Result<(), MigrationError>,
    ) -> Result<Read, MigrationError> {
        let mut out = Batches::new(at, visit);
        let mut participants = self.participants()?;
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
        let mut messages = 0;
        timeline.show(&mut |block| participants.look(&block), &mut |next| {
            messages += 1;
            out.message(next)
        })?;
        out.end()?;
        out.all(participants.meant())?;
        out.end()?;
        for mark in &self.marks {
            out.mark(mark.clone())?;
        }
        let again = out.finish(self.last)?;
        if again > 0 {
            info!(
                "{again} messages had a tag that their sender had used before; they have none now"
            );
        }
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
