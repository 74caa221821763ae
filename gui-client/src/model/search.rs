use jiff::{Timestamp, civil::Date};
use mensageiro_protocol::Login;

use crate::engine::{Command, FOUND_AT_A_TIME, Message, MessageId, Peer, SearchQuery, SortKey};

/// Shorter queries only filter the conversation list.
const SHORTEST: usize = 2;
/// Results that are kept at most.
const KEPT: usize = 10_000;

/// A day where the person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// Which.
    pub date: Date,
    /// When it begins.
    pub begins: Timestamp,
    /// When the next one begins.
    pub ends: Timestamp,
}

/// The search in all messages and in the names of the conversation list.
#[derive(Debug, Default)]
pub struct Search {
    /// The query.
    pub query: String,
    /// The conversation to search; `None`: all.
    pub with: Option<Peer>,
    /// The author of what is searched for; `None`: anybody.
    pub by: Option<Login>,
    /// Only messages with a link.
    pub has_link: bool,
    /// The first day.
    pub since: Option<Day>,
    /// The last day.
    pub until: Option<Day>,
    /// The result row that the person has moved to.
    pub gone_to: Option<usize>,
    found: Vec<Message>,
    /// Where older results may be.
    next: Option<SortKey>,
    /// So many results are wanted.
    wanted: usize,
    /// A query is running. The next one waits for its answer, so that fast typing does not make the
    /// database search for every letter.
    is_asked: bool,
    /// The query that `found` answers, as far as results are wanted.
    answered: Option<SearchQuery>,
}

impl Search {
    /// The results, newest first; those of an earlier query until the answer comes.
    pub fn found(&self) -> &[Message] {
        &self.found
    }

    /// Whether messages are searched, and not names only.
    pub fn is_on(&self) -> bool {
        self.has_words() || self.has_filter()
    }

    /// Whether an author, links or days are chosen.
    pub fn has_filter(&self) -> bool {
        self.by.is_some() || self.has_link || self.since.is_some() || self.until.is_some()
    }

    /// Whether there are results that have not been asked for.
    pub fn has_more(&self) -> bool {
        self.next.is_some()
    }

    /// Whether they can be asked for now.
    pub fn may_ask_for_more(&self) -> bool {
        self.has_more() && self.is_answered() && !self.is_asked
    }

    /// The row that Enter opens: the one the person has moved to, or the first.
    pub fn marked(&self, rows: usize) -> Option<usize> {
        let last = rows.checked_sub(1)?;
        let is_asked = !self.query.trim().is_empty() || self.has_filter();
        is_asked.then(|| self.gone_to.unwrap_or(0).min(last))
    }

    /// Whether the results are those of the current query.
    pub fn is_answered(&self) -> bool {
        self.answered
            .as_ref()
            .is_some_and(|answered| *answered == self.wanted_query())
    }

    /// A found message has another text now, or is gone.
    pub(super) fn take_changed(&mut self, id: MessageId, message: Option<&Message>) {
        match message {
            Some(now) => {
                let found = self.found.iter_mut().filter(|found| found.id == id);
                found.for_each(|found| found.clone_from(now));
            }
            None => self.found.retain(|found| found.id != id),
        }
    }

    pub(super) fn edit(&mut self, query: String) -> Vec<Command> {
        self.query = query;
        self.changed()
    }

    pub(super) fn set_scope(&mut self, with: Option<Peer>) -> Vec<Command> {
        self.with = with;
        self.changed()
    }

    pub(super) fn set_author(&mut self, by: Option<Login>) -> Vec<Command> {
        self.by = by;
        self.changed()
    }

    pub(super) fn set_links(&mut self, has_link: bool) -> Vec<Command> {
        self.has_link = has_link;
        self.changed()
    }

    pub(super) fn set_days(&mut self, since: Option<Day>, until: Option<Day>) -> Vec<Command> {
        (self.since, self.until) = (since, until);
        self.changed()
    }

    /// Asks for the next results.
    pub(super) fn more(&mut self) -> Vec<Command> {
        if !self.may_ask_for_more() {
            return Vec::new();
        }
        self.wanted = self.found.len() + FOUND_AT_A_TIME;
        self.ask_from(self.next)
    }

    pub(super) fn clear(&mut self) {
        *self = Self {
            is_asked: self.is_asked,
            ..Self::default()
        };
    }

    /// Takes an answer. If the query has changed meanwhile, it is sent now. If there may be as many as are wanted, the search
    /// goes on.
    pub(super) fn take(
        &mut self,
        query: SearchQuery,
        before: Option<SortKey>,
        found: Vec<Message>,
        next: Option<SortKey>,
    ) -> Vec<Command> {
        self.is_asked = false;
        if query != self.wanted_query() {
            return self.ask();
        }
        if before.is_none() {
            self.found.clear();
        }
        self.found.extend(found);
        self.next = next.filter(|_| self.found.len() < KEPT);
        if self.found.len() < self.wanted && self.next.is_some() {
            return self.ask_from(self.next);
        }
        self.answered = Some(query);
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

    fn changed(&mut self) -> Vec<Command> {
        self.gone_to = None;
        self.ask()
    }

    fn has_words(&self) -> bool {
        self.query.trim().chars().count() >= SHORTEST
    }

    fn wanted_query(&self) -> SearchQuery {
        SearchQuery {
            words: self.query.clone(),
            with: self.with.clone(),
            by: self.by.clone(),
            has_link: self.has_link,
            since: self.since.map(|day| day.begins),
            until: self.until.map(|day| day.ends),
        }
    }

    fn ask(&mut self) -> Vec<Command> {
        if !self.is_on() {
            self.found.clear();
            (self.next, self.answered) = (None, None);
            return Vec::new();
        }
        self.wanted = FOUND_AT_A_TIME;
        self.ask_from(None)
    }

    fn ask_from(&mut self, before: Option<SortKey>) -> Vec<Command> {
        if std::mem::replace(&mut self.is_asked, true) {
            return Vec::new();
        }
        let query = self.wanted_query();
        vec![Command::Search { query, before }]
    }
}
