//! What happens in the world: each adds a record to the log, and changes the state and the index.

use std::{collections::BTreeSet, sync::Arc};

use mensageiro_protocol::{Login, Text, live::Epoch};

use super::{Applied, World, at, tally};
use crate::{
    index::{
        AsideEntry, ChangeEntry, CursorEntry, DeviceEntry, GroupEntry, HolderEntry, RosterEntry,
        RunEntry, Series, SettingEntry, TagEntry,
    },
    log::{Log, Part, Position},
    model::{
        codec,
        conversation::Conversation,
        cursor::Cursor,
        event::{Batch, Event, LastNumbers, Run, Sent, Target},
        holder::Holder,
        message::{About, Message, MessageId, ReadMark, Tag, TagHash},
        setting::{Scope, Settings},
        waiting::{Share, Waiting, Written},
    },
};

impl World {
    /// A record with runs: from whom, to whom, how many texts, how many of them are accepted, with tags.
    pub(in crate::index::tests) fn send(&mut self, runs: &[(Login, Target, usize, usize, bool)]) {
        let now = self.applied.len() as u64;
        let run = |(from, to, texts, _, tagged): &(Login, Target, usize, usize, bool)| {
            let texts = (0..*texts).map(|n| Sent {
                tag: tagged.then(|| Tag::parse(&format!("t{now}-{n}")).unwrap()),
                about: n.checked_sub(1).map(|n| About::Reply(n as u64 + 1)),
                file: None,
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
                about: sent.about,
                file: None,
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
        let change = run.texts[0].about.filter(|about| about.is_change());
        let (series, conversations) = match change {
            None => (Series::Said, &mut self.state.conversations),
            Some(_) => (Series::Changes, &mut self.state.changed),
        };
        conversations.insert(conversation.clone(), last);
        applied.runs.push((conversation, series, entry));
        applied.changes.extend(change.map(|about| ChangeEntry {
            of: MessageId(about.target()),
            is_deletion: matches!(about, About::Delete(_)),
            by: last,
        }));
        self.all_changes.extend_from_slice(&applied.changes);
    }

    /// A record with a message that changes another one of a conversation.
    pub(in crate::index::tests) fn change(
        &mut self,
        (from, to): (&Login, &Target),
        of: MessageId,
        is_deletion: bool,
    ) {
        let about = match is_deletion {
            true => About::Delete(of.0),
            false => About::Edit(of.0),
        };
        let run = Event::Messages(Run {
            from: from.clone(),
            to: to.clone(),
            device: None,
            at: at(self.applied.len() as u64),
            texts: vec![Sent {
                tag: None,
                about: Some(about),
                file: None,
                text: Text::from(&*format!("{about}")),
            }],
            part: Part {
                offset: 0,
                length: 0,
            },
        });
        let mut batch = Batch {
            at: at(0),
            last: LastNumbers::default(),
            events: vec![run],
        };
        let mut payload = Vec::new();
        codec::write_batch(&mut batch, &mut payload);
        let record = self.log.append(&payload).unwrap();
        let mut applied = Applied::default();
        for event in &batch.events {
            let Event::Messages(run) = event else {
                unreachable!()
            };
            self.accept(run, 1, record.position, &mut applied);
        }
        self.apply(applied, record.next);
    }

    /// A record that changes a group.
    pub(in crate::index::tests) fn change_group(
        &mut self,
        name: &Login,
        members: Option<BTreeSet<Login>>,
    ) {
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

    pub(in crate::index::tests) fn cursor(
        &mut self,
        conversation: &Conversation,
        user: &Login,
        cursor: Cursor,
    ) {
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
    pub(in crate::index::tests) fn written(&mut self, group: &Login, messages: u64) {
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

    pub(in crate::index::tests) fn seen(&mut self, user: &Login) {
        let at = at(self.applied.len() as u64);
        self.state.seen.insert(user.clone(), at);
        self.other(Applied {
            seen: vec![(user.clone(), at)],
            ..Applied::default()
        });
    }

    pub(in crate::index::tests) fn device(&mut self, user: &Login, device: &str, window: Vec<u8>) {
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

    pub(in crate::index::tests) fn epoch(&mut self) {
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
    pub(in crate::index::tests) fn holder(&mut self, who: &Target) {
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

    /// A user sets something, or has nothing set any more.
    pub(in crate::index::tests) fn setting(&mut self, user: &Login, scope: &Scope, n: u64) {
        let key = (user.clone(), scope.clone());
        let settings = Settings {
            is_pinned: n.is_multiple_of(2),
            muted_until: n.is_multiple_of(3).then_some(n.cast_signed() - 7),
            archived: n.is_multiple_of(5).then_some(MessageId(n)),
            draft: Text::from("é".repeat(n as usize % 50).as_str()),
            ..Settings::default()
        };
        let entry = SettingEntry {
            login: user.clone(),
            scope: scope.clone(),
            known: (!n.is_multiple_of(7)).then(|| (n, at(n), settings)),
        };
        match n % 7 {
            0 => self.state.settings.remove(&key),
            _ => self.state.settings.insert(key, entry.clone()),
        };
        self.other(Applied {
            settings: vec![entry],
            ..Applied::default()
        });
    }

    pub(in crate::index::tests) fn mark(&mut self, reader: &Login, conversation: &Conversation) {
        let last = &mut self.state.header.last;
        last.read_mark += 1;
        let mark = ReadMark {
            number: last.read_mark,
            reader: reader.clone(),
            conversation: conversation.clone(),
            first: MessageId(last.message.0 / 2),
            last: last.message,
            read_at: at(last.read_mark),
            as_of: MessageId(last.read_mark + 7),
        };
        self.state.marks.insert(mark.number, mark.clone());
        self.other(Applied {
            marks: vec![mark],
            ..Applied::default()
        });
    }
}
