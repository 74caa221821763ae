//! The log as files on a disk.

use std::{path::Path, sync::Arc};

use parking_lot::Mutex;

use super::{
    Appended, Durability, Identity, Keep, Log, LogError, MAX_PAYLOAD, Part, Position, Progress,
    Records, Settings,
    disk::{Lock, SystemDisk},
    folder::Folder,
    reader::Reader,
    recovery,
    segments::Segments,
    writer::Writer,
};

/// A log in the folder of a store: the file `identity`, and the folder `log` with segments, each named by the position of
/// its first record. See `docs/STORAGE.md`.
#[derive(Debug)]
pub struct FileLog {
    pub(super) identity: Identity,
    pub(super) segments: Segments,
    pub(super) writer: Mutex<Writer>,
    /// Held while segments are dropped. Locked before `writer`.
    pub(super) dropping: Mutex<()>,
    /// The lock against other servers.
    _lock: Box<dyn Lock>,
}

/// Whether a program has the log of this store open at this moment.
///
/// # Errors
/// The error of the disk.
pub fn is_in_use(store: &Path) -> Result<bool, LogError> {
    match Folder::new(Arc::new(SystemDisk), store).lock() {
        Ok(_) => Ok(false),
        Err(LogError::InUse(_)) => Ok(true),
        Err(error) => Err(error),
    }
}

impl FileLog {
    /// Opens the log in the folder of a store, and creates both if they are missing. Reads only the last segment, unless loss
    /// is accepted.
    ///
    /// # Errors
    /// [`LogError::InUse`] while another program has the log open; [`LogError::Lost`], [`LogError::Damaged`] and
    /// [`LogError::Foreign`] when something acknowledged is missing or damaged, and then nothing is changed; otherwise the
    /// error of the disk.
    pub fn open(
        store: &Path,
        settings: &Settings,
        progress: &mut Progress<'_>,
    ) -> Result<Self, LogError> {
        let folder = Folder::new(settings.disk.clone(), store);
        let recovered = recovery::open(&folder, settings, progress)?;
        let (identity, end) = (recovered.identity, recovered.writer.end);
        Ok(Self {
            identity,
            segments: Segments::new(folder, &identity, recovered.bases, end),
            writer: Mutex::new(recovered.writer),
            dropping: Mutex::default(),
            _lock: recovered.lock,
        })
    }

    /// The identity of the store, and its epoch.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// Syncs everything that was appended, whatever [`Log::append`] waits for.
    ///
    /// # Errors
    /// [`LogError`] when the disk fails; then nothing more is accepted.
    pub fn sync(&self) -> Result<(), LogError> {
        self.writer.lock().sync(self.segments.folder())
    }
}

impl Log for FileLog {
    fn append(&self, payload: &[u8]) -> Result<Appended, LogError> {
        if payload.is_empty() || payload.len() > MAX_PAYLOAD {
            return Err(LogError::Length(payload.len()));
        }
        let segments = &self.segments;
        let mut writer = self.writer.lock();
        let rotated = |base| segments.add(base);
        let position = writer.end;
        let next = writer.append(segments.folder(), self.identity, payload, rotated)?;
        segments.show(next);
        Ok(Appended {
            position: Position(position),
            next: Position(next),
        })
    }

    fn read_from(&self, position: Position) -> Result<Records<'_>, LogError> {
        if position > self.end() {
            return Err(LogError::Missing(position));
        }
        Ok(Box::new(Reader::new(&self.segments, position)))
    }

    fn read_part(&self, position: Position, part: Part) -> Result<Vec<u8>, LogError> {
        self.segments.read_part(position, part)
    }

    fn begins_segment(&self, payload: usize) -> bool {
        let writer = self.writer.lock();
        writer.is_empty() || writer.begins_segment(payload)
    }

    fn drop_old(&self, keep: &Keep<'_>) -> Result<u64, LogError> {
        self.drop_segments(keep)
    }

    fn start(&self) -> Position {
        Position(self.segments.start())
    }

    fn end(&self) -> Position {
        Position(self.segments.end())
    }
}

impl Drop for FileLog {
    /// With relaxed durability, an orderly stop syncs what was appended.
    fn drop(&mut self) {
        let writer = self.writer.get_mut();
        if writer.durability == Durability::Relaxed {
            // After an error, the next start reports what is missing.
            let _ = writer.sync(self.segments.folder());
        }
    }
}
