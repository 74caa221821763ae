//! The rules in the simplest words: everything that ever happened is kept, and looked through each time.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

use mensageiro_protocol::Login;

use crate::model::{
    conversation::Conversation,
    event::{Event, MailboxLimits, Read, Run, Sent, Target},
    message::Tag,
};

#[derive(Default)]
pub(super) struct Model {
    messages: Vec<Message>,
    members: Option<BTreeSet<Login>>,
    limits: Option<MailboxLimits>,
    read: BTreeSet<(String, u64)>,
    people: BTreeMap<Login, Person>,
}

/// Who has a login.
#[derive(Clone, Default)]
struct Person {
    since: u64,
    /// What it was before, as long as that may be undone.
    before: Option<u64>,
    is_gone: bool,
}

struct Message {
    id: u64,
    from: Login,
    to: Target,
    device: bool,
    sent: Sent,
    /// Who has not read it yet.
    unread_by: BTreeSet<Login>,
    /// For whom it waited when the login became somebody else's.
    aside_for: BTreeSet<Login>,
    /// Its number is not known any more.
    is_forgotten: bool,
}

impl Message {
    fn conversation(&self) -> Conversation {
        match &self.to {
            Target::User(to) => Conversation::pair(&self.from, to),
            Target::Group(group) => Conversation::Group(group.clone()),
        }
    }
}

impl Model {
    pub(super) fn mailbox(&self, name: &str) -> Vec<u64> {
        let messages = self.messages.iter();
        let unread =
            messages.filter(|one| one.unread_by.iter().any(|login| login.as_str() == name));
        unread.map(|one| one.id).collect()
    }

    /// What was read since this was last called.
    pub(super) fn take_read(&mut self) -> BTreeSet<(String, u64)> {
        mem::take(&mut self.read)
    }

    pub(super) fn apply(&mut self, event: &Event) -> Vec<String> {
        match event {
            Event::Messages(run) => run.texts.iter().map(|sent| self.send(run, sent)).collect(),
            Event::Read { by, what } => {
                self.read(by, what);
                Vec::new()
            }
            Event::Group { members, .. } => {
                self.members = members.as_deref().cloned();
                Vec::new()
            }
            Event::Limits(limits) => {
                self.limits = Some(*limits);
                Vec::new()
            }
            Event::Gone { login } => {
                self.people.entry(login.clone()).or_default().is_gone = true;
                Vec::new()
            }
            Event::Back {
                who: Target::User(login),
                keeps,
            } => {
                self.back(login, *keeps);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn back(&mut self, login: &Login, keeps: bool) {
        let newest = self.messages.len() as u64;
        let person = self.people.entry(login.clone()).or_default();
        let undone = match (keeps, person.is_gone) {
            (false, _) => {
                person.before = Some(mem::replace(&mut person.since, newest));
                None
            }
            (true, true) => {
                person.before = None;
                None
            }
            (true, false) => person.before.take(),
        };
        person.is_gone = false;
        person.since = undone.unwrap_or(person.since);
        for message in &mut self.messages {
            let was_aside = message.aside_for.remove(login);
            if undone.is_some() && was_aside {
                message.unread_by.insert(login.clone());
            }
            if !keeps && message.unread_by.remove(login) {
                message.aside_for.insert(login.clone());
            }
        }
    }

    /// Who reads in a conversation has done with what was before.
    fn settle(&mut self, login: &Login, with: &Conversation) {
        for message in &mut self.messages {
            if message.conversation() == *with {
                message.aside_for.remove(login);
            }
        }
    }

    fn since(&self, login: &Login) -> u64 {
        self.people.get(login).map_or(0, |person| person.since)
    }

    fn send(&mut self, run: &Run, sent: &Sent) -> String {
        if let Some(known) = sent.tag.as_ref().and_then(|tag| self.known(run, tag, sent)) {
            return known;
        }
        let readers: BTreeSet<_> = match &run.to {
            Target::User(to) if self.is_full(&run.from, to) => {
                return format!("the mailbox of {to} is full");
            }
            Target::User(to) => [to.clone()].into(),
            Target::Group(group) => match &self.members {
                None => return format!("there is no group {group}"),
                Some(members) if !members.contains(&run.from) => {
                    return format!("you do not belong to {group}");
                }
                Some(members) => members
                    .iter()
                    .filter(|one| **one != run.from)
                    .cloned()
                    .collect(),
            },
        };
        let id = self.messages.len() as u64 + 1;
        self.messages.push(Message {
            id,
            from: run.from.clone(),
            to: run.to.clone(),
            device: run.device.is_some(),
            sent: sent.clone(),
            unread_by: readers,
            aside_for: BTreeSet::new(),
            is_forgotten: false,
        });
        if let Target::Group(group) = &run.to {
            self.settle(&run.from, &Conversation::Group(group.clone()));
        }
        let is_numbered = sent.tag.as_ref().and_then(Tag::device_and_number).is_some();
        if is_numbered && run.device.is_some() {
            let since = self.since(&run.from);
            let earlier = self.messages.iter_mut().filter(|one| one.id <= since);
            let own = earlier.filter(|one| one.from == run.from && one.device);
            own.for_each(|one| one.is_forgotten = true);
        }
        format!("ok {id}")
    }

    fn known(&self, run: &Run, tag: &Tag, sent: &Sent) -> Option<String> {
        let since = self.since(&run.from);
        let own = self.messages.iter().rev();
        let own = own.filter(|one| one.from == run.from && one.id > since);
        let is_numbered = |tag: &Tag| tag.device_and_number().is_some();
        if run.device.is_none() || !is_numbered(tag) {
            // As a tag like any other, whatever its form.
            let mut like_any =
                own.filter(|one| !one.device || !one.sent.tag.as_ref().is_some_and(is_numbered));
            let before = like_any.find(|one| one.sent.tag.as_ref() == Some(tag))?;
            return Some(format!("again {}", before.id));
        }
        let number = |tag: &Tag| tag.device_and_number().map_or(0, |(_, number)| number);
        let own = own.filter(|one| !one.is_forgotten);
        let numbered =
            own.filter(|one| one.device && one.sent.tag.as_ref().is_some_and(is_numbered));
        let mut numbered: Vec<_> = numbered.collect();
        numbered.sort_by_key(|one| number(one.sent.tag.as_ref().unwrap()));
        let last = numbered.split_off(numbered.len().saturating_sub(128));
        if let Some(before) = last.iter().find(|one| one.sent.tag.as_ref() == Some(tag)) {
            let is_same = before.to == run.to && before.sent.text == sent.text;
            return Some(match is_same {
                true => format!("again {}", before.id),
                false => format!("another message was sent under the number {tag}"),
            });
        }
        let is_old = last.len() == 128 && number(tag) < number(last[0].sent.tag.as_ref().unwrap());
        is_old.then(|| format!("the number {tag} is too far below the highest one"))
    }

    /// Whether no more of what one user writes may wait for another.
    fn is_full(&self, from: &Login, to: &Login) -> bool {
        let Some(limits) = self.limits else {
            return false;
        };
        let waiting = self
            .messages
            .iter()
            .filter(|one| one.from == *from && one.to == Target::User(to.clone()))
            .filter(|one| one.unread_by.contains(to));
        let (count, bytes) = waiting.fold((0, 0), |(count, bytes), one| {
            (count + 1, bytes + one.sent.text.len() as u64)
        });
        count >= limits.messages || bytes >= limits.bytes
    }

    fn read(&mut self, by: &Login, what: &Read) {
        let mut read = BTreeSet::new();
        for message in &mut self.messages {
            let conversation = message.conversation();
            let is_read = match what {
                Read::All { up_to } => message.id <= up_to.0,
                Read::Conversation { with, up_to } => {
                    *with == conversation && message.id <= up_to.0
                }
                Read::Delivered { .. } => false,
            };
            if is_read && message.unread_by.remove(by) {
                self.read.insert((by.to_string(), message.id));
                read.insert(conversation);
            }
        }
        for conversation in read {
            self.settle(by, &conversation);
        }
    }
}
