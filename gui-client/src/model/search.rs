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
    /// Which row of what is shown the person has gone to.
    pub gone_to: Option<usize>,
    found: Vec<Message>,
    /// A question is on its way: the next one waits for its answer, so that whoever types fast
    /// does not make the database look for every letter.
    is_asked: bool,
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

    /// Which of the rows shown Enter opens: the one the person has gone to, or the first.
    pub fn marked(&self, rows: usize) -> Option<usize> {
        let last = rows.checked_sub(1)?;
        let is_asked = !self.query.trim().is_empty();
        is_asked.then(|| self.gone_to.unwrap_or(0).min(last))
    }

    /// Whether what was found answers what is typed.
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

    /// Takes an answer. Where something else is typed meanwhile, that is asked now.
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

    /// The database has failed, so no answer may come.
    pub(super) fn give_up(&mut self) {
        self.is_asked = false;
    }

    /// The database is another one: what was found is looked for again.
    pub(super) fn begin_anew(&mut self) -> Vec<Command> {
        self.is_asked = false;
        self.ask()
    }

    /// What has had no answer is asked for again.
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
