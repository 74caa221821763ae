//! The outcome of one entry, for a thread that waits for it.
//!
//! A channel would do, but its receiver looks and yields several times before it sleeps, and
//! while a sync runs a hundred sessions wait.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use super::Refused;
use crate::state::Outcome;

type Result = std::result::Result<Vec<Outcome>, Refused>;

/// The side that waits.
pub(super) struct Receiver(Arc<Slot>);

/// The side that sends. If it is dropped, nothing was accepted.
pub(super) struct Sender(Arc<Slot>);

#[derive(Default)]
struct Slot {
    outcome: Mutex<Option<Result>>,
    sent: Condvar,
}

/// Both sides.
pub(super) fn channel() -> (Sender, Receiver) {
    let slot = Arc::<Slot>::default();
    (Sender(slot.clone()), Receiver(slot))
}

impl Receiver {
    /// Returns the outcome as soon as it is there.
    pub(super) fn receive(self) -> Result {
        let mut outcome = self.0.outcome.lock();
        self.0.sent.wait_while(&mut outcome, |one| one.is_none());
        outcome.take().unwrap_or(Err(Refused))
    }
}

impl Sender {
    pub(super) fn send(self, outcome: Result) {
        self.0.send(outcome);
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.send(Err(Refused));
    }
}

impl Slot {
    /// What was sent first counts.
    fn send(&self, outcome: Result) {
        self.outcome.lock().get_or_insert(outcome);
        self.sent.notify_one();
    }
}
