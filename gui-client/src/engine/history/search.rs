//! Searching all messages for words and parts of words.
//!
//! Results are in the order of the conversations, newest first. That is not the order in which
//! messages were stored, since older ones are loaded as the person scrolls to them. Rare words are
//! looked up in the index, and all their messages are sorted. Frequent words are found quickly by
//! reading from the newest message on.

use std::cmp::Reverse;

use rusqlite::{Row, params};

use super::{
    History, Result,
    row::{delivery, known_conversation},
};
use crate::{
    engine::{Message, MessageId, Peer, SearchQuery, SortKey},
    markup,
    matching::fold,
};

/// The index holds groups of three characters. Shorter words are found by reading.
pub(super) const INDEXED_CHARS: usize = 3;
/// Messages found at a time.
pub(in crate::engine) const FOUND_AT_A_TIME: usize = 100;

/// Limits of a search.
#[derive(Clone, Copy, Debug)]
struct Reach {
    /// Up to this many messages of the index are sorted.
    few: usize,
    /// If more match, or there is nothing to look up, this many messages are read at a time.
    read: usize,
}

const REACH: Reach = Reach {
    few: 2_000,
    read: 10_000,
};

/// What is looked for.
struct Query<'a> {
    /// The words a text must contain, folded.
    words: Vec<&'a str>,
    /// The words in the syntax of the index, without the short ones.
    indexed: String,
    /// The id of the conversation to search; `None`: all.
    conversation: Option<i64>,
    by: Option<By<'a>>,
    has_link: bool,
    /// Milliseconds since 1970.
    since: i64,
    until: i64,
    /// Only messages with a lower sort key.
    before: i64,
}

/// The author.
enum By<'a> {
    Me,
    /// In the conversation with this id, received messages name no author.
    Other(&'a str, Option<i64>),
}

/// The sort key and the id of a message that was found.
type Found = (Reverse<i64>, i64);

/// The columns of `messages` that a query reads.
const COLUMNS: &str = "place, id, text, conversation, author, delivery, at";

impl History {
    /// The newest messages that match, of those before a sort key: up to 100, newest first, and where the next ones begin.
    /// There may be next ones even if none was found: so many messages are read at a time.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn search(
        &self,
        query: &SearchQuery,
        before: Option<SortKey>,
    ) -> Result<(Vec<Message>, Option<SortKey>)> {
        self.search_within(REACH, query, before)
    }

    fn search_within(
        &self,
        reach: Reach,
        wanted: &SearchQuery,
        before: Option<SortKey>,
    ) -> Result<(Vec<Message>, Option<SortKey>)> {
        let folded = fold(&wanted.words);
        let words: Vec<&str> = folded.split_whitespace().collect();
        let is_any = wanted.by.is_some()
            || wanted.has_link
            || wanted.since.is_some()
            || wanted.until.is_some();
        if words.is_empty() && !is_any {
            return Ok((Vec::new(), None));
        }
        let conversation = match &wanted.with {
            None => None,
            Some(with) => match known_conversation(&self.connection, with)? {
                Some(known) => Some(known),
                None => return Ok((Vec::new(), None)),
            },
        };
        let by = match &wanted.by {
            None => None,
            Some(me) if *me == self.login => Some(By::Me),
            Some(other) => {
                let with = Peer::Person(other.clone());
                let conversation = known_conversation(&self.connection, &with)?;
                Some(By::Other(other.as_str(), conversation))
            }
        };
        let long = words
            .iter()
            .filter(|word| word.chars().count() >= INDEXED_CHARS)
            .map(|word| format!("\"{}\"", word.replace('"', "\"\"")));
        let query = Query {
            indexed: long.collect::<Vec<_>>().join(" "),
            words,
            conversation,
            by,
            has_link: wanted.has_link,
            since: wanted.since.map_or(i64::MIN, |at| at.as_millisecond()),
            until: wanted.until.map_or(i64::MAX, |at| at.as_millisecond()),
            before: before.map_or(i64::MAX, |before| before.0),
        };
        let (found, next) = match query.indexed.as_str() {
            "" => self.read(&query, reach.read)?,
            _ => self.look_up(&query, reach)?,
        };
        let mut messages = Vec::with_capacity(found.len());
        for (_, id) in found {
            messages.extend(self.message(MessageId(id))?);
        }
        for message in &mut messages {
            self.add_receipts(std::slice::from_mut(message))?;
        }
        Ok((messages, next))
    }

    fn look_up(&self, query: &Query<'_>, reach: Reach) -> Result<(Vec<Found>, Option<SortKey>)> {
        let few = self.indexed(query, reach.few + 1)?;
        if few.len() > reach.few {
            return self.read(query, reach.read);
        }
        let mut found = self.that_match(query, &few)?;
        found.sort_unstable();
        let has_more = found.len() > FOUND_AT_A_TIME;
        found.truncate(FOUND_AT_A_TIME);
        let last = found.last().map(|(Reverse(place), _)| SortKey(*place));
        Ok((found, last.filter(|_| has_more)))
    }

    /// Matches of the index, those stored last.
    fn indexed(&self, query: &Query<'_>, most: usize) -> Result<Vec<i64>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT rowid FROM search WHERE text MATCH ?1 ORDER BY rowid DESC LIMIT ?2",
        )?;
        let ids = statement.query_map(params![query.indexed, most as i64], |row| row.get(0))?;
        Ok(ids.collect::<rusqlite::Result<_>>()?)
    }

    /// Those of these messages that match in everything.
    fn that_match(&self, query: &Query<'_>, ids: &[i64]) -> Result<Vec<Found>> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM messages WHERE id = ?1"))?;
        let mut found = Vec::new();
        for id in ids {
            let mut rows = statement.query([id])?;
            if let Some(row) = rows.next()?
                && query.is_met_by(row)?
            {
                found.push((Reverse(row.get(0)?), *id));
            }
        }
        Ok(found)
    }

    /// Those of the next messages that match.
    fn read(&self, query: &Query<'_>, most: usize) -> Result<(Vec<Found>, Option<SortKey>)> {
        let of_one = match query.conversation {
            Some(_) => "conversation = ?2",
            None => "?2 IS NULL",
        };
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM messages WHERE {of_one} AND place < ?3
             ORDER BY place DESC LIMIT ?1"
        ))?;
        let values = params![most as i64, query.conversation, query.before];
        let mut rows = statement.query(values)?;
        let (mut found, mut read) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            read += 1;
            let place = row.get(0)?;
            if query.is_met_by(row)? {
                found.push((Reverse(place), row.get(1)?));
            }
            if found.len() == FOUND_AT_A_TIME || read == most {
                return Ok((found, Some(SortKey(place))));
            }
        }
        Ok((found, None))
    }
}

impl Query<'_> {
    /// Whether this row, of [`COLUMNS`], is what is looked for.
    fn is_met_by(&self, row: &Row<'_>) -> rusqlite::Result<bool> {
        let (place, conversation, at): (i64, i64, i64) = (row.get(0)?, row.get(3)?, row.get(6)?);
        let is_there = place < self.before
            && self.conversation.is_none_or(|with| with == conversation)
            && (self.since..self.until).contains(&at);
        if !is_there {
            return Ok(false);
        }
        if let Some(by) = &self.by {
            let is_received = row.get::<_, i64>(5)? == delivery::RECEIVED;
            let author = row.get_ref(4)?.as_str()?;
            let is_theirs = match by {
                By::Me => !is_received,
                By::Other(login, with) => {
                    let is_alone = author.is_empty() && *with == Some(conversation);
                    is_received && (author == *login || is_alone)
                }
            };
            if !is_theirs {
                return Ok(false);
            }
        }
        let text = row.get_ref(2)?.as_str()?;
        if self.has_link && markup::find_links(&markup::plain(text)).is_empty() {
            return Ok(false);
        }
        let text = fold(text);
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

    /// All that is found, page by page.
    fn all(history: &History, reach: Reach, query: &SearchQuery) -> Vec<Message> {
        let (mut all, mut before) = (Vec::new(), None);
        loop {
            let (found, next) = history.search_within(reach, query, before).unwrap();
            assert!(found.len() <= FOUND_AT_A_TIME);
            all.extend(found);
            assert!(next.is_none() || next < before || before.is_none());
            before = next;
            if next.is_none() {
                return all;
            }
        }
    }

    #[test]
    fn the_index_and_reading_find_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let history = history(folder.path());
        let person = |name: &str| Peer::Person(Login::parse(name).unwrap());
        let by_index = Reach {
            few: 1_000,
            ..REACH
        };
        let by_reading = Reach { few: 0, ..REACH };
        let by_parts = Reach { few: 0, read: 30 };
        for words in ["word", "WORD x", "rare", "word rare", "ords", "absent", "x"] {
            for with in [None, Some(person("bob"))] {
                let query = SearchQuery {
                    with,
                    ..words.into()
                };
                let found = all(&history, by_index, &query);
                assert!(found.is_sorted_by_key(|message| Reverse(message.sort_key)));
                for reach in [by_reading, by_parts] {
                    assert_eq!(all(&history, reach, &query), found, "{query:?} {reach:?}");
                }
            }
            let query = SearchQuery {
                with: Some(person("nobody")),
                ..words.into()
            };
            assert_eq!(all(&history, REACH, &query), []);
        }
        assert!(all(&history, REACH, &"word".into()).len() > 2 * FOUND_AT_A_TIME);
        assert_eq!(all(&history, REACH, &"rare".into()).len(), 3);
        assert_eq!(all(&history, REACH, &"  ".into()), []);
    }

    #[test]
    fn authors_and_days_are_told_apart_with_and_without_words() {
        let folder = tempfile::tempdir().unwrap();
        let history = history(folder.path());
        let insert = |id: i64, author: &str, state: i64| {
            let values = params![id, 1, id, author, id, state];
            let sql = "INSERT INTO messages (id, conversation, place, text, author, at, delivery)
                       VALUES (?1, ?2, ?3, 'seldom said', ?4, ?5, ?6)";
            history.connection.execute(sql, values).unwrap();
            let sql = "INSERT INTO search (rowid, text) VALUES (?1, 'seldom said')";
            history.connection.execute(sql, [id]).unwrap();
        };
        insert(1_000, "", delivery::RECEIVED);
        insert(1_001, "carol", delivery::RECEIVED);
        insert(1_002, "", delivery::ACCEPTED);
        let login = |name: &str| Login::parse(name).ok();
        let at = |ms| jiff::Timestamp::from_millisecond(ms).ok();
        let ids = |query: &SearchQuery| -> Vec<i64> {
            let found = all(&history, REACH, query);
            found.into_iter().map(|message| message.id.0).collect()
        };
        let seldom = || SearchQuery::from("seldom");
        for (by, id) in [("bob", 1_000), ("carol", 1_001), ("alice", 1_002)] {
            let by = login(by);
            assert_eq!(ids(&SearchQuery { by, ..seldom() }), [id]);
        }
        insert(1_003, "", delivery::RECEIVED);
        let link = "UPDATE messages SET text = 'see https://example.org/x' WHERE id = 1003";
        history.connection.execute(link, []).unwrap();
        let links = SearchQuery {
            has_link: true,
            ..SearchQuery::default()
        };
        assert_eq!(ids(&links), [1_003]);
        let delete = "DELETE FROM messages WHERE id = 1003";
        history.connection.execute(delete, []).unwrap();
        let since = at(1_001);
        let wordless = SearchQuery {
            since,
            ..SearchQuery::default()
        };
        // Before the two of `history`, which are of today.
        assert_eq!(ids(&wordless)[..2], [1_002, 1_001]);
        let until = at(1_001);
        assert_eq!(ids(&SearchQuery { until, ..seldom() }), [1_000]);
        let both = SearchQuery {
            since,
            by: login("carol"),
            ..SearchQuery::default()
        };
        assert_eq!(ids(&both), [1_001]);
    }
}
