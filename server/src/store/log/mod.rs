//! The write-ahead log: each commit is one record here, and durable with it. What is in the
//! database as well is not needed here any more.
//!
//! There are two files. One is written; when it is long, the other one is, and the first is free
//! as soon as all it holds is safely in the database.

mod form;
mod segment;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tracing::warn;

pub(super) use self::form::{Item, Kind, items};
use self::{
    form::Writer,
    segment::{HEADER, Segment},
};

/// A file of the log with more than this is long.
const LONG_BYTES: u64 = 4 * 1024 * 1024;

/// A file with more than this is full.
const FULL_BYTES: u64 = 4 * LONG_BYTES;

/// Room for a record that is kept for the next one.
const KEPT_BYTES: usize = 256 * 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct Log {
    segments: [Segment; 2],
    /// Which one is written.
    current: usize,
    /// Something in the other one may be needed.
    is_other_needed: bool,
    is_synced: bool,
    /// Of the last record.
    number: u64,
    record: Vec<u8>,
    writer: Writer,
}

/// What was in the log and not in the database.
#[derive(Debug)]
pub(super) struct Replay {
    /// The records, by rising numbers.
    pub(super) records: Vec<(u64, Vec<u8>)>,
    /// What cannot be read, if there is such a thing.
    pub(super) damage: Option<String>,
}

impl Log {
    /// Opens the log in a folder, or makes one, and reads what has numbers above `settled`. Until
    /// something is appended, the files are left as they are. `is_synced`: appending waits for
    /// the disk.
    pub(super) fn open(folder: &Path, settled: u64, is_synced: bool) -> io::Result<(Self, Replay)> {
        let mut segments = [
            Segment::open(&folder.join("0.wal"))?,
            Segment::open(&folder.join("1.wal"))?,
        ];
        let mut records = Vec::new();
        for segment in &mut segments {
            records.extend(segment.read(settled)?);
        }
        records.sort_unstable_by_key(|(number, _)| *number);
        let mut damage = None;
        let mut expected = settled;
        for (number, _) in &records {
            expected += 1;
            if *number != expected {
                damage.get_or_insert_with(|| {
                    format!("commits {expected} to {} are missing", number - 1)
                });
                expected = *number;
            }
        }
        let log = Self {
            segments,
            current: 0,
            is_other_needed: false,
            is_synced,
            number: expected,
            record: Vec::new(),
            writer: Writer::default(),
        };
        Ok((log, Replay { records, damage }))
    }

    /// Appends a record; it is durable when this returns. Returns its number and what it is.
    ///
    /// # Errors
    /// What the system said; nothing may be appended then.
    pub(super) fn append(
        &mut self,
        write: impl FnOnce(&mut Writer, &mut Vec<u8>),
    ) -> io::Result<(u64, &[u8])> {
        if self.record.capacity() > KEPT_BYTES {
            self.record = Vec::new();
        }
        self.record.clear();
        self.record.resize(HEADER, 0);
        write(&mut self.writer, &mut self.record);
        let segment = &mut self.segments[self.current];
        segment.append(self.number + 1, &mut self.record)?;
        if self.is_synced {
            segment.sync()?;
        }
        self.number += 1;
        Ok((self.number, &self.record[HEADER..]))
    }

    /// What is appended from now on can be read without what was appended before.
    pub(super) fn forget(&mut self) {
        self.writer.forget();
    }

    /// Whether the other file should be written, and can be.
    pub(super) fn is_long(&self) -> bool {
        self.segments[self.current].length() > LONG_BYTES && !self.is_other_needed
    }

    /// Whether the file is so long that nothing more should be appended to it.
    pub(super) fn is_full(&self) -> bool {
        self.segments[self.current].length() > FULL_BYTES
    }

    /// From now on writes the other file. This one is needed until [`Log::free_other`].
    pub(super) fn turn(&mut self) -> io::Result<()> {
        self.current = 1 - self.current;
        self.segments[self.current].begin_anew()?;
        self.is_other_needed = true;
        Ok(())
    }

    /// All that is in the file which is not written now is safely in the database.
    pub(super) fn free_other(&mut self) {
        self.is_other_needed = false;
    }
}

/// Keeps a copy of files that cannot be read as a whole, before they are written again.
pub(super) fn keep_damaged(folder: &Path) -> io::Result<()> {
    for name in ["0.wal", "1.wal"] {
        let file = folder.join(name);
        let copy = PathBuf::from(format!("{}.damaged", file.display()));
        fs::copy(&file, &copy)?;
        warn!("{} is kept in {}", file.display(), copy.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(log: &mut Log, text: &str) -> u64 {
        let appended = log.append(|_, out| out.extend_from_slice(text.as_bytes()));
        appended.unwrap().0
    }

    fn texts(unsettled: &Replay) -> Vec<(u64, String)> {
        let text = |body: &Vec<u8>| String::from_utf8(body.clone()).unwrap();
        let records = unsettled.records.iter();
        records
            .map(|(number, body)| (*number, text(body)))
            .collect()
    }

    #[test]
    fn what_is_not_settled_is_found_in_either_file() {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, found) = Log::open(folder.path(), 0, true).unwrap();
        assert!(found.records.is_empty() && found.damage.is_none());
        assert_eq!(append(&mut log, "one"), 1);
        assert_eq!(append(&mut log, "two"), 2);
        log.turn().unwrap();
        assert_eq!(append(&mut log, "three"), 3);
        drop(log);
        let (mut log, found) = Log::open(folder.path(), 1, true).unwrap();
        assert_eq!(found.damage, None);
        assert_eq!(texts(&found), [(2, "two".into()), (3, "three".into())]);
        // Settled now: both files are free.
        assert_eq!(append(&mut log, "four"), 4);
        drop(log);
        let (_, found) = Log::open(folder.path(), 3, true).unwrap();
        assert_eq!(
            (texts(&found), found.damage),
            (vec![(4, "four".into())], None)
        );
    }

    #[test]
    fn what_the_database_and_the_log_both_lack_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, _) = Log::open(folder.path(), 5, true).unwrap();
        assert_eq!(append(&mut log, "six"), 6);
        drop(log);
        let (_, found) = Log::open(folder.path(), 3, true).unwrap();
        assert_eq!(found.damage.as_deref(), Some("commits 4 to 5 are missing"));
    }

    #[test]
    fn a_long_file_is_turned_from_once_the_other_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, _) = Log::open(folder.path(), 0, false).unwrap();
        let text = "x".repeat(LONG_BYTES as usize);
        assert!(!log.is_long());
        append(&mut log, &text);
        assert!(log.is_long());
        log.turn().unwrap();
        append(&mut log, &text);
        assert!(!log.is_long());
        log.free_other();
        assert!(log.is_long());
    }
}
