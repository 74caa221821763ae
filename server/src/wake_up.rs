//! Wakes up a thread that sleeps as long as there is nothing to do.

use crossbeam_channel::{Receiver, Sender, bounded};

/// Wakes the thread up. It ends when all of these are dropped.
#[derive(Clone, Debug)]
pub struct WakeUp(Sender<()>);

impl WakeUp {
    /// One of these, and what the thread waits for.
    pub fn new() -> (Self, Receiver<()>) {
        let (wake, wakes) = bounded(1);
        (Self(wake), wakes)
    }

    /// Never blocks. One that is not answered yet is enough.
    pub fn wake(&self) {
        let _ = self.0.try_send(());
    }
}
