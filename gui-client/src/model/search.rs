use crate::engine::{Command, Message, Peer};

/// Shorter queries only filter the conversation list.
const SHORTEST: usize = 2;

/// The search in all messages and in the names of the conversation list.
#[derive(Debug, Default)]
pub struct Search {
    /// The query.
    pub query: String,
    /// The conversation to search; `None`: all.
    pub with: Option<Peer>,
    /// The result row that the person has moved to.
    pub gone_to: Option<usize>,
    found: Vec<Message>,
    /// A query is running. The next one waits for its answer, so that fast typing does not make the
    /// database search for every letter.
    is_asked: bool,
    /// The query that `found` answers.
    answered: Option<(String, Option<Peer>)>,
}

impl Search {
    /// The results, newest first; those of an earlier query until the answer comes.
    pub fn found(&self) -> &[Message] {
        &self.found
    }

    /// Whether messages are searched, and not names only.
    pub fn is_on(&self) -> bool {
        self.query.trim().chars().count() >= SHORTEST
    }

    /// The row that Enter opens: the one the person has moved to, or the first.
    pub fn marked(&self, rows: usize) -> Option<usize> {
        let last = rows.checked_sub(1)?;
        let is_asked = !self.query.trim().is_empty();
        is_asked.then(|| self.gone_to.unwrap_or(0).min(last))
    }

    /// Whether the results are those of the current query.
    pub fn is_answered(&self) -> bool {
        self.answered
            .as_ref()
            .is_some_and(|(query, with)| *query == self.query && *with == self.with)
    }

    pub(super) fn edit(&mut self, query: String) -> Vec<Command> {
        self.query = query;
        self.gone_to = None;
        self.ask()
    }

    pub(super) fn set_scope(&mut self, with: Option<Peer>) -> Vec<Command> {
        self.with = with;
        self.gone_to = None;
        self.ask()
    }

    pub(super) fn clear(&mut self) {
        *self = Self {
            is_asked: self.is_asked,
            ..Self::default()
        };
    }

    /// Takes an answer. If the query has changed meanwhile, it is sent now.
    pub(super) fn take(
        &mut self,
        query: String,
        with: Option<Peer>,
        found: Vec<Message>,
    ) -> Vec<Command> {
        self.is_asked = false;
        if query != self.query || with != self.with {
            return self.ask();
        }
        self.found = found;
        self.answered = Some((query, with));
        Vec::new()
    }

    /// Notes that the database has failed, so that no answer may come.
    pub(super) fn give_up(&mut self) {
        self.is_asked = false;
    }

    /// Searches again, as the database is another one.
    pub(super) fn begin_anew(&mut self) -> Vec<Command> {
        self.is_asked = false;
        self.ask()
    }

    /// Repeats the query that got no answer.
    pub(super) fn ask_again(&mut self) -> Vec<Command> {
        match self.is_answered() {
            true => Vec::new(),
            false => self.ask(),
        }
    }

    fn ask(&mut self) -> Vec<Command> {
        if !self.is_on() {
            self.found.clear();
            self.answered = None;
            return Vec::new();
        }
        if std::mem::replace(&mut self.is_asked, true) {
            return Vec::new();
        }
        vec![Command::Search {
            query: self.query.clone(),
            with: self.with.clone(),
        }]
    }
}
