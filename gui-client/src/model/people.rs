use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Instant,
};

use mensageiro_protocol::{Login, live::RosterUser};

use super::sought::{Closeness, Sought, names};
use crate::engine::{Peer, PresenceNews, Roster, RosterGroup};

/// Most people shown as typing in one conversation.
const TYPING_AT_MOST: usize = 8;

/// Users, and groups, of a server that are known at most.
const ROSTER_AT_MOST: usize = 100_000;

/// Who there is, as far as a live server tells.
#[derive(Debug, Default)]
pub struct People {
    /// All but oneself.
    users: BTreeMap<Login, Person>,
    me: Option<(Login, Person)>,
    groups: BTreeMap<Login, BTreeSet<Login>>,
    /// The first lines of a roster whose last one has not come.
    arriving: Option<Roster>,
    /// Those above are all there are, at this moment.
    is_told: bool,
    typing: HashMap<Peer, Vec<(Login, Instant)>>,
}

/// A user of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name beside the login; empty: none.
    pub name: String,
    /// Where the person is; `None`: nobody tells now.
    pub presence: Option<PresenceNews>,
    /// The name, with the login behind it where another user has the same one.
    title: String,
    /// Login and name as they are looked for, since all are looked through for every frame.
    names: String,
}

impl People {
    /// A user, if the server has told of them.
    pub fn user(&self, login: &Login) -> Option<&Person> {
        self.users.get(login)
    }

    /// Oneself, if the server has told.
    pub fn me(&self) -> Option<&Person> {
        self.me.as_ref().map(|(_, me)| me)
    }

    /// Whether this is known to be a user, oneself left out, or a group.
    pub(super) fn knows(&self, login: &Login) -> bool {
        self.users.contains_key(login) || self.groups.contains_key(login)
    }

    /// How people call a user: by the full name, if the server has told one.
    pub fn title(&self, login: &str) -> Option<&str> {
        let me = self.me.as_ref().filter(|(me, _)| me.as_str() == login);
        let person = self.users.get(login).or(me.map(|(_, me)| me))?;
        (!person.title.is_empty()).then_some(person.title.as_str())
    }

    /// How closely a user's or a group's login, or the full name, holds what is sought.
    pub(super) fn closeness(&self, login: &Login, sought: &Sought) -> Option<Closeness> {
        let me = self.me.as_ref().filter(|(me, _)| me == login);
        match self.users.get(login).or(me.map(|(_, me)| me)) {
            Some(person) => sought.in_person(login, &person.names),
            None => sought.in_person(login, &names([login.as_str()])),
        }
    }

    /// The user or the group that is called so; where there is none, the one user whose login differs
    /// from it in accents and case alone.
    pub(super) fn called<'a>(&'a self, login: &'a Login) -> &'a Login {
        let is_me = self.me.as_ref().is_some_and(|(me, _)| me == login);
        if is_me || self.knows(login) {
            return login;
        }
        let sought = names([login.as_str()]);
        let is_it = |person: &Person| {
            let behind = person.names.strip_prefix(&sought);
            behind.is_some_and(|behind| behind.is_empty() || behind.starts_with('\n'))
        };
        let mut same = self.users.iter().filter(|(_, person)| is_it(person));
        match (same.next(), same.next()) {
            (Some((only, _)), None) => only,
            _ => login,
        }
    }

    /// Where a user is, if that is known now.
    pub fn presence(&self, login: &Login) -> Option<&PresenceNews> {
        self.users.get(login)?.presence.as_ref()
    }

    /// Whether the server has told of everybody, and still tells when that changes.
    pub fn is_told(&self) -> bool {
        self.is_told
    }

    /// Whether this is known to be a group.
    pub fn is_group(&self, name: &Login) -> bool {
        self.groups.contains_key(name)
    }

    /// The members of a group, oneself among them.
    pub fn members(&self, group: &Login) -> Option<&BTreeSet<Login>> {
        self.groups.get(group)
    }

    /// Users and groups whose login or name holds what is sought, the closest first, and of those as
    /// close as each other the groups.
    pub fn matching(&self, sought: &Sought) -> Vec<(&Login, Option<&Person>)> {
        let groups = self.groups.keys().map(|name| (name, None));
        let users = self.users.iter();
        let users = users.map(|(login, person)| (login, Some(person)));
        let mut all: Vec<_> = groups
            .chain(users)
            .filter_map(|(login, person)| Some((self.closeness(login, sought)?, login, person)))
            .collect();
        if !sought.is_nothing() {
            all.sort_by_key(|(closeness, ..)| *closeness);
        }
        let all = all.into_iter();
        all.map(|(_, login, person)| (login, person)).collect()
    }

    /// Whether any user's or group's login or name holds what is sought.
    pub(super) fn hold(&self, sought: &Sought) -> bool {
        let mut all = self.groups.keys().chain(self.users.keys());
        all.any(|login| self.closeness(login, sought).is_some())
    }

    /// Who types in a conversation at this moment, and when the first of them will not any more.
    pub fn typing(&self, with: &Peer, now: Instant) -> (Vec<&Login>, Option<Instant>) {
        let all = self.typing.get(with).into_iter().flatten();
        let current = all.filter(|(_, until)| *until > now);
        let (who, until): (Vec<_>, Vec<_>) = current.map(|(who, until)| (who, *until)).unzip();
        (who, until.into_iter().min())
    }

    /// Takes in the roster, or a part of it. `me` is not somebody to write to.
    pub(super) fn take_roster(&mut self, roster: Roster, me: &Login) {
        let mut whole = self.arriving.take().unwrap_or_default();
        let room = ROSTER_AT_MOST.saturating_sub(whole.users.len());
        whole.users.extend(roster.users.into_iter().take(room));
        let room = ROSTER_AT_MOST.saturating_sub(whole.groups.len());
        whole.groups.extend(roster.groups.into_iter().take(room));
        if roster.more {
            self.arriving = Some(whole);
            return;
        }
        let mut bearers: HashMap<&str, usize> = HashMap::new();
        for user in &whole.users {
            *bearers.entry(user.name.trim()).or_default() += 1;
        }
        let person = |user: &RosterUser| {
            let (login, name) = (&user.presence.login, user.name.trim());
            let is_shared = !name.is_empty() && bearers.get(name).is_some_and(|&all| all > 1);
            let title = match is_shared {
                true => format!("{name} ({login})"),
                false => name.to_owned(),
            };
            let person = Person {
                name: name.to_owned(),
                presence: Some(user.presence.clone()),
                title,
                names: names([login.as_str(), name]),
            };
            (login.clone(), person)
        };
        let is_me = |user: &&RosterUser| user.presence.login == *me;
        self.me = whole.users.iter().find(is_me).map(person);
        let others = whole.users.iter().filter(|user| !is_me(user));
        self.users = others.map(person).collect();
        self.is_told = self.users.len() + 1 < ROSTER_AT_MOST && whole.groups.len() < ROSTER_AT_MOST;
        self.take_groups(whole.groups);
    }

    /// Takes in who is in which group.
    pub(super) fn take_groups(&mut self, groups: Vec<RosterGroup>) {
        self.groups = groups
            .into_iter()
            .map(|group| (group.name, group.members.into_iter().collect()))
            .collect();
    }

    pub(super) fn take_presence(&mut self, news: PresenceNews) {
        if let Some(person) = self.users.get_mut(&news.login) {
            person.presence = Some(news);
        }
    }

    pub(super) fn take_typing(&mut self, with: Peer, who: Login, until: Instant) {
        let all = self.typing.entry(with).or_default();
        all.retain(|(other, _)| *other != who);
        if all.len() == TYPING_AT_MOST {
            // The one heard of longest ago.
            all.remove(0);
        }
        all.push((who, until));
    }

    /// Whoever sent a message has ended typing it.
    pub(super) fn stop_typing(&mut self, with: &Peer, who: &Login) {
        if let Some(all) = self.typing.get_mut(with) {
            all.retain(|(other, _)| other != who);
        }
    }

    /// Nobody tells any more where people are.
    pub(super) fn lose_sight(&mut self) {
        self.arriving = None;
        self.is_told = false;
        self.typing.clear();
        for person in self.users.values_mut() {
            person.presence = None;
        }
    }
}
