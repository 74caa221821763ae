//! Connections of people who have nothing good in mind.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use socket2::{Domain, SockRef, Socket, Type};

use super::arena::Attack;

/// Until somebody who was hung up on comes back.
const AGAIN: Duration = Duration::from_millis(20);

/// Until all connections are tried again when none took anything.
const TURN: Duration = Duration::from_millis(1);

/// Bytes that are read or written at a time.
const CHUNK: usize = 64 * 1024;

/// One connection that never waits.
pub struct Foe {
    stream: TcpStream,
    /// How much of the bytes in hand is written.
    at: usize,
}

/// What many connections did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Score {
    pub sent: u64,
    pub read: u64,
    /// How often they connected.
    pub connections: usize,
    /// How often they were hung up on.
    pub hang_ups: usize,
}

/// What many connections do until the attack is over.
pub struct Swarm<'a> {
    pub count: usize,
    /// The first line of each one, by its number.
    pub hello: &'a (dyn Fn(usize) -> String + Sync),
    /// What each one sends again and again, by its number; empty: nothing.
    pub lines: &'a (dyn Fn(usize) -> String + Sync),
    /// Whether they read what they get.
    pub reads: bool,
    /// Whether they come back after they were hung up on.
    pub returns: bool,
}

/// An address for each number, 200 in all.
pub fn address(number: usize) -> [u8; 4] {
    [127, 0, 1, (number % 200) as u8 + 1]
}

impl Foe {
    /// Connects, and sends a first line.
    pub fn connect(source: [u8; 4], server: SocketAddr, hello: &str) -> io::Result<Self> {
        Self::with_buffer(source, server, hello, None)
    }

    /// The same with a small buffer for what it gets.
    pub fn with_buffer(
        source: [u8; 4],
        server: SocketAddr,
        hello: &str,
        buffer: Option<usize>,
    ) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        if let Some(bytes) = buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::from((source, 0)).into())?;
        socket.connect_timeout(&server.into(), Duration::from_secs(5))?;
        let mut stream: TcpStream = socket.into();
        stream.set_nodelay(true)?;
        // It just goes.
        SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        stream.write_all(hello.as_bytes())?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, at: 0 })
    }

    /// Sends as much of some bytes as is taken at once, again and again from their beginning.
    pub fn push(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        match self.stream.write(&bytes[self.at..]) {
            Ok(0) => Err(ErrorKind::WriteZero.into()),
            Ok(count) => {
                self.at = (self.at + count) % bytes.len();
                Ok(count)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Sends the next byte of a line that is repeated.
    pub fn push_one(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.stream.write(&line[self.at..=self.at]) {
            Ok(count) => {
                self.at = (self.at + count) % line.len();
                Ok(count)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Reads what is there, up to some bytes, and forgets it.
    pub fn pull(&mut self, most: usize) -> io::Result<usize> {
        let mut bytes = [0; CHUNK];
        match self.stream.read(&mut bytes[..most.min(CHUNK)]) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => Ok(count),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error),
        }
    }

    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Whether the server has not hung up, as far as one can see without reading on.
    pub fn is_open(&self) -> bool {
        match self.stream.peek(&mut [0]) {
            Ok(count) => count > 0,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        }
    }
}

impl Swarm<'_> {
    /// Goes on until the end, and leaves.
    pub fn attack(&self, attack: Attack) -> Score {
        let mut score = Score::default();
        let mut foes: Vec<Option<Foe>> = Vec::new();
        foes.resize_with(self.count, || None);
        let mut next = vec![Some(Instant::now()); self.count];
        let lines: Vec<_> = (0..self.count)
            .map(|n| (self.lines)(n).into_bytes())
            .collect();
        while Instant::now() < attack.end {
            let mut is_idle = true;
            for (number, foe) in foes.iter_mut().enumerate() {
                let Some(one) = foe else {
                    if next[number].is_some_and(|at| at <= Instant::now()) {
                        is_idle = false;
                        *foe = self.join(number, attack, &mut score);
                        next[number] = self.returns.then(|| Instant::now() + AGAIN);
                    }
                    continue;
                };
                match self.turn(one, &lines[number], &mut score) {
                    Ok(done) => is_idle &= done == 0,
                    Err(_) => {
                        score.hang_ups += 1;
                        *foe = None;
                    }
                }
            }
            if is_idle {
                thread::sleep(TURN);
            }
        }
        score
    }

    fn join(&self, number: usize, attack: Attack, score: &mut Score) -> Option<Foe> {
        score.connections += 1;
        let foe = Foe::connect(address(number), attack.server, &(self.hello)(number));
        foe.inspect_err(|_| score.hang_ups += 1).ok()
    }

    fn turn(&self, foe: &mut Foe, lines: &[u8], score: &mut Score) -> io::Result<usize> {
        let sent = foe.push(lines)?;
        score.sent += sent as u64;
        let read = match self.reads {
            true => foe.pull(CHUNK)?,
            false => 0,
        };
        score.read += read as u64;
        Ok(sent + read)
    }
}

impl Score {
    pub fn mib_sent(&self) -> f64 {
        self.sent as f64 / 1024.0 / 1024.0
    }

    pub fn mib_read(&self) -> f64 {
        self.read as f64 / 1024.0 / 1024.0
    }
}
