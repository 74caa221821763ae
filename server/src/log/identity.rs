//! The file `identity`: the id of the store, and its epoch.
//!
//! 64 bytes: a magic number (8), the number of the format (4), 1 in a backup that was never opened and otherwise 0 (4),
//! the id (16), the epoch (8), the position where the log begins (8), the version that wrote the file (4), zeros (4), and a
//! checksum (8). Every format has these fields.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use xxhash_rust::xxh3::xxh3_64;

use super::{
    NEW,
    disk::{Access, Disk},
};
use crate::version::{Version, WrittenBy};

/// The identity of a store. Devices compare it with the one that they know.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Chosen at random when the store was created.
    pub id: u128,
    /// 1 at first. It rises whenever something acknowledged may be missing: when a backup is opened for the first time, and
    /// when the store continues after a loss. The new value is at least the time in seconds since 1970, so that two restores
    /// of one backup get different epochs.
    pub epoch: u64,
}

/// The name of the file in the folder of the store.
const NAME: &str = "identity";
const MAGIC: [u8; 8] = *b"\xffmm-id\n\0";
/// The number of the format that this program writes, also of the log's segments: they change together. Format 1 is the same
/// without messages that change others, which a program that knows only that one would take for plain ones.
pub(super) const FORMAT: u32 = 2;

/// The content of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IdentityFile {
    pub(super) identity: Identity,
    /// The log is a backup that nobody has opened yet.
    pub(super) is_backup: bool,
    /// Where the log begins. Earlier records were dropped.
    pub(super) start: u64,
    /// An earlier format has written it.
    pub(super) is_older: bool,
}

/// Why the file cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    File(IdentityFile),
    Missing,
    Damaged,
    Newer(WrittenBy),
}

impl Identity {
    /// The identity of a new store.
    ///
    /// # Errors
    /// When the system provides no random numbers.
    pub(super) fn random() -> io::Result<Self> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(io::Error::other)?;
        Ok(Self {
            id: u128::from_be_bytes(id),
            epoch: 1,
        })
    }

    /// The same store in a new epoch.
    pub(super) fn raised(self) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| now.as_secs());
        Self {
            id: self.id,
            epoch: now.max(self.epoch.saturating_add(1)),
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, to)
    }
}

/// The id as 32 hexadecimal digits, and the epoch.
impl fmt::Display for Identity {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{:032x}.{}", self.id, self.epoch)
    }
}

impl IdentityFile {
    /// The path of the file in the folder of a store.
    pub(super) fn path(store: &Path) -> PathBuf {
        store.join(NAME)
    }

    /// Reads the file in the folder of a store.
    pub(super) fn read(disk: &dyn Disk, store: &Path) -> io::Result<Found> {
        let file = match disk.open(&store.join(NAME), Access::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Missing),
            Err(error) => return Err(error),
        };
        let mut bytes = [0; 65];
        let read = file.read_at(&mut bytes, 0)?;
        Ok(Self::decode(&bytes[..read]).unwrap_or(Found::Damaged))
    }

    /// Replaces the file: after a crash either the old or the new one is there.
    pub(super) fn write(&self, disk: &dyn Disk, store: &Path) -> io::Result<()> {
        let new = store.join(format!("{NAME}{NEW}"));
        let file = disk.open(&new, Access::Create)?;
        file.write_at(&self.encode(), 0)?;
        file.sync()?;
        drop(file);
        disk.rename(&new, &store.join(NAME))?;
        disk.sync_folder(store)
    }

    fn encode(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT.to_be_bytes());
        bytes[12..16].copy_from_slice(&u32::from(self.is_backup).to_be_bytes());
        bytes[16..32].copy_from_slice(&self.identity.id.to_be_bytes());
        bytes[32..40].copy_from_slice(&self.identity.epoch.to_be_bytes());
        bytes[40..48].copy_from_slice(&self.start.to_be_bytes());
        bytes[48..52].copy_from_slice(&Version::THIS.to_bytes());
        let checksum = xxh3_64(&bytes[..56]);
        bytes[56..].copy_from_slice(&checksum.to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Found> {
        let (fields, checksum) = bytes.split_first_chunk::<56>()?;
        if u64::from_be_bytes(checksum.try_into().ok()?) != xxh3_64(fields) {
            return None;
        }
        let rest = fields.strip_prefix(&MAGIC)?;
        let (format, rest) = rest.split_first_chunk()?;
        let (is_backup, rest) = rest.split_first_chunk()?;
        let (id, rest) = rest.split_first_chunk()?;
        let (epoch, rest) = rest.split_first_chunk()?;
        let (start, rest) = rest.split_first_chunk()?;
        let format = u32::from_be_bytes(*format);
        if format > FORMAT {
            let version = Version::from_bytes(*rest.first_chunk()?);
            return Some(Found::Newer(WrittenBy { format, version }));
        }
        Some(Found::File(Self {
            identity: Identity {
                id: u128::from_be_bytes(*id),
                epoch: u64::from_be_bytes(*epoch),
            },
            is_backup: u32::from_be_bytes(*is_backup) != 0,
            start: u64::from_be_bytes(*start),
            is_older: format < FORMAT,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_is_read_as_written_and_not_when_anything_is_changed() {
        let file = IdentityFile {
            identity: Identity::random().unwrap(),
            is_backup: true,
            start: 1 << 33,
            is_older: false,
        };
        let whole = file.encode();
        assert_eq!(IdentityFile::decode(&whole), Some(Found::File(file)));
        for place in 0..whole.len() {
            let mut spoiled = whole;
            spoiled[place] ^= 1;
            assert_eq!(IdentityFile::decode(&spoiled), None);
            assert_eq!(IdentityFile::decode(&whole[..place]), None);
        }
        assert_eq!(IdentityFile::decode(&[&whole[..], &[0]].concat()), None);
    }

    #[test]
    fn file_of_a_newer_format_names_the_version_that_wrote_it() {
        let file = IdentityFile {
            identity: Identity::random().unwrap(),
            is_backup: false,
            start: 0,
            is_older: false,
        };
        let mut newer = file.encode();
        newer[8..12].copy_from_slice(&9_u32.to_be_bytes());
        newer[48..52].copy_from_slice(&[1, 2, 0, 3]);
        let checksum = xxh3_64(&newer[..56]).to_be_bytes();
        newer[56..].copy_from_slice(&checksum);
        let by = WrittenBy {
            format: 9,
            version: Version::parse("1.2.3"),
        };
        assert_eq!(IdentityFile::decode(&newer), Some(Found::Newer(by)));
    }

    #[test]
    fn epoch_rises_even_when_the_clock_stands_still() {
        let first = Identity { id: 7, epoch: 1 };
        let second = first.raised();
        assert!(second.epoch > 1_700_000_000 && second.raised().epoch > second.epoch);
        assert_eq!(
            Identity {
                epoch: u64::MAX - 1,
                ..first
            }
            .raised()
            .epoch,
            u64::MAX
        );
    }

    #[test]
    fn id_is_shown_as_32_digits() {
        let identity = Identity {
            id: 0xab,
            epoch: 12,
        };
        assert_eq!(identity.to_string(), "000000000000000000000000000000ab.12");
    }
}
