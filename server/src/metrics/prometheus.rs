//! Serves the status to Prometheus, on an address of its own. A small HTTP responder is enough: a
//! web server would be larger than the program that it watches.

use std::{
    collections::VecDeque,
    fmt::Write as _,
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use memchr::memmem;
use parking_lot::Mutex;
use tracing::debug;

use super::{Observer, Status};
use crate::{
    alarm::Alarm,
    counters::Latencies,
    net::{listener::Listener, transport::Transport},
};

/// How long one reader may take to send its request and read the answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The most readers at once. A further one replaces the oldest, so a slow reader delays nobody
/// else.
const READERS: usize = 16;

/// The most bytes of a request that are read.
const REQUEST_BYTES: usize = 8 * 1024;

/// Stack of a reader's thread in bytes.
const STACK_BYTES: usize = 256 * 1024;

/// Answers `GET /metrics`, each reader in a thread of its own.
#[derive(Debug)]
pub struct Exposition {
    listener: Listener,
    readers: Arc<Readers>,
}

impl Exposition {
    /// Starts answering on this socket. The accepting thread rings the alarm if it panics.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(socket: TcpListener, observer: Observer, alarm: &Alarm) -> io::Result<Self> {
        let readers = Arc::<Readers>::default();
        let all = readers.clone();
        let admit = move |stream, peer| {
            let transport = Transport::new(stream, peer, PATIENCE)?;
            Ok(receive(transport, &all, &observer)?)
        };
        let listener = Listener::start(socket, admit, alarm)?;
        Ok(Self { listener, readers })
    }

    /// Stops answering, without waiting for anybody.
    pub fn close(self) {
        self.listener.close();
        self.readers.hang_up();
    }

    /// The address on which it answers.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }
}

/// The readers who are being answered, the oldest first.
#[derive(Debug, Default)]
struct Readers(Mutex<VecDeque<Arc<Transport>>>);

/// The entry of one reader.
struct Place {
    readers: Arc<Readers>,
    transport: Arc<Transport>,
}

impl Readers {
    fn enter(self: &Arc<Self>, transport: Transport) -> Place {
        let transport = Arc::new(transport);
        let mut readers = self.0.lock();
        if readers.len() >= READERS
            && let Some(longest) = readers.pop_front()
        {
            longest.hang_up();
        }
        readers.push_back(transport.clone());
        Place {
            readers: self.clone(),
            transport,
        }
    }

    fn hang_up(&self) {
        self.0.lock().iter().for_each(|reader| reader.hang_up());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut readers = self.readers.0.lock();
        readers.retain(|reader| !Arc::ptr_eq(reader, &self.transport));
    }
}

fn receive(transport: Transport, readers: &Arc<Readers>, observer: &Observer) -> io::Result<()> {
    let place = readers.enter(transport);
    let observer = observer.clone();
    thread::Builder::new()
        .name("metrics reader".into())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            if let Err(error) = answer(&place.transport, &observer) {
                debug!("a reader of the metrics left: {error}");
            }
        })?;
    Ok(())
}

fn answer(transport: &Transport, observer: &Observer) -> io::Result<()> {
    let request = request(transport, Instant::now() + PATIENCE)?;
    let request = String::from_utf8_lossy(&request);
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
    transport.write_all(&[head.as_bytes(), body.as_bytes()].concat())
}

/// The request, up to the empty line after it, the end of the input, or the most bytes that are
/// read.
fn request(transport: &Transport, deadline: Instant) -> io::Result<Vec<u8>> {
    let mut request = Vec::new();
    let mut bytes = [0; 1024];
    let is_whole = |request: &[u8]| {
        let has = |end| memmem::find(request, end).is_some();
        has(b"\r\n\r\n") || has(b"\n\n") || request.len() >= REQUEST_BYTES
    };
    while !is_whole(&request) {
        transport.set_read_limit(Some(left(deadline)?))?;
        match transport.read(&mut bytes)? {
            0 => break,
            count => request.extend_from_slice(&bytes[..count]),
        }
    }
    Ok(request)
}

/// The remaining time.
fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    // A limit of zero would mean no limit.
    let some = Some(left).filter(|left| !left.is_zero());
    some.ok_or_else(|| io::ErrorKind::TimedOut.into())
}

/// A metric with one value: its name after `mensageiro_`, its help text, and its value.
type Metric = (&'static str, &'static str, u64);

fn text(status: &Status) -> String {
    let mut text = String::new();
    for (kind, metrics) in [("gauge", gauges(status)), ("counter", counters(status))] {
        for (name, help, value) in metrics {
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "# HELP mensageiro_{name} {help}\n# TYPE mensageiro_{name} {kind}\nmensageiro_{name} {value}\n"
            );
        }
    }
    refusals(&mut text, status);
    histogram(&mut text, &status.commits);
    text
}

/// Values that rise and fall.
fn gauges(status: &Status) -> Vec<Metric> {
    let count = |number: usize| number as u64;
    let mut gauges = vec![
        (
            "uptime_seconds",
            "Time since the start.",
            status.uptime_seconds,
        ),
        ("users", "Registered users.", count(status.users)),
        (
            "users_online",
            "Different users connected.",
            count(status.users_online),
        ),
        ("sessions", "Connections logged in.", count(status.sessions)),
        (
            "encrypted_sessions",
            "Connections logged in and encrypted.",
            count(status.encrypted_sessions),
        ),
        (
            "connections_before_login",
            "Connections without a login.",
            count(status.before_login),
        ),
        (
            "mailboxes",
            "Users with unread messages.",
            count(status.mailboxes),
        ),
        (
            "messages_waiting",
            "Unread messages.",
            status.messages_waiting,
        ),
        (
            "stored_bytes",
            "Bytes in the log and in messages.csv.",
            status.stored_bytes,
        ),
    ];
    let free = |bytes| ("disk_free_bytes", "Bytes free on the disk.", bytes);
    gauges.extend(status.free_bytes.map(free));
    gauges
}

/// Counts since the start.
fn counters(status: &Status) -> Vec<Metric> {
    let totals = &status.totals;
    vec![
        (
            "handshakes_total",
            "TLS handshakes completed.",
            status.handshakes,
        ),
        (
            "handshakes_failed_total",
            "TLS handshakes begun and not completed.",
            status.failed_handshakes,
        ),
        ("logins_total", "Logins accepted.", totals.logins),
        ("refusals_total", "Logins refused.", totals.refusals),
        (
            "messages_accepted_total",
            "Messages accepted.",
            totals.accepted,
        ),
        ("messages_read_total", "Messages read.", totals.read),
        (
            "lines_discarded_total",
            "Lines discarded.",
            totals.discarded,
        ),
        (
            "commits_failed_total",
            "Commits the disk refused.",
            totals.failed_commits,
        ),
        (
            "budget_pauses_total",
            "Times a session had to wait, as its user sent too much.",
            status.pauses,
        ),
        (
            "log_lines_dropped_total",
            "Lines of the diagnostic log dropped, as there were too many in a second.",
            status.log.dropped,
        ),
        (
            "log_lines_lost_total",
            "Lines of the diagnostic log lost, as nobody read them in time.",
            status.log.lost,
        ),
    ]
}

fn refusals(text: &mut String, status: &Status) {
    let name = "mensageiro_budget_refusals_total";
    let _ = write!(
        text,
        "# HELP {name} Refusals as a budget was used up.\n# TYPE {name} counter\n"
    );
    for (budget, count) in &status.refused {
        let _ = writeln!(text, "{name}{{budget=\"{budget}\"}} {count}");
    }
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
