//! The one thread that waits for clients which do not take what is sent to them, so that nobody
//! else has to. It also tells watchers who comes and goes. It sleeps while there is neither.

use std::{
    io,
    sync::{Arc, Weak},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use mensageiro_protocol::live::Event;

use super::online::Online;
use crate::alarm::Alarm;

/// Jobs that may wait: one for each connection that may be stuck, and more.
const JOBS: usize = 64 * 1024;

/// Between two tries to write to stuck clients.
const RETRY: Duration = Duration::from_millis(10);

/// Changes of presence are gathered this long: a class that comes in is one announcement.
const GATHER: Duration = Duration::from_millis(100);

/// Changes of presence that are appended together.
const TOGETHER: usize = 100;

/// What a client does not take at once.
pub trait Stuck: Send + Sync {
    /// Tries again to write. Returns whether it is still stuck; a client that has taken nothing for
    /// `patience` is hung up on.
    fn retry(&self, patience: Duration) -> bool;
}

/// What the flusher is asked to do.
pub enum Job {
    /// This client is stuck.
    Flush(Arc<dyn Stuck>),
    /// Somebody came, went or changed.
    Announce,
}

/// The way to the flusher, and its thread.
#[derive(Debug)]
pub struct Flusher {
    jobs: Sender<Job>,
    queue: Receiver<Job>,
}

impl Default for Flusher {
    fn default() -> Self {
        let (jobs, queue) = bounded(JOBS);
        Self { jobs, queue }
    }
}

impl Flusher {
    /// The way to it.
    pub fn jobs(&self) -> Sender<Job> {
        self.jobs.clone()
    }

    /// Starts its thread, which ends when every way to it is dropped. A client that takes nothing
    /// for `patience` is hung up on. If it panics, it rings the alarm.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(
        self,
        online: &Arc<Online>,
        patience: Duration,
        alarm: &Alarm,
    ) -> io::Result<JoinHandle<()>> {
        // The registry itself has a way to the flusher: holding it here would keep both for ever.
        let online = Arc::downgrade(online);
        let queue = self.queue;
        drop(self.jobs);
        let alarm = alarm.clone();
        thread::Builder::new()
            .name("flusher".into())
            .spawn(move || {
                if alarm.guard(|| run(&queue, &online, patience)).is_none() {
                    // What waits here would keep its session, and that the way to here.
                    queue.iter().for_each(drop);
                }
            })
    }
}

fn run(queue: &Receiver<Job>, online: &Weak<Online>, patience: Duration) {
    let mut stuck: Vec<Arc<dyn Stuck>> = Vec::new();
    let mut announce_at: Option<Instant> = None;
    loop {
        let retry_at = (!stuck.is_empty()).then(|| Instant::now() + RETRY);
        let job = match retry_at.into_iter().chain(announce_at).min() {
            None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => queue.recv_deadline(due),
        };
        match job {
            Ok(Job::Flush(client)) => stuck.push(client),
            Ok(Job::Announce) => {
                announce_at.get_or_insert_with(|| Instant::now() + GATHER);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if announce_at.is_some_and(|at| at <= Instant::now()) {
            announce_at = None;
            online.upgrade().inspect(|online| announce(online));
        }
        stuck.retain(|client| client.retry(patience));
    }
}

/// Tells the watchers who came and went. Who is behind is told later, how it is then.
fn announce(online: &Online) {
    let changes = online.take_changes();
    let watchers = online.watchers();
    for part in changes.chunks(TOGETHER) {
        let mut lines = Vec::new();
        for news in part {
            if !lines.is_empty() {
                lines.push(b'\n');
            }
            Event::Presence(news.clone()).encode(&mut lines);
        }
        for outlet in &watchers {
            if !outlet.has_room() {
                online.miss(outlet, part.iter().map(|news| &news.login));
                continue;
            }
            outlet.tell(|out| out.extend_from_slice(&lines));
            outlet.flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::live::Teller;

    struct Mistaken;

    impl Stuck for Mistaken {
        fn retry(&self, _: Duration) -> bool {
            panic!("as it should");
        }
    }

    #[test]
    fn a_panic_of_the_flusher_is_noticed() {
        let (ring, rung) = bounded(1);
        let flusher = Flusher::default();
        let jobs = flusher.jobs();
        let online = Online::new(HashMap::new(), jobs.clone(), Teller::default().bell());
        let patience = Duration::from_secs(20);
        let thread = flusher.start(&online, patience, &Alarm::new(ring)).unwrap();
        jobs.send(Job::Flush(Arc::new(Mistaken))).unwrap();
        rung.recv_timeout(patience).unwrap();
        // Nobody who comes later is kept by it.
        let late = Arc::new(Mistaken);
        jobs.send(Job::Flush(late.clone())).unwrap();
        drop((jobs, online));
        thread.join().unwrap();
        assert_eq!(Arc::strong_count(&late), 1);
    }
}
