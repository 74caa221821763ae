//! What a batch of the log means.

use std::collections::BTreeSet;

use jiff::Timestamp;
use mensageiro_protocol::Login;
use thiserror::Error;

use super::{
    State,
    cursors::Step,
    devices,
    devices::Known,
    mailbox::Room,
    tags::{LookedUp, TagReader, Tags},
};
use crate::{
    index::{Index, IndexError, RosterEntry, RunEntry, TagEntry},
    log::Position,
    model::{
        conversation::Conversation,
        event::{Batch, Event, Read, Run, Sent, Target},
        message::{Message, MessageId, MissedBy, ReadMark, Tag},
    },
};

/// What became of one message that somebody sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is a message now.
    Accepted {
        /// Its id.
        id: MessageId,
        /// When it was accepted.
        sent_at: Timestamp,
        /// Members of the group who do not get it, in order.
        missed_by: MissedBy,
    },
    /// It had been accepted before, under the same tag or number; there is no second copy.
    Repeat {
        /// The id it got then.
        id: MessageId,
        /// When it was accepted.
        sent_at: Timestamp,
        /// Members of the group who did not get it then; left to whoever asks, as it is in the log.
        missed_by: MissedBy,
    },
    /// It is not accepted.
    Refused(Refusal),
}

/// Why a message is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The mailbox of the user it is for is full.
    #[error("the mailbox of {0} is full")]
    MailboxFull(Login),
    /// There is no such group, or no such group any more.
    #[error("there is no group {0}")]
    NoGroup(Login),
    /// Its author does not belong to the group.
    #[error("you do not belong to {0}")]
    NotAMember(Login),
    /// The device has sent another message under this number.
    #[error("another message was sent under the number {0}")]
    TagUsed(Tag),
    /// The number is so far below the device's highest one that nobody knows whether it was used.
    #[error("the number {0} is too far below the highest one")]
    TagOld(Tag),
}

/// Accepted messages that follow one another: of one run, with ids that follow one another.
#[derive(Debug)]
pub struct AppliedRun {
    /// Where they belong.
    pub conversation: Conversation,
    /// Not empty. The same members do not get them.
    pub messages: Vec<Message>,
    /// Where they are in the log.
    pub entry: RunEntry,
    /// The event they come from, by its place in the batch.
    pub event: usize,
}

/// A cursor that moved: the new values, of what moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Whose.
    pub who: Login,
    /// Where.
    pub with: Conversation,
    /// Who wrote what it moved over.
    pub authors: Vec<Login>,
    /// A device of theirs keeps everything up to here.
    pub delivered: Option<MessageId>,
    /// They have read everything up to here.
    pub read: Option<MessageId>,
    /// When.
    pub at: Timestamp,
    /// The key of the live session that moved it, as far as whoever applies knows it.
    pub by: Option<u64>,
}

/// What a batch brought.
#[derive(Debug, Default)]
pub struct Effects {
    /// For each event that sends messages, in order: its place in the batch, and what became of each message.
    pub outcomes: Vec<(usize, Vec<Outcome>)>,
    /// The new messages, by rising ids.
    pub runs: Vec<AppliedRun>,
    /// Their tags, of those that no device numbers; each login once.
    pub tags: Vec<(Login, Vec<TagEntry>)>,
    /// The cursors that moved, each with the place of its event in the batch.
    pub moved: Vec<(usize, Moved)>,
    /// What was read, for the archive.
    pub marks: Vec<ReadMark>,
    /// Groups with other members.
    pub rosters: Vec<RosterEntry>,
    /// Messages to groups that were sent again.
    pub group_repeats: Vec<GroupRepeat>,
    /// How many unread messages were read.
    pub read: usize,
}

impl Effects {
    /// Adds to the index where the new messages are.
    pub fn add_to(&self, index: &Index) {
        for roster in &self.rosters {
            index.add_roster(roster.clone());
        }
        for run in &self.runs {
            index.add_run(&run.conversation, run.entry.clone());
        }
        for (login, tags) in &self.tags {
            for tag in tags {
                index.add_tag(login, *tag);
            }
        }
        // Cursors alone are to be written some time, too.
        index.touch();
    }
}

/// A message to a group that was sent again.
#[derive(Debug)]
pub struct GroupRepeat {
    /// Which group.
    pub group: Login,
    /// The message that it is.
    pub id: MessageId,
    /// Which of [`Effects::outcomes`].
    pub run: usize,
    /// Which of these.
    pub text: usize,
}

/// How a message is known by its sender.
enum Name {
    /// It has no tag.
    None,
    /// By a tag that the tags know.
    Tag(LookedUp),
    /// By a number of its device.
    Number(u64),
}

impl State {
    /// Applies the batch at a position of the log. Batches are applied in the order of the log, each once.
    ///
    /// # Errors
    /// [`IndexError`] when it cannot be read whether a tag is known. Then nothing has changed.
    pub fn apply(
        &mut self,
        batch: Batch,
        (position, next): (Position, Position),
        tags: &mut Tags,
        reader: &dyn TagReader,
    ) -> Result<Effects, IndexError> {
        let names = self.look_up(&batch, tags, reader)?;
        let last = &mut self.header.last;
        last.message = last.message.max(batch.last.message);
        last.read_mark = last.read_mark.max(batch.last.read_mark);
        let mut effects = Effects::default();
        let mut names = names.into_iter();
        for (at, event) in batch.events.into_iter().enumerate() {
            match event {
                Event::Messages(run) => {
                    let names = names.next().unwrap_or_default();
                    let outcomes = self.apply_run(run, names, (at, position), tags, &mut effects);
                    effects.outcomes.push((at, outcomes));
                }
                Event::Read { by, what } => self.apply_read(&by, &what, at, batch.at, &mut effects),
                Event::Seen { login, at } => drop(self.changed.seen.insert(login, at)),
                Event::Group { group, members } => self.set_members(&group, members.as_ref()),
                Event::Limits(limits) => self.header.limits = Some(limits),
                Event::Epoch { number, after } => self.begin_epoch(number, after),
                Event::Cursor {
                    conversation,
                    user,
                    cursor,
                } => {
                    let conversation = self.enter(&conversation);
                    let id = self.join(conversation, &user);
                    self.participant_mut(id).cursor = cursor;
                    self.note_cursor(id);
                }
                Event::Mark(mark) => {
                    let last = &mut self.header.last.read_mark;
                    *last = mark.number.max(*last);
                    effects.marks.push(mark);
                }
            }
        }
        tags.end_batch(|login, added| effects.tags.push((login.clone(), added.to_vec())));
        self.changed.marks.extend(effects.marks.iter().cloned());
        effects.rosters = std::mem::take(&mut self.new_rosters);
        self.header.position = next;
        Ok(effects)
    }

    /// What is known of the messages of each run, before this batch.
    fn look_up(
        &self,
        batch: &Batch,
        tags: &mut Tags,
        reader: &dyn TagReader,
    ) -> Result<Vec<Vec<Name>>, IndexError> {
        let mut names = Vec::new();
        for event in &batch.events {
            let Event::Messages(run) = event else {
                continue;
            };
            if run.texts.iter().all(|sent| sent.tag.is_none()) {
                names.push(Vec::new());
                continue;
            }
            let number = |sent: &Sent| {
                let (device, number) = sent.tag.as_ref()?.device_and_number()?;
                (Some(device) == run.device.as_deref()).then_some(number)
            };
            let numbers: Vec<_> = run.texts.iter().map(number).collect();
            let by_tag = run
                .texts
                .iter()
                .zip(&numbers)
                .map(|(sent, number)| match number {
                    Some(_) => None,
                    None => sent.tag.as_ref(),
                });
            let looked_up = match numbers.iter().all(Option::is_some) {
                true => Vec::new(),
                false => {
                    let floor = self.tag_floors.of(&run.from);
                    tags.look_up(reader, &run.from, floor, by_tag)?
                }
            };
            let mut looked_up = looked_up.into_iter();
            let of_run = numbers.into_iter().map(|number| {
                let tag = looked_up.next().flatten();
                match (number, tag) {
                    (Some(number), _) => Name::Number(number),
                    (None, Some(tag)) => Name::Tag(tag),
                    (None, None) => Name::None,
                }
            });
            names.push(of_run.collect());
        }
        Ok(names)
    }

    fn apply_run(
        &mut self,
        run: Run,
        names: Vec<Name>,
        (event, record): (usize, Position),
        tags: &mut Tags,
        effects: &mut Effects,
    ) -> Vec<Outcome> {
        let (to, conversation) = match &run.to {
            Target::User(to) => (to, Conversation::pair(&run.from, to)),
            Target::Group(to) => (to, Conversation::Group(to.clone())),
        };
        let mut roster = 0;
        let mut members = None;
        if let Target::Group(group) = &run.to {
            roster = self.roster_number(group);
            members = self.members(group).cloned();
            let refusal = match &members {
                None => Some(Refusal::NoGroup(group.clone())),
                Some(members) if !members.contains(&run.from) => {
                    Some(Refusal::NotAMember(group.clone()))
                }
                Some(_) => None,
            };
            if let Some(refusal) = refusal {
                return vec![Outcome::Refused(refusal); run.texts.len()];
            }
        }
        let mut rooms = match &members {
            None => Rooms::Reader(self.room(to)),
            Some(members) => self.rooms_of_group(&run, members),
        };
        let number = self.enter(&conversation);
        let mut names = names.into_iter();
        let mut outcomes = Vec::with_capacity(run.texts.len());
        let mut pending = Pending {
            conversation: &conversation,
            number,
            event,
            entry: RunEntry {
                first: MessageId(0),
                count: 0,
                record,
                part: run.part,
                text: 0,
                roster,
                missed_by: None,
            },
            messages: Vec::new(),
        };
        let expected = run.texts.len();
        for (at, sent) in run.texts.into_iter().enumerate() {
            let name = names.next().unwrap_or(Name::None);
            let known = match &name {
                Name::Number(number) => {
                    self.known_number(&run.from, run.device.as_deref(), *number, &run.to, &sent)
                }
                Name::Tag(tag) => {
                    let before = tags.before(&run.from, tag, || None);
                    before.map(|before| (before.id, before.sent_at)).map(repeat)
                }
                Name::None => None,
            };
            if let Some(outcome) = known {
                pending.end(self, effects);
                if let (Outcome::Repeat { id, .. }, Target::Group(group)) = (&outcome, &run.to) {
                    effects.group_repeats.push(GroupRepeat {
                        group: group.clone(),
                        id: *id,
                        run: effects.outcomes.len(),
                        text: at,
                    });
                }
                outcomes.push(outcome);
                continue;
            }
            let Some(missed_by) = rooms.take(sent.text.len(), &run.missed_by) else {
                pending.end(self, effects);
                outcomes.push(Outcome::Refused(Refusal::MailboxFull(to.clone())));
                continue;
            };
            let id = self.header.last.message.next();
            self.header.last.message = id;
            let told = (id, run.at);
            match &name {
                Name::Number(number) => {
                    if let Some(device) = &run.device {
                        let hash = devices::hash(&run.to, &sent.text);
                        self.devices.accept(&run.from, device, *number, told, hash);
                        let forgotten = self.devices.forget_one(&run.from);
                        for device in forgotten.into_iter().chain([device.clone()]) {
                            self.changed.devices.insert((run.from.clone(), device));
                        }
                    }
                }
                Name::Tag(tag) => {
                    tags.before(&run.from, tag, || Some(told));
                    self.tag_floors.accept(&run.from, id);
                    if !self.changed.tag_floors.contains(&run.from) {
                        self.changed.tag_floors.insert(run.from.clone());
                    }
                }
                Name::None => {}
            }
            outcomes.push(Outcome::Accepted {
                id,
                sent_at: run.at,
                missed_by: missed_by.clone(),
            });
            if pending.entry.missed_by != missed_by {
                pending.end(self, effects);
            }
            if pending.messages.is_empty() {
                pending.messages.reserve_exact(expected - at);
                pending.entry.first = id;
                pending.entry.text = at as u32;
                pending.entry.missed_by.clone_from(&missed_by);
            }
            pending.messages.push(Message {
                id,
                sent_at: run.at,
                from: run.from.clone(),
                to: to.clone(),
                members: members.clone(),
                missed_by,
                tag: sent.tag,
                text: sent.text,
            });
        }
        pending.end(self, effects);
        outcomes
    }

    fn known_number(
        &self,
        login: &Login,
        device: Option<&str>,
        number: u64,
        to: &Target,
        sent: &Sent,
    ) -> Option<Outcome> {
        let (device, tag) = device.zip(sent.tag.as_ref())?;
        let hash = devices::hash(to, &sent.text);
        match self.devices.look_up(login, device, number, hash) {
            Known::New => None,
            Known::Repeat(id, sent_at) => Some(repeat((id, sent_at))),
            Known::Used => Some(Outcome::Refused(Refusal::TagUsed(tag.clone()))),
            Known::Old => Some(Outcome::Refused(Refusal::TagOld(tag.clone()))),
        }
    }

    fn rooms_of_group(&self, run: &Run, members: &BTreeSet<Login>) -> Rooms {
        if run.missed_by.is_some() || self.header.limits.is_none() {
            return Rooms::Everybody;
        }
        let bytes = run.texts.iter().map(|sent| sent.text.len()).sum();
        let others = members.iter().filter(|member| **member != run.from);
        let rooms = others.map(|member| (member, self.room(member)));
        let scarce = rooms.filter(|(_, room)| !room.takes_all(run.texts.len(), bytes));
        let scarce: Vec<_> = scarce
            .map(|(member, room)| (member.clone(), room))
            .collect();
        match scarce.is_empty() {
            true => Rooms::Everybody,
            false => Rooms::Some(scarce),
        }
    }

    fn apply_read(
        &mut self,
        by: &Login,
        what: &Read,
        event: usize,
        at: Timestamp,
        effects: &mut Effects,
    ) {
        let step = |id, read, delivered| Step {
            id,
            read,
            delivered,
        };
        let mut steps: Vec<_> = match what {
            Read::All { up_to } => {
                let read = self.read_all(by, *up_to).into_iter();
                read.map(|(id, read)| step(id, Some(read), None)).collect()
            }
            Read::Conversation { with, up_to } => {
                let id = self.find(by, with);
                let read = id.and_then(|id| Some((id, self.read_one(id, *up_to)?)));
                let read = read.into_iter();
                read.map(|(id, read)| step(id, Some(read), None)).collect()
            }
            Read::Delivered { up_to } => {
                let delivered = self.delivered(by, *up_to);
                delivered
                    .map(|(id, delivered)| step(id, None, Some(delivered)))
                    .collect()
            }
        };
        // The order must not depend on what has which number in memory.
        let key = |step: &Step| (step.read, self.conversation(step.id.conversation));
        steps.sort_unstable_by(|one, other| key(one).cmp(&key(other)));
        let last = self.header.last.message;
        for step in &steps {
            let before = self.participant(step.id).cursor;
            let cursor = self.moved(step, at, last);
            let moved = Moved {
                who: by.clone(),
                authors: self.authors(step.id, before.delivered.min(before.read), cursor.delivered),
                with: self.conversation(step.id.conversation).clone(),
                delivered: (cursor.delivered > before.delivered).then_some(cursor.delivered),
                read: step.read.map(|_| cursor.read),
                at,
                by: None,
            };
            effects.moved.push((event, moved));
            if let Some(read) = step.read {
                let mark = self.mark(step.id, read, at);
                effects.marks.push(mark);
            }
        }
        effects.read += self.move_cursors(&steps, at, last);
    }
}

/// Who still takes how much.
enum Rooms {
    /// The one reader.
    Reader(Room),
    /// All members of the group.
    Everybody,
    /// All members of the group but perhaps these, in order.
    Some(Vec<(Login, Room)>),
}

impl Rooms {
    /// Takes a message. `None`: nobody gets it; otherwise who does not. `missed_by`: that is known already.
    fn take(&mut self, bytes: usize, missed_by: &MissedBy) -> Option<MissedBy> {
        match self {
            Self::Reader(room) => room.take(bytes).then_some(None),
            Self::Everybody => Some(missed_by.clone()),
            Self::Some(scarce) => {
                let full = scarce.iter_mut().filter_map(|(member, room)| {
                    let has_room = room.take(bytes);
                    (!has_room).then(|| member.clone())
                });
                let full: Vec<_> = full.collect();
                Some((!full.is_empty()).then(|| full.into()))
            }
        }
    }
}

/// Accepted messages that are gathered.
struct Pending<'a> {
    conversation: &'a Conversation,
    number: u32,
    event: usize,
    entry: RunEntry,
    messages: Vec<Message>,
}

impl Pending<'_> {
    /// No more follow.
    fn end(&mut self, state: &mut State, effects: &mut Effects) {
        if self.messages.is_empty() {
            return;
        }
        let messages = std::mem::take(&mut self.messages);
        state.deliver(self.number, &messages);
        self.entry.count = messages.len() as u32;
        effects.runs.push(AppliedRun {
            conversation: self.conversation.clone(),
            messages,
            entry: self.entry.clone(),
            event: self.event,
        });
    }
}

fn repeat((id, sent_at): (MessageId, Timestamp)) -> Outcome {
    Outcome::Repeat {
        id,
        sent_at,
        missed_by: None,
    }
}
