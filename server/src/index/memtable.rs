//! The changes since the last flush, in memory: readable at once, and written in the background.

use std::{
    collections::{BTreeSet, HashMap},
    ops::RangeInclusive,
    sync::Arc,
    time::{Duration, Instant},
};

use mensageiro_protocol::Login;

use super::{
    ChangeEntry, Revision, RosterEntry, RunEntry, Series, TagEntry,
    entries::Entry,
    state_rows::{ChainNumber, Subject},
};
use crate::model::{conversation::Conversation, message::MessageId};

/// The members of a group.
pub(super) type Members = Arc<BTreeSet<Login>>;

/// A flush is due after this time.
const AGE: Duration = Duration::from_secs(5);

/// With this many entries (0.9 MiB) a flush is due earlier, if each conversation has many of them: then they need few
/// rows. A start after a kill replays what was not written, so a small number makes that start quick.
const ENTRIES: usize = 16 * 1024;
const ENTRIES_EACH: usize = 16;

/// With this many messages a flush is due as well, however few entries they take: a start after a kill replays what was not
/// written, about a million messages a second.
const MESSAGES: u64 = 128 * 1024;

/// With this many entries (14 MiB) a flush is due in any case.
const MANY_ENTRIES: usize = 16 * ENTRIES;

/// With this many entries, a flush waits for the one before. With fewer, nobody waits, however long that takes.
const MOST_ENTRIES: usize = 2 * MANY_ENTRIES;

/// How often to check whether the writer has finished.
const LOOK: Duration = Duration::from_millis(500);

/// Consecutive entries.
#[derive(Debug, Default)]
pub(super) struct Memtable {
    /// By [`Series`].
    pub(super) runs: [HashMap<Conversation, Vec<RunEntry>>; 2],
    pub(super) changes: BTreeSet<ChangeEntry>,
    pub(super) tags: HashMap<Login, Vec<TagEntry>>,
    pub(super) rosters: Vec<RosterEntry>,
    /// Entries, and members of rosters.
    entries: usize,
    messages: u64,
    /// When the first change was added.
    since: Option<Instant>,
}

impl Memtable {
    /// Something has changed here or in the state, so there is something to write.
    pub(super) fn touch(&mut self) {
        if self.since.is_none() {
            self.since = Some(Instant::now());
        }
    }

    fn is_large(&self) -> bool {
        let conversations = self.runs.iter().map(HashMap::len).sum::<usize>();
        let subjects = conversations + self.tags.len();
        self.messages >= MESSAGES
            || self.entries >= (subjects * ENTRIES_EACH).clamp(ENTRIES, MANY_ENTRIES)
    }

    pub(super) fn add_run(&mut self, conversation: &Conversation, series: Series, entry: RunEntry) {
        self.touch();
        self.entries += 1;
        self.messages += u64::from(entry.count);
        let all = &mut self.runs[series as usize];
        match all.get_mut(conversation) {
            Some(runs) => runs.push(entry),
            None => {
                all.insert(conversation.clone(), vec![entry]);
            }
        }
    }

    pub(super) fn add_change(&mut self, change: ChangeEntry) {
        self.touch();
        self.entries += 1;
        self.changes.insert(change);
    }

    pub(super) fn add_tag(&mut self, login: &Login, tag: TagEntry) {
        self.touch();
        self.entries += 1;
        match self.tags.get_mut(login) {
            Some(tags) => tags.push(tag),
            None => {
                self.tags.insert(login.clone(), vec![tag]);
            }
        }
    }

    pub(super) fn add_roster(&mut self, roster: RosterEntry) {
        self.touch();
        self.entries += 1 + roster.members.as_ref().map_or(0, |members| members.len());
        self.rosters.push(roster);
    }
}

/// The state of a chain in the database.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    pub(super) number: ChainNumber,
    /// Its last message in the database.
    pub(super) last: MessageId,
}

/// All that the index has in memory.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The memtable that changes are added to.
    active: Memtable,
    /// The memtable that is being written.
    frozen: Option<Arc<Memtable>>,
    /// What is in the database: all conversations, and all logins with tags.
    written: HashMap<Subject, Written>,
}

/// What is in memory for one subject at one moment.
#[derive(Debug)]
pub(super) struct InMemory<E> {
    /// In ascending order of ids, all of them after the entries in the database.
    pub(super) entries: Vec<E>,
    /// What is in the database. When the database is read, it may have more, which must be ignored.
    pub(super) written: Option<Written>,
}

impl Memory {
    pub(super) fn new(written: HashMap<Subject, Written>) -> Self {
        Self {
            written,
            ..Self::default()
        }
    }

    pub(super) fn active(&mut self) -> &mut Memtable {
        &mut self.active
    }

    /// Begins a new memtable, and freezes the current one for the writer.
    pub(super) fn freeze(&mut self) -> Arc<Memtable> {
        let frozen = Arc::new(std::mem::take(&mut self.active));
        self.frozen = Some(frozen.clone());
        frozen
    }

    /// The frozen memtable was written: notes where its chains are now.
    pub(super) fn drop_frozen(
        &mut self,
        written: HashMap<Subject, Written>,
    ) -> Option<Arc<Memtable>> {
        self.written.extend(written);
        self.frozen.take()
    }

    pub(super) fn written(&self, subject: &Subject) -> Option<Written> {
        self.written.get(subject).copied()
    }

    /// When a flush is due; `None` if nothing has changed.
    pub(super) fn flush_due(&self) -> Option<Instant> {
        let since = self.active.since?;
        let is_large = self.active.is_large();
        Some(match &self.frozen {
            _ if self.active.entries >= MOST_ENTRIES => since,
            // The writer cannot take anything yet.
            Some(_) => (since + AGE).max(Instant::now() + LOOK),
            None if is_large => since,
            None => since + AGE,
        })
    }

    fn tables(&self) -> impl DoubleEndedIterator<Item = &Memtable> {
        self.frozen.as_deref().into_iter().chain([&self.active])
    }

    pub(super) fn last_of(&self, conversation: &Conversation, series: Series) -> MessageId {
        let in_memory = self.tables().rev().find_map(|table| {
            let runs = table.runs[series as usize].get(conversation)?;
            runs.last().map(Entry::last)
        });
        in_memory
            .or_else(|| Some(self.written(&subject(conversation, series))?.last))
            .unwrap_or_default()
    }

    /// What is in memory of what became of a message, up to another one.
    pub(super) fn revision(&self, of: MessageId, up_to: MessageId) -> Revision {
        let mut revision = Revision::default();
        for table in self.tables() {
            let last = |is_deletion| {
                let change = |by| ChangeEntry {
                    of,
                    is_deletion,
                    by,
                };
                let mut found = table.changes.range(change(MessageId(0))..=change(up_to));
                Some(found.next_back()?.by)
            };
            revision.is_deleted |= last(true).is_some();
            revision.edit = revision.edit.max(last(false));
        }
        revision
    }

    /// The roster with this number, if it is still in memory.
    pub(super) fn roster(&self, number: u32) -> Option<Members> {
        let mut rosters = self.tables().flat_map(|table| &table.rosters);
        rosters
            .find(|roster| roster.number == number)?
            .members
            .clone()
    }

    /// The newest entries of a conversation that begin at or before `last`, until they have `enough` messages.
    pub(super) fn newest_runs(
        &self,
        conversation: &Conversation,
        last: MessageId,
        enough: usize,
    ) -> InMemory<RunEntry> {
        let mut messages = 0;
        let tables = self.tables();
        let tables = tables.map(|table| table.runs[Series::Said as usize].get(conversation));
        let subject = subject(conversation, Series::Said);
        self.newest(tables, &subject, last, |entry| {
            let is_enough = messages >= enough;
            let unwanted = entry.last().0.saturating_sub(last.0);
            messages += (u64::from(entry.count) - unwanted) as usize;
            !is_enough
        })
    }

    /// The newest tags of a login, at most `most`, of messages from `not_below` on.
    pub(super) fn newest_tags(
        &self,
        login: &Login,
        not_below: MessageId,
        most: usize,
    ) -> InMemory<TagEntry> {
        let mut count = 0;
        let tables = self.tables().map(|table| table.tags.get(login));
        let subject = Subject::Tags(login.clone());
        self.newest(tables, &subject, MessageId::MAX, |tag| {
            count += 1;
            count <= most && tag.id >= not_below
        })
    }

    fn newest<'a, E: Entry + 'a>(
        &self,
        tables: impl DoubleEndedIterator<Item = Option<&'a Vec<E>>>,
        subject: &Subject,
        last: MessageId,
        mut is_wanted: impl FnMut(&E) -> bool,
    ) -> InMemory<E> {
        let entries = tables.rev().flatten().flat_map(|entries| {
            let end = entries.partition_point(|entry| entry.first() <= last);
            entries[..end].iter().rev()
        });
        let mut entries: Vec<E> = entries.take_while(|e| is_wanted(e)).cloned().collect();
        entries.reverse();
        InMemory {
            entries,
            written: self.written(subject),
        }
    }

    /// The first `most` entries in memory of a conversation that overlap a range.
    pub(super) fn runs_between(
        &self,
        conversation: &Conversation,
        series: Series,
        range: &RangeInclusive<MessageId>,
        most: usize,
    ) -> InMemory<RunEntry> {
        let tables = self.tables();
        let tables = tables.map(|table| table.runs[series as usize].get(conversation));
        let subject = subject(conversation, series);
        self.between(tables, &subject, range, most)
    }

    /// The same for the tags of a login.
    pub(super) fn tags_between(
        &self,
        login: &Login,
        range: &RangeInclusive<MessageId>,
    ) -> InMemory<TagEntry> {
        let tables = self.tables().map(|table| table.tags.get(login));
        self.between(tables, &Subject::Tags(login.clone()), range, usize::MAX)
    }

    fn between<'a, E: Entry + 'a>(
        &self,
        tables: impl Iterator<Item = Option<&'a Vec<E>>>,
        subject: &Subject,
        range: &RangeInclusive<MessageId>,
        most: usize,
    ) -> InMemory<E> {
        let entries = tables.flatten().flat_map(|entries| {
            let start = entries.partition_point(|entry| entry.last() < *range.start());
            let end = entries.partition_point(|entry| entry.first() <= *range.end());
            entries.get(start..end).unwrap_or_default()
        });
        InMemory {
            entries: entries.take(most).cloned().collect(),
            written: self.written(subject),
        }
    }
}

/// What a chain in the database is of.
pub(super) fn subject(conversation: &Conversation, series: Series) -> Subject {
    match series {
        Series::Said => Subject::Conversation(conversation.clone()),
        Series::Changes => Subject::Changes(conversation.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_a_slow_writer_before_memory_is_full() {
        let mut memory = Memory::default();
        memory.active().touch();
        memory.freeze();
        let long_ago = Instant::now().checked_sub(2 * AGE).unwrap();
        memory.active.since = Some(long_ago);
        memory.active.entries = MOST_ENTRIES - 1;
        assert!(memory.flush_due().unwrap() > Instant::now());
        memory.active.entries = MOST_ENTRIES;
        assert_eq!(memory.flush_due(), Some(long_ago));
        memory.drop_frozen(HashMap::new());
        memory.active.entries = 1;
        assert!(memory.flush_due().unwrap() <= Instant::now());
    }
}
