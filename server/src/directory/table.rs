//! A table as people save it: whatever of the usual forms of CSV it has.

use std::{
    borrow::Cow,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use encoding_rs::WINDOWS_1252;
use thiserror::Error;

/// How many bad lines are named; the rest is counted.
const NAMED_LINES: usize = 20;

/// Why a file of the directory cannot be used.
#[derive(Debug, Error)]
pub enum ReadError {
    /// There is no users.csv.
    #[error(
        "{0}: there is no such file; write one with a line `login,name` and one line for each user, or start with --init for a sample"
    )]
    Missing(PathBuf),
    /// The system refused.
    #[error("{file}: cannot be read: {source}")]
    Io {
        /// Which file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It has lines that make no sense.
    #[error("{}", BadLines { file, lines, more: *more })]
    BadLines {
        /// Which file.
        file: PathBuf,
        /// The first of them.
        lines: Vec<BadLine>,
        /// How many there are beyond these.
        more: usize,
    },
}

/// A line that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {reason}")]
pub struct BadLine {
    /// Which line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

impl BadLine {
    pub(super) fn new(line: u64, reason: impl fmt::Display) -> Self {
        Self {
            line,
            reason: reason.to_string(),
        }
    }
}

struct BadLines<'a> {
    file: &'a Path,
    lines: &'a [BadLine],
    more: usize,
}

impl fmt::Display for BadLines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.lines.len() > 1 { "\n  " } else { " " };
        write!(f, "{}:", self.file.display())?;
        for line in self.lines {
            write!(f, "{separator}{line}")?;
        }
        if self.more > 0 {
            write!(f, "\n  and {} more bad lines", self.more)?;
        }
        Ok(())
    }
}

impl ReadError {
    pub(super) fn bad_lines(file: &Path, mut lines: Vec<BadLine>) -> Self {
        lines.sort_by_key(|bad| bad.line);
        let more = lines.len().saturating_sub(NAMED_LINES);
        lines.truncate(NAMED_LINES);
        Self::BadLines {
            file: file.to_owned(),
            lines,
            more,
        }
    }
}

/// The bytes of a file; `None` if it is not there.
pub(super) fn read(file: &Path) -> Result<Option<Vec<u8>>, ReadError> {
    match fs::read(file) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ReadError::Io {
            file: file.to_owned(),
            source,
        }),
    }
}

/// Shows each row with its line number: `,`, `;` or tab between the columns, a byte order mark or
/// not, LF or CR LF, UTF-8 or Windows-1252. A first row that begins with one of `header_words`
/// and rows without content are left out. Fields are trimmed.
pub(super) fn rows(
    bytes: &[u8],
    header_words: &[&str],
    mut visit: impl FnMut(u64, &csv::StringRecord),
) -> Result<(), BadLine> {
    let text = decode(bytes);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .delimiter(delimiter(&text))
        .from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    let mut is_first = true;
    loop {
        match reader.read_record(&mut record) {
            Ok(false) => return Ok(()),
            Ok(true) => {}
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                return Err(BadLine::new(line, "it is not CSV"));
            }
        }
        let line = record
            .position()
            .map_or(0, |position| line_of(&text, position));
        let is_header = std::mem::take(&mut is_first)
            && record
                .get(0)
                .is_some_and(|word| header_words.contains(&word.to_lowercase().as_str()));
        if !is_header && record.iter().any(|field| !field.is_empty()) {
            visit(line, &record);
        }
    }
}

fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0,
    }
}

/// The line a record starts on. The reader counts the empty lines before it as part of it.
fn line_of(text: &str, position: &csv::Position) -> u64 {
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let record = text.get(start..).unwrap_or_default();
    let empty = record
        .bytes()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + empty.filter(|&byte| byte == b'\n').count() as u64
}

/// What parts the columns: the first of `,`, `;` and tab that the first line with one has.
fn delimiter(text: &str) -> u8 {
    let found = text
        .bytes()
        .find(|byte| matches!(byte, b',' | b';' | b'\t'));
    found.unwrap_or(b',')
}
