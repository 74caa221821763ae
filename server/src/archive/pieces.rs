//! `messages.csv` as rows, whatever people have done to it.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Seek, SeekFrom},
};

use memchr::memchr3;
use mensageiro_protocol::Login;

use crate::model::message::MessageId;

/// No row of ours is longer: twice the longest line that a server may be told to take, and more.
const ROW_BYTES: u64 = 40 * 1024 * 1024;

/// Of a field no more is looked at: a group and a login, at four bytes for each character, are
/// shorter.
const FIELD_BYTES: usize = 1024;

/// How a piece ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// As a row does.
    Row,
    /// With the file, where a row could end.
    File,
    /// With the file, in the middle of a field in quotes.
    InQuotes,
    /// It is a line that is no row.
    Line,
}

/// A row, or what there is instead.
pub(super) struct Piece {
    pub(super) start: u64,
    pub(super) id: Option<MessageId>,
    pub(super) reader: Option<Login>,
    pub(super) fields: usize,
    pub(super) end: End,
}

/// The pieces of a file. Who saves it as CSV with other delimiters or more quotes leaves it rows; what
/// makes no sense is a line, so a quote too many costs no row after it.
pub(super) struct Pieces<'a> {
    file: BufReader<&'a mut File>,
    at: u64,
    /// Where a NUL byte was seen first. No row has one: a power cut leaves them where the disk had not come to.
    pub(super) first_nul: Option<u64>,
}

#[derive(Clone, Copy)]
enum State {
    Begin,
    Plain,
    Quoted,
    /// After a quote in quotes: it was the last one, or another follows.
    Quote,
}

impl<'a> Pieces<'a> {
    /// Those from here on.
    pub(super) fn new(file: &'a mut File, from: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(from))?;
        let file = BufReader::with_capacity(64 * 1024, file);
        Ok(Self {
            file,
            at: from,
            first_nul: None,
        })
    }

    /// Where the next one begins.
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

    /// Goes on, within a field, to the next byte that means something there, as far as can be seen.
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

    /// The next one. Where one goes on to the end of the file over several lines, those after the
    /// first are shown as well.
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
                // Perhaps it is only a quote that somebody has typed, and there are rows after it.
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

/// Whether a field says whose row it is: the first one the message, the fifth one the reader.
fn is_telling(field: usize) -> bool {
    matches!(field, 1 | 5)
}

impl Piece {
    /// Notes what a field says that has been read.
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

/// Who read a message, by the field that says to whom it was written.
fn reader_of(to: &str) -> Option<Login> {
    let name = to.rsplit('/').next()?;
    Login::parse(name).ok()
}
