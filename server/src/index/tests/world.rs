//! A log in memory, an index that follows it, and a model of what both together must answer.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
};

use crossbeam_channel::{Receiver, bounded};
use jiff::Timestamp;
use mensageiro_protocol::{Login, Text, live::Epoch};

use super::super::{
    AsideEntry, Changes, CursorEntry, DeviceEntry, GroupEntry, Header, HolderEntry, Index,
    IndexError, Loaded, Messages, RosterEntry, RunEntry, TagEntry,
};
use crate::{
    alarm::Alarm,
    log::{Identity, Log, MemoryLog, Part, Position},
    model::{
        codec,
        conversation::Conversation,
        cursor::Cursor,
        event::{Batch, Event, LastNumbers, Run, Sent, Target},
        holder::Holder,
        message::{Message, MessageId, ReadMark, Tag, TagHash},
        tally::Tally,
        waiting::{Share, Waiting, Written},
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

/// What one record brought.
#[derive(Clone, Default)]
struct Applied {
    runs: Vec<(Conversation, RunEntry)>,
    tags: Vec<(Login, TagEntry)>,
    rosters: Vec<RosterEntry>,
    cursors: Vec<CursorEntry>,
    groups: Vec<GroupEntry>,
    seen: Vec<(Login, Timestamp)>,
    devices: Vec<DeviceEntry>,
    epochs: Vec<Epoch>,
    holders: Vec<HolderEntry>,
    marks: Vec<ReadMark>,
}

/// The state at one moment, in an order of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct State {
    pub(super) header: Header,
    pub(super) conversations: BTreeMap<Conversation, MessageId>,
    pub(super) cursors: BTreeMap<(Conversation, Login), (Cursor, Waiting)>,
    pub(super) groups: BTreeMap<Login, Written>,
    pub(super) rosters: BTreeMap<Login, (u32, Option<BTreeSet<Login>>)>,
    pub(super) seen: BTreeMap<Login, Timestamp>,
    pub(super) devices: BTreeMap<(Login, String), Vec<u8>>,
    pub(super) epochs: Vec<Epoch>,
    pub(super) holders: BTreeMap<Target, HolderEntry>,
    pub(super) marks: BTreeMap<u64, ReadMark>,
}

impl State {
    pub(super) fn of(loaded: &Loaded, marks: Vec<ReadMark>) -> Self {
        let cursors = loaded.cursors.iter();
        let devices = loaded.devices.iter();
        let rosters = loaded.rosters.iter();
        Self {
            header: loaded.header,
            conversations: loaded.conversations.iter().cloned().collect(),
            cursors: cursors
                .map(|c| {
                    let key = (c.conversation.clone(), c.user.clone());
                    (key, (c.cursor, c.waiting.clone()))
                })
                .collect(),
            groups: loaded
                .groups
                .iter()
                .map(|one| (one.group.clone(), one.written.clone()))
                .collect(),
            rosters: rosters
                .map(|r| {
                    let members = r.members.as_deref().cloned();
                    (r.group.clone(), (r.number, members))
                })
                .collect(),
            seen: loaded.seen.iter().cloned().collect(),
            devices: devices
                .map(|d| ((d.login.clone(), d.device.to_string()), d.window.clone()))
                .collect(),
            epochs: loaded.epochs.clone(),
            holders: loaded
                .holders
                .iter()
                .map(|one| (one.who.clone(), one.clone()))
                .collect(),
            marks: marks.into_iter().map(|mark| (mark.number, mark)).collect(),
        }
    }
}

/// Everything.
pub(super) struct World {
    pub(super) folder: PathBuf,
    log: Arc<MemoryLog>,
    applied: Vec<Applied>,
    messages: HashMap<Conversation, Vec<(Position, Message)>>,
    tags: HashMap<Login, Vec<TagEntry>>,
    pub(super) state: State,
    /// The state at each flush.
    pub(super) flushed: Vec<State>,
    changes: Changes,
    forgotten: Position,
    index: Option<Arc<Index>>,
    pub(super) alarm: Receiver<()>,
    /// What the last opening found.
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

    /// A record with runs: from whom, to whom, how many texts, how many of them are accepted, with tags.
    pub(super) fn send(&mut self, runs: &[(Login, Target, usize, usize, bool)]) {
        let now = self.applied.len() as u64;
        let run = |(from, to, texts, _, tagged): &(Login, Target, usize, usize, bool)| {
            let texts = (0..*texts).map(|n| Sent {
                tag: tagged.then(|| Tag::parse(&format!("t{now}-{n}")).unwrap()),
                text: Text::from(&*format!("{from:?} wrote {now} {n}")),
            });
            Event::Messages(Run {
                from: from.clone(),
                to: to.clone(),
                device: None,
                at: at(now),
                texts: texts.collect(),
                part: Part {
                    offset: 0,
                    length: 0,
                },
            })
        };
        let mut batch = Batch {
            at: at(now),
            last: LastNumbers::default(),
            events: runs.iter().map(run).collect(),
        };
        let mut payload = Vec::new();
        codec::write_batch(&mut batch, &mut payload);
        let record = self.log.append(&payload).unwrap();
        let mut applied = Applied::default();
        for (event, (_, _, _, accepted, _)) in batch.events.iter().zip(runs) {
            let Event::Messages(run) = event else {
                unreachable!()
            };
            self.accept(run, *accepted, record.position, &mut applied);
        }
        self.apply(applied, record.next);
    }

    /// Accepts the last ones of a run.
    fn accept(&mut self, run: &Run, accepted: usize, record: Position, applied: &mut Applied) {
        let conversation = match &run.to {
            Target::User(to) => Conversation::pair(&run.from, to),
            Target::Group(name) => Conversation::Group(name.clone()),
        };
        let roster = match &run.to {
            Target::User(_) => None,
            Target::Group(name) => match self.state.rosters.get(name) {
                Some((number, Some(members))) => Some((*number, Arc::new(members.clone()))),
                _ => return,
            },
        };
        let text = run.texts.len() - accepted;
        let first = self.state.header.last.message.next();
        if accepted == 0 {
            return;
        }
        let entry = RunEntry {
            first,
            count: accepted as u32,
            record,
            part: run.part,
            text: text as u32,
            roster: roster.as_ref().map_or(0, |(number, _)| *number),
        };
        for (n, sent) in run.texts[text..].iter().enumerate() {
            let id = MessageId(first.0 + n as u64);
            let message = Message {
                id,
                sent_at: run.at,
                from: run.from.clone(),
                to: match &run.to {
                    Target::User(to) | Target::Group(to) => to.clone(),
                },
                members: roster.as_ref().map(|(_, members)| members.clone()),
                tag: sent.tag.clone(),
                text: sent.text.clone(),
            };
            let all = self.messages.entry(conversation.clone()).or_default();
            all.push((record, message));
            if let Some(tag) = &sent.tag {
                let tag = TagEntry {
                    hash: TagHash::of(tag),
                    id,
                    sent_at: run.at,
                };
                self.tags.entry(run.from.clone()).or_default().push(tag);
                applied.tags.push((run.from.clone(), tag));
            }
            self.state.header.last.message = id;
        }
        let last = self.state.header.last.message;
        self.state.conversations.insert(conversation.clone(), last);
        applied.runs.push((conversation, entry));
    }

    /// A record that changes a group.
    pub(super) fn change_group(&mut self, name: &Login, members: Option<BTreeSet<Login>>) {
        self.state.header.roster += 1;
        let number = self.state.header.roster;
        self.state
            .rosters
            .insert(name.clone(), (number, members.clone()));
        let roster = RosterEntry {
            number,
            group: name.clone(),
            members: members.map(Arc::new),
        };
        self.other(Applied {
            rosters: vec![roster],
            ..Applied::default()
        });
    }

    pub(super) fn cursor(&mut self, conversation: &Conversation, user: &Login, cursor: Cursor) {
        let key = (conversation.clone(), user.clone());
        let waiting = Waiting::Share(Share {
            tally: tally(cursor.read.0 % 200),
            undelivered: cursor.delivered,
        });
        self.state.cursors.insert(key, (cursor, waiting.clone()));
        let last = self.state.conversations.entry(conversation.clone());
        last.or_insert(MessageId(0));
        let cursor = CursorEntry {
            conversation: conversation.clone(),
            user: user.clone(),
            cursor,
            waiting,
        };
        self.other(Applied {
            cursors: vec![cursor],
            ..Applied::default()
        });
    }

    /// Something was written to a group, as far as the state knows it.
    pub(super) fn written(&mut self, group: &Login, messages: u64) {
        let written = Written {
            tally: tally(messages),
            recent: vec![(MessageId(messages), group.clone())],
        };
        self.state.groups.insert(group.clone(), written.clone());
        let group = group.clone();
        self.other(Applied {
            groups: vec![GroupEntry { group, written }],
            ..Applied::default()
        });
    }

    pub(super) fn seen(&mut self, user: &Login) {
        let at = at(self.applied.len() as u64);
        self.state.seen.insert(user.clone(), at);
        self.other(Applied {
            seen: vec![(user.clone(), at)],
            ..Applied::default()
        });
    }

    pub(super) fn device(&mut self, user: &Login, device: &str, window: Vec<u8>) {
        let key = (user.clone(), device.to_owned());
        match window.is_empty() {
            true => self.state.devices.remove(&key),
            false => self.state.devices.insert(key, window.clone()),
        };
        let device = DeviceEntry {
            login: user.clone(),
            device: Arc::from(device),
            window,
        };
        self.other(Applied {
            devices: vec![device],
            ..Applied::default()
        });
    }

    pub(super) fn epoch(&mut self) {
        let epoch = Epoch {
            number: self.state.epochs.len() as u64 * 300 + 1,
            after: self.state.header.last.message.0,
        };
        self.state.epochs.push(epoch);
        self.other(Applied {
            epochs: vec![epoch],
            ..Applied::default()
        });
    }

    /// A login or a group has another holder.
    pub(super) fn holder(&mut self, who: &Target) {
        let newest = self.state.header.last.message;
        let before = self.state.holders.get(who).map(|one| one.holder);
        let before = before.unwrap_or_default();
        let holder = match before.is_gone {
            true => before.next(newest),
            false => Holder {
                is_gone: true,
                ..before
            },
        };
        let cursors = self.state.cursors.iter().take(newest.0 as usize % 3);
        let aside = cursors.filter_map(|((conversation, user), (cursor, waiting))| {
            let before = CursorEntry {
                conversation: conversation.clone(),
                user: user.clone(),
                cursor: *cursor,
                waiting: waiting.clone(),
            };
            (*who == Target::User(user.clone())).then_some(AsideEntry {
                before,
                unread: newest.0,
                settled: holder.number,
            })
        });
        let entry = HolderEntry {
            who: who.clone(),
            holder,
            aside: aside.collect(),
        };
        self.state.holders.insert(who.clone(), entry.clone());
        self.other(Applied {
            holders: vec![entry],
            ..Applied::default()
        });
    }

    pub(super) fn mark(&mut self, reader: &Login, conversation: &Conversation) {
        let last = &mut self.state.header.last;
        last.read_mark += 1;
        let mark = ReadMark {
            number: last.read_mark,
            reader: reader.clone(),
            conversation: conversation.clone(),
            first: MessageId(last.message.0 / 2),
            last: last.message,
            read_at: at(last.read_mark),
        };
        self.state.marks.insert(mark.number, mark.clone());
        self.other(Applied {
            marks: vec![mark],
            ..Applied::default()
        });
    }

    /// A record that brings no message.
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
        for (conversation, entry) in &applied.runs {
            index.add_run(conversation, entry.clone());
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
        changes.marks.extend_from_slice(&applied.marks);
    }

    /// The archive has these marks. It says so again after each start.
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
