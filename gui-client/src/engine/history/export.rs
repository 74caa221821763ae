//! Exporting a conversation: it is read page by page, beside the open account.

use std::{path::PathBuf, vec};

use mensageiro_protocol::Login;
use rusqlite::{Connection, OpenFlags};

use super::{BUSY, History, HistoryError, Result, row::peer_name, timeline::LONGEST_PAGE};
use crate::engine::{Export, Message, Messages, Older, Peer, SortKey};

/// The most messages of an export.
const MOST: usize = 1_000_000;

/// What another thread needs to open the database.
#[derive(Clone, Debug)]
struct Source {
    path: PathBuf,
    login: Login,
    with: Peer,
}

/// The messages of a conversation, oldest first.
struct Reader {
    history: History,
    with: Peer,
    after: SortKey,
    left: usize,
    page: vec::IntoIter<Message>,
}

impl History {
    /// All messages of a conversation, but only the newest 1,000,000.
    pub fn export(&self, with: Peer) -> Export {
        let source = self.source(with);
        Export::new(move || {
            source
                .read(MOST)
                .map_err(|error| error.problem(&source.path))
        })
    }

    fn source(&self, with: Peer) -> Source {
        Source {
            path: self
                .connection
                .path()
                .map(PathBuf::from)
                .unwrap_or_default(),
            login: self.login.clone(),
            with,
        }
    }
}

impl Source {
    fn read(&self, most: usize) -> Result<Messages> {
        let open = |source| HistoryError::Open {
            path: self.path.clone(),
            source,
        };
        // A reader of a write-ahead log must write to the file in which readers coordinate.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags).map_err(open)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "query_only", true)?;
        // All pages show the same moment, whatever is written meanwhile.
        connection.execute_batch("BEGIN")?;
        let history = History {
            connection,
            login: self.login.clone(),
            repeats: None,
            set_aside: None,
            lock: None,
        };
        let with = self.with.clone();
        let (count, first) = history.newest(&with, most)?;
        let after = SortKey(first.0 - 1);
        let older = if !history.page(&with, Some(first), 1)?.0.is_empty() {
            Older::More
        } else if history.gap_below(&with)?.is_some() {
            Older::AtServer
        } else {
            Older::Nothing
        };
        let path = self.path.clone();
        let all = Reader {
            history,
            with,
            after,
            left: count,
            page: Vec::new().into_iter(),
        };
        Ok(Messages {
            count,
            older,
            all: Box::new(all.map(move |read| read.map_err(|error| error.problem(&path)))),
        })
    }
}

impl History {
    /// The number of messages, up to `most` of the newest, and the sort key of the first of them.
    fn newest(&self, with: &Peer, most: usize) -> Result<(usize, SortKey)> {
        let mut statement = self.connection.prepare_cached(
            "SELECT count(*), coalesce(min(place), 1) FROM (
                 SELECT m.place FROM conversations c JOIN messages m ON m.conversation = c.id
                 WHERE c.peer = ?1 ORDER BY m.place DESC LIMIT ?2
             )",
        )?;
        let newest = statement.query_row((peer_name(with), most as i64), |row| {
            let count: i64 = row.get(0)?;
            Ok((usize::try_from(count).unwrap_or(0), SortKey(row.get(1)?)))
        })?;
        Ok(newest)
    }
}

impl Iterator for Reader {
    type Item = Result<Message>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.len() == 0 && self.left > 0 {
            let limit = LONGEST_PAGE.min(self.left);
            match self.history.page_after(&self.with, self.after, limit) {
                Ok((page, _)) => {
                    self.left = match page.last() {
                        Some(_) => self.left - page.len(),
                        None => 0,
                    };
                    self.after = page.last().map_or(self.after, |last| last.sort_key);
                    self.page = page.into_iter();
                }
                Err(error) => {
                    self.left = 0;
                    return Some(Err(error));
                }
            }
        }
        self.page.next().map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use mensageiro_protocol::Text;

    use super::*;
    use crate::engine::Account;

    #[test]
    fn all_of_a_conversation_is_read_in_pages_up_to_a_bound() {
        let folder = tempfile::tempdir().unwrap();
        let account = Account {
            login: Login::parse("alice").unwrap(),
            server: "localhost".into(),
        };
        let history = History::open(folder.path(), &account).unwrap();
        let bob = Login::parse("bob").unwrap();
        let with = Peer::Person(bob.clone());
        let count = LONGEST_PAGE * 2 + 1;
        let nothing = history.export(with.clone()).open().unwrap();
        assert_eq!((nothing.count, nothing.older), (0, Older::Nothing));
        history
            .add_to_outbox(&bob, &Text::from("first"), None)
            .unwrap();
        history
            .connection
            .execute(
                "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                 INSERT INTO messages (conversation, place, text, at, delivery)
                 SELECT 1, i, 'message ' || i, i, 0 FROM n",
                [count as i64],
            )
            .unwrap();
        let all = history.export(with.clone()).open().unwrap();
        assert_eq!((all.count, all.older), (count, Older::Nothing));
        // What comes while one reads is not among it.
        history
            .add_to_outbox(&bob, &Text::from("late"), None)
            .unwrap();
        let all: Vec<Message> = all.all.map(|read| read.unwrap()).collect();
        assert_eq!(all.len(), count);
        assert!(all.is_sorted_by_key(|message| message.sort_key));
        let newest = history.source(with).read(count).unwrap();
        assert_eq!((newest.count, newest.older), (count, Older::More));
        let newest: Vec<Message> = newest.all.map(|read| read.unwrap()).collect();
        assert_eq!(newest[..count - 1], all[1..]);
    }

    #[test]
    fn a_database_that_is_gone_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let source = Source {
            path: folder.path().join("gone.db"),
            login: Login::parse("alice").unwrap(),
            with: Peer::Server,
        };
        let error = source.read(1).err().unwrap();
        assert!(error.to_string().contains("gone.db"), "{error}");
    }
}
