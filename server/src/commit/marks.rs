//! Read marks that the archive has not written yet.

use std::{collections::VecDeque, ops::ControlFlow, sync::Arc};

use parking_lot::Mutex;

use crate::{
    archive::{Marks, MarksError, ReadMessage},
    index::{Index, Messages},
    model::message::{MessageId, ReadMark},
};

/// The marks between state and archive. In memory are those that the index does not have yet.
pub struct PendingMarks {
    pending: Mutex<Pending>,
    index: Arc<Index>,
    messages: Messages,
}

#[derive(Debug, Default)]
struct Pending {
    /// By rising numbers.
    recent: VecDeque<ReadMark>,
    /// Those up to this number are archived.
    archived: u64,
    /// The last one that the last flush has handed to the index.
    flushed: u64,
}

impl PendingMarks {
    /// Those that the index has, and what is added.
    pub fn new(index: Arc<Index>, messages: Messages) -> Self {
        Self {
            pending: Mutex::default(),
            index,
            messages,
        }
    }

    /// Adds new ones, but for those that are archived. Returns the number up to which all are.
    pub fn add(&self, marks: &[ReadMark]) -> u64 {
        let mut pending = self.pending.lock();
        let archived = pending.archived;
        let new = marks.iter().filter(|mark| mark.number > archived);
        pending.recent.extend(new.cloned());
        archived
    }

    /// The number up to which all are archived.
    pub fn archived(&self) -> u64 {
        self.pending.lock().archived
    }

    /// The index has been handed all marks up to a number, and has written what it was handed before.
    pub fn flushed(&self, up_to: u64) {
        let mut pending = self.pending.lock();
        let written = pending.flushed;
        pending.forget(written);
        pending.flushed = up_to;
    }
}

impl Pending {
    fn after(&self, after: u64, most: usize) -> Vec<ReadMark> {
        let start = self.recent.partition_point(|mark| mark.number <= after);
        self.recent.range(start..).take(most).cloned().collect()
    }

    fn forget(&mut self, up_to: u64) {
        while self.recent.front().is_some_and(|mark| mark.number <= up_to) {
            self.recent.pop_front();
        }
    }
}

impl Marks for PendingMarks {
    fn marks(&self, after: u64, most: usize) -> Result<Vec<ReadMark>, MarksError> {
        loop {
            let flushed = {
                let pending = self.pending.lock();
                let recent = &pending.recent;
                if recent.front().is_some_and(|mark| mark.number <= after + 1) {
                    return Ok(pending.after(after, most));
                }
                pending.flushed
            };
            let older = self.index.marks(after + 1, most)?;
            if !older.is_empty() {
                return Ok(older);
            }
            // Numbers may be left out where a record of the log was lost.
            let pending = self.pending.lock();
            // Since the index was asked, some may have gone over to it.
            if pending.flushed == flushed {
                return Ok(pending.after(after, most));
            }
        }
    }

    fn messages(
        &self,
        mark: &ReadMark,
        visit: &mut dyn FnMut(ReadMessage<'_>) -> ControlFlow<()>,
    ) -> Result<(), MarksError> {
        let before = MessageId(mark.first.0.saturating_sub(1));
        let with = std::slice::from_ref(&mark.conversation);
        self.messages
            .timeline(with, before, mark.last, &mut |message| {
                !message.is_for(&mark.reader) || visit((&message).into()).is_continue()
            })?;
        Ok(())
    }

    fn archived(&self, up_to: u64) {
        let mut pending = self.pending.lock();
        pending.archived = pending.archived.max(up_to);
        pending.forget(up_to);
    }
}
