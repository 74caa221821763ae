//! The segments of a log, for readers, while the last one is appended to.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::{Mutex, RwLock};

use super::{
    Identity, LogError, Part, Position,
    disk::{Access, DiskFile},
    folder::{Folder, io_error, offset},
    record::{RECORD_HEADER, RecordHeader, Seed},
};

/// The most segment files that are kept open.
const OPEN_FILES: usize = 16;

/// See the module.
#[derive(Debug)]
pub(super) struct Segments {
    folder: Folder,
    seed: Seed,
    /// Where they begin, in ascending order; not empty. The last one is appended to, the others never change.
    bases: RwLock<Vec<u64>>,
    /// The end of the durable records.
    end: AtomicU64,
    /// Recently used files, the latest last. Locked after `bases`.
    files: Mutex<Vec<(u64, Arc<dyn DiskFile>)>>,
}

/// An open segment.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) base: u64,
    /// Where the next segment begins, if there is one.
    pub(super) next: Option<u64>,
}

impl Segments {
    pub(super) fn new(folder: Folder, identity: &Identity, bases: Vec<u64>, end: u64) -> Self {
        Self {
            folder,
            seed: Seed::of(identity),
            bases: RwLock::new(bases),
            end: AtomicU64::new(end),
            files: Mutex::default(),
        }
    }

    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    pub(super) fn seed(&self) -> Seed {
        self.seed
    }

    pub(super) fn start(&self) -> u64 {
        self.bases.read().first().copied().unwrap_or_default()
    }

    pub(super) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// Records up to here are durable from now on.
    pub(super) fn show(&self, end: u64) {
        self.end.store(end, Ordering::Release);
    }

    /// Adds a new segment, which begins where the last one ends.
    pub(super) fn add(&self, base: u64) {
        self.bases.write().push(base);
    }

    /// Where the segments begin, in ascending order; not empty.
    pub(super) fn bases(&self) -> Vec<u64> {
        self.bases.read().clone()
    }

    /// Drops the segments before a position, where a segment begins.
    pub(super) fn drop_before(&self, start: u64) {
        let mut bases = self.bases.write();
        bases.retain(|&base| base >= start);
        self.files.lock().retain(|(base, _)| *base >= start);
    }

    /// The segment that contains a position; `None` if it was dropped.
    pub(super) fn find(&self, position: u64) -> Result<Option<Segment>, LogError> {
        let bases = self.bases.read();
        let index = bases.partition_point(|&base| base <= position);
        let Some(base) = index.checked_sub(1).map(|index| bases[index]) else {
            return Ok(None);
        };
        let next = bases.get(index).copied();
        // Under the lock, every segment in the list exists.
        let file = self.file(base)?;
        Ok(Some(Segment { file, base, next }))
    }

    fn file(&self, base: u64) -> Result<Arc<dyn DiskFile>, LogError> {
        let mut files = self.files.lock();
        let found = files.iter().position(|(of, _)| *of == base);
        let file = match found {
            Some(index) => files.remove(index).1,
            None => self.folder.open(base, Access::Read)?,
        };
        if files.len() == OPEN_FILES {
            files.remove(0);
        }
        files.push((base, file.clone()));
        Ok(file)
    }

    /// A part of a record's payload. Reads only the record's header and the part.
    pub(super) fn read_part(&self, position: Position, part: Part) -> Result<Vec<u8>, LogError> {
        let missing = || LogError::Missing(position);
        if position.0 >= self.end() {
            return Err(missing());
        }
        let segment = self.find(position.0)?.ok_or_else(missing)?;
        let path = self.folder.segment(segment.base);
        let limit = segment.next.unwrap_or(u64::MAX).min(self.end());
        let at = offset(segment.base, position.0);
        let mut header = [0; RECORD_HEADER];
        let read = segment.file.read_at(&mut header, at);
        let is_whole = read.map_err(io_error(&path))? == RECORD_HEADER;
        let header = RecordHeader::parse(&header).filter(|header| {
            let is_here = is_whole && header.position == position.0 && !header.is_gap;
            is_here && header.next() <= limit
        });
        let length = header.ok_or_else(missing)?.length;
        if u64::from(part.offset) + u64::from(part.length) > u64::from(length) {
            return Err(missing());
        }
        let mut bytes = vec![0; part.length as usize];
        let at = at + RECORD_HEADER as u64 + u64::from(part.offset);
        let read = segment.file.read_at(&mut bytes, at);
        match read.map_err(io_error(&path))? {
            read if read == bytes.len() => Ok(bytes),
            _ => Err(io_error(&path)(io::ErrorKind::UnexpectedEof.into())),
        }
    }
}
