//! The lines of a roster, made one by one while the client reads them, so nobody holds all of it. Sessions share what is
//! the same for all of them.

use std::{collections::VecDeque, ops::Bound, sync::Arc};

use mensageiro_protocol::{
    Login,
    limits::EVENT_BYTES,
    live::{Event, Roster, RosterGroup, RosterUser},
};

use super::difference::{Difference, Members};
use crate::{
    clients::{Online, ROSTER_PORTION},
    directory::People,
};

/// The most bytes of a line besides users and groups.
const FRAME_BYTES: usize = 256;

/// The most bytes of a user or group in a line, besides names and note.
const ITEM_BYTES: usize = 128;

/// How many users are looked up together for their presence.
const PORTION: usize = 100;

/// How a line ends that is followed by another one of the same roster, and how the last one does.
const MORE: &[u8] = b"true}";
const NO_MORE: &[u8] = b"false}";

/// The part of a roster that is still to be sent to one user.
#[derive(Debug)]
pub(in crate::live) struct Lines {
    people: Arc<People>,
    users: Users,
    groups: VecDeque<GroupLines>,
}

/// The users that are still to be sent.
#[derive(Debug)]
enum Users {
    /// All of them, from this portion on.
    All(usize),
    /// Those that have changed.
    Changes {
        gone: Arc<[Login]>,
        next_gone: usize,
        gone_groups: VecDeque<Login>,
        users: Arc<[Login]>,
        next_user: usize,
    },
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
            users: Users::All(0),
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
        let mut gone_groups = VecDeque::new();
        let mut groups = VecDeque::new();
        for group in &difference.groups {
            let (was, is) = (group.before.contains(reader), group.now.contains(reader));
            if !is {
                gone_groups.extend(was.then(|| group.name.clone()));
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
        let (gone, users) = (&difference.gone, &difference.users);
        let is_news = [gone, users].iter().any(|some| !some.is_empty())
            || !gone_groups.is_empty()
            || !groups.is_empty();
        is_news.then(|| Self {
            people: people.clone(),
            users: Users::Changes {
                gone: gone.clone(),
                next_gone: 0,
                gone_groups,
                users: users.clone(),
                next_user: 0,
            },
            groups,
        })
    }

    /// The reading of the files that it describes.
    pub(super) fn people(&self) -> &Arc<People> {
        &self.people
    }

    /// Appends the next line, or some lines, without the last line end. Returns whether another one follows.
    pub(in crate::live) fn write(&mut self, online: &Online, out: &mut Vec<u8>) -> bool {
        if let Users::All(portion) = &mut self.users
            && let Some(lines) = online.roster_lines(&self.people, *portion)
        {
            *portion += 1;
            out.extend_from_slice(&lines);
            let is_last = *portion * ROSTER_PORTION >= self.people.users.len();
            if is_last && self.groups.is_empty() {
                // The shared ones say that more follow.
                out.truncate(out.len() - MORE.len());
                out.extend_from_slice(NO_MORE);
                return false;
            }
            return true;
        }
        let mut room = EVENT_BYTES - FRAME_BYTES;
        let mut line = Roster::default();
        let mut are_users_left = false;
        if let Users::Changes { .. } = &self.users {
            line.changes = true;
            are_users_left = self.write_changes(online, &mut room, &mut line);
        }
        if !are_users_left {
            write_groups(&mut self.groups, &self.people, &mut room, &mut line);
        }
        line.more = are_users_left || !self.groups.is_empty();
        let is_more = line.more;
        Event::Roster(line).encode(out);
        is_more
    }

    /// Returns whether there are further users.
    fn write_changes(&mut self, online: &Online, room: &mut usize, line: &mut Roster) -> bool {
        let Users::Changes {
            gone,
            next_gone,
            gone_groups,
            users,
            next_user,
        } = &mut self.users
        else {
            return false;
        };
        while let Some(login) = gone.get(*next_gone) {
            if !take(room, quoted(login)) {
                return true;
            }
            line.gone.push(login.clone());
            *next_gone += 1;
        }
        while let Some(group) = gone_groups.front() {
            if !take(room, quoted(group)) {
                return true;
            }
            line.gone.extend(gone_groups.pop_front());
        }
        while *next_user < users.len() {
            let portion = &users[*next_user..];
            let portion = &portion[..portion.len().min(PORTION)];
            for presence in online.presences(portion.iter()) {
                let name = self.people.users.name(&presence.login);
                let name = name.cloned().unwrap_or_default();
                // In JSON a character may become two.
                let words = 2 * (name.len() + presence.note.len());
                if !take(room, ITEM_BYTES + quoted(&presence.login) + words) {
                    return true;
                }
                let role = self.people.users.role(&presence.login);
                line.users.push(RosterUser {
                    presence,
                    name,
                    role,
                });
                *next_user += 1;
            }
        }
        false
    }
}

fn write_groups(
    groups: &mut VecDeque<GroupLines>,
    people: &People,
    room: &mut usize,
    line: &mut Roster,
) {
    while let Some(group) = groups.front_mut()
        && take(room, ITEM_BYTES + quoted(&group.name))
    {
        let admins = people.groups.admins(&group.name);
        let (gone, all_gone) = group.left.take(room, quoted);
        // Administrators are named twice.
        let bytes = |login: &Login| quoted(login) * (1 + usize::from(admins.contains(login)));
        let (members, all) = match all_gone {
            true => group.members.take(room, bytes),
            false => (Vec::new(), false),
        };
        line.groups.push(RosterGroup {
            name: group.name.clone(),
            admins: members
                .iter()
                .filter(|member| admins.contains(*member))
                .cloned()
                .collect(),
            members,
            gone,
        });
        if !all {
            return;
        }
        groups.pop_front();
    }
}

impl Rest {
    fn of(all: Members) -> Self {
        Self { all, after: None }
    }

    /// As many as there is room for, and whether these are the last.
    fn take(&mut self, room: &mut usize, bytes: impl Fn(&Login) -> usize) -> (Vec<Login>, bool) {
        let mut taken = Vec::new();
        let after = self.after.as_ref();
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        for login in self.all.range::<Login, _>((after, Bound::Unbounded)) {
            if !take(room, bytes(login)) {
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
