//! The position of messages.csv, in a separate file with two slots. They are in different blocks, have a checksum each, and are
//! written in turn. So a write that a power cut tears leaves the previous slot intact.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use tracing::warn;
use xxhash_rust::xxh3::xxh3_64;

use crate::model::message::MessageId;

/// The magic number of a slot; another format gets another one.
const MAGIC: u64 = u64::from_le_bytes(*b"MMarch01");

/// Integers in a slot, including the checksum.
const NUMBERS: usize = 6;
const SLOT_BYTES: usize = NUMBERS * 8;

/// The distance of the slots in bytes: disks write blocks of 4 KiB.
const BLOCK_BYTES: usize = 4096;

/// The position of messages.csv.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// All rows of the read marks up to this one are in the file and on the disk.
    pub(super) mark: u64,
    /// The length of the file at that time, in bytes.
    pub(super) length: u64,
    /// The highest id of a message that has a row.
    pub(super) newest: MessageId,
}

/// The file with the position.
#[derive(Debug)]
pub(super) struct PositionFile {
    path: PathBuf,
    /// How often it was written.
    written: u64,
    position: Position,
}

impl PositionFile {
    /// Reads the position. If the file is missing or damaged, the archive starts from the beginning.
    ///
    /// # Errors
    /// The error of the system.
    pub(super) fn read(path: PathBuf) -> io::Result<Self> {
        let bytes = match File::open(&path) {
            Ok(file) => {
                let mut bytes = Vec::new();
                let limit = (BLOCK_BYTES + SLOT_BYTES) as u64;
                file.take(limit).read_to_end(&mut bytes)?;
                bytes
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let slots = [0, BLOCK_BYTES].map(|at| decode(bytes.get(at..at + SLOT_BYTES)?));
        let latest = slots.into_iter().flatten().max_by_key(|slot| slot.0);
        if latest.is_none() && !bytes.is_empty() {
            warn!(
                "{}: damaged; messages.csv is compared with everything that was read instead",
                path.display()
            );
        }
        let (written, position) = latest.unwrap_or_default();
        Ok(Self {
            path,
            written,
            position,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The position that was written last.
    pub(super) fn position(&self) -> Position {
        self.position
    }

    /// Writes a position, durably.
    ///
    /// # Errors
    /// The error of the system. Then the file has either the old or the new position.
    pub(super) fn write(&mut self, position: Position) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&self.path)?;
        let written = self.written + 1;
        let slot = usize::from(written.is_multiple_of(2)) * BLOCK_BYTES;
        file.seek(SeekFrom::Start(slot as u64))?;
        file.write_all(&encode(written, position))?;
        file.sync_data()?;
        (self.written, self.position) = (written, position);
        Ok(())
    }
}

fn encode(written: u64, position: Position) -> [u8; SLOT_BYTES] {
    let mut slot = [0; SLOT_BYTES];
    let Position {
        mark,
        length,
        newest,
    } = position;
    let numbers = [MAGIC, written, mark, length, newest.0];
    for (place, number) in slot.chunks_exact_mut(8).zip(numbers) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    let checksum = xxh3_64(&slot[..SLOT_BYTES - 8]);
    slot[SLOT_BYTES - 8..].copy_from_slice(&checksum.to_le_bytes());
    slot
}

/// The number of the write, and the position; `None` if the slot is damaged.
fn decode(slot: &[u8]) -> Option<(u64, Position)> {
    let mut numbers = [0; NUMBERS];
    for (number, place) in numbers.iter_mut().zip(slot.as_chunks::<8>().0) {
        *number = u64::from_le_bytes(*place);
    }
    let [magic, written, mark, length, newest, checksum] = numbers;
    let is_whole = magic == MAGIC && checksum == xxh3_64(&slot[..SLOT_BYTES - 8]);
    let newest = MessageId(newest);
    is_whole.then_some((
        written,
        Position {
            mark,
            length,
            newest,
        },
    ))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn position(number: u64) -> Position {
        Position {
            mark: number,
            length: number * 100,
            newest: MessageId(number + 7),
        }
    }

    fn read(path: &Path) -> Position {
        PositionFile::read(path.to_owned()).unwrap().position()
    }

    #[test]
    fn a_position_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("archive");
        assert_eq!(read(&path), Position::default());
        let mut file = PositionFile::read(path.clone()).unwrap();
        for number in 1..6 {
            file.write(position(number)).unwrap();
            assert_eq!(file.position(), position(number));
            assert_eq!(read(&path), position(number));
            // A later program continues with the right slot.
            file = PositionFile::read(path.clone()).unwrap();
        }
        let length = fs::metadata(&path).unwrap().len();
        assert_eq!(length, (BLOCK_BYTES + SLOT_BYTES) as u64);
    }

    #[test]
    fn a_torn_write_leaves_the_position_before_it_and_never_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("archive");
        let mut file = PositionFile::read(path.clone()).unwrap();
        file.write(position(1)).unwrap();
        for number in 2..4 {
            let before = fs::read(&path).unwrap();
            file.write(position(number)).unwrap();
            let after = fs::read(&path).unwrap();
            for torn in 0..after.len() {
                let mut bytes = before.clone();
                bytes.resize(after.len(), 0);
                bytes[..torn].copy_from_slice(&after[..torn]);
                fs::write(&path, &bytes).unwrap();
                let found = read(&path);
                assert!(found == position(number - 1) || found == position(number));
            }
            fs::write(&path, &after).unwrap();
        }
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("archive");
        PositionFile::read(path.clone())
            .unwrap()
            .write(position(5))
            .unwrap();
        let whole = fs::read(&path).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &bytes).unwrap();
            assert_eq!(read(&path), Position::default());
        }
    }
}
