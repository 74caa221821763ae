//! Up to where everything was acknowledged: the file `acknowledged`, by which one notices that records are missing at
//! the end of the log.
//!
//! It is written after each append and never synced. So it may lag behind the log after a power cut, but is not ahead
//! of what is durable.

use std::{io, path::Path, sync::Arc};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{
    Identity,
    disk::{Access, Disk, DiskFile},
};

const NAME: &str = "acknowledged";

/// The file, open to be written.
#[derive(Debug)]
pub(super) struct Acknowledged {
    file: Arc<dyn DiskFile>,
    seed: u64,
}

impl Acknowledged {
    /// Opens the file of a log's folder, and makes it if it is missing.
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

    pub(super) fn write(&self, end: u64) -> io::Result<()> {
        self.file.write_at(&encode(end, self.seed), 0)
    }

    /// What the file says: `None` if it is missing, half written, or another store's.
    pub(super) fn read(
        disk: &dyn Disk,
        folder: &Path,
        identity: &Identity,
    ) -> io::Result<Option<u64>> {
        let file = match disk.open(&folder.join(NAME), Access::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = [0; 16];
        let read = file.read_at(&mut bytes, 0)?;
        Ok(decode(&bytes[..read], seed(identity)))
    }
}

fn seed(identity: &Identity) -> u64 {
    xxhash_rust::xxh3::xxh3_64(&identity.id.to_le_bytes())
}

fn encode(end: u64, seed: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&end.to_be_bytes());
    let checksum = xxh3_64_with_seed(&end.to_be_bytes(), seed);
    bytes[8..].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

fn decode(bytes: &[u8], seed: u64) -> Option<u64> {
    let (end, checksum) = bytes.split_first_chunk()?;
    let is_whole = u64::from_be_bytes(checksum.try_into().ok()?) == xxh3_64_with_seed(end, seed);
    is_whole.then(|| u64::from_be_bytes(*end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_is_read_as_written_and_not_when_anything_is_changed() {
        let whole = encode(1 << 40, 7);
        assert_eq!(decode(&whole, 7), Some(1 << 40));
        assert_eq!(decode(&whole, 8), None);
        for place in 0..16 {
            let mut spoiled = whole;
            spoiled[place] ^= 4;
            assert_eq!(decode(&spoiled, 7), None);
            assert_eq!(decode(&whole[..place], 7), None);
        }
    }
}
