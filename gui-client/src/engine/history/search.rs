//! Looking for words and parts of words in all that was ever said.

use rusqlite::{Row, params};

use super::{
    History, Result,
    fold::fold,
    row::{COLUMNS, peer_name, read_message},
};
use crate::{
    engine::{Message, Peer, Place},
    markup,
};

/// The index knows groups of three characters; shorter words are looked for by reading.
const INDEXED_CHARS: usize = 3;
/// Messages found at most.
pub(in crate::engine) const MOST_FOUND: usize = 100;
/// Messages with the words that are put in order, those stored last. Older ones that came later,
/// as one scrolled to them, are among them in their own place.
const ORDERED: usize = 20_000;
/// Candidates of the index that are looked at for shorter words, the newest first.
const CANDIDATES: usize = 2_000;
/// Messages that are read at most when all words are short, the newest first.
const READ: usize = 100_000;

impl History {
    /// The newest messages that hold all these words or parts of words, newest first.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn search(&self, query: &str, with: Option<&Peer>) -> Result<Vec<Message>> {
        let query = fold(query);
        let words: Vec<&str> = query.split_whitespace().collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let (long, short): (Vec<&str>, Vec<&str>) = words
            .iter()
            .partition(|word| word.chars().count() >= INDEXED_CHARS);
        let mut found = if long.is_empty() {
            self.read_for(&short, with)?
        } else {
            self.look_up(&long, &short, with)?
        };
        found.sort_by_key(|message| std::cmp::Reverse(message.place));
        for message in &mut found {
            self.add_receipts(std::slice::from_mut(message))?;
        }
        Ok(found)
    }

    /// The newest message before `before` that `author` wrote and that is quoted so; looked for
    /// in the 100,000 before it.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn quoted(
        &self,
        with: &Peer,
        before: Place,
        author: &str,
        excerpt: &str,
    ) -> Result<Option<Message>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM conversations c JOIN messages m ON m.conversation = c.id
             WHERE c.peer = ?1 AND m.place < ?2 ORDER BY m.place DESC LIMIT ?3"
        ))?;
        let values = params![peer_name(with), before.0, READ as i64];
        let mut rows = statement.query_map(values, read_message)?;
        let is_it = |message: &Message| {
            let is_theirs = match &message.author {
                Some(login) => login.as_str() == author,
                // The other side's, or one's own: there is nobody else.
                None => message.is_own() == (peer_name(with) != author),
            };
            is_theirs && markup::excerpt(message.text.as_str()) == excerpt
        };
        let mut found = rows
            .find(|row| row.as_ref().is_ok_and(is_it) || row.is_err())
            .transpose()?;
        if let Some(message) = &mut found {
            self.add_receipts(std::slice::from_mut(message))?;
        }
        Ok(found)
    }

    fn look_up(&self, long: &[&str], short: &[&str], with: Option<&Peer>) -> Result<Vec<Message>> {
        let quoted: Vec<String> = long
            .iter()
            .map(|word| format!("\"{}\"", word.replace('"', "\"\"")))
            .collect();
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM (
                 SELECT m.id AS found, m.place AS at_place FROM search s
                 JOIN messages m ON m.id = s.rowid
                 JOIN conversations c ON c.id = m.conversation
                 WHERE s.text MATCH ?1 AND (?2 IS NULL OR c.peer = ?2)
                 ORDER BY s.rowid DESC LIMIT ?3
             ) JOIN messages m ON m.id = found JOIN conversations c ON c.id = m.conversation
             ORDER BY at_place DESC LIMIT ?4"
        ))?;
        let values = params![
            quoted.join(" "),
            with.map(peer_name),
            ORDERED as i64,
            CANDIDATES as i64
        ];
        let rows = statement.query_map(values, read_message)?;
        first_that_hold(rows, short)
    }

    fn read_for(&self, short: &[&str], with: Option<&Peer>) -> Result<Vec<Message>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM (
                 SELECT m.id AS found, m.place AS at_place
                 FROM messages m JOIN conversations c ON c.id = m.conversation
                 WHERE ?1 IS NULL OR c.peer = ?1 ORDER BY m.id DESC LIMIT ?2
             ) JOIN messages m ON m.id = found JOIN conversations c ON c.id = m.conversation
             ORDER BY at_place DESC"
        ))?;
        let values = params![with.map(peer_name), READ as i64];
        let rows = statement.query_map(values, read_message)?;
        first_that_hold(rows, short)
    }
}

fn first_that_hold<F>(rows: rusqlite::MappedRows<'_, F>, words: &[&str]) -> Result<Vec<Message>>
where
    F: FnMut(&Row<'_>) -> rusqlite::Result<Message>,
{
    let mut found = Vec::new();
    for message in rows {
        let message = message?;
        let holds = words.is_empty() || {
            let text = fold(message.text.as_str());
            words.iter().all(|word| text.contains(word))
        };
        if holds {
            found.push(message);
            if found.len() == MOST_FOUND {
                break;
            }
        }
    }
    Ok(found)
}
