//! The file itself: whole rows at its end, whatever happened before.

use std::{
    collections::HashSet,
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use mensageiro_protocol::Login;
use tracing::warn;

use super::{
    ArchiveError,
    row::{HEADER, Rows},
};
use crate::{message::MessageId, store::Store};

/// `messages.csv`. It is opened anew for each write, so that it may be moved or edited while the
/// server runs.
pub(super) struct ArchiveFile {
    path: PathBuf,
    /// Rows that are in the file although the store still holds them.
    written: HashSet<(MessageId, Login)>,
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

    /// Makes the file end in a whole row, and finds out which rows of the store it has already.
    /// Returns the largest id it has seen doing so.
    pub(super) fn mend(&mut self, store: &dyn Store) -> Result<MessageId, ArchiveError> {
        // Before anything is gathered: somebody may have it open for hours.
        self.io(|path| open(path).map(drop))?;
        let mut pending = HashSet::new();
        store.unarchived(usize::MAX, usize::MAX, &mut |mark, message| {
            pending.insert((message.id, mark.reader.clone()));
        })?;
        let from = store.archive_bytes()?;
        let tail = self.io(|path| mend(path, from, &pending))?;
        self.written = tail.written;
        self.is_suspect = false;
        Ok(tail.newest)
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
            self.mend(store)?;
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
        ArchiveError::Io {
            file: self.path.clone(),
            source,
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}

fn append(path: &Path, rows: &[u8]) -> io::Result<u64> {
    let mut file = open(path)?;
    let mut length = file.seek(SeekFrom::End(0))?;
    let before = if length == 0 {
        header()
    } else if last_byte(&mut file)? != Some(b'\n') {
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

fn last_byte(file: &mut File) -> io::Result<Option<u8>> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(None);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut byte = [0];
    file.read_exact(&mut byte)?;
    Ok(Some(byte[0]))
}

/// Looks at what was written after the first `from` bytes, cuts off a row that a crash tore, and
/// says which of the `pending` rows are there.
fn mend(path: &Path, from: u64, pending: &HashSet<(MessageId, Login)>) -> io::Result<Tail> {
    let mut file = open(path)?;
    let length = file.seek(SeekFrom::End(0))?;
    if length == 0 {
        file.write_all(&header())?;
        file.sync_data()?;
        return Ok(Tail::default());
    }
    let start = tail_start(&mut file, from, length)?;
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.read_to_end(&mut tail)?;
    let mut found = Tail::default();
    for row in Pieces::new(&tail) {
        let is_pending = || pending.iter().any(|(id, _)| Some(*id) == row.id);
        if row.is_whole {
            found.newest = found.newest.max(row.id.unwrap_or_default());
            let key = row.id.zip(row.reader);
            found
                .written
                .extend(key.filter(|key| pending.contains(key)));
        } else if is_pending() || row.fields < HEADER.len() {
            warn!(
                "{}: an incomplete last row was cut off; it is written again",
                path.display()
            );
            file.set_len(start + row.start as u64)?;
            file.sync_data()?;
        }
    }
    Ok(found)
}

/// What was found at the end of the file.
#[derive(Debug, Default)]
struct Tail {
    /// Pending rows that are there.
    written: HashSet<(MessageId, Login)>,
    /// The largest id.
    newest: MessageId,
}

/// Where rows start that may be unknown to the store: at `from` if a row ends there, otherwise
/// (the file was edited) at the beginning.
fn tail_start(file: &mut File, from: u64, length: u64) -> io::Result<u64> {
    if from == 0 || from > length {
        return Ok(0);
    }
    file.seek(SeekFrom::Start(from - 1))?;
    let mut byte = [0];
    file.read_exact(&mut byte)?;
    Ok(if byte[0] == b'\n' { from } else { 0 })
}

/// The rows of a piece of CSV, told apart by quotes and line ends alone.
struct Pieces<'a> {
    bytes: &'a [u8],
    at: usize,
}

struct Piece {
    start: usize,
    id: Option<MessageId>,
    reader: Option<Login>,
    fields: usize,
    is_whole: bool,
}

impl<'a> Pieces<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let start = self.at;
        let rest = &self.bytes[start..];
        if rest.is_empty() {
            return None;
        }
        let mut in_quotes = false;
        // Where each field after the first one begins.
        let mut begins = Vec::with_capacity(HEADER.len());
        let mut end = None;
        for (index, byte) in rest.iter().enumerate() {
            match byte {
                b'"' => in_quotes = !in_quotes,
                b',' if !in_quotes => begins.push(index + 1),
                b'\n' if !in_quotes => {
                    end = Some(index);
                    break;
                }
                _ => {}
            }
        }
        let row = &rest[..end.unwrap_or(rest.len())];
        self.at = start + end.map_or(rest.len(), |end| end + 1);
        let field = |begin: usize, next: Option<&usize>| {
            let end = next.map_or(row.len(), |next| next - 1);
            str::from_utf8(&row[begin..end]).ok()
        };
        let id = field(0, begins.first()).and_then(|id| id.parse().ok());
        let to = begins.get(3).and_then(|&to| field(to, begins.get(4)));
        Some(Piece {
            start,
            id: id.map(MessageId),
            reader: to.and_then(reader_of),
            fields: begins.len() + 1,
            is_whole: end.is_some(),
        })
    }
}

/// Who read a message, by the field that says to whom it was written.
fn reader_of(to: &str) -> Option<Login> {
    let name = to.rsplit('/').next()?;
    Login::parse(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW_1: &str = "1,t,t,ana,bob,hi\n";
    const ROW_2: &str = "2,t,t,ana,bob,\"say \"\"x\"\",\ny\"\n";

    /// Mends a file of this content when rows 1 and 2 are pending.
    fn check(content: &str, from: u64, written: &[u64], left: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("messages.csv");
        std::fs::write(&path, content).unwrap();
        let bob = Login::parse("bob").unwrap();
        let pending = HashSet::from([1, 2].map(|id| (MessageId(id), bob.clone())));
        let found = mend(&path, from, &pending).unwrap().written;
        let mut found: Vec<_> = found.into_iter().map(|(id, _)| id.0).collect();
        found.sort_unstable();
        assert_eq!(found, written);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), left);
    }

    #[test]
    fn a_new_file_gets_its_header() {
        check("", 0, &[], "id,sent_at,read_at,from,to,text\n");
    }

    #[test]
    fn rows_that_are_there_are_found_and_a_torn_one_is_cut_off_wherever_it_was_torn() {
        let header = String::from_utf8(header()).unwrap();
        let whole = format!("{header}{ROW_1}{ROW_2}");
        check(&whole, 0, &[1, 2], &whole);
        check(&whole, header.len() as u64, &[1, 2], &whole);
        for cut in header.len() + ROW_1.len() + 1..whole.len() {
            check(&whole[..cut], 0, &[1], &whole[..header.len() + ROW_1.len()]);
        }
    }

    #[test]
    fn the_rows_of_a_group_message_are_told_apart_by_their_readers() {
        let header = String::from_utf8(header()).unwrap();
        let row = "1,t,t,ana,class/carla,hi\n";
        let others = format!("{header}{row}");
        check(&others, 0, &[], &others);
        let both = format!("{header}{row}{}", row.replace("carla", "bob"));
        check(&both, 0, &[1], &both);
    }

    #[test]
    fn what_somebody_else_wrote_stays() {
        let edited = "id,sent_at,read_at,from,to,text\n7,t,t,ana,bob,kept";
        check(edited, 500, &[], edited);
    }
}
