//! A copy of a store, also while a server uses it.
//!
//! Sealed segments never change, so they get a hard link instead of a copy where the file system supports it. The last
//! segment is copied up to the end of its last record. The backup is made in a temporary folder beside its destination, with
//! a name that nobody can guess and that nobody else can open, as others may have put links or folders there. It is renamed
//! last.

use std::{
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Identity, LogError, Position, Progress,
    acknowledged::{Acknowledged, Ends},
    disk::{Access, Disk},
    folder::{Folder, io_error, offset},
    identity::{Found, IdentityFile},
    repair,
    survey::{Meter, survey},
};

/// How often a backup starts over because a server drops segments meanwhile.
const TRIES: u32 = 10;

/// Bytes of a file that are copied at a time.
const CHUNK: u64 = 1024 * 1024;

/// The source and the destination of a backup.
#[derive(Clone, Debug)]
pub struct Backup<'a> {
    /// The data folder.
    pub data: &'a Path,
    /// The name of the store's folder in the data folder.
    pub store: &'a str,
    /// Other files in the data folder. Those that exist are copied in this order, before the log, so that the log has
    /// everything that they refer to.
    pub files: &'a [&'a str],
    /// Folders in the data folder with files that are replaced or removed, but never change. They are copied after the log, so
    /// that they have everything that it refers to.
    pub folders: &'a [&'a str],
    /// The new data folder. It must be empty or missing.
    pub to: &'a Path,
    /// The disk that holds all of these.
    pub disk: Arc<dyn Disk>,
}

/// The result of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackedUp {
    /// The store that was copied.
    pub identity: Identity,
    /// The number of records in the copy.
    pub positions: Range<Position>,
    /// The number of segments that got a hard link.
    pub linked: usize,
    /// The number of segments that were copied.
    pub copied: usize,
}

impl Backup<'_> {
    /// Makes the backup. A server may use the data folder meanwhile. Opening the log of the backup raises the epoch.
    ///
    /// # Errors
    /// [`LogError::NotEmpty`] when the new folder contains something, [`LogError::Damaged`] and [`LogError::Lost`]
    /// when the log's last segment is damaged, otherwise the error of the disk. After an error there is no new folder.
    pub fn run(&self, progress: &mut Progress<'_>) -> Result<BackedUp, LogError> {
        let disk = &*self.disk;
        if self.to.file_name().is_none() || !list(disk, self.to)?.is_empty() {
            return Err(LogError::NotEmpty(self.to.to_owned()));
        }
        let partial = self.begin()?;
        let made = self
            .make(&partial, progress)
            .and_then(|made| self.finish(&partial).map(|()| made));
        if made.is_err() {
            // A folder that cannot be removed does no harm.
            let _ = self.clear(&partial);
        }
        made
    }

    /// Creates the temporary folder.
    fn begin(&self) -> Result<PathBuf, LogError> {
        let above = self.to.parent();
        if let Some(above) = above.filter(|above| !above.as_os_str().is_empty()) {
            self.disk.create_folder(above).map_err(io_error(above))?;
        }
        let mut random = [0; 8];
        let failed = |error| io_error(self.to)(io::Error::other(error));
        getrandom::fill(&mut random).map_err(failed)?;
        let number = u64::from_be_bytes(random);
        let partial = self
            .to
            .with_added_extension(format!("partial-{number:016x}"));
        let made = self.disk.create_new_folder(&partial);
        made.map_err(io_error(&partial))?;
        Ok(partial)
    }

    fn make(&self, partial: &Path, progress: &mut Progress<'_>) -> Result<BackedUp, LogError> {
        let from = Folder::new(self.disk.clone(), &self.data.join(self.store));
        let to = Folder::new(self.disk.clone(), &partial.join(self.store));
        let begin = || self.disk.create_folder(&to.log).map_err(io_error(&to.log));
        begin()?;
        let mut meter = Meter::new(self.length(&from)?, progress);
        for file in self.files {
            let (from, to) = (self.data.join(file), partial.join(file));
            match copy(&*self.disk, &from, &to, &mut meter) {
                Err(LogError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                copied => copied?,
            }
        }
        let mut tries = 1;
        loop {
            match copy_log(&from, &to, &mut meter) {
                Err(LogError::Io { source, .. })
                    if source.kind() == io::ErrorKind::NotFound && tries < TRIES =>
                {
                    tries += 1;
                    clear(&*self.disk, &to.log)?;
                    begin()?;
                }
                Ok(made) => {
                    self.folders(partial, &mut meter)?;
                    return Ok(made);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Gives the files of the folders a hard link, or copies them. One that is gone when its turn comes was removed meanwhile.
    fn folders(&self, partial: &Path, meter: &mut Meter<'_, '_>) -> Result<(), LogError> {
        let disk = &*self.disk;
        for folder in self.folders {
            let (from, to) = (self.data.join(folder), partial.join(folder));
            let names = list(disk, &from)?;
            if names.is_empty() {
                continue;
            }
            disk.create_folder(&to).map_err(io_error(&to))?;
            for name in names {
                let (old, new) = (from.join(&name), to.join(&name));
                let done = match disk.link(&old, &new) {
                    Ok(()) => meter.advance(0),
                    Err(_) => copy(disk, &old, &new, meter),
                };
                match done {
                    Err(LogError::Io { source, .. })
                        if source.kind() == io::ErrorKind::NotFound => {}
                    done => done?,
                }
            }
            disk.sync_folder(&to).map_err(io_error(&to))?;
        }
        Ok(())
    }

    /// Renames the temporary folder.
    fn finish(&self, partial: &Path) -> Result<(), LogError> {
        let disk = &*self.disk;
        let store = partial.join(self.store);
        for folder in [&*store, partial] {
            disk.sync_folder(folder).map_err(io_error(folder))?;
        }
        match disk.remove_folder(self.to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error(self.to)(error));
            }
            _ => {}
        }
        disk.rename(partial, self.to).map_err(io_error(self.to))?;
        let above = self.to.parent();
        match above.filter(|above| !above.as_os_str().is_empty()) {
            Some(above) => disk.sync_folder(above).map_err(io_error(above)),
            None => Ok(()),
        }
    }

    /// Removes the files of an incomplete backup, and nothing else.
    fn clear(&self, partial: &Path) -> Result<(), LogError> {
        let disk = &*self.disk;
        let store = partial.join(self.store);
        clear(disk, &store.join("log"))?;
        clear(disk, &store)?;
        for file in self.files {
            remove(disk, &partial.join(file))?;
        }
        for folder in self.folders {
            clear(disk, &partial.join(folder))?;
        }
        let all = self.files.iter().chain(self.folders);
        for folder in all.filter_map(|file| Path::new(file).parent()) {
            if !folder.as_os_str().is_empty() {
                clear(disk, &partial.join(folder))?;
            }
        }
        match disk.remove_folder(partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(partial)(error)),
            _ => Ok(()),
        }
    }

    /// The size of all files in bytes.
    fn length(&self, from: &Folder) -> Result<u64, LogError> {
        let mut total = from.length(&from.bases_to_read()?)?;
        for file in self.files {
            let file = self.data.join(file);
            if let Ok(file) = self.disk.open(&file, Access::Read) {
                total += file.length().unwrap_or(0);
            }
        }
        Ok(total)
    }
}

/// Copies the log and then the identity, which makes the new folder a store.
fn copy_log(from: &Folder, to: &Folder, meter: &mut Meter<'_, '_>) -> Result<BackedUp, LogError> {
    let path = IdentityFile::path(&from.store);
    let found = IdentityFile::read(&*from.disk, &from.store).map_err(io_error(&path))?;
    let identity = match found {
        Found::File(file) => file.identity,
        Found::Newer(by) => return Err(LogError::Newer { file: path, by }),
        Found::Missing | Found::Damaged => {
            return Err(LogError::Damaged {
                file: path,
                offset: 0,
                reason: "the file cannot be read".into(),
            });
        }
    };
    // Read before the segments: what is appended meanwhile comes after this position.
    let acknowledged = Acknowledged::read(&*from.disk, &from.log, &identity);
    let acknowledged = acknowledged
        .map_err(io_error(&from.log))?
        .map_or(0, |ends| ends.acknowledged);
    let bases = from.bases()?;
    let Some((&last, sealed)) = bases.split_last() else {
        return Err(LogError::Damaged {
            file: from.log.clone(),
            offset: 0,
            reason: "all segments of the log are missing".into(),
        });
    };
    let mut made = BackedUp {
        identity,
        positions: Position(bases[0])..Position(last),
        linked: 0,
        copied: 1,
    };
    for &base in sealed {
        let (old, new) = (from.segment(base), to.segment(base));
        match to.disk.link(&old, &new) {
            Ok(()) => {
                made.linked += 1;
                meter.advance(from.length(&[base])?)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(io_error(&old)(error));
            }
            // Another file system, or one without hard links.
            Err(_) => {
                copy(&*to.disk, &old, &new, meter)?;
                made.copied += 1;
            }
        }
    }
    let end = copy_last(from, to, &identity, last, acknowledged, meter)?;
    let ends = Ends {
        acknowledged: end,
        synced: end,
    };
    let written = Acknowledged::open(&*to.disk, &to.log, &identity)
        .and_then(|file| file.write(ends).and_then(|()| file.sync()));
    written.map_err(io_error(&to.log))?;
    to.disk.sync_folder(&to.log).map_err(io_error(&to.log))?;
    let file = IdentityFile {
        identity,
        is_backup: true,
        start: bases[0],
        is_older: false,
    };
    let written = file.write(&*to.disk, &to.store);
    written.map_err(io_error(&to.store))?;
    made.positions.end = Position(end);
    Ok(made)
}

/// Copies the segment that a server may be appending to, and returns the position where the copy ends.
fn copy_last(
    from: &Folder,
    to: &Folder,
    identity: &Identity,
    base: u64,
    acknowledged: u64,
    meter: &mut Meter<'_, '_>,
) -> Result<u64, LogError> {
    let found = survey(from, identity, (base, None), meter, &mut |_, _| Ok(()))?;
    if let Some(damage) = found.damages.first() {
        return Err(damage.into());
    }
    if found.end < acknowledged {
        return Err(LogError::Lost {
            file: from.segment(base),
            offset: offset(base, found.end),
            missing: acknowledged - found.end,
        });
    }
    let (old, new) = (from.segment(base), to.segment(base));
    let from = from.disk.open(&old, Access::Read).map_err(io_error(&old))?;
    let to = to.disk.open(&new, Access::Create).map_err(io_error(&new))?;
    let copied = repair::copy(&*from, &*to, 0..offset(base, found.end));
    copied.and_then(|()| to.sync()).map_err(io_error(&new))?;
    Ok(found.end)
}

/// Copies a file up to its current length.
fn copy(
    disk: &dyn Disk,
    old: &Path,
    new: &Path,
    meter: &mut Meter<'_, '_>,
) -> Result<(), LogError> {
    let from = disk.open(old, Access::Read).map_err(io_error(old))?;
    if let Some(folder) = new.parent() {
        disk.create_folder(folder).map_err(io_error(folder))?;
    }
    let to = disk.open(new, Access::Create).map_err(io_error(new))?;
    let length = from.length().map_err(io_error(old))?;
    let mut at = 0;
    while at < length {
        let end = length.min(at + CHUNK);
        repair::copy(&*from, &*to, at..end).map_err(io_error(new))?;
        meter.advance(end - at)?;
        at = end;
    }
    to.sync().map_err(io_error(new))
}

/// Removes a folder, if it exists, and the files in it.
fn clear(disk: &dyn Disk, folder: &Path) -> Result<(), LogError> {
    for name in list(disk, folder)? {
        remove(disk, &folder.join(name))?;
    }
    match disk.remove_folder(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(folder)(error)),
        _ => Ok(()),
    }
}

fn remove(disk: &dyn Disk, file: &Path) -> Result<(), LogError> {
    match disk.remove(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(file)(error)),
        _ => Ok(()),
    }
}

/// The names in a folder; none if there is no such folder.
fn list(disk: &dyn Disk, folder: &Path) -> Result<Vec<String>, LogError> {
    match disk.list(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        names => names.map_err(io_error(folder)),
    }
}
