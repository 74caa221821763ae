//! The file `acknowledged`: the position up to which records were acknowledged. It shows when records are missing at
//! the end of the log.
//!
//! It also holds the position up to which the log was synced, which is lower with relaxed durability. It is written after
//! each append and never synced. After a power cut it may lag behind the log or, with relaxed durability, be ahead of it.

use std::{io, path::Path, sync::Arc};

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::{
    Identity,
    disk::{Access, Disk, DiskFile},
};

const NAME: &str = "acknowledged";

/// The content of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ends {
    /// Records before this were acknowledged.
    pub(super) acknowledged: u64,
    /// Records before this are on the disk.
    pub(super) synced: u64,
}

/// The file, open for writing.
#[derive(Debug)]
pub(super) struct Acknowledged {
    file: Arc<dyn DiskFile>,
    seed: u64,
}

impl Acknowledged {
    /// Opens the file in a log's folder, and creates it if it is missing.
    pub(super) fn open(disk: &dyn Disk, folder: &Path, identity: &Identity) -> io::Result<Self> {
        let path = folder.join(NAME);
        let file = match disk.open(&path, Access::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                disk.open(&path, Access::Create)
            }
            opened => opened,
        };
        Ok(Self {
            file: file?,
            seed: seed(identity),
        })
    }

    pub(super) fn write(&self, ends: Ends) -> io::Result<()> {
        self.file.write_at(&ends.encode(self.seed), 0)
    }

    /// Syncs what was written.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    /// Reads the file: `None` if it is missing, incomplete, or belongs to another store.
    pub(super) fn read(
        disk: &dyn Disk,
        folder: &Path,
        identity: &Identity,
    ) -> io::Result<Option<Ends>> {
        let file = match disk.open(&folder.join(NAME), Access::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = [0; 24];
        let read = file.read_at(&mut bytes, 0)?;
        Ok(Ends::decode(&bytes[..read], seed(identity)))
    }
}

fn seed(identity: &Identity) -> u64 {
    xxh3_64(&identity.id.to_le_bytes())
}

impl Ends {
    fn encode(self, seed: u64) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.acknowledged.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.synced.to_be_bytes());
        let checksum = xxh3_64_with_seed(&bytes[..16], seed);
        bytes[16..].copy_from_slice(&checksum.to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8], seed: u64) -> Option<Self> {
        let (ends, checksum) = bytes.split_first_chunk::<16>()?;
        let checksum = u64::from_be_bytes(checksum.try_into().ok()?);
        let (acknowledged, synced) = ends.split_first_chunk()?;
        (checksum == xxh3_64_with_seed(ends, seed)).then_some(Self {
            acknowledged: u64::from_be_bytes(*acknowledged),
            synced: u64::from_be_bytes(*synced.first_chunk()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_read_as_written_and_not_when_anything_is_changed() {
        let ends = Ends {
            acknowledged: 1 << 40,
            synced: 77,
        };
        let whole = ends.encode(7);
        assert_eq!(Ends::decode(&whole, 7), Some(ends));
        assert_eq!(Ends::decode(&whole, 8), None);
        for place in 0..whole.len() {
            let mut spoiled = whole;
            spoiled[place] ^= 4;
            assert_eq!(Ends::decode(&spoiled, 7), None);
            assert_eq!(Ends::decode(&whole[..place], 7), None);
        }
    }
}
