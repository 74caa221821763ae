//! Who has a name, and from which message on. What earlier holders of a login wrote and were sent is not for the one who
//! has it now: every answer to a user begins after [`State::since`]. Nothing is deleted, so that an edit by mistake can be
//! undone ([`Event::Back`] with `keeps`).

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use mensageiro_protocol::Login;

use super::State;
use crate::{
    index::HolderEntry,
    model::{
        conversation::Conversation,
        event::{Event, Target},
        holder::Holder,
        message::MessageId,
    },
};

/// Names that somebody else has than at first, or nobody.
#[derive(Debug, Default)]
pub(super) struct Holders {
    users: HashMap<Login, Holder>,
    groups: HashMap<Login, Holder>,
    /// Those that are other than in the last checkpoint.
    changed: HashSet<Target>,
}

impl Holders {
    fn of(&self, who: &Target) -> Holder {
        let found = match who {
            Target::User(login) => self.users.get(login),
            Target::Group(group) => self.groups.get(group),
        };
        found.copied().unwrap_or_default()
    }

    fn set(&mut self, who: &Target, holder: Holder) {
        match who {
            Target::User(login) => self.users.insert(login.clone(), holder),
            Target::Group(group) => self.groups.insert(group.clone(), holder),
        };
    }

    /// In order, but for those who have a name since the beginning.
    pub(super) fn all(&self) -> Vec<HolderEntry> {
        let users = self.users.iter();
        let users = users.map(|(login, holder)| (Target::User(login.clone()), holder));
        let groups = self.groups.iter();
        let groups = groups.map(|(group, holder)| (Target::Group(group.clone()), holder));
        let all = users.chain(groups);
        let all = all.filter(|(_, holder)| **holder != Holder::default());
        let mut all: Vec<_> = all
            .map(|(who, &holder)| HolderEntry { who, holder })
            .collect();
        all.sort_unstable_by(|one, other| one.who.cmp(&other.who));
        all
    }

    /// What has changed since this was last called.
    pub(super) fn take_changes(&mut self) -> Vec<HolderEntry> {
        let changed = std::mem::take(&mut self.changed).into_iter();
        let changed = changed.map(|who| HolderEntry {
            holder: self.of(&who),
            who,
        });
        changed.collect()
    }
}

impl State {
    /// Messages up to this one are not for the user who has the login now.
    pub fn since(&self, login: &Login) -> MessageId {
        let holder = self.holders.users.get(login);
        holder.map_or(MessageId(0), |holder| holder.since)
    }

    /// The same of one conversation: a group that was removed and made again begins empty, too.
    pub fn since_in(&self, login: &Login, with: &Conversation) -> MessageId {
        let group = match with {
            Conversation::Pair(..) => None,
            Conversation::Group(group) => self.holders.groups.get(group),
        };
        let since = group.map_or(MessageId(0), |holder| holder.since);
        since.max(self.since(login))
    }

    /// What the log must say so that it is known who has which name: `gone` are logins that are not in the files any more,
    /// `groups` the groups that are. `keeps` say of a user and of a group in the files whether a row wants to keep what was
    /// before; `None`: it is not there.
    pub fn handover<'a>(
        &self,
        gone: impl Iterator<Item = &'a Login>,
        groups: impl Iterator<Item = &'a Login>,
        (keeps_user, keeps_group): (
            impl Fn(&Login) -> Option<bool>,
            impl Fn(&Login) -> Option<bool>,
        ),
    ) -> Vec<Event> {
        let Holders {
            users: user_holders,
            groups: group_holders,
            ..
        } = &self.holders;
        let is_known = |login: &Login| user_holders.get(login).is_some_and(|one| one.is_gone);
        let gone = gone.filter(|login| !is_known(login)).cloned();
        let mut events: Vec<_> = gone.map(|login| Event::Gone { login }).collect();
        let is_undone = |holder: &Holder, keeps| keeps && holder.before.is_some();
        let back = user_holders.iter().filter_map(|(login, holder)| {
            let keeps = keeps_user(login)?;
            let is_news = holder.is_gone || is_undone(holder, keeps);
            is_news.then(|| Event::Back {
                who: Target::User(login.clone()),
                keeps,
            })
        });
        events.extend(back);
        let undone = group_holders.iter().filter(|(group, holder)| {
            let keeps = keeps_group(group);
            keeps.is_some_and(|keeps| is_undone(holder, keeps))
        });
        let made_again = groups.filter(|group| {
            let last = self.last(&Conversation::Group((*group).clone()));
            let since = group_holders.get(*group).map(|holder| holder.since);
            !self.groups.contains_key(*group)
                && last > since.or(Some(MessageId(0)))
                && keeps_group(group) == Some(false)
        });
        let undone = undone.map(|(group, _)| (group, true));
        let back = undone.chain(made_again.map(|group| (group, false)));
        events.extend(back.map(|(group, keeps)| Event::Back {
            who: Target::Group(group.clone()),
            keeps,
        }));
        // The order must not depend on how a map is laid out in memory.
        events.sort_unstable_by(|one, other| name(one).cmp(&name(other)));
        events.dedup();
        events
    }

    /// Those of `authors` who get to know that somebody has come up to a message of theirs: members, and not those who have
    /// a login that was somebody else's then.
    pub(super) fn who_hears(
        &self,
        with: &Conversation,
        mut authors: Vec<Login>,
        up_to: MessageId,
    ) -> Vec<Login> {
        let members = match with {
            Conversation::Pair(..) => None,
            Conversation::Group(group) => Some(self.members(group)),
        };
        authors.retain(|author| {
            let is_member = members.is_none_or(|all| all.is_some_and(|all| all.contains(author)));
            is_member && up_to > self.since_in(author, with)
        });
        authors
    }

    pub(super) fn lose_holder(&mut self, login: &Login) {
        let who = Target::User(login.clone());
        let holder = self.holders.of(&who);
        self.set_holder(
            &who,
            Holder {
                is_gone: true,
                ..holder
            },
        );
    }

    pub(super) fn begin_holder(&mut self, who: &Target, keeps: bool) {
        let mut holder = self.holders.of(who);
        if let Target::Group(group) = who {
            holder.is_gone = !self.groups.contains_key(group);
        }
        match keeps {
            true => self.set_holder(who, holder.kept()),
            false => {
                self.set_holder(who, holder.next(self.header.last.message));
                if let Target::User(login) = who {
                    // Never, as far as is known of this one.
                    self.changed
                        .seen
                        .insert(login.clone(), Timestamp::UNIX_EPOCH);
                }
            }
        }
    }

    pub(super) fn set_holder(&mut self, who: &Target, holder: Holder) {
        let before = self.holders.of(who);
        if before == holder {
            return;
        }
        self.holders.set(who, holder);
        self.holders.changed.insert(who.clone());
        if let Target::User(login) = who
            && holder.since > before.since
        {
            self.empty_mailbox(login, holder.since);
        }
    }

    /// Takes in a holder of a checkpoint, before anything waits for anybody.
    pub fn load_holder(&mut self, entry: &HolderEntry) {
        self.holders.set(&entry.who, entry.holder);
    }

    /// Takes out of a mailbox what waits for an earlier holder. Nobody has read it, so nobody is told, and there is no read mark.
    fn empty_mailbox(&mut self, login: &Login, up_to: MessageId) {
        for step in self.read_all(login, up_to) {
            // Receipts of this time are none.
            self.advance(&step, Timestamp::UNIX_EPOCH);
        }
    }
}

/// Whom an event is about, those who are gone first.
fn name(event: &Event) -> (Option<&Target>, Option<&Login>) {
    match event {
        Event::Gone { login } => (None, Some(login)),
        Event::Back { who, .. } => (Some(who), None),
        _ => (None, None),
    }
}
