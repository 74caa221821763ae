//! Who belonged to a group when: versions of its members, each kept once.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use mensageiro_protocol::Login;

/// Who belongs to a group.
pub(super) type Members = Arc<BTreeSet<Login>>;

/// All versions there are, in memory.
#[derive(Default)]
pub(super) struct Rosters {
    versions: HashMap<u32, Members>,
    newest: HashMap<Login, u32>,
    last: u32,
}

impl Rosters {
    /// Takes in a version that was stored; they come in rising order.
    pub(super) fn load(&mut self, version: u32, group: Login, members: Members) {
        self.versions.insert(version, members);
        self.newest.insert(group, version);
        self.last = self.last.max(version);
    }

    pub(super) fn members(&self, version: u32) -> Option<Members> {
        self.versions.get(&version).cloned()
    }

    /// The version of a group's members now, and whether it is a new one that is to be stored.
    pub(super) fn version(&mut self, group: &Login, members: &Members) -> (u32, bool) {
        if let Some(&version) = self.newest.get(group)
            && let Some(known) = self.versions.get_mut(&version)
        {
            if Arc::ptr_eq(known, members) {
                return (version, false);
            }
            if known == members {
                // The next comparison is quicker, and one copy less is in memory.
                *known = members.clone();
                return (version, false);
            }
        }
        let version = self.last + 1;
        self.load(version, group.clone(), members.clone());
        (version, true)
    }
}
