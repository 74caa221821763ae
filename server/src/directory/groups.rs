use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use mensageiro_protocol::Login;

use super::{
    Users,
    header::{Columns, GroupColumns, is_admin, keeps},
    rows::rows,
    table::{self, BadLine, ReadError},
};

/// The groups of one reading of `groups.csv`, each with its members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    members: BTreeMap<Login, Arc<BTreeSet<Login>>>,
    /// Groups a row of which says that they keep what was before.
    keeps: BTreeSet<Login>,
    /// Members who administer their group; groups without any are not in it.
    admins: BTreeMap<Login, BTreeSet<Login>>,
    strangers: Vec<BadLine>,
}

impl Groups {
    /// Reads the file: one line for each member, first the group and then the member's login,
    /// unless a header swaps them. A missing file means no groups.
    ///
    /// # Errors
    /// [`ReadError`]. One bad line makes the whole file unusable.
    pub fn read(file: &Path, users: &Users) -> Result<Self, ReadError> {
        match table::read(file)? {
            None => Ok(Self::default()),
            Some(bytes) => {
                Self::parse(&bytes, users).map_err(|lines| ReadError::bad_lines(file, lines))
            }
        }
    }

    /// Parses the content of the file.
    ///
    /// # Errors
    /// All bad lines.
    pub fn parse(bytes: &[u8], users: &Users) -> Result<Self, Vec<BadLine>> {
        let mut groups = BTreeMap::<Login, BTreeSet<Login>>::new();
        let mut keep = BTreeSet::new();
        let mut admins = BTreeMap::<Login, BTreeSet<Login>>::new();
        let mut strangers = Vec::new();
        let mut bad = Vec::new();
        let mut columns = Columns::new(GroupColumns::PLAIN);
        let read = rows(bytes, |line, row| {
            let Some(columns) =
                columns.of_row(row, || GroupColumns::of(row, |login| users.contains(login)))
            else {
                return;
            };
            match member(row, columns, users) {
                Ok((group, member)) => {
                    if keeps(row, columns.history) {
                        keep.insert(group.clone());
                    }
                    // A group without a user is there all the same: the users may be back soon.
                    let members = groups.entry(group.clone()).or_default();
                    if users.contains(&member) {
                        if is_admin(row, columns.role) {
                            admins.entry(group).or_default().insert(member.clone());
                        }
                        members.insert(member);
                    } else {
                        strangers.push(BadLine::new(line, format!("{member} is not in users.csv")));
                    }
                }
                Err(reason) => bad.push(BadLine::new(line, reason)),
            }
        });
        read.map_err(|bad| vec![bad])?;
        if bad.is_empty() {
            let shared = groups
                .into_iter()
                .map(|(name, members)| (name, Arc::new(members)));
            return Ok(Self {
                members: shared.collect(),
                keeps: keep,
                admins,
                strangers,
            });
        }
        Err(bad)
    }

    /// Shares equal member sets with an earlier reading. So equal sets are in memory once, and code
    /// that holds the members of a group sees at once that they have not changed.
    pub(super) fn share(&mut self, earlier: &Self) {
        for (name, members) in &mut self.members {
            if let Some(same) = earlier.members.get(name).filter(|same| *same == members) {
                *members = same.clone();
            }
        }
    }

    /// The groups with their members, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Login, &Arc<BTreeSet<Login>>)> {
        self.members.iter()
    }

    /// The groups' names, in order.
    pub fn names(&self) -> impl Iterator<Item = &Login> {
        self.members.keys()
    }

    /// The members of a group, if there is one with this name.
    pub fn members(&self, group: &Login) -> Option<&Arc<BTreeSet<Login>>> {
        self.members.get(group)
    }

    /// Whether a row of a group says that the group keeps what was before.
    pub fn keeps(&self, group: &Login) -> bool {
        self.keeps.contains(group)
    }

    /// Whether a user is a member of a group who administers it.
    pub fn is_admin(&self, group: &Login, member: &Login) -> bool {
        self.admins(group).contains(member)
    }

    /// The members of a group who administer it.
    pub fn admins(&self, group: &Login) -> &BTreeSet<Login> {
        const NOBODY: &BTreeSet<Login> = &BTreeSet::new();
        self.admins.get(group).unwrap_or(NOBODY)
    }

    /// How many groups a user administers.
    pub fn administered_by(&self, login: &Login) -> usize {
        let all = self.admins.values();
        all.filter(|admins| admins.contains(login)).count()
    }

    /// The groups of a user, with their members.
    pub fn of_member<'a>(
        &'a self,
        login: &'a Login,
    ) -> impl Iterator<Item = (&'a Login, &'a Arc<BTreeSet<Login>>)> {
        self.members
            .iter()
            .filter(move |(_, members)| members.contains(login))
    }

    /// Members who are not users (any more). They get nothing. They are no reason to refuse the
    /// file, because people edit it before or after `users.csv`.
    pub fn strangers(&self) -> &[BadLine] {
        &self.strangers
    }

    /// The number of groups.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are no groups.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// These groups and members plus those that are only in `earlier`; `None` if a group has the
    /// login of one of these users.
    pub(super) fn and(&self, earlier: &Self, users: &Users) -> Option<Self> {
        let mut groups = self.clone();
        for (name, members) in &earlier.members {
            if self.members(name).is_none() && earlier.keeps(name) {
                groups.keeps.insert(name.clone());
            }
            let all = groups.members.entry(name.clone()).or_default();
            if members.is_subset(all) {
                continue;
            }
            // Who is there in both has the role of the newer one.
            let only_earlier = |admin: &&Login| !all.contains(*admin);
            let admins = earlier.admins(name).iter().filter(only_earlier);
            let admins: Vec<_> = admins.cloned().collect();
            if !admins.is_empty() {
                groups
                    .admins
                    .entry(name.clone())
                    .or_default()
                    .extend(admins);
            }
            Arc::make_mut(all).extend(members.iter().cloned());
        }
        let is_apart = groups.names().all(|name| !users.contains(name));
        is_apart.then_some(groups)
    }

    /// Adds a member, and a group that is new.
    pub(super) fn add(&mut self, group: &Login, member: &Login) {
        let members = self.members.entry(group.clone()).or_default();
        Arc::make_mut(members).insert(member.clone());
    }

    /// Removes a member.
    pub(super) fn remove_member(&mut self, group: &Login, member: &Login) {
        if let Some(members) = self.members.get_mut(group)
            && members.contains(member)
        {
            Arc::make_mut(members).remove(member);
        }
        self.set_admin(group, member, false);
    }

    /// Removes a user from all groups.
    pub(super) fn remove_user(&mut self, login: &Login) {
        let groups: Vec<_> = self
            .of_member(login)
            .map(|(group, _)| group.clone())
            .collect();
        for group in groups {
            self.remove_member(&group, login);
        }
    }

    /// Removes a group.
    pub(super) fn remove(&mut self, group: &Login) {
        self.members.remove(group);
        self.admins.remove(group);
        self.keeps.remove(group);
    }

    /// Makes a member an administrator of the group, or no longer one.
    pub(super) fn set_admin(&mut self, group: &Login, member: &Login, is_admin: bool) {
        if is_admin {
            let admins = self.admins.entry(group.clone()).or_default();
            admins.insert(member.clone());
        } else if let Some(admins) = self.admins.get_mut(group) {
            admins.remove(member);
            if admins.is_empty() {
                self.admins.remove(group);
            }
        }
    }

    /// Whether all groups that have a user for a member are the same here and there.
    pub(super) fn same_members(&self, other: &Self) -> bool {
        let filled = |groups: &Self| {
            let filled = groups
                .members
                .iter()
                .filter(|(_, members)| !members.is_empty());
            let filled = filled
                .map(|(group, members)| (group.clone(), members.clone(), groups.keeps(group)));
            filled.collect::<Vec<_>>()
        };
        filled(self) == filled(other) && self.admins == other.admins
    }

    /// Those memberships that are not in `other`: group and member.
    pub(super) fn not_in<'a>(
        &'a self,
        other: &'a Self,
    ) -> impl Iterator<Item = (&'a Login, &'a Login)> {
        self.members.iter().flat_map(|(group, members)| {
            let others = other.members(group);
            let members = members.iter();
            let missing =
                members.filter(move |&member| others.is_none_or(|others| !others.contains(member)));
            missing.map(move |member| (group, member))
        })
    }
}

fn member(row: &[&str], columns: GroupColumns, users: &Users) -> Result<(Login, Login), String> {
    let name = |column: usize, what: &str| {
        let field = row.get(column).map_or("", |field| field);
        Login::parse(field).map_err(|reason| format!("the {what}: {reason}"))
    };
    let group = name(columns.group, "group")?;
    let member = name(columns.member, "member")?;
    if users.contains(&group) {
        return Err(format!(
            "{group} is a user; a group needs a name of its own"
        ));
    }
    Ok((group, member))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(content: &str) -> Result<Groups, Vec<BadLine>> {
        Groups::parse(
            content.as_bytes(),
            &Users::parse(b"ana\nbob\ncarla\n").unwrap(),
        )
    }

    #[test]
    fn groups_are_read_as_people_write_them() {
        let expected = [("a", vec!["ana", "bob"]), ("b", vec!["bob"])];
        for content in [
            "group,member\na,ana\na,bob\nb,bob\n",
            "grupo;membro\r\na;ana\r\na;bob\r\nb;bob;x\r\na;ana",
        ] {
            let groups = parse(content).unwrap();
            let found: Vec<_> = groups
                .members
                .iter()
                .map(|(name, members)| (name.as_str(), members.iter().map(Login::as_str).collect()))
                .collect();
            assert_eq!(found, expected);
        }
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn a_member_who_is_no_user_is_named_and_left_out() {
        let groups = parse("a,zoe\na,ana\n").unwrap();
        assert_eq!(groups.members["a"].len(), 1);
        assert_eq!(
            groups.strangers(),
            [BadLine::new(1, "zoe is not in users.csv")]
        );
    }

    #[test]
    fn a_group_is_there_also_without_a_user_and_may_keep_what_was_before() {
        let groups = parse("group,member,history\na,zoe,\nb,ana,\nb,bob,keep\n").unwrap();
        let names = ["a", "b", "c"].map(|name| Login::parse(name).unwrap());
        let members = names
            .each_ref()
            .map(|name| groups.members(name).map(|all| all.len()));
        assert_eq!(members, [Some(0), Some(2), None]);
        assert_eq!(
            names.each_ref().map(|name| groups.keeps(name)),
            [false, true, false]
        );
    }

    #[test]
    fn a_member_may_administer_the_group() {
        let login = |name| Login::parse(name).unwrap();
        let groups =
            parse("group,member,role\na,ana,admin\na,bob,\nb,bob,Admin\nb,zoe,admin\n").unwrap();
        let of = |group| {
            groups
                .admins(&login(group))
                .iter()
                .map(Login::as_str)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            [of("a"), of("b"), of("c")],
            [vec!["ana"], vec!["bob"], vec![]]
        );
        assert_eq!(groups.administered_by(&login("bob")), 1);
        let later = parse("group,member,role\na,ana,\na,carla,admin\n").unwrap();
        let both = later.and(&groups, &Users::default()).unwrap();
        let of = |group| {
            both.admins(&login(group))
                .iter()
                .map(Login::as_str)
                .collect::<Vec<_>>()
        };
        assert_eq!([of("a"), of("b")], [vec!["carla"], vec!["bob"]]);
    }

    #[test]
    fn bad_lines_are_named() {
        let bad = parse("a,ana\nbob,ana\na,zoe\na\n,ana\n").unwrap_err();
        let bad: Vec<_> = bad
            .iter()
            .map(|bad| (bad.line, bad.reason.as_str()))
            .collect();
        assert_eq!(
            bad,
            [
                (2, "bob is a user; a group needs a name of its own"),
                (4, "the member: the login is empty"),
                (5, "the group: the login is empty"),
            ]
        );
    }
}
