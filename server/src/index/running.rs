//! The open index: its memtables, and the thread that writes them.

use std::{
    path::Path,
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

use super::{
    ChangeEntry, Changes, IndexError, RosterEntry, RunEntry, Series, TagEntry,
    load::Loaded,
    memtable::{Memory, Memtable},
    opening::{self, Opened},
    pool::Pool,
    reading::Reading,
    rosters::Rosters,
    schema,
    shared::{Progress, Shared},
    state_rows::Subject,
    writer::Writer,
};
use crate::{
    alarm::Alarm,
    log::{Identity, Position},
    model::conversation::Conversation,
};

/// An open index. One thread applies the log, adds to the index and flushes it. Any thread may read.
pub struct Index {
    pub(super) shared: Arc<Shared>,
    jobs: Mutex<Option<Sender<Job>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

struct Job {
    frozen: Arc<Memtable>,
    changes: Changes,
}

impl Index {
    /// Opens the index in a store's folder, or creates a new one if there is none of this log. The loaded state says from which
    /// position the log must be replayed. The alarm rings when the index fails: then it must be opened again.
    ///
    /// # Errors
    /// [`IndexError::Ahead`] when the index is ahead of the log's `end`, otherwise the error of the disk. Damage is no error:
    /// then the index begins empty.
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
            reading: Reading::default(),
            memory: RwLock::new(Memory::new(kept.written)),
            rosters: Mutex::new(rosters),
            forgotten: AtomicU64::new(0),
            progress: Mutex::new(Progress::Idle),
            written: Condvar::new(),
            file: file.clone(),
            alarm,
        });
        // One memtable is written while the next one fills.
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

    /// Adds messages of a conversation, in ascending order in each series. They can be read at once.
    pub fn add_run(&self, conversation: &Conversation, series: Series, entry: RunEntry) {
        self.shared
            .memory
            .write()
            .active()
            .add_run(conversation, series, entry);
    }

    /// Adds what became of a message.
    pub fn add_change(&self, change: ChangeEntry) {
        self.shared.memory.write().active().add_change(change);
    }

    /// Adds a tag of a login, in ascending order of messages.
    pub fn add_tag(&self, login: &Login, tag: TagEntry) {
        self.shared.memory.write().active().add_tag(login, tag);
    }

    /// Adds the new members of a group, before messages to them are added.
    pub fn add_roster(&self, roster: RosterEntry) {
        self.shared.rosters.lock().change(&roster);
        self.shared.memory.write().active().add_roster(roster);
    }

    /// Notes that the state has changed, so that a flush becomes due.
    pub fn touch(&self) {
        self.shared.memory.write().active().touch();
    }

    /// When the next [`Index::flush`] is due: five seconds after the first change, or at once after many; `None` if nothing has
    /// changed. Not while the thread writes, unless so much is in memory that the flush has to wait for it.
    pub fn flush_due(&self) -> Option<Instant> {
        self.shared.memory.read().flush_due()
    }

    /// Whether a [`Index::flush`] is due now.
    pub fn wants_flush(&self) -> bool {
        self.flush_due().is_some_and(|due| due <= Instant::now())
    }

    /// Hands everything that was added, and these changes, to the writer's thread. Waits only while that is still writing the
    /// previous ones.
    ///
    /// # Errors
    /// [`IndexError::Closed`] when a write has failed. What was added can still be read.
    pub fn flush(&self, changes: Changes) -> Result<(), IndexError> {
        let jobs = self.jobs.lock();
        let sender = jobs.as_ref().ok_or(IndexError::Closed)?;
        self.wait_until_written()?;
        *self.shared.progress.lock() = Progress::Writing;
        let frozen = self.shared.memory.write().freeze();
        let sent = sender.send(Job { frozen, changes });
        sent.map_err(|_| IndexError::Closed)
    }

    /// Waits until everything that was handed over is in the database.
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

    /// Ends the thread after it has written what was handed over. Later flushes fail; reading remains possible.
    pub fn close(&self) {
        drop(self.jobs.lock().take());
        if let Some(writer) = self.writer.lock().take() {
            // It has reported a panic to the alarm.
            let _ = writer.join();
        }
    }

    /// Notes that the log has dropped everything before a position. Readers skip it from now on, and the next flushes remove it.
    /// Must be called at each start, too.
    pub fn forget_before(&self, position: Position) {
        self.shared
            .forgotten
            .fetch_max(position.0, Ordering::Relaxed);
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        self.close();
    }
}

/// The writer's thread.
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
                    // Freed without a lock, so that nobody waits.
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

/// Wakes those who wait for a thread that has ended.
struct Ended<'a>(&'a Shared);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        *self.0.progress.lock() = Progress::Ended;
        self.0.written.notify_all();
    }
}
