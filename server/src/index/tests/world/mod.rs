//! A log in memory, an index that follows it, and a model of what both together must answer.

mod happenings;
mod state;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use crossbeam_channel::{Receiver, bounded};
use jiff::Timestamp;
use mensageiro_protocol::{Login, live::Epoch};

pub(super) use self::state::State;
use super::super::{
    ChangeEntry, Changes, CursorEntry, DeviceEntry, GroupEntry, HolderEntry, Index, IndexError,
    Loaded, Messages, Revision, RosterEntry, RunEntry, Series, SettingEntry, TagEntry,
};
use crate::{
    alarm::Alarm,
    log::{Identity, Log, MemoryLog, Position},
    model::{
        conversation::Conversation,
        message::{Message, MessageId, ReadMark},
        tally::Tally,
    },
};

/// Identifies the log of these tests.
pub(super) const LOG: Identity = Identity {
    id: 0x1234_5678_9abc_def0_1234_5678_9abc_def0,
    epoch: 1,
};

pub(super) fn login(name: &str) -> Login {
    Login::parse(name).unwrap()
}

pub(super) fn user(n: usize) -> Login {
    login(&format!("user{n}"))
}

pub(super) fn group(n: usize) -> Login {
    login(&format!("group{n}"))
}

pub(super) fn at(ms: u64) -> Timestamp {
    Timestamp::from_millisecond(1_700_000_000_000 + ms.cast_signed()).unwrap()
}

fn tally(messages: u64) -> Tally {
    let mut tally = Tally::default();
    (1..=messages).for_each(|id| tally.add(MessageId(id * 3), 7));
    tally
}

/// The changes of one record.
#[derive(Clone, Default)]
struct Applied {
    runs: Vec<(Conversation, Series, RunEntry)>,
    changes: Vec<ChangeEntry>,
    tags: Vec<(Login, TagEntry)>,
    rosters: Vec<RosterEntry>,
    cursors: Vec<CursorEntry>,
    groups: Vec<GroupEntry>,
    seen: Vec<(Login, Timestamp)>,
    devices: Vec<DeviceEntry>,
    epochs: Vec<Epoch>,
    holders: Vec<HolderEntry>,
    settings: Vec<SettingEntry>,
    marks: Vec<ReadMark>,
}

/// The log, the index that follows it, and what both must answer.
pub(super) struct World {
    pub(super) folder: PathBuf,
    log: Arc<MemoryLog>,
    applied: Vec<Applied>,
    messages: HashMap<Conversation, Vec<(Position, Message)>>,
    tags: HashMap<Login, Vec<TagEntry>>,
    all_changes: Vec<ChangeEntry>,
    pub(super) state: State,
    /// The state at each flush.
    pub(super) flushed: Vec<State>,
    changes: Changes,
    forgotten: Position,
    index: Option<Arc<Index>>,
    pub(super) alarm: Receiver<()>,
    /// What the last opening loaded.
    pub(super) loaded: Loaded,
}

/// Opens an index.
pub(super) fn open(
    folder: &Path,
    end: Position,
) -> Result<(Index, Loaded, Receiver<()>), IndexError> {
    let (ring, alarm) = bounded(1);
    let (index, loaded) = Index::open(folder, LOG, end, Alarm::new(ring))?;
    Ok((index, loaded, alarm))
}

impl World {
    pub(super) fn new(folder: &Path) -> Self {
        let (index, loaded, alarm) = open(folder, Position::START).unwrap();
        Self {
            folder: folder.to_owned(),
            log: Arc::default(),
            applied: Vec::new(),
            messages: HashMap::new(),
            tags: HashMap::new(),
            all_changes: Vec::new(),
            state: State::default(),
            flushed: vec![State::default()],
            changes: Changes::default(),
            forgotten: Position::START,
            index: Some(Arc::new(index)),
            alarm,
            loaded,
        }
    }

    pub(super) fn index(&self) -> &Arc<Index> {
        self.index.as_ref().unwrap()
    }

    pub(super) fn reader(&self) -> Messages {
        Messages::new(self.index().clone(), self.log.clone())
    }

    pub(super) fn messages_of(&self, conversation: &Conversation) -> Vec<Message> {
        let all = self.messages.get(conversation).into_iter().flatten();
        let all = all.filter(|(record, _)| *record >= self.forgotten);
        all.map(|(_, message)| message.clone()).collect()
    }

    /// What became of a message by what was said up to another one.
    pub(super) fn revision(&self, of: MessageId, up_to: MessageId) -> Revision {
        let all = self.all_changes.iter();
        let mut revision = Revision::default();
        for change in all.filter(|change| change.of == of && change.by <= up_to) {
            match change.is_deletion {
                true => revision.is_deleted = true,
                false => revision.edit = revision.edit.max(Some(change.by)),
            }
        }
        revision
    }

    /// The first message that was not forgotten.
    pub(super) fn floor(&self) -> MessageId {
        let all = self.messages.values().flatten();
        let all = all.filter(|(record, _)| *record >= self.forgotten);
        all.map(|(_, message)| message.id)
            .min()
            .unwrap_or(MessageId::MAX)
    }

    pub(super) fn tags_of(&self, login: &Login) -> Vec<TagEntry> {
        self.tags.get(login).cloned().unwrap_or_default()
    }

    pub(super) fn end(&self) -> Position {
        self.log.end()
    }

    /// Applies a record without messages.
    fn other(&mut self, applied: Applied) {
        let record = self.log.append(b"something else").unwrap();
        self.apply(applied, record.next);
    }

    fn apply(&mut self, applied: Applied, next: Position) {
        self.add(&applied);
        self.applied.push(applied);
        self.state.header.position = next;
    }

    fn add(&mut self, applied: &Applied) {
        let index = self.index().clone();
        for roster in &applied.rosters {
            index.add_roster(roster.clone());
        }
        for (conversation, series, entry) in &applied.runs {
            index.add_run(conversation, *series, entry.clone());
        }
        for change in &applied.changes {
            index.add_change(*change);
        }
        for (login, tag) in &applied.tags {
            index.add_tag(login, *tag);
        }
        index.touch();
        let changes = &mut self.changes;
        changes.cursors.extend_from_slice(&applied.cursors);
        changes.groups.extend_from_slice(&applied.groups);
        changes.seen.extend_from_slice(&applied.seen);
        changes.devices.extend_from_slice(&applied.devices);
        changes.epochs.extend_from_slice(&applied.epochs);
        changes.holders.extend_from_slice(&applied.holders);
        changes.settings.extend_from_slice(&applied.settings);
        changes.marks.extend_from_slice(&applied.marks);
    }

    /// Notes that the archive has the marks up to a number, as it does again after each start.
    pub(super) fn archived(&mut self, up_to: u64) {
        let up_to = up_to.min(self.state.header.last.read_mark);
        self.changes.archived = self.changes.archived.max(up_to);
        self.state.marks.retain(|number, _| *number > up_to);
    }

    pub(super) fn forget_before(&mut self, record: usize) {
        let record = record.min(self.applied.len());
        self.forgotten = self.forgotten.max(Position(record as u64));
        self.index().forget_before(self.forgotten);
    }

    pub(super) fn flush(&mut self) {
        let archived = self.changes.archived;
        let mut changes = std::mem::take(&mut self.changes);
        self.changes.archived = archived;
        changes.header = self.state.header;
        self.index().flush(changes).unwrap();
        self.flushed.push(self.state.clone());
    }

    /// Opens an index in a folder, and replays what it does not know, as a server does when it starts.
    pub(super) fn reopen(&mut self, folder: &Path) {
        self.close();
        let (index, loaded, alarm) = open(folder, self.log.end()).unwrap();
        self.folder = folder.to_owned();
        self.index = Some(Arc::new(index));
        self.alarm = alarm;
        self.loaded = loaded;
        self.index().forget_before(self.forgotten);
        let archived = self.changes.archived;
        self.changes = Changes {
            archived,
            ..Changes::default()
        };
        let from = self.loaded.header.position.0 as usize;
        let applied = self.applied.split_off(from);
        for applied in &applied {
            self.add(applied);
        }
        self.applied.extend(applied);
    }

    /// As when the server ends without a last flush.
    pub(super) fn close(&mut self) {
        drop(self.index.take());
    }
}
