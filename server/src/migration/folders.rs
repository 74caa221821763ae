//! The folders of a conversion, beside one another: `store`, what it is converted into, and the copy of what it was.
//!
//! What is being written is in `store.converting`, and of no use before it is whole. It then becomes `store.new`, the
//! old store becomes `store-format-3`, and the new one `store`. Each of these steps is one rename that is durable before the
//! next one, so after any interruption the folders say what to do.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};

use super::{MigrationError, format_3};
use crate::{file_rights, rename::rename};

/// What belongs to the log of today.
const LOG: &str = "log";

/// Copies of earlier stores there may be, at most.
const COPIES: usize = 1000;

/// What stands where the store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A store of today's format, or none.
    Current,
    /// One that is to be converted.
    Format3,
    /// Nothing: but it was converted, and only the last step is missing.
    Converted,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Folders {
    pub(super) store: PathBuf,
    /// While it is written.
    pub(super) converting: PathBuf,
    /// When it is whole.
    new: PathBuf,
}

impl Folders {
    /// Those of a store. If that is a link, they are beside what it leads to, on the same disk.
    pub(super) fn of(store: &Path) -> Self {
        let store = match (fs::read_link(store), store.parent()) {
            (Ok(target), Some(parent)) => parent.join(target),
            _ => store.to_owned(),
        };
        Self {
            converting: beside(&store, ".converting"),
            new: beside(&store, ".new"),
            store,
        }
    }

    /// What is there.
    ///
    /// # Errors
    /// [`MigrationError::Mixed`], or what the disk says.
    pub(super) fn look(&self) -> Result<Found, MigrationError> {
        let refused = MigrationError::io(&self.store);
        if !self.store.try_exists().map_err(&refused)? {
            let is_converted = self.new.try_exists().map_err(&refused)?;
            return Ok(if is_converted {
                Found::Converted
            } else {
                Found::Current
            });
        }
        match (
            format_3::is_here(&self.store),
            self.store.join(LOG).exists(),
        ) {
            (true, true) => Err(MigrationError::Mixed {
                folder: self.store.clone(),
                ours: LOG,
            }),
            (true, false) => Ok(Found::Format3),
            (false, _) => Ok(Found::Current),
        }
    }

    /// Makes an empty folder to convert into. What an interrupted conversion left goes.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn begin(&self) -> io::Result<()> {
        self.clear()?;
        file_rights::create_new_folder(&self.converting)
    }

    /// Removes what is not the store.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn clear(&self) -> io::Result<()> {
        for folder in [&self.converting, &self.new] {
            match fs::remove_dir_all(folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Puts what was converted in the place of the old store, and returns where that is now.
    ///
    /// # Errors
    /// What the disk says. The next start goes on where this has ended.
    pub(super) fn finish(&self) -> io::Result<PathBuf> {
        sync_folder(&self.converting)?;
        self.rename(&self.converting, &self.new)?;
        let copy = free_name(&self.store)?;
        self.rename(&self.store, &copy)?;
        self.take_place()?;
        Ok(copy)
    }

    /// The last step.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn take_place(&self) -> io::Result<()> {
        self.rename(&self.new, &self.store)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        rename(from, to)?;
        // A relative path may have no folder in its name.
        let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
        sync_folder(parent.unwrap_or(Path::new(".")))
    }
}

fn beside(store: &Path, end: &str) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// `store-format-3`, or that with a number behind it: a copy is never overwritten.
fn copy_names(store: &Path) -> impl Iterator<Item = PathBuf> {
    (1..=COPIES).map(|number| match number {
        1 => beside(store, "-format-3"),
        more => beside(store, &format!("-format-3-{more}")),
    })
}

/// The copies of earlier stores beside a store.
pub(super) fn copies(store: &Path) -> io::Result<Vec<PathBuf>> {
    let store = Folders::of(store).store;
    let parent = store
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let mut there = HashSet::new();
    for entry in fs::read_dir(parent.unwrap_or(Path::new(".")))? {
        there.insert(entry?.file_name());
    }
    let is_there = |copy: &PathBuf| copy.file_name().is_some_and(|name| there.contains(name));
    Ok(copy_names(&store).filter(is_there).collect())
}

fn free_name(store: &Path) -> io::Result<PathBuf> {
    for name in copy_names(store) {
        if !name.try_exists()? {
            return Ok(name);
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AlreadyExists,
        "there are too many copies of earlier stores beside it",
    ))
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

/// Other systems write down by themselves what is in a folder.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
