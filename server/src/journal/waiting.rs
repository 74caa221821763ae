//! A thread that waits for the outcome of its entry.
//!
//! A channel would do, but its receiver looks and yields several times before it sleeps, and
//! while a sync runs a hundred sessions wait.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::{Accepted, Refused};

type Outcome = Result<Vec<Accepted>, Refused>;

/// The side that waits.
pub(super) struct Waiting(Arc<Slot>);

/// The side that tells. If it is dropped, nothing was accepted.
pub(super) struct Teller(Arc<Slot>);

#[derive(Default)]
struct Slot {
    outcome: Mutex<Option<Outcome>>,
    told: Condvar,
}

/// Both sides.
pub(super) fn waiting() -> (Teller, Waiting) {
    let slot = Arc::<Slot>::default();
    (Teller(slot.clone()), Waiting(slot))
}

impl Waiting {
    /// Returns the outcome as soon as it is there.
    pub(super) fn outcome(self) -> Outcome {
        let is_open = |outcome: &mut Option<Outcome>| outcome.is_none();
        let told = self.0.told.wait_while(self.0.lock(), is_open);
        let mut outcome = told.unwrap_or_else(PoisonError::into_inner);
        outcome.take().unwrap_or(Err(Refused))
    }
}

impl Teller {
    pub(super) fn tell(self, outcome: Outcome) {
        self.0.tell(outcome);
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.0.tell(Err(Refused));
    }
}

impl Slot {
    /// What was told first counts.
    fn tell(&self, outcome: Outcome) {
        self.lock().get_or_insert(outcome);
        self.told.notify_one();
    }

    /// No code panics while it holds the lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, Option<Outcome>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
