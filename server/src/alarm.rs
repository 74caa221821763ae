//! If a thread panics that the server cannot do without, the server starts again.
//!
//! A panic ends its thread and nothing else. Without the commit thread everybody would wait for ever. Without
//! the archive no row would be written, and without the listener nobody could log in. Nobody would notice.
//! So each of these threads runs under an alarm.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use crossbeam_channel::Sender;

/// The way to tell whoever runs the server that it cannot go on.
#[derive(Clone, Debug)]
pub struct Alarm(Sender<()>);

/// Rings the alarm if it is dropped by a panic.
#[derive(Debug)]
pub struct Watched(Alarm);

impl Alarm {
    /// Rings by a channel, whose one place is enough: rung twice is rung.
    pub fn new(ring: Sender<()>) -> Self {
        Self(ring)
    }

    /// Does something; `None` if it panics, and the alarm has rung. What that leaves half done nobody may
    /// rely on any more.
    pub fn guard<T>(&self, act: impl FnOnce() -> T) -> Option<T> {
        catch_unwind(AssertUnwindSafe(act))
            .inspect_err(|_| self.ring())
            .ok()
    }

    /// The same for a thread that somebody else starts: to be given to it, and held until its end.
    pub fn watch(&self) -> Watched {
        Watched(self.clone())
    }

    /// Rings. Never waits.
    pub fn ring(&self) {
        // Who does not listen any more is stopping the server already.
        let _ = self.0.try_send(());
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.ring();
        }
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::bounded;

    use super::*;

    #[test]
    fn what_panics_rings_and_what_does_not_does_not() {
        let (ring, rung) = bounded(1);
        let alarm = Alarm::new(ring);
        assert_eq!(alarm.guard(|| 7), Some(7));
        drop(alarm.watch());
        assert!(rung.is_empty());
        let panics = || -> u8 { panic!("as it should") };
        assert_eq!((alarm.guard(panics), alarm.guard(panics)), (None, None));
        assert!(rung.try_recv().is_ok() && rung.is_empty());
        let watched = alarm.watch();
        let thread = thread::spawn(move || {
            let _watched = watched;
            panics()
        });
        assert!(thread.join().is_err());
        assert!(rung.try_recv().is_ok() && rung.is_empty());
    }
}
