//! The database: its tables, the settings of connections, and the checksum of a row.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};
use xxhash_rust::xxh3::xxh3_64;

use super::IndexError;

/// The number of this format. An index of another format is discarded.
pub(super) const FORMAT: i64 = 3;

/// The file name of the database in the store's folder.
const FILE: &str = "index.sqlite";

/// The name of a file that exists after damage was found, as the next opening may not find it again.
const MARKER: &str = "index.damaged";

/// The suffixes of SQLite's own log and of its shared memory.
const LOG_ENDING: &str = "-wal";
const ENDINGS: [&str; 3] = ["", LOG_ENDING, "-shm"];

/// SQLite's log is emptied at the next opportunity when it has this many bytes.
pub(super) const LOG_BYTES: u64 = 64 << 20;

/// How long a connection waits for a lock. In WAL mode locks are rare.
const BUSY: Duration = Duration::from_secs(10);

/// `state` is read completely at start; [`super::state_rows`] defines its rows. `blocks` has the entries of conversations and of
/// tags, and `rosters` the members of groups; both are read when they are needed.
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

/// Makes the next opening discard the index.
pub(super) fn mark_damaged(file: &Path) -> io::Result<()> {
    fs::write(marker(file), "")
}

pub(super) fn is_marked_damaged(file: &Path) -> bool {
    marker(file).exists()
}

/// Deletes the database, and then the file that marks it as damaged.
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

/// Opens a connection for writing; `cache` in KiB.
pub(super) fn open_to_write(file: &Path, cache: i64) -> Result<Connection, IndexError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = open(file, flags, cache)?;
    let set = || {
        // Readers do not wait for the writer, nor the writer for readers.
        let mode: String =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        // A commit syncs nothing. SQLite syncs only at its checkpoints, which orders the writes of its log and its database. With
        // OFF, a power cut could leave pages of different times in the database, and the index would have to be rebuilt.
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        // 16 MiB: a page that changes repeatedly is written to the database less often.
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

/// Opens a connection for reading.
pub(super) fn open_to_read(file: &Path, cache: i64) -> Result<Connection, IndexError> {
    // Readers write to the shared memory of SQLite's log, too.
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
        // Damage must be an error, not a wrong result.
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        Ok(connection)
    };
    open().map_err(|source| IndexError::sqlite(file, source))
}

/// Creates the tables, in the caller's transaction.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    for table in TABLES {
        connection.execute(table, [])?;
    }
    connection.pragma_update(None, "user_version", FORMAT)
}

/// The content of the database file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// No tables yet.
    Empty,
    /// Another format, with its number.
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

/// A part of each checksum, so that rows of the three tables cannot be confused.
#[derive(Clone, Copy, Debug)]
pub(super) enum Table {
    State,
    Blocks,
    Rosters,
}

/// The checksum of a row. SQLite has none, so a flipped bit would go unnoticed.
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
