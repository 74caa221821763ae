use mensageiro_protocol::Login;

use super::Session;
use crate::{
    engine::{Conversation, Message, Peer},
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
    /// The rows as they stand: while only names are looked for, the conversations alone.
    pub fn found_rows(&self) -> Vec<FoundRow<'_>> {
        let query = self.search.query.as_str();
        let conversations = self.matching(query).map(FoundRow::Conversation);
        if !self.search.is_on() {
            return conversations.collect();
        }
        let messages = self.search.found().iter().map(FoundRow::Message);
        if self.search.with.is_some() {
            return messages.collect();
        }
        let strangers = self.offered(query).into_iter().filter(|(login, _)| {
            let peer = Peer::Person((*login).clone());
            self.conversations.get(&peer).is_none()
        });
        let people = strangers.map(|(login, person)| FoundRow::Person(login, person));
        conversations
            .take(CONVERSATIONS)
            .chain(people.take(PEOPLE))
            .chain(messages)
            .collect()
    }
}
