//! Appends records: one write and at most one sync for each; begins a new segment when one is full.

use std::{path::PathBuf, sync::Arc};

use tracing::warn;

use super::{
    Durability, Identity, LogError,
    acknowledged::{Acknowledged, Ends},
    disk::{Access, DiskFile},
    folder::{Folder, io_error, offset},
    record::{RECORD_HEADER, Seed},
    segment::SegmentHeader,
};

/// The file is extended by so many bytes at a time: a sync of a file whose length has not changed writes no metadata of
/// the file system, and takes half the time.
const STEP: u64 = 1024 * 1024;

/// Records longer than this extend the file themselves: writing zeros first would double the bytes written.
const LONG_RECORD: usize = 64 * 1024;

/// The least room that is kept for the next record, in bytes.
const KEPT_BYTES: usize = 2 * STEP as usize;

/// The end of the log, where records are appended.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) file: Arc<dyn DiskFile>,
    /// The position where the segment begins.
    pub(super) base: u64,
    /// The position of the next record.
    pub(super) end: u64,
    /// The position up to which everything is on the disk.
    pub(super) synced: u64,
    /// The length of the file in bytes.
    pub(super) length: u64,
    pub(super) acknowledged: Acknowledged,
    pub(super) durability: Durability,
    pub(super) segment_bytes: u64,
    pub(super) state: State,
    pub(super) buffer: Vec<u8>,
}

/// Whether more can be appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Open,
    /// A call to the disk is under way, or has failed or panicked. What is on the disk is unknown.
    Unknown,
}

impl Writer {
    /// Appends a record and returns the position after it. `rotated` is called for a new segment before a record is in it.
    pub(super) fn append(
        &mut self,
        folder: &Folder,
        identity: Identity,
        payload: &[u8],
        rotated: impl FnOnce(u64),
    ) -> Result<u64, LogError> {
        if self.state != State::Open {
            return Err(LogError::Closed);
        }
        self.state = State::Unknown;
        let record = (RECORD_HEADER + payload.len()) as u64;
        if self.begins_segment(payload.len()) {
            self.rotate(folder, identity)?;
            rotated(self.base);
        }
        let written = self.write(Seed::of(&identity), payload);
        written.map_err(io_error(&self.path(folder)))?;
        self.end += record;
        if self.durability == Durability::Sync {
            self.sync_file(folder)?;
        }
        self.note(folder);
        self.state = State::Open;
        Ok(self.end)
    }

    /// Whether the segment has no record yet.
    pub(super) fn is_empty(&self) -> bool {
        self.end == self.base
    }

    /// Whether the next record, with a payload of so many bytes, will be the first one of a segment.
    pub(super) fn begins_segment(&self, payload: usize) -> bool {
        let record = (RECORD_HEADER + payload) as u64;
        self.end > self.base && offset(self.base, self.end) + record > self.segment_bytes
    }

    /// Syncs everything that was appended.
    pub(super) fn sync(&mut self, folder: &Folder) -> Result<(), LogError> {
        if self.state != State::Open {
            return Err(LogError::Closed);
        }
        self.state = State::Unknown;
        self.sync_file(folder)?;
        self.note(folder);
        self.state = State::Open;
        Ok(())
    }

    /// Begins a new segment, unless this one is empty.
    pub(super) fn seal(&mut self, folder: &Folder, identity: Identity) -> Result<(), LogError> {
        if self.state != State::Open {
            return Err(LogError::Closed);
        }
        self.state = State::Unknown;
        self.rotate(folder, identity)?;
        self.state = State::Open;
        Ok(())
    }

    fn write(&mut self, seed: Seed, payload: &[u8]) -> std::io::Result<()> {
        self.buffer.clear();
        seed.write_record(self.end, payload, &mut self.buffer);
        let at = offset(self.base, self.end);
        let end = at + self.buffer.len() as u64;
        let extends = end > self.length
            && self.buffer.len() < LONG_RECORD
            && self.durability == Durability::Sync;
        if extends {
            let length = (end + STEP).min(self.segment_bytes).max(end);
            self.buffer.resize((length - at) as usize, 0);
        }
        self.file.write_at(&self.buffer, at)?;
        self.length = self.length.max(at + self.buffer.len() as u64);
        if self.buffer.capacity() > KEPT_BYTES {
            self.buffer = Vec::new();
        }
        Ok(())
    }

    /// Seals the segment and begins the next one. Every segment but the last is complete and durable.
    pub(super) fn rotate(&mut self, folder: &Folder, identity: Identity) -> Result<(), LogError> {
        let length = offset(self.base, self.end);
        if self.length != length {
            self.file
                .set_length(length)
                .map_err(io_error(&self.path(folder)))?;
        }
        self.sync_file(folder)?;
        self.begin(folder, identity)
    }

    /// Continues in a new segment, which begins at the end.
    fn begin(&mut self, folder: &Folder, identity: Identity) -> Result<(), LogError> {
        let base = self.end;
        let header = SegmentHeader { base, identity };
        header
            .create(&*folder.disk, &folder.log)
            .map_err(io_error(&folder.segment(base)))?;
        self.file = folder.open(base, Access::Write)?;
        self.base = base;
        self.length = offset(base, base);
        Ok(())
    }

    fn sync_file(&mut self, folder: &Folder) -> Result<(), LogError> {
        self.file.sync().map_err(io_error(&self.path(folder)))?;
        self.synced = self.end;
        Ok(())
    }

    /// Writes the end of the log to the file `acknowledged`.
    fn note(&self, folder: &Folder) {
        let ends = Ends {
            acknowledged: self.end,
            synced: self.synced,
        };
        if let Err(error) = self.acknowledged.write(ends) {
            // The record is in the log; only a later loss might go unnoticed.
            warn!("{}: {error}", folder.log.display());
        }
    }

    fn path(&self, folder: &Folder) -> PathBuf {
        folder.segment(self.base)
    }
}
