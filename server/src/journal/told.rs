//! What is left of a commit when others may write: who waits is woken up, and what sessions
//! were told goes out. Many sends in a row would keep the journal's thread from the next commit,
//! and each of them wakes up a client that takes its processor away: so a thread of its own does
//! it, the courier.

use std::{io, sync::Arc, thread};

use crossbeam_channel::{SendError, Sender, bounded};

use super::{Accepted, Origin, Refused, waiting::Teller};

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
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(super) fn start() -> io::Result<Self> {
        let (commits, told) = bounded::<Told>(COMMITS);
        thread::Builder::new()
            .name("courier".into())
            .spawn(move || told.iter().for_each(Told::tell))?;
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
