use mensageiro_protocol::Login;

use super::super::{People, edit::Made};

/// How many of the missing users the log names.
const NAMED: usize = 5;

/// What an edit takes from somebody.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Gone {
    /// The removed users, in order.
    users: Vec<Login>,
    /// The number of removed group memberships.
    members: usize,
}

impl Gone {
    /// What the server's own edit has taken is known to be meant, and is not part of it.
    pub(super) fn between(old: &People, new: &People, made: Option<&Made>) -> Self {
        let is_meant = |login: &&Login| made.is_some_and(|made| made.has_removed(login));
        let users = old.users.not_in(&new.users);
        let mut users: Vec<_> = users.filter(|login| !is_meant(login)).cloned().collect();
        users.sort_unstable();
        let has_left = |(group, member): &(&Login, &Login)| {
            made.is_some_and(|made| made.has_left(group, member))
        };
        let members = old.groups.not_in(&new.groups);
        let members = members.filter(|one| !has_left(one)).count();
        Self { users, members }
    }

    pub(super) fn is_nobody(&self) -> bool {
        self.users.is_empty() && self.members == 0
    }

    pub(super) fn described(&self, old: &People) -> String {
        let (gone, all) = (self.users.len(), old.users.len());
        let mut names: Vec<_> = self.users.iter().take(NAMED).map(Login::as_str).collect();
        if gone > NAMED {
            names.push("…");
        }
        let users = format!("{gone} of {all} users ({})", names.join(", "));
        let members = format!("{} members of groups", self.members);
        match (gone, self.members) {
            (0, _) => members,
            (_, 0) => users,
            _ => format!("{users} and {members}"),
        }
    }
}
