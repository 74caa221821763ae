//! A client's socket, and its differences between systems.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{SockRef, TcpKeepalive};

/// Whether a socket on which reads wait also has writes that do not wait. Windows has none, and on Apple's systems
/// they wait all the same. There every socket is non-blocking, and whoever has to wait polls it.
const WRITES_AT_ONCE: bool = cfg!(all(unix, not(target_vendor = "apple")));

/// After this time whoever polls looks whether the connection was broken here: no system promises
/// that a poll notices it.
const GLANCE: Duration = Duration::from_secs(1);

/// The system's buffers for one client. Left alone, it lets them grow to several MiB for a client that
/// reads nothing, or that sends more than is read.
const SEND_BYTES: usize = 64 * 1024;
const RECEIVE_BYTES: usize = 128 * 1024;

/// A client's socket. One thread reads from it. Any thread may write, one at a time.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    dead_link: Duration,
    /// The stream is non-blocking.
    is_polled: bool,
    read_limit: Mutex<Option<Duration>>,
    /// It was broken here, or found to be broken, which the system says only once.
    is_gone: AtomicBool,
}

impl Socket {
    /// Sets up an accepted socket. A link that is dead for `dead_link` is given up, and so is a
    /// write that is stuck for that long.
    pub(super) fn new(stream: TcpStream, dead_link: Duration) -> io::Result<Self> {
        Self::with(stream, dead_link, WRITES_AT_ONCE)
    }

    fn with(stream: TcpStream, dead_link: Duration, writes_at_once: bool) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let socket = SockRef::from(&stream);
        socket.set_send_buffer_size(SEND_BYTES)?;
        socket.set_recv_buffer_size(RECEIVE_BYTES)?;
        notice_dead_links(&stream, dead_link)?;
        stream.set_write_timeout(Some(dead_link))?;
        stream.set_nonblocking(!writes_at_once)?;
        Ok(Self {
            stream,
            dead_link,
            is_polled: !writes_at_once,
            read_limit: Mutex::new(None),
            is_gone: AtomicBool::new(false),
        })
    }

    /// The address at which the client has reached this computer.
    pub(super) fn local_address(&self) -> io::Result<std::net::SocketAddr> {
        self.stream.local_addr()
    }

    /// Waits for bytes; 0 is the end of the client's input.
    pub(super) fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        if !self.is_polled {
            return (&self.stream).read(bytes);
        }
        let limit = *self.read_limit.lock();
        self.wait_and(PollFlags::IN, limit, || self.read_now(bytes))
    }

    /// Reads like [`Socket::read`], but waits no longer than `most`.
    pub(super) fn read_within(&self, bytes: &mut [u8], most: Duration) -> io::Result<usize> {
        let limit = *self.read_limit.lock();
        let limit = limit.map_or(most, |limit| limit.min(most));
        if self.is_polled {
            return self.wait_and(PollFlags::IN, Some(limit), || self.read_now(bytes));
        }
        self.wait(PollFlags::IN, Some(limit))?;
        (&self.stream).read(bytes)
    }

    /// Reads what is there. A connection that was broken has no end in order: whoever polls may have heard of it already, and
    /// some systems (Wine) tell of it by a poll alone.
    fn read_now(&self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = (&self.stream).read(bytes)?;
        if read == 0 && !bytes.is_empty() && (self.is_gone() || self.has_error()) {
            self.is_gone.store(true, Ordering::Release);
            return Err(ErrorKind::ConnectionReset.into());
        }
        Ok(read)
    }

    /// Whether a poll reports an error.
    fn has_error(&self) -> bool {
        let mut polled = [PollFd::new(&self.stream, PollFlags::IN)];
        let at_once = Timespec::default();
        poll(&mut polled, Some(&at_once)).is_ok() && polled[0].revents().contains(PollFlags::ERR)
    }

    /// Sets how long a read waits; `None`: for ever.
    pub(super) fn set_read_limit(&self, limit: Option<Duration>) -> io::Result<()> {
        *self.read_limit.lock() = limit;
        match self.is_polled {
            true => Ok(()),
            false => self.stream.set_read_timeout(limit),
        }
    }

    /// Writes everything, and waits for the client as long as that takes.
    pub(super) fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        match self.is_polled {
            true => self.write_all_with(bytes, |rest| self.write_now(rest)),
            false => (&self.stream).write_all(bytes),
        }
    }

    /// Writes everything by a function that writes what fits, and waits for the client as long as that takes.
    pub(super) fn write_all_with(
        &self,
        mut bytes: &[u8],
        write_now: impl Fn(&[u8]) -> io::Result<usize>,
    ) -> io::Result<()> {
        while !bytes.is_empty() {
            let limit = Some(self.dead_link);
            let written = self.wait_and(PollFlags::OUT, limit, || write_now(bytes))?;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    /// Writes what fits, and never waits; [`ErrorKind::WouldBlock`] if nothing fits.
    pub(super) fn write_now(&self, bytes: &[u8]) -> io::Result<usize> {
        let written = match self.is_polled {
            true => (&self.stream).write(bytes)?,
            false => self.write_at_once(bytes)?,
        };
        match written {
            0 if !bytes.is_empty() => Err(ErrorKind::WriteZero.into()),
            written => Ok(written),
        }
    }

    #[cfg(all(unix, not(target_vendor = "apple")))]
    fn write_at_once(&self, bytes: &[u8]) -> io::Result<usize> {
        SockRef::from(&self.stream).send_with_flags(bytes, libc::MSG_DONTWAIT)
    }

    /// All sockets are non-blocking here.
    #[cfg(not(all(unix, not(target_vendor = "apple"))))]
    fn write_at_once(&self, bytes: &[u8]) -> io::Result<usize> {
        (&self.stream).write(bytes)
    }

    /// Tries until it need not wait, for at most `limit`.
    fn wait_and(
        &self,
        ready: PollFlags,
        limit: Option<Duration>,
        mut attempt: impl FnMut() -> io::Result<usize>,
    ) -> io::Result<usize> {
        let begun = Instant::now();
        loop {
            match attempt() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                done => return done,
            }
            let left = limit.map(|limit| limit.saturating_sub(begun.elapsed()));
            self.wait(ready, left)?;
        }
    }

    /// Waits until it is ready, at most `limit`; [`ErrorKind::WouldBlock`] if it is not ready then.
    fn wait(&self, ready: PollFlags, limit: Option<Duration>) -> io::Result<()> {
        let begun = Instant::now();
        loop {
            if self.is_gone() {
                return Err(ErrorKind::ConnectionAborted.into());
            }
            let left = limit.map(|limit| limit.saturating_sub(begun.elapsed()));
            if left == Some(Duration::ZERO) {
                return Err(ErrorKind::WouldBlock.into());
            }
            let turn = left.unwrap_or(GLANCE).min(GLANCE);
            let turn = Timespec::try_from(turn).ok();
            match poll(&mut [PollFd::new(&self.stream, ready)], turn.as_ref()) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Closes the server's side. The client's input can still be read.
    pub(super) fn close_own_side(&self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    /// Breaks the connection. The reading thread notices it.
    pub(super) fn hang_up(&self) {
        self.is_gone.store(true, Ordering::Release);
        // If it is gone already, nothing is left to do.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Whether it was broken here, without asking the system.
    fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Acquire)
    }

    /// Whether the connection is known to be broken.
    pub(super) fn is_broken(&self) -> bool {
        if !matches!(self.stream.take_error(), Ok(None)) {
            self.is_gone.store(true, Ordering::Release);
        }
        self.is_gone()
    }
}

/// Whether the read time limit was reached. "Timed out" means a dead link that keepalive has found.
pub fn is_read_limit(error: &io::Error) -> bool {
    error.kind() == ErrorKind::WouldBlock
}

/// Makes the system notice within `limit` that the other end is gone.
fn notice_dead_links(stream: &TcpStream, limit: Duration) -> io::Result<()> {
    let socket = SockRef::from(stream);
    // The system counts in whole seconds.
    let half = (limit / 2).max(Duration::from_secs(1));
    let keepalive = TcpKeepalive::new()
        .with_time(half)
        .with_interval((half / 4).max(Duration::from_secs(1)));
    #[cfg(not(target_os = "windows"))]
    let keepalive = keepalive.with_retries(3);
    socket.set_tcp_keepalive(&keepalive)?;
    // Unacknowledged data is given up a little earlier, because the system takes its time to check.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(limit.mul_f64(0.9)))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    /// A socket as it is on this system, and as on those where a write may wait.
    fn both() -> [(Socket, TcpStream); 2] {
        [true, false].map(|writes_at_once| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (stream, _) = listener.accept().unwrap();
            let writes_at_once = writes_at_once && WRITES_AT_ONCE;
            let socket = Socket::with(stream, LONG, writes_at_once).unwrap();
            (socket, client)
        })
    }

    /// Fills the buffers between the two.
    fn fill(socket: &Socket) -> usize {
        let mut written = 0;
        loop {
            match socket.write_now(&[b'x'; 4096]) {
                Ok(count) => written += count,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    return written;
                }
            }
        }
    }

    #[test]
    fn a_write_does_not_wait_for_a_client_that_takes_nothing() {
        for (socket, _client) in both() {
            let begun = Instant::now();
            assert!(fill(&socket) > 0);
            assert!(begun.elapsed() < LONG / 2);
        }
    }

    #[test]
    fn a_read_waits_for_bytes_up_to_its_limit_or_the_end() {
        for (socket, mut client) in both() {
            socket
                .set_read_limit(Some(Duration::from_millis(10)))
                .unwrap();
            let mut bytes = [0; 8];
            assert!(is_read_limit(&socket.read(&mut bytes).unwrap_err()));
            let shorter = socket.read_within(&mut bytes, Duration::from_millis(1));
            assert!(is_read_limit(&shorter.unwrap_err()));
            socket.set_read_limit(None).unwrap();
            thread::scope(|scope| {
                let read = scope.spawn(|| {
                    let mut bytes = [0; 8];
                    socket.read(&mut bytes).map(|count| bytes[..count].to_vec())
                });
                client.write_all(b"ana\n").unwrap();
                assert_eq!(read.join().unwrap().unwrap(), b"ana\n");
            });
            client.write_all(b"bob\n").unwrap();
            assert_eq!(socket.read_within(&mut bytes, LONG).unwrap(), 4);
            drop(client);
            assert_eq!(socket.read(&mut bytes).unwrap(), 0);
        }
    }

    #[test]
    fn a_long_write_waits_until_the_client_has_taken_everything() {
        for (socket, mut client) in both() {
            let filled = fill(&socket);
            let more = vec![b'y'; 1 << 20];
            thread::scope(|scope| {
                let written = scope.spawn(|| socket.write_all(&more));
                let mut taken = vec![0; filled + more.len()];
                client.read_exact(&mut taken).unwrap();
                written.join().unwrap().unwrap();
                assert!(taken[filled..].iter().all(|&byte| byte == b'y'));
            });
        }
    }

    #[test]
    fn a_hang_up_ends_a_read_and_a_write_that_wait() {
        for (socket, _client) in both() {
            fill(&socket);
            let begun = Instant::now();
            thread::scope(|scope| {
                let read = scope.spawn(|| socket.read(&mut [0; 8]));
                let written = scope.spawn(|| socket.write_all(&[b'y'; 1 << 20]));
                socket.hang_up();
                assert!(matches!(read.join().unwrap(), Ok(0) | Err(_)));
                written.join().unwrap().unwrap_err();
            });
            assert!(begun.elapsed() < LONG / 2);
        }
    }
}
