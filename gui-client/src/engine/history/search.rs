//! Searching all messages for words and parts of words.
//!
//! Results are in the order of the conversations, newest first. That is not the order in which
//! messages were stored, since older ones are loaded as the person scrolls to them. Rare words are
//! looked up in the index, and all their messages are sorted. Frequent words are found quickly by
//! reading from the newest message on.

use std::cmp::Reverse;

use rusqlite::{Row, params};

use super::{History, Result, row::known_conversation};
use crate::{
    engine::{Message, MessageId, Peer},
    matching::fold,
};

/// The index holds groups of three characters. Shorter words are found by reading.
pub(super) const INDEXED_CHARS: usize = 3;
/// Messages found at most.
pub(in crate::engine) const MOST_FOUND: usize = 100;

/// Limits of a search.
#[derive(Clone, Copy, Debug)]
struct Reach {
    /// Up to this many messages of the index are always sorted.
    few: usize,
    /// If more messages match, this many of the newest are read.
    read: usize,
    /// If reading has not found enough, this many of the index are sorted, those stored last.
    ordered: usize,
    /// If all words are short, this many of the newest messages are read.
    read_for_short: usize,
}

const REACH: Reach = Reach {
    few: 2_000,
    read: 10_000,
    ordered: 20_000,
    read_for_short: 100_000,
};

/// What is looked for.
struct Query<'a> {
    /// The words a text must contain, folded.
    words: Vec<&'a str>,
    /// The words in the syntax of the index, without the short ones.
    indexed: String,
    /// The id of the conversation to search; `None`: all.
    conversation: Option<i64>,
}

/// The sort key and the id of a message that was found.
type Found = (Reverse<i64>, i64);

impl History {
    /// The newest messages that contain all these words or parts of words, newest first.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn search(&self, query: &str, with: Option<&Peer>) -> Result<Vec<Message>> {
        self.search_within(REACH, query, with)
    }

    fn search_within(
        &self,
        reach: Reach,
        query: &str,
        with: Option<&Peer>,
    ) -> Result<Vec<Message>> {
        let folded = fold(query);
        let words: Vec<&str> = folded.split_whitespace().collect();
        let conversation = match with {
            None => None,
            Some(with) => match known_conversation(&self.connection, with)? {
                Some(known) => Some(known),
                None => return Ok(Vec::new()),
            },
        };
        let long = words
            .iter()
            .filter(|word| word.chars().count() >= INDEXED_CHARS)
            .map(|word| format!("\"{}\"", word.replace('"', "\"\"")));
        let query = Query {
            indexed: long.collect::<Vec<_>>().join(" "),
            words,
            conversation,
        };
        let mut found = match (query.words.as_slice(), query.indexed.as_str()) {
            ([], _) => Vec::new(),
            (_, "") => self.read(&query, reach.read_for_short)?.0,
            _ => self.look_up(&query, reach)?,
        };
        found.sort_unstable();
        found.dedup();
        found.truncate(MOST_FOUND);
        let mut messages = Vec::with_capacity(found.len());
        for (_, id) in found {
            messages.extend(self.message(MessageId(id))?);
        }
        for message in &mut messages {
            self.add_receipts(std::slice::from_mut(message))?;
        }
        Ok(messages)
    }

    fn look_up(&self, query: &Query<'_>, reach: Reach) -> Result<Vec<Found>> {
        let few = self.indexed(query, reach.few + 1)?;
        if few.len() <= reach.few {
            return self.that_hold(query, &few);
        }
        let (mut found, is_enough) = self.read(query, reach.read)?;
        if !is_enough {
            let ordered = self.indexed(query, reach.ordered)?;
            found.extend(self.that_hold(query, &ordered)?);
        }
        Ok(found)
    }

    /// Matches of the index, those stored last.
    fn indexed(&self, query: &Query<'_>, most: usize) -> Result<Vec<i64>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT rowid FROM search WHERE text MATCH ?1 ORDER BY rowid DESC LIMIT ?2",
        )?;
        let ids = statement.query_map(params![query.indexed, most as i64], |row| row.get(0))?;
        Ok(ids.collect::<rusqlite::Result<_>>()?)
    }

    /// Matches of the index that are in the conversation and contain the short words too.
    fn that_hold(&self, query: &Query<'_>, ids: &[i64]) -> Result<Vec<Found>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT place, conversation, text FROM messages WHERE id = ?1")?;
        let mut found = Vec::new();
        for id in ids {
            let mut rows = statement.query([id])?;
            let Some(row) = rows.next()? else {
                continue;
            };
            let conversation: i64 = row.get(1)?;
            if query.conversation.is_none_or(|with| with == conversation)
                && query.is_held_by(row)?
            {
                found.push((Reverse(row.get(0)?), *id));
            }
        }
        Ok(found)
    }

    /// Those of the newest messages that contain the words. The second value says that no others
    /// are needed: there are as many as can be shown, or no older messages.
    fn read(&self, query: &Query<'_>, most: usize) -> Result<(Vec<Found>, bool)> {
        let of_one = match query.conversation {
            Some(_) => "WHERE conversation = ?2",
            None => "WHERE ?2 IS NULL",
        };
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT place, id, text FROM messages {of_one} ORDER BY place DESC LIMIT ?1"
        ))?;
        let mut rows = statement.query(params![most as i64, query.conversation])?;
        let (mut found, mut read) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            read += 1;
            if query.is_held_by(row)? {
                found.push((Reverse(row.get(0)?), row.get(1)?));
                if found.len() == MOST_FOUND {
                    return Ok((found, true));
                }
            }
        }
        Ok((found, read < most))
    }
}

impl Query<'_> {
    /// Whether the text in the third column contains all words.
    fn is_held_by(&self, row: &Row<'_>) -> rusqlite::Result<bool> {
        let text = fold(row.get_ref(2)?.as_str()?);
        Ok(self.words.iter().all(|word| text.contains(word)))
    }
}

#[cfg(test)]
mod tests {
    use mensageiro_protocol::{Login, Text};

    use super::*;
    use crate::engine::Account;

    /// Messages in an order that has nothing to do with the order in which they are stored.
    fn history(folder: &std::path::Path) -> History {
        let account = Account {
            login: Login::parse("alice").unwrap(),
            server: "localhost".into(),
        };
        let history = History::open(folder, &account).unwrap();
        for to in ["bob", "carol"] {
            let to = Login::parse(to).unwrap();
            history
                .add_to_outbox(&to, &Text::from("first"), None)
                .unwrap();
        }
        let texts = ["a word of it", "Wörds and xy", "x", "rare word", "nothing"];
        let mut random = fastrand::Rng::with_seed(7);
        for id in 3..600_i64 {
            let sort_key = random.i64(1..1 << 40);
            let text = texts[[0, 0, 1, 2, 4, 4, 4][random.usize(..7)]];
            let text = if id % 150 == 0 { texts[3] } else { text };
            history
                .connection
                .execute(
                    "INSERT INTO messages (id, conversation, place, text, at, delivery)
                     VALUES (?1, ?2, ?3, ?4, 0, 0)",
                    params![id, 1 + id % 2, sort_key, text],
                )
                .unwrap();
            history
                .connection
                .execute(
                    "INSERT INTO search (rowid, text) VALUES (?1, ?2)",
                    params![id, fold(text)],
                )
                .unwrap();
        }
        history
    }

    #[test]
    fn the_index_and_reading_find_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let history = history(folder.path());
        let (bob, nobody) = (
            Peer::Person(Login::parse("bob").unwrap()),
            Peer::Person(Login::parse("nobody").unwrap()),
        );
        let by_index = Reach {
            few: 1_000,
            ..REACH
        };
        let by_reading = Reach { few: 0, ..REACH };
        let by_both = Reach {
            few: 0,
            read: 30,
            ..REACH
        };
        for query in ["word", "WORD x", "rare", "word rare", "ords", "absent"] {
            for with in [None, Some(&bob)] {
                let found = history.search_within(by_index, query, with).unwrap();
                assert!(found.is_sorted_by_key(|message| Reverse(message.sort_key)));
                for reach in [by_reading, by_both] {
                    let same = history.search_within(reach, query, with).unwrap();
                    assert_eq!(same, found, "{query:?} {with:?} {reach:?}");
                }
            }
            assert_eq!(history.search(query, Some(&nobody)).unwrap(), []);
        }
        assert_eq!(history.search("word", None).unwrap().len(), MOST_FOUND);
        assert_eq!(history.search("rare", None).unwrap().len(), 3);
    }
}
