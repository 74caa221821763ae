mod packet;

use std::time::Duration;

use thiserror::Error;

use self::packet::Look;
use crate::{
    Framing,
    limits::{BARE_CUT_BYTES, BARE_JOIN, QUIET},
};

/// .NET and others begin a text with this.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Takes the bytes of one direction of a connection and returns its lines, in either framing.
///
/// It detects the framing itself (PROTOCOL.md, "Framing"). It has no clock: the caller waits at
/// most [`Decoder::wait`] for more bytes, and calls [`Decoder::quiet`] if none arrive. It never
/// holds more than the longest line plus the bytes of one `push`.
#[derive(Debug)]
pub struct Decoder {
    framing: Option<Framing>,
    longest: usize,
    buffer: Vec<u8>,
    /// Where the next line starts in `buffer`.
    start: usize,
    /// There is no LF in `buffer` before this index.
    scanned: usize,
    /// In bare framing: whether `buffer` is one whole message.
    chunk: Chunk,
    /// The last read filled its buffer, so its end says nothing about the end of a chunk.
    was_full: bool,
    packet: Packet,
}

/// Where the one packet of a template (F7) may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packet {
    /// Nowhere, or it has come already.
    No,
    /// Before the first line, or directly after it.
    AroundFirstLine,
    /// Here: the first line has been taken.
    Next,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunk {
    /// Nothing, or the first part of a chunk that TCP may have split.
    Open,
    /// `buffer` is one whole chunk.
    Whole,
}

/// A line is longer than the limit. The rest of the connection cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a line is longer than {limit} bytes")]
pub struct LineTooLong {
    /// The limit in bytes.
    pub limit: usize,
}

impl Decoder {
    /// A decoder for a new connection. Lines have at most `longest` bytes.
    pub fn new(longest: usize) -> Self {
        Self {
            framing: None,
            longest,
            buffer: Vec::new(),
            start: 0,
            scanned: 0,
            chunk: Chunk::Open,
            was_full: false,
            packet: Packet::No,
        }
    }

    /// Like [`Decoder::new`], for the bytes of clients, some of which send an empty packet before
    /// or after their login (F7).
    pub fn for_clients(longest: usize) -> Self {
        Self {
            packet: Packet::AroundFirstLine,
            ..Self::new(longest)
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

    /// Takes the bytes of one read. Take all lines before the next call: in bare framing one call
    /// is one message.
    pub fn push(&mut self, bytes: &[u8]) {
        let is_rest = std::mem::take(&mut self.was_full);
        self.append(bytes);
        if self.framing == Some(Framing::Bare) && bytes.len() < BARE_CUT_BYTES && !is_rest {
            self.chunk = Chunk::Whole;
        }
    }

    /// Takes the bytes of a read that filled its buffer: the next bytes may belong to the same
    /// chunk.
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
        if self.framing.is_none() {
            self.begin();
        }
    }

    /// Skips what may come before the first line, and looks for its end. An LF inside the packet is
    /// not the end.
    fn begin(&mut self) {
        if self.packet == Packet::AroundFirstLine {
            match packet::look(self.pending()) {
                Look::Partly => return,
                Look::Whole => self.skip_packet(),
                Look::No => self.take_off_packet(),
            }
        }
        self.skip_padding();
        if memchr::memchr(b'\n', self.pending()).is_some() {
            self.framing = Some(Framing::Line);
        }
    }

    fn skip_packet(&mut self) {
        self.start += packet::BYTES;
        self.packet = Packet::No;
    }

    /// Removes the packet from the end of a first line without LF: the two were sent one after the
    /// other.
    fn take_off_packet(&mut self) {
        let Some(line) = self.pending().len().checked_sub(packet::BYTES) else {
            return;
        };
        let (before, packet) = self.pending().split_at(line);
        if !before.contains(&b'\n') && packet::look(packet) == Look::Whole {
            self.buffer.truncate(self.start + line);
            self.packet = Packet::No;
        }
    }

    /// Skips bytes that C programs and .NET put around a line, so that they do not become part of
    /// the next line.
    fn skip_padding(&mut self) {
        self.start = self.buffer.len() - without_padding(self.pending()).len();
    }

    /// The next whole line, without its line end and the bytes around it (F6), or `None` until more
    /// bytes arrive.
    ///
    /// # Errors
    /// [`LineTooLong`], and again at every later call.
    pub fn next_line(&mut self) -> Option<Result<&[u8], LineTooLong>> {
        if !self.is_line_ready() {
            return self.too_long().map(Err);
        }
        let (end, next) = match self.framing {
            Some(Framing::Line) => (self.scanned, self.scanned + 1),
            _ => (self.buffer.len(), self.buffer.len()),
        };
        self.chunk = Chunk::Open;
        let line = trimmed(&self.buffer[self.start..end]);
        if line.len() > self.longest {
            return Some(Err(LineTooLong {
                limit: self.longest,
            }));
        }
        self.start = next;
        self.scanned = next;
        if self.packet == Packet::AroundFirstLine {
            self.packet = Packet::Next;
        }
        Some(Ok(line))
    }

    /// Whether [`Decoder::next_line`] would return a line or an error.
    pub fn has_line(&mut self) -> bool {
        self.is_line_ready() || self.too_long().is_some()
    }

    /// Whether there is a whole line. In line framing `scanned` is then where it ends.
    fn is_line_ready(&mut self) -> bool {
        match self.framing {
            Some(Framing::Line) => {
                if self.packet == Packet::Next && !self.pending().is_empty() {
                    match packet::look(self.pending()) {
                        Look::Partly => return false,
                        Look::Whole => self.skip_packet(),
                        Look::No => self.packet = Packet::No,
                    }
                }
                self.skip_padding();
                let found = find(b'\n', &self.buffer, self.scanned.max(self.start));
                self.scanned = found.unwrap_or(self.buffer.len());
                found.is_some()
            }
            Some(Framing::Bare) if self.chunk == Chunk::Whole => {
                if self.packet == Packet::Next {
                    self.packet = Packet::No;
                    if packet::look(self.pending()) == Look::Whole {
                        self.skip_packet();
                    }
                }
                // The mark says no more than that a program begins to write.
                if matches!(self.pending(), [] | BYTE_ORDER_MARK) {
                    self.start = self.buffer.len();
                    self.chunk = Chunk::Open;
                }
                self.chunk == Chunk::Whole
            }
            _ => false,
        }
    }

    /// How long to wait for more bytes before calling [`Decoder::quiet`]; `None`: for ever.
    pub fn wait(&self) -> Option<Duration> {
        if self.pending().is_empty() {
            return None;
        }
        match self.framing {
            None => Some(QUIET),
            Some(Framing::Bare) => Some(BARE_JOIN),
            Some(Framing::Line) => {
                let may_be_packet =
                    self.packet == Packet::Next && packet::look(self.pending()) == Look::Partly;
                may_be_packet.then_some(QUIET)
            }
        }
    }

    /// To be called when no byte came for [`Decoder::wait`]: the bytes so far are a whole message
    /// of bare framing, and not a packet.
    pub fn quiet(&mut self) {
        if self.packet == Packet::Next && self.framing == Some(Framing::Line) {
            self.packet = Packet::No;
        }
        if self.framing.is_none() && packet::look(self.pending()) == Look::Partly {
            self.packet = Packet::No;
            self.begin();
        }
        if self.pending().is_empty() || self.framing == Some(Framing::Line) {
            return;
        }
        self.framing = Some(Framing::Bare);
        self.chunk = Chunk::Whole;
        self.was_full = false;
    }

    /// To be called when the peer closed its side in order: the bytes so far are its last line,
    /// with or without LF.
    pub fn finish(&mut self) {
        self.quiet();
        if self.framing == Some(Framing::Line) {
            self.skip_padding();
            if !self.pending().is_empty() {
                self.buffer.push(b'\n');
            }
        }
    }

    /// The bytes of a line that is not complete yet.
    pub fn pending(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Frees the memory that an idle connection does not need.
    pub fn shrink(&mut self) {
        if self.pending().is_empty() {
            self.buffer = Vec::new();
            self.start = 0;
            self.scanned = 0;
        }
    }

    fn too_long(&self) -> Option<LineTooLong> {
        (self.pending().len() > self.longest + 1).then_some(LineTooLong {
            limit: self.longest,
        })
    }
}

fn find(byte: u8, bytes: &[u8], from: usize) -> Option<usize> {
    memchr::memchr(byte, &bytes[from..]).map(|at| from + at)
}

/// A line without the bytes around it (F6).
fn trimmed(line: &[u8]) -> &[u8] {
    let mut line = without_padding(line);
    while let [rest @ .., b'\n' | b'\r' | b'\0'] = line {
        line = rest;
    }
    line
}

/// The bytes after leading NULs and byte order marks.
fn without_padding(mut bytes: &[u8]) -> &[u8] {
    while let Some(rest) = bytes
        .strip_prefix(b"\0")
        .or_else(|| bytes.strip_prefix(BYTE_ORDER_MARK))
    {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests;
