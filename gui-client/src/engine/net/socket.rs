//! The two threads of a connection, one for reading and one for writing. They decide nothing, and
//! sleep while nothing happens.

use std::{
    io::{self, ErrorKind, Read},
    net::{Shutdown, TcpStream},
    sync::Arc,
    thread,
    time::Instant,
};

use crossbeam_channel::{Receiver, Sender, bounded};
use socket2::SockRef;

use super::{
    dial::{Call, Dialed, Dialer, NotDialed},
    io::Channel,
    tls::Outlet,
};
use crate::engine::{Distrust, LinkProblem};

/// The most bytes of one `read`.
const CHUNK: usize = 16 * 1024;
/// The most writes under way. What a live session writes in one turn is one write, of at most 64
/// messages.
const JOBS: usize = 64;
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
    Connected(Stream, Channel),
    /// Connecting failed.
    ConnectFailed(LinkProblem),
    /// The server is not trusted. Nothing was said to it.
    Distrusted(Distrust),
    /// One `read` brought these bytes.
    Bytes(Vec<u8>),
    /// The server closed its side in order.
    Closed,
    /// The server, or somebody on the way, cut it.
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
    tcp: Handle,
    jobs: Sender<Job>,
}

#[derive(Debug)]
enum Job {
    Write(Vec<u8>),
    Finish,
}

impl Connection {
    /// Starts to connect in the background. Ends by itself, even if dropped, in the time that a [`Dialer`] may take.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn open(
        dialer: Arc<Dialer>,
        call: Call,
        number: u64,
        news: Sender<NetEvent>,
    ) -> io::Result<Self> {
        let reader = Reader {
            number,
            news: news.clone(),
        };
        thread::Builder::new()
            .name("mensageiro-read".into())
            .spawn(move || reader.run(&dialer, call))?;
        Ok(Self {
            number,
            news,
            up: None,
        })
    }

    /// Takes the stream of [`NetInput::Connected`].
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn connected(&mut self, Stream { tcp, outlet }: Stream) -> io::Result<()> {
        let (jobs, todo) = bounded(JOBS);
        let (number, news) = (self.number, self.news.clone());
        thread::Builder::new()
            .name("mensageiro-write".into())
            .spawn(move || write_all_jobs(outlet, &todo, number, &news))?;
        self.up = Some(Up { tcp, jobs });
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
            let _ = SockRef::from(&up.tcp.0).set_linger(None);
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

/// A connection that was made, for [`Connection::connected`].
#[derive(Debug)]
pub struct Stream {
    tcp: Handle,
    outlet: Outlet,
}

/// The worker's handle of the socket. Dropping it ends the reading thread; the last handle to go, its own or the writing
/// thread's, sends the reset.
#[derive(Debug)]
struct Handle(TcpStream);

impl Drop for Handle {
    fn drop(&mut self) {
        let _ = self.0.shutdown(Shutdown::Read);
    }
}

struct Reader {
    number: u64,
    news: Sender<NetEvent>,
}

impl Reader {
    fn run(self, dialer: &Dialer, call: Call) {
        let Dialed {
            tcp,
            mut incoming,
            outlet,
            channel,
        } = match dialer.dial(call) {
            Ok(dialed) => dialed,
            Err(failed) => {
                self.tell(match failed {
                    NotDialed::Problem(problem) => NetInput::ConnectFailed(problem),
                    NotDialed::Distrust(distrust) => NetInput::Distrusted(distrust),
                });
                return;
            }
        };
        let tcp = Handle(tcp);
        if !self.tell(NetInput::Connected(Stream { tcp, outlet }, channel)) {
            return;
        }
        let mut buffer = vec![0; CHUNK];
        loop {
            let input = match incoming.read(&mut buffer) {
                Ok(0) => NetInput::Closed,
                Ok(count) => NetInput::Bytes(buffer[..count].to_vec()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => match error.kind() {
                    ErrorKind::ConnectionReset
                    | ErrorKind::ConnectionAborted
                    | ErrorKind::BrokenPipe
                    | ErrorKind::UnexpectedEof => NetInput::Reset,
                    ErrorKind::InvalidData => {
                        tracing::warn!(%error, "what came is not as the server has sent it");
                        NetInput::Reset
                    }
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
    mut outlet: Outlet,
    todo: &Receiver<Job>,
    connection: u64,
    news: &Sender<NetEvent>,
) {
    for job in todo {
        let done = match job {
            Job::Write(bytes) => outlet.write(&bytes),
            Job::Finish => {
                outlet.finish();
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
