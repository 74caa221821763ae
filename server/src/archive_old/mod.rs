//! `messages.csv`: one row for each message that has been read, and only then (rules S3, S9).
//!
//! The archive follows the store: it takes what is read and not archived, appends it, syncs it,
//! and only then lets the store forget it. A crash between these steps leaves rows that the
//! store still holds; they are found in the file's tail at the next start and not written again.

mod file;
mod pieces;
mod repair;
mod row;

use std::{
    io,
    path::PathBuf,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use thiserror::Error;
use tracing::{info, warn};

use self::file::ArchiveFile;
use crate::{
    alarm::Alarm,
    message::MessageId,
    store::{Store, StoreError},
};

/// Read marks and messages that are archived with one write.
const MARKS: usize = 4096;
const MESSAGES: usize = 16 * 1024;

/// After a write, unless much is waiting. Each is synced, and a sync of this file delays those of the
/// journal, for which people wait; so under load few large writes are better than many small ones.
const REST: Duration = Duration::from_millis(100);

/// How long to wait before trying again after the file could not be written.
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Why the archive cannot be written.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The system refused.
    #[error(
        "{file}: cannot be written: {source}; close other programs that have it open, and check the disk and who may write there"
    )]
    Io {
        /// Which file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody has saved it in another form, and rows of text would spoil it.
    #[error(
        "{file}: it is {what}, not CSV, so no rows are appended to it; save it as CSV (UTF-8), or move it away and a new one is begun"
    )]
    NotCsv {
        /// Which file.
        file: PathBuf,
        /// What it is.
        what: String,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system has no thread left.
    #[error(
        "the thread that writes messages.csv cannot be started: {0}; close other programs, or allow more threads (ulimit -u)"
    )]
    Thread(io::Error),
}

/// Tells the archive's thread that something has been read.
#[derive(Clone, Debug)]
pub struct Bell(Sender<()>);

/// The thread that writes the archive.
#[derive(Debug)]
pub struct Archive {
    thread: JoinHandle<()>,
    newest: MessageId,
}

impl Bell {
    /// Never blocks. One ring that is not answered yet is enough.
    pub fn ring(&self) {
        let _ = self.0.try_send(());
    }
}

impl Archive {
    /// Brings the file in order after whatever happened last, and starts following the store.
    /// The thread ends when every [`Bell`] is dropped and all that was read is in the file; if it
    /// panics, it rings the alarm.
    ///
    /// # Errors
    /// When the file cannot be opened, read or written.
    pub fn start(
        file: PathBuf,
        store: Arc<dyn Store>,
        alarm: &Alarm,
    ) -> Result<(Bell, Self), ArchiveError> {
        let mut writer = Writer {
            file: ArchiveFile::new(file),
            store,
        };
        let newest = match writer.file.repair(&*writer.store) {
            // The thread says so, and tries again until somebody has put it right.
            Err(ArchiveError::NotCsv { .. }) => MessageId::default(),
            newest => newest?,
        };
        let (ring, rings) = bounded(1);
        let bell = Bell(ring);
        bell.ring();
        let alarm = alarm.clone();
        let thread = thread::Builder::new()
            .name("archive".into())
            .spawn(move || {
                // A panic was told by its own message, and the store still has the rows.
                let _ = alarm.guard(|| writer.run(&rings));
            })
            .map_err(ArchiveError::Thread)?;
        Ok((bell, Self { thread, newest }))
    }

    /// The largest number in that part of the file which the store may not have known when it was
    /// last written; 0 if there is none.
    pub fn newest(&self) -> MessageId {
        self.newest
    }

    /// Waits until all that was read is in the file.
    pub fn finish(self) {
        // A panic of that thread was told by its own message; the store still has the rows.
        let _ = self.thread.join();
    }
}

struct Writer {
    file: ArchiveFile,
    store: Arc<dyn Store>,
}

impl Writer {
    fn run(&mut self, rings: &Receiver<()>) {
        let mut pause = None;
        let mut may_be_more = false;
        loop {
            let rung = match pause {
                Some(pause) => rings.recv_timeout(pause),
                None if may_be_more => rings.recv_timeout(Duration::ZERO),
                None => rings.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let is_last = rung == Err(RecvTimeoutError::Disconnected);
            match self.follow(is_last) {
                Ok(written) => {
                    may_be_more = written;
                    if written {
                        thread::sleep(REST);
                    }
                    if pause.take().is_some() {
                        info!("{} can be written again", self.file.path().display());
                    }
                }
                Err(error) => {
                    if pause.is_none() || is_last {
                        warn!("{error}; the rows wait in the store until then");
                    }
                    let doubled = pause.map_or(SHORTEST_PAUSE, |pause| pause * 2);
                    pause = Some(doubled.min(LONGEST_PAUSE));
                }
            }
            if is_last {
                return;
            }
        }
    }

    /// Archives what the store has for it, up to a write that was not full or, if it `is_last`, all.
    /// Returns whether there may be more.
    fn follow(&mut self, is_last: bool) -> Result<bool, ArchiveError> {
        while let Some(appended) = self.file.append(&*self.store, MARKS, MESSAGES)? {
            self.store.archived(appended.last, appended.length)?;
            self.file.settled();
            if !is_last && !appended.is_much {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
