//! The server as a process of its own, which goes on when the app ends.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Child, Stdio},
};

use socket2::{Domain, Socket, Type};

use super::{
    not_run,
    program::{LOG, Program, Told, last_line},
};
use crate::{
    engine::host::{HostProblem, HostTerms},
    private,
};

/// The log before the server's log in the data folder.
const LOG_BEFORE: &str = "server.before.log";

/// A log that is longer is put aside at the next start.
const LOG_BYTES: u64 = 1024 * 1024;

/// So much of the log's end is read for its last line.
const END_BYTES: u64 = 8 * 1024;

/// The exit codes of the server.
const PORT_TAKEN: i32 = 3;
const IN_USE: i32 = 4;

/// What the server prints when it serves: where it listens, and the last line.
const ADDRESS: &str = "listening on ";
const LAST_LINE: &str = "Ctrl-C";

/// So many ports after one that is taken are tried.
const PORTS: u16 = 20;

/// A server that this app has started.
pub(super) struct Server {
    pub(super) child: Child,
    pub(super) log: PathBuf,
    /// Where its part of the log begins.
    pub(super) log_begin: u64,
}

/// Starts the server, and waits until it serves. That takes as long as it takes to read its data; a server that cannot serve
/// ends, and then the wait does.
pub(super) fn start(program: &Program, terms: &HostTerms) -> Result<(Server, Told), HostProblem> {
    let log = program.data.join(LOG);
    let (writer, log_begin) = open_log(&log).map_err(|error| HostProblem::Refused {
        said: format!("{}: {error}", log.display()),
        log: None,
    })?;
    let listen = format!("{}:{}", Ipv4Addr::UNSPECIFIED, terms.port);
    let access = if terms.is_closed {
        "--closed"
    } else {
        "--open"
    };
    let mut command = program.command();
    command
        .args(["--listen", &listen, access])
        // The app's own folder may be on a stick that is to be removed.
        .current_dir(&program.data)
        .stdout(Stdio::piped())
        .stderr(writer);
    let mut child = command
        .spawn()
        .map_err(|error| not_run(&program.path, &error))?;
    let said = child.stdout.take();
    if let Some(address) = said.and_then(greeting) {
        let closed = terms.is_closed;
        let server = Server {
            child,
            log,
            log_begin,
        };
        return Ok((server, Told { address, closed }));
    }
    let ended = child.wait();
    let ended = ended.map_err(|error| not_run(&program.path, &error))?;
    Err(match ended.code() {
        Some(PORT_TAKEN) => HostProblem::PortTaken {
            port: terms.port,
            free: free_port(terms.port),
        },
        Some(IN_USE) => HostProblem::InUse {
            data: program.data.clone(),
        },
        _ => HostProblem::Refused {
            said: last_words(&log, log_begin),
            log: Some(log),
        },
    })
}

/// Waits until the server serves. `None`: it has ended instead.
fn greeting(said: impl Read) -> Option<std::net::SocketAddr> {
    let mut address = None;
    for line in BufReader::new(said).lines().map_while(Result::ok) {
        if let Some(told) = line.strip_prefix(ADDRESS) {
            address = told.parse().ok();
        }
        if line.starts_with(LAST_LINE) {
            break;
        }
    }
    address
}

fn open_log(log: &Path) -> io::Result<(File, u64)> {
    let length = |log: &Path| fs::metadata(log).map_or(0, |found| found.len());
    if length(log) > LOG_BYTES {
        fs::rename(log, log.with_file_name(LOG_BEFORE))?;
    }
    let file = private::options().append(true).open(log)?;
    Ok((file, length(log)))
}

/// The last line of the log since a server began to write it.
pub(super) fn last_words(log: &Path, begin: u64) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let end = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(begin.max(end.saturating_sub(END_BYTES))))?;
        let mut said = Vec::new();
        file.take(END_BYTES).read_to_end(&mut said)?;
        Ok(said)
    };
    last_line(&read().unwrap_or_default())
}

/// A port near one that is taken. It is not listened on: a firewall would ask about that.
fn free_port(taken: u16) -> Option<u16> {
    let is_free = |port: &u16| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None);
        let address = std::net::SocketAddr::from((Ipv4Addr::UNSPECIFIED, *port));
        socket.is_ok_and(|socket| socket.bind(&address.into()).is_ok())
    };
    (taken.saturating_add(1)..=taken.saturating_add(PORTS)).find(is_free)
}
