//! Who has a name, and from which message on. What earlier holders of a login wrote and were sent is not for the one who
//! has it now: every answer to a user begins after [`State::since`]. Nothing is deleted, so that an edit by mistake can be
//! undone ([`Event::Back`] with `keeps`).

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use mensageiro_protocol::Login;

use super::{ParticipantId, State};
use crate::{
    index::{AsideEntry, HolderEntry},
    model::{
        conversation::Conversation,
        event::{Event, Target},
        holder::Holder,
        message::MessageId,
        tally::Bucket,
        waiting::{Share, Waiting},
    },
};

/// Names that somebody else has than at first, or nobody.
#[derive(Debug, Default)]
pub(super) struct Holders {
    users: HashMap<Login, Holder>,
    groups: HashMap<Login, Holder>,
    /// Of users, what waited for the holder before, by conversation.
    aside: HashMap<Login, Vec<AsideEntry>>,
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
    pub(super) fn all(&self) -> Vec<(Target, Holder)> {
        let users = self.users.iter();
        let users = users.map(|(login, holder)| (Target::User(login.clone()), *holder));
        let groups = self.groups.iter();
        let groups = groups.map(|(group, holder)| (Target::Group(group.clone()), *holder));
        let all = users.chain(groups);
        let mut all: Vec<_> = all
            .filter(|(_, holder)| *holder != Holder::default())
            .collect();
        all.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        all
    }

    /// What has changed since this was last called.
    pub(super) fn take_changes(&mut self) -> Vec<HolderEntry> {
        let changed = std::mem::take(&mut self.changed).into_iter();
        let changed = changed.map(|who| HolderEntry {
            holder: self.of(&who),
            aside: match &who {
                Target::User(login) => self.aside.get(login).cloned().unwrap_or_default(),
                Target::Group(_) => Vec::new(),
            },
            who,
        });
        changed.collect()
    }

    /// What is set aside, in order.
    #[cfg(test)]
    pub(super) fn aside(&self) -> std::collections::BTreeMap<&Login, &Vec<AsideEntry>> {
        let aside = self.aside.iter();
        aside.filter(|(_, all)| !all.is_empty()).collect()
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
        let Target::User(login) = who else {
            return;
        };
        if holder.since > before.since {
            self.set_aside(login, holder.since);
        } else if holder.before.is_none()
            && let Some(aside) = self.holders.aside.remove(login)
            && holder.since < before.since
        {
            aside.iter().for_each(|one| self.give_back(one));
        }
    }

    /// Takes in a holder of a checkpoint.
    pub fn load_holder(&mut self, entry: HolderEntry) {
        self.holders.set(&entry.who, entry.holder);
        if let Target::User(login) = entry.who {
            self.holders.aside.insert(login, entry.aside);
        }
    }

    /// Takes out of a mailbox what waits for an earlier holder. Nobody has read it, so nobody is told, and there is no read mark.
    fn set_aside(&mut self, login: &Login, up_to: MessageId) {
        let steps = self.read_all(login, up_to).into_iter();
        let mut aside: Vec<_> = steps
            .map(|step| {
                let (before, unread) = (self.cursor_entry(step.id), self.unread(step.id));
                // Receipts of this time are none.
                self.advance(&step, Timestamp::UNIX_EPOCH);
                AsideEntry {
                    before,
                    unread,
                    settled: self.settled(step.id),
                }
            })
            .collect();
        aside.sort_unstable_by(|one, other| {
            let key = |one: &AsideEntry| one.before.conversation.clone();
            key(one).cmp(&key(other))
        });
        self.holders.aside.insert(login.clone(), aside);
    }

    /// What was set aside waits again, unless the holder has read something in the conversation since, or written to the group.
    fn give_back(&mut self, aside: &AsideEntry) {
        let AsideEntry {
            before,
            unread,
            settled,
        } = aside;
        let Some(id) = self.find(&before.user, &before.conversation) else {
            return;
        };
        let now = self.participant(id);
        let has_read = now.cursor.read_at > Timestamp::UNIX_EPOCH;
        let has_written = match (&now.waiting, &before.waiting) {
            (Waiting::Membership(now), Waiting::Membership(before)) => {
                now.newest_own != before.newest_own
            }
            _ => false,
        };
        if has_read || has_written {
            return;
        }
        self.waiting -= self.unread(id);
        self.list(id, false);
        let last = self.header.last.message;
        let participant = self.participant_mut(id);
        match (&mut participant.waiting, &before.waiting) {
            (Waiting::Share(now), Waiting::Share(before)) => {
                let mut tally = before.tally.clone();
                tally.append(&now.tally);
                *now = Share {
                    tally,
                    undelivered: MessageId(0),
                };
            }
            (Waiting::Membership(now), Waiting::Membership(before)) => {
                let missed = now.settled.saturating_sub(*settled);
                now.settled = now.settled.saturating_sub(*unread);
                now.skipped = before.skipped.clone();
                if missed > 0 {
                    let first = now.before.max(now.skipped.newest().unwrap_or_default());
                    let first = first.next();
                    now.skipped.add_bucket(Bucket {
                        first,
                        last: first.max(MessageId(now.since.0.saturating_sub(1))),
                        count: missed,
                        bytes: 0,
                    });
                }
            }
            _ => {}
        }
        let cursor = &mut participant.cursor;
        cursor.read = before.cursor.read;
        cursor.read_at = before.cursor.read_at;
        if cursor.delivered_at == Timestamp::UNIX_EPOCH {
            cursor.delivered = before.cursor.delivered;
            cursor.delivered_at = before.cursor.delivered_at;
        }
        cursor.changed = last;
        self.recount(id, false);
        self.waiting += self.unread(id);
    }

    /// How many messages of a group do not wait for a participant.
    fn settled(&self, id: ParticipantId) -> u64 {
        match &self.participant(id).waiting {
            Waiting::Membership(member) => member.settled,
            Waiting::Share(_) => 0,
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
