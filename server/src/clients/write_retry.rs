//! The thread that waits for clients that do not take everything at once, so that nobody else has
//! to. It also announces presence. It sleeps while there is neither.

use std::{
    io,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::alarm::Alarm;

/// The most jobs that may wait: one for each connection that may be stuck, and more.
const JOBS: usize = 64 * 1024;

/// Time between two attempts to write to stuck clients.
const RETRY: Duration = Duration::from_millis(10);

/// How long changes of presence are gathered: a class that arrives is one announcement.
const GATHER: Duration = Duration::from_millis(100);

/// After an announcement, so many times as long as it took nothing is announced.
const ANNOUNCE_SHARE: u32 = 9;

/// A client that does not take everything at once.
pub trait Stuck: Send + Sync {
    /// Tries again to write. Returns whether it is still stuck. It hangs up on a client that has
    /// taken nothing for `patience`.
    fn retry(&self, patience: Duration) -> bool;
}

/// A job for the thread.
pub enum Job {
    /// This client is stuck.
    Retry(Arc<dyn Stuck>),
    /// The presence of somebody has changed.
    Announce,
}

/// The thread's job queue.
#[derive(Debug)]
pub struct WriteRetry {
    jobs: Sender<Job>,
    queue: Receiver<Job>,
}

impl Default for WriteRetry {
    fn default() -> Self {
        let (jobs, queue) = bounded(JOBS);
        Self { jobs, queue }
    }
}

impl WriteRetry {
    /// A way to give it jobs.
    pub fn jobs(&self) -> Sender<Job> {
        self.jobs.clone()
    }

    /// Starts the thread, which ends when all senders of jobs are dropped. It calls `announce` a
    /// moment after [`Job::Announce`]. A client that takes nothing for `patience` is disconnected.
    /// If the thread panics, it rings the alarm.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(
        self,
        announce: impl Fn() + Send + 'static,
        patience: Duration,
        alarm: &Alarm,
    ) -> io::Result<JoinHandle<()>> {
        let queue = self.queue;
        drop(self.jobs);
        let alarm = alarm.clone();
        thread::Builder::new().name("retry".into()).spawn(move || {
            if alarm.guard(|| run(&queue, &announce, patience)).is_none() {
                // A waiting job would keep its session, and that the way to this thread.
                queue.iter().for_each(drop);
            }
        })
    }
}

fn run(queue: &Receiver<Job>, announce: &impl Fn(), patience: Duration) {
    let mut stuck: Vec<Arc<dyn Stuck>> = Vec::new();
    let mut retry_at: Option<Instant> = None;
    let mut announce_at: Option<Instant> = None;
    let mut next_announcement = Instant::now();
    loop {
        let job = match retry_at.into_iter().chain(announce_at).min() {
            None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => queue.recv_deadline(due),
        };
        match job {
            Ok(Job::Retry(client)) => stuck.push(client),
            Ok(Job::Announce) => {
                let at = (Instant::now() + GATHER).max(next_announcement);
                announce_at.get_or_insert(at);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = Instant::now();
        if announce_at.is_some_and(|at| at <= now) {
            announce_at = None;
            announce();
            // However many there are who come, go and are told, most of the time is for other things.
            next_announcement = Instant::now() + now.elapsed() * ANNOUNCE_SHARE;
        }
        if retry_at.is_some_and(|at| at <= now) {
            stuck.retain(|client| client.retry(patience));
            retry_at = None;
        }
        if retry_at.is_none() && !stuck.is_empty() {
            retry_at = Some(Instant::now() + RETRY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Mistaken;

    impl Stuck for Mistaken {
        fn retry(&self, _: Duration) -> bool {
            panic!("as it should");
        }
    }

    #[test]
    fn a_panic_of_the_thread_is_noticed() {
        let (ring, rung) = bounded(1);
        let retry = WriteRetry::default();
        let jobs = retry.jobs();
        let patience = Duration::from_secs(20);
        let thread = retry.start(|| (), patience, &Alarm::new(ring)).unwrap();
        jobs.send(Job::Retry(Arc::new(Mistaken))).unwrap();
        rung.recv_timeout(patience).unwrap();
        // It does not hold back those who come later.
        let late = Arc::new(Mistaken);
        jobs.send(Job::Retry(late.clone())).unwrap();
        drop(jobs);
        thread.join().unwrap();
        assert_eq!(Arc::strong_count(&late), 1);
    }
}
