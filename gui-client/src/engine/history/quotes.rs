//! Finding the message that a reply quotes. A quote is a part of the reply's text, so anything can stand
//! in it. Each of them is looked up, and what that costs is bounded.

use std::cmp::Reverse;

use rusqlite::{Row, params};

use super::{
    History, Result,
    row::{delivery, known_conversation, peer_name},
    search::INDEXED_CHARS,
};
use crate::{
    engine::{Message, MessageId, Peer, Quoted, SortKey},
    markup,
    matching::fold,
};

/// The most messages before the reply that are read one by one.
const READ: usize = 2_000;
/// The same for a quote without a word that the index could find.
const READ_WITHOUT_INDEX: usize = 10_000;
/// The most messages of the index that are looked at, those stored last.
const INDEXED: usize = 2_000;
/// The most words that the index is asked for, the longest ones.
const WORDS: usize = 4;
/// The most bytes of texts whose markup is read.
const BYTES: usize = 1 << 20;

/// What is looked for.
struct Wanted<'a> {
    conversation: i64,
    before: i64,
    author: &'a str,
    is_own: bool,
    /// The author is the other side: received messages without an author are theirs.
    is_peer: bool,
    excerpt: &'a str,
    /// The longest run of letters and digits in it.
    word: &'a str,
    /// How many bytes of texts may still be read.
    left: usize,
}

impl History {
    /// The message that is quoted. If the reply names it, it is that one or none, and it must begin as quoted. If
    /// not, it is the newest one before the reply that its author wrote and that begins so, among the last 2,000 and
    /// those that the index of words finds.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn quoted(&self, quoted: &Quoted) -> Result<Option<Message>> {
        let Quoted {
            with,
            re,
            before,
            author,
            excerpt,
        } = quoted;
        let Some(conversation) = known_conversation(&self.connection, with)? else {
            return Ok(None);
        };
        let mut words: Vec<&str> = excerpt
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        words.sort_by_key(|word| Reverse(word.len()));
        let mut wanted = Wanted {
            conversation,
            before: before.0,
            author,
            is_own: author == self.login.as_str(),
            is_peer: author == peer_name(with),
            excerpt,
            word: words.first().copied().unwrap_or_default(),
            left: BYTES,
        };
        let query: Vec<String> = words
            .into_iter()
            .map(fold)
            .filter(|word| word.chars().count() >= INDEXED_CHARS)
            .take(WORDS)
            .map(|word| format!("\"{word}\""))
            .collect();
        let most = match query.is_empty() {
            true => READ_WITHOUT_INDEX,
            false => READ,
        };
        let found = match re {
            Some(re) => self.named(&mut wanted, *re)?,
            None => match self.quoted_of_last(&mut wanted, most)? {
                None if !query.is_empty() => self.quoted_of_index(&mut wanted, &query.join(" "))?,
                found => found,
            },
        };
        let Some(mut message) = found.map(|id| self.message(id)).transpose()?.flatten() else {
            return Ok(None);
        };
        self.add_receipts(std::slice::from_mut(&mut message))?;
        Ok(Some(message))
    }

    /// The message that a new text replies to: the one that the person has chosen, if the text quotes it.
    pub(super) fn replied_to(
        &self,
        with: &Peer,
        text: &str,
        chosen: Option<MessageId>,
    ) -> Result<Option<Message>> {
        let (Some(quote), _) = markup::split_quote(text) else {
            return Ok(None);
        };
        let mut quoted = Quoted {
            with: with.clone(),
            re: None,
            before: SortKey(i64::MAX),
            author: quote.author.to_owned(),
            excerpt: quote.excerpt.to_owned(),
        };
        if let Some(chosen) = chosen.map(|id| self.message(id)).transpose()?.flatten() {
            quoted.re = Some(chosen.sort_key);
            if let Some(found) = self.quoted(&quoted)? {
                return Ok(Some(found));
            }
            quoted.re = None;
        }
        // The app was started anew since it was chosen.
        self.quoted(&quoted)
    }

    fn named(&self, wanted: &mut Wanted<'_>, re: SortKey) -> Result<Option<MessageId>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, delivery, author, text FROM messages WHERE conversation = ?1 AND place = ?2",
        )?;
        let mut rows = statement.query((wanted.conversation, re.0))?;
        while let Some(row) = rows.next()? {
            if wanted.is(row)? {
                return Ok(Some(MessageId(row.get(0)?)));
            }
        }
        Ok(None)
    }

    fn quoted_of_last(&self, wanted: &mut Wanted<'_>, most: usize) -> Result<Option<MessageId>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, delivery, author, text FROM messages
             WHERE conversation = ?1 AND place < ?2 ORDER BY place DESC LIMIT ?3",
        )?;
        let values = params![wanted.conversation, wanted.before, most as i64];
        let mut rows = statement.query(values)?;
        while let Some(row) = rows.next()? {
            if wanted.is(row)? {
                return Ok(Some(MessageId(row.get(0)?)));
            }
        }
        Ok(None)
    }

    fn quoted_of_index(&self, wanted: &mut Wanted<'_>, query: &str) -> Result<Option<MessageId>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, delivery, author, text, place
             FROM (SELECT rowid AS found FROM search WHERE text MATCH ?1 ORDER BY rowid DESC LIMIT ?2)
             JOIN messages ON id = found
             WHERE conversation = ?3 AND place < ?4",
        )?;
        let values = params![query, INDEXED as i64, wanted.conversation, wanted.before];
        let mut rows = statement.query(values)?;
        // They are not in the order of the conversation.
        let mut newest: Option<(i64, MessageId)> = None;
        while let Some(row) = rows.next()? {
            if wanted.is(row)? {
                newest = newest.max(Some((row.get(4)?, MessageId(row.get(0)?))));
            }
        }
        Ok(newest.map(|(_, id)| id))
    }
}

impl Wanted<'_> {
    /// Whether this row, of the columns above, is the message.
    fn is(&mut self, row: &Row<'_>) -> rusqlite::Result<bool> {
        let is_received = row.get::<_, i64>(1)? == delivery::RECEIVED;
        let author = row.get_ref(2)?.as_str()?;
        let is_theirs = match is_received {
            true => author == self.author || (author.is_empty() && self.is_peer),
            false => self.is_own,
        };
        let text = row.get_ref(3)?.as_str()?;
        // No mark stands within a word.
        if !is_theirs || !text.contains(self.word) || text.len() > self.left {
            return Ok(false);
        }
        self.left -= text.len();
        Ok(markup::excerpt(text) == self.excerpt)
    }
}

#[cfg(test)]
mod tests {
    use mensageiro_protocol::{Login, Text};
    use tempfile::{TempDir, tempdir};

    use super::*;
    use crate::engine::{
        Account,
        net::{Batch, Received},
    };

    fn open(folder: &TempDir) -> History {
        let account = Account {
            login: Login::parse("ana").unwrap(),
            server: "localhost".into(),
        };
        History::open(folder.path(), &account).unwrap()
    }

    fn person(name: &str) -> Peer {
        Peer::Person(Login::parse(name).unwrap())
    }

    fn receive(history: &mut History, from: &str, texts: &[&str]) {
        let received = texts.iter().map(|text| Received {
            from: person(from),
            text: Text::from(*text),
        });
        let received = received.collect();
        history
            .receive(&Batch {
                received,
                ends: None,
            })
            .unwrap();
    }

    fn is_found(history: &History, with: &str, author: &str, excerpt: &str) -> bool {
        let end = SortKey(i64::MAX);
        let found = history.quoted(&Quoted {
            with: person(with),
            re: None,
            before: end,
            author: author.to_owned(),
            excerpt: excerpt.to_owned(),
        });
        found.unwrap().is_some()
    }

    #[test]
    fn what_one_has_written_is_the_quote_of_nobody_else() {
        let folder = tempdir().unwrap();
        let mut history = open(&folder);
        let bob = Login::parse("bob").unwrap();
        history
            .add_to_outbox(&bob, &Text::from("I pay"), None)
            .unwrap();
        receive(&mut history, "bob", &["you pay"]);
        receive(&mut history, "eva", &["we pay"]);
        for (author, excerpt, expected) in [
            ("ana", "I pay", true),
            ("bob", "you pay", true),
            ("bob", "I pay", false),
            ("ana", "you pay", false),
            ("eva", "you pay", false),
            ("eva", "I pay", false),
            // In another conversation.
            ("eva", "we pay", false),
            ("ana", "", false),
        ] {
            let found = is_found(&history, "bob", author, excerpt);
            assert_eq!(found, expected, "{author} {excerpt}");
        }
        assert!(!is_found(&history, "nobody", "ana", "I pay"));
    }

    #[test]
    fn a_quote_of_long_ago_is_found_by_its_words() {
        let folder = tempdir().unwrap();
        let mut history = open(&folder);
        let first = "*Reunião* às 10, e `código` (“já”)?";
        receive(&mut history, "bob", &[first, "ok"]);
        let much = vec!["Reunião"; READ + 1];
        receive(&mut history, "bob", &much[..INDEXED - 1]);
        receive(&mut history, "bob", &much[..READ + 2 - INDEXED]);
        receive(&mut history, "eva", &["reunião"]);
        assert!(is_found(&history, "bob", "bob", &markup::excerpt(first)));
        assert!(!is_found(
            &history,
            "bob",
            "bob",
            "Reunião às 10, e código (\"não\")?"
        ));
        // Too short for the index.
        assert!(is_found(&history, "bob", "bob", "ok"));
        assert!(!is_found(&history, "bob", "bob", "no"));
    }

    #[test]
    fn long_texts_of_somebody_else_cost_a_bounded_time() {
        let folder = tempdir().unwrap();
        let mut history = open(&folder);
        let long = format!("{}x", "word *a* `b` ".repeat(1_200));
        receive(&mut history, "bob", &vec![long.as_str(); 200]);
        let begun = std::time::Instant::now();
        assert!(!is_found(&history, "bob", "bob", "word a b x"));
        let once = begun.elapsed();
        // Of some 3 MB, one is read for marks; as much as a dozen would take too long for a window.
        assert!(once.as_secs() < 5, "{once:?}");
    }
}
