//! Which messages of a run are accepted.

use jiff::Timestamp;
use mensageiro_protocol::Login;

use super::{
    State,
    devices::{self, Known},
    effects::{AppliedRun, Effects, Outcome, Refusal},
    mailbox::Room,
    tags::{LookedUp, TagReader, Tags},
};
use crate::{
    index::{IndexError, RunEntry},
    log::Position,
    model::{
        conversation::Conversation,
        event::{Batch, Event, Run, Sent, Target},
        message::{About, Message, MessageId},
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
                    let floor = self.tag_floors.of(&run.from);
                    tags.look_up(reader, (&run.from, since), floor, by_tag)?
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
        let (mut roster, mut members, mut refusal) = (0, None, None);
        // A message to a group is stored once, whatever waits for its members.
        let mut room = Room::ENDLESS;
        match &run.to {
            Target::User(to) => room = self.room(&conversation, to),
            Target::Group(group) => {
                roster = self.roster_number(group);
                members = self.members(group).cloned();
                refusal = match &members {
                    None => Some(Refusal::NoGroup(group.clone())),
                    Some(members) if !members.contains(&run.from) => {
                        Some(Refusal::NotAMember(group.clone()))
                    }
                    Some(_) => None,
                };
            }
        }
        let mut names = names.into_iter();
        let mut outcomes = Vec::with_capacity(run.texts.len());
        let mut pending = Pending {
            conversation: &conversation,
            event,
            entry: RunEntry {
                first: MessageId(0),
                count: 0,
                record,
                part: run.part,
                text: 0,
                roster,
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
                outcomes.push(outcome);
                continue;
            }
            let waits = !matches!(sent.about, Some(About::Delete(_)));
            // What was accepted once stays accepted: so this comes after that.
            let refusal = match &refusal {
                None if !waits || room.take(sent.text.len()) => None,
                None => Some(Refusal::MailboxFull(to.clone())),
                Some(refusal) => Some(refusal.clone()),
            };
            if let Some(refusal) = refusal {
                pending.end(self, effects);
                outcomes.push(Outcome::Refused(refusal));
                continue;
            }
            if !pending.takes(sent.about) {
                pending.end(self, effects);
            }
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
                    if let Some(floor) = self.tag_floors.accept(&run.from, id) {
                        tags.step(&run.from, floor);
                    }
                    tags.before(&run.from, tag, || Some(told));
                    if !self.changed.tag_floors.contains(&run.from) {
                        self.changed.tag_floors.insert(run.from.clone());
                    }
                }
                Name::None => {}
            }
            outcomes.push(Outcome::Accepted {
                id,
                sent_at: run.at,
            });
            if pending.messages.is_empty() {
                pending.messages.reserve_exact(expected - at);
                pending.entry.first = id;
                pending.entry.text = at as u32;
            }
            pending.messages.push(Message {
                id,
                sent_at: run.at,
                from: run.from.clone(),
                to: to.clone(),
                members: members.clone(),
                tag: sent.tag,
                about: sent.about,
                file: sent.file,
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
}

/// Accepted messages that are gathered.
struct Pending<'a> {
    conversation: &'a Conversation,
    event: usize,
    entry: RunEntry,
    messages: Vec<Message>,
}

impl Pending<'_> {
    /// Whether a message that says this about another one belongs to the same series, and waits as the others do.
    fn takes(&self, about: Option<About>) -> bool {
        let kind = |about: Option<About>| match about {
            None | Some(About::Reply(_)) => 0,
            Some(About::Edit(_)) => 1,
            Some(About::Delete(_)) => 2,
        };
        let last = self.messages.last();
        last.is_none_or(|last| kind(last.about) == kind(about))
    }

    /// No more follow.
    fn end(&mut self, state: &mut State, effects: &mut Effects) {
        if self.messages.is_empty() {
            return;
        }
        let messages = std::mem::take(&mut self.messages);
        let number = state.enter(self.conversation);
        match messages.last() {
            Some(last) if !last.waits() => state.note_newest(number, last),
            _ => state.deliver(number, &messages),
        }
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
    Outcome::Repeat { id, sent_at }
}
