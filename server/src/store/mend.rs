//! What fjall cannot open, or opens with a part missing: a journal that is not whole.
//!
//! Its journals are batch after batch: a beginning, so many items, an end with the checksum of the
//! items (version 3 of its format). It ends its reading of one without a word where a batch is torn,
//! and refuses to open where a checksum is wrong, though a power cut leaves the one as well as the
//! other at the end of the newest journal. What is cut off there the log has, or it is noticed.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

use tracing::warn;
use xxhash_rust::xxh3::xxh3_64;

use super::{Loss, StoreError, manifest};

/// The file that a program which has the database open keeps locked.
const LOCK: &str = "lock";

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;

/// What ends a batch, after its checksum.
const TRAILER: &[u8] = b"FJL\x03";

/// Before fjall opens the database: cuts the newest journal before a batch with a wrong checksum, and
/// keeps what it was beside it. If `loss` is accepted, every journal that is not whole is cut. Does
/// nothing while another program has the database open.
///
/// # Errors
/// [`StoreError::Damaged`] when an older journal is not whole, [`StoreError::BeyondRepair`] when a list
/// of tables is not, otherwise what the disk says.
pub(super) fn prepare(folder: &Path, loss: Loss) -> Result<(), StoreError> {
    let refused = |source| StoreError::Io {
        folder: folder.to_owned(),
        source,
    };
    let Ok(lock) = File::open(folder.join(LOCK)) else {
        return Ok(());
    };
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(()),
        Err(TryLockError::Error(error)) => return Err(refused(error)),
    }
    manifest::check(folder)?;
    let mut journals = journals(folder).map_err(refused)?;
    let newest = journals.pop();
    for older in journals {
        if loss == Loss::Refused && !is_whole(&older).map_err(refused)? {
            return Err(StoreError::Damaged {
                folder: folder.to_owned(),
                reason: format!("{} cannot be read to its end", older.display()),
            });
        }
        cut(&older).map_err(refused)?;
    }
    if let Some(newest) = newest
        && (loss == Loss::Accepted || is_spoiled(&newest).map_err(refused)?)
    {
        cut(&newest).map_err(refused)?;
    }
    lock.unlock().map_err(refused)
}

/// The journals, the newest one last.
fn journals(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let number = |file: &PathBuf| file.file_stem()?.to_str()?.parse::<u64>().ok();
    let mut journals = Vec::new();
    for entry in fs::read_dir(folder)? {
        let file = entry?.path();
        if file.extension().is_some_and(|end| end == "jnl") {
            journals.push(file);
        }
    }
    journals.sort_by_key(number);
    Ok(journals)
}

/// Whether a whole batch in it has another checksum than it should: with that fjall does not open it.
/// A batch that is torn fjall cuts off by itself.
fn is_spoiled(file: &Path) -> io::Result<bool> {
    let content = fs::read(file)?;
    let end = batch(&content[whole_batches(&content)..]);
    Ok(end.is_some_and(|batch| !batch.fits))
}

fn is_whole(file: &Path) -> io::Result<bool> {
    let content = fs::read(file)?;
    Ok(is_nothing(&content[whole_batches(&content)..]))
}

/// Room that was reserved and never written to is no damage.
fn is_nothing(rest: &[u8]) -> bool {
    rest.iter().all(|&byte| byte == 0)
}

fn cut(file: &Path) -> io::Result<()> {
    let content = fs::read(file)?;
    let whole = whole_batches(&content);
    if is_nothing(&content[whole..]) {
        return Ok(());
    }
    let mut copy = file.as_os_str().to_owned();
    copy.push(".damaged");
    let copy = PathBuf::from(copy);
    fs::copy(file, &copy)?;
    warn!(
        "{}: cut off after {whole} of {} bytes, as what follows cannot be read; it is kept in {}",
        file.display(),
        content.len(),
        copy.display()
    );
    let file = OpenOptions::new().write(true).open(file)?;
    file.set_len(whole as u64)?;
    file.sync_all()
}

/// How many bytes at the beginning of a journal are whole batches.
fn whole_batches(content: &[u8]) -> usize {
    let mut rest = content;
    while let Some(batch) = batch(rest).filter(|batch| batch.fits) {
        rest = batch.after;
    }
    content.len() - rest.len()
}

/// A batch with all its parts.
struct Batch<'a> {
    /// Its checksum is that of its items.
    fits: bool,
    /// What follows it.
    after: &'a [u8],
}

/// The batch that stands here, if it is not torn.
fn batch(bytes: &[u8]) -> Option<Batch<'_>> {
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
    let after = rest.strip_prefix(TRAILER)?;
    let fits = u64::from_le_bytes(*checksum) == xxh3_64(items);
    Some(Batch { fits, after })
}

/// What follows an item.
fn item(bytes: &[u8]) -> Option<&[u8]> {
    match bytes.split_first()? {
        (&ITEM, rest) => {
            // Its kind, its compression and its keyspace; the lengths of the key, of the value
            // and of the value as it is stored here.
            let (_, rest) = rest.split_at_checked(1 + 1 + 8)?;
            let (key, rest) = rest.split_first_chunk()?;
            let (_, rest) = rest.split_first_chunk::<4>()?;
            let (value, rest) = rest.split_first_chunk()?;
            let key = usize::from(u16::from_le_bytes(*key));
            let value = usize::try_from(u32::from_le_bytes(*value)).ok()?;
            rest.get(key + value..)
        }
        (&CLEAR, rest) => rest.get(8..),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use ::fjall::{Database, KeyspaceCreateOptions, PersistMode};

    use super::*;

    /// A database with so many batches, and its journal.
    fn database(batches: u8) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::builder(folder.path()).open().unwrap();
        let keyspace = database
            .keyspace("some", KeyspaceCreateOptions::default)
            .unwrap();
        for number in 0..batches {
            let mut batch = database.batch().durability(Some(PersistMode::SyncAll));
            batch.insert(&keyspace, [number], "a value".repeat(usize::from(number)));
            batch.remove(&keyspace, "another");
            batch.commit().unwrap();
        }
        let files = fs::read_dir(folder.path()).unwrap();
        let mut files = files.map(|file| file.unwrap().path());
        let journal = files.find(|file| file.extension().is_some_and(|end| end == "jnl"));
        (folder, journal.unwrap())
    }

    fn batches(folder: &Path) -> usize {
        let database = Database::builder(folder).open().unwrap();
        let keyspace = database
            .keyspace("some", KeyspaceCreateOptions::default)
            .unwrap();
        keyspace.iter().count()
    }

    #[test]
    fn a_journal_without_damage_is_left_as_it_is() {
        let (folder, journal) = database(9);
        let before = fs::read(&journal).unwrap();
        prepare(folder.path(), Loss::Refused).unwrap();
        assert_eq!(fs::read(&journal).unwrap(), before);
        assert_eq!(batches(folder.path()), 9);
    }

    #[test]
    fn a_journal_is_cut_before_the_batch_with_the_damage() {
        let (folder, journal) = database(9);
        let whole = fs::read(&journal).unwrap();
        let place = whole
            .windows(35)
            .position(|bytes| bytes == "a value".repeat(5).as_bytes());
        let mut damaged = whole;
        damaged[place.unwrap()] ^= 1;
        fs::write(&journal, &damaged).unwrap();
        assert!(Database::builder(folder.path()).open().is_err());
        prepare(folder.path(), Loss::Refused).unwrap();
        assert_eq!(batches(folder.path()), 5);
        let copy = format!("{}.damaged", journal.display());
        assert_eq!(fs::read(copy).unwrap(), damaged);
    }

    #[test]
    fn a_torn_end_is_left_to_the_database_which_drops_it() {
        let (folder, journal) = database(9);
        let mut torn = fs::read(&journal).unwrap();
        let end = torn.iter().rposition(|&byte| byte != 0).unwrap();
        torn.truncate(end - 5);
        fs::write(&journal, &torn).unwrap();
        prepare(folder.path(), Loss::Refused).unwrap();
        assert_eq!(fs::read(&journal).unwrap(), torn);
        assert_eq!(batches(folder.path()), 8);
    }

    #[test]
    fn the_journal_of_an_open_database_is_not_touched() {
        let (folder, journal) = database(3);
        let _open = Database::builder(folder.path()).open().unwrap();
        let mut damaged = fs::read(&journal).unwrap();
        damaged.truncate(damaged.len() - 1);
        fs::write(&journal, &damaged).unwrap();
        prepare(folder.path(), Loss::Refused).unwrap();
        assert_eq!(fs::read(&journal).unwrap(), damaged);
    }
}
