//! The thread that removes what is no longer needed, once an hour.

use std::{
    io,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};

use super::FileStore;
use crate::alarm::Alarm;

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// Stops when dropped.
#[derive(Debug)]
pub struct Sweeper {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sweeper {
    /// Starts the thread, which looks at once. If it panics, it rings the alarm.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(store: Arc<FileStore>, alarm: &Alarm) -> io::Result<Self> {
        let (stop, stopped) = bounded::<()>(0);
        let watched = alarm.watch();
        let sweep = move || {
            let _watched = watched;
            loop {
                store.sweep();
                if stopped.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("files".into()).spawn(sweep)?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        drop(self.stop.take());
        // One that has panicked has rung the alarm.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
