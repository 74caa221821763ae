use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Instant,
};

use mensageiro_protocol::Login;

use crate::engine::{Peer, PresenceNews, Roster, RosterGroup};

/// Most people shown as typing in one conversation.
const TYPING_AT_MOST: usize = 8;

/// Users, and groups, of a server that are known at most.
const ROSTER_AT_MOST: usize = 100_000;

/// Who there is besides oneself, as far as a live server tells.
#[derive(Debug, Default)]
pub struct People {
    users: BTreeMap<Login, Person>,
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
    /// Login and name as one looks for them, since the list is looked through for every frame.
    sought: String,
}

impl People {
    /// A user, if the server has told of them.
    pub fn user(&self, login: &Login) -> Option<&Person> {
        self.users.get(login)
    }

    /// How people call a user: by the full name, if the server has told one.
    pub fn title(&self, login: &str) -> Option<&str> {
        let title = self.users.get(login)?.title.as_str();
        (!title.is_empty()).then_some(title)
    }

    /// Whether a user's login or full name contains this, in small letters.
    pub(super) fn answers_to(&self, login: &Login, filter: &str) -> bool {
        let user = self.users.get(login);
        user.is_some_and(|person| person.sought.contains(filter))
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

    /// Users and groups whose login or name contains `typed`, whatever the case: those in which a word
    /// begins so first, and of these the groups.
    pub fn matching(&self, typed: &str) -> Vec<(&Login, Option<&Person>)> {
        let typed = typed.trim().trim_start_matches('@').to_lowercase();
        let holds = |text: &str| text.to_lowercase().contains(&typed);
        let groups = self.groups.keys().filter(|name| holds(name.as_str()));
        let users = self
            .users
            .iter()
            .filter(|(_, person)| person.sought.contains(&typed));
        let mut all: Vec<_> = groups
            .map(|name| (name, None))
            .chain(users.map(|(login, person)| (login, Some(person))))
            .collect();
        let begins_so = |(login, person): &(&Login, Option<&Person>)| match person {
            None => login.as_str().to_lowercase().starts_with(&typed),
            Some(person) => {
                let mut words = person.sought.split_whitespace();
                words.any(|word| word.starts_with(&typed))
            }
        };
        if !typed.is_empty() {
            all.sort_by_cached_key(|one| !begins_so(one));
        }
        all
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
        let others = whole.users.iter().filter(|u| u.presence.login != *me);
        self.users = others
            .map(|user| {
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
                    sought: format!("{login}\n{name}").to_lowercase(),
                };
                (login.clone(), person)
            })
            .collect();
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
