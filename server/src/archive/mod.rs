//! `messages.csv`: one row for each message that has been read, and only then (rules S3, S9).
//!
//! The archive follows the read marks: it appends the rows of new marks, and from time to time it syncs the file and stores its
//! position. After a crash the file may have rows of marks after that position. They are found at the end of the file and not
//! written again. So no commit waits for this file, and nothing is lost or doubled.

#[cfg(test)]
mod fake;
mod file;
mod finding;
mod pieces;
mod position;
mod row;
mod source;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    io,
    path::PathBuf,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use thiserror::Error;
use tracing::{info, warn};

use self::{
    position::{Position, PositionFile},
    writer::Writer,
};
pub use self::{
    row::HEADER,
    source::{Marks, MarksError, ReadMessage},
};
use crate::{
    alarm::Alarm,
    model::{event::LastNumbers, message::MessageId},
    wake_up::WakeUp,
};

/// The pause after a write: under load, few large writes are better than many small ones.
const REST: Duration = Duration::from_millis(100);

/// How long rows may be in the file before it is synced and the position is stored. A start compares the rows of about this
/// time.
const RECORD_AFTER: Duration = Duration::from_secs(30);

/// The pause before another attempt after the file could not be written.
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Why the archive cannot be written.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The system reported an error.
    #[error(
        "{file}: cannot be written: {source}; close other programs that have it open, and check the disk and who may write there"
    )]
    Io {
        /// The file.
        file: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// Somebody has saved the file in another format, which rows would damage.
    #[error(
        "{file}: it is {what}, not CSV, so no rows are appended to it; save it as CSV (UTF-8), or move it away and a new one is begun"
    )]
    NotCsv {
        /// The file.
        file: PathBuf,
        /// The format.
        what: String,
    },
    /// The messages that were read cannot be looked up.
    #[error("messages.csv cannot go on: {0}")]
    Marks(MarksError),
    /// The system has no thread left.
    #[error(
        "the thread that writes messages.csv cannot be started: {0}; close other programs, or allow more threads (ulimit -u)"
    )]
    Thread(io::Error),
}

/// messages.csv and its position, before the thread is started.
#[derive(Debug)]
pub struct Archive(Writer);

impl Archive {
    /// Opens messages.csv and the file with its position, and creates what is missing. The position's folder must exist. Repairs
    /// both files after a power cut.
    ///
    /// # Errors
    /// When a file cannot be opened, read or written.
    pub fn open(csv: PathBuf, position: PathBuf) -> Result<Self, ArchiveError> {
        Writer::open(csv, position).map(Self)
    }

    /// The last mark and the highest id that the file has, by its position and by the rows after it. After a power cut they may be
    /// ahead of a log that was not synced, and must not be used again then. A person may have written any id there.
    pub fn last_numbers(&self) -> LastNumbers {
        let (read_mark, message) = self.0.newest();
        LastNumbers { message, read_mark }
    }

    /// Stores a position before there is an archive: in a converted store, messages.csv has the rows up to it already.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn begin_at(position: PathBuf, last_mark: u64, csv_bytes: u64) -> io::Result<()> {
        PositionFile::read(position)?.write(Position {
            mark: last_mark,
            length: csv_bytes,
            newest: MessageId::default(),
        })
    }

    /// Starts the thread. It ends when every [`WakeUp`] is dropped and everything that was read is in the file. If it panics,
    /// it rings the alarm.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(
        self,
        marks: Arc<dyn Marks>,
        alarm: &Alarm,
    ) -> Result<(WakeUp, ArchiveThread), ArchiveError> {
        let (wake, wakes) = WakeUp::new();
        wake.wake();
        let alarm = alarm.clone();
        let mut following = Following {
            writer: self.0,
            marks,
            news_since: None,
        };
        let thread = thread::Builder::new()
            .name("archive".into())
            .spawn(move || {
                // The panic was logged, and the marks still exist.
                let _ = alarm.guard(|| following.run(&wakes));
            })
            .map_err(ArchiveError::Thread)?;
        Ok((wake, ArchiveThread(thread)))
    }
}

/// The thread that writes the archive.
#[derive(Debug)]
pub struct ArchiveThread(JoinHandle<()>);

impl ArchiveThread {
    /// Waits until everything that was read is in the file and on the disk.
    pub fn finish(self) {
        // A panic of that thread was logged, and the marks still exist.
        let _ = self.0.join();
    }
}

struct Following {
    writer: Writer,
    marks: Arc<dyn Marks>,
    /// When rows were first written after the stored position.
    news_since: Option<Instant>,
}

impl Following {
    fn run(&mut self, wakes: &Receiver<()>) {
        self.writer.tell_recorded(&*self.marks);
        let mut pause = None;
        let mut may_be_more = false;
        loop {
            let at_once = may_be_more.then_some(Duration::ZERO);
            let woken = match pause.or(at_once).or_else(|| self.until_record()) {
                Some(limit) => wakes.recv_timeout(limit),
                None => wakes.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let is_last = woken == Err(RecvTimeoutError::Disconnected);
            match self.follow(is_last) {
                Ok(written) => {
                    may_be_more = written;
                    if written && !is_last {
                        thread::sleep(REST);
                    }
                    if pause.take().is_some() {
                        let file = self.writer.file().path().display();
                        info!("{file} can be written again");
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

    /// Appends rows until a write was not full or, if `is_last`, until no rows are left. Returns whether there may be more.
    fn follow(&mut self, is_last: bool) -> Result<bool, ArchiveError> {
        let mut has_written = false;
        while let Some(is_more) = self.writer.append(&*self.marks)? {
            has_written = true;
            self.record(false)?;
            if !is_last && !is_more {
                break;
            }
        }
        self.record(is_last)?;
        Ok(has_written)
    }

    /// Stores the position when that is due.
    fn record(&mut self, is_last: bool) -> Result<(), ArchiveError> {
        let is_due = self.until_record() == Some(Duration::ZERO);
        if is_last || is_due || self.writer.is_urgent() {
            self.writer.record(&*self.marks)?;
        }
        if self.writer.has_news() {
            self.news_since.get_or_insert_with(Instant::now);
        } else {
            self.news_since = None;
        }
        Ok(())
    }

    /// The time until the position must be stored; `None` if it has not changed.
    fn until_record(&self) -> Option<Duration> {
        let since = self.news_since?;
        Some(RECORD_AFTER.saturating_sub(since.elapsed()))
    }
}
