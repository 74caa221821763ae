//! The thread that waits for clients that do not take everything at once, so that nobody else has
//! to. It also announces presence. It sleeps while there is neither.

use std::{
    collections::HashMap,
    io,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use mensageiro_protocol::Login;

use crate::{
    alarm::Alarm,
    budgets::{Reason, Refusals},
};

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
    /// Tries again to write. Returns how much memory it still takes; `None`: it is not stuck any
    /// more. It hangs up on a client that has taken nothing for `patience`.
    fn retry(&self, patience: Duration) -> Option<usize>;

    /// Whose client it is.
    fn login(&self) -> &Login;

    /// Hangs up, as too much waits for all clients together.
    fn give_up(&self);
}

/// What clients may cost that do not take everything at once.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long one of them may take nothing.
    pub time: Duration,
    /// How many bytes may wait for all of them together; 0: any number.
    pub bytes: usize,
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
    /// moment after [`Job::Announce`]. Clients that cost more than `patience` are disconnected. If the
    /// thread panics, it rings the alarm.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(
        self,
        announce: impl Fn() + Send + 'static,
        patience: Patience,
        refusals: Arc<Refusals>,
        alarm: &Alarm,
    ) -> io::Result<JoinHandle<()>> {
        let queue = self.queue;
        drop(self.jobs);
        let alarm = alarm.clone();
        thread::Builder::new().name("retry".into()).spawn(move || {
            if alarm
                .guard(|| run(&queue, &announce, patience, &refusals))
                .is_none()
            {
                // A waiting job would keep its session, and that the way to this thread.
                queue.iter().for_each(drop);
            }
        })
    }
}

fn run(queue: &Receiver<Job>, announce: &impl Fn(), patience: Patience, refusals: &Refusals) {
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
            let mut sizes = Vec::with_capacity(stuck.len());
            stuck.retain(|client| {
                let size = client.retry(patience.time);
                sizes.extend(size);
                size.is_some()
            });
            give_up_some(&stuck, sizes, patience.bytes, refusals);
            retry_at = None;
        }
        if retry_at.is_none() && !stuck.is_empty() {
            retry_at = Some(Instant::now() + RETRY);
        }
    }
}

/// While more than `most` waits, hangs up on the client for which most waits, of the login for which
/// most waits.
fn give_up_some(stuck: &[Arc<dyn Stuck>], mut sizes: Vec<usize>, most: usize, refusals: &Refusals) {
    let mut total: usize = sizes.iter().sum();
    if most == 0 || total <= most {
        return;
    }
    let mut by_login = HashMap::<_, usize>::new();
    for (client, size) in stuck.iter().zip(&sizes) {
        *by_login.entry(client.login()).or_default() += size;
    }
    while total > most {
        let of_login = |client: &Arc<dyn Stuck>| by_login.get(client.login()).copied();
        let all = stuck.iter().zip(&sizes).enumerate();
        let largest = all.max_by_key(|(_, (client, size))| (of_login(client), **size));
        let Some((place, (client, _))) = largest else {
            return;
        };
        refusals.note(Reason::Waiting, client.login());
        client.give_up();
        let size = std::mem::take(&mut sizes[place]);
        total -= size;
        if let Some(sum) = by_login.get_mut(client.login()) {
            *sum -= size;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::*;

    struct Mistaken;

    impl Stuck for Mistaken {
        fn retry(&self, _: Duration) -> Option<usize> {
            panic!("as it should");
        }

        fn login(&self) -> &Login {
            panic!("nobody asks");
        }

        fn give_up(&self) {}
    }

    struct Reader {
        login: Login,
        waiting: AtomicUsize,
    }

    impl Stuck for Reader {
        fn retry(&self, _: Duration) -> Option<usize> {
            Some(self.waiting.load(Relaxed)).filter(|&some| some > 0)
        }

        fn login(&self) -> &Login {
            &self.login
        }

        fn give_up(&self) {
            self.waiting.store(0, Relaxed);
        }
    }

    #[test]
    fn those_for_whom_most_waits_leave_until_the_rest_fits() {
        let reader = |login: &str, waiting| {
            Arc::new(Reader {
                login: Login::parse(login).unwrap(),
                waiting: AtomicUsize::new(waiting),
            })
        };
        let many = (0..10).map(|number| reader("mal", 50 + number));
        let readers: Vec<_> = many.chain([reader("ana", 70), reader("bob", 10)]).collect();
        let stuck: Vec<_> = readers.iter().map(|one| one.clone() as _).collect();
        let sizes = || {
            readers
                .iter()
                .map(|one| one.waiting.load(Relaxed))
                .collect::<Vec<_>>()
        };
        let refusals = Refusals::default();
        give_up_some(&stuck, sizes(), 1_000, &refusals);
        assert!(sizes().iter().all(|&size| size > 0));
        give_up_some(&stuck, sizes(), 200, &refusals);
        // Ana alone has more than any session of mal, but not more than all of them.
        assert_eq!(sizes(), [50, 51, 0, 0, 0, 0, 0, 0, 0, 0, 70, 10]);
        let refused: Vec<_> = refusals.counts().filter(|(_, count)| *count > 0).collect();
        assert_eq!(refused, [(Reason::Waiting, 8)]);
    }

    #[test]
    fn a_panic_of_the_thread_is_noticed() {
        let (ring, rung) = bounded(1);
        let retry = WriteRetry::default();
        let jobs = retry.jobs();
        let patience = Duration::from_secs(20);
        let limits = Patience {
            time: patience,
            bytes: 0,
        };
        let alarm = Alarm::new(ring);
        let thread = retry.start(|| (), limits, Arc::default(), &alarm).unwrap();
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
