//! Serves the status to Prometheus, on an address of its own.

use std::{
    collections::VecDeque,
    fmt::Write as _,
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tracing::debug;

use super::{Observer, Status as ServerStatus};
use crate::{
    alarm::Alarm,
    counters::Latencies,
    http::{Incoming, Method, NoRequest, Response, Status},
    net::{listener::Listener, transport::Transport},
};

/// How long one reader may take to send its request and read the answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The most readers at once. A further one replaces the oldest, so a slow reader delays nobody
/// else.
const READERS: usize = 16;

const PLAIN: &str = "text/plain; charset=utf-8";

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
    let mut incoming = Incoming::new(transport, Vec::new());
    let (status, kind, body) = match incoming.request(Instant::now() + PATIENCE) {
        Err(NoRequest::Gone(error)) => return Err(error),
        Err(NoRequest::TimedOut) => return Err(io::ErrorKind::TimedOut.into()),
        Err(NoRequest::Bad(why)) => (Status::BadRequest, PLAIN, format!("{why}\n")),
        Ok(request) => match (request.method, request.path.as_str()) {
            (Method::Get, "/metrics") => (
                Status::Ok,
                "text/plain; version=0.0.4",
                text(&observer.look()),
            ),
            (Method::Get, "/") => (Status::Ok, PLAIN, observer.look().to_string()),
            _ => (Status::NotFound, PLAIN, "GET / or /metrics\n".into()),
        },
    };
    transport.write_all(&Response::new(status).text(kind, &body, false))
}

/// A metric with one value: its name after `mensageiro_`, its help text, and its value.
type Metric = (&'static str, &'static str, u64);

fn text(status: &ServerStatus) -> String {
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
fn gauges(status: &ServerStatus) -> Vec<Metric> {
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
        ("files", "Files that were sent.", count(status.files.files)),
        ("file_bytes", "Bytes of files.", status.files.bytes),
        (
            "files_uploading",
            "Files being uploaded.",
            count(status.files.uploading),
        ),
    ];
    let free = |bytes| ("disk_free_bytes", "Bytes free on the disk.", bytes);
    gauges.extend(status.free_bytes.map(free));
    gauges
}

/// Counts since the start.
fn counters(status: &ServerStatus) -> Vec<Metric> {
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
            "files_received_total",
            "Files uploaded.",
            status.files.received,
        ),
        (
            "files_sent_total",
            "Files sent to somebody.",
            status.files.sent,
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

fn refusals(text: &mut String, status: &ServerStatus) {
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
