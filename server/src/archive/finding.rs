//! Finds out after a crash which rows are in the file already, even if people have edited it since.
//!
//! The rows that may be missing are compared with the end of the file, one window of rows at a time, so memory is bounded.
//! Only bytes that are exactly the beginning of a row that will be written again are cut off. Everything else stays, even if
//! it does not look like a row.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    ops::ControlFlow,
};

use mensageiro_protocol::Login;
use xxhash_rust::xxh3::Xxh3;

use super::{
    ArchiveError,
    pieces::{End, Piece, Pieces},
    row::{HEADER, Rows},
    source::{Limits, Marks, Progress, scan},
};
use crate::model::message::MessageId;

/// About the number of rows in a window, which holds whole marks, or a part of one large mark. With 40 bytes for each row, it
/// takes 20 MiB at most.
const WINDOW: usize = if cfg!(test) { 20 } else { 250_000 };

/// Identifies a row by its message and its reader: a message to a group has a row for each reader. No two rows have the
/// same identity.
type Key = u128;

/// The identity of the row for this message and this reader.
fn key_of(id: MessageId, reader: &Login) -> Key {
    let mut hash = Xxh3::new();
    hash.update(&id.0.to_le_bytes());
    hash.update(reader.as_str().as_bytes());
    hash.digest128()
}

/// Compares the rows to be written with the file.
#[derive(Debug)]
pub(super) struct Finder {
    /// Where the search began: all rows before were in the file.
    pub(super) from: Progress,
    /// The length of the file at that time, in bytes; 0 if it is unknown.
    pub(super) known: u64,
    /// The length of the file when the search began, in bytes. What was appended later need not be searched.
    pub(super) end: u64,
    /// Earlier rows were found, or need not be looked for.
    at: u64,
    /// The file has other lines between the rows, so a row may be anywhere.
    is_edited: bool,
    /// The end of the file was reached and repaired.
    is_at_end: bool,
    window: Window,
}

/// The rows that are looked for at a time.
#[derive(Debug, Default)]
struct Window {
    /// Where the window begins.
    start: Progress,
    /// Where it ends.
    end: Progress,
    /// The number of rows.
    rows: usize,
    /// No rows come after this window.
    is_last: bool,
    /// The rows that were not found in the file yet.
    missing: HashSet<Key>,
}

/// The end of the file.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// Pieces up to the end of the file that are no complete row.
    unfinished: Vec<Unfinished>,
    /// The file from the first one on.
    bytes: Vec<u8>,
    /// Rows of the window in later pieces, and where they begin. They may be part of the first piece's text.
    doubtful: Vec<(u64, Key)>,
    /// There are other lines between the rows of the window.
    has_others: bool,
}

/// A piece at the end of the file that is no complete row.
#[derive(Debug)]
struct Unfinished {
    start: u64,
    /// Whether more bytes follow.
    id: Option<MessageId>,
    key: Option<Key>,
    /// Whether it is long enough to be the beginning of a row, and not something that a person has begun to write.
    is_telling: bool,
    /// Whether only the line end is missing.
    is_complete: bool,
}

/// What to do about a [`Tail`].
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Whole,
    /// From this offset on, the file has the beginning of a row and nothing else.
    Torn(u64),
    /// The file was edited, so all of it must be searched.
    SearchAll,
}

impl Finder {
    /// Searches for the rows after `from`, from the offset `known` on if the file has not been replaced.
    pub(super) fn new(file: &mut File, from: Progress, known: u64) -> io::Result<Self> {
        let end = file.seek(SeekFrom::End(0))?;
        let is_known = 0 < known && known <= end && byte_at(file, known - 1)? == b'\n';
        let at = if is_known {
            known
        } else {
            header_length(file)?
        };
        Ok(Self {
            from,
            known,
            end,
            at,
            is_edited: known > 0 && !is_known,
            is_at_end: false,
            window: Window {
                start: from,
                end: from,
                ..Window::default()
            },
        })
    }

    /// The highest id in the unknown part, and where a row begins in which a power cut has left a gap.
    pub(super) fn survey(&self, file: &mut File) -> io::Result<(MessageId, Option<u64>)> {
        let (mut newest, mut gap) = (MessageId(0), None);
        let mut pieces = Pieces::new(file, self.at)?;
        while let Some(piece) = pieces.next()? {
            if is_row(&piece) {
                newest = newest.max(piece.id.unwrap_or_default());
            }
            let is_in = |nul: u64| (piece.start..pieces.at()).contains(&nul);
            if gap.is_none() && pieces.first_nul.is_some_and(is_in) {
                gap = Some(piece.start);
            }
        }
        // Elsewhere the gap may be years old, and the rows after it are not written again.
        let gap = gap.filter(|_| self.known > 0 && !self.is_edited);
        Ok((newest, gap))
    }

    /// Whether the file has only a header.
    pub(super) fn is_empty(&self) -> bool {
        self.at == self.end && self.end == header().len() as u64
    }

    /// The end of the rows that [`Finder::is_missing`] can answer for.
    pub(super) fn until(&self) -> Progress {
        self.window.end
    }

    /// Whether this row is missing in the file.
    pub(super) fn is_missing(&self, id: MessageId, reader: &Login) -> bool {
        self.window.missing.contains(&key_of(id, reader))
    }

    /// Whether no row after the last window can be in the file.
    pub(super) fn is_over(&self) -> bool {
        self.window.is_last || (self.is_at_end && !self.is_edited)
    }

    /// Moves to the next window.
    pub(super) fn gather(&mut self, source: &dyn Marks) -> Result<(), ArchiveError> {
        let start = self.window.end;
        let (mut rows, mut missing) = (0, HashSet::new());
        let limits = Limits {
            messages: WINDOW,
            whole_moments: true,
            ..Limits::NONE
        };
        let scanned = scan(source, start, limits, &mut |mark, message| {
            rows += 1;
            missing.insert(key_of(message.id, &mark.reader));
            ControlFlow::Continue(())
        })?;
        self.window = Window {
            start,
            end: scanned.at,
            rows,
            is_last: scanned.is_all,
            missing,
        };
        Ok(())
    }

    /// Looks for the rows of the window. Returns the end of the file when it is reached for the first time.
    pub(super) fn search(&mut self, file: &mut File) -> io::Result<Option<Tail>> {
        let missing = &mut self.window.missing;
        let mut tail = Tail::default();
        let mut next = None;
        let mut pieces = Pieces::new(file, if self.is_edited { 0 } else { self.at })?;
        loop {
            if missing.is_empty() {
                self.at = next.unwrap_or(pieces.at());
                return Ok(None);
            }
            let Some(piece) = pieces.next()?.filter(|piece| piece.start < self.end) else {
                break;
            };
            let key = piece.id.zip(piece.reader.as_ref());
            let key = key.map(|(id, reader)| key_of(id, reader));
            match (piece.end, key) {
                (End::Row, Some(key)) if is_row(&piece) && missing.contains(&key) => {
                    if tail.unfinished.is_empty() {
                        missing.remove(&key);
                    } else {
                        tail.doubtful.push((piece.start, key));
                    }
                }
                (End::File | End::InQuotes, _) => tail.unfinished.push(Unfinished {
                    start: piece.start,
                    id: piece.id.filter(|_| piece.fields > 1),
                    key,
                    is_telling: piece.fields > 2,
                    is_complete: piece.fields >= HEADER.len() && piece.end == End::File,
                }),
                _ => {
                    tail.has_others = true;
                    // It may be a row of the next window.
                    next.get_or_insert(piece.start);
                }
            }
        }
        self.at = pieces.at().min(self.end);
        if self.is_at_end {
            self.found(&tail.doubtful, u64::MAX);
            return Ok(None);
        }
        if let Some(first) = tail.unfinished.first() {
            file.seek(SeekFrom::Start(first.start))?;
            file.read_to_end(&mut tail.bytes)?;
        }
        Ok(Some(tail))
    }

    /// Compares the end of the file with the rows of the window and all later ones: after the next append, a row that was torn
    /// within its text would look complete.
    pub(super) fn compare(
        &mut self,
        source: &dyn Marks,
        mut tail: Tail,
    ) -> Result<Verdict, ArchiveError> {
        if self.is_edited && self.known > 0 {
            tail.unfinished.retain(|piece| piece.is_telling);
        }
        let (torn, has_strange) = self.torn(source, &tail)?;
        if (tail.has_others || has_strange) && !self.is_edited {
            self.is_edited = true;
            return Ok(Verdict::SearchAll);
        }
        self.is_at_end = true;
        if let Some(start) = torn {
            self.end = start;
            self.found(&tail.doubtful, start);
            return Ok(Verdict::Torn(start));
        }
        self.found(&tail.doubtful, u64::MAX);
        // The last row only lacks its line end.
        let complete = tail.unfinished.iter().filter(|piece| piece.is_complete);
        for key in complete.filter_map(|piece| piece.key) {
            self.window.missing.remove(&key);
        }
        Ok(Verdict::Whole)
    }

    /// Where the file ends with the beginning of a row and nothing else, if it does; and whether something there belongs to no
    /// row.
    fn torn(&self, source: &dyn Marks, tail: &Tail) -> Result<(Option<u64>, bool), ArchiveError> {
        let Some(first) = tail.unfinished.first().map(|piece| piece.start) else {
            return Ok((None, false));
        };
        let window = &self.window;
        let (mut torn, mut rows, mut row) = (None, 0, Rows::default());
        let mut strange: Vec<_> = tail
            .unfinished
            .iter()
            .filter_map(|piece| piece.id)
            .collect();
        scan(source, window.start, Limits::NONE, &mut |mark, message| {
            rows += 1;
            strange.retain(|id| *id != message.id);
            if rows <= window.rows && !self.is_missing(message.id, &mark.reader) {
                return ControlFlow::Continue(());
            }
            row.bytes.clear();
            row.push(message, mark);
            row.end_moment();
            let mut starts = tail.unfinished.iter().map(|piece| piece.start);
            let found = starts.find(|start| {
                let piece = tail.bytes.get((start - first) as usize..);
                piece.is_some_and(|piece| {
                    row.bytes.len() > piece.len() && row.bytes.starts_with(piece)
                })
            });
            torn = torn.into_iter().chain(found).min();
            if torn == Some(first) {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        Ok((torn, torn.is_none() && !strange.is_empty()))
    }

    /// Removes the rows that begin before `end` from those that are looked for.
    fn found(&mut self, rows: &[(u64, Key)], end: u64) {
        for (_, key) in rows.iter().filter(|(start, _)| *start < end) {
            self.window.missing.remove(key);
        }
    }
}

fn is_row(piece: &Piece) -> bool {
    piece.end == End::Row && piece.fields >= HEADER.len()
}

/// The first line of the file, with its line end.
pub(super) fn header() -> Vec<u8> {
    [HEADER.join(",").as_bytes(), b"\n"].concat()
}

/// The length of the header in bytes, if the first line is the header.
fn header_length(file: &mut File) -> io::Result<u64> {
    let header = header();
    let mut beginning = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(header.len() as u64).read_to_end(&mut beginning)?;
    Ok(if beginning == header {
        header.len() as u64
    } else {
        0
    })
}

/// The byte at an offset inside the file.
pub(super) fn byte_at(file: &mut File, at: u64) -> io::Result<u8> {
    file.seek(SeekFrom::Start(at))?;
    let mut byte = [0];
    file.read_exact(&mut byte)?;
    Ok(byte[0])
}
