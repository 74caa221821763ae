//! The lines of a roster, made one by one while the client reads them, so nobody holds all of it.

use std::{collections::VecDeque, ops::Bound, sync::Arc};

use mensageiro_protocol::{
    Login,
    limits::EVENT_BYTES,
    live::{Event, Roster, RosterGroup, RosterUser},
};

use super::difference::{Difference, Members};
use crate::{clients::Online, directory::People};

/// The most bytes of a line besides users and groups.
const FRAME_BYTES: usize = 256;

/// The most bytes of a user or group in a line, besides names and note.
const ITEM_BYTES: usize = 128;

/// How many users are looked up together for their presence.
const PORTION: usize = 100;

/// The part of a roster that is still to be sent to one user.
#[derive(Debug)]
pub(in crate::live) struct Lines {
    people: Arc<People>,
    is_of_changes: bool,
    gone: VecDeque<Login>,
    users: Arc<[Login]>,
    next_user: usize,
    groups: VecDeque<GroupLines>,
}

#[derive(Debug)]
struct GroupLines {
    name: Login,
    left: Rest,
    members: Rest,
}

/// The rest of a set after a login.
#[derive(Debug)]
struct Rest {
    all: Members,
    after: Option<Login>,
}

impl Lines {
    /// All users, and the groups of `reader`.
    pub(in crate::live) fn whole(reader: &Login, people: &Arc<People>) -> Self {
        let groups = people.groups.of_member(reader);
        let groups = groups.map(|(name, members)| GroupLines {
            name: name.clone(),
            left: Rest::of(Members::default()),
            members: Rest::of(members.clone()),
        });
        Self {
            people: people.clone(),
            is_of_changes: false,
            gone: VecDeque::new(),
            users: people.in_order().clone(),
            next_user: 0,
            groups: groups.collect(),
        }
    }

    /// The part of a difference between two readings that concerns `reader`; `None` if nothing
    /// does.
    pub(super) fn changes(
        reader: &Login,
        people: &Arc<People>,
        difference: &Difference,
    ) -> Option<Self> {
        let mut gone: VecDeque<_> = difference.gone.iter().cloned().collect();
        let mut groups = VecDeque::new();
        for group in &difference.groups {
            let (was, is) = (group.before.contains(reader), group.now.contains(reader));
            if !is {
                gone.extend(was.then(|| group.name.clone()));
                continue;
            }
            let (left, members) = match was {
                true => (group.left.clone(), group.joined.clone()),
                false => (Members::default(), group.now.clone()),
            };
            groups.push_back(GroupLines {
                name: group.name.clone(),
                left: Rest::of(left),
                members: Rest::of(members),
            });
        }
        let is_news = !gone.is_empty() || !difference.users.is_empty() || !groups.is_empty();
        is_news.then(|| Self {
            people: people.clone(),
            is_of_changes: true,
            gone,
            users: difference.users.clone(),
            next_user: 0,
            groups,
        })
    }

    /// The reading of the files that it describes.
    pub(super) fn people(&self) -> &Arc<People> {
        &self.people
    }

    /// Appends the next line, without its line end. Returns whether another one follows.
    pub(in crate::live) fn write(&mut self, online: &Online, out: &mut Vec<u8>) -> bool {
        let mut room = EVENT_BYTES - FRAME_BYTES;
        let mut line = Roster {
            changes: self.is_of_changes,
            ..Roster::default()
        };
        while let Some(login) = self.gone.front()
            && take(&mut room, quoted(login))
        {
            line.gone.extend(self.gone.pop_front());
        }
        self.write_users(online, &mut room, &mut line);
        // A whole roster has users and groups in separate lines.
        if line.users.is_empty() || self.is_of_changes {
            self.write_groups(&mut room, &mut line);
        }
        line.more =
            !self.gone.is_empty() || self.next_user < self.users.len() || !self.groups.is_empty();
        let is_more = line.more;
        Event::Roster(line).encode(out);
        is_more
    }

    fn write_users(&mut self, online: &Online, room: &mut usize, line: &mut Roster) {
        if !self.gone.is_empty() {
            return;
        }
        while self.next_user < self.users.len() {
            let portion = &self.users[self.next_user..];
            let portion = &portion[..portion.len().min(PORTION)];
            for presence in online.presences(portion.iter()) {
                let name = self.people.users.name(&presence.login).unwrap_or_default();
                // In JSON a character may become two.
                let words = 2 * (name.len() + presence.note.len());
                if !take(room, ITEM_BYTES + quoted(&presence.login) + words) {
                    return;
                }
                let name = name.to_owned();
                line.users.push(RosterUser { presence, name });
                self.next_user += 1;
            }
        }
    }

    fn write_groups(&mut self, room: &mut usize, line: &mut Roster) {
        if self.next_user < self.users.len() {
            return;
        }
        while let Some(group) = self.groups.front_mut()
            && take(room, ITEM_BYTES + quoted(&group.name))
        {
            let (gone, all_gone) = group.left.take(room);
            let (members, all) = match all_gone {
                true => group.members.take(room),
                false => (Vec::new(), false),
            };
            line.groups.push(RosterGroup {
                name: group.name.clone(),
                members,
                gone,
            });
            if !all {
                return;
            }
            self.groups.pop_front();
        }
    }
}

impl Rest {
    fn of(all: Members) -> Self {
        Self { all, after: None }
    }

    /// As many as there is room for, and whether these are the last.
    fn take(&mut self, room: &mut usize) -> (Vec<Login>, bool) {
        let mut taken = Vec::new();
        let after = self.after.as_ref();
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        for login in self.all.range::<Login, _>((after, Bound::Unbounded)) {
            if !take(room, quoted(login)) {
                self.after = taken.last().cloned().or(self.after.take());
                return (taken, false);
            }
            taken.push(login.clone());
        }
        self.after = self.all.last().cloned();
        (taken, true)
    }
}

/// Takes this many bytes of the room, if they fit.
fn take(room: &mut usize, bytes: usize) -> bool {
    let left = room.checked_sub(bytes);
    *room = left.unwrap_or(*room);
    left.is_some()
}

/// The bytes of a login in a list. No character of a login needs escaping in JSON.
fn quoted(login: &Login) -> usize {
    login.as_str().len() + "\"\",".len()
}
