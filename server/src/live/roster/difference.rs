//! The difference that an edit of the files makes. It is computed once and sent to everybody whom
//! it concerns.

use std::{collections::BTreeSet, sync::Arc};

use mensageiro_protocol::{Login, Name};

use crate::directory::People;

/// The difference between two readings of the files.
#[derive(Debug, Default)]
pub(super) struct Difference {
    /// Users who no longer exist.
    pub(super) gone: Arc<[Login]>,
    /// Users who are new or have another name or role, in order.
    pub(super) users: Arc<[Login]>,
    /// Groups with other members or roles, including new and removed groups.
    pub(super) groups: Vec<GroupDifference>,
}

/// A group with other members, or members with other roles.
#[derive(Debug)]
pub(super) struct GroupDifference {
    pub(super) name: Login,
    /// The members before; empty if the group is new.
    pub(super) before: Members,
    /// The members now; empty if the group was removed.
    pub(super) now: Members,
    /// Members who are new or have another role.
    pub(super) joined: Members,
    pub(super) left: Members,
}

/// The members of a group.
pub(super) type Members = Arc<BTreeSet<Login>>;

impl Difference {
    pub(super) fn between(before: &People, now: &People) -> Self {
        let gone = before.users.iter().map(|(login, _)| login);
        let gone = gone.filter(|login| !now.users.contains(login));
        let is_news = |&(login, name): &(&Login, &Name)| {
            let known = (before.users.name(login), before.users.is_admin(login));
            known != (Some(name), now.users.is_admin(login))
        };
        let mut users: Vec<_> = now.users.iter().filter(is_news).collect();
        users.sort_unstable();
        Self {
            gone: gone.cloned().collect(),
            users: users.into_iter().map(|(login, _)| login.clone()).collect(),
            groups: groups(before, now),
        }
    }
}

fn groups(before: &People, now: &People) -> Vec<GroupDifference> {
    let names: BTreeSet<_> = before.groups.names().chain(now.groups.names()).collect();
    let members = |people: &People, name: &Login| {
        let members = people.groups.members(name).cloned();
        members.unwrap_or_default()
    };
    let differences = names.into_iter().filter_map(|name| {
        let roles = [before, now].map(|people| people.groups.admins(name));
        let (before, now) = (members(before, name), members(now, name));
        // Unchanged groups share one set.
        let is_same = Arc::ptr_eq(&before, &now) || before == now;
        if is_same && roles[0] == roles[1] {
            return None;
        }
        let mut joined: BTreeSet<_> = now.difference(&before).cloned().collect();
        let other_role = roles[0].symmetric_difference(roles[1]);
        joined.extend(other_role.filter(|login| now.contains(*login)).cloned());
        Some(GroupDifference {
            name: name.clone(),
            joined: Arc::new(joined),
            left: Arc::new(before.difference(&now).cloned().collect()),
            before,
            now,
        })
    });
    differences.collect()
}
