//! The local database, one file per account: all its messages and drafts, and what is needed to
//! neither lose nor duplicate a message when the app or the link dies.

mod changes;
mod damage;
mod database_files;
mod days;
mod export;
mod file;
mod generations;
mod groups;
mod ids;
mod listed;
mod live;
mod live_message;
mod numbers;
mod older;
mod outbox;
mod quotes;
mod reads;
mod receipts;
mod received;
mod repeats;
mod rescue;
mod row;
mod schema;
mod search;
mod settings;
mod space;
mod timeline;
mod way;

use std::{
    fs::{File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use mensageiro_protocol::Login;
use rusqlite::{Connection, OptionalExtension, types::FromSql};
use thiserror::Error;

use self::repeats::Repeats;
pub(in crate::engine) use self::search::FOUND_AT_A_TIME;
use super::{Account, Message, MessageId, StorageProblem};
use crate::{copies, disk::DiskProblem, private, version};
pub(in crate::engine) use file::name as file_name;

/// How long to wait for another program that locks the file, such as a backup.
const BUSY: Duration = Duration::from_secs(5);

/// How long to try for the lock: a closing window holds it a moment longer, and so does a program
/// that a window has just started.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// The pause between two tries for the lock.
const LOCK_LOOK: Duration = Duration::from_millis(20);

/// The open database of an account. Every change is on disk when its function returns.
#[derive(Debug)]
pub struct History {
    connection: Connection,
    /// The account's login.
    login: Login,
    /// Messages of the last session that may be repeated in this one; known once it has shown
    /// which.
    repeats: Option<Repeats>,
    /// Where the damaged database was moved that this one replaces.
    set_aside: Option<PathBuf>,
    /// Held while the database is open; the system releases it when the app dies. `None` for a
    /// reader beside the holder.
    lock: Option<File>,
}

/// Why the local database cannot be used. The text is for the log; [`StorageProblem`] is for the
/// person.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// Another process has this account open.
    #[error("the account is open in another window")]
    Locked,
    /// A newer version of the app wrote the file.
    #[error("{path} was written by a newer version")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Which version that was, if the file says so.
        version: Option<String>,
    },
    /// The file or folder is inaccessible.
    #[error("{path} cannot be used: {source}")]
    Reach {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is damaged, or not a database of this app.
    #[error("{path} is damaged")]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be opened as a database.
    #[error("{path} cannot be opened: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the database says.
        source: rusqlite::Error,
    },
    /// What a live server tells contradicts what is here: two messages cannot have one id. Nothing of it is stored.
    #[error("the server contradicts what it said before: {0}")]
    Contradicted(&'static str),
    /// Reading or writing failed.
    #[error("the local database failed: {0}")]
    Failed(#[from] rusqlite::Error),
}

impl HistoryError {
    /// The problem as the person is told it. `folder`: where the databases are, for errors without
    /// a path.
    pub fn problem(&self, folder: &Path) -> StorageProblem {
        let of_database = |path: &Path, error: &rusqlite::Error| match self.is_damage() {
            true => StorageProblem::Damaged {
                path: path.to_owned(),
            },
            false => StorageProblem::Disk {
                path: path.to_owned(),
                why: match DiskProblem::from(error) {
                    // The system tells more than the database does.
                    DiskProblem::Other(said) => {
                        DiskProblem::of(path).unwrap_or(DiskProblem::Other(said))
                    }
                    known => known,
                },
            },
        };
        match self {
            Self::Damaged { path } => StorageProblem::Damaged { path: path.clone() },
            Self::Locked => StorageProblem::Locked,
            Self::Newer { path, version } => StorageProblem::Newer {
                path: path.clone(),
                version: version.clone(),
            },
            Self::Reach { path, source } => StorageProblem::Disk {
                path: path.clone(),
                why: source.into(),
            },
            Self::Open { path, source } => of_database(path, source),
            Self::Failed(error) => of_database(folder, error),
            // Never shown: the connection begins anew.
            Self::Contradicted(_) => StorageProblem::Stopped,
        }
    }
}

impl HistoryError {
    /// Whether the database is damaged, so that trying again will not help.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Damaged { .. } => true,
            Self::Open { source, .. } => damage::is_told_at_opening(source),
            Self::Failed(error) => damage::is_told_by(error),
            Self::Locked | Self::Newer { .. } | Self::Reach { .. } | Self::Contradicted(_) => false,
        }
    }
}

type Result<T> = std::result::Result<T, HistoryError>;

impl History {
    /// Opens the database of an account in `folder`, or creates it. Messages that were being sent
    /// when the app died are unconfirmed from now on.
    ///
    /// A database that is obviously damaged is moved aside. A new one takes its place, with
    /// whatever could be read: see [`History::take_set_aside`].
    ///
    /// # Errors
    /// [`HistoryError`]
    pub fn open(folder: &Path, account: &Account) -> Result<Self> {
        Self::open_or_replace(folder, account, false)
    }

    /// The same for a database that turned out to be damaged later.
    ///
    /// # Errors
    /// [`HistoryError`]
    pub fn open_anew(folder: &Path, account: &Account) -> Result<Self> {
        Self::open_or_replace(folder, account, true)
    }

    /// Where the damaged database was moved when this one was opened; returned once.
    pub fn take_set_aside(&mut self) -> Option<PathBuf> {
        self.set_aside.take()
    }

    fn open_or_replace(folder: &Path, account: &Account, is_damaged: bool) -> Result<Self> {
        private::create_folder(folder).map_err(|source| reach(folder, source))?;
        let name = file::name(account);
        let lock_path = folder.join(format!("{name}.lock"));
        let lock = lock(&lock_path)?;
        // Its content says that there has been a database.
        let was_used = lock.metadata().is_ok_and(|about| about.len() > 0);
        let path = folder.join(format!("{name}.db"));
        damage::finish(&path).map_err(|source| reach(&path, source))?;
        let opened = match is_damaged {
            true => Err(HistoryError::Damaged { path: path.clone() }),
            false => Self::open_file(&path, account, was_used),
        };
        let mut history = match opened {
            Err(error) if error.is_damage() => {
                tracing::error!(%error, "a damaged database is moved aside");
                let set_aside = Some(damage::replace(&path)?);
                Self {
                    set_aside,
                    ..Self::open_file(&path, account, false)?
                }
            }
            opened => opened?,
        };
        if !was_used {
            (&lock)
                .write_all(b"used\n")
                .map_err(|source| reach(&lock_path, source))?;
        }
        history.lock = Some(lock);
        for format in 1..schema::version() {
            copies::remove_old(&copy_path(&path, format));
        }
        Ok(history)
    }

    fn open_file(path: &Path, account: &Account, was_used: bool) -> Result<Self> {
        damage::look_at(path, was_used)?;
        private::create_file(path);
        let unusable = |source| HistoryError::Open {
            path: path.to_owned(),
            source,
        };
        let mut connection = Connection::open(path).map_err(unusable)?;
        let found = prepare(&mut connection, path)?;
        if !damage::is_version(found) {
            return Err(HistoryError::Damaged { path: path.into() });
        }
        if found > schema::version() {
            let version: Option<String> = fact(&connection, schema::VERSION).ok().flatten();
            return Err(HistoryError::Newer {
                path: path.into(),
                version: version.as_deref().and_then(version::named),
            });
        }
        let history = Self {
            connection,
            login: account.login.clone(),
            repeats: None,
            set_aside: None,
            lock: None,
        };
        history
            .settle_departed()
            .and_then(|()| history.tag_outbox())
            .map_err(|error| match error {
                HistoryError::Failed(source) => unusable(source),
                other => other,
            })?;
        Ok(history)
    }

    fn message(&self, id: MessageId) -> rusqlite::Result<Option<Message>> {
        row::message(&self.connection, id)
    }
}

fn lock(path: &Path) -> Result<File> {
    let file = private::options()
        .open(path)
        .map_err(|source| reach(path, source))?;
    let until = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < until => thread::sleep(LOCK_LOOK),
            Err(TryLockError::WouldBlock) => return Err(HistoryError::Locked),
            Err(TryLockError::Error(source)) => return Err(reach(path, source)),
        }
    }
}

fn reach(path: &Path, source: io::Error) -> HistoryError {
    HistoryError::Reach {
        path: path.to_owned(),
        source,
    }
}

/// Returns the version of the schema that was found.
fn prepare(connection: &mut Connection, path: &Path) -> Result<i64> {
    let unusable = |source| HistoryError::Open {
        path: path.to_owned(),
        source,
    };
    let found = begin(connection).map_err(unusable)?;
    if (1..schema::version()).contains(&found) {
        keep_copy(connection, path, &copy_path(path, found))?;
    }
    if found <= schema::version() && damage::is_version(found) {
        schema::migrate(connection).map_err(unusable)?;
    }
    Ok(found)
}

/// Everything before the migration.
fn begin(connection: &Connection) -> rusqlite::Result<i64> {
    connection.busy_timeout(BUSY)?;
    // The version first: the file of a newer app is left alone, even its journal mode.
    let found = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > schema::version() || !damage::is_version(found) {
        return Ok(found);
    }
    // So is the file of another program.
    schema::check(connection, found)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // This matters only where fsync does not reach the disk (macOS).
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(found)
}

/// Where the copy of a database is that had this version of the schema.
fn copy_path(path: &Path, found: i64) -> PathBuf {
    path.with_extension(format!("format-{found}.db"))
}

/// Keeps the database as an earlier version of the app can read it. The copy gets its name when it is complete and on the
/// disk; one that is there is older than the database, and replaced.
fn keep_copy(connection: &Connection, path: &Path, copy: &Path) -> Result<()> {
    let new = copy.with_extension("new");
    let written = || -> rusqlite::Result<()> {
        database_files::remove(&new);
        // SQLite writes into an empty file, and this one is for the person alone.
        private::create_file(&new);
        let name = new
            .to_str()
            .ok_or(rusqlite::Error::InvalidPath(new.clone()))?;
        connection.execute("VACUUM INTO ?1", [name])?;
        Ok(())
    };
    let kept = written()
        .map_err(|source| HistoryError::Open {
            path: path.to_owned(),
            source,
        })
        .and_then(|()| put_in_place(&new, copy).map_err(|source| reach(copy, source)));
    match &kept {
        Ok(()) => tracing::info!(path = %copy.display(), "kept, as the database is converted"),
        Err(_) => database_files::remove(&new),
    }
    kept
}

fn put_in_place(new: &Path, copy: &Path) -> io::Result<()> {
    File::options().write(true).open(new)?.sync_all()?;
    std::fs::rename(new, copy)
}

fn fact<T: FromSql>(connection: &Connection, name: &str) -> rusqlite::Result<Option<T>> {
    connection
        .prepare_cached("SELECT value FROM facts WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
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

#[cfg(test)]
mod tests;
