//! Notices when the files of an identity are replaced, as programs do that renew certificates.

use std::{io, sync::Arc, thread, time::Duration};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use tracing::{info, warn};

use super::{Identity, PemFiles, Tls};
use crate::{alarm::Alarm, directory::Stamp};

/// Time between two looks at the files. They are read when they are the same twice: whoever replaces them may have
/// replaced only one yet.
const LOOK: Duration = Duration::from_secs(1);

/// Reads the files again when they change. Stops when dropped.
#[derive(Debug)]
pub struct Reload {
    asked: Sender<()>,
}

impl Reload {
    /// Starts a thread that looks at the files. If it panics, it rings the alarm.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(tls: Arc<Tls>, files: PemFiles, alarm: &Alarm) -> io::Result<Self> {
        // Room for one is enough: whoever asks while one waits gets the same answer.
        let (asked, questions) = bounded(1);
        let alarm = alarm.clone();
        // The first look compares with nothing, so a change since they were read is not missed.
        let follower = Follower {
            tls,
            files,
            last: None,
            is_read: false,
        };
        thread::Builder::new().name("tls".into()).spawn(move || {
            let _ = alarm.guard(|| follower.run(&questions));
        })?;
        Ok(Self { asked })
    }

    /// Reads the files again although they do not seem to have changed.
    pub fn look_again(&self) {
        let _ = self.asked.try_send(());
    }
}

struct Follower {
    tls: Arc<Tls>,
    files: PemFiles,
    /// What the files were at the last look.
    last: Option<[Stamp; 2]>,
    /// They were read since then.
    is_read: bool,
}

impl Follower {
    fn run(mut self, questions: &Receiver<()>) {
        let files = [self.files.certificate.clone(), self.files.key.clone()];
        loop {
            let is_asked = match questions.recv_timeout(LOOK) {
                Ok(()) => true,
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let stamps = Some(Stamp::of_all(&files));
            if stamps != self.last {
                self.last = stamps;
                self.is_read = false;
                if !is_asked {
                    continue;
                }
            }
            if is_asked || !self.is_read {
                self.read();
                self.is_read = true;
            }
        }
    }

    fn read(&self) {
        let (old, certificate) = (self.tls.identity(), self.files.certificate.display());
        match Identity::read(&self.files) {
            Ok(new) if new.is_same_as(&old) => {}
            Ok(new) => {
                match new.fingerprint() == old.fingerprint() {
                    true => info!(
                        "{certificate}: replaced; new connections are shown the new certificate"
                    ),
                    false => warn!(
                        "{certificate}: replaced by one with another key; apps that know this server by its old key refuse it from now on"
                    ),
                }
                self.tls.replace(new);
            }
            Err(error) => warn!(
                "the certificate for TLS was replaced, but the new one is not used, and the old one goes on: {error}"
            ),
        }
    }
}
