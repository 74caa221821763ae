//! Reads messages: the index knows their positions, the log has their texts.

use std::{ops::RangeInclusive, sync::Arc};

use super::{
    Index, IndexError, RunEntry, Series,
    entries::Entry,
    memtable::{InMemory, Members},
    reading::{Reading, Turn},
    shared::Shared,
    texts::Texts,
};
use crate::{
    log::Log,
    model::{conversation::Conversation, message::MessageId},
};

/// Entries that are copied from memory at a time.
const TOGETHER: usize = 128;

/// Reads messages by an index and its log. Threads may share it, and never wait for the writer.
#[derive(Clone)]
pub struct Messages {
    index: Arc<Index>,
    log: Arc<dyn Log>,
}

impl Messages {
    /// The messages of an index that follows this log.
    pub fn new(index: Arc<Index>, log: Arc<dyn Log>) -> Self {
        Self { index, log }
    }

    /// The last message of a conversation; 0 if there is none.
    pub fn last_of(&self, conversation: &Conversation) -> MessageId {
        self.index.last_of(conversation)
    }

    /// The last message of a conversation up to `up_to`; 0 if there is none.
    ///
    /// # Errors
    /// [`IndexError`] when the disk fails or something is damaged.
    pub fn last_up_to(
        &self,
        conversation: &Conversation,
        up_to: MessageId,
    ) -> Result<MessageId, IndexError> {
        let newest = self.newest(conversation, up_to, 1)?;
        Ok(newest.last().map(Entry::last).unwrap_or_default())
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.index.shared
    }

    pub(super) fn reading(&self) -> &Reading {
        &self.index.shared.reading
    }

    pub(super) fn turn(&self, takes_turns: bool) -> Option<Turn<'_>> {
        takes_turns.then(|| self.reading().turn())
    }

    pub(super) fn roster(&self, number: u32) -> Result<Members, IndexError> {
        self.index.shared.roster(number)
    }

    pub(super) fn texts(&self) -> Texts<'_> {
        Texts::new(&self.index.shared, &*self.log)
    }

    /// The entries of the newest `limit` messages up to `last`, or of all if there are fewer.
    pub(super) fn newest(
        &self,
        conversation: &Conversation,
        last: MessageId,
        limit: u64,
    ) -> Result<Vec<RunEntry>, IndexError> {
        let shared = &self.index.shared;
        let memory = shared.memory.read();
        let enough = usize::try_from(limit).unwrap_or(usize::MAX);
        let InMemory { entries, written } = memory.newest_runs(conversation, last, enough);
        drop(memory);
        let forgotten = shared.forgotten();
        let range = MessageId(0)..=last;
        let clipped = entries.into_iter().map(|entry| clip(entry, &range));
        let mut entries: Vec<_> = clipped.collect();
        let mut count: u64 = entries.iter().map(|entry| u64::from(entry.count)).sum();
        if let Some(written) = written.filter(|_| count < limit) {
            let last = last.min(written.last);
            let mut older = shared.newest(written, last, |_, entry: &RunEntry| {
                let is_wanted = count < limit && entry.record >= forgotten;
                let unwanted = entry.last().0.saturating_sub(last.0);
                count += u64::from(entry.count) - unwanted;
                is_wanted
            })?;
            if let Some(newest) = older.pop() {
                older.push(clip(newest, &range));
            }
            older.extend(entries);
            entries = older;
        }
        entries.retain(|entry| entry.record >= forgotten);
        keep_newest(&mut entries, limit);
        Ok(entries)
    }

    /// The first entries of a conversation's series in a range, clipped to it, and the rest of the range, which may have more.
    pub(super) fn some_between(
        &self,
        (conversation, series): (&Conversation, Series),
        range: RangeInclusive<MessageId>,
    ) -> Result<(Vec<RunEntry>, Option<RangeInclusive<MessageId>>), IndexError> {
        let shared = &self.index.shared;
        let memory = shared.memory.read();
        let InMemory { entries, written } =
            memory.runs_between(conversation, series, &range, TOGETHER);
        drop(memory);
        let mut found = Vec::new();
        if let Some(written) = written.filter(|written| written.last >= *range.start()) {
            let range = *range.start()..=written.last.min(*range.end());
            found = shared.some_from(written, &range)?;
        }
        if found.is_empty() {
            found = entries;
        }
        let rest = found.last().map(|last| last.last().next()..=*range.end());
        let forgotten = shared.forgotten();
        let found = found.into_iter().filter(|entry| entry.record >= forgotten);
        let found = found.map(|entry| clip(entry, &range)).collect();
        Ok((found, rest.filter(|rest| !rest.is_empty())))
    }
}

/// Truncates to so many messages. Returns whether there were more.
pub(super) fn keep_newest(entries: &mut Vec<RunEntry>, limit: u64) -> bool {
    let count: u64 = entries.iter().map(|entry| u64::from(entry.count)).sum();
    let mut older = count.saturating_sub(limit);
    let is_more = older > 0;
    let all_older = entries.iter().take_while(|entry| {
        let rest = older.checked_sub(entry.count.into());
        older = rest.unwrap_or(older);
        rest.is_some()
    });
    let all_older = all_older.count();
    entries.drain(..all_older);
    if let Some(oldest) = entries.first_mut() {
        let first = MessageId(oldest.first.0 + older);
        *oldest = clip(oldest.clone(), &(first..=MessageId::MAX));
    }
    is_more
}

/// The part of an entry that is in a range. They must overlap.
pub(super) fn clip(mut entry: RunEntry, range: &RangeInclusive<MessageId>) -> RunEntry {
    let before = range.start().0.saturating_sub(entry.first.0) as u32;
    let after = entry.last().0.saturating_sub(range.end().0) as u32;
    entry.first.0 += u64::from(before);
    entry.text += before;
    entry.count -= before + after;
    entry
}
