//! The roster: who can be written to, and where they are (PROTOCOL.md, V12).

use mensageiro_protocol::{
    Login,
    live::{Event, Roster, RosterGroup, RosterUser},
};

use super::online::Online;
use crate::directory::People;

/// Users or groups of one line.
const PORTION: usize = 100;

/// Tells the roster again to all who have asked for it.
pub fn tell_roster(people: &People, online: &Online) {
    for outlet in online.watchers() {
        for line in lines(outlet.login(), people, online) {
            outlet.tell(|out| out.extend_from_slice(&line));
        }
        outlet.flush();
    }
}

/// The lines of the roster for one user, without their ends.
pub(super) fn lines(reader: &Login, people: &People, online: &Online) -> Vec<Vec<u8>> {
    let mut users: Vec<_> = people.users.iter().collect();
    users.sort_unstable();
    let groups: Vec<_> = people
        .groups
        .of_member(reader)
        .map(|(name, members)| RosterGroup {
            name: name.clone(),
            members: members.iter().cloned().collect(),
        })
        .collect();
    let users = users.chunks(PORTION).map(|portion| Roster {
        users: online
            .presences(portion.iter().map(|(login, _)| *login))
            .into_iter()
            .zip(portion)
            .map(|(presence, (_, name))| RosterUser {
                presence,
                name: (*name).to_owned(),
            })
            .collect(),
        ..Roster::default()
    });
    let groups = groups.chunks(PORTION).map(|portion| Roster {
        groups: portion.to_vec(),
        ..Roster::default()
    });
    let mut parts: Vec<_> = users.chain(groups).collect();
    let last = parts.len().saturating_sub(1);
    parts
        .iter_mut()
        .enumerate()
        .map(|(index, part)| {
            part.more = index < last;
            let mut line = Vec::new();
            Event::Roster(std::mem::take(part)).encode(&mut line);
            line
        })
        .collect()
}
