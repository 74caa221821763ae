use std::collections::HashSet;

use mensageiro_protocol::Login;

use super::Session;
use crate::{
    engine::{Conversation, Message, Peer},
    matching::Query,
    model::Person,
};

/// The most conversations that a search shows above the messages.
const CONVERSATIONS: usize = 20;

/// The most people and groups that it shows below them.
const PEOPLE: usize = 5;

/// A result row; the kinds come in this order.
#[derive(Clone, Copy, Debug)]
pub enum FoundRow<'a> {
    /// A conversation, by its name.
    Conversation(&'a Conversation),
    /// A person or group without a conversation.
    Person(&'a Login, Option<&'a Person>),
    /// A message, by its words.
    Message(&'a Message),
}

/// The most authors that are offered.
const AUTHORS: usize = 100;

/// The results of the search.
impl Session {
    /// Who may have written what is searched: the participants of the conversation, or everybody with a conversation; oneself
    /// first.
    pub fn possible_authors(&self) -> Vec<Login> {
        let me = &self.account.login;
        let others: Vec<&Login> = match &self.search.with {
            Some(Peer::Person(login)) if self.is_group(&Peer::Person(login.clone())) => {
                self.people.members(login).into_iter().flatten().collect()
            }
            Some(Peer::Person(login)) => vec![login],
            Some(Peer::Server) => vec![],
            None => {
                let rows = self.conversations.rows().iter();
                let people = rows.filter(|row| !self.is_group(&row.with));
                people
                    .filter_map(|row| match &row.with {
                        Peer::Person(login) => Some(login),
                        Peer::Server => None,
                    })
                    .collect()
            }
        };
        let others = others.into_iter().filter(|login| *login != me);
        let all = [me].into_iter().chain(others).chain(&self.search.by);
        let mut seen = HashSet::new();
        let all = all.filter(|login| seen.insert((*login).clone()));
        all.take(AUTHORS).cloned().collect()
    }

    /// The result rows: conversations alone while only names are searched. A person whose login is
    /// typed comes first, even without a conversation.
    pub fn found_rows(&self) -> Vec<FoundRow<'_>> {
        let query = self.search.query.as_str();
        let conversations = self.matching(query);
        let conversations = conversations.into_iter().map(FoundRow::Conversation);
        if !self.search.is_on() {
            return conversations.collect();
        }
        let messages = self.search.found().iter().map(FoundRow::Message);
        // Conversations have neither an author nor a day.
        if self.search.with.is_some() || self.search.has_filter() {
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
