//! Retention: drops old segments from the beginning of the log.

use tracing::{info, warn};

use super::{
    FileLog, Keep, LogError, Position, folder::io_error, identity::IdentityFile, reader::Reader,
};

/// The open segment is sealed when its first record is older than the retention time divided by this. So the segments of
/// a log that grows slowly can be dropped too, and there are about this many segments more.
const SEALED_AT: i32 = 8;

impl FileLog {
    /// Drops the oldest segments while everything in them is older than the retention time and before what is needed.
    /// Returns the number of bytes dropped. The first record of the next segment shows that a segment is old.
    ///
    /// # Errors
    /// [`LogError`] when the disk fails. If a new segment cannot be created, nothing more is accepted.
    pub(super) fn drop_segments(&self, keep: &Keep<'_>) -> Result<u64, LogError> {
        let _one_at_a_time = self.dropping.lock();
        self.seal_old(keep)?;
        let bases = self.segments.bases();
        let mut start = bases[0];
        for &next in &bases[1..] {
            if next > keep.before.0 || !self.is_old(next, keep, 1)? {
                break;
            }
            start = next;
        }
        let dropped: Vec<_> = bases.iter().filter(|&&base| base < start).collect();
        if dropped.is_empty() {
            return Ok(0);
        }
        let folder = self.segments.folder();
        let file = IdentityFile {
            identity: self.identity,
            is_backup: false,
            start,
            is_older: false,
        };
        // From here on, the next start drops them if this is interrupted.
        file.write(&*folder.disk, &folder.store)
            .map_err(io_error(&IdentityFile::path(&folder.store)))?;
        self.segments.drop_before(start);
        for &&base in &dropped {
            let file = folder.segment(base);
            if let Err(error) = folder.disk.remove(&file) {
                let file = file.display();
                warn!("{file}: cannot be removed now: {error}; the next start tries again");
            }
        }
        info!("{} old segments of the log are dropped", dropped.len());
        Ok(start - bases[0])
    }

    fn seal_old(&self, keep: &Keep<'_>) -> Result<(), LogError> {
        let mut writer = self.writer.lock();
        if writer.end > writer.base && self.is_old(writer.base, keep, SEALED_AT)? {
            writer.seal(self.segments.folder(), self.identity)?;
            self.segments.add(writer.base);
        }
        Ok(())
    }

    /// Whether the first record from a position on is older than the retention time divided by `part`.
    fn is_old(&self, position: u64, keep: &Keep<'_>, part: i32) -> Result<bool, LogError> {
        let record = Reader::new(&self.segments, Position(position)).next();
        let at = record
            .transpose()?
            .and_then(|record| (keep.time_of)(&record.payload));
        Ok(at.is_some_and(|at| keep.now.duration_since(at) > keep.keep / part))
    }
}
