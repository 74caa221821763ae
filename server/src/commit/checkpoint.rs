//! What has changed goes to the index, and what is old goes.

use std::{mem, sync::atomic::Ordering};

use jiff::Timestamp;
use tracing::error;

use super::{Parts, gather::Submission, group::GroupCommit, oneshot, retention::Reached};

/// So much is said again in one commit: with drafts, some 2 MiB at most.
const TOGETHER: usize = 500;

impl GroupCommit {
    /// Hands the index what is new, if that is due.
    pub(super) fn flush_index(&mut self) {
        if self.is_of_use && self.parts.index.wants_flush() {
            self.checkpoint();
        }
    }

    /// Says again what users have set, before everything is dropped that is older.
    fn say_again(&mut self, older_than: Timestamp) {
        let again = self.parts.mailboxes.lock().settings_before(older_than);
        for some in again.chunks(TOGETHER) {
            self.uncommitted.fetch_add(1, Ordering::SeqCst);
            let (sender, _) = oneshot::channel();
            // Nobody waits for it. If the disk fails, nothing is dropped either.
            drop(self.commit(vec![Submission::Events(some.to_vec(), sender)]));
        }
    }

    /// Hands the index what has changed. If it cannot write, the server starts anew; the log has everything.
    pub(super) fn checkpoint(&mut self) {
        let Parts {
            mailboxes,
            index,
            marks,
            ..
        } = &self.parts;
        let mut changes = mailboxes.lock().take_changes();
        changes.archived = marks.archived();
        changes.marks.retain(|mark| mark.number > changes.archived);
        let last = changes.header.last.read_mark;
        let position = changes.header.position;
        match index.flush(changes) {
            Ok(()) => {
                marks.flushed(last);
                let reached = Reached {
                    // What was flushed before is written now.
                    index: mem::replace(&mut self.flushed, position),
                    last_mark: last,
                    archived: marks.archived(),
                };
                let both = (&**mailboxes, &self.parts.messages);
                let log = &*self.parts.log;
                let next = self.retention.apply(log, index, both, &reached);
                if let Some(older_than) = next {
                    self.say_again(older_than);
                }
            }
            Err(error) => {
                error!("nothing more is accepted: {error}");
                self.is_of_use = false;
                let _ = self.parts.refused.try_send(());
            }
        }
    }
}
