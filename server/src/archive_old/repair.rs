//! What is at the end of the file after a crash, and whatever a person may have done to it since.
//!
//! Nothing is cut off but what is byte for byte the beginning of a row that the store still holds, and so
//! will be written again. Everything else stays, however little it looks like a row.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use mensageiro_protocol::Login;

use super::{
    pieces::{End, Pieces},
    row::HEADER,
};
use crate::message::MessageId;

/// A row, told from others: a message to a group has one for each reader.
pub(super) type Key = (MessageId, Login);

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Rows that the store still holds and that are there, with where they begin.
    pub(super) written: HashMap<Key, u64>,
    /// The largest id.
    pub(super) newest: MessageId,
    /// What may be the beginning of a row that the store still holds, up to the end of the file.
    pub(super) unfinished: Vec<Unfinished>,
}

/// What goes on to the end of the file without the end of a row.
#[derive(Debug)]
pub(super) struct Unfinished {
    pub(super) start: u64,
    /// Whether it is enough to tell a row of ours from what a person may have begun to write there.
    pub(super) is_telling: bool,
    /// Whether it only lacks the line end.
    is_complete: bool,
    key: Option<Key>,
}

impl Found {
    /// Where the file has the beginning of this row and nothing else up to its end, if it has. `end` is
    /// the file from the first unfinished piece on.
    pub(super) fn torn(&self, end: &[u8], row: &[u8]) -> Option<u64> {
        let first = self.unfinished.first()?.start;
        let mut starts = self.unfinished.iter().map(|piece| piece.start);
        starts.find(|start| {
            let piece = usize::try_from(start - first)
                .ok()
                .and_then(|at| end.get(at..));
            piece.is_some_and(|piece| row.len() > piece.len() && row.starts_with(piece))
        })
    }

    /// Forgets what was found from here on, as it is cut off.
    pub(super) fn cut(&mut self, start: u64) {
        self.written.retain(|_, at| *at < start);
    }

    /// Takes a last row without its line end for one, as nothing is cut off.
    pub(super) fn keep(&mut self, pending: &HashSet<Key>) {
        for piece in self.unfinished.drain(..).filter(|piece| piece.is_complete) {
            if let Some(key) = piece.key.filter(|key| pending.contains(key)) {
                self.written.entry(key).or_insert(piece.start);
            }
        }
    }
}

/// Looks at what was written after the first `from` bytes, which is where the store has last seen the
/// end, for `pending` rows. If that is not what the server writes, the file was edited, and all of it
/// is looked at.
pub(super) fn look(file: &mut File, from: u64, pending: &HashSet<Key>) -> io::Result<Found> {
    let length = file.seek(SeekFrom::End(0))?;
    if from > 0 && from <= length && byte_at(file, from - 1)? == b'\n' {
        let (found, is_ours) = look_from(file, from, pending)?;
        if is_ours || pending.is_empty() {
            return Ok(found);
        }
    }
    let (mut found, _) = look_from(file, 0, pending)?;
    if from > 0 {
        found.unfinished.retain(|piece| piece.is_telling);
    }
    Ok(found)
}

pub(super) fn byte_at(file: &mut File, at: u64) -> io::Result<u8> {
    file.seek(SeekFrom::Start(at))?;
    let mut byte = [0];
    file.read_exact(&mut byte)?;
    Ok(byte[0])
}

/// The length without the NUL bytes at the end.
pub(super) fn text_end(file: &mut File, length: u64) -> io::Result<u64> {
    let mut chunk = vec![0; 64 * 1024];
    let mut end = length;
    while end > 0 {
        let size = end.min(chunk.len() as u64);
        let bytes = &mut chunk[..size as usize];
        file.seek(SeekFrom::Start(end - size))?;
        file.read_exact(bytes)?;
        end -= size;
        if let Some(last) = bytes.iter().rposition(|&byte| byte != 0) {
            return Ok(end + last as u64 + 1);
        }
    }
    Ok(0)
}

/// Also returns whether there is nothing but pending rows.
fn look_from(file: &mut File, from: u64, pending: &HashSet<Key>) -> io::Result<(Found, bool)> {
    let ids: HashSet<MessageId> = pending.iter().map(|(id, _)| *id).collect();
    let mut pieces = Pieces::new(file, from)?;
    let mut found = Found::default();
    let mut is_ours = true;
    while let Some(piece) = pieces.next()? {
        let key = piece.id.zip(piece.reader);
        let is_complete = piece.fields >= HEADER.len();
        match piece.end {
            End::Row if is_complete => {
                found.newest = found.newest.max(piece.id.unwrap_or_default());
                let key = key.filter(|key| pending.contains(key));
                is_ours &= key.is_some();
                if let Some(key) = key {
                    found.written.entry(key).or_insert(piece.start);
                }
            }
            End::File | End::InQuotes
                if piece.fields == 1 || piece.id.is_some_and(|id| ids.contains(&id)) =>
            {
                found.unfinished.push(Unfinished {
                    start: piece.start,
                    is_telling: piece.fields > 2,
                    is_complete: is_complete && matches!(piece.end, End::File),
                    key,
                });
            }
            _ => is_ours = false,
        }
    }
    Ok((found, is_ours))
}
