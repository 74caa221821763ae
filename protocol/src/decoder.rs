use std::time::Duration;

use thiserror::Error;

use crate::{
    Framing,
    limits::{BARE_CUT_BYTES, BARE_JOIN, QUIET},
};

/// Takes the bytes of one direction of a connection and gives its lines, in either framing.
///
/// It finds the framing itself (PROTOCOL.md, "Framing"). As it has no clock, the caller waits at
/// most [`Decoder::wait`] for more bytes and says [`Decoder::quiet`] when none came. It never
/// holds more than the longest line plus what one `push` brought.
#[derive(Debug)]
pub struct Decoder {
    framing: Option<Framing>,
    longest: usize,
    buffer: Vec<u8>,
    /// Where the next line starts in `buffer`.
    start: usize,
    /// How far `buffer` is known to hold no LF.
    scanned: usize,
    /// Of bare framing: whether `buffer` is one whole message.
    chunk: Chunk,
    /// The last `read` filled its room, so that it says nothing about where a chunk ends.
    was_full: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunk {
    /// Nothing, or the first part of a chunk that TCP may have cut.
    Open,
    /// `buffer` is one whole chunk.
    Whole,
}

/// A line is longer than the limit. The connection cannot be followed any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a line is longer than {limit} bytes")]
pub struct LineTooLong {
    /// The limit in bytes.
    pub limit: usize,
}

impl Decoder {
    /// A decoder for a new connection, for lines of at most `longest` bytes.
    pub fn new(longest: usize) -> Self {
        Self {
            framing: None,
            longest,
            buffer: Vec::new(),
            start: 0,
            scanned: 0,
            chunk: Chunk::Open,
            was_full: false,
        }
    }

    /// Longest line in bytes.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// The framing, once the first message has shown it.
    pub fn framing(&self) -> Option<Framing> {
        self.framing
    }

    /// Takes what one `read` brought. Take all lines out before the next call: in bare framing
    /// one call is one message.
    pub fn push(&mut self, bytes: &[u8]) {
        let is_rest = std::mem::take(&mut self.was_full);
        self.append(bytes);
        if self.framing == Some(Framing::Bare) && bytes.len() < BARE_CUT_BYTES && !is_rest {
            self.chunk = Chunk::Whole;
        }
    }

    /// The same for a `read` that filled its room: what the next one brings may have come with it.
    pub fn push_full(&mut self, bytes: &[u8]) {
        self.append(bytes);
        self.was_full = true;
    }

    fn append(&mut self, bytes: &[u8]) {
        if self.start == self.buffer.len() {
            self.buffer.clear();
        } else {
            self.buffer.drain(..self.start);
        }
        self.scanned = self.scanned.saturating_sub(self.start);
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
        if self.framing.is_none() && memchr::memchr(b'\n', bytes).is_some() {
            self.framing = Some(Framing::Line);
        }
    }

    /// The next whole line, without its line end, or `None` until more bytes come.
    ///
    /// # Errors
    /// [`LineTooLong`], from then on at every call.
    pub fn next_line(&mut self) -> Option<Result<&[u8], LineTooLong>> {
        let (end, next) = match self.framing {
            Some(Framing::Line) => match find(b'\n', &self.buffer, self.scanned.max(self.start)) {
                Some(lf) => (lf, lf + 1),
                None => {
                    self.scanned = self.buffer.len();
                    return self.too_long(self.buffer.len()).map(Err);
                }
            },
            Some(Framing::Bare) if self.chunk == Chunk::Whole => {
                self.chunk = Chunk::Open;
                (self.buffer.len(), self.buffer.len())
            }
            _ => return self.too_long(self.buffer.len()).map(Err),
        };
        let line = &self.buffer[self.start..end];
        let line = match self.framing {
            Some(Framing::Bare) => trim_line_ends(line),
            _ => line.strip_suffix(b"\r").unwrap_or(line),
        };
        if line.len() > self.longest {
            return Some(Err(LineTooLong {
                limit: self.longest,
            }));
        }
        self.start = next;
        self.scanned = next;
        Some(Ok(line))
    }

    /// Whether [`Decoder::next_line`] has something to give: a line or an error.
    pub fn has_line(&mut self) -> bool {
        match self.framing {
            Some(Framing::Bare) if self.chunk == Chunk::Whole => return true,
            Some(Framing::Line) => match find(b'\n', &self.buffer, self.scanned.max(self.start)) {
                Some(_) => return true,
                None => self.scanned = self.buffer.len(),
            },
            _ => {}
        }
        self.too_long(self.buffer.len()).is_some()
    }

    /// How long to wait for more bytes before [`Decoder::quiet`] is due; `None`: for ever.
    pub fn wait(&self) -> Option<Duration> {
        if self.pending().is_empty() {
            return None;
        }
        match self.framing {
            None => Some(QUIET),
            Some(Framing::Bare) => Some(BARE_JOIN),
            Some(Framing::Line) => None,
        }
    }

    /// No byte came for [`Decoder::wait`]: what is there is a whole message of bare framing.
    pub fn quiet(&mut self) {
        if self.pending().is_empty() || self.framing == Some(Framing::Line) {
            return;
        }
        self.framing = Some(Framing::Bare);
        self.chunk = Chunk::Whole;
        self.was_full = false;
    }

    /// The peer closed its side in order: what is there is its last line, LF or not.
    pub fn finish(&mut self) {
        if self.pending().is_empty() {
            return;
        }
        match self.framing {
            Some(Framing::Line) => self.buffer.push(b'\n'),
            _ => self.quiet(),
        }
    }

    /// Bytes of a line that is not complete yet.
    pub fn pending(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Gives back the memory of an idle connection.
    pub fn shrink(&mut self) {
        if self.pending().is_empty() {
            self.buffer = Vec::new();
            self.start = 0;
            self.scanned = 0;
        }
    }

    fn too_long(&self, end: usize) -> Option<LineTooLong> {
        (end - self.start > self.longest + 1).then_some(LineTooLong {
            limit: self.longest,
        })
    }
}

fn find(byte: u8, bytes: &[u8], from: usize) -> Option<usize> {
    memchr::memchr(byte, &bytes[from..]).map(|at| from + at)
}

fn trim_line_ends(mut line: &[u8]) -> &[u8] {
    while let Some(rest) = line
        .strip_suffix(b"\n")
        .or_else(|| line.strip_suffix(b"\r"))
    {
        line = rest;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(decoder: &mut Decoder) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = decoder.next_line() {
            lines.push(String::from_utf8_lossy(line.unwrap()).into_owned());
        }
        lines
    }

    fn check_line(chunks: &[&[u8]], expected: &[&str]) {
        let mut decoder = Decoder::new(64);
        let mut found = Vec::new();
        for chunk in chunks {
            decoder.push(chunk);
            found.extend(lines(&mut decoder));
        }
        assert_eq!(found, expected);
        assert_eq!(decoder.framing(), Some(Framing::Line));
    }

    #[test]
    fn lf_and_cr_lf_both_end_a_line() {
        check_line(&[b"alice\r\n@bob hi\n\n"], &["alice", "@bob hi", ""]);
    }

    #[test]
    fn a_line_may_come_byte_by_byte() {
        check_line(&[b"a", b"l", b"\r", b"\n", b"x", b"\n"], &["al", "x"]);
    }

    #[test]
    fn bytes_that_stay_without_lf_are_bare() {
        let mut decoder = Decoder::new(64);
        decoder.push(b"ali");
        assert_eq!(decoder.wait(), Some(QUIET));
        decoder.push(b"ce");
        assert!(lines(&mut decoder).is_empty());
        decoder.quiet();
        assert_eq!(lines(&mut decoder), ["alice"]);
        assert_eq!(
            (decoder.framing(), decoder.wait()),
            (Some(Framing::Bare), None)
        );
        decoder.push(b"@bob one");
        assert_eq!(lines(&mut decoder), ["@bob one"]);
        decoder.push(b"@bob two\n");
        assert_eq!(lines(&mut decoder), ["@bob two"]);
    }

    #[test]
    fn a_bare_chunk_does_not_end_where_the_room_of_a_read_ended() {
        let mut decoder = Decoder::new(8192);
        decoder.push(b"bob");
        decoder.quiet();
        assert_eq!(lines(&mut decoder), ["bob"]);
        // Two segments of 1448 bytes, and the third one a little later.
        decoder.push_full(&[b'x'; 2048]);
        decoder.push(&[b'x'; 848]);
        assert!(lines(&mut decoder).is_empty());
        assert_eq!(decoder.wait(), Some(BARE_JOIN));
        decoder.push(&[b'x'; 1104]);
        decoder.quiet();
        assert_eq!(lines(&mut decoder), ["x".repeat(4000)]);
        // One that filled the room by chance.
        decoder.push_full(&[b'y'; 2048]);
        decoder.quiet();
        assert_eq!(lines(&mut decoder), ["y".repeat(2048)]);
        decoder.push(b"z");
        assert_eq!(lines(&mut decoder), ["z"]);
    }

    #[test]
    fn a_long_bare_chunk_that_tcp_cut_is_put_together() {
        let mut decoder = Decoder::new(4096);
        decoder.push(b"bob");
        decoder.quiet();
        assert_eq!(lines(&mut decoder), ["bob"]);
        decoder.push(&[b'x'; 1400]);
        assert!(lines(&mut decoder).is_empty());
        assert_eq!(decoder.wait(), Some(BARE_JOIN));
        decoder.push(&[b'x'; 100]);
        assert_eq!(lines(&mut decoder), ["x".repeat(1500)]);
        decoder.push(&[b'y'; 1400]);
        decoder.quiet();
        assert_eq!(lines(&mut decoder), ["y".repeat(1400)]);
    }

    #[test]
    fn the_last_line_needs_no_lf_when_the_peer_closes() {
        let mut decoder = Decoder::new(64);
        decoder.push(b"alice\n@bob bye");
        assert_eq!(lines(&mut decoder), ["alice"]);
        decoder.finish();
        assert_eq!(lines(&mut decoder), ["@bob bye"]);
    }

    #[test]
    fn a_line_over_the_limit_is_one_error_and_the_memory_stays_flat() {
        let mut decoder = Decoder::new(64);
        decoder.push(b"alice\n");
        assert_eq!(lines(&mut decoder), ["alice"]);
        decoder.push(&[&[b'x'; 64][..], b"\r\n"].concat());
        assert_eq!(lines(&mut decoder), ["x".repeat(64)]);
        decoder.push(&[b'x'; 66]);
        assert_eq!(decoder.next_line(), Some(Err(LineTooLong { limit: 64 })));
        assert_eq!(decoder.next_line(), Some(Err(LineTooLong { limit: 64 })));
        let mut decoder = Decoder::new(64);
        decoder.push(&[&[b'x'; 65][..], b"\n"].concat());
        assert_eq!(decoder.next_line(), Some(Err(LineTooLong { limit: 64 })));
    }
}
