use std::collections::HashSet;

use mensageiro_protocol::Login;

use super::Session;
use crate::{
    engine::{Conversation, Message, Peer},
    matching::Query,
    model::Person,
};

/// Conversations a search shows above the messages at most.
const CONVERSATIONS: usize = 20;

/// People and groups it shows below them at most.
const PEOPLE: usize = 5;

/// One row of what a search shows, in this order.
#[derive(Clone, Copy, Debug)]
pub enum FoundRow<'a> {
    /// A conversation, by its name.
    Conversation(&'a Conversation),
    /// Somebody, or a group, with whom there is no conversation.
    Person(&'a Login, Option<&'a Person>),
    /// A message, by its words.
    Message(&'a Message),
}

/// What the search shows.
impl Session {
    /// The rows as they stand: while only names are looked for, the conversations alone. Somebody whose
    /// login is typed comes first, though there is no conversation with them yet.
    pub fn found_rows(&self) -> Vec<FoundRow<'_>> {
        let query = self.search.query.as_str();
        let conversations = self.matching(query);
        let conversations = conversations.into_iter().map(FoundRow::Conversation);
        if !self.search.is_on() {
            return conversations.collect();
        }
        let messages = self.search.found().iter().map(FoundRow::Message);
        if self.search.with.is_some() {
            return messages.collect();
        }
        let rows = self.conversations.rows().iter();
        let known: HashSet<&Login> = rows
            .filter_map(|row| match &row.with {
                Peer::Person(login) => Some(login),
                Peer::Server => None,
            })
            .collect();
        let offered = self.offered(query);
        let strangers = offered.iter().filter(|login| !known.contains(login));
        let strangers = strangers.filter_map(|login| self.people.known(login));
        let people: Vec<_> = strangers.take(PEOPLE).collect();
        let query = Query::new(query);
        let is_first = people
            .first()
            .is_some_and(|(login, _)| query.is_login(login));
        let people = people
            .into_iter()
            .map(|(login, person)| FoundRow::Person(login, person));
        let conversations: Vec<_> = conversations.take(CONVERSATIONS).collect();
        let mut found: Vec<_> = match is_first {
            true => people.chain(conversations).collect(),
            false => conversations.into_iter().chain(people).collect(),
        };
        found.extend(messages);
        found
    }
}
