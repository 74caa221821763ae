//! Accepts connections (rule S4).

use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tracing::{debug, warn};

use crate::alarm::Alarm;

/// How long to wait before accepting again when the system has no descriptor or memory left.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How often refused connections are logged, at most.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// The thread that accepts connections.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    closing: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Listener {
    /// Starts accepting, in a thread that rings the alarm if it panics. `admit` gets each
    /// connection, or says why it is refused.
    ///
    /// # Errors
    /// When the system has no thread left, or the socket is gone.
    pub fn start(
        socket: TcpListener,
        admit: impl Fn(TcpStream, SocketAddr) -> anyhow::Result<()> + Send + 'static,
        alarm: &Alarm,
    ) -> io::Result<Self> {
        let address = socket.local_addr()?;
        let closing = Arc::new(AtomicBool::new(false));
        let stop = closing.clone();
        let alarm = alarm.clone();
        let thread = thread::Builder::new()
            .name("listener".into())
            .spawn(move || {
                let _ = alarm.guard(|| accept_all(&socket, &admit, &stop));
            })?;
        Ok(Self {
            address,
            closing,
            thread,
        })
    }

    /// The address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting.
    pub fn close(self) {
        self.closing.store(true, Ordering::SeqCst);
        if wake(self.address) {
            let _ = self.thread.join();
        }
    }
}

/// Wakes a thread that waits in `accept`, by connecting to it. If that fails, the thread ends with
/// the process, and this returns false.
pub(crate) fn wake(mut listening: SocketAddr) -> bool {
    if listening.ip().is_unspecified() {
        listening.set_ip(match listening {
            SocketAddr::V4(_) => [127, 0, 0, 1].into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    TcpStream::connect_timeout(&listening, Duration::from_millis(500)).is_ok()
}

fn accept_all(
    socket: &TcpListener,
    admit: &impl Fn(TcpStream, SocketAddr) -> anyhow::Result<()>,
    closing: &AtomicBool,
) {
    let mut pause = SHORTEST_PAUSE;
    let mut turned_away = Report::default();
    loop {
        let accepted = socket.accept();
        if closing.load(Ordering::SeqCst) {
            return;
        }
        match accepted {
            Ok((stream, peer)) => {
                pause = SHORTEST_PAUSE;
                if let Err(reason) = admit(stream, peer) {
                    turned_away.add(&format!("{peer} turned away: {reason}"));
                }
            }
            Err(error) if is_passing(&error) => debug!("a connection broke at once: {error}"),
            Err(error) => {
                turned_away.add(&format!("no connection can be accepted: {error}"));
                thread::sleep(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// Whether the connection is at fault, not the system.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, WouldBlock};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted | WouldBlock
    )
}

/// Logs a repeated problem without flooding the log.
#[derive(Default)]
struct Report {
    last: Option<Instant>,
    untold: usize,
}

impl Report {
    fn add(&mut self, what: &str) {
        if self.last.is_some_and(|last| last.elapsed() < REPORT_EVERY) {
            self.untold += 1;
            return;
        }
        match std::mem::take(&mut self.untold) {
            0 => warn!("{what}"),
            more => warn!("{what} (and {more} more since the last line)"),
        }
        self.last = Some(Instant::now());
    }
}
