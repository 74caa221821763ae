//! The groups and their members, as a live server reports them line by line.

use std::collections::{BTreeMap, BTreeSet};

use mensageiro_protocol::Login;

use super::{Roster, RosterGroup};

/// The most groups that are kept, however many a server reports.
const GROUPS_AT_MOST: usize = 10_000;

/// The most members of all groups together.
const MEMBERS_AT_MOST: usize = 1_000_000;

/// The most bytes of their names together.
const MEMBER_BYTES: usize = 32 * 1024 * 1024;

/// All groups and their members.
#[derive(Debug, Default)]
pub struct Groups {
    all: Table,
    /// The groups of a roster whose last line has not come yet.
    arriving: Option<Table>,
}

#[derive(Debug, Default)]
struct Table {
    groups: BTreeMap<Login, BTreeSet<Login>>,
    /// Those of the members who administer the group.
    administrators: BTreeMap<Login, BTreeSet<Login>>,
    /// The number of members of all groups together.
    members: usize,
    /// The bytes of their names.
    bytes: usize,
}

impl Groups {
    /// Groups known from earlier.
    pub fn new(groups: &[RosterGroup]) -> Self {
        let mut known = Self::default();
        groups.iter().for_each(|group| known.all.add(group));
        known
    }

    /// Whether there is a group of this name.
    pub fn contains(&self, name: &Login) -> bool {
        self.all.groups.contains_key(name)
    }

    /// The members of a group, oneself included.
    pub fn members(&self, name: &Login) -> Option<&BTreeSet<Login>> {
        self.all.groups.get(name)
    }

    /// Whether a member administers a group.
    pub fn administers(&self, name: &Login, login: &Login) -> bool {
        let group = self.all.administrators.get(name);
        group.is_some_and(|group| group.contains(login))
    }

    /// The name of a group as it is stored here.
    pub fn name(&self, name: &Login) -> Option<&Login> {
        let group = self.all.groups.get_key_value(name);
        group.map(|(name, _)| name)
    }

    /// The names of the groups, in order.
    pub fn names(&self) -> impl Iterator<Item = &Login> {
        self.all.groups.keys()
    }

    /// Takes in a line of a roster. Returns the groups whose members changed, including those that
    /// are gone.
    pub fn take(&mut self, roster: &Roster) -> BTreeSet<Login> {
        if roster.changes {
            return self.change(roster);
        }
        let arriving = self.arriving.get_or_insert_default();
        roster.groups.iter().for_each(|group| arriving.add(group));
        if roster.more {
            return BTreeSet::new();
        }
        let new = self.arriving.take().unwrap_or_default();
        let before = std::mem::replace(&mut self.all, new);
        let names = before.groups.keys().chain(self.names());
        let others = names.filter(|name| before.groups.get(*name) != self.members(name));
        others.cloned().collect()
    }

    fn change(&mut self, roster: &Roster) -> BTreeSet<Login> {
        let gone = roster.gone.iter().filter(|name| self.all.remove(name));
        let mut changed: BTreeSet<_> = gone.cloned().collect();
        for group in &roster.groups {
            self.all.add(group);
            changed.insert(group.name.clone());
        }
        changed
    }

    /// The link broke: the rest of a roster does not come.
    pub fn give_up(&mut self) {
        self.arriving = None;
    }
}

impl Table {
    fn add(&mut self, part: &RosterGroup) {
        let is_known = self.groups.contains_key(&part.name);
        if !is_known && self.groups.len() >= GROUPS_AT_MOST {
            return;
        }
        let members = self.groups.entry(part.name.clone()).or_default();
        for one in &part.gone {
            if members.remove(one) {
                self.members -= 1;
                self.bytes -= one.as_str().len();
            }
        }
        for one in &part.members {
            let is_room = self.members < MEMBERS_AT_MOST && self.bytes < MEMBER_BYTES;
            if is_room && members.insert(one.clone()) {
                self.members += 1;
                self.bytes += one.as_str().len();
            }
        }
        let administrators = self.administrators.entry(part.name.clone()).or_default();
        for one in part.gone.iter().chain(&part.members) {
            administrators.remove(one);
        }
        // No more than there are members.
        let admins = part.admins.iter().filter(|one| members.contains(*one));
        administrators.extend(admins.cloned());
    }

    fn remove(&mut self, name: &Login) -> bool {
        let removed = self.groups.remove(name);
        self.administrators.remove(name);
        let members = removed.iter().flatten();
        for member in members {
            self.members -= 1;
            self.bytes -= member.as_str().len();
        }
        removed.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(name: &str) -> Login {
        Login::parse(name).unwrap()
    }

    fn group(name: &str, members: &[&str], gone: &[&str]) -> RosterGroup {
        let logins = |names: &[&str]| names.iter().map(|name| login(name)).collect();
        RosterGroup {
            name: login(name),
            members: logins(members),
            gone: logins(gone),
            admins: Vec::new(),
        }
    }

    fn whole(groups: Vec<RosterGroup>, more: bool) -> Roster {
        Roster {
            groups,
            more,
            ..Roster::default()
        }
    }

    fn check(groups: &Groups, expected: &[(&str, &[&str])]) {
        let found: Vec<_> = groups.names().map(Login::as_str).collect();
        let names: Vec<_> = expected.iter().map(|(name, _)| *name).collect();
        assert_eq!(found, names);
        for (name, members) in expected {
            let found = groups.members(&login(name)).unwrap();
            let found: Vec<_> = found.iter().map(Login::as_str).collect();
            assert_eq!(found, *members, "{name}");
        }
    }

    #[test]
    fn a_group_may_come_in_parts_and_counts_when_the_roster_is_complete() {
        let mut groups = Groups::default();
        let none = BTreeSet::new();
        let first = vec![group("a", &["ana"], &[]), group("b", &["ana", "bob"], &[])];
        assert_eq!(groups.take(&whole(first, true)), none);
        check(&groups, &[]);
        let second = vec![group("b", &["eva"], &[]), group("c", &["eva"], &[])];
        assert_eq!(groups.take(&whole(second, false)).len(), 3);
        let all: [(&str, &[&str]); 3] = [
            ("a", &["ana"]),
            ("b", &["ana", "bob", "eva"]),
            ("c", &["eva"]),
        ];
        check(&groups, &all);
        // The same again, as a server tells it that knows no changes.
        let again = all.map(|(name, members)| group(name, members, &[]));
        assert_eq!(groups.take(&whole(again.to_vec(), false)), none);
        let fewer = vec![group("b", &["bob"], &[])];
        assert_eq!(groups.take(&whole(fewer, false)).len(), 3);
        check(&groups, &[("b", &["bob"])]);
    }

    #[test]
    fn changes_are_taken_in_as_they_come_and_what_is_gone_goes_first() {
        let mut groups =
            Groups::new(&[group("a", &["ana", "bob"], &[]), group("b", &["ana"], &[])]);
        let changes = Roster {
            changes: true,
            gone: vec![login("b"), login("zoe")],
            groups: vec![group("a", &["eva"], &["bob"]), group("b", &["eva"], &[])],
            more: true,
            ..Roster::default()
        };
        assert_eq!(groups.take(&changes), [login("a"), login("b")].into());
        check(&groups, &[("a", &["ana", "eva"]), ("b", &["eva"])]);
    }

    #[test]
    fn whoever_administers_a_group_is_a_member_and_may_cease_to() {
        let with = |members: &[&str], admins: &[&str], gone: &[&str]| RosterGroup {
            admins: admins.iter().map(|name| login(name)).collect(),
            ..group("a", members, gone)
        };
        let change = |group| Roster {
            changes: true,
            groups: vec![group],
            ..Roster::default()
        };
        let mut groups = Groups::default();
        let first = with(&["ana", "bob"], &["ana", "zoe"], &[]);
        groups.take(&whole(vec![first], false));
        let is = |groups: &Groups, name| groups.administers(&login("a"), &login(name));
        assert!(is(&groups, "ana") && !is(&groups, "bob") && !is(&groups, "zoe"));
        groups.take(&change(with(&["ana", "bob"], &["bob"], &[])));
        assert!(!is(&groups, "ana") && is(&groups, "bob"));
        groups.take(&change(with(&[], &[], &["bob"])));
        assert!(!is(&groups, "bob"));
    }

    #[test]
    fn a_server_that_tells_without_end_fills_no_memory() {
        let mut groups = Groups::default();
        for part in 0..110 {
            let names = (0..100).map(|number| group(&format!("g{part}.{number}"), &["bob"], &[]));
            groups.take(&whole(names.collect(), part < 109));
        }
        assert_eq!(groups.names().count(), GROUPS_AT_MOST);
    }
}
