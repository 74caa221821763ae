//! The index while it is used: what is in memory, and the thread that writes it.

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
    Changes, IndexError, RosterEntry, RunEntry, TagEntry,
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

/// An open index. One thread, which applies the log, adds to it and flushes it; any thread reads.
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
    /// Opens the index in a store's folder: what is there, if it is of this log, or a new one. What was loaded says from where the log is to be replayed. The alarm rings when the index cannot go on: then
    /// it is to be opened anew.
    ///
    /// # Errors
    /// [`IndexError::Ahead`] when it is further than the log's `end`, otherwise what the disk says. Damage is no error: then
    /// the index begins anew.
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
    /// Never while the thread writes, unless so much has come that whoever brings more has to wait.
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
}

impl Drop for Index {
    fn drop(&mut self) {
        self.close();
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
