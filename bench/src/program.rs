//! A server under load, as a child process whose use of the machine can be read.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context;
use tempfile::TempDir;

/// What is measured.
#[derive(Clone, Debug)]
pub enum Kind {
    /// The assignment in memory: the limit of what this machine's sockets and threads allow.
    Relay {
        /// Whether it says `ok` to live senders.
        acknowledges: bool,
    },
    /// The real server.
    Server {
        /// Its program.
        program: PathBuf,
        /// Its option of this name.
        durability: &'static str,
    },
}

impl Kind {
    pub fn name(&self) -> String {
        match self {
            Self::Relay {
                acknowledges: false,
            } => "in-memory relay".into(),
            Self::Relay { acknowledges: true } => "the same, saying ok".into(),
            Self::Server { durability, .. } => format!("server, {durability}"),
        }
    }

    /// Whether a live sender is told that its message was taken.
    pub fn acknowledges(&self) -> bool {
        !matches!(
            self,
            Self::Relay {
                acknowledges: false
            }
        )
    }

    fn command(&self, data: &Path) -> std::io::Result<Command> {
        Ok(match self {
            Self::Relay { acknowledges } => {
                let mut command = Command::new(std::env::current_exe()?);
                command.arg("--relay");
                if *acknowledges {
                    command.arg("--saying-ok");
                }
                command
            }
            Self::Server {
                program,
                durability,
            } => {
                let mut command = Command::new(program);
                command.args(["--listen", "127.0.0.1:0", "--durability", durability]);
                command.args(["--max-connections", "20000"]);
                command.args(["--max-connections-per-address", "20000"]);
                // Mailboxes without bounds, for those that never read.
                command.args(["--max-mailbox", "1000000000"]);
                command.args(["--max-mailbox-bytes", "1000000000000"]);
                command.arg("--data").arg(data);
                command
            }
        })
    }
}

/// A running server with users `u0`, `u1`, … Ends when dropped.
pub struct Program {
    child: Child,
    pub address: SocketAddr,
    /// From the start of the process until it listened.
    pub start_up: Duration,
    data: TempDir,
}

impl Program {
    pub fn start(kind: &Kind, users: usize) -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let mut file = File::create(data.path().join("users.csv"))?;
        let logins: String = (0..users).map(|number| format!("u{number}\n")).collect();
        file.write_all(logins.as_bytes())?;
        Self::start_on(kind, data)
    }

    /// Ends it as a power switch would, and starts it on the data it left.
    pub fn restart(mut self, kind: &Kind) -> anyhow::Result<Self> {
        self.end();
        let data = std::mem::replace(&mut self.data, tempfile::tempdir()?);
        Self::start_on(kind, data)
    }

    fn start_on(kind: &Kind, data: TempDir) -> anyhow::Result<Self> {
        let begin = Instant::now();
        let mut child = kind
            .command(data.path())?
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} does not start", kind.name()))?;
        let output = child.stdout.take().context("no output")?;
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let address = lines
            .find_map(|line| Some(line.strip_prefix("listening on ")?.to_owned()))
            .context("the server ended before it listened")?
            .parse()?;
        Ok(Self {
            child,
            address,
            start_up: begin.elapsed(),
            data,
        })
    }

    fn end(&mut self) {
        // It may have ended by itself; nothing it holds is needed any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Seconds of processor time used so far; `None` where the system does not tell.
    pub fn cpu_seconds(&self) -> Option<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
        let user: f64 = fields.next()?.parse().ok()?;
        let system: f64 = fields.next()?.parse().ok()?;
        // The unit is fixed at 1/100 s for programs, whatever the kernel uses inside.
        Some((user + system) / 100.0)
    }

    /// Resident memory in KiB; `None` where the system does not tell.
    pub fn memory_kib(&self) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().trim_end_matches(" kB").parse().ok()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.end();
    }
}

/// A figure, or a dash where there is none.
pub fn figure(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:.decimals$}"))
}
