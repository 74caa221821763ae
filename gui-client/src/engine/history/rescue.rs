//! What can still be read of a damaged database goes into a new one. What the server has comes again
//! by itself: the new one knows nothing of how far this device was.

use std::{
    fs::{self, File},
    io::{self, Seek, SeekFrom, Write},
    path::Path,
};

use rusqlite::{
    CachedStatement, Connection, ErrorCode, OpenFlags, Row, config::DbConfig, types::Value,
};

use super::{
    BUSY,
    damage::{self, HEADER},
    schema,
};

/// What is known of the server and of the order of messages, and does not say how far this device was.
const FACTS: &str = "'device', 'epoch', 'epoch_is_live', 'framing', 'has_no_end', 'live_tried_at', \
                     'sure_up_to', 'turn'";

/// A gap that is jumped over is at most so wide.
const WIDEST_GAP: i64 = 1 << 40;

/// Why nothing could be taken over. For the log.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Makes the database `to` of what can be read of `from`, whose files stay as they are.
pub(super) fn into(to: &Path, from: &Path) -> Result<(), Failure> {
    damage::remove(to);
    let mut new = Connection::open(to)?;
    // One file, until it is complete; nobody else knows of it.
    new.pragma_update(None, "journal_mode", "MEMORY")?;
    schema::migrate(&mut new)?;
    if !from.is_file() {
        return Ok(());
    }
    let old = match open(from) {
        Ok(old) => old,
        Err(error) => {
            tracing::info!(%error, "the header of the database is damaged, too");
            let copy = to.with_extension("copy.db");
            let taken = with_sound_header(&copy, from, to)
                .and_then(|()| Ok(open(&copy)?))
                .and_then(|old| take_over(&old, &mut new));
            for ending in ["", "-wal", "-shm"] {
                damage::remove(&damage::beside(&copy, ending));
            }
            return taken;
        }
    };
    take_over(&old, &mut new)
}

/// Opens a database only to read it, its log included, and leaves both as they are.
fn open(path: &Path) -> rusqlite::Result<Connection> {
    // Also who only reads writes what readers of one file tell each other.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "query_only", true)?;
    // What is in disorder is an error, and is not read somehow.
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

/// A copy with the header of another database of this app, in which only a few numbers differ.
fn with_sound_header(copy: &Path, from: &Path, sound: &Path) -> Result<(), Failure> {
    let bytes = fs::copy(from, copy)?;
    let log = damage::beside(from, "-wal");
    if log.is_file() {
        fs::copy(log, damage::beside(copy, "-wal"))?;
    }
    let mut header = [0; HEADER];
    io::Read::read_exact(&mut File::open(sound)?, &mut header)?;
    let page_size = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    let pages = u32::try_from(bytes / page_size)?;
    header[18..20].copy_from_slice(&[2, 2]);
    header[28..32].copy_from_slice(&pages.to_be_bytes());
    // No page is free, and the number of pages is up to date.
    header[32..40].fill(0);
    header.copy_within(24..28, 92);
    let mut file = File::options().write(true).open(copy)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&header)?;
    Ok(())
}

fn take_over(old: &Connection, new: &mut Connection) -> Result<(), Failure> {
    let transaction = new.transaction()?;
    // In the order of what refers to what; ids stay, as places and the order of arrival are made of them.
    for (select, insert) in [
        (
            format!(
                "SELECT rowid, name, value FROM facts WHERE rowid > ?1 AND name IN ({FACTS}) ORDER BY rowid"
            ),
            "INSERT OR REPLACE INTO facts (name, value) VALUES (?2, ?3)",
        ),
        (
            "SELECT id, peer, draft, is_group, seen_id, told_id, is_pinned, is_muted
             FROM conversations NOT INDEXED WHERE id > ?1 ORDER BY id"
                .into(),
            "INSERT INTO conversations
             (id, peer, draft, is_group, seen_id, told_id, is_pinned, is_muted)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        ),
        (
            "SELECT id, conversation, place, author, text, at, delivery, unread, server_id, tag,
                 refusal, written
             FROM messages NOT INDEXED WHERE id > ?1 ORDER BY id"
                .into(),
            "INSERT INTO messages
             (id, conversation, place, author, text, at, delivery, unread, server_id, tag, refusal,
                 written)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        ),
    ] {
        let rows = copy(old, &select, &mut transaction.prepare_cached(insert)?)?;
        tracing::info!(rows, "taken over from a damaged database");
    }
    transaction.execute_batch(
        "DELETE FROM messages WHERE conversation NOT IN (SELECT id FROM conversations);
         INSERT INTO search (rowid, text) SELECT id, fold(text) FROM messages;",
    )?;
    transaction.commit()?;
    Ok(())
}

/// Copies the rows that can be read; returns how many. Where one cannot, it goes on behind it.
fn copy(old: &Connection, select: &str, insert: &mut CachedStatement<'_>) -> Result<u64, Failure> {
    let (mut after, mut gap, mut count) = (i64::MIN, 1, 0);
    while gap < WIDEST_GAP {
        let before = after;
        match copy_from(old, select, insert, &mut after, &mut count)? {
            true => break,
            false if after > before => gap = 1,
            false => gap *= 2,
        }
        after = after.max(0).saturating_add(gap);
    }
    Ok(count)
}

/// Copies what comes after a row, up to one that cannot be read, or to the end: `true`.
fn copy_from(
    old: &Connection,
    select: &str,
    insert: &mut CachedStatement<'_>,
    after: &mut i64,
    count: &mut u64,
) -> Result<bool, Failure> {
    let Ok(mut statement) = old.prepare(select) else {
        return Ok(true);
    };
    let columns = statement.column_count();
    let Ok(mut rows) = statement.query([*after]) else {
        return Ok(false);
    };
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(true),
            Err(_) => return Ok(false),
        };
        let Ok(id) = row.get(0) else {
            return Ok(false);
        };
        if id <= *after {
            // The tables are in disorder.
            return Ok(false);
        }
        *after = id;
        let Ok(values) = values(row, columns) else {
            continue;
        };
        match insert.execute(rusqlite::params_from_iter(values)) {
            Ok(_) => *count += 1,
            // It is not what this app writes.
            Err(error) if is_refusal(&error) => {}
            Err(error) => return Err(error.into()),
        }
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
