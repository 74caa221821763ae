//! The two threads of a connection, one for reading and one for writing. They decide nothing, and
//! sleep while nothing happens.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs},
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, bounded};
use socket2::{SockRef, TcpKeepalive};
use url::Host;

use super::address::ServerAddress;
use crate::engine::LinkProblem;

/// The time to connect to one address.
const CONNECT: Duration = Duration::from_secs(10);
/// The most addresses of a host that are tried.
const ADDRESSES: usize = 8;
/// How long a write may block before the connection counts as broken.
const WRITE: Duration = Duration::from_secs(20);
/// The most bytes of one `read`.
const CHUNK: usize = 16 * 1024;
/// The most writes under way. What a live session writes in one turn is one write, of at most 64
/// messages.
const JOBS: usize = 64;
/// A silent link is probed after 15 s, then every 5 s. It is dead after the third probe without an
/// answer.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(15), Duration::from_secs(5), 3);
/// How long sent bytes may stay unacknowledged by the other system until the link counts as dead.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
const UNACKNOWLEDGED: Duration = Duration::from_secs(20);

/// An event of a connection, as its threads report it.
#[derive(Debug)]
pub struct NetEvent {
    /// The number given to [`Connection::open`]; it identifies late events of an earlier
    /// connection.
    pub connection: u64,
    /// When it happened.
    pub at: Instant,
    /// What.
    pub input: NetInput,
}

/// What happened to a connection.
#[derive(Debug)]
pub enum NetInput {
    /// It was made.
    Connected(Stream),
    /// Connecting failed.
    ConnectFailed(LinkProblem),
    /// One `read` brought these bytes.
    Bytes(Vec<u8>),
    /// The server closed its side in order.
    Closed,
    /// The server cut it.
    Reset,
    /// It broke.
    Broken(LinkProblem),
    /// A write failed after so many bytes.
    WriteFailed {
        /// The number of bytes that may have been sent.
        written: usize,
    },
}

/// One connection, from the first attempt to its end.
///
/// Dropping it cuts the connection: until our side has been ended by
/// [`Connection::finish_writing`], the server sees a reset, never an end in order. So does the
/// operating system when the app is killed. A server that counts messages as read when a client
/// ends in order thus never does so for messages that are not on our disk yet.
#[derive(Debug)]
pub struct Connection {
    number: u64,
    news: Sender<NetEvent>,
    up: Option<Up>,
}

#[derive(Debug)]
struct Up {
    /// Dropping it wakes the reading thread.
    stream: Stream,
    jobs: Sender<Job>,
}

#[derive(Debug)]
enum Job {
    Write(Vec<u8>),
    Finish,
}

impl Connection {
    /// Starts to connect in the background. Ends by itself, even if dropped, within 10 s for each
    /// of at most 8 addresses after the name lookup.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn open(server: String, number: u64, news: Sender<NetEvent>) -> io::Result<Self> {
        let reader = Reader {
            number,
            news: news.clone(),
        };
        thread::Builder::new()
            .name("mensageiro-read".into())
            .spawn(move || reader.run(&server))?;
        Ok(Self {
            number,
            news,
            up: None,
        })
    }

    /// Takes the stream of [`NetInput::Connected`].
    ///
    /// # Errors
    /// The system gives no more threads or handles.
    pub fn connected(&mut self, stream: Stream) -> io::Result<()> {
        let (jobs, todo) = bounded(JOBS);
        let (writer, number, news) = (stream.0.try_clone()?, self.number, self.news.clone());
        thread::Builder::new()
            .name("mensageiro-write".into())
            .spawn(move || write_all_jobs(&writer, &todo, number, &news))?;
        self.up = Some(Up { stream, jobs });
        Ok(())
    }

    /// Its number.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Writes in the background; a failure is reported as [`NetInput::WriteFailed`]. Never waits:
    /// `false` if too many writes are under way, and then nothing is written.
    pub fn write(&self, bytes: Vec<u8>) -> bool {
        self.give(Job::Write(bytes))
    }

    /// Closes our direction after the pending writes.
    pub fn finish_writing(&self) {
        self.give(Job::Finish);
    }

    /// Drops the connection with an orderly end: a program that waits for the next line understands
    /// it, and one that cannot handle resets survives it.
    pub fn leave(self) {
        if let Some(up) = &self.up {
            // The system's own way of closing, in the background.
            let _ = SockRef::from(&up.stream.0).set_linger(None);
            let _ = up.jobs.try_send(Job::Finish);
        }
    }

    fn give(&self, job: Job) -> bool {
        let given = self
            .up
            .as_ref()
            .is_some_and(|up| up.jobs.try_send(job).is_ok());
        if !given {
            tracing::warn!(connection = self.number, "nothing can be written any more");
        }
        given
    }
}

/// The worker's handle of the stream. Dropping it ends the reading thread; the last handle to go,
/// its own or the writing thread's, sends the reset.
#[derive(Debug)]
pub struct Stream(TcpStream);

impl Drop for Stream {
    fn drop(&mut self) {
        let _ = self.0.shutdown(Shutdown::Read);
    }
}

struct Reader {
    number: u64,
    news: Sender<NetEvent>,
}

impl Reader {
    fn run(self, server: &str) {
        let connected = connect(server).and_then(|stream| {
            let ours = stream
                .try_clone()
                .map_err(|error| LinkProblem::from(&error))?;
            Ok((Stream(stream), ours))
        });
        let (stream, mut ours) = match connected {
            Ok(both) => both,
            Err(problem) => {
                self.tell(NetInput::ConnectFailed(problem));
                return;
            }
        };
        if !self.tell(NetInput::Connected(stream)) {
            return;
        }
        let mut buffer = vec![0; CHUNK];
        loop {
            let input = match ours.read(&mut buffer) {
                Ok(0) => NetInput::Closed,
                Ok(count) => NetInput::Bytes(buffer[..count].to_vec()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => match error.kind() {
                    ErrorKind::ConnectionReset
                    | ErrorKind::ConnectionAborted
                    | ErrorKind::BrokenPipe => NetInput::Reset,
                    _ => NetInput::Broken(LinkProblem::from(&error)),
                },
            };
            let goes_on = matches!(input, NetInput::Bytes(_));
            if !self.tell(input) || !goes_on {
                return;
            }
        }
    }

    /// Sends an event to the worker; `false`: it is gone. Waits while too much is unread.
    fn tell(&self, input: NetInput) -> bool {
        let event = NetEvent {
            connection: self.number,
            at: Instant::now(),
            input,
        };
        self.news.send(event).is_ok()
    }
}

fn connect(server: &str) -> Result<TcpStream, LinkProblem> {
    let server = ServerAddress::parse(server).map_err(|_| LinkProblem::BadAddress)?;
    let addresses: Vec<SocketAddr> = look_up(&server)
        .map_err(|error| {
            tracing::info!(%server, %error, "the name cannot be looked up");
            LinkProblem::UnknownHost
        })?
        .take(ADDRESSES)
        .collect();
    let mut last = LinkProblem::UnknownHost;
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT).and_then(prepare) {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                tracing::info!(%address, %error, "no connection");
                last = LinkProblem::from(&error);
            }
        }
    }
    Err(last)
}

/// A name with letters outside ASCII is looked up as it is, which finds a computer of the local
/// network, and then in its ASCII form.
fn look_up(server: &ServerAddress) -> io::Result<std::vec::IntoIter<SocketAddr>> {
    let host = server.host.as_str();
    let found = (host, server.port).to_socket_addrs();
    match Host::parse(host) {
        Ok(Host::Domain(name)) if found.is_err() && name != host => {
            (name.as_str(), server.port).to_socket_addrs()
        }
        _ => found,
    }
}

fn prepare(stream: TcpStream) -> io::Result<TcpStream> {
    let (time, interval, retries) = KEEPALIVE;
    let keepalive = TcpKeepalive::new().with_time(time).with_interval(interval);
    #[cfg(not(target_os = "openbsd"))]
    let keepalive = keepalive.with_retries(retries);
    let socket = SockRef::from(&stream);
    socket.set_tcp_keepalive(&keepalive)?;
    // Keepalive is for an idle link; this is for one with unacknowledged bytes.
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
    // See `Connection`: whoever closes without an end in order, closes with a reset.
    socket.set_linger(Some(Duration::ZERO))?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(WRITE))?;
    Ok(stream)
}

impl From<&io::Error> for LinkProblem {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::NobodyListens,
            ErrorKind::TimedOut | ErrorKind::WouldBlock => Self::TimedOut,
            ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
                Self::Broken
            }
            ErrorKind::NetworkUnreachable
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkDown
            | ErrorKind::AddrNotAvailable => Self::Unreachable,
            ErrorKind::PermissionDenied => Self::NotAllowed,
            _ => Self::Other(error.to_string()),
        }
    }
}

fn write_all_jobs(
    mut stream: &TcpStream,
    todo: &Receiver<Job>,
    connection: u64,
    news: &Sender<NetEvent>,
) {
    for job in todo {
        let done = match job {
            Job::Write(bytes) => write_counted(&mut stream, &bytes),
            // If closing fails, the link is broken, and the reading side reports it.
            Job::Finish => {
                let _ = stream.shutdown(Shutdown::Write);
                Ok(())
            }
        };
        if let Err(written) = done {
            let _ = news.send(NetEvent {
                connection,
                at: Instant::now(),
                input: NetInput::WriteFailed { written },
            });
            return;
        }
    }
}

/// `Err`: how many bytes were written before it failed.
fn write_counted(stream: &mut impl Write, bytes: &[u8]) -> Result<(), usize> {
    let mut written = 0;
    while written < bytes.len() {
        match stream.write(&bytes[written..]) {
            Ok(0) => return Err(written),
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                tracing::info!(%error, written, "a write failed");
                return Err(written);
            }
        }
    }
    Ok(())
}
