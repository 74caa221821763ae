//! Read marks that the archive has not written yet.

use std::{collections::VecDeque, ops::ControlFlow, sync::Arc};

use parking_lot::Mutex;

use crate::{
    archive::{Marks, MarksError, ReadMessage},
    index::{Index, IndexError, Messages, Series},
    model::message::{Message, MessageId, ReadMark},
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

impl PendingMarks {
    /// A message as its reader got it: with the last edit that was read with it. An edit of what was read before is one of its
    /// own; otherwise it is none.
    fn as_read(
        &self,
        mark: &ReadMark,
        mut message: Message,
    ) -> Result<Option<Message>, IndexError> {
        let of = message.changes();
        let ids = [of.unwrap_or(message.id)];
        let up_to = (mark.last, mark.as_of);
        let revisions = self.messages.revisions(&mark.conversation, &ids, up_to)?;
        let revision = revisions.first().copied().unwrap_or_default();
        if revision.is_deleted {
            return Ok(None);
        }
        match (of, revision.edit) {
            (None, None) => {}
            (None, Some(edit)) => {
                let edit = self
                    .messages
                    .one(&mark.conversation, Series::Changes, edit)?;
                if let Some(edit) = edit.filter(|edit| edit.is_for(&mark.reader)) {
                    message.text = edit.text;
                }
            }
            (Some(of), last) if of < mark.first && last == Some(message.id) => {
                message.text = message.as_said().unwrap_or_default().into_owned();
            }
            (Some(_), _) => return Ok(None),
        }
        Ok(Some(message))
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
        (first, last): (MessageId, MessageId),
        visit: &mut dyn FnMut(ReadMessage<'_>) -> ControlFlow<()>,
    ) -> Result<(), MarksError> {
        let before = MessageId(first.0.saturating_sub(1));
        let mut failed = None;
        let with = std::slice::from_ref(&mark.conversation);
        self.messages.timeline(with, before, last, &mut |message| {
            if !message.is_for(&mark.reader) || !message.waits() {
                return true;
            }
            match self.as_read(mark, message) {
                Ok(Some(message)) => visit((&message).into()).is_continue(),
                Ok(None) => true,
                Err(error) => {
                    failed = Some(error);
                    false
                }
            }
        })?;
        failed.map_or(Ok(()), |error| Err(error.into()))
    }

    fn archived(&self, up_to: u64) {
        let mut pending = self.pending.lock();
        pending.archived = pending.archived.max(up_to);
        pending.forget(up_to);
    }
}
