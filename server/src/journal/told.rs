//! What is left of a commit when others may write: who waits is woken up, and what sessions
//! were told goes out. Many sends in a row would keep the journal's thread from the next commit,
//! and each of them wakes up a client that takes its processor away: so a thread of its own does
//! it, the courier.

use std::{io, sync::Arc, thread};

use crossbeam_channel::{SendError, Sender, bounded};

use super::{Accepted, Origin, Refused, waiting::Teller};
use crate::alarm::Alarm;

/// Fewer than so many are told by whoever wrote: that is quicker than waking up the courier.
const FEW: usize = 4;

/// Commits that the courier may be behind with before the journal waits for it.
const COMMITS: usize = 2;

/// Who is still to be told of a commit.
#[must_use = "somebody waits for it"]
pub(super) struct Told {
    /// Threads that wait.
    pub(super) waiting: Vec<(Teller, Result<Vec<Accepted>, Refused>)>,
    /// Sessions that got their answers and have not sent them.
    pub(super) origins: Vec<Arc<dyn Origin>>,
    /// What the audience left to do.
    pub(super) audience: Box<dyn FnOnce() + Send>,
}

/// The way to the courier, who ends with it.
pub(super) struct Courier(Sender<Told>);

impl Told {
    /// Wakes up and sends.
    pub(super) fn tell(self) {
        for (teller, outcome) in self.waiting {
            teller.tell(outcome);
        }
        for origin in self.origins {
            origin.flush();
        }
        (self.audience)();
    }

    fn are_few(&self) -> bool {
        self.waiting.len() + self.origins.len() < FEW
    }
}

impl Courier {
    /// Starts the thread. If it panics, the alarm rings, and the others are told all the same.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(super) fn start(alarm: &Alarm) -> io::Result<Self> {
        let (commits, told) = bounded::<Told>(COMMITS);
        let alarm = alarm.clone();
        let tell_all = move || told.iter().for_each(Told::tell);
        thread::Builder::new()
            .name("courier".into())
            .spawn(move || while alarm.guard(&tell_all).is_none() {})?;
        Ok(Self(commits))
    }

    /// Sees to it that they are told.
    pub(super) fn tell(&self, told: Told) {
        if told.are_few() {
            told.tell();
        } else if let Err(SendError(told)) = self.0.send(told) {
            told.tell();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::journal::Handed;

    struct Nobody;

    impl Origin for Nobody {
        fn done(&self, _: &[Handed], _: Result<&[Accepted], Refused>) {}

        fn flush(&self) {}

        fn key(&self) -> Option<u64> {
            None
        }
    }

    #[test]
    fn a_panic_of_the_courier_is_noticed_and_the_others_are_told() {
        let (ring, rung) = bounded(1);
        let courier = Courier::start(&Alarm::new(ring)).unwrap();
        let many = |audience| Told {
            waiting: Vec::new(),
            origins: (0..FEW).map(|_| Arc::new(Nobody) as _).collect(),
            audience,
        };
        courier.tell(many(Box::new(|| panic!("as it should"))));
        let patience = Duration::from_secs(20);
        rung.recv_timeout(patience).unwrap();
        let (tell, told) = bounded(9);
        for _ in 0..=COMMITS {
            let tell = tell.clone();
            courier.tell(many(Box::new(move || tell.send(()).unwrap())));
        }
        for _ in 0..=COMMITS {
            told.recv_timeout(patience).unwrap();
        }
    }
}
