//! The members of groups over time: rosters by number. The current ones and some recently used old ones are in memory.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    path::Path,
    sync::Arc,
};

use mensageiro_protocol::Login;
use rusqlite::{Connection, OptionalExtension};

use super::{
    IndexError, RosterEntry,
    memtable::Members,
    pack::{Unpack, put, put_login},
    schema::{Table, checksum},
};

/// The most members of old rosters in memory: about 5 MiB.
const MOST_MEMBERS: usize = 200_000;

/// The most old rosters in memory.
const MOST_ROSTERS: usize = 64;

/// The rosters that are in memory.
#[derive(Debug, Default)]
pub(super) struct Rosters {
    /// The current members of each group.
    current: HashMap<Login, (u32, Members)>,
    /// The group whose current roster this is.
    groups: HashMap<u32, Login>,
    /// Old rosters, the most recently used last.
    recent: VecDeque<(u32, Members)>,
    members: usize,
}

impl Rosters {
    /// Sets the current members of a group.
    pub(super) fn change(&mut self, roster: &RosterEntry) {
        let old = match &roster.members {
            Some(members) => {
                let now = (roster.number, members.clone());
                self.groups.insert(roster.number, roster.group.clone());
                self.current.insert(roster.group.clone(), now)
            }
            None => self.current.remove(&roster.group),
        };
        if let Some((number, members)) = old {
            self.groups.remove(&number);
            self.keep(number, members);
        }
    }

    pub(super) fn get(&mut self, number: u32) -> Option<Members> {
        if let Some(group) = self.groups.get(&number) {
            return self.current.get(group).map(|(_, members)| members.clone());
        }
        let at = self.recent.iter().position(|(one, _)| *one == number)?;
        let found = self.recent.remove(at)?;
        let members = found.1.clone();
        self.recent.push_back(found);
        Some(members)
    }

    /// Caches an old roster.
    pub(super) fn keep(&mut self, number: u32, members: Members) {
        if self.recent.iter().any(|(one, _)| *one == number) {
            return;
        }
        self.members += members.len();
        self.recent.push_back((number, members));
        while self.recent.len() > MOST_ROSTERS
            || (self.members > MOST_MEMBERS && self.recent.len() > 1)
        {
            if let Some((_, members)) = self.recent.pop_front() {
                self.members -= members.len();
            }
        }
    }
}

/// The value of a row. `None`: the group was deleted.
pub(super) fn pack(members: Option<&BTreeSet<Login>>) -> Vec<u8> {
    let Some(members) = members else {
        return vec![0];
    };
    let mut out = vec![1];
    put(&mut out, members.len() as u64);
    for member in members {
        put_login(&mut out, member);
    }
    out
}

fn unpack(value: &[u8]) -> Option<Option<Members>> {
    let mut value = Unpack(value);
    if value.byte()? == 0 {
        value.end()?;
        return Some(None);
    }
    let count = value.int()?;
    let members: Option<BTreeSet<_>> = (0..count).map(|_| value.login()).collect();
    value.end()?;
    Some(Some(Arc::new(members?)))
}

pub(super) fn row_checksum(number: u32, members: &[u8]) -> u64 {
    checksum(
        Table::Rosters,
        &number.to_le_bytes(),
        members,
        &mut Vec::new(),
    )
}

/// Reads a roster that must exist.
pub(super) fn read(
    file: &Path,
    connection: &Connection,
    number: u32,
) -> Result<Option<Members>, IndexError> {
    let read = || {
        let sql = "SELECT members, checksum FROM rosters WHERE number = ?1";
        let mut statement = connection.prepare_cached(sql)?;
        let found = statement.query_row([number], |row| {
            let (members, sum) = (row.get_ref(0)?.as_blob()?, row.get::<_, i64>(1)?);
            let is_right = row_checksum(number, members) == sum.cast_unsigned();
            Ok(is_right.then(|| unpack(members)).flatten())
        });
        found.optional()
    };
    let found = read().map_err(|source| IndexError::sqlite(file, source))?;
    let damaged = || IndexError::damaged(file, "the members of a group are missing or changed");
    found.flatten().ok_or_else(damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster(number: u32, group: &str, members: Option<usize>) -> RosterEntry {
        let members = members.map(|count| {
            let names = (0..count).map(|n| Login::parse(&format!("u{n}")).unwrap());
            Arc::new(names.collect())
        });
        RosterEntry {
            number,
            group: Login::parse(group).unwrap(),
            members,
        }
    }

    #[test]
    fn members_of_now_stay_and_old_ones_give_way_to_others() {
        let mut rosters = Rosters::default();
        rosters.change(&roster(1, "a", Some(5)));
        rosters.change(&roster(2, "b", Some(6)));
        rosters.change(&roster(3, "a", Some(7)));
        let len = |rosters: &mut Rosters, number| rosters.get(number).map(|m| m.len());
        assert_eq!(len(&mut rosters, 1), Some(5));
        assert_eq!(len(&mut rosters, 2), Some(6));
        assert_eq!(len(&mut rosters, 3), Some(7));
        for number in 10..=200 {
            rosters.keep(number, roster(number, "c", Some(1)).members.unwrap());
            assert_eq!(len(&mut rosters, 1), Some(5), "asked for all the time");
        }
        assert_eq!(len(&mut rosters, 10), None);
        assert_eq!(len(&mut rosters, 2), Some(6));
        let large = roster(300, "c", Some(MOST_MEMBERS)).members.unwrap();
        rosters.keep(300, large);
        assert_eq!(len(&mut rosters, 1), None);
        assert_eq!(len(&mut rosters, 300), Some(MOST_MEMBERS));
        rosters.change(&roster(301, "a", None));
        assert_eq!(len(&mut rosters, 3), Some(7), "as an old one");
    }

    #[test]
    fn members_come_back_as_they_were() {
        for members in [None, Some(0), Some(3)] {
            let roster = roster(1, "a", members);
            let packed = pack(roster.members.as_deref());
            assert_eq!(unpack(&packed), Some(roster.members));
        }
        assert_eq!(unpack(&[]), None);
        assert_eq!(unpack(&[1, 9]), None);
    }
}
