//! The database: its tables, how a connection is set up, and the checksum of a row.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};
use xxhash_rust::xxh3::xxh3_64;

use super::IndexError;

/// The format of what follows. An index of another one is thrown away.
pub(super) const FORMAT: i64 = 2;

/// The database in the store's folder.
const FILE: &str = "index.sqlite";

/// Is there when damage was found that an opening need not find again.
const MARKER: &str = "index.damaged";

/// SQLite's own log of the database, and an index to that.
const LOG_ENDING: &str = "-wal";
const ENDINGS: [&str; 3] = ["", LOG_ENDING, "-shm"];

/// A log of this length is emptied at the next opportunity, and its file is not longer for long.
pub(super) const LOG_BYTES: u64 = 64 << 20;

/// How long a connection waits for a lock. In this mode hardly anything locks.
const BUSY: Duration = Duration::from_secs(10);

/// `state` is read whole at start; what it holds is in [`super::state_rows`]. `blocks` has the entries of conversations and
/// of tags, `rosters` who belonged to groups; both are read when they are needed.
pub(super) const TABLES: [&str; 4] = [
    "CREATE TABLE state (key BLOB PRIMARY KEY, value BLOB NOT NULL, checksum INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE blocks (number INTEGER PRIMARY KEY, chain INTEGER NOT NULL, first INTEGER NOT NULL, ordinal INTEGER NOT NULL, previous INTEGER NOT NULL, entries BLOB NOT NULL, checksum INTEGER NOT NULL) STRICT",
    "CREATE UNIQUE INDEX blocks_by_chain ON blocks (chain, first)",
    "CREATE TABLE rosters (number INTEGER PRIMARY KEY, members BLOB NOT NULL, checksum INTEGER NOT NULL) STRICT",
];

/// The database of a store.
pub(super) fn file_in(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

fn marker(file: &Path) -> PathBuf {
    file.with_file_name(MARKER)
}

/// Makes the next opening throw the index away.
pub(super) fn mark_damaged(file: &Path) -> io::Result<()> {
    fs::write(marker(file), "")
}

pub(super) fn is_marked_damaged(file: &Path) -> bool {
    marker(file).exists()
}

/// Deletes the database, and then what says that it is damaged.
pub(super) fn delete(file: &Path) -> io::Result<()> {
    for ending in ENDINGS {
        delete_if_there(&beside(file, ending))?;
    }
    delete_if_there(&marker(file))
}

/// SQLite's own log.
pub(super) fn log_of(file: &Path) -> PathBuf {
    beside(file, LOG_ENDING)
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn delete_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// A connection that writes; `cache` in KiB.
pub(super) fn open_to_write(file: &Path, cache: i64) -> Result<Connection, IndexError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = open(file, flags, cache)?;
    let set = || {
        // Readers do not wait for the writer, nor the writer for readers.
        let mode: String =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        // Nothing is synced when a transaction commits; only when the database takes over what its own log holds, which
        // orders the two. With OFF, each power cut could leave the pages of different times in the database, and the
        // index would have to be built anew.
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        // 16 MiB: a page that is changed again and again is written to the database less often.
        connection.pragma_update(None, "wal_autocheckpoint", 4_096)?;
        connection.pragma_update(None, "journal_size_limit", LOG_BYTES.cast_signed())?;
        Ok(mode)
    };
    let mode = set().map_err(|source| IndexError::sqlite(file, source))?;
    if mode != "wal" {
        return Err(IndexError::damaged(file, "it cannot be put into WAL mode"));
    }
    Ok(connection)
}

/// A connection that only reads.
pub(super) fn open_to_read(file: &Path, cache: i64) -> Result<Connection, IndexError> {
    // Also who only reads writes what readers of one file tell each other.
    let connection = open(file, OpenFlags::SQLITE_OPEN_READ_WRITE, cache)?;
    let set = connection.pragma_update(None, "query_only", true);
    set.map_err(|source| IndexError::sqlite(file, source))?;
    Ok(connection)
}

fn open(file: &Path, flags: OpenFlags, cache: i64) -> Result<Connection, IndexError> {
    let open = || {
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "cache_size", -cache)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "mmap_size", 0)?;
        // What is in disorder is an error, and is not read somehow.
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        Ok(connection)
    };
    open().map_err(|source| IndexError::sqlite(file, source))
}

/// Makes the tables, in the caller's transaction.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    for table in TABLES {
        connection.execute(table, [])?;
    }
    connection.pragma_update(None, "user_version", FORMAT)
}

/// What a connection finds in the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing yet.
    Empty,
    /// Another format, which is its number.
    Other(i64),
    /// These tables.
    Tables,
    /// This format, but other tables.
    Damaged,
}

pub(super) fn look(connection: &Connection) -> rusqlite::Result<Found> {
    let version = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let mut statement = connection.prepare("SELECT sql FROM sqlite_schema WHERE sql NOT NULL")?;
    let found = statement.query_map([], |row| row.get(0))?;
    let found: Vec<String> = found.collect::<Result<_, _>>()?;
    Ok(match version {
        0 if found.is_empty() => Found::Empty,
        FORMAT if found == TABLES => Found::Tables,
        FORMAT => Found::Damaged,
        other => Found::Other(other),
    })
}

/// Tells the rows of the three tables apart.
#[derive(Clone, Copy, Debug)]
pub(super) enum Table {
    State,
    Blocks,
    Rosters,
}

/// The checksum of a row. SQLite has none: a flipped bit would be an answer.
pub(super) fn checksum(table: Table, key: &[u8], value: &[u8], scratch: &mut Vec<u8>) -> u64 {
    scratch.clear();
    scratch.push(table as u8);
    scratch.extend_from_slice(&(key.len() as u64).to_le_bytes());
    scratch.extend_from_slice(key);
    scratch.extend_from_slice(value);
    xxh3_64(scratch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_file_is_told_apart() {
        let connection = Connection::open_in_memory().unwrap();
        assert_eq!(look(&connection).unwrap(), Found::Empty);
        create(&connection).unwrap();
        assert_eq!(look(&connection).unwrap(), Found::Tables);
        connection
            .execute("DROP INDEX blocks_by_chain", [])
            .unwrap();
        assert_eq!(look(&connection).unwrap(), Found::Damaged);
        connection.pragma_update(None, "user_version", 7).unwrap();
        assert_eq!(look(&connection).unwrap(), Found::Other(7));
    }

    #[test]
    fn a_checksum_is_of_table_key_and_value() {
        let mut scratch = Vec::new();
        let all = [
            (Table::State, "ab", "c"),
            (Table::State, "a", "bc"),
            (Table::Blocks, "ab", "c"),
            (Table::State, "ab", "d"),
        ];
        let sums = all.map(|(table, key, value)| {
            checksum(table, key.as_bytes(), value.as_bytes(), &mut scratch)
        });
        let mut unique = sums.to_vec();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), all.len());
    }
}
