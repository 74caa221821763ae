//! Opens the index, or creates a new one if there is none that can be used.

use std::{fs, io::ErrorKind, path::Path};

use rusqlite::Connection;
use tracing::warn;

use super::{
    IndexError,
    load::{Kept, Loaded, load},
    schema::{self, Found},
    writer,
};
use crate::log::{Identity, Position};

/// The parts of an index that was just opened.
pub(super) struct Opened {
    pub(super) connection: Connection,
    pub(super) loaded: Loaded,
    pub(super) kept: Kept,
}

/// The page cache of the writer's connection, in KiB.
const CACHE: i64 = 16 * 1024;

/// Opens the index of this log, which ends at `end`.
pub(super) fn open(file: &Path, log: Identity, end: Position) -> Result<Opened, IndexError> {
    let reason = match try_open(file, log, end) {
        Ok(opened) => return Ok(opened),
        Err(Refusal::Discard(reason)) => reason,
        Err(Refusal::Error(IndexError::Damaged { reason, .. })) => format!("damaged: {reason}"),
        Err(Refusal::Error(error)) => return Err(error),
    };
    warn!(file = %file.display(), %reason, "the index cannot be used; it is built anew from the log");
    schema::delete(file).map_err(|source| IndexError::Io {
        file: file.to_owned(),
        source,
    })?;
    match try_open(file, log, end) {
        Ok(mut opened) => {
            opened.loaded.discarded = Some(reason);
            Ok(opened)
        }
        Err(Refusal::Error(error)) => Err(error),
        Err(Refusal::Discard(reason)) => Err(IndexError::damaged(file, reason)),
    }
}

enum Refusal {
    /// The index must be discarded, for this reason.
    Discard(String),
    Error(IndexError),
}

impl From<IndexError> for Refusal {
    fn from(error: IndexError) -> Self {
        Self::Error(error)
    }
}

fn try_open(file: &Path, log: Identity, end: Position) -> Result<Opened, Refusal> {
    let discard = |reason: &str| Err(Refusal::Discard(reason.to_owned()));
    if schema::is_marked_damaged(file) {
        return discard("damage was found while it was used");
    }
    // SQLite would apply a log without its database to the new database.
    if is_missing(file) {
        schema::delete(file).map_err(|source| IndexError::Io {
            file: file.to_owned(),
            source,
        })?;
    }
    let connection = schema::open_to_write(file, CACHE)?;
    let found = schema::look(&connection);
    match found.map_err(|source| IndexError::sqlite(file, source))? {
        Found::Empty => {
            let kept = Kept::new(writer::create(file, &connection, log)?);
            let loaded = Loaded::default();
            return Ok(Opened {
                connection,
                loaded,
                kept,
            });
        }
        Found::Other(format) => return discard(&format!("it has format {format}")),
        Found::Damaged => return discard("damaged: its tables are not what they were"),
        Found::Tables => {}
    }
    let (loaded, kept) = load(file, &connection)?;
    if kept.stored.log != log {
        return discard("it is of another log");
    }
    if loaded.header.position > end {
        return Err(IndexError::Ahead(loaded.header.position).into());
    }
    Ok(Opened {
        connection,
        loaded,
        kept,
    })
}

fn is_missing(file: &Path) -> bool {
    match fs::metadata(file) {
        Ok(metadata) => metadata.is_file() && metadata.len() == 0,
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}
