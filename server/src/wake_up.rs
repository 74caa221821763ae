//! Wakes up a thread that sleeps while there is nothing to do.

use crossbeam_channel::{Receiver, Sender, bounded};

/// Wakes the thread up. The thread ends when all of these are dropped.
#[derive(Clone, Debug)]
pub struct WakeUp(Sender<()>);

impl WakeUp {
    /// A wake-up, and the channel on which the thread waits.
    pub fn new() -> (Self, Receiver<()>) {
        let (wake, wakes) = bounded(1);
        (Self(wake), wakes)
    }

    /// Never blocks. If a wake-up is already waiting, that is enough.
    pub fn wake(&self) {
        let _ = self.0.try_send(());
    }
}
