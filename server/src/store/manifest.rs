//! What fjall reads without a look at its checksum: the lists of the tables that each part of the
//! database has. A bit that has changed there would make it ask for more memory than there is.
//!
//! In the folder of each part, `current` names the newest list `v…` by its number (8 bytes, the least
//! one first) and has its checksum (XXH3, 16 bytes likewise, then the kind of checksum, 0).

use std::{fs, io, path::Path};

use xxhash_rust::xxh3::xxh3_128;

use super::StoreError;

/// The kind of checksum that is known here.
const XXH3: u8 = 0;

/// Compares all lists with their checksums. What is not there, or not of a known kind, is left to fjall.
/// With a list that is not as it was written, fjall would delete the tables that are not in it.
///
/// # Errors
/// [`StoreError::BeyondRepair`] when one is not what was written, otherwise what the disk says.
pub(super) fn check(database: &Path) -> Result<(), StoreError> {
    let refused = |source| StoreError::Io {
        folder: database.to_owned(),
        source,
    };
    let Some(parts) = found(fs::read_dir(database.join("keyspaces"))).map_err(refused)? else {
        return Ok(());
    };
    for part in parts {
        let part = part.map_err(refused)?.path();
        if !is_as_written(&part).map_err(refused)? {
            return Err(StoreError::BeyondRepair {
                folder: database.to_owned(),
                reason: format!("the list of tables in {} cannot be read", part.display()),
            });
        }
    }
    Ok(())
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
    use std::path::PathBuf;

    use fjall::{Database, KeyspaceCreateOptions};

    use super::*;

    /// The newest list of a part that has a table.
    fn list(folder: &Path) -> PathBuf {
        let database = Database::builder(folder).open().unwrap();
        let keyspace = database.keyspace("some", KeyspaceCreateOptions::default);
        let keyspace = keyspace.unwrap();
        keyspace.insert("key", "value").unwrap();
        keyspace.rotate_memtable_and_wait().unwrap();
        let part = keyspace.path().to_owned();
        drop((keyspace, database));
        let current = fs::read(part.join("current")).unwrap();
        let number = u64::from_le_bytes(*current.first_chunk().unwrap());
        part.join(format!("v{number}"))
    }

    #[test]
    fn a_list_with_any_bit_changed_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        check(folder.path()).unwrap();
        let list = list(folder.path());
        check(folder.path()).unwrap();
        let whole = fs::read(&list).unwrap();
        for place in 0..whole.len() {
            let mut spoiled = whole.clone();
            spoiled[place] ^= 1 << (place % 8);
            fs::write(&list, spoiled).unwrap();
            let error = check(folder.path()).unwrap_err().to_string();
            assert!(error.contains("list of tables"), "{error}");
        }
        fs::write(&list, whole).unwrap();
        check(folder.path()).unwrap();
        Database::builder(folder.path()).open().unwrap();
    }
}
