//! The index while it is used: what is in memory, and the thread that writes it.

use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use crossbeam_channel::{Receiver, Sender, bounded};
use mensageiro_protocol::Login;
use parking_lot::{Condvar, Mutex, RwLock};
use rusqlite::Connection;
use tracing::{error, warn};

use super::{
    Changes, IndexError, RosterEntry, RunEntry, TagEntry,
    chain::ChainReader,
    entries::Entry,
    load::Loaded,
    memtable::{InMemory, Members, Memory, Memtable, Written},
    opening::{self, Opened},
    pool::Pool,
    rosters::{self, Rosters},
    schema,
    state_rows::{self as rows, Subject},
    writer::Writer,
};
use crate::{
    alarm::Alarm,
    log::{Identity, Position},
    model::{
        conversation::Conversation,
        message::{MessageId, ReadMark},
    },
};

/// An open index. One thread, which applies the log, adds to it and flushes it; any thread reads.
pub struct Index {
    shared: Arc<Shared>,
    jobs: Mutex<Option<Sender<Job>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// What the writer and all others share. Of its locks nobody holds two.
pub(super) struct Shared {
    file: PathBuf,
    pub(super) memory: RwLock<Memory>,
    rosters: Mutex<Rosters>,
    pool: Pool,
    /// What lies before this position is not there any more.
    forgotten: AtomicU64,
    progress: Mutex<Progress>,
    /// Notified when `progress` changes.
    written: Condvar,
    alarm: Alarm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Idle,
    Writing,
    /// A write has failed, or the thread has ended.
    Ended,
}

struct Job {
    frozen: Arc<Memtable>,
    changes: Changes,
}

impl Index {
    /// Opens the index in a store's folder: what is there, if it is of this log and not further than the log's `end`, or
    /// a new one. What was loaded says from where the log is to be replayed. The alarm rings when the index cannot go on: then
    /// it is to be opened anew.
    ///
    /// # Errors
    /// [`IndexError`] when the disk refuses. Damage is no error: then the index begins anew.
    pub fn open(
        folder: &Path,
        log: Identity,
        end: Position,
        alarm: Alarm,
    ) -> Result<(Self, Loaded), IndexError> {
        let file = schema::file_in(folder);
        let Opened {
            connection,
            loaded,
            kept,
        } = opening::open(&file, log, end)?;
        let mut rosters = Rosters::default();
        for roster in &loaded.rosters {
            rosters.change(roster);
        }
        let shared = Arc::new(Shared {
            pool: Pool::new(file.clone()),
            memory: RwLock::new(Memory::new(kept.written)),
            rosters: Mutex::new(rosters),
            forgotten: AtomicU64::new(0),
            progress: Mutex::new(Progress::Idle),
            written: Condvar::new(),
            file: file.clone(),
            alarm,
        });
        // One is written while the next one gathers.
        let (jobs, todo) = bounded(1);
        let writer = Writer::new(file, connection, kept.stored);
        let thread = thread::Builder::new().name("index".to_owned()).spawn({
            let shared = shared.clone();
            move || write_all(&shared, writer, &todo)
        });
        let index = Self {
            shared,
            jobs: Mutex::new(Some(jobs)),
            writer: Mutex::new(Some(thread.map_err(IndexError::Thread)?)),
        };
        Ok((index, loaded))
    }

    /// Adds messages of a conversation, after all those before. They can be read at once.
    pub fn add_run(&self, conversation: &Conversation, entry: RunEntry) {
        self.shared
            .memory
            .write()
            .active()
            .add_run(conversation, entry);
    }

    /// Adds a tag of a login, after all those before.
    pub fn add_tag(&self, login: &Login, tag: TagEntry) {
        self.shared.memory.write().active().add_tag(login, tag);
    }

    /// Adds what the members of a group are from now on, before messages to them are added.
    pub fn add_roster(&self, roster: RosterEntry) {
        self.shared.rosters.lock().change(&roster);
        self.shared.memory.write().active().add_roster(roster);
    }

    /// Something has changed in the state that is to be in the next flush.
    pub fn touch(&self) {
        self.shared.memory.write().active().touch();
    }

    /// When to [`Index::flush`] next: five seconds after the first change, or at once if much has come; `None` if nothing has.
    pub fn flush_due(&self) -> Option<Instant> {
        self.shared.memory.read().flush_due()
    }

    /// Whether to [`Index::flush`] now.
    pub fn wants_flush(&self) -> bool {
        self.flush_due().is_some_and(|due| due <= Instant::now())
    }

    /// Hands over everything that was added, and these changes, to the thread that writes. Waits only if it is
    /// still writing what was handed over before.
    ///
    /// # Errors
    /// [`IndexError::Closed`] when a write has failed; what was added can still be read.
    pub fn flush(&self, changes: Changes) -> Result<(), IndexError> {
        let jobs = self.jobs.lock();
        let sender = jobs.as_ref().ok_or(IndexError::Closed)?;
        self.wait_until_written()?;
        *self.shared.progress.lock() = Progress::Writing;
        let frozen = self.shared.memory.write().freeze();
        let sent = sender.send(Job { frozen, changes });
        sent.map_err(|_| IndexError::Closed)
    }

    /// Waits until what was handed over is in the database.
    ///
    /// # Errors
    /// [`IndexError::Closed`] when a write has failed.
    pub fn wait_until_written(&self) -> Result<(), IndexError> {
        let mut progress = self.shared.progress.lock();
        loop {
            match *progress {
                Progress::Idle => return Ok(()),
                Progress::Ended => return Err(IndexError::Closed),
                Progress::Writing => self.shared.written.wait(&mut progress),
            }
        }
    }

    /// Ends the thread, after it has written what was handed over. Nothing more is taken; what is there can be read.
    pub fn close(&self) {
        drop(self.jobs.lock().take());
        if let Some(writer) = self.writer.lock().take() {
            // It has told the alarm of a panic.
            let _ = writer.join();
        }
    }

    /// Says that the log has dropped what lies before a position. Readers leave it out from now on; it is removed with the next
    /// flushes. To be said at each start, too.
    pub fn forget_before(&self, position: Position) {
        self.shared
            .forgotten
            .fetch_max(position.0, Ordering::Relaxed);
    }

    /// The last message of a conversation; 0 if there is none.
    pub fn last_of(&self, conversation: &Conversation) -> MessageId {
        self.shared.memory.read().last_of(conversation)
    }

    /// The newest tags of a login, at most `most`, of messages not before `not_below`; by rising ids.
    ///
    /// # Errors
    /// [`IndexError`] when the disk refuses or the index is damaged.
    pub fn tags(
        &self,
        login: &Login,
        not_below: MessageId,
        most: usize,
    ) -> Result<Vec<TagEntry>, IndexError> {
        let InMemory { entries, written } = self
            .shared
            .memory
            .read()
            .newest_tags(login, not_below, most);
        let Some(written) = written.filter(|_| entries.len() < most) else {
            return Ok(entries);
        };
        let rest = most - entries.len();
        let mut older = self
            .shared
            .newest(written, written.last, |found, tag: &TagEntry| {
                found < rest && tag.id >= not_below
            })?;
        older.extend(entries);
        Ok(older)
    }

    /// The tags of a login whose messages are in a range; by rising ids.
    ///
    /// # Errors
    /// [`IndexError`] when the disk refuses or the index is damaged.
    pub fn tags_near(
        &self,
        login: &Login,
        near: &RangeInclusive<MessageId>,
    ) -> Result<Vec<TagEntry>, IndexError> {
        let InMemory { entries, written } = self.shared.memory.read().tags_between(login, near);
        let Some(written) = written.filter(|written| written.last >= *near.start()) else {
            return Ok(entries);
        };
        let last = written.last.min(*near.end());
        let mut older = self
            .shared
            .newest(written, last, |_, tag: &TagEntry| tag.id >= *near.start())?;
        older.extend(entries);
        Ok(older)
    }

    /// The read marks of the last flushes that are not archived, from a number on, at most `most`; by rising numbers.
    ///
    /// # Errors
    /// [`IndexError`] when the disk refuses or the index is damaged.
    pub fn marks(&self, from: u64, most: usize) -> Result<Vec<ReadMark>, IndexError> {
        self.shared.read(|file, connection| {
            let failed = |source| IndexError::sqlite(file, source);
            let damaged = || IndexError::damaged(file, "a read mark is changed");
            let sql = "SELECT key, value, checksum FROM state WHERE key BETWEEN ?1 AND ?2 ORDER BY key LIMIT ?3";
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            let keys = (rows::mark_key(from), rows::mark_key(u64::MAX), most);
            let mut found = statement.query(keys).map_err(failed)?;
            let (mut marks, mut scratch) = (Vec::new(), Vec::new());
            while let Some(row) = found.next().map_err(failed)? {
                let read = || {
                    let (key, value) = (row.get_ref(0)?.as_blob()?, row.get_ref(1)?.as_blob()?);
                    Ok((key, value, row.get::<_, i64>(2)?.cast_unsigned()))
                };
                let (key, value, sum) = read().map_err(failed)?;
                let is_right =
                    schema::checksum(schema::Table::State, key, value, &mut scratch) == sum;
                let mark = is_right.then(|| rows::read_mark(&key[1..], value)).flatten();
                marks.push(mark.ok_or_else(damaged)?);
            }
            Ok(marks)
        })
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// Reads at one moment of the database. Whoever finds damage sees to it that the index is built anew.
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

    /// Makes the server start again, and if the index is damaged, build it anew.
    fn fail(&self, failure: &IndexError) {
        error!("{failure}");
        if matches!(failure, IndexError::Damaged { .. })
            && let Err(error) = schema::mark_damaged(&self.file)
        {
            warn!(%error, "cannot note that the index is damaged");
        }
        self.alarm.ring();
    }

    /// Something in the index does not agree with the log.
    pub(super) fn disagrees(&self, reason: &str) -> IndexError {
        let error = IndexError::damaged(&self.file, reason);
        self.fail(&error);
        error
    }

    pub(super) fn forgotten(&self) -> Position {
        Position(self.forgotten.load(Ordering::Relaxed))
    }

    /// The newest entries of a chain that begin not after `last`, as long as they are wanted; by rising ids. What is
    /// wanted is told how many were taken before.
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

    /// The entries of the first block of a chain that reaches into a range, as far as they reach into it. None, if there is none.
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

/// The thread that writes.
fn write_all(shared: &Shared, mut writer: Writer, todo: &Receiver<Job>) {
    let ended = Ended(shared);
    shared.alarm.guard(|| {
        for job in todo {
            let number_of = |subject: &Subject| {
                let written = shared.memory.read().written(subject)?;
                Some(written.number)
            };
            let written = writer.write(&job.frozen, &job.changes, shared.forgotten(), &number_of);
            match written {
                Ok(written) => {
                    let frozen = shared.memory.write().drop_frozen(written);
                    // Nobody waits while the memory is freed.
                    drop(frozen);
                    drop(job);
                    *shared.progress.lock() = Progress::Idle;
                    shared.written.notify_all();
                }
                Err(failure) => return shared.fail(&failure),
            }
        }
    });
    drop(ended);
}

/// Nobody waits for a thread that has ended.
struct Ended<'a>(&'a Shared);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        *self.0.progress.lock() = Progress::Ended;
        self.0.written.notify_all();
    }
}
