//! What is left of a commit when others may commit: threads that wait are woken up, and what sessions
//! were told goes out. Many sends in a row would keep the next commit waiting, and each of them wakes up
//! a client that takes the processor away: so a thread of its own does it, the notifier.

use std::{io, sync::Arc, thread};

use crossbeam_channel::{SendError, Sender, bounded};

use super::{Origin, Refused, oneshot};
use crate::{alarm::Alarm, state::Outcome};

/// Fewer than so many are told by the thread that committed: that is quicker than waking up the notifier.
const FEW: usize = 4;

/// Commits that the notifier may be behind with before the next commit waits for it.
const COMMITS: usize = 2;

/// Who is still to be told of a commit.
#[derive(Default)]
#[must_use = "somebody waits for it"]
pub(super) struct Notice {
    /// Threads that wait.
    pub(super) waiting: Vec<(oneshot::Sender, Result<Vec<Outcome>, Refused>)>,
    /// Sessions that got their answers and have not sent them.
    pub(super) origins: Vec<Arc<dyn Origin>>,
    /// What the audience has left to do.
    pub(super) audience: Option<Box<dyn FnOnce() + Send>>,
}

/// The way to the notifier, whose thread ends with it.
pub(super) struct Notifier(Sender<Notice>);

impl Notice {
    /// Wakes up and sends.
    pub(super) fn give(self) {
        for (sender, outcome) in self.waiting {
            sender.send(outcome);
        }
        for origin in self.origins {
            origin.flush();
        }
        if let Some(flush) = self.audience {
            flush();
        }
    }

    fn is_small(&self) -> bool {
        self.waiting.len() + self.origins.len() < FEW
    }
}

impl Notifier {
    /// Starts the thread. If it panics, the alarm rings, and the others are told all the same.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(super) fn start(alarm: &Alarm) -> io::Result<Self> {
        let (commits, told) = bounded::<Notice>(COMMITS);
        let alarm = alarm.clone();
        let tell_all = move || told.iter().for_each(Notice::give);
        thread::Builder::new()
            .name("notifier".into())
            .spawn(move || while alarm.guard(&tell_all).is_none() {})?;
        Ok(Self(commits))
    }

    /// Sees to it that they are told.
    pub(super) fn give(&self, notice: Notice) {
        if notice.is_small() {
            notice.give();
        } else if let Err(SendError(notice)) = self.0.send(notice) {
            notice.give();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::message::Tag;

    struct Nobody;

    impl Origin for Nobody {
        fn done(&self, _: &[Option<Tag>], _: Result<&[Outcome], Refused>) {}

        fn flush(&self) {}

        fn key(&self) -> Option<u64> {
            None
        }
    }

    #[test]
    fn a_panic_of_the_notifier_is_noticed_and_the_others_are_told() {
        let (ring, rung) = bounded(1);
        let notifier = Notifier::start(&Alarm::new(ring)).unwrap();
        let many = |audience| Notice {
            waiting: Vec::new(),
            origins: (0..FEW).map(|_| Arc::new(Nobody) as _).collect(),
            audience: Some(audience),
        };
        notifier.give(many(Box::new(|| panic!("as it should"))));
        let patience = Duration::from_secs(20);
        rung.recv_timeout(patience).unwrap();
        let (tell, told) = bounded(9);
        for _ in 0..=COMMITS {
            let tell = tell.clone();
            notifier.give(many(Box::new(move || tell.send(()).unwrap())));
        }
        for _ in 0..=COMMITS {
            told.recv_timeout(patience).unwrap();
        }
    }
}
