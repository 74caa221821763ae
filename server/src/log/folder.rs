//! The paths of a log's files.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    LogError, NEW,
    disk::{Access, Disk, DiskFile, Lock},
    segment::{self, BadHeader, SEGMENT_HEADER, SegmentHeader},
};

const LOCK: &str = "lock";

/// The folder of a store and the folder `log` in it, on a disk.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    pub(super) disk: Arc<dyn Disk>,
    /// The folder of the store.
    pub(super) store: PathBuf,
    /// The folder of the log.
    pub(super) log: PathBuf,
}

impl Folder {
    pub(super) fn new(disk: Arc<dyn Disk>, store: &Path) -> Self {
        Self {
            disk,
            store: store.to_owned(),
            log: store.join("log"),
        }
    }

    /// Locks the store against other servers.
    pub(super) fn lock(&self) -> Result<Box<dyn Lock>, LogError> {
        let file = self.log.join(LOCK);
        self.disk.lock(&file).map_err(|source| match source.kind() {
            io::ErrorKind::WouldBlock => LogError::InUse(self.store.clone()),
            _ => LogError::Io { file, source },
        })
    }

    /// Syncs the folders' own entries.
    pub(super) fn sync_above(&self) -> Result<(), LogError> {
        let above = self.store.parent();
        let above = above.filter(|above| !above.as_os_str().is_empty());
        for folder in [Some(&*self.store), above].into_iter().flatten() {
            let synced = self.disk.sync_folder(folder);
            synced.map_err(io_error(folder))?;
        }
        Ok(())
    }

    pub(super) fn segment(&self, base: u64) -> PathBuf {
        self.log.join(segment::name(base))
    }

    /// The first positions of all segments in ascending order; an error if there is no log.
    pub(super) fn bases_to_read(&self) -> Result<Vec<u64>, LogError> {
        match self.bases() {
            Err(LogError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Err(LogError::NoLog(self.store.clone()))
            }
            bases => bases,
        }
    }

    /// The first positions of all segments, in ascending order.
    pub(super) fn bases(&self) -> Result<Vec<u64>, LogError> {
        let names = self.disk.list(&self.log).map_err(io_error(&self.log))?;
        let mut bases: Vec<_> = names
            .iter()
            .filter_map(|name| segment::parse_name(name))
            .collect();
        bases.sort_unstable();
        Ok(bases)
    }

    pub(super) fn open(&self, base: u64, access: Access) -> Result<Arc<dyn DiskFile>, LogError> {
        let file = self.segment(base);
        self.disk.open(&file, access).map_err(io_error(&file))
    }

    /// Reads the header of a segment.
    pub(super) fn header(
        &self,
        base: u64,
        file: &dyn DiskFile,
    ) -> Result<Result<SegmentHeader, BadHeader>, LogError> {
        let mut bytes = vec![0; SEGMENT_HEADER as usize];
        let read = file
            .read_at(&mut bytes, 0)
            .map_err(io_error(&self.segment(base)))?;
        let header = SegmentHeader::decode(&bytes[..read]);
        Ok(match header {
            Ok(header) if header.base != base => Err(BadHeader::Damaged),
            header => header,
        })
    }

    /// The total length of segments in bytes. A segment that was dropped meanwhile counts as 0.
    pub(super) fn length(&self, bases: &[u64]) -> Result<u64, LogError> {
        let mut total = 0;
        for &base in bases {
            let file = match self.open(base, Access::Read) {
                Err(LogError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                    continue;
                }
                file => file?,
            };
            total += file.length().map_err(io_error(&self.segment(base)))?;
        }
        Ok(total)
    }

    /// Removes incomplete files that a crash has left.
    pub(super) fn remove_unfinished(&self) -> Result<(), LogError> {
        for folder in [&self.store, &self.log] {
            for name in self.disk.list(folder).map_err(io_error(folder))? {
                if name.ends_with(NEW) {
                    let file = folder.join(name);
                    self.disk.remove(&file).map_err(io_error(&file))?;
                }
            }
        }
        Ok(())
    }
}

/// Adds the path of the file to an error.
pub(super) fn io_error(file: &Path) -> impl FnOnce(io::Error) -> LogError {
    let file = file.to_owned();
    |source| LogError::Io { file, source }
}

/// The offset of a position in the file of the segment that begins at `base`.
pub(super) fn offset(base: u64, position: u64) -> u64 {
    SEGMENT_HEADER + (position - base)
}
