use crate::engine::{Command, Message, Peer};

/// Shorter queries only filter the conversation list.
const SHORTEST: usize = 2;

/// What is looked for in all messages, beside the names of the conversation list.
#[derive(Debug, Default)]
pub struct Search {
    /// What is typed.
    pub query: String,
    /// In which conversation only; `None`: in all.
    pub with: Option<Peer>,
    found: Vec<Message>,
    /// What `found` answers.
    answered: Option<(String, Option<Peer>)>,
}

impl Search {
    /// What was found, newest first; of an earlier query while the answer is on its way.
    pub fn found(&self) -> &[Message] {
        &self.found
    }

    /// Whether messages are looked for, and not names only.
    pub fn is_on(&self) -> bool {
        self.query.trim().chars().count() >= SHORTEST
    }

    /// Whether what was found answers what is typed.
    pub fn is_answered(&self) -> bool {
        self.answered
            .as_ref()
            .is_some_and(|(query, with)| *query == self.query && *with == self.with)
    }

    pub(super) fn edit(&mut self, query: String) -> Vec<Command> {
        self.query = query;
        self.ask()
    }

    pub(super) fn set_scope(&mut self, with: Option<Peer>) -> Vec<Command> {
        self.with = with;
        self.ask()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn take(&mut self, query: String, with: Option<Peer>, found: Vec<Message>) {
        if query == self.query && with == self.with {
            self.found = found;
            self.answered = Some((query, with));
        }
    }

    fn ask(&mut self) -> Vec<Command> {
        if !self.is_on() {
            self.found.clear();
            self.answered = None;
            return Vec::new();
        }
        vec![Command::Search {
            query: self.query.clone(),
            with: self.with.clone(),
        }]
    }
}
