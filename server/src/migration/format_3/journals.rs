//! Whether the database's own files are as they were written, where fjall does not look or says nothing.
//!
//! - Its journals (`*.jnl`) are batch after batch: a beginning, so many items, an end with the checksum of the items. It
//!   ends its reading of one without a word where a batch is torn. In the newest one that is what a power cut leaves, and
//!   the log has what was there; in an older one something is missing.
//! - In the folder of each part, `current` names the newest list of its tables, `v…`, and its checksum (XXH3), which fjall
//!   does not compare. With another list it would delete the tables that are not in it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;

/// What ends a batch, after its checksum.
const TRAILER: &[u8] = b"FJL\x03";

/// The kind of a list's checksum that is known here.
const XXH3: u8 = 0;

/// The journals but the newest one that cannot be read to their ends.
///
/// # Errors
/// What the disk says.
pub(super) fn torn(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let number = |file: &PathBuf| file.file_stem()?.to_str()?.parse::<u64>().ok();
    let mut journals = Vec::new();
    for entry in fs::read_dir(folder)? {
        let file = entry?.path();
        if file.extension().is_some_and(|end| end == "jnl") {
            journals.push(file);
        }
    }
    journals.sort_by_key(number);
    journals.pop();
    let mut torn = Vec::new();
    for journal in journals {
        if !is_whole(&fs::read(&journal)?) {
            torn.push(journal);
        }
    }
    Ok(torn)
}

/// Room that was reserved and never written to is no damage.
fn is_whole(content: &[u8]) -> bool {
    let mut rest = content;
    while let Some(after) = batch(rest) {
        rest = after;
    }
    rest.iter().all(|&byte| byte == 0)
}

/// What follows the batch that stands here, if it is whole.
fn batch(bytes: &[u8]) -> Option<&[u8]> {
    let (&[START, a, b, c, d], rest) = bytes.split_first_chunk()? else {
        return None;
    };
    let (_number, items) = rest.split_first_chunk::<8>()?;
    let mut rest = items;
    for _ in 0..u32::from_le_bytes([a, b, c, d]) {
        rest = item(rest)?;
    }
    let items = &items[..items.len() - rest.len()];
    let (&END, rest) = rest.split_first()? else {
        return None;
    };
    let (checksum, rest) = rest.split_first_chunk()?;
    let fits = u64::from_le_bytes(*checksum) == xxh3_64(items);
    rest.strip_prefix(TRAILER).filter(|_| fits)
}

/// What follows an item.
fn item(bytes: &[u8]) -> Option<&[u8]> {
    match bytes.split_first()? {
        (&ITEM, rest) => {
            // Its kind, its compression and its part; the lengths of the key, of the value and of the value as it is
            // stored here.
            let (_, rest) = rest.split_at_checked(1 + 1 + 8)?;
            let (key, rest) = rest.split_first_chunk()?;
            let (_, rest) = rest.split_first_chunk::<4>()?;
            let (value, rest) = rest.split_first_chunk()?;
            let key = usize::from(u16::from_le_bytes(*key));
            let value = usize::try_from(u32::from_le_bytes(*value)).ok()?;
            rest.get(key.checked_add(value)?..)
        }
        (&CLEAR, rest) => rest.get(8..),
        _ => None,
    }
}

/// The first part whose list of tables is not as it was written. What is not there, or not of a known kind, is left
/// to fjall.
///
/// # Errors
/// What the disk says.
pub(super) fn spoiled_list(folder: &Path) -> io::Result<Option<PathBuf>> {
    let Some(parts) = found(fs::read_dir(folder.join("keyspaces")))? else {
        return Ok(None);
    };
    for part in parts {
        let part = part?.path();
        if !is_as_written(&part)? {
            return Ok(Some(part));
        }
    }
    Ok(None)
}

fn is_as_written(part: &Path) -> io::Result<bool> {
    let Some(current) = found(fs::read(part.join("current")))? else {
        return Ok(true);
    };
    let Some((number, rest)) = current.split_first_chunk() else {
        return Ok(true);
    };
    let Some((checksum, [XXH3])) = rest.split_first_chunk() else {
        return Ok(true);
    };
    let list = part.join(format!("v{}", u64::from_le_bytes(*number)));
    let list = found(fs::read(list))?;
    Ok(list.is_none_or(|list| xxh3_128(&list) == u128::from_le_bytes(*checksum)))
}

/// `None` if it is not there.
fn found<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // A file where a folder is expected.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use ::fjall::{Database, KeyspaceCreateOptions, PersistMode};

    use super::*;

    fn database(folder: &Path) -> (PathBuf, PathBuf) {
        let database = Database::builder(folder).open().unwrap();
        let keyspace = database
            .keyspace("some", KeyspaceCreateOptions::default)
            .unwrap();
        keyspace.insert("key", "value").unwrap();
        keyspace.rotate_memtable_and_wait().unwrap();
        for number in 0..9_u8 {
            let mut batch = database.batch().durability(Some(PersistMode::SyncAll));
            batch.insert(&keyspace, [number], "a value".repeat(usize::from(number)));
            batch.remove(&keyspace, "another");
            batch.commit().unwrap();
        }
        let part = keyspace.path().to_owned();
        let mut files = fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path());
        let journal = files.find(|file| file.extension().is_some_and(|end| end == "jnl"));
        (part, journal.unwrap())
    }

    #[test]
    fn a_list_of_tables_with_any_bit_changed_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(spoiled_list(folder.path()).unwrap(), None);
        let (part, _) = database(folder.path());
        assert_eq!(spoiled_list(folder.path()).unwrap(), None);
        let current = fs::read(part.join("current")).unwrap();
        let number = u64::from_le_bytes(*current.first_chunk().unwrap());
        let list = part.join(format!("v{number}"));
        let whole = fs::read(&list).unwrap();
        for at in 0..whole.len() {
            let mut spoiled = whole.clone();
            spoiled[at] ^= 1 << (at % 8);
            fs::write(&list, spoiled).unwrap();
            assert_eq!(spoiled_list(folder.path()).unwrap(), Some(part.clone()));
        }
    }

    #[test]
    fn a_torn_journal_is_noticed_unless_it_is_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let (_, journal) = database(folder.path());
        let newer = journal.with_file_name("999.jnl");
        fs::write(&newer, "torn").unwrap();
        assert!(torn(folder.path()).unwrap().is_empty());
        let whole = fs::read(&journal).unwrap();
        let end = whole.iter().rposition(|&byte| byte != 0).unwrap();
        let ends = (1..=end).filter(|&cut| is_whole(&whole[..cut]));
        assert!(ends.count() >= 9, "between two batches");
        fs::write(&journal, &whole[..end - 5]).unwrap();
        assert_eq!(torn(folder.path()).unwrap(), [journal]);
        assert!(!is_whole(&whole[..end - 5]) && is_whole(&whole));
        for at in [end / 2, end] {
            let mut spoiled = whole.clone();
            spoiled[at] ^= 1;
            assert!(!is_whole(&spoiled));
        }
    }
}
