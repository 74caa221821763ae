//! Which messages of a run are accepted.

use std::collections::BTreeSet;

use jiff::Timestamp;
use mensageiro_protocol::Login;

use super::{
    State,
    devices::{self, Known},
    effects::{AppliedRun, Effects, GroupRepeat, Outcome, Refusal},
    mailbox::Room,
    tags::{LookedUp, TagReader, Tags},
};
use crate::{
    index::{IndexError, RunEntry},
    log::Position,
    model::{
        conversation::Conversation,
        event::{Batch, Event, Run, Sent, Target},
        message::{Message, MessageId, MissedBy},
    },
};

/// How a message is known by its sender.
pub(super) enum Name {
    /// It has no tag.
    None,
    /// By a tag that the tags know.
    Tag(LookedUp),
    /// By a number of its device.
    Number(u64),
}

impl State {
    /// What is known of the messages of each run, before this batch.
    pub(super) fn look_up(
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
                    let since = self.since(&run.from).next();
                    let floor = self.tag_floors.of(&run.from).max(since);
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

    pub(super) fn apply_run(
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
                        let since = self.since(&run.from);
                        self.devices
                            .accept(&run.from, device, *number, told, hash, since);
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
        let since = self.since(login);
        match self.devices.look_up((login, device), number, hash, since) {
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
