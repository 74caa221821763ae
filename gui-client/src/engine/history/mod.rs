//! The local database: one file for each account, with all its messages, drafts and what is
//! needed to neither lose nor double a message when the app or the link dies.

mod file;
mod outbox;
mod received;
mod repeats;
mod schema;
mod timeline;

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use mensageiro_protocol::{Framing, Login, Text};
use rusqlite::{Connection, OptionalExtension, Row, types::Type};
use thiserror::Error;

pub use self::outbox::outgoing;
use self::repeats::Repeats;
use super::{Account, Delivery, Message, MessageId, Peer};

/// How long to wait for another program, a backup perhaps, that holds the file.
const BUSY: Duration = Duration::from_secs(5);

/// What the database knows of a message's way; [`Delivery`] is what is shown of it.
mod delivery {
    pub(super) const RECEIVED: i64 = 0;
    pub(super) const WAITING: i64 = 1;
    pub(super) const DEPARTED: i64 = 2;
    pub(super) const ACCEPTED: i64 = 3;
    pub(super) const UNCONFIRMED: i64 = 4;
}

/// An account's open database. Every change is on the disk when its function returns.
#[derive(Debug)]
pub struct History {
    connection: Connection,
    /// What came before in doubt, until this session has shown how much of it is repeated.
    repeats: Option<Repeats>,
    /// Held as long as the database is open; the system lets go of it when the app dies.
    _lock: File,
}

/// Why the local database cannot be used, in words for the person.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// Another process has this account open.
    #[error(
        "This account is already open in another window of MeuMensageiro. Use that one, or \
         close it and sign in here again."
    )]
    Locked,
    /// A later version of the app wrote the file.
    #[error(
        "The messages in {path} were written by a newer MeuMensageiro. Install the newer \
         version; nothing in the file was changed."
    )]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// The folder or the file cannot be reached.
    #[error(
        "{path} cannot be used: {source}. Check that the disk is there and that you may write to it."
    )]
    Reach {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file cannot be opened as a database.
    #[error(
        "The messages in {path} cannot be read: {source}. Nothing in the file was changed: put \
         back a copy of it, or move it away to begin anew."
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// What the database says.
        source: rusqlite::Error,
    },
    /// Reading or writing failed.
    #[error("The local database failed: {0}. Check that the disk is not full, then sign in again.")]
    Failed(#[from] rusqlite::Error),
}

type Result<T> = std::result::Result<T, HistoryError>;

impl History {
    /// Opens the database of an account in `folder`, or makes it. Messages that were on their
    /// way when the app died are unconfirmed from now on.
    ///
    /// # Errors
    /// [`HistoryError`]; its text is for the person.
    pub fn open(folder: &Path, account: &Account) -> Result<Self> {
        fs::create_dir_all(folder).map_err(|source| reach(folder, source))?;
        let name = file::name(account);
        let lock = lock(&folder.join(format!("{name}.lock")))?;
        let path = folder.join(format!("{name}.db"));
        let unusable = |source| HistoryError::Open {
            path: path.clone(),
            source,
        };
        let mut connection = Connection::open(&path).map_err(unusable)?;
        let found = prepare(&mut connection).map_err(unusable)?;
        if found > schema::version() {
            return Err(HistoryError::Newer { path });
        }
        let history = Self {
            connection,
            repeats: None,
            _lock: lock,
        };
        history.settle_departed()?;
        Ok(history)
    }

    /// The framing in which the server accepted the last login.
    ///
    /// # Errors
    /// [`HistoryError::Failed`]
    pub fn framing(&self) -> Result<Option<Framing>> {
        Ok(match self.fact::<String>("framing")?.as_deref() {
            Some("line") => Some(Framing::Line),
            Some("bare") => Some(Framing::Bare),
            _ => None,
        })
    }

    /// Keeps the framing in which the server accepted a login.
    ///
    /// # Errors
    /// [`HistoryError::Failed`]
    pub fn remember_framing(&self, framing: Framing) -> Result<()> {
        let framing = match framing {
            Framing::Line => "line",
            Framing::Bare => "bare",
        };
        set_fact(&self.connection, "framing", framing)?;
        Ok(())
    }

    fn fact<T: rusqlite::types::FromSql>(&self, name: &str) -> rusqlite::Result<Option<T>> {
        self.connection
            .prepare_cached("SELECT value FROM facts WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()
    }

    fn message(&self, id: MessageId) -> rusqlite::Result<Option<Message>> {
        message(&self.connection, id)
    }
}

fn lock(path: &Path) -> Result<File> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|source| reach(path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(HistoryError::Locked),
        Err(TryLockError::Error(source)) => Err(reach(path, source)),
    }
}

fn reach(path: &Path, source: io::Error) -> HistoryError {
    HistoryError::Reach {
        path: path.to_owned(),
        source,
    }
}

/// Returns the version of the schema that was found.
fn prepare(connection: &mut Connection) -> rusqlite::Result<i64> {
    connection.busy_timeout(BUSY)?;
    // The version first: a file of a newer app is not touched, not even its journal mode.
    let found = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > schema::version() {
        return Ok(found);
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Only where fsync alone does not reach the disk (macOS) this makes a difference.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    schema::migrate(connection)
}

fn set_fact(
    connection: &Connection,
    name: &str,
    value: impl rusqlite::ToSql,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO facts (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )?
        .execute((name, value))?;
    Ok(())
}

/// Puts a message at the end of the timeline.
fn append(
    connection: &Connection,
    with: &Peer,
    text: &Text,
    delivery: i64,
) -> rusqlite::Result<Message> {
    let conversation = conversation(connection, with)?;
    let at = Timestamp::now().as_millisecond();
    connection
        .prepare_cached(
            "INSERT INTO messages (conversation, text, at, delivery) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute((conversation, text.as_str(), at, delivery))?;
    let id = MessageId(connection.last_insert_rowid());
    message(connection, id)?.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

/// The number of the conversation, which begins if there was none.
fn conversation(connection: &Connection, with: &Peer) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("INSERT INTO conversations (peer) VALUES (?1) ON CONFLICT DO NOTHING")?
        .execute([peer_name(with)])?;
    connection
        .prepare_cached("SELECT id FROM conversations WHERE peer = ?1")?
        .query_row([peer_name(with)], |row| row.get(0))
}

fn message(connection: &Connection, id: MessageId) -> rusqlite::Result<Option<Message>> {
    connection
        .prepare_cached(
            "SELECT m.id, c.peer, m.text, m.at, m.delivery
             FROM messages m JOIN conversations c ON c.id = m.conversation WHERE m.id = ?1",
        )?
        .query_row([id.0], read_message)
        .optional()
}

/// Reads `id, peer, text, at, delivery`.
fn read_message(row: &Row<'_>) -> rusqlite::Result<Message> {
    let delivery = match row.get(4)? {
        delivery::RECEIVED => Delivery::Received,
        delivery::WAITING | delivery::DEPARTED => Delivery::Waiting,
        delivery::ACCEPTED => Delivery::Accepted,
        _ => Delivery::Unconfirmed,
    };
    Ok(Message {
        id: MessageId(row.get(0)?),
        with: read_peer(row, 1)?,
        text: Text::from(row.get_ref(2)?.as_str()?),
        at: Timestamp::from_millisecond(row.get(3)?).unwrap_or(Timestamp::UNIX_EPOCH),
        delivery,
    })
}

fn read_peer(row: &Row<'_>, column: usize) -> rusqlite::Result<Peer> {
    match row.get_ref(column)?.as_str()? {
        "" => Ok(Peer::Server),
        name => Login::parse(name).map(Peer::Person).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
        }),
    }
}

fn peer_name(peer: &Peer) -> &str {
    match peer {
        Peer::Person(login) => login.as_str(),
        Peer::Server => "",
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
