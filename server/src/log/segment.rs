//! A segment: a file with a header of [`SEGMENT_HEADER`] bytes and consecutive records.
//!
//! The header holds a magic number (8), the number of the format (4), the version that wrote it (4), the position of the first
//! record (8), the store's id (16) and epoch (8), and a checksum of these (8). Its other bytes are zero: the header has pages of
//! its own, so that appending never rewrites it.

use std::{io, path::Path};

use xxhash_rust::xxh3::xxh3_64;

use super::{
    Identity, NEW,
    disk::{Access, Disk},
    identity::FORMAT,
};
use crate::version::{Version, WrittenBy};

/// Bytes before the first record.
pub(super) const SEGMENT_HEADER: u64 = 4096;

const MAGIC: [u8; 8] = *b"\xffmm-log\n";
const ENDING: &str = ".log";

/// The fields of a segment's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) base: u64,
    pub(super) identity: Identity,
}

/// Why a header cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadHeader {
    Damaged,
    Newer(WrittenBy),
}

/// The file name of the segment that begins at a position, with leading zeros, so that names sort like positions.
pub(super) fn name(base: u64) -> String {
    format!("{base:020}{ENDING}")
}

/// The position in a file name, if it is the name of a segment.
pub(super) fn parse_name(file: &str) -> Option<u64> {
    let digits = file.strip_suffix(ENDING)?;
    let is_plain = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| digits.parse().ok()).flatten()
}

impl SegmentHeader {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SEGMENT_HEADER as usize);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT.to_be_bytes());
        bytes.extend_from_slice(&Version::THIS.to_bytes());
        bytes.extend_from_slice(&self.base.to_be_bytes());
        bytes.extend_from_slice(&self.identity.id.to_be_bytes());
        bytes.extend_from_slice(&self.identity.epoch.to_be_bytes());
        bytes.extend_from_slice(&xxh3_64(&bytes).to_be_bytes());
        bytes.resize(SEGMENT_HEADER as usize, 0);
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, BadHeader> {
        Self::decode_fields(bytes).ok_or(BadHeader::Damaged)?
    }

    /// Newer formats keep these fields where they are.
    fn decode_fields(bytes: &[u8]) -> Option<Result<Self, BadHeader>> {
        let (fields, rest) = bytes.split_first_chunk::<48>()?;
        let checksum = u64::from_be_bytes(*rest.first_chunk()?);
        if checksum != xxh3_64(fields) {
            return None;
        }
        let rest = fields.strip_prefix(&MAGIC)?;
        let (format, rest) = rest.split_first_chunk()?;
        let (version, rest) = rest.split_first_chunk()?;
        let (base, rest) = rest.split_first_chunk()?;
        let (id, rest) = rest.split_first_chunk()?;
        let epoch = rest.first_chunk()?;
        let format = u32::from_be_bytes(*format);
        if format > FORMAT {
            let version = Version::from_bytes(*version);
            return Some(Err(BadHeader::Newer(WrittenBy { format, version })));
        }
        // This format has no other fields.
        let padding = bytes.get(56..SEGMENT_HEADER as usize)?;
        if padding.iter().any(|&byte| byte != 0) {
            return None;
        }
        Some(Ok(Self {
            base: u64::from_be_bytes(*base),
            identity: Identity {
                id: u128::from_be_bytes(*id),
                epoch: u64::from_be_bytes(*epoch),
            },
        }))
    }

    /// Creates a segment without records. It gets its name only when its header is on the disk.
    pub(super) fn create(&self, disk: &dyn Disk, folder: &Path) -> io::Result<()> {
        let name = name(self.base);
        let new = folder.join(format!("{name}{NEW}"));
        let file = disk.open(&new, Access::Create)?;
        file.write_at(&self.encode(), 0)?;
        file.sync()?;
        drop(file);
        disk.rename(&new, &folder.join(name))?;
        disk.sync_folder(folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> SegmentHeader {
        SegmentHeader {
            base: 77,
            identity: Identity {
                id: 5 << 70,
                epoch: 3,
            },
        }
    }

    #[test]
    fn header_is_read_as_written_and_not_with_any_bit_flipped() {
        let whole = header().encode();
        assert_eq!(whole.len() as u64, SEGMENT_HEADER);
        assert_eq!(SegmentHeader::decode(&whole), Ok(header()));
        for place in 0..whole.len() {
            let mut spoiled = whole.clone();
            spoiled[place] ^= 1 << (place % 8);
            assert_eq!(SegmentHeader::decode(&spoiled), Err(BadHeader::Damaged));
            assert_eq!(
                SegmentHeader::decode(&whole[..place]),
                Err(BadHeader::Damaged)
            );
        }
    }

    #[test]
    fn header_of_a_newer_format_is_told_from_damage() {
        let mut newer = header().encode();
        newer[8..12].copy_from_slice(&9_u32.to_be_bytes());
        newer[12..16].copy_from_slice(&[1, 2, 0, 3]);
        let checksum = xxh3_64(&newer[..48]).to_be_bytes();
        newer[48..56].copy_from_slice(&checksum);
        let by = WrittenBy {
            format: 9,
            version: Version::parse("1.2.3"),
        };
        assert_eq!(SegmentHeader::decode(&newer), Err(BadHeader::Newer(by)));
    }

    #[test]
    fn names_sort_like_positions_and_no_other_file_is_a_segment() {
        let bases = [0, 9, 10, 1 << 40, u64::MAX];
        let names = bases.map(name);
        assert!(names.is_sorted());
        assert_eq!(
            names.each_ref().map(|name| parse_name(name)),
            bases.map(Some)
        );
        for other in [
            "lock",
            "1.log",
            "00000000000000000001.log.new",
            "+0000000000000000001.log",
        ] {
            assert_eq!(parse_name(other), None, "{other}");
        }
    }
}
