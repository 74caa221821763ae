//! A send queue: bytes for a client, written without waiting for it.

use std::{
    io::ErrorKind,
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use super::write_retry::{Job, Stuck};
use crate::net::transport::Transport;

/// Memory that an empty queue keeps, in bytes.
const KEPT_BYTES: usize = 4 * 1024;

/// The longest time between two attempts to write to a client that takes nothing.
const LONGEST_REST: Duration = Duration::from_millis(500);

/// A buffer of which only a part is used shrinks when it is longer than this.
const LARGE_BYTES: usize = 64 * 1024;

/// The bytes that wait for one client. Its holder writes them.
#[derive(Debug)]
pub struct SendQueue {
    transport: Arc<Transport>,
    bytes: Vec<u8>,
    /// How much of `bytes` is written.
    written: usize,
    /// When the system last took something.
    written_at: Option<Instant>,
    /// Since when the system takes nothing.
    stuck_since: Option<Instant>,
    /// When that was tried last.
    tried_at: Option<Instant>,
    /// The write retry has it.
    is_retried: bool,
}

/// The result of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing waits any more.
    Done,
    /// The client takes nothing more now.
    Stuck,
    /// The connection is broken.
    Broken(ErrorKind),
}

impl SendQueue {
    /// An empty queue.
    pub fn new(transport: Arc<Transport>) -> Self {
        Self {
            transport,
            bytes: Vec::new(),
            written: 0,
            written_at: None,
            stuck_since: None,
            tried_at: None,
            is_retried: false,
        }
    }

    /// The connection.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// The buffer to append to.
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// How many bytes wait.
    pub fn waiting(&self) -> usize {
        self.bytes.len() - self.written
    }

    /// How much memory it takes.
    pub fn memory(&self) -> usize {
        self.bytes.capacity() + self.transport.waiting()
    }

    /// When the system last took something.
    pub fn written_at(&self) -> Option<Instant> {
        self.written_at
    }

    /// Whether the write retry has it.
    pub fn is_retried(&self) -> bool {
        self.is_retried
    }

    /// Drops the bytes that wait.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.written = 0;
        self.stuck_since = None;
        if self.bytes.capacity() > KEPT_BYTES {
            self.bytes = Vec::new();
        }
    }

    /// Takes the bytes that wait, to write them in another way.
    pub fn take(&mut self) -> Vec<u8> {
        self.stuck_since = None;
        let mut rest = mem::take(&mut self.bytes);
        rest.drain(..mem::take(&mut self.written));
        rest
    }

    /// Writes as much as the client takes without waiting.
    pub fn write(&mut self) -> Progress {
        while self.written < self.bytes.len() {
            match self.transport.write_now(&self.bytes[self.written..]) {
                Ok(0) => return Progress::Broken(ErrorKind::WriteZero),
                Ok(count) => {
                    self.written += count;
                    self.written_at = Some(Instant::now());
                    self.stuck_since = None;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let now = Instant::now();
                    self.stuck_since.get_or_insert(now);
                    self.tried_at = Some(now);
                    self.bytes.drain(..mem::take(&mut self.written));
                    // Who takes nearly everything does not keep the memory of everything.
                    if self.bytes.capacity() > LARGE_BYTES.max(4 * self.bytes.len()) {
                        self.bytes.shrink_to(2 * self.bytes.len());
                    }
                    return Progress::Stuck;
                }
                Err(error) => return Progress::Broken(error.kind()),
            }
        }
        self.clear();
        Progress::Done
    }

    /// Hands the rest to the write retry. `own` is the owner of this queue.
    pub fn hand_over(
        &mut self,
        own: Option<Arc<dyn Stuck>>,
        retry: &crossbeam_channel::Sender<Job>,
    ) {
        let job = own.map(Job::Retry);
        // The channel has room for every possible connection.
        self.is_retried = job.is_some_and(|job| retry.try_send(job).is_ok());
    }

    /// For the write retry: writes, and gives up on a client that has taken nothing for `patience`. The longer it takes
    /// nothing, the more seldom it is tried.
    pub fn retry(&mut self, patience: Duration) -> Progress {
        if self.is_resting() {
            return Progress::Stuck;
        }
        let mut progress = self.write();
        let stuck_since = self.stuck_since.filter(|_| progress == Progress::Stuck);
        if stuck_since.is_some_and(|since| since.elapsed() > patience) {
            progress = Progress::Broken(ErrorKind::TimedOut);
        }
        self.is_retried = progress == Progress::Stuck;
        progress
    }

    fn is_resting(&self) -> bool {
        let times = self.stuck_since.zip(self.tried_at);
        times.is_some_and(|(since, last)| {
            let rest = (last - since) / 8;
            last.elapsed() < rest.min(LONGEST_REST)
        })
    }
}
