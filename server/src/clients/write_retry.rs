//! The one thread that waits for clients which do not take what is sent to them, so that nobody
//! else has to. It also announces who comes and goes. It sleeps while there is neither.

use std::{
    io,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::alarm::Alarm;

/// Jobs that may wait: one for each connection that may be stuck, and more.
const JOBS: usize = 64 * 1024;

/// Between two tries to write to stuck clients.
const RETRY: Duration = Duration::from_millis(10);

/// Changes of presence are gathered this long: a class that comes in is one announcement.
const GATHER: Duration = Duration::from_millis(100);

/// What a client does not take at once.
pub trait Stuck: Send + Sync {
    /// Tries again to write. Returns whether it is still stuck; a client that has taken nothing for
    /// `patience` is hung up on.
    fn retry(&self, patience: Duration) -> bool;
}

/// What that thread is asked to do.
pub enum Job {
    /// This client is stuck.
    Retry(Arc<dyn Stuck>),
    /// Somebody came, went or changed.
    Announce,
}

/// The way to the thread that tries again.
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
    /// The way to it.
    pub fn jobs(&self) -> Sender<Job> {
        self.jobs.clone()
    }

    /// Starts its thread, which ends when every way to it is dropped. `announce` tells who came and went, a moment after
    /// [`Job::Announce`]. A client that takes nothing
    /// for `patience` is hung up on. If it panics, it rings the alarm.
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
                // What waits here would keep its session, and that the way to here.
                queue.iter().for_each(drop);
            }
        })
    }
}

fn run(queue: &Receiver<Job>, announce: &impl Fn(), patience: Duration) {
    let mut stuck: Vec<Arc<dyn Stuck>> = Vec::new();
    let mut announce_at: Option<Instant> = None;
    loop {
        let retry_at = (!stuck.is_empty()).then(|| Instant::now() + RETRY);
        let job = match retry_at.into_iter().chain(announce_at).min() {
            None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => queue.recv_deadline(due),
        };
        match job {
            Ok(Job::Retry(client)) => stuck.push(client),
            Ok(Job::Announce) => {
                announce_at.get_or_insert_with(|| Instant::now() + GATHER);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if announce_at.is_some_and(|at| at <= Instant::now()) {
            announce_at = None;
            announce();
        }
        stuck.retain(|client| client.retry(patience));
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
        // Nobody who comes later is kept by it.
        let late = Arc::new(Mistaken);
        jobs.send(Job::Retry(late.clone())).unwrap();
        drop(jobs);
        thread.join().unwrap();
        assert_eq!(Arc::strong_count(&late), 1);
    }
}
