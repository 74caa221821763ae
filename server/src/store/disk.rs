//! The store on disk: the log makes a commit durable, the database finds things.
//!
//! A commit is one append to the log. What many commits brought goes into the database together,
//! by a thread that sleeps while there is nothing to do: a record of many messages costs the
//! database a fraction of what as many small ones do. Until then it is found in memory, and after
//! a crash in the log.

mod answers;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, OnceLock},
    thread::{self, JoinHandle},
    time::Duration,
};

use tracing::{error, warn};

use super::{
    Commit, StoreError,
    fjall::{FjallStore, lock},
    high_water::HighWater,
    log::{Log, Replay},
    loss::{Loss, Lost},
    mend,
    unsettled::Unsettled,
};
use crate::{alarm::Alarm, message::MessageId, options::Durability};

/// How long commits are gathered before the database takes them.
const GATHER: Duration = Duration::from_secs(5);

/// The store in a folder of its own. See `docs/STORAGE.md`.
pub struct DiskStore {
    parts: Arc<Parts>,
    settler: Option<JoinHandle<()>>,
}

/// Locks are taken in this order: `turn`, `writing`, `memory`.
struct Parts {
    folder: PathBuf,
    database: FjallStore,
    /// Whoever holds it brings what is in memory into the database.
    turn: Mutex<()>,
    writing: Mutex<Writing>,
    memory: Mutex<Memory>,
    /// Something in `memory` has changed that somebody waits for.
    changed: Condvar,
    /// The number up to which all were used when the store was opened.
    floor: MessageId,
    /// Rung when the settler's thread ends before the store does.
    alarm: OnceLock<Alarm>,
}

struct Writing {
    log: Log,
    high_water: HighWater,
}

/// What is in the log only.
#[derive(Default)]
struct Memory {
    /// What the database takes next.
    gathered: Unsettled,
    /// What it is taking.
    settling: Option<Arc<Unsettled>>,
    /// A file of the log is long, and the other one is free.
    is_long: bool,
    /// The log is so long that commits wait for the database.
    is_full: bool,
    /// The disk refused something, and nothing is accepted any more.
    has_failed: bool,
    is_ending: bool,
}

impl DiskStore {
    /// Opens the store in `folder`, making it when there is none. `durability` is what a commit
    /// waits for.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has it open, [`StoreError::Lost`] and
    /// [`StoreError::Damaged`] when something acknowledged is missing and `loss` is not
    /// `Accepted`, otherwise what the disk says.
    pub fn open(folder: &Path, durability: Durability, loss: Loss) -> Result<Self, StoreError> {
        let parts = Parts::open(folder, durability, loss)?;
        let parts = Arc::new(parts);
        let settler = parts.clone();
        let settler = thread::Builder::new()
            .name("settler".into())
            .spawn(move || {
                let _end = Ended(&settler);
                settler.run();
            })
            .map_err(StoreError::Thread)?;
        Ok(Self {
            parts,
            settler: Some(settler),
        })
    }

    /// Has `alarm` rung when nothing can be settled any more: nobody would notice before the next message.
    #[must_use]
    pub fn alarmed(self, alarm: &Alarm) -> Self {
        let alarm = self.parts.alarm.get_or_init(|| alarm.clone());
        if lock(&self.parts.memory).has_failed {
            alarm.ring();
        }
        self
    }
}

/// However the settler's thread ends, nobody waits for it any more.
struct Ended<'a>(&'a Parts);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        let mut memory = lock(&self.0.memory);
        memory.has_failed = true;
        let alarm = self.0.alarm.get().filter(|_| !memory.is_ending);
        drop(memory);
        if let Some(alarm) = alarm {
            alarm.ring();
        }
        self.0.changed.notify_all();
    }
}

impl Drop for DiskStore {
    /// Returns when everything is in the database.
    fn drop(&mut self) {
        lock(&self.parts.memory).is_ending = true;
        self.parts.changed.notify_all();
        if let Some(settler) = self.settler.take() {
            // A panic of that thread was told by its own message; the log has everything.
            let _ = settler.join();
        }
    }
}

impl Parts {
    fn open(folder: &Path, durability: Durability, loss: Loss) -> Result<Self, StoreError> {
        let refused = |source| StoreError::Io {
            folder: folder.to_owned(),
            source,
        };
        mend::prepare(folder, loss)?;
        let database = FjallStore::open(folder, durability)?;
        let (high_water, floor) = HighWater::open(folder).map_err(refused)?;
        let is_synced = durability == Durability::Sync;
        let (log, replay) = Log::open(folder, database.settled()?, is_synced).map_err(refused)?;
        // Files that were made just now are there after a power cut too.
        sync_folder(folder).map_err(refused)?;
        let (gathered, damage) = replayed(replay);
        let there = database.last_numbers()?.message;
        let there = there.max(gathered.last().message);
        let lost = Lost {
            folder,
            damage,
            missing: floor.0.saturating_sub(there.0),
            there,
        };
        if durability == Durability::Sync && loss == Loss::Refused {
            lost.refuse()?;
        }
        lost.accept().map_err(refused)?;
        let floor = floor.max(there);
        if !gathered.is_empty() {
            database.settle_again(&gathered)?;
        }
        if !lost.is_nothing() {
            // What was accepted once is not asked about again.
            database.use_up_to(floor)?;
        }
        Ok(Self {
            folder: folder.to_owned(),
            database,
            turn: Mutex::default(),
            writing: Mutex::new(Writing { log, high_water }),
            memory: Mutex::default(),
            changed: Condvar::new(),
            floor,
            alarm: OnceLock::new(),
        })
    }

    /// The settler's thread.
    fn run(&self) {
        loop {
            // A long file is turned from even if somebody else has settled what it holds.
            let nothing = |memory: &mut Memory| {
                memory.gathered.is_empty() && !memory.is_long && !memory.is_ending
            };
            let Ok(memory) = self.changed.wait_while(lock(&self.memory), nothing) else {
                return;
            };
            let calm = |memory: &mut Memory| !memory.is_long && !memory.is_ending;
            let Ok((memory, _)) = self.changed.wait_timeout_while(memory, GATHER, calm) else {
                return;
            };
            let (is_long, is_ending) = (memory.is_long, memory.is_ending);
            drop(memory);
            let settled = match is_long {
                true => self.turn_over(),
                false => self.settle(),
            };
            if let Err(error) = settled {
                return error!("nothing more is accepted: {error}");
            }
            if is_ending {
                return;
            }
        }
    }

    /// Makes a commit durable, and shows it.
    fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        let full = |memory: &mut Memory| memory.is_full && !memory.has_failed;
        drop(self.changed.wait_while(lock(&self.memory), full));
        let mut writing = lock(&self.writing);
        if lock(&self.memory).has_failed {
            return Err(self.refused(failed_before()));
        }
        let Writing { log, high_water } = &mut *writing;
        let (number, record) = log
            .append(|form, out| form.write(commit, out))
            .map_err(|error| self.fail(self.refused(error)))?;
        if !commit.blocks.is_empty()
            && let Err(error) = high_water.write(commit.last.message)
        {
            // The commit stands; only a later loss might not be noticed.
            warn!("{}: high-water: {error}", self.folder.display());
        }
        let mut memory = lock(&self.memory);
        let was_empty = memory.gathered.is_empty();
        if memory.gathered.add(record, number, commit).is_none() {
            drop(memory);
            // It was written in this form a moment ago. The log has it, and a start tries again.
            return Err(self.fail(self.refused(io::ErrorKind::InvalidData.into())));
        }
        let is_news = was_empty || (log.is_long() && !memory.is_long);
        memory.is_long = log.is_long();
        memory.is_full = log.is_full();
        drop(memory);
        if is_news {
            self.changed.notify_all();
        }
        Ok(())
    }

    /// Brings what is gathered into the database.
    fn settle(&self) -> Result<(), StoreError> {
        let _turn = lock(&self.turn);
        self.settle_with(|_| Ok(()))
    }

    /// Goes over to the other file of the log, and sees to it that this one is needed no more.
    fn turn_over(&self) -> Result<(), StoreError> {
        let _turn = lock(&self.turn);
        self.settle_with(Log::turn)?;
        let mut writing = lock(&self.writing);
        writing.log.free_other();
        let mut memory = lock(&self.memory);
        memory.is_long = false;
        memory.is_full = false;
        self.changed.notify_all();
        Ok(())
    }

    /// For whoever holds `turn`. `with` is done when no commit is under way: what is committed
    /// later is not among what is brought into the database.
    fn settle_with(&self, with: impl FnOnce(&mut Log) -> io::Result<()>) -> Result<(), StoreError> {
        let mut writing = lock(&self.writing);
        if lock(&self.memory).has_failed {
            return Err(self.refused(failed_before()));
        }
        with(&mut writing.log).map_err(|error| self.fail(self.refused(error)))?;
        writing.log.forget();
        let settling = {
            let mut memory = lock(&self.memory);
            if memory.settling.is_some() {
                drop(memory);
                // Whoever brought it into the database has panicked on the way.
                return Err(self.fail(self.refused(failed_before())));
            }
            let gathered = Arc::new(std::mem::take(&mut memory.gathered));
            memory.settling = Some(gathered.clone());
            gathered
        };
        drop(writing);
        if !settling.is_empty() {
            self.database
                .settle(&settling)
                .map_err(|error| self.fail(error))?;
        }
        lock(&self.memory).settling = None;
        Ok(())
    }

    /// Nothing is accepted any more. What was is in the log, and is found in memory still.
    fn fail(&self, error: StoreError) -> StoreError {
        lock(&self.memory).has_failed = true;
        self.changed.notify_all();
        error
    }

    fn refused(&self, source: io::Error) -> StoreError {
        StoreError::Io {
            folder: self.folder.clone(),
            source,
        }
    }
}

/// What the log has and the database has not; and what of it cannot be read.
fn replayed(replay: Replay) -> (Unsettled, Option<String>) {
    let Replay {
        records,
        mut damage,
    } = replay;
    let mut unsettled = Unsettled::default();
    for (number, record) in records {
        if unsettled.read(&record, number).is_none() {
            damage.get_or_insert_with(|| format!("commit {number} cannot be read"));
        }
    }
    (unsettled, damage)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

/// Other systems write down by themselves what is in a folder.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

fn failed_before() -> io::Error {
    io::Error::other("an earlier write failed")
}

#[cfg(test)]
mod tests;
