//! Replaces a file so that everybody finds either the old content or the new one, whenever the computer stops.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use tracing::warn;

use super::{
    super::{stamp::Stamp, table},
    EditError,
};
use crate::{file_rights::take_owner, rename::rename};

/// What a new file is called until it takes the place of the old one: the name, this, and random digits.
const NEW: &str = ".new-";

/// A file as it was read.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// The file, or what it is a link to.
    file: PathBuf,
    stamp: Stamp,
    /// Its content; empty if there is no such file.
    pub(super) bytes: Vec<u8>,
}

impl Snapshot {
    /// Reads a file, which may be missing.
    pub(super) fn read(file: &Path) -> Result<Self, EditError> {
        let stamp = Stamp::of(file);
        let bytes = table::read(file)?.unwrap_or_default();
        // A link stays one, and what it leads to is replaced.
        let file = match fs::symlink_metadata(file) {
            Ok(found) if found.is_symlink() => fs::canonicalize(file).map_err(|source| {
                let file = file.to_owned();
                EditError::Write { file, source }
            })?,
            _ => file.to_owned(),
        };
        Ok(Self { file, stamp, bytes })
    }

    /// Puts another content in the place of the file. It keeps its owner and its rights; a new one gets those of `like`.
    /// `step` is called after each step that the disk can see.
    ///
    /// # Errors
    /// [`EditError::Busy`] if somebody has changed the file since it was read, and [`EditError::Write`].
    pub(super) fn replace(
        &self,
        content: &[u8],
        like: &Path,
        step: &mut dyn FnMut(),
    ) -> Result<(), EditError> {
        let failed = |source| EditError::Write {
            file: self.file.clone(),
            source,
        };
        let folder = self.file.parent();
        let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        self.remove_left_over(folder);
        let new = self.new_name().map_err(failed)?;
        let replaced = self.write(content, &new, like, step).map_err(failed);
        let replaced = replaced.and_then(|()| {
            if Stamp::of(&self.file) != self.stamp {
                return Err(EditError::Busy(self.file.clone()));
            }
            rename(&new, &self.file).map_err(failed)
        });
        if replaced.is_err() {
            // It is in nobody's way.
            let _ = fs::remove_file(&new);
            return replaced;
        }
        step();
        if let Err(error) = sync_folder(folder) {
            let folder = folder.display();
            warn!("{folder}: a power cut may undo the last edit: {error}");
        }
        step();
        Ok(())
    }

    fn write(
        &self,
        content: &[u8],
        new: &Path,
        like: &Path,
        step: &mut dyn FnMut(),
    ) -> io::Result<()> {
        let old = match fs::metadata(&self.file) {
            Ok(old) => {
                // A file that must not be written is not to be replaced either.
                OpenOptions::new().append(true).open(&self.file)?;
                old
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs::metadata(like)?,
            Err(error) => return Err(error),
        };
        let mut file = create(new)?;
        step();
        file.write_all(content)?;
        step();
        take_owner(&file, &old)?;
        #[cfg(unix)]
        file.set_permissions(old.permissions())?;
        file.sync_all()?;
        step();
        Ok(())
    }

    /// Removes what an edit has left behind that was killed. Nobody else is editing.
    fn remove_left_over(&self, folder: &Path) {
        let Some(name) = self.file.file_name().and_then(|name| name.to_str()) else {
            return;
        };
        let start = format!("{name}{NEW}");
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let is_left = |name: &str| name.starts_with(&start);
            if entry.file_name().to_str().is_some_and(is_left) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// A name that nobody can guess, and put a link there.
    fn new_name(&self) -> io::Result<PathBuf> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let mut name = self.file.clone().into_os_string();
        name.push(format!("{NEW}{:016x}", u64::from_be_bytes(random)));
        Ok(name.into())
    }
}

#[cfg(unix)]
fn create(file: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(file)
}

/// Windows gives the file the rights of its folder.
#[cfg(not(unix))]
fn create(file: &Path) -> io::Result<File> {
    File::create_new(file)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Other systems write down by themselves what is in a folder.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
