//! Stores of earlier formats: the first start converts one into a log.
//!
//! It can be interrupted at any point. The old store is only read, and kept as a copy.

mod error;
mod folders;
pub mod format_3;

use std::{io, ops::ControlFlow, path::Path, path::PathBuf};

use jiff::Timestamp;
use tracing::{info, warn};

pub use self::error::MigrationError;
use self::{
    folders::{Folders, Found},
    format_3::OldStore,
};
use crate::{
    log::{FileLog, Log, LogError},
    model::{codec, message::MessageId},
};

/// What to do when messages that were acknowledged are not in the old store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It is not converted.
    Refused,
    /// The newest ones may be missing, as `--durability relaxed` means it.
    OfTheEnd,
    /// What can be read is converted (`--repair`).
    Accepted,
}

/// How far a conversion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The last message that was converted.
    pub message: MessageId,
    /// The last one there is.
    pub last: MessageId,
}

/// Up to where messages.csv is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchivePosition {
    /// The last read mark whose rows are there.
    pub last_mark: u64,
    /// How long the file was then. Rows of further marks may follow.
    pub bytes: u64,
}

/// What was converted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Converted {
    /// How many messages.
    pub messages: u64,
    /// How many records of the old store could not be read and were left out; 0 unless that was accepted.
    pub unreadable: u64,
    /// Where the old store is now.
    pub copy: PathBuf,
}

/// Sees to it that a store is of today's format: converts one of format 3, finishes a conversion that was interrupted, and
/// leaves any other store, and none, alone. `None`: nothing was converted.
///
/// `create` makes the new log in a folder, which becomes `store`; its appends need not wait for the disk. `finish` notes in
/// that folder, durably, how far the archive is. `watch` is told how far it is, again and again, and may end it.
///
/// # Errors
/// [`MigrationError`]. The old store is as it was then.
pub fn run(
    store: &Path,
    loss: Loss,
    create: impl FnOnce(&Path) -> Result<FileLog, LogError>,
    finish: impl FnOnce(&Path, ArchivePosition) -> io::Result<()>,
    watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Option<Converted>, MigrationError> {
    let folders = Folders::of(store);
    let store = &*folders.store;
    let refused = MigrationError::io(store);
    let unfinished = |source| MigrationError::Unfinished {
        folder: store.to_owned(),
        source,
    };
    match folders.look()? {
        Found::Current => return Ok(None),
        Found::Converted => {
            folders.take_place().map_err(unfinished)?;
            info!(
                "{}: a conversion to today's format is finished",
                store.display()
            );
            return Ok(None);
        }
        Found::Format3 => {}
    }
    info!(
        "{}: a message store of format 3; converting it",
        store.display()
    );
    // Keeps other programs away, as long as it is open.
    let old = OldStore::open(store, loss)?;
    folders.begin().map_err(&refused)?;
    let converted = convert(&old, &folders, create, finish, watch);
    drop(old);
    let read = match converted {
        Ok(read) => read,
        Err(error) => {
            // It is of no use, and may be what fills the disk.
            if let Err(error) = folders.clear() {
                warn!(
                    "{}: cannot be removed: {error}",
                    folders.converting.display()
                );
            }
            return Err(error);
        }
    };
    let copy = folders.finish().map_err(unfinished)?;
    if read.unreadable > 0 {
        warn!(
            "{}: {} records could not be read, and are left out",
            store.display(),
            read.unreadable
        );
    }
    info!(
        "{}: {} messages converted; the store as it was is kept in {}",
        store.display(),
        read.messages,
        copy.display()
    );
    Ok(Some(Converted {
        messages: read.messages,
        unreadable: read.unreadable,
        copy,
    }))
}

/// The copies of earlier stores beside a store.
///
/// # Errors
/// What the disk says.
pub(crate) fn copies(store: &Path) -> io::Result<Vec<PathBuf>> {
    folders::copies(store)
}

/// Writes all of a store into a new log.
fn convert(
    old: &OldStore,
    folders: &Folders,
    create: impl FnOnce(&Path) -> Result<FileLog, LogError>,
    finish: impl FnOnce(&Path, ArchivePosition) -> io::Result<()>,
    watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<format_3::Read, MigrationError> {
    let refused = MigrationError::log(&folders.store);
    let log = create(&folders.converting).map_err(&refused)?;
    let last = old.last().message;
    let mut payload = Vec::new();
    let read = old.batches(Timestamp::now(), &mut |mut batch, message| {
        payload.clear();
        codec::write_batch(&mut batch, &mut payload);
        log.append(&payload).map_err(&refused)?;
        match watch(Progress { message, last }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(MigrationError::Cancelled(folders.store.clone())),
        }
    })?;
    log.sync().map_err(&refused)?;
    finish(&folders.converting, old.archive()?).map_err(MigrationError::io(&folders.store))?;
    Ok(read)
}
