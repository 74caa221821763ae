//! Rescuing what can still be read of a damaged database into a new one. The server tells
//! everything again, since the new database has no cursor.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

use rusqlite::{
    CachedStatement, Connection, ErrorCode, OpenFlags, Row, config::DbConfig, ffi, types::Value,
};

use super::{
    BUSY, HistoryError,
    database_files::{self, HEADER},
    reach, schema,
};
use crate::private;

/// The facts that are taken over: those about the server and the order of messages, but not the
/// cursor.
const FACTS: &str = "'device', 'epoch', 'epoch_is_live', 'framing', 'has_no_end', 'live_tried_at', \
                     'number', 'store', 'store_epoch', 'sure_up_to', 'turn', 'was_live'";

/// How many ids after an unreadable row are tried one by one: more than fit in a page.
const ONE_BY_ONE: i64 = 4096;

/// The widest gap that is skipped.
const WIDEST_GAP: i64 = 1 << 40;

/// Why something could not be copied.
enum Failure {
    /// The old database cannot be read there, and trying again will not help.
    Damage(Box<dyn std::error::Error + Send + Sync>),
    /// Reading or writing fails for now, for example for lack of room. It may work later.
    Database(rusqlite::Error),
    /// The same for a file.
    File(io::Error),
}

impl Failure {
    /// An error of reading the old database.
    fn of_old(error: rusqlite::Error) -> Self {
        match is_passing(&error) {
            true => Self::Database(error),
            false => Self::Damage(error.into()),
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// Whether an error of reading may pass, so that it says nothing about the file's contents.
pub(super) fn is_passing(error: &rusqlite::Error) -> bool {
    /// The I/O errors that are about the contents of the file.
    const OF_READING: [i32; 4] = [
        ffi::SQLITE_IOERR_READ,
        ffi::SQLITE_IOERR_SHORT_READ,
        ffi::SQLITE_IOERR_CORRUPTFS,
        ffi::SQLITE_IOERR_DATA,
    ];
    error.sqlite_error().is_some_and(|error| match error.code {
        ErrorCode::SystemIoFailure => !OF_READING.contains(&error.extended_code),
        ErrorCode::DiskFull
        | ErrorCode::ReadOnly
        | ErrorCode::PermissionDenied
        | ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::CannotOpen
        | ErrorCode::OutOfMemory => true,
        _ => false,
    })
}

/// Creates the database `to` from what can be read of `from`, whose files stay as they are.
///
/// # Errors
/// The new one cannot be written, or the old one is held by another program: nothing of it is lost.
/// That nothing can be read is none: then the new one is empty.
pub(super) fn into(to: &Path, from: &Path) -> Result<(), HistoryError> {
    match try_into(to, from) {
        Ok(()) => Ok(()),
        Err(Failure::Damage(error)) => {
            tracing::error!(%error, "nothing could be taken over from the damaged database");
            Ok(())
        }
        Err(Failure::Database(source)) => Err(HistoryError::Open {
            path: from.to_owned(),
            source,
        }),
        Err(Failure::File(source)) => Err(reach(from, source)),
    }
}

fn try_into(to: &Path, from: &Path) -> Result<(), Failure> {
    database_files::remove(to);
    private::create_file(to);
    let mut new = Connection::open(to)?;
    // A single file until it is complete; nobody else knows of it.
    new.pragma_update(None, "journal_mode", "MEMORY")?;
    schema::migrate(&mut new)?;
    if !from.is_file() {
        return Ok(());
    }
    let old = match open(from) {
        Ok(old) => old,
        // A folder may be in the place of its log; a copy has no log.
        Err(error) if is_passing(&error) && !is_refused(&error) => return Err(error.into()),
        Err(error) => {
            tracing::info!(%error, "the header of the database is damaged, too");
            let copy = to.with_extension("copy.db");
            let taken = with_sound_header(&copy, from, to)
                .and_then(|()| open(&copy).map_err(Failure::of_old))
                .and_then(|old| take_over(&old, &mut new));
            for ending in ["", "-wal", "-shm"] {
                database_files::remove(&database_files::beside(&copy, ending));
            }
            return taken;
        }
    };
    take_over(&old, &mut new)
}

fn is_refused(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::CannotOpen)
}

/// Opens a database and its log for reading only, and leaves both as they are.
fn open(path: &Path) -> rusqlite::Result<Connection> {
    // A reader must write too: the file in which readers coordinate.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "query_only", true)?;
    // Inconsistent cells are errors; they are not read somehow.
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

/// Copies a file. The error says which side failed. Returns the number of bytes.
fn copy_file(from: &Path, to: &Path) -> Result<u64, Failure> {
    let mut old = File::open(from).map_err(Failure::File)?;
    let new = private::options().truncate(true).open(to);
    let mut new = new.map_err(Failure::File)?;
    let (mut chunk, mut bytes) = (vec![0; 64 * 1024], 0);
    loop {
        let count = match old.read(&mut chunk) {
            Ok(0) => return Ok(bytes),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::Damage(error.into())),
        };
        new.write_all(&chunk[..count]).map_err(Failure::File)?;
        bytes += count as u64;
    }
}

/// Copies a database and gives the copy the header of a sound one of this app; only a few numbers
/// differ.
fn with_sound_header(copy: &Path, from: &Path, sound: &Path) -> Result<(), Failure> {
    let bytes = copy_file(from, copy)?;
    let log = database_files::beside(from, "-wal");
    if log.is_file() {
        copy_file(&log, &database_files::beside(copy, "-wal"))?;
    }
    let mut header = [0; HEADER];
    let read = File::open(sound).and_then(|mut file| file.read_exact(&mut header));
    read.map_err(Failure::File)?;
    let page_size = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    let pages = u32::try_from(bytes / page_size).map_err(|error| Failure::Damage(error.into()))?;
    header[18..20].copy_from_slice(&[2, 2]);
    header[28..32].copy_from_slice(&pages.to_be_bytes());
    // No page is free, and the number of pages is up to date.
    header[32..40].fill(0);
    header.copy_within(24..28, 92);
    let file = File::options().write(true).open(copy);
    let written = file.and_then(|mut file| {
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&header)
    });
    written.map_err(Failure::File)
}

fn take_over(old: &Connection, new: &mut Connection) -> Result<(), Failure> {
    let transaction = new.transaction()?;
    // Tables that are referred to come first. Ids are kept, since sort keys and the order of arrival
    // are made of them.
    for (select, insert) in [
        (
            format!(
                "SELECT rowid, name, value FROM facts WHERE rowid >= ?1 AND name IN ({FACTS}) ORDER BY rowid"
            ),
            "INSERT OR REPLACE INTO facts (name, value) VALUES (?2, ?3)",
        ),
        (
            "SELECT epoch, first_id, below FROM live_epochs WHERE epoch >= ?1 ORDER BY epoch"
                .into(),
            "INSERT OR REPLACE INTO live_epochs VALUES (?1, ?2, ?3)",
        ),
        (
            "SELECT id, peer, draft, is_group, seen_id, told_id, is_pinned, muted_until, archived,
                 marked_unread
             FROM conversations NOT INDEXED WHERE id >= ?1 ORDER BY id"
                .into(),
            "INSERT INTO conversations
             (id, peer, draft, is_group, seen_id, told_id, is_pinned, muted_until, archived,
                 marked_unread)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        ),
        (
            "SELECT id, conversation, place, author, text, at, delivery, unread, server_id, tag,
                 refusal, written, re, first_text, edited
             FROM messages NOT INDEXED WHERE id >= ?1 ORDER BY id"
                .into(),
            "INSERT INTO messages
             (id, conversation, place, author, text, at, delivery, unread, server_id, tag, refusal,
                 written, re, first_text, edited)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        ),
        (
            "SELECT id, conversation, of, is_deletion, place, author, text, at, delivery, server_id, tag
             FROM changes NOT INDEXED WHERE id >= ?1 ORDER BY id"
                .into(),
            "INSERT INTO changes
             (id, conversation, of, is_deletion, place, author, text, at, delivery, server_id, tag)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        ),
    ] {
        let rows = copy(old, &select, &mut transaction.prepare_cached(insert)?)?;
        tracing::info!(rows, "taken over from a damaged database");
    }
    transaction.execute_batch(
        "DELETE FROM messages WHERE conversation NOT IN (SELECT id FROM conversations);
         DELETE FROM changes WHERE conversation NOT IN (SELECT id FROM conversations);
         INSERT INTO search (rowid, text) SELECT id, fold(text) FROM messages;",
    )?;
    transaction.commit()?;
    Ok(())
}

/// Copies the readable rows; returns how many. Skips those that are not.
fn copy(old: &Connection, select: &str, insert: &mut CachedStatement<'_>) -> Result<u64, Failure> {
    let (mut from, mut count) = (i64::MIN, 0);
    while !copy_from(old, select, insert, &mut from, &mut count)? {
        match behind_gap(old, select, from)? {
            Some(next) => from = next,
            None => break,
        }
    }
    Ok(count)
}

/// Copies the rows from an id on, up to an unreadable one, or to the end: `true`.
fn copy_from(
    old: &Connection,
    select: &str,
    insert: &mut CachedStatement<'_>,
    from: &mut i64,
    count: &mut u64,
) -> Result<bool, Failure> {
    let mut statement = match old.prepare_cached(select) {
        Ok(statement) => statement,
        Err(error) if is_passing(&error) => return Err(error.into()),
        // There is no such table.
        Err(_) => return Ok(true),
    };
    let columns = statement.column_count();
    let mut rows = match statement.query([*from]) {
        Ok(rows) => rows,
        Err(error) => return if_damage(error),
    };
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(true),
            Err(error) => return if_damage(error),
        };
        let Ok(id) = row.get(0) else {
            return Ok(false);
        };
        if id < *from {
            // The table is inconsistent.
            return Ok(false);
        }
        *from = i64::saturating_add(id, 1);
        let Ok(values) = values(row, columns) else {
            continue;
        };
        match insert.execute(rusqlite::params_from_iter(values)) {
            Ok(_) => *count += 1,
            // This app does not write such a row.
            Err(error) if is_refusal(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// `false` for a row that is damaged.
fn if_damage(error: rusqlite::Error) -> Result<bool, Failure> {
    match Failure::of_old(error) {
        Failure::Damage(_) => Ok(false),
        failure => Err(failure),
    }
}

/// The next id from which rows can be read, given that those from `from` on cannot; `None`: there
/// is none.
fn behind_gap(old: &Connection, select: &str, from: i64) -> Result<Option<i64>, Failure> {
    let mut damaged = from.max(0);
    for _ in 0..ONE_BY_ONE {
        damaged = damaged.saturating_add(1);
        if is_readable(old, select, damaged)? {
            return Ok(Some(damaged));
        }
    }
    // So much is missing that an inner page must be damaged.
    let mut gap = 1;
    while gap < WIDEST_GAP {
        gap *= 2;
        let mut sound = damaged.saturating_add(gap);
        if !is_readable(old, select, sound)? {
            damaged = sound;
            continue;
        }
        while sound - damaged > 1 {
            let middle = damaged + (sound - damaged) / 2;
            match is_readable(old, select, middle)? {
                true => sound = middle,
                false => damaged = middle,
            }
        }
        return Ok(Some(sound));
    }
    Ok(None)
}

/// Whether the first row from this id on can be read, or there is no row.
fn is_readable(old: &Connection, select: &str, from: i64) -> Result<bool, Failure> {
    let first = old
        .prepare_cached(select)
        .and_then(|mut statement| Ok(statement.query([from])?.next()?.map(|row| row.get(0))));
    match first {
        Ok(None) => Ok(true),
        Ok(Some(id)) => Ok(id.is_ok_and(|id: i64| id >= from)),
        Err(error) => if_damage(error),
    }
}

fn values(row: &Row<'_>, columns: usize) -> rusqlite::Result<Vec<Value>> {
    (0..columns).map(|column| row.get(column)).collect()
}

fn is_refusal(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig)
    )
}
