use std::{
    cell::{RefCell, RefMut},
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    rc::Rc,
    time::Instant,
};

use mensageiro_protocol::{
    Login, Name,
    live::{Role, RosterUser},
};

use super::{
    confusables::{self, Confusables},
    lookalikes::Lookalikes,
};
use crate::{
    engine::{Groups, Peer, Presence, PresenceNews, Roster, RosterGroup},
    matching::{Closeness, Query, Skeleton, names},
    texts::isolate,
};

/// The most people shown as typing in one conversation.
const TYPING_AT_MOST: usize = 8;

/// The most conversations in which people are shown as typing.
const TYPING_IN_AT_MOST: usize = 100;

/// How many search results are kept: those of a dialog, and of the search field below it.
const OFFERS: usize = 2;

/// The most users of a server that are known.
const ROSTER_AT_MOST: usize = 250_000;

/// The most bytes of their logins and names together; what is kept to find and compare them takes several times
/// as much.
const ROSTER_BYTES: usize = if cfg!(test) { 1 } else { 16 } * 1024 * 1024;

/// The users and groups of a live server.
#[derive(Debug, Default)]
pub struct People {
    /// All users but oneself.
    users: BTreeMap<Login, Person>,
    /// Their logins.
    lookalikes: Lookalikes,
    me: Option<(Login, Person)>,
    /// The bytes of all logins and names, oneself included.
    bytes: usize,
    /// Which names look alike, oneself and the groups included.
    confusables: Confusables,
    groups: Groups,
    /// The users in the first lines of a roster whose last line has not come yet.
    arriving: Option<HashSet<Login>>,
    /// The users above are complete, and up to date.
    is_told: bool,
    /// They were complete at some time of this session.
    was_told: bool,
    typing: HashMap<Peer, Vec<(Login, Instant)>>,
    /// It rises with every change of users, groups and presence.
    version: u64,
    /// The last look-ups, so that frames without changes cost nothing in large groups.
    crowd: RefCell<Crowd>,
    /// The last search among all users and groups.
    offers: RefCell<Offers>,
}

/// The results of the last queries among all users and groups, the newest last.
#[derive(Debug, Default)]
struct Offers {
    version: u64,
    found: Vec<(Wanted, String, Rc<[Login]>)>,
}

/// Whom a query is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Users and groups.
    All,
    /// Users alone.
    Users,
    /// Groups alone.
    Groups,
}

/// A group when it was last looked up.
#[derive(Debug, Default)]
struct Crowd {
    version: u64,
    group: Option<Login>,
    present: Option<usize>,
    /// The last query for members, and its results.
    found: Option<(String, Rc<[Login]>)>,
}

/// A user of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The full name; empty: none.
    pub name: Name,
    /// The person's presence; `None`: unknown now.
    pub presence: Option<PresenceNews>,
    /// Administers the server.
    pub is_administrator: bool,
    /// The name with the login behind it, where the name alone does not say who it is.
    full_title: String,
    /// Of the name, if it says who this is as long as no other one looks so.
    skeletons: Option<[Skeleton; 2]>,
    /// Login and name, folded for searches, since every frame looks through all of them.
    names: String,
}

impl People {
    /// A user, if known.
    pub fn user(&self, login: &Login) -> Option<&Person> {
        self.users.get(login)
    }

    /// Oneself, if known.
    pub fn me(&self) -> Option<&Person> {
        self.me.as_ref().map(|(_, me)| me)
    }

    /// A known user other than oneself, or a known group.
    pub(super) fn known(&self, login: &Login) -> Option<(&Login, Option<&Person>)> {
        let user = self.users.get_key_value(login);
        let user = user.map(|(login, person)| (login, Some(person)));
        user.or_else(|| Some((self.groups.name(login)?, None)))
    }

    /// Whether this is a known user other than oneself, or a known group.
    pub(super) fn knows(&self, login: &Login) -> bool {
        self.users.contains_key(login) || self.groups.contains(login)
    }

    /// What people call a user: the full name, if known. The login stands behind it where somebody
    /// could take this user for another one, for a group or for the app.
    pub fn title(&self, login: &str) -> Option<&str> {
        let me = self.me.as_ref().filter(|(me, _)| me.as_str() == login);
        let person = self.users.get(login).or(me.map(|(_, me)| me))?;
        let skeletons = person.skeletons.as_ref();
        let is_enough = skeletons.is_some_and(|skeletons| self.confusables.are_unique(skeletons));
        let title = match is_enough {
            true => person.name.as_str(),
            false => &person.full_title,
        };
        (!person.name.is_empty()).then_some(title)
    }

    /// How well the login or full name of a user or group matches.
    pub(super) fn closeness(&self, login: &Login, query: &Query) -> Option<Closeness> {
        let me = self.me.as_ref().filter(|(me, _)| me == login);
        match self.users.get(login).or(me.map(|(_, me)| me)) {
            Some(person) => query.in_person(login, &person.names),
            None => query.in_person(login, &names([login.as_str()])),
        }
    }

    /// The user or group with this login; if there is none, the only user whose login differs just
    /// in accents and case.
    pub(super) fn called<'a>(&'a self, login: &'a Login) -> &'a Login {
        let is_me = self.me.as_ref().is_some_and(|(me, _)| me == login);
        if is_me || self.knows(login) {
            return login;
        }
        self.lookalikes.only(login).unwrap_or(login)
    }

    /// Whether a user, oneself included, administers the server.
    pub fn is_administrator(&self, login: &Login) -> bool {
        let me = self.me.as_ref().filter(|(me, _)| me == login);
        let person = self.users.get(login).or(me.map(|(_, me)| me));
        person.is_some_and(|person| person.is_administrator)
    }

    /// Whether a member administers a group.
    pub fn administers(&self, group: &Login, login: &Login) -> bool {
        self.groups.administers(group, login)
    }

    /// A user's presence, if known now.
    pub fn presence(&self, login: &Login) -> Option<&PresenceNews> {
        self.users.get(login)?.presence.as_ref()
    }

    /// Whether the roster is complete and up to date.
    pub fn is_told(&self) -> bool {
        self.is_told
    }

    /// Whether the roster was complete in this session, perhaps before the link dropped.
    pub(super) fn was_told(&self) -> bool {
        self.was_told
    }

    /// It rises with whatever changes of users, groups and presence.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Who is in which group.
    pub(super) fn groups(&self) -> &Groups {
        &self.groups
    }

    /// Whether this is a known group.
    pub fn is_group(&self, name: &Login) -> bool {
        self.groups.contains(name)
    }

    /// The members of a group, including oneself.
    pub fn members(&self, group: &Login) -> Option<&BTreeSet<Login>> {
        self.groups.members(group)
    }

    /// How many members of a group are online, including oneself (`me`); `None`: there is no such
    /// group. Counted only after a change.
    pub fn present(&self, group: &Login, me: &Login) -> Option<usize> {
        let members = self.members(group)?;
        let mut crowd = self.crowd(group);
        let present = crowd.present.get_or_insert_with(|| {
            let members = members.iter();
            let present = members.filter(|member| *member == me || self.is_online(member));
            present.count()
        });
        Some(*present)
    }

    fn is_online(&self, login: &Login) -> bool {
        let news = self.presence(login);
        news.is_some_and(|news| news.state == Presence::Online)
    }

    /// The members of a group that `find` returns for a query. It is called only after a change.
    pub(super) fn found(
        &self,
        group: &Login,
        typed: &str,
        find: impl FnOnce(&BTreeSet<Login>) -> Rc<[Login]>,
    ) -> Rc<[Login]> {
        let Some(members) = self.members(group) else {
            return Rc::default();
        };
        let mut crowd = self.crowd(group);
        if let Some((_, found)) = crowd.found.as_ref().filter(|(known, _)| known == typed) {
            return found.clone();
        }
        let found = find(members);
        crowd.found = Some((typed.to_owned(), found.clone()));
        found
    }

    /// The cached look-up of a group since the last change.
    fn crowd(&self, group: &Login) -> RefMut<'_, Crowd> {
        let mut crowd = self.crowd.borrow_mut();
        if crowd.version != self.version || crowd.group.as_ref() != Some(group) {
            *crowd = Crowd {
                version: self.version,
                group: Some(group.clone()),
                ..Crowd::default()
            };
        }
        crowd
    }

    /// Users and groups whose login or name matches, the closest first; of equal ones the groups
    /// first.
    pub fn matching(&self, query: &Query) -> Vec<(&Login, Option<&Person>)> {
        let groups = self.groups.names().map(|name| (name, None));
        let users = self.users.iter();
        let users = users.map(|(login, person)| (login, Some(person)));
        let mut all: Vec<_> = groups
            .chain(users)
            .filter_map(|(login, person)| {
                let closeness = match person {
                    Some(person) => query.in_person(login, &person.names),
                    None => self.closeness(login, query),
                };
                Some((closeness?, login, person))
            })
            .collect();
        if !query.is_empty() {
            all.sort_by_key(|(closeness, ..)| *closeness);
        }
        let all = all.into_iter();
        all.map(|(_, login, person)| (login, person)).collect()
    }

    /// The same for a typed query, of one kind. Computed only after a change.
    pub(super) fn offered(&self, wanted: Wanted, typed: &str) -> Rc<[Login]> {
        let mut offers = self.offers.borrow_mut();
        if offers.version != self.version {
            *offers = Offers {
                version: self.version,
                ..Offers::default()
            };
        }
        let mut known = offers.found.iter();
        if let Some((.., found)) =
            known.find(|(kind, query, _)| (*kind, &**query) == (wanted, typed))
        {
            return found.clone();
        }
        let found = self.matching(&Query::new(typed)).into_iter();
        let found = found.filter(|(_, person)| match wanted {
            Wanted::All => true,
            Wanted::Users => person.is_some(),
            Wanted::Groups => person.is_none(),
        });
        let found: Rc<[Login]> = found.map(|(login, _)| login.clone()).collect();
        if offers.found.len() == OFFERS {
            offers.found.remove(0);
        }
        offers.found.push((wanted, typed.to_owned(), found.clone()));
        found
    }

    /// Who is typing in a conversation now, and when the first of them stops being shown.
    pub fn typing(&self, with: &Peer, now: Instant) -> (Vec<&Login>, Option<Instant>) {
        let all = self.typing.get(with).into_iter().flatten();
        let current = all.filter(|(_, until)| *until > now);
        let (who, until): (Vec<_>, Vec<_>) = current.map(|(who, until)| (who, *until)).unzip();
        (who, until.into_iter().min())
    }

    /// Takes in a line of the roster; `me` is not listed. Returns whether the groups changed.
    pub(super) fn take_roster(&mut self, roster: Roster, me: &Login) -> bool {
        self.version += 1;
        let groups = self.groups.take(&roster);
        for group in &groups {
            self.confusables
                .set_group(group, self.groups.contains(group));
        }
        for login in &roster.gone {
            self.remove(login);
        }
        for user in roster.users {
            if !roster.changes {
                let told = self.arriving.get_or_insert_default();
                if told.len() < ROSTER_AT_MOST {
                    told.insert(user.presence.login.clone());
                }
            }
            self.put(user, me);
        }
        if !roster.changes && !roster.more {
            let told = self.arriving.take().unwrap_or_default();
            let gone = self.users.keys().filter(|login| !told.contains(*login));
            let gone: Vec<_> = gone.cloned().collect();
            gone.iter().for_each(|login| self.remove(login));
            self.is_told = !self.is_crowded();
            self.was_told = self.is_told;
        }
        !groups.is_empty()
    }

    fn put(&mut self, user: RosterUser, me: &Login) {
        let (login, name) = (user.presence.login.clone(), user.name);
        let is_administrator = user.role == Some(Role::Admin);
        let is_me = login == *me;
        let known = match is_me {
            true => self.me.as_mut().map(|(_, me)| me),
            false => self.users.get_mut(&login),
        };
        if let Some(known) = known.filter(|known| known.name == name) {
            known.presence = Some(user.presence);
            known.is_administrator = is_administrator;
            return;
        }
        self.remove(&login);
        if self.is_crowded() {
            return;
        }
        self.bytes += login.as_str().len() + name.len();
        self.confusables.add(&login, &name);
        let person = Person {
            presence: Some(user.presence),
            is_administrator,
            full_title: format!("{} ({})", isolate(name.as_str()), isolate(login.as_str())),
            skeletons: confusables::of_name(&name),
            names: names([login.as_str(), name.as_str()]),
            name,
        };
        match is_me {
            true => self.me = Some((login, person)),
            false => {
                self.lookalikes.put(login.clone());
                self.users.insert(login, person);
            }
        }
    }

    fn remove(&mut self, login: &Login) {
        let me = self.me.take_if(|(me, _)| me == login);
        self.lookalikes.remove(login);
        let person = self.users.remove(login).or(me.map(|(_, me)| me));
        if let Some(person) = person {
            self.bytes -= login.as_str().len() + person.name.len();
            self.confusables.remove(login, &person.name);
        }
    }

    /// Whether no other user is kept.
    fn is_crowded(&self) -> bool {
        self.users.len() >= ROSTER_AT_MOST || self.bytes >= ROSTER_BYTES
    }

    /// Takes in the groups as they were stored here.
    pub(super) fn take_groups(&mut self, groups: &[RosterGroup]) {
        self.version += 1;
        for group in self.groups.names() {
            self.confusables.set_group(group, false);
        }
        self.groups = Groups::new(groups);
        for group in self.groups.names() {
            self.confusables.set_group(group, true);
        }
    }

    pub(super) fn take_presence(&mut self, news: PresenceNews) {
        if let Some(person) = self.users.get_mut(&news.login) {
            self.version += 1;
            person.presence = Some(news);
        }
    }

    /// Somebody types. Of more conversations than anybody looks at, only the newest are shown.
    pub(super) fn take_typing(&mut self, with: Peer, who: Login, until: Instant) {
        if !self.typing.contains_key(&with) && self.typing.len() >= TYPING_IN_AT_MOST {
            let last = |all: &[(Login, Instant)]| all.iter().map(|(_, until)| *until).max();
            let oldest = self.typing.iter().min_by_key(|(_, all)| last(all));
            let oldest = oldest.map(|(with, _)| with.clone());
            oldest.and_then(|with| self.typing.remove(&with));
        }
        let all = self.typing.entry(with).or_default();
        all.retain(|(other, _)| *other != who);
        if all.len() == TYPING_AT_MOST {
            // The one heard of longest ago.
            all.remove(0);
        }
        all.push((who, until));
    }

    /// Whoever sent a message has stopped typing.
    pub(super) fn stop_typing(&mut self, with: &Peer, who: &Login) {
        if let Some(all) = self.typing.get_mut(with) {
            all.retain(|(other, _)| other != who);
        }
    }

    /// Forgets the presence of all: no server reports it any more.
    pub(super) fn lose_sight(&mut self) {
        self.version += 1;
        self.arriving = None;
        self.groups.give_up();
        self.is_told = false;
        self.typing.clear();
        for person in self.users.values_mut() {
            person.presence = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn login(number: usize) -> Login {
        Login::parse(&format!("user{number}")).unwrap()
    }

    #[test]
    fn of_those_who_type_everywhere_only_the_newest_are_kept() {
        let mut people = People::default();
        let now = Instant::now();
        for number in 0..5_000 {
            let until = now + Duration::from_millis(number);
            let number = usize::try_from(number).unwrap();
            people.take_typing(Peer::Person(login(number)), login(number), until);
            people.take_typing(Peer::Person(login(7)), login(number), until);
        }
        assert!(people.typing.len() <= TYPING_IN_AT_MOST);
        assert!(
            people
                .typing
                .values()
                .all(|all| all.len() <= TYPING_AT_MOST)
        );
        assert!(people.typing.contains_key(&Peer::Person(login(4_999))));
    }
    #[test]
    fn a_roster_without_end_is_kept_in_part() {
        let mut people = People::default();
        let user = |number: usize| RosterUser {
            presence: PresenceNews {
                login: Login::parse(&format!("{number}{}", "字".repeat(50))).unwrap(),
                state: Presence::Online,
                note: Default::default(),
                seen: None,
            },
            name: "字".repeat(100).as_str().into(),
            role: None,
        };
        let roster = |numbers: std::ops::Range<usize>, more| Roster {
            users: numbers.map(user).collect(),
            more,
            ..Roster::default()
        };
        let me = login(0);
        let mut last = 0;
        while last < 5_000 {
            people.take_roster(roster(last..last + 1_000, true), &me);
            last += 1_000;
        }
        assert!(people.bytes <= ROSTER_BYTES + 1_024);
        assert!(people.users.len() < 5_000);
        people.take_roster(roster(0..0, false), &me);
        assert!(!people.is_told());
        // A server that is itself again is told in full.
        people.take_roster(roster(0..10, false), &me);
        assert!(people.is_told() && people.users.len() == 10);
        people.take_roster(roster(0..0, false), &me);
        assert_eq!(people.bytes, 0);
    }
}
