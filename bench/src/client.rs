//! Clients that count lines. They are frugal, because they share the machine with the server that
//! they load.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    ops::Range,
};

use crate::stream::{Layer, Stream};

/// A buffer grows up to this size while one read fills it.
const MOST_BYTES: usize = 256 * 1024;

/// The device name of every live client.
pub const DEVICE: &str = "bench";

/// One connection with one descriptor.
pub struct Client {
    stream: Stream,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

/// What a live client has received.
#[derive(Clone, Copy, Debug, Default)]
pub struct Taken {
    /// Messages of others.
    pub messages: u64,
    /// Acknowledgements of its own messages.
    pub oks: u64,
    /// The newest message, if there was one.
    pub last: u64,
}

impl Client {
    /// Connects and sends the login. The answer is still to be read.
    pub fn connect(address: SocketAddr, user: usize) -> io::Result<Self> {
        Self::connect_saying(address, Layer::Plain, &format!("u{user}\n"))
    }

    /// Connects and asks for a live session. The answer is still to be read.
    pub fn connect_live(address: SocketAddr, user: usize) -> io::Result<Self> {
        Self::connect_live_over(address, Layer::Plain, user)
    }

    /// The same inside TLS.
    pub fn connect_live_inside_tls(address: SocketAddr, user: usize) -> io::Result<Self> {
        Self::connect_live_over(address, Layer::Tls, user)
    }

    fn connect_live_over(address: SocketAddr, layer: Layer, user: usize) -> io::Result<Self> {
        let hello = format!("u{user} live/1 device={DEVICE}\n");
        Self::connect_saying(address, layer, &hello)
    }

    fn connect_saying(address: SocketAddr, layer: Layer, hello: &str) -> io::Result<Self> {
        let mut stream = Stream::connect(address, layer)?;
        stream.write_all(hello.as_bytes())?;
        Ok(Self {
            stream,
            buffer: vec![0; 4096],
            start: 0,
            end: 0,
        })
    }

    /// A classic session that is ready.
    pub fn log_in(address: SocketAddr, user: usize) -> io::Result<Self> {
        let mut client = Self::connect(address, user)?;
        client.take_answers(1)?;
        Ok(client)
    }

    /// A live session that is ready.
    pub fn log_in_live(address: SocketAddr, user: usize) -> io::Result<Self> {
        Self::log_in_live_over(address, Layer::Plain, user)
    }

    /// The same, plain or inside TLS.
    pub fn log_in_live_over(address: SocketAddr, layer: Layer, user: usize) -> io::Result<Self> {
        let mut client = Self::connect_live_over(address, layer, user)?;
        client.take_answers(1)?;
        Ok(client)
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The plain connection, for a thread that sends while this one reads.
    pub fn stream(&self) -> io::Result<TcpStream> {
        self.stream.try_clone()
    }

    /// Reads until this many `f` lines have arrived. Returns how many messages came before them.
    pub fn take_answers(&mut self, answers: usize) -> io::Result<u64> {
        let (mut ends, mut messages) = (0, 0);
        self.take_lines(|line| {
            match line {
                b"f" => ends += 1,
                [b'@' | b'#', ..] => messages += 1,
                _ => {}
            }
            Ok(ends == answers)
        })?;
        Ok(messages)
    }

    /// Reads until this many messages and acknowledgements have arrived.
    pub fn take(&mut self, messages: u64, oks: u64) -> io::Result<Taken> {
        let mut taken = Taken::default();
        self.take_lines(|line| {
            match line {
                [b'#', told @ ..] => {
                    taken.messages += 1;
                    taken.last = number(told);
                }
                [b'o', b'k', ..] => taken.oks += 1,
                [b'n', b'o', ..] | [b'b', b'y', b'e', ..] => return Err(refused(line)),
                _ => {}
            }
            Ok(taken.messages >= messages && taken.oks >= oks)
        })?;
        Ok(taken)
    }

    /// Calls `see` for each line, without its line end, until it says that it is enough.
    pub fn take_lines(&mut self, mut see: impl FnMut(&[u8]) -> io::Result<bool>) -> io::Result<()> {
        loop {
            while let Some(length) = memchr::memchr(b'\n', &self.buffer[self.start..self.end]) {
                let line = &self.buffer[self.start..self.start + length];
                self.start += length + 1;
                if see(line)? {
                    return Ok(());
                }
            }
            self.read_more()?;
        }
    }

    /// Waits for a line and calls `see` for it and for all lines that arrived with it.
    pub fn take_together(&mut self, mut see: impl FnMut(&[u8])) -> io::Result<()> {
        let mut lines = 0;
        while lines == 0 {
            self.read_more()?;
            let bytes = &self.buffer[self.start..self.end];
            let whole = memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1);
            for line in bytes[..whole].split_inclusive(|&byte| byte == b'\n') {
                see(&line[..line.len() - 1]);
                lines += 1;
            }
            self.start += whole;
        }
        Ok(())
    }

    fn read_more(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end > self.buffer.len() / 2 && self.buffer.len() < MOST_BYTES {
            self.buffer.resize(2 * self.buffer.len(), 0);
        }
        match self.stream.read(&mut self.buffer[self.end..])? {
            0 => Err(io::Error::other("the server hung up")),
            count => {
                self.end += count;
                if self.end == self.buffer.len() && self.end < MOST_BYTES {
                    self.buffer.resize(2 * self.end, 0);
                }
                Ok(())
            }
        }
    }
}

/// This many equal classic lines to one user, as one block.
pub fn block(to: usize, bytes: usize, lines: usize) -> Vec<u8> {
    format!("@u{to} {}\n", "x".repeat(bytes))
        .repeat(lines)
        .into_bytes()
}

/// Live lines to one user, as one block. Every tag is used once.
pub struct TaggedBlock {
    bytes: Vec<u8>,
    line_bytes: usize,
    /// Where the digits of a tag are in its line.
    digits: Range<usize>,
}

/// The kind of tags that a client gives its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tags {
    /// The device's name and a rising number, like the app.
    Numbered,
    /// Any other tags.
    Other,
}

/// The first number. All numbers have the same number of digits.
const FIRST: u64 = 1_000_000_000;

impl TaggedBlock {
    /// This many lines with texts of this size.
    pub fn new(tags: Tags, to: usize, bytes: usize, lines: usize) -> Self {
        let prefix = match tags {
            Tags::Numbered => format!("{DEVICE}:"),
            Tags::Other => String::new(),
        };
        let text = "x".repeat(bytes);
        let line = |number| format!("#{prefix}{} @u{to} {text}\n", FIRST + number);
        let whole: String = (0..lines as u64).map(line).collect();
        let start = 1 + prefix.len();
        Self {
            line_bytes: whole.len() / lines,
            bytes: whole.into_bytes(),
            digits: start..start + FIRST.to_string().len(),
        }
    }

    /// The bytes of the block.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Moves the tags of all lines on to the next block's numbers.
    pub fn advance(&mut self) {
        let lines = (self.bytes.len() / self.line_bytes) as u64;
        for line in self.bytes.chunks_exact_mut(self.line_bytes) {
            let mut carry = lines;
            for digit in line[self.digits.clone()].iter_mut().rev() {
                if carry == 0 {
                    break;
                }
                carry += u64::from(*digit - b'0');
                *digit = b'0' + (carry % 10) as u8;
                carry /= 10;
            }
        }
    }
}

/// The number at the beginning of a text.
pub fn number(text: &[u8]) -> u64 {
    text.iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

fn refused(line: &[u8]) -> io::Error {
    io::Error::other(format!("refused: {}", String::from_utf8_lossy(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_never_has_the_same_tag_twice() {
        let mut block = TaggedBlock::new(Tags::Other, 7, 3, 2);
        assert_eq!(block.bytes(), b"#1000000000 @u7 xxx\n#1000000001 @u7 xxx\n");
        for _ in 0..52 {
            block.advance();
        }
        assert_eq!(block.bytes(), b"#1000000104 @u7 xxx\n#1000000105 @u7 xxx\n");
    }

    #[test]
    fn a_numbered_tag_begins_with_the_device_of_the_hello() {
        let mut block = TaggedBlock::new(Tags::Numbered, 7, 1, 1);
        block.advance();
        assert_eq!(block.bytes(), b"#bench:1000000001 @u7 x\n");
    }

    #[test]
    fn a_message_begins_with_its_number() {
        assert_eq!(number(b"8841;at=17 @bob hi"), 8841);
        assert_eq!(number(b""), 0);
    }
}
