//! The state that the writer's thread and readers share.

use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use parking_lot::{Condvar, Mutex, RwLock};
use rusqlite::Connection;
use tracing::{error, warn};

use super::{
    IndexError,
    chain::ChainReader,
    entries::Entry,
    memtable::{Members, Memory, Written},
    pool::Pool,
    reading::Reading,
    rosters::{self, Rosters},
    schema,
};
use crate::{alarm::Alarm, log::Position, model::message::MessageId};

/// The state that the writer's thread and readers share. Nobody holds two of its locks.
pub(super) struct Shared {
    pub(super) file: PathBuf,
    pub(super) memory: RwLock<Memory>,
    pub(super) rosters: Mutex<Rosters>,
    pub(super) pool: Pool,
    pub(super) reading: Reading,
    /// Everything before this position was dropped.
    pub(super) forgotten: AtomicU64,
    pub(super) progress: Mutex<Progress>,
    /// Notified when `progress` changes.
    pub(super) written: Condvar,
    pub(super) alarm: Alarm,
}

/// The progress of the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Idle,
    Writing,
    /// A write has failed, or the thread has ended.
    Ended,
}

impl Shared {
    /// Runs a query in one read transaction. If it finds damage, the index is rebuilt at the next start.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Path, &Connection) -> Result<T, IndexError>,
    ) -> Result<T, IndexError> {
        let read = self.pool.read(|connection| read(&self.file, connection));
        read.inspect_err(|error| {
            if matches!(error, IndexError::Damaged { .. }) {
                self.fail(error);
            }
        })
    }

    /// Restarts the server, which rebuilds the index if it is damaged.
    pub(super) fn fail(&self, failure: &IndexError) {
        error!("{failure}");
        if matches!(failure, IndexError::Damaged { .. })
            && let Err(error) = schema::mark_damaged(&self.file)
        {
            warn!(%error, "cannot note that the index is damaged");
        }
        self.alarm.ring();
    }

    /// The error for an index that contradicts the log.
    pub(super) fn disagrees(&self, reason: &str) -> IndexError {
        let error = IndexError::damaged(&self.file, reason);
        self.fail(&error);
        error
    }

    pub(super) fn forgotten(&self) -> Position {
        Position(self.forgotten.load(Ordering::Relaxed))
    }

    /// The newest entries of a chain that begin at or before `last`, while `is_wanted` returns true, in ascending order of
    /// ids. `is_wanted` gets the number of entries taken before.
    pub(super) fn newest<E: Entry>(
        &self,
        written: Written,
        last: MessageId,
        mut is_wanted: impl FnMut(usize, &E) -> bool,
    ) -> Result<Vec<E>, IndexError> {
        self.read(|file, connection| {
            let reader = ChainReader::open(file, connection, written)?;
            let mut found = Vec::new();
            let mut next = reader.up_to::<E>(last)?;
            'blocks: while let Some(opened) = next {
                for entry in opened.entries.into_iter().rev() {
                    if entry.first() > last {
                        continue;
                    }
                    if !is_wanted(found.len(), &entry) {
                        break 'blocks;
                    }
                    found.push(entry);
                }
                next = reader.before(&opened.block)?;
            }
            found.reverse();
            Ok(found)
        })
    }

    /// The entries that overlap a range, of the first block of a chain that overlaps it; empty if there is none.
    pub(super) fn some_from<E: Entry>(
        &self,
        written: Written,
        range: &RangeInclusive<MessageId>,
    ) -> Result<Vec<E>, IndexError> {
        self.read(|file, connection| {
            let reader = ChainReader::open(file, connection, written)?;
            let opened = reader.from::<E>(*range.start())?;
            let mut entries = opened.map(|opened| opened.entries).unwrap_or_default();
            entries.retain(|entry| entry.last() >= *range.start() && entry.first() <= *range.end());
            Ok(entries)
        })
    }

    /// The members that a message was sent to.
    pub(super) fn roster(&self, number: u32) -> Result<Members, IndexError> {
        if let Some(members) = self.rosters.lock().get(number) {
            return Ok(members);
        }
        let in_memory = self.memory.read().roster(number);
        let members = match in_memory {
            Some(members) => members,
            None => {
                let read = |file: &Path, connection: &Connection| {
                    rosters::read(file, connection, number)?.ok_or_else(|| {
                        IndexError::damaged(
                            file,
                            "a message was sent to a group that was not there",
                        )
                    })
                };
                self.read(read)?
            }
        };
        self.rosters.lock().keep(number, members.clone());
        Ok(members)
    }
}
