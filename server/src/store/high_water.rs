//! The number of the last message that was acknowledged, kept beside the database: fjall's
//! recovery stops without a word at a record that it cannot read, and what came after it is gone.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

use crate::message::MessageId;

/// The file. It is written after each commit and never synced: the system brings it to the disk
/// after the commit, so it may lag behind but not run ahead.
pub(super) struct HighWater(File);

const NAME: &str = "high-water";

impl HighWater {
    /// Opens the file, and says what it holds: 0 if it is new or half written.
    pub(super) fn open(folder: &Path) -> io::Result<(Self, MessageId)> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join(NAME))?;
        let mut content = Vec::new();
        (&mut file).take(17).read_to_end(&mut content)?;
        Ok((Self(file), MessageId(parse(&content).unwrap_or(0))))
    }

    pub(super) fn write(&mut self, id: MessageId) -> io::Result<()> {
        let mut content = [0; 16];
        content[..8].copy_from_slice(&id.0.to_be_bytes());
        content[8..].copy_from_slice(&(!id.0).to_be_bytes());
        self.0.seek(SeekFrom::Start(0))?;
        self.0.write_all(&content)
    }
}

/// The number and, to tell that it was written whole, the number with every bit turned.
fn parse(content: &[u8]) -> Option<u64> {
    let (number, check) = content.split_first_chunk()?;
    let number = u64::from_be_bytes(*number);
    (u64::from_be_bytes(check.try_into().ok()?) == !number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_found_and_what_is_not_whole_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let open = || HighWater::open(folder.path()).unwrap();
        assert_eq!(open().1, MessageId(0));
        open().0.write(MessageId(77)).unwrap();
        open().0.write(MessageId(8_842)).unwrap();
        assert_eq!(open().1, MessageId(8_842));
        let mut content = std::fs::read(folder.path().join(NAME)).unwrap();
        content[7] ^= 1;
        std::fs::write(folder.path().join(NAME), content).unwrap();
        assert_eq!(open().1, MessageId(0));
    }
}
