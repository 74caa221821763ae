use std::{collections::BTreeSet, rc::Rc};

use mensageiro_protocol::Login;

use super::Session;
use crate::{
    engine::{Command, LinkState, Peer, Presence},
    matching::{Query, bare},
    model::people::Wanted,
};

/// Choosing people and groups for a new conversation.
impl Session {
    /// Users and groups whose login or name matches, as far as they are known. With a classic
    /// server, these are those with a conversation.
    pub fn offered(&self, typed: &str) -> Rc<[Login]> {
        if !matches!(self.link, LinkState::Online { .. }) {
            return self.people.offered(Wanted::All, typed);
        }
        let rows = self.matching(typed).into_iter();
        rows.filter_map(|row| match &row.with {
            Peer::Person(login) => Some(login.clone()),
            Peer::Server => None,
        })
        .collect()
    }

    /// All users but oneself whose login or name matches.
    pub fn users_matching(&self, typed: &str) -> Rc<[Login]> {
        self.people.offered(Wanted::Users, typed)
    }

    /// Whether one's own login or name matches.
    pub fn is_me_matching(&self, typed: &str) -> bool {
        let me = &self.account.login;
        self.people.closeness(me, &Query::new(typed)).is_some()
    }

    /// The groups that this user may change whose name matches.
    pub fn groups_to_edit(&self, typed: &str) -> Vec<Login> {
        let groups = self.people.offered(Wanted::Groups, typed);
        let groups = groups.iter().filter(|group| self.may_edit(group));
        groups.cloned().collect()
    }

    /// The members of a group whose login or name matches, the closest first; of equal ones oneself
    /// and who is online, then who is away.
    pub fn members_matching(&self, group: &Login, typed: &str) -> Rc<[Login]> {
        self.people
            .found(group, typed, |members| self.find_members(members, typed))
    }

    fn find_members(&self, members: &BTreeSet<Login>, typed: &str) -> Rc<[Login]> {
        let query = Query::new(typed);
        let how_far = |member: &Login| {
            let news = self.people.presence(member);
            match news.map(|news| news.state) {
                _ if *member == self.account.login => 0,
                Some(Presence::Online) => 0,
                Some(Presence::Away) => 1,
                _ => 2,
            }
        };
        let members = members.iter();
        let mut found: Vec<_> = members
            .filter_map(|member| {
                let closeness = self.people.closeness(member, &query)?;
                let closeness = (!query.is_empty()).then_some(closeness);
                Some(((closeness, how_far(member)), member))
            })
            .collect();
        found.sort_by_key(|(rank, _)| *rank);
        let found = found.into_iter();
        found.map(|(_, member)| member.clone()).collect()
    }

    /// Which of the offered people Enter takes: the marked one, or else the first, if the roster is
    /// complete.
    pub fn marked(&self, typed: &str, gone_to: Option<usize>, offered: &[Login]) -> Option<usize> {
        let last = offered.len().checked_sub(1)?;
        if let Some(at) = gone_to {
            return Some(at.min(last));
        }
        (!bare(typed).is_empty() && self.people.is_told()).then_some(0)
    }

    /// Whether the roster is complete, and nobody's login or name matches.
    pub fn is_nobody(&self, typed: &str) -> bool {
        let name = bare(typed);
        let is_me = name == self.account.login.as_str();
        let is_asked = !name.is_empty() && !is_me && self.people.is_told();
        is_asked && self.people.offered(Wanted::All, typed).is_empty()
    }

    /// The person Enter takes, if one is marked.
    pub(in crate::model) fn chosen(&self, typed: &str, gone_to: Option<usize>) -> Option<Login> {
        let offered = self.offered(typed);
        let at = self.marked(typed, gone_to, &offered)?;
        offered.get(at).cloned()
    }

    /// Opens a conversation with somebody, perhaps for the first time.
    pub(in crate::model) fn start(&mut self, login: Login) -> Vec<Command> {
        let peer = Peer::Person(login);
        self.conversations.row(&peer);
        self.search.clear();
        self.open(peer)
    }
}
