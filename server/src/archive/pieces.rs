//! Splits `messages.csv` into rows, even if people have edited it.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Seek, SeekFrom},
};

use memchr::memchr3;
use mensageiro_protocol::Login;

use crate::model::message::MessageId;

/// The most bytes of a row that a server writes: more than twice the longest line that it can be configured to accept.
const ROW_BYTES: u64 = 40 * 1024 * 1024;

/// The bytes of a field that are examined: a group and a login, at four bytes for each character, are shorter.
const FIELD_BYTES: usize = 1024;

/// How a piece ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Like a row, with a line end.
    Row,
    /// At the end of the file, where a row could end.
    File,
    /// At the end of the file, inside a quoted field.
    InQuotes,
    /// It is a line that is no row.
    Line,
}

/// A row, or a line that is none.
pub(super) struct Piece {
    pub(super) start: u64,
    pub(super) id: Option<MessageId>,
    pub(super) reader: Option<Login>,
    pub(super) fields: usize,
    pub(super) end: End,
}

/// The pieces of a file. Rows may have other delimiters or more quotes than the server writes. A line that makes no sense is a
/// piece of its own, so an extra quote hides no later row.
pub(super) struct Pieces<'a> {
    file: BufReader<&'a mut File>,
    at: u64,
    /// The offset of the first NUL byte. Rows have none; a power cut leaves them where the disk has not written yet.
    pub(super) first_nul: Option<u64>,
}

#[derive(Clone, Copy)]
enum State {
    Begin,
    Plain,
    Quoted,
    /// After a quote inside quotes: it ends the field, or a second one follows.
    Quote,
}

impl<'a> Pieces<'a> {
    /// The pieces from an offset on.
    pub(super) fn new(file: &'a mut File, from: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(from))?;
        let file = BufReader::with_capacity(64 * 1024, file);
        Ok(Self {
            file,
            at: from,
            first_nul: None,
        })
    }

    /// The offset where the next piece begins.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        let Some(&byte) = self.file.fill_buf()?.first() else {
            return Ok(None);
        };
        self.file.consume(1);
        self.at += 1;
        Ok(Some(byte))
    }

    /// Moves, within a field, to the next special byte in the buffer.
    fn pass(
        &mut self,
        state: State,
        (delimiter, fields): (u8, usize),
        field: &mut Vec<u8>,
    ) -> io::Result<()> {
        let bytes = self.file.fill_buf()?;
        let end = match state {
            State::Begin | State::Quote => return Ok(()),
            State::Plain => memchr3(b'\n', delimiter, 0, bytes),
            State::Quoted => memchr3(b'\n', b'"', 0, bytes),
        };
        let end = end.unwrap_or(bytes.len());
        if is_telling(fields) {
            let room = FIELD_BYTES - field.len();
            field.extend_from_slice(&bytes[..end.min(room)]);
        }
        self.file.consume(end);
        self.at += end as u64;
        Ok(())
    }

    fn go_to(&mut self, at: u64) -> io::Result<()> {
        self.file.seek_relative(at as i64 - self.at as i64)?;
        self.at = at;
        Ok(())
    }

    /// The next piece. If a piece extends over several lines to the end of the file, its later lines follow as pieces, too.
    pub(super) fn next(&mut self) -> io::Result<Option<Piece>> {
        let mut piece = Piece {
            start: self.at,
            id: None,
            reader: None,
            fields: 1,
            end: End::Row,
        };
        let (mut state, mut delimiter, mut next_line) = (State::Begin, b',', None);
        let mut field = Vec::new();
        loop {
            if piece.fields > 1 {
                self.pass(state, (delimiter, piece.fields), &mut field)?;
            }
            let Some(byte) = self.byte()? else {
                if self.at == piece.start {
                    return Ok(None);
                }
                piece.take(&field);
                piece.end = match state {
                    _ if self.at - piece.start > ROW_BYTES => End::Line,
                    _ if piece.fields == 1 && !field.iter().all(u8::is_ascii_digit) => End::Line,
                    State::Quoted => End::InQuotes,
                    _ => End::File,
                };
                // Perhaps somebody has only typed a quote, and rows follow.
                if let Some(next_line) = next_line {
                    self.go_to(next_line)?;
                }
                return Ok(Some(piece));
            };
            if byte == b'\n' && next_line.is_none() {
                next_line = Some(self.at);
            }
            if piece.fields == 1 && matches!(byte, b',' | b';' | b'\t') {
                delimiter = byte;
            }
            if byte == 0 {
                self.first_nul.get_or_insert(self.at - 1);
            }
            state = match (state, byte) {
                (_, 0) => {
                    piece.end = End::Line;
                    self.skip_line(next_line)?;
                    return Ok(Some(piece));
                }
                (State::Begin, b'"') => State::Quoted,
                (State::Quoted, b'"') => State::Quote,
                (State::Quote, b'\r') => State::Quote,
                (State::Begin | State::Plain | State::Quote, b'\n') => {
                    piece.take(&field);
                    return Ok(Some(piece));
                }
                (State::Begin | State::Plain | State::Quote, _) if byte == delimiter => {
                    piece.take(&field);
                    piece.fields += 1;
                    field.clear();
                    State::Begin
                }
                (State::Begin | State::Plain, _) if piece.fields > 1 || byte.is_ascii_digit() => {
                    push(&mut field, byte);
                    State::Plain
                }
                (State::Quoted, _) | (State::Quote, b'"') if self.at - piece.start <= ROW_BYTES => {
                    push(&mut field, byte);
                    State::Quoted
                }
                _ => {
                    piece.end = End::Line;
                    self.skip_line(next_line)?;
                    return Ok(Some(piece));
                }
            };
        }
    }

    fn skip_line(&mut self, next_line: Option<u64>) -> io::Result<()> {
        match next_line {
            Some(next_line) => self.go_to(next_line),
            None => {
                self.at += self.file.skip_until(b'\n')? as u64;
                Ok(())
            }
        }
    }
}

fn push(field: &mut Vec<u8>, byte: u8) {
    if field.len() < FIELD_BYTES {
        field.push(byte);
    }
}

/// Whether a field identifies the row: the first one is the message, the fifth one the reader.
fn is_telling(field: usize) -> bool {
    matches!(field, 1 | 5)
}

impl Piece {
    /// Evaluates a complete field.
    fn take(&mut self, field: &[u8]) {
        let Ok(field) = str::from_utf8(field) else {
            return;
        };
        match self.fields {
            1 => self.id = field.parse().ok().map(MessageId),
            5 => self.reader = reader_of(field),
            _ => {}
        }
    }
}

/// The reader of a message, by the field with its recipient.
fn reader_of(to: &str) -> Option<Login> {
    let name = to.rsplit('/').next()?;
    Login::parse(name).ok()
}
