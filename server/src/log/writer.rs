//! Appending: one write and at most one sync for each record; a new segment when one is full.

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

/// The file is made longer by so much at once: a sync within a file whose length does not change need not write the
/// file system's own records, and takes half the time.
const STEP: u64 = 1024 * 1024;

/// Longer records make the file longer by themselves: writing zeros first would double what is written.
const LONG_RECORD: usize = 64 * 1024;

/// Room that is kept for the next record.
const KEPT_BYTES: usize = 2 * STEP as usize;

/// What whoever appends holds.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) file: Arc<dyn DiskFile>,
    /// Where the segment begins.
    pub(super) base: u64,
    /// Where the next record will be.
    pub(super) end: u64,
    /// Up to where everything is on the disk.
    pub(super) synced: u64,
    /// How long the file is.
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
    /// A call to the disk is under way, or has failed, or panicked. Nobody knows what is on the disk.
    Unknown,
}

impl Writer {
    /// Appends a record and returns where the next one will be. `rotated` is told of a new segment before a record is in it.
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

    /// Whether nothing is in the segment yet.
    pub(super) fn is_empty(&self) -> bool {
        self.end == self.base
    }

    /// Whether the next record, if its payload has so many bytes, is the first one of a segment.
    pub(super) fn begins_segment(&self, payload: usize) -> bool {
        let record = (RECORD_HEADER + payload) as u64;
        self.end > self.base && offset(self.base, self.end) + record > self.segment_bytes
    }

    /// Returns when everything is on the disk, however it was appended.
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

    /// Begins a new segment, if there is anything in this one.
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

    /// Seals the segment and begins the next one. A segment that is not the last one is whole and durable, in any case.
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

    /// Goes over to a new segment, which begins at the end.
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

    /// Notes how far the log is.
    fn note(&self, folder: &Folder) {
        let ends = Ends {
            acknowledged: self.end,
            synced: self.synced,
        };
        if let Err(error) = self.acknowledged.write(ends) {
            // The record stands; only a later loss might not be noticed.
            warn!("{}: {error}", folder.log.display());
        }
    }

    fn path(&self, folder: &Folder) -> PathBuf {
        folder.segment(self.base)
    }
}
