//! A classic client that counts.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
};

/// One logged-in user.
pub struct Client {
    stream: TcpStream,
    lines: BufReader<TcpStream>,
    line: Vec<u8>,
}

impl Client {
    /// Connects and says the login; the answer is still to be taken.
    pub fn connect(address: SocketAddr, user: usize) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.write_all(format!("u{user}\n").as_bytes())?;
        let lines = BufReader::new(stream.try_clone()?);
        Ok(Self {
            stream,
            lines,
            line: Vec::new(),
        })
    }

    pub fn log_in(address: SocketAddr, user: usize) -> io::Result<Self> {
        let mut client = Self::connect(address, user)?;
        client.take_answers(1)?;
        Ok(client)
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Takes so many answers; returns how many messages were in them.
    pub fn take_answers(&mut self, answers: usize) -> io::Result<u64> {
        let (mut ends, mut messages) = (0, 0);
        while ends < answers {
            self.line.clear();
            if self.lines.read_until(b'\n', &mut self.line)? == 0 {
                return Err(io::Error::other("the server hung up"));
            }
            if self.line == b"f\n" {
                ends += 1;
            } else {
                messages += 1;
            }
        }
        Ok(messages)
    }
}

/// So many equal lines to one user, as one block.
pub fn block(to: usize, bytes: usize, lines: usize) -> Vec<u8> {
    format!("@u{to} {}\n", "x".repeat(bytes))
        .repeat(lines)
        .into_bytes()
}
