//! What a socket needs of the system, and what is different on each.

use std::{
    io::{self, ErrorKind},
    net::TcpStream,
    time::Duration,
};

use socket2::{SockRef, TcpKeepalive};

/// Whether [`write_now`] never waits. Windows has no such write, and what Apple's systems have waits all
/// the same.
pub const CAN_WRITE_AT_ONCE: bool = cfg!(all(unix, not(target_vendor = "apple")));

/// Writes what fits without waiting.
///
/// # Errors
/// What the system says; that nothing fits is [`ErrorKind::WouldBlock`].
#[cfg(all(unix, not(target_vendor = "apple")))]
pub fn write_now(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    SockRef::from(stream).send_with_flags(bytes, libc::MSG_DONTWAIT)
}

/// Without such a flag, a write that waits as long as the socket's write time limit says.
///
/// # Errors
/// What the system says.
#[cfg(not(all(unix, not(target_vendor = "apple"))))]
pub fn write_now(mut stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    io::Write::write(&mut stream, bytes)
}

/// Whether the read time limit was reached. A dead link that keepalive found also says "timed
/// out" where that is not how the limit is told.
pub(super) fn is_read_limit(error: &io::Error) -> bool {
    let windows = cfg!(target_os = "windows") && error.kind() == ErrorKind::TimedOut;
    windows || error.kind() == ErrorKind::WouldBlock
}

/// Lets the system find out within `limit` that the other end is gone.
pub(super) fn notice_dead_links(stream: &TcpStream, limit: Duration) -> io::Result<()> {
    let socket = SockRef::from(stream);
    // The system counts whole seconds.
    let half = (limit / 2).max(Duration::from_secs(1));
    let keepalive = TcpKeepalive::new()
        .with_time(half)
        .with_interval((half / 4).max(Duration::from_secs(1)));
    #[cfg(not(target_os = "windows"))]
    let keepalive = keepalive.with_retries(3);
    socket.set_tcp_keepalive(&keepalive)?;
    // What is on its way and not confirmed is given up a little earlier, as the system takes its
    // time to look.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(limit.mul_f64(0.9)))?;
    Ok(())
}
