//! Reads messages: the index says where they are, the log has them.

use std::{cmp::Reverse, collections::BinaryHeap, ops::RangeInclusive, sync::Arc, vec};

use super::{Index, IndexError, RunEntry, entries::Entry, memtable::InMemory, texts::Texts};
use crate::{
    log::Log,
    model::{
        conversation::Conversation,
        message::{Message, MessageId},
    },
};

/// Entries that a timeline has of one conversation at once, and of all conversations together (1 MiB).
const AHEAD: usize = 256;
const AHEAD_OF_ALL: usize = 16 * 1024;

/// Entries whose texts a timeline reads at once; twice as many each time.
const FIRST_TOGETHER: usize = 16;
const MOST_TOGETHER: usize = 256;

/// Bytes of runs after which it reads no more of them at once.
const BYTES_TOGETHER: u64 = 256 * 1024;

/// The messages of an index and its log. Any thread may ask, several at a time; nobody waits for what is being written.
#[derive(Clone)]
pub struct Messages {
    index: Arc<Index>,
    log: Arc<dyn Log>,
}

impl Messages {
    /// Of an index that follows this log.
    pub fn new(index: Arc<Index>, log: Arc<dyn Log>) -> Self {
        Self { index, log }
    }

    /// The last message of a conversation; 0 if there is none.
    pub fn last_of(&self, conversation: &Conversation) -> MessageId {
        self.index.last_of(conversation)
    }

    /// The newest messages of a conversation, at most `limit`, of those before `before` and not
    /// after `up_to`; oldest first.
    ///
    /// # Errors
    /// [`IndexError`] when the disk refuses or something is damaged.
    pub fn history(
        &self,
        conversation: &Conversation,
        before: Option<MessageId>,
        limit: usize,
        up_to: MessageId,
    ) -> Result<Vec<Message>, IndexError> {
        let before = before.map_or(MessageId::MAX, |id| MessageId(id.0.saturating_sub(1)));
        let entries = self.newest(conversation, up_to.min(before), limit)?;
        let entries: Vec<_> = entries
            .into_iter()
            .map(|entry| (conversation, entry))
            .collect();
        let mut messages = Vec::with_capacity(limit.min(entries.len()));
        self.texts().read(&entries, &mut |message| {
            messages.push(message);
            true
        })?;
        Ok(messages)
    }

    /// Shows every message of these conversations after `after` and not after `up_to`, by rising
    /// ids whatever their conversation, until `visit` says false. A visit may take its time: nothing is held meanwhile.
    ///
    /// # Errors
    /// [`IndexError`] when the disk refuses or something is damaged.
    pub fn timeline(
        &self,
        conversations: &[Conversation],
        after: MessageId,
        up_to: MessageId,
        visit: &mut dyn FnMut(Message) -> bool,
    ) -> Result<(), IndexError> {
        let ahead = (AHEAD_OF_ALL / conversations.len().max(1)).clamp(4, AHEAD);
        let mut heads = BinaryHeap::with_capacity(conversations.len());
        let mut sources = Vec::with_capacity(conversations.len());
        for (at, conversation) in conversations.iter().enumerate() {
            let mut source = Source {
                conversation,
                ahead,
                entries: Vec::new().into_iter(),
                rest: Some(after.next()..=up_to),
            };
            heads.extend(source.head(self)?.map(|id| Reverse((id, at))));
            sources.push(source);
        }
        let mut texts = self.texts();
        // Who wants only a few does not wait for many.
        let mut together = FIRST_TOGETHER;
        loop {
            let (mut entries, mut bytes) = (Vec::with_capacity(together), 0);
            while entries.len() < together
                && bytes < BYTES_TOGETHER
                && let Some(Reverse((_, at))) = heads.pop()
            {
                let source: &mut Source<'_> = &mut sources[at];
                if let Some(entry) = source.entries.next() {
                    bytes += u64::from(entry.part.length);
                    entries.push((source.conversation, entry));
                }
                heads.extend(source.head(self)?.map(|id| Reverse((id, at))));
            }
            if entries.is_empty() || !texts.read(&entries, visit)? {
                return Ok(());
            }
            together = (together * 2).min(MOST_TOGETHER);
        }
    }

    fn texts(&self) -> Texts<'_> {
        Texts::new(&self.index.shared, &*self.log)
    }

    /// Entries of exactly the newest `limit` messages up to `last`, or of all there are.
    fn newest(
        &self,
        conversation: &Conversation,
        last: MessageId,
        limit: usize,
    ) -> Result<Vec<RunEntry>, IndexError> {
        let shared = &self.index.shared;
        let memory = shared.memory.read();
        let InMemory { entries, written } = memory.newest_runs(conversation, last, limit);
        drop(memory);
        let forgotten = shared.forgotten();
        let range = MessageId(0)..=last;
        let clipped = entries.into_iter().map(|entry| clip(entry, &range));
        let mut entries: Vec<_> = clipped.collect();
        let mut count: u64 = entries.iter().map(|entry| u64::from(entry.count)).sum();
        let limit = limit as u64;
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
        let count: u64 = entries.iter().map(|entry| u64::from(entry.count)).sum();
        if let Some(oldest) = entries.first_mut() {
            let first = MessageId(oldest.first.0 + count.saturating_sub(limit));
            *oldest = clip(oldest.clone(), &(first..=MessageId::MAX));
        }
        Ok(entries)
    }
}

/// What a timeline has of one conversation.
struct Source<'a> {
    conversation: &'a Conversation,
    /// How many entries it has at once.
    ahead: usize,
    entries: vec::IntoIter<RunEntry>,
    /// Where it reads on; `None`: there is nothing more.
    rest: Option<RangeInclusive<MessageId>>,
}

impl Source<'_> {
    /// The next message. Its entry is read if it was not.
    fn head(&mut self, messages: &Messages) -> Result<Option<MessageId>, IndexError> {
        let shared = &messages.index.shared;
        while self.entries.as_slice().is_empty()
            && let Some(range) = self.rest.take().filter(|range| !range.is_empty())
        {
            let memory = shared.memory.read();
            let InMemory { entries, written } =
                memory.runs_between(self.conversation, &range, self.ahead);
            drop(memory);
            let mut found = Vec::new();
            if let Some(written) = written.filter(|written| written.last >= *range.start()) {
                let range = *range.start()..=written.last.min(*range.end());
                found = shared.some_from(written, &range)?;
                found.truncate(self.ahead);
            }
            if found.is_empty() {
                found = entries;
            }
            self.rest = found.last().map(|last| last.last().next()..=*range.end());
            let forgotten = shared.forgotten();
            let found = found.into_iter().filter(|entry| entry.record >= forgotten);
            let found: Vec<_> = found.map(|entry| clip(entry, &range)).collect();
            self.entries = found.into_iter();
        }
        Ok(self.entries.as_slice().first().map(|entry| entry.first))
    }
}

/// The part of an entry that is in a range, which it reaches into.
fn clip(mut entry: RunEntry, range: &RangeInclusive<MessageId>) -> RunEntry {
    let before = range.start().0.saturating_sub(entry.first.0) as u32;
    let after = entry.last().0.saturating_sub(range.end().0) as u32;
    entry.first.0 += u64::from(before);
    entry.text += before;
    entry.count -= before + after;
    entry
}
