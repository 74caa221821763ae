use mensageiro_protocol::Login;

use super::Session;
use crate::{
    engine::{Command, LinkState, Peer},
    model::Person,
};

/// With whom a conversation can be begun.
impl Session {
    /// Users and groups whose login or name holds what is typed, as far as the server tells of them.
    pub fn offered(&self, typed: &str) -> Vec<(&Login, Option<&Person>)> {
        match self.link {
            LinkState::Online { .. } => Vec::new(),
            _ => self.people.matching(typed),
        }
    }

    /// Which of those offered Enter takes: the one the person has gone to, or else, where the server
    /// has told of everybody, the one whose login is typed, or the first.
    pub fn marked(
        &self,
        typed: &str,
        gone_to: Option<usize>,
        offered: &[(&Login, Option<&Person>)],
    ) -> Option<usize> {
        let last = offered.len().checked_sub(1)?;
        if let Some(at) = gone_to {
            return Some(at.min(last));
        }
        let name = bare(typed);
        if name.is_empty() || !self.people.is_told() {
            return None;
        }
        let same = offered.iter().position(|(login, _)| login.as_str() == name);
        Some(same.unwrap_or(0))
    }

    /// Whether the server has told of everybody, and what is typed is in nobody's login or name.
    pub fn is_nobody(&self, typed: &str) -> bool {
        let name = bare(typed);
        let is_me = name == self.account.login.as_str();
        let is_asked = !name.is_empty() && !is_me && self.people.is_told();
        is_asked && self.offered(typed).is_empty()
    }

    /// Whom Enter takes of those offered, if one is marked.
    pub(in crate::model) fn chosen(&self, typed: &str, gone_to: Option<usize>) -> Option<Login> {
        let offered = self.offered(typed);
        let at = self.marked(typed, gone_to, &offered)?;
        offered.get(at).map(|(login, _)| (*login).clone())
    }

    /// Opens a conversation with somebody, perhaps for the first time.
    pub(in crate::model) fn start(&mut self, login: Login) -> Vec<Command> {
        let peer = Peer::Person(login);
        self.conversations.row(&peer);
        self.search.clear();
        self.open(peer)
    }
}

fn bare(typed: &str) -> &str {
    typed.trim().trim_start_matches('@')
}
