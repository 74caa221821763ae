//! A connection to the server that sends and receives lines.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

use rustls::{ClientConnection, StreamOwned};
use socket2::{Domain, SockRef, Socket, Type};

use crate::program::PATIENCE;

/// One connection. If it is dropped without [`Wire::close`] it is reset, as happens when a program
/// is killed.
pub struct Wire {
    stream: Stream,
    buffer: Vec<u8>,
    start: usize,
    /// Steps until the connection is reset in the middle of something; see [`Wire::break_after`].
    steps_left: Option<usize>,
}

/// What carries the lines.
enum Stream {
    Plain(TcpStream),
    Encrypted(Box<Encrypted>),
}

/// A connection inside TLS.
pub type Encrypted = StreamOwned<ClientConnection, TcpStream>;

impl Wire {
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        Self::over(TcpStream::connect(address)?)
    }

    /// Connects from another address of this machine.
    pub fn connect_from(source: [u8; 4], address: SocketAddr) -> io::Result<Self> {
        Self::over(connect_from(source, address)?)
    }

    fn over(stream: TcpStream) -> io::Result<Self> {
        prepare(&stream)?;
        Ok(Self::new(Stream::Plain(stream)))
    }

    /// Lines inside TLS.
    pub fn encrypted(stream: Encrypted) -> Self {
        Self::new(Stream::Encrypted(Box::new(stream)))
    }

    fn new(stream: Stream) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
            start: 0,
            steps_left: None,
        }
    }

    /// Resets the connection after that many reads and writes. A write is then cut in the middle.
    pub fn break_after(&mut self, steps: Option<usize>) {
        self.steps_left = steps;
    }

    pub fn stream(&self) -> &TcpStream {
        match &self.stream {
            Stream::Plain(stream) => stream,
            Stream::Encrypted(stream) => &stream.sock,
        }
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.is_last_step() {
            self.stream.write_all(&bytes[..bytes.len() / 2])?;
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        self.stream.write_all(bytes)
    }

    /// The next line, without its line end.
    pub fn line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            let unread = &self.buffer[self.start..];
            if let Some(end) = unread.iter().position(|&byte| byte == b'\n') {
                let line = unread[..end].to_vec();
                self.start += end + 1;
                return Ok(line);
            }
            self.read_more()?;
        }
    }

    /// Closes in order: reads what the server still sends, up to its end.
    pub fn close(mut self) -> io::Result<()> {
        SockRef::from(self.stream()).set_linger(None)?;
        if let Stream::Encrypted(stream) = &mut self.stream {
            stream.conn.send_close_notify();
            stream.flush()?;
        }
        self.stream().shutdown(Shutdown::Write)?;
        while self.read_more().is_ok() {
            self.start = self.buffer.len();
        }
        Ok(())
    }

    fn read_more(&mut self) -> io::Result<()> {
        if self.is_last_step() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        let mut bytes = [0; 16 * 1024];
        match self.stream.read(&mut bytes)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.buffer.extend_from_slice(&bytes[..count]);
                Ok(())
            }
        }
    }

    fn is_last_step(&mut self) -> bool {
        match &mut self.steps_left {
            None => false,
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
        }
    }
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(bytes),
            Self::Encrypted(stream) => stream.read(bytes),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Encrypted(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Encrypted(stream) => stream.flush(),
        }
    }
}

/// Connects from another address of this machine.
pub fn connect_from(source: [u8; 4], address: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((source, 0)).into())?;
    socket.connect(&address.into())?;
    Ok(socket.into())
}

/// Sets time limits, and that dropping it resets the connection.
pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    SockRef::from(stream).set_linger(Some(Duration::ZERO))
}

/// Whether a read ended because nothing arrived in time.
pub fn is_time_limit(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
