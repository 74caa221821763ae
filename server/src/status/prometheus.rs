//! The status as Prometheus reads it, on an address of its own. A reader of a few lines serves:
//! a web server would be larger than the program it watches.

use std::{
    fmt::Write as _,
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use tracing::debug;

use super::{Latencies, Observer, Status};
use crate::listener::wake;

/// How long one reader may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How much of a request is read.
const REQUEST_BYTES: u64 = 8 * 1024;

/// Answers `GET /metrics`, one reader after the other.
#[derive(Debug)]
pub struct Exposition {
    address: SocketAddr,
    closing: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Exposition {
    /// Starts answering on this socket.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(socket: TcpListener, observer: Observer) -> io::Result<Self> {
        let address = socket.local_addr()?;
        let closing = Arc::new(AtomicBool::new(false));
        let stop = closing.clone();
        let thread = thread::Builder::new()
            .name("metrics".into())
            .spawn(move || {
                for stream in socket.incoming() {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    match stream.and_then(|stream| answer(stream, &observer)) {
                        Ok(()) => {}
                        // Also what keeps a full system from being asked without a pause.
                        Err(error) => {
                            debug!("a reader of the metrics left: {error}");
                            thread::sleep(Duration::from_millis(50));
                        }
                    }
                }
            })?;
        Ok(Self {
            address,
            closing,
            thread,
        })
    }

    /// Answers nobody any more.
    pub fn close(self) {
        self.closing.store(true, Ordering::SeqCst);
        if wake(self.address) {
            // A panic of that thread was told by its own message.
            let _ = self.thread.join();
        }
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn answer(stream: TcpStream, observer: &Observer) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new((&stream).take(REQUEST_BYTES));
    let mut request = String::new();
    lines.read_line(&mut request)?;
    let mut header = String::new();
    while lines.read_line(&mut header)? > 2 {
        header.clear();
    }
    let (status, kind, body) = match request.split_whitespace().collect::<Vec<_>>()[..] {
        ["GET", "/metrics", ..] => (
            "200 OK",
            "text/plain; version=0.0.4",
            text(&observer.look()),
        ),
        ["GET", "/", ..] => (
            "200 OK",
            "text/plain; charset=utf-8",
            observer.look().to_string(),
        ),
        _ => ("404 Not Found", "text/plain", "GET / or /metrics\n".into()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    (&stream).write_all(&[head.as_bytes(), body.as_bytes()].concat())
}

fn text(status: &Status) -> String {
    let totals = &status.totals;
    let mut text = String::new();
    let mut one = |name: &str, kind: &str, help: &str, value: u64| {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "# HELP mensageiro_{name} {help}\n# TYPE mensageiro_{name} {kind}\nmensageiro_{name} {value}\n"
        );
    };
    one(
        "uptime_seconds",
        "gauge",
        "Time since the start.",
        status.uptime_seconds,
    );
    one("users", "gauge", "Registered users.", status.users as u64);
    one(
        "users_online",
        "gauge",
        "Different users connected.",
        status.users_online as u64,
    );
    one(
        "sessions",
        "gauge",
        "Connections logged in.",
        status.sessions as u64,
    );
    one(
        "mailboxes",
        "gauge",
        "Users with unread messages.",
        status.mailboxes as u64,
    );
    one(
        "messages_waiting",
        "gauge",
        "Unread messages.",
        status.messages_waiting as u64,
    );
    one("logins_total", "counter", "Logins accepted.", totals.logins);
    one(
        "refusals_total",
        "counter",
        "Logins refused.",
        totals.refusals,
    );
    one(
        "messages_accepted_total",
        "counter",
        "Messages accepted.",
        totals.accepted,
    );
    one(
        "messages_read_total",
        "counter",
        "Messages read.",
        totals.read,
    );
    one(
        "lines_discarded_total",
        "counter",
        "Lines discarded.",
        totals.discarded,
    );
    one(
        "commits_failed_total",
        "counter",
        "Commits the disk refused.",
        totals.failed_commits,
    );
    histogram(&mut text, &status.commits);
    text
}

fn histogram(text: &mut String, commits: &Latencies) {
    let name = "mensageiro_commit_seconds";
    let _ = write!(
        text,
        "# HELP {name} Time a commit took.\n# TYPE {name} histogram\n"
    );
    let mut sum = 0;
    for (end, count) in Latencies::classes().iter().zip(&commits.counts) {
        sum += count;
        let _ = writeln!(text, "{name}_bucket{{le=\"{}\"}} {sum}", end / 1e3);
    }
    let count = commits.count();
    let seconds = commits.total_micros as f64 / 1e6;
    let _ = writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {count}");
    let _ = writeln!(text, "{name}_sum {seconds}\n{name}_count {count}");
}
