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
    /// Users who are new or have another name, in order.
    pub(super) users: Arc<[Login]>,
    /// Groups with other members, including new and removed groups.
    pub(super) groups: Vec<GroupDifference>,
}

/// A group with other members.
#[derive(Debug)]
pub(super) struct GroupDifference {
    pub(super) name: Login,
    /// The members before; empty if the group is new.
    pub(super) before: Members,
    /// The members now; empty if the group was removed.
    pub(super) now: Members,
    pub(super) joined: Members,
    pub(super) left: Members,
}

/// The members of a group.
pub(super) type Members = Arc<BTreeSet<Login>>;

impl Difference {
    pub(super) fn between(before: &People, now: &People) -> Self {
        let gone = before.users.iter().map(|(login, _)| login);
        let gone = gone.filter(|login| !now.users.contains(login));
        let is_news = |&(login, name): &(&Login, &Name)| before.users.name(login) != Some(name);
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
        let (before, now) = (members(before, name), members(now, name));
        // Unchanged groups share one set.
        (!Arc::ptr_eq(&before, &now) && before != now).then(|| GroupDifference {
            name: name.clone(),
            joined: Arc::new(now.difference(&before).cloned().collect()),
            left: Arc::new(before.difference(&now).cloned().collect()),
            before,
            now,
        })
    });
    differences.collect()
}
