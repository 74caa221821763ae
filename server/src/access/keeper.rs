//! The thread that notices changes of the file by others, and stores now and then when devices were last used.

use std::{
    io,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};

use super::Access;
use crate::alarm::Alarm;

/// Time between two looks at the file. A command that changes it tells a running server; who edits it by hand does not.
const LOOK: Duration = Duration::from_secs(3);

/// How often it is stored when devices were last used: a crash forgets at most so much.
const STORE_EVERY: Duration = Duration::from_secs(60);

/// Stops when dropped, and stores the rest.
#[derive(Debug)]
pub struct Keeper {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts the thread. If it panics, it rings the alarm.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(access: Arc<Access>, alarm: &Alarm) -> io::Result<Self> {
        let (stop, stopped) = bounded::<()>(0);
        let watched = alarm.watch();
        let keep = move || {
            let _watched = watched;
            let mut stored = Instant::now();
            while stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                access.refresh();
                if stored.elapsed() >= STORE_EVERY {
                    access.store_uses();
                    stored = Instant::now();
                }
            }
            access.store_uses();
        };
        let thread = thread::Builder::new().name("access".into()).spawn(keep)?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.stop.take());
        // One that has panicked has rung the alarm.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
