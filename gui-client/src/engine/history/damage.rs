//! Damaged databases: detecting them, and moving them aside for a new one. Nothing is deleted, and
//! the new database gets whatever can still be read.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use rusqlite::{Error, ErrorCode, ffi};

use super::{
    HistoryError, Result,
    database_files::{COMPANIONS, HEADER, beside, is_free, move_all, remove},
    rescue,
};

/// The most names that are tried for a file that is set aside.
const ASIDE_AT_MOST: usize = 1000;

/// The first bytes of a database.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// The highest plausible version of the schema; a greater number is damage.
const LATEST_VERSION: i64 = 10_000;

/// The header of a write-ahead log: its length, and its first bytes without the last bit.
const LOG_HEADER: usize = 32;
const LOG_MAGIC: u32 = 0x377f_0682;

/// The length of the header before each page, in bytes.
const FRAME_HEADER: usize = 24;

/// How much of a log is checked, in bytes; SQLite keeps it at about 4 MiB.
const LOG_READ: u64 = 64 * 1024 * 1024;

/// Whether this error means that the database is damaged, and not just unavailable for now.
pub(super) fn is_told_by(error: &Error) -> bool {
    match error {
        Error::SqliteFailure(error, _) | Error::SqlInputError { error, .. } => {
            let is_short = error.extended_code == ffi::SQLITE_IOERR_SHORT_READ;
            let is_damage = matches!(
                error.code,
                ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt
            );
            is_damage || is_short
        }
        // The app can read whatever it wrote.
        Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::InvalidColumnType(..)
        | Error::Utf8Error(..) => true,
        _ => false,
    }
}

/// The same for an error of opening: there, missing tables are damage too.
pub(super) fn is_told_at_opening(error: &Error) -> bool {
    let is_unknown = match error {
        Error::SqliteFailure(error, _) | Error::SqlInputError { error, .. } => {
            error.code == ErrorCode::Unknown
        }
        _ => false,
    };
    is_unknown || is_told_by(error)
}

/// Whether this is a plausible version of the schema.
pub(super) fn is_version(found: i64) -> bool {
    (0..LATEST_VERSION).contains(&found)
}

/// Checks the files before SQLite opens them, since SQLite takes an empty file for a new database
/// and ignores a log it cannot read. `was_used`: there has been a database before.
///
/// # Errors
/// [`HistoryError::Damaged`]
pub(super) fn look_at(path: &Path, was_used: bool) -> Result<()> {
    if is_sound(path, was_used) {
        return Ok(());
    }
    Err(HistoryError::Damaged { path: path.into() })
}

fn is_sound(path: &Path, was_used: bool) -> bool {
    let is_file = |path: &Path| fs::metadata(path).map(|about| about.is_file());
    let companions = COMPANIONS.map(|ending| beside(path, ending));
    if companions
        .iter()
        .any(|path| is_file(path).is_ok_and(|is| !is))
    {
        return false;
    }
    let log = &companions[0];
    match is_file(path) {
        Ok(true) => {}
        Ok(false) => return false,
        // A log without its database.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return fs::metadata(log).map_or(true, |about| about.len() == 0);
        }
        // SQLite will report why it cannot be reached.
        Err(_) => return true,
    }
    let mut begin = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEADER as u64).read_to_end(&mut begin));
    if read.is_err() {
        return true;
    }
    if begin.is_empty() {
        return !was_used;
    }
    is_header(&begin) && is_log(log).unwrap_or(true)
}

/// Checks the fields of a header that have few valid values; with some others, SQLite would open
/// the file read-only.
fn is_header(begin: &[u8]) -> bool {
    if begin.len() < HEADER || !begin.starts_with(MAGIC) {
        return false;
    }
    let page_size = u16::from_be_bytes([begin[16], begin[17]]);
    let is_page = page_size == 1 || (page_size >= 512 && page_size.is_power_of_two());
    let is_format = begin[18..20].iter().all(|version| matches!(version, 1 | 2));
    is_page && is_format && begin[21..24] == [64, 32, 32]
}

/// Whether SQLite can read all of a log. It uses the part before the first damaged frame and
/// silently ignores the rest. A power cut leaves at most one unfinished transaction there.
fn is_log(log: &Path) -> io::Result<bool> {
    let mut file = io::BufReader::new(File::open(log)?.take(LOG_READ));
    let mut header = Vec::new();
    (&mut file)
        .take(LOG_HEADER as u64)
        .read_to_end(&mut header)?;
    if header.is_empty() {
        return Ok(true);
    }
    let magic = number(&header, 0);
    let mut sum = Sum::new(magic & 1 == 1);
    sum.add(header.get(..24).unwrap_or_default());
    if header.len() < LOG_HEADER || magic & !1 != LOG_MAGIC || !sum.is(&header, 24) {
        return Ok(false);
    }
    let page_size = usize::try_from(number(&header, 8)).unwrap_or(0).min(65_536);
    let mut frame = vec![0; FRAME_HEADER + page_size];
    let (mut is_whole, mut lost) = (true, 0);
    while file.read_exact(&mut frame).is_ok() {
        // Frames of an earlier generation of the log have other salts.
        let is_of_now = frame[8..16] == header[16..24];
        let is_commit = number(&frame, 4) != 0;
        if is_whole {
            sum.add(&frame[..8]);
            sum.add(&frame[FRAME_HEADER..]);
            is_whole = is_of_now && sum.is(&frame, 16);
        }
        lost += usize::from(!is_whole && is_of_now && is_commit);
    }
    Ok(lost < 2)
}

/// The big-endian number at this place; 0 if there is none.
fn number(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    four.map_or(0, u32::from_be_bytes)
}

/// The checksum of a log, which continues from frame to frame.
struct Sum {
    is_big_endian: bool,
    sums: (u32, u32),
}

impl Sum {
    fn new(is_big_endian: bool) -> Self {
        Self {
            is_big_endian,
            sums: (0, 0),
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        let word = |word: u32| match self.is_big_endian {
            true => word,
            false => word.swap_bytes(),
        };
        for pair in bytes.chunks_exact(8) {
            let (first, second) = (word(number(pair, 0)), word(number(pair, 4)));
            let (one, two) = &mut self.sums;
            *one = one.wrapping_add(first).wrapping_add(*two);
            *two = two.wrapping_add(second).wrapping_add(*one);
        }
    }

    fn is(&self, bytes: &[u8], at: usize) -> bool {
        self.sums == (number(bytes, at), number(bytes, at + 4))
    }
}

/// Moves a damaged database aside and puts a new one in its place, with whatever could be read.
/// Returns the new path of the damaged one. If the app dies meanwhile, the next start finishes it.
///
/// # Errors
/// Nothing is moved then. [`HistoryError::Damaged`]: it cannot be. Others: there is no room for the new
/// one, or another program holds the old one.
pub(super) fn replace(path: &Path) -> Result<PathBuf> {
    let rescued = rescued(path);
    if let Err(error) = rescue::into(&rescued, path) {
        tracing::error!(%error, "a damaged database stays where it is");
        remove(&rescued);
        return Err(error);
    }
    let aside = set_aside(path).and_then(|to| {
        finish(path)?;
        Ok(to)
    });
    aside.map_err(|error| {
        tracing::error!(path = %path.display(), %error, "a damaged database cannot be moved aside");
        HistoryError::Damaged { path: path.into() }
    })
}

/// Finishes what an earlier run has begun: puts the rescued database in the place of one that was
/// moved aside, or moves back what was moved before the database itself.
pub(super) fn finish(path: &Path) -> io::Result<()> {
    let rescued = rescued(path);
    if !fs::exists(&rescued)? {
        return Ok(());
    }
    if !fs::exists(path)? {
        return fs::rename(rescued, path);
    }
    for to in names(path).filter(|to| is_free(to)) {
        for ending in COMPANIONS {
            let (from, to) = (beside(path, ending), beside(&to, ending));
            if is_free(&from) && !is_free(&to) {
                fs::rename(to, from)?;
            }
        }
    }
    remove(&rescued);
    Ok(())
}

fn rescued(path: &Path) -> PathBuf {
    path.with_extension("rescued.db")
}

/// The names for damaged databases, in the order they are tried.
fn names(path: &Path) -> impl Iterator<Item = PathBuf> {
    (1..=ASIDE_AT_MOST).map(|number| match number {
        1 => path.with_extension("damaged.db"),
        number => path.with_extension(format!("damaged-{number}.db")),
    })
}

/// Renames the files of a database to names that are free. Returns the new path.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let mut names = names(path)
        .filter(|to| is_free(to) && COMPANIONS.iter().all(|ending| is_free(&beside(to, ending))));
    let to = names.next().ok_or(io::ErrorKind::AlreadyExists)?;
    move_all(path, &to)?.ok_or_else(|| io::ErrorKind::NotFound.into())
}
