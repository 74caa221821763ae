//! A client's socket, and its differences between systems. All other modules only exchange bytes
//! with it.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

use socket2::{SockRef, TcpKeepalive};

/// Whether [`Transport::write_now`] never waits. Windows has no such write, and on Apple's systems
/// it waits all the same.
pub const CAN_WRITE_AT_ONCE: bool = cfg!(all(unix, not(target_vendor = "apple")));

/// How long a [`Transport::write_now`] may wait on such systems.
const LONGEST_WRITE: Duration = Duration::from_millis(100);

/// A client's connection. One thread reads from it. Any thread may write, one at a time.
#[derive(Debug)]
pub struct Transport {
    stream: TcpStream,
    peer: SocketAddr,
}

impl Transport {
    /// Sets up an accepted socket. A link that is dead for `dead_link` is given up, and so is a
    /// write that is stuck for that long.
    ///
    /// # Errors
    /// When the socket is gone already.
    pub fn new(stream: TcpStream, peer: SocketAddr, dead_link: Duration) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(dead_link))?;
        notice_dead_links(&stream, dead_link)?;
        Ok(Self { stream, peer })
    }

    /// The client's address.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Waits for bytes; 0 is the end of the client's input.
    ///
    /// # Errors
    /// The system's error. [`is_read_limit`] tells whether it was the time limit.
    pub fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        (&self.stream).read(bytes)
    }

    /// Sets how long a read waits; `None`: for ever.
    ///
    /// # Errors
    /// When the socket is gone.
    pub fn set_read_limit(&self, limit: Option<Duration>) -> io::Result<()> {
        self.stream.set_read_timeout(limit)
    }

    /// Writes everything, and waits for the client as long as that takes.
    ///
    /// # Errors
    /// When the connection breaks, or the client takes nothing for too long.
    pub fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.stream).write_all(bytes)
    }

    /// Writes what fits without waiting. On systems without such a write, it waits for a moment
    /// ([`Transport::prepare`]).
    ///
    /// # Errors
    /// The system's error; [`ErrorKind::WouldBlock`] if nothing fits.
    pub fn write_now(&self, bytes: &[u8]) -> io::Result<usize> {
        #[cfg(all(unix, not(target_vendor = "apple")))]
        return SockRef::from(&self.stream).send_with_flags(bytes, libc::MSG_DONTWAIT);
        #[cfg(not(all(unix, not(target_vendor = "apple"))))]
        (&self.stream).write(bytes)
    }

    /// Prepares [`Transport::write_now`] for a client for which at most `most` bytes ever wait.
    /// Where a write may wait, the system's buffer takes that much at once, so a client for which a
    /// write does wait is far behind.
    ///
    /// # Errors
    /// When the socket is gone.
    pub fn prepare(&self, most: usize) -> io::Result<()> {
        if CAN_WRITE_AT_ONCE {
            return Ok(());
        }
        SockRef::from(&self.stream).set_send_buffer_size(most)?;
        self.stream.set_write_timeout(Some(LONGEST_WRITE))
    }

    /// Makes reads and writes return at once, for the last lines of a session.
    pub fn stop_waiting(&self) {
        if !CAN_WRITE_AT_ONCE {
            // If the socket is gone, the write reports it.
            let _ = self.stream.set_nonblocking(true);
        }
    }

    /// Closes the server's side. The client's input can still be read.
    ///
    /// # Errors
    /// When the socket is gone.
    pub fn close_own_side(&self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    /// Breaks the connection. The reading thread notices it.
    pub fn hang_up(&self) {
        // If it is gone already, nothing is left to do.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Whether the connection is known to be broken.
    pub fn is_broken(&self) -> bool {
        !matches!(self.stream.take_error(), Ok(None))
    }
}

/// Whether the read time limit was reached. Where the system reports the limit in another way,
/// "timed out" means a dead link that keepalive has found.
pub fn is_read_limit(error: &io::Error) -> bool {
    let windows = cfg!(target_os = "windows") && error.kind() == ErrorKind::TimedOut;
    windows || error.kind() == ErrorKind::WouldBlock
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
