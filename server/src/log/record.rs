//! The format of records in a segment, and the scan that reads them.
//!
//! A record begins with a header of [`RECORD_HEADER`] bytes: a magic number (4), the length of the payload (4), a checksum
//! (8), and the position (8). The payload follows. Numbers are big-endian. A gap replaces records that are lost or were
//! erased: it has the same header, and the bytes after it are ignored.

use std::{io, ops::Range, sync::Arc};

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::{Identity, disk::DiskFile, segment::SEGMENT_HEADER};

/// Bytes before a payload.
pub(super) const RECORD_HEADER: usize = 4 + 4 + 8 + 8;

/// The longest payload, in bytes.
pub const MAX_PAYLOAD: usize = 256 * 1024 * 1024;

/// No text begins like this: the first byte never occurs in UTF-8.
const RECORD: [u8; 4] = [0xff, b'r', b'e', b'c'];
const GAP: [u8; 4] = [0xff, b'g', b'a', b'p'];

/// Bytes that are read at a time.
const CHUNK: usize = 256 * 1024;

/// A part of each checksum, so that a record of another store is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seed(u64);

impl Seed {
    pub(super) fn of(identity: &Identity) -> Self {
        Self(xxh3_64(&identity.id.to_be_bytes()))
    }

    /// The checksum of a record, or of a gap's header.
    fn checksum(self, kind: [u8; 4], length: u32, position: u64, payload: &[u8]) -> u64 {
        let mut hash = Xxh3::with_seed(self.0);
        let mut header = [0; 16];
        header[..4].copy_from_slice(&kind);
        header[4..8].copy_from_slice(&length.to_be_bytes());
        header[8..].copy_from_slice(&position.to_be_bytes());
        hash.update(&header);
        hash.update(payload);
        hash.digest()
    }

    fn header(self, kind: [u8; 4], length: u32, position: u64, payload: &[u8]) -> [u8; 24] {
        let mut header = [0; RECORD_HEADER];
        header[..4].copy_from_slice(&kind);
        header[4..8].copy_from_slice(&length.to_be_bytes());
        let checksum = self.checksum(kind, length, position, payload);
        header[8..16].copy_from_slice(&checksum.to_be_bytes());
        header[16..].copy_from_slice(&position.to_be_bytes());
        header
    }

    /// Appends a record to `out`. The payload must not be longer than [`MAX_PAYLOAD`].
    pub(super) fn write_record(self, position: u64, payload: &[u8], out: &mut Vec<u8>) {
        let header = self.header(RECORD, payload.len() as u32, position, payload);
        out.extend_from_slice(&header);
        out.extend_from_slice(payload);
    }

    /// The headers of the gaps that fill a range of positions, each with its position. The range must have room for one header.
    pub(super) fn gaps(self, positions: Range<u64>) -> Vec<(u64, [u8; RECORD_HEADER])> {
        let mut gaps = Vec::new();
        let mut at = positions.start;
        while at < positions.end {
            let left = positions.end - at;
            // The rest after a gap must have room for another header.
            let length = match left - RECORD_HEADER as u64 {
                length if length <= u64::from(u32::MAX) => length,
                _ => u64::from(u32::MAX) / 2,
            };
            gaps.push((at, self.header(GAP, length as u32, at, &[])));
            at += RECORD_HEADER as u64 + length;
        }
        gaps
    }
}

/// The fields of a header, not verified.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecordHeader {
    pub(super) is_gap: bool,
    pub(super) length: u32,
    checksum: u64,
    pub(super) position: u64,
}

impl RecordHeader {
    pub(super) fn parse(bytes: &[u8; RECORD_HEADER]) -> Option<Self> {
        let (kind, rest) = bytes.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (checksum, rest) = rest.split_first_chunk()?;
        let position = rest.first_chunk()?;
        if ![RECORD, GAP].contains(kind) {
            return None;
        }
        Some(Self {
            is_gap: *kind == GAP,
            length: u32::from_be_bytes(*length),
            checksum: u64::from_be_bytes(*checksum),
            position: u64::from_be_bytes(*position),
        })
    }

    pub(super) fn next(&self) -> u64 {
        self.position + RECORD_HEADER as u64 + u64::from(self.length)
    }
}

/// What a scan finds at its position.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// A record. The scan is after it now.
    Record {
        position: u64,
        next: u64,
        payload: &'a [u8],
    },
    /// A gap up to a position. The scan is after it now.
    Gap { next: u64 },
    /// The end of the range.
    End,
    /// Something that is no record. The scan stays at it.
    Bad(&'static str),
}

/// Scans the records of one segment, and reads the file in pieces.
#[derive(Debug)]
pub(super) struct Scan {
    file: Arc<dyn DiskFile>,
    seed: Seed,
    base: u64,
    at: u64,
    limit: u64,
    /// The bytes in memory, from position `start` on.
    window: Vec<u8>,
    start: u64,
}

impl Scan {
    /// A scan of the positions of `range`, in the segment that begins at `base`.
    pub(super) fn new(file: Arc<dyn DiskFile>, seed: Seed, base: u64, range: Range<u64>) -> Self {
        Self {
            file,
            seed,
            base,
            at: range.start,
            limit: range.end,
            window: Vec::new(),
            start: range.start,
        }
    }

    /// Another scan of the same segment.
    pub(super) fn through(&self, positions: Range<u64>) -> Self {
        Self::new(self.file.clone(), self.seed, self.base, positions)
    }

    /// The current position.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Reads what is at the current position, and moves past it unless it is bad.
    pub(super) fn step(&mut self) -> io::Result<Step<'_>> {
        if self.at >= self.limit {
            return Ok(Step::End);
        }
        let Some(header) = self.peek(RECORD_HEADER)?.first_chunk() else {
            return Ok(Step::Bad("the beginning of a record is cut off"));
        };
        let Some(header) = RecordHeader::parse(header) else {
            return Ok(Step::Bad("no record begins here"));
        };
        let (at, limit, seed) = (self.at, self.limit, self.seed);
        if header.position != at || (!header.is_gap && header.length as usize > MAX_PAYLOAD) {
            return Ok(Step::Bad("no record begins here"));
        }
        let next = header.next();
        if next > limit {
            return Ok(Step::Bad("the end of a record is cut off"));
        }
        if header.is_gap {
            if header.checksum != seed.checksum(GAP, header.length, at, &[]) {
                return Ok(Step::Bad("a gap has another checksum than it should"));
            }
            self.at = next;
            return Ok(Step::Gap { next });
        }
        let length = RECORD_HEADER + header.length as usize;
        let payload = self.peek(length)?.get(RECORD_HEADER..length);
        let checksum = payload.map(|payload| seed.checksum(RECORD, header.length, at, payload));
        if checksum != Some(header.checksum) {
            return Ok(Step::Bad("a record has another checksum than it should"));
        }
        self.at = next;
        let start = (at - self.start) as usize;
        Ok(Step::Record {
            position: at,
            next,
            payload: &self.window[start + RECORD_HEADER..start + length],
        })
    }

    /// Moves to the next record or gap after something bad. Returns whether there is one.
    pub(super) fn resume(&mut self) -> io::Result<bool> {
        // A lost record was at least as long as its header.
        self.skip(RECORD_HEADER as u64);
        while self.at < self.limit {
            let window = self.peek(RECORD_HEADER)?;
            let past = past(window);
            let found = memchr::memchr(RECORD[0], window);
            self.skip(found.map_or(past, |found| found as u64));
            if found.is_none() {
                continue;
            }
            let candidate = self.at;
            if !matches!(self.step()?, Step::Bad(_) | Step::End) {
                self.at = candidate;
                return Ok(true);
            }
            self.skip(1);
        }
        Ok(false)
    }

    /// Whether a record or a gap follows anywhere.
    pub(super) fn finds_record(&mut self) -> io::Result<bool> {
        Ok(match self.step()? {
            Step::Record { .. } | Step::Gap { .. } => true,
            Step::End => false,
            Step::Bad(_) => self.resume()?,
        })
    }

    /// Whether only zeros follow, as in room that was never written to. Moves to the end.
    pub(super) fn is_rest_zero(&mut self) -> io::Result<bool> {
        while self.at < self.limit {
            let window = self.peek(1)?;
            if window.iter().any(|&byte| byte != 0) {
                return Ok(false);
            }
            let past = past(window);
            self.skip(past);
        }
        Ok(true)
    }

    pub(super) fn skip(&mut self, bytes: u64) {
        self.at = self.at.saturating_add(bytes).min(self.limit);
    }

    /// The bytes that follow, at least so many unless the range or the file ends earlier.
    fn peek(&mut self, bytes: usize) -> io::Result<&[u8]> {
        let end = self.start + self.window.len() as u64;
        let has_all = self.start <= self.at && self.at + bytes as u64 <= end;
        if !has_all {
            // A scan may have been set back to an earlier position.
            match self.at.checked_sub(self.start) {
                Some(used) if self.at < end => drop(self.window.drain(..used as usize)),
                _ => self.window.clear(),
            }
            self.start = self.at;
            let held = self.window.len();
            let wanted = bytes.max(CHUNK) as u64;
            let wanted = wanted.min(self.limit - self.at) as usize;
            if wanted > held {
                self.window.resize(wanted, 0);
                let offset = SEGMENT_HEADER + (self.start - self.base) + held as u64;
                let read = self.file.read_at(&mut self.window[held..], offset)?;
                self.window.truncate(held + read);
            }
        }
        Ok(&self.window[(self.at - self.start) as usize..])
    }
}

/// The end of the bytes that may be read: nothing is read after the end of the file.
fn past(window: &[u8]) -> u64 {
    match window.len() {
        0 => u64::MAX,
        length => length as u64,
    }
}
