//! A file of records, each with its number and a checksum. It is written again from its beginning
//! when nothing in it is needed any more, so that a sync of it need not tell the disk of a longer
//! file.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

use xxhash_rust::xxh3::xxh3_64;

/// What each record begins with: these bytes, the length of its body, its checksum, its number.
const MAGIC: [u8; 4] = *b"rec\x01";
pub(super) const HEADER: usize = 4 + 4 + 8 + 8;

/// A file that is kept in between, at most.
const KEPT_BYTES: u64 = 16 * 1024 * 1024;

/// One file of the log.
#[derive(Debug)]
pub(super) struct Segment {
    file: File,
    /// How much of it is written since it was begun.
    length: u64,
}

/// Records with their numbers, by rising numbers.
type Records = Vec<(u64, Vec<u8>)>;

impl Segment {
    /// Opens a file, or makes it, to be written from its beginning.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        Ok(Self { file, length: 0 })
    }

    /// Bytes written since it was begun.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The records with numbers above `settled`. What is left of earlier times has lower ones.
    pub(super) fn read(&mut self, settled: u64) -> io::Result<Records> {
        let mut content = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        self.file.read_to_end(&mut content)?;
        self.file.seek(SeekFrom::Start(0))?;
        Ok(find(&content, settled))
    }

    /// Appends a record: [`HEADER`] bytes of room, which are filled in, and its body.
    pub(super) fn append(&mut self, number: u64, record: &mut [u8]) -> io::Result<()> {
        close(number, record)?;
        self.file.write_all(record)?;
        self.length += record.len() as u64;
        Ok(())
    }

    /// Returns when what was appended is on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// From now on it is written from its beginning.
    pub(super) fn begin_anew(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        if self.length > KEPT_BYTES {
            self.file.set_len(KEPT_BYTES)?;
        }
        self.length = 0;
        Ok(())
    }
}

/// Fills in the header.
fn close(number: u64, record: &mut [u8]) -> io::Result<()> {
    let too_long = || io::Error::new(io::ErrorKind::InvalidInput, "too much for one record");
    let (header, body) = record
        .split_first_chunk_mut::<HEADER>()
        .ok_or_else(too_long)?;
    let length = u32::try_from(body.len()).map_err(|_| too_long())?;
    header[..4].copy_from_slice(&MAGIC);
    header[4..8].copy_from_slice(&length.to_be_bytes());
    header[16..].copy_from_slice(&number.to_be_bytes());
    let checksum = xxh3_64(&record[16..]);
    record[8..16].copy_from_slice(&checksum.to_be_bytes());
    Ok(())
}

fn find(content: &[u8], settled: u64) -> Records {
    let mut found = Vec::new();
    let mut last = 0;
    let mut at = 0;
    while at < content.len() {
        match record(&content[at..]) {
            // Left from earlier times; so is all that follows.
            Some((number, _)) if number <= last => break,
            Some((number, body)) => {
                if number > settled {
                    found.push((number, body.to_vec()));
                }
                last = number;
                at += HEADER + body.len();
            }
            // If records are missing here that are needed, there is a gap in the numbers.
            None => match next_record(&content[at..], last.max(settled)) {
                Some(next) => at += next,
                None => break,
            },
        }
    }
    found
}

/// The number and the body of the record that stands here.
fn record(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (header, rest) = bytes.split_first_chunk::<HEADER>()?;
    let (magic, header) = header.split_first_chunk()?;
    let (length, header) = header.split_first_chunk()?;
    let (checksum, number) = header.split_first_chunk()?;
    let length = u32::from_be_bytes(*length) as usize;
    let is_whole = *magic == MAGIC
        && rest.len() >= length
        && xxh3_64(&bytes[16..HEADER + length]) == u64::from_be_bytes(*checksum);
    is_whole.then(|| {
        (
            u64::from_be_bytes(number.try_into().unwrap_or_default()),
            &rest[..length],
        )
    })
}

/// Where the next whole record above a number stands.
fn next_record(bytes: &[u8], above: u64) -> Option<usize> {
    memchr::memmem::find_iter(bytes, &MAGIC)
        .find(|&at| record(&bytes[at..]).is_some_and(|(number, _)| number > above))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(numbers: impl IntoIterator<Item = u64>) -> Vec<u8> {
        let mut content = Vec::new();
        for number in numbers {
            let mut record = vec![0; HEADER];
            record.extend_from_slice(&body(number));
            close(number, &mut record).unwrap();
            content.extend_from_slice(&record);
        }
        content
    }

    fn body(number: u64) -> Vec<u8> {
        format!("body {number}")
            .repeat(number as usize % 5)
            .into_bytes()
    }

    fn check(content: &[u8], settled: u64, expected: &[u64]) {
        let found = find(content, settled);
        let numbers: Vec<_> = found.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, expected);
        for (number, found) in &found {
            assert_eq!(*found, body(*number));
        }
    }

    #[test]
    fn records_are_found_above_what_is_settled_and_before_what_is_left_of_earlier_times() {
        check(&[], 0, &[]);
        check(&written(1..=5), 0, &[1, 2, 3, 4, 5]);
        check(&written(1..=5), 3, &[4, 5]);
        let mut reused = written(11..=13);
        reused.extend(written(4..=9));
        check(&reused, 10, &[11, 12, 13]);
        reused.extend([0; 5000]);
        check(&reused, 12, &[13]);
    }

    #[test]
    fn a_record_torn_anywhere_at_the_end_is_not_there_and_one_before_others_leaves_a_gap() {
        let whole = written(1..=5);
        let four = written(1..=4).len();
        for cut in four..whole.len() {
            check(&whole[..cut], 0, &[1, 2, 3, 4]);
            let mut over_old = written(11..=15);
            over_old.truncate(over_old.len() - whole.len() + cut);
            over_old.extend(written(6..=9));
            check(&over_old, 10, &[11, 12, 13, 14]);
        }
        for spoiled in written(1..=2).len()..written(1..=3).len() {
            let mut content = whole.clone();
            content[spoiled] ^= 4;
            check(&content, 0, &[1, 2, 4, 5]);
        }
    }

    #[test]
    fn a_file_is_written_from_its_beginning_again() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Segment::open(&folder.path().join("some")).unwrap();
        let mut segment = open();
        let append = |segment: &mut Segment, number| {
            let mut record = vec![0; HEADER];
            record.extend_from_slice(&body(number));
            segment.append(number, &mut record).unwrap();
        };
        (1..=9).for_each(|number| append(&mut segment, number));
        segment.begin_anew().unwrap();
        (10..=12).for_each(|number| append(&mut segment, number));
        segment.sync().unwrap();
        let found = open().read(9).unwrap();
        let numbers: Vec<_> = found.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [10, 11, 12]);
    }
}
