//! What has changed goes to the index, and what is old goes.

use std::mem;

use tracing::error;

use super::{Parts, group::GroupCommit, retention::Reached};

impl GroupCommit {
    /// Hands the index what is new, if that is due.
    pub(super) fn flush_index(&mut self) {
        if self.is_of_use && self.parts.index.wants_flush() {
            self.checkpoint();
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
                self.retention.apply(log, index, both, &reached);
            }
            Err(error) => {
                error!("nothing more is accepted: {error}");
                self.is_of_use = false;
                let _ = self.parts.refused.try_send(());
            }
        }
    }
}
