//! Reads lines for both small servers.

use std::{
    io::{self, Read},
    net::TcpStream,
};

/// The bytes of a connection, as whole lines.
pub struct Input {
    bytes: Vec<u8>,
    end: usize,
    taken: usize,
}

impl Input {
    /// With a buffer of this many bytes, which grows for longer lines.
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: vec![0; bytes],
            end: 0,
            taken: 0,
        }
    }

    /// Reads until there is a whole line; `None` at the end of the connection.
    pub fn read(&mut self, mut stream: &TcpStream) -> io::Result<Option<&[u8]>> {
        loop {
            self.bytes.copy_within(self.taken..self.end, 0);
            self.end -= self.taken;
            self.taken = 0;
            if let Some(at) = memchr::memrchr(b'\n', &self.bytes[..self.end]) {
                self.taken = at + 1;
                return Ok(Some(&self.bytes[..=at]));
            }
            if self.end == self.bytes.len() {
                self.bytes.resize(2 * self.end, 0);
            }
            match stream.read(&mut self.bytes[self.end..])? {
                0 => return Ok(None),
                count => self.end += count,
            }
        }
    }

    /// Keeps everything after this many bytes of the last lines for the next read.
    pub fn put_back_after(&mut self, bytes: usize) {
        self.taken = bytes;
    }
}

/// Parses `#tag @name text` into tag, name and text.
pub fn tagged(line: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (tag, rest) = split(line.strip_prefix(b"#")?)?;
    let (name, text) = split(rest.strip_prefix(b"@")?)?;
    Some((tag, name, text))
}

fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = memchr::memchr(b' ', line)?;
    Some((&line[..space], &line[space + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tagged_message_has_three_parts() {
        let parts: (&[u8], &[u8], &[u8]) = (b"c7", b"bob", b"hello  you");
        assert_eq!(tagged(b"#c7 @bob hello  you"), Some(parts));
        assert_eq!(tagged(b"read {\"with\":\"bob\",\"up_to\":7}"), None);
        assert_eq!(tagged(b"#c7 @bob"), None);
    }
}
