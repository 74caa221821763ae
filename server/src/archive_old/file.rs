//! The file itself: whole rows at its end, whatever happened before.

use std::{
    collections::HashSet,
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use tracing::warn;

use super::{
    ArchiveError,
    repair::{self, Found, Key},
    row::{HEADER, Rows},
};
use crate::{message::MessageId, not_text::not_text, store::Store};

/// `messages.csv`. It is opened anew for each write, so that it may be moved or edited while the
/// server runs.
pub(super) struct ArchiveFile {
    path: PathBuf,
    /// Rows that are in the file although the store still holds them.
    written: HashSet<Key>,
    /// A write went wrong half way, or the store does not know of it, so the end of the file must
    /// be looked at.
    is_suspect: bool,
}

/// What was appended.
pub(super) struct Appended {
    /// The number of the last read mark.
    pub(super) last: u64,
    /// How long the file is now.
    pub(super) length: u64,
    /// As much as was allowed at once, so that more is likely to wait.
    pub(super) is_much: bool,
}

impl ArchiveFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            written: HashSet::new(),
            is_suspect: true,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Cuts off what a crash has left of a row, and finds out which rows of the store are there already.
    /// Returns the largest id it has seen doing so.
    pub(super) fn repair(&mut self, store: &dyn Store) -> Result<MessageId, ArchiveError> {
        // Before anything is gathered: somebody may have it open for hours.
        self.io(|path| begin(path).map(drop))?;
        let mut pending = HashSet::new();
        store.unarchived(usize::MAX, usize::MAX, &mut |mark, message| {
            pending.insert((message.id, mark.reader.clone()));
        })?;
        let from = store.archive_bytes()?;
        let mut found = self.io(|path| repair::look(&mut open(path)?, from, &pending))?;
        match self.torn(&found, store)? {
            Some(start) => {
                warn!(
                    "{}: the last row had not been written completely; it is written again",
                    self.path.display()
                );
                self.io(|path| cut(path, start))?;
                found.cut(start);
            }
            None => found.keep(&pending),
        }
        self.written = found.written.into_keys().collect();
        self.is_suspect = false;
        Ok(found.newest)
    }

    /// Where the beginning of a row begins that the store will give us again.
    fn torn(&self, found: &Found, store: &dyn Store) -> Result<Option<u64>, ArchiveError> {
        let Some(first) = found.unfinished.first().map(|piece| piece.start) else {
            return Ok(None);
        };
        let end = self.io(|path| read_from(path, first))?;
        let (mut torn, mut row) = (None, Rows::default());
        store.unarchived(usize::MAX, usize::MAX, &mut |mark, message| {
            let key = (message.id, mark.reader.clone());
            if found.written.contains_key(&key) {
                return;
            }
            row.bytes.clear();
            row.push(message, mark);
            row.end_moment();
            torn = torn.into_iter().chain(found.torn(&end, &row.bytes)).min();
        })?;
        Ok(torn)
    }

    /// Appends the rows of at most so many marks and about so many messages that the store has for
    /// the archive, and syncs them; `None` if there was nothing. Once the store knows of it,
    /// [`ArchiveFile::settled`] is due.
    pub(super) fn append(
        &mut self,
        store: &dyn Store,
        marks: usize,
        messages: usize,
    ) -> Result<Option<Appended>, ArchiveError> {
        if self.is_suspect {
            self.repair(store)?;
        }
        let mut rows = Rows::default();
        let mut repeated = Vec::new();
        let (mut first, mut shown) = (None, 0);
        let last = store.unarchived(marks, messages, &mut |mark, message| {
            first.get_or_insert(mark.number);
            shown += 1;
            if !self.written.is_empty() {
                let row = (message.id, mark.reader.clone());
                if self.written.contains(&row) {
                    return repeated.push(row);
                }
            }
            rows.push(message, mark);
        })?;
        rows.end_moment();
        let Some(last) = last else {
            return Ok(None);
        };
        self.is_suspect = true;
        let length = self.io(|path| append(path, &rows.bytes))?;
        for row in repeated {
            self.written.remove(&row);
        }
        let read = last + 1 - first.unwrap_or(last);
        Ok(Some(Appended {
            last,
            length,
            is_much: shown >= messages || read >= marks as u64,
        }))
    }

    /// The store knows of all that was appended.
    pub(super) fn settled(&mut self) {
        self.is_suspect = false;
    }

    fn io<T>(&self, act: impl FnOnce(&Path) -> io::Result<T>) -> Result<T, ArchiveError> {
        act(&self.path).map_err(|error| self.failed(error))
    }

    fn failed(&self, source: io::Error) -> ArchiveError {
        let file = self.path.clone();
        if source.kind() == io::ErrorKind::InvalidData {
            let what = source.to_string();
            return ArchiveError::NotCsv { file, what };
        }
        ArchiveError::Io { file, source }
    }
}

/// Opens the file, making it when there is none. Nothing is appended to what rows would damage.
fn open(path: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    let mut beginning = Vec::new();
    (&mut file).take(8).read_to_end(&mut beginning)?;
    match what_else(&beginning) {
        Some(what) => Err(io::Error::new(io::ErrorKind::InvalidData, what)),
        None => Ok(file),
    }
}

/// What the file is, if it is no CSV of one byte for each letter of ASCII.
fn what_else(beginning: &[u8]) -> Option<&'static str> {
    match beginning {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [1..=255, 0, 1..=255, 0, ..] => {
            Some("text in UTF-16 (\"Unicode\")")
        }
        _ => not_text(beginning),
    }
}

/// Makes sure that there is a file with a header, and no NUL bytes at its end, as a power cut may leave
/// them.
fn begin(path: &Path) -> io::Result<()> {
    let mut file = open(path)?;
    let length = file.seek(SeekFrom::End(0))?;
    let text = repair::text_end(&mut file, length)?;
    if text < length {
        warn!("{}: the NUL bytes at its end were cut off", path.display());
        file.set_len(text)?;
    }
    if text == 0 {
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&header())?;
    }
    if text < length || text == 0 {
        file.sync_data()?;
    }
    Ok(())
}

fn cut(path: &Path, length: u64) -> io::Result<()> {
    let file = open(path)?;
    file.set_len(length)?;
    file.sync_data()
}

fn read_from(path: &Path, start: u64) -> io::Result<Vec<u8>> {
    let mut file = open(path)?;
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn append(path: &Path, rows: &[u8]) -> io::Result<u64> {
    let mut file = open(path)?;
    let mut length = file.seek(SeekFrom::End(0))?;
    let before = if length == 0 {
        header()
    } else if repair::byte_at(&mut file, length - 1)? != b'\n' {
        // Somebody saved it without the last line end.
        vec![b'\n']
    } else {
        Vec::new()
    };
    file.seek(SeekFrom::End(0))?;
    file.write_all(&before)?;
    length += before.len() as u64;
    // In one write, which takes the system the shortest time: until it is done, other programs see
    // a part of it, page by page.
    file.write_all(rows)?;
    file.sync_data()?;
    Ok(length + rows.len() as u64)
}

fn header() -> Vec<u8> {
    [HEADER.join(",").as_bytes(), b"\n"].concat()
}
