//! A server under load, as a child process whose use of the machine can be read.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use anyhow::Context;
use tempfile::TempDir;

/// What is measured.
#[derive(Clone, Debug)]
pub enum Kind {
    /// The assignment in memory: the limit of what this machine's sockets and threads allow.
    Relay,
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
            Self::Relay => "in-memory relay".into(),
            Self::Server { durability, .. } => format!("server, {durability}"),
        }
    }
}

/// A running server with users `u0`, `u1`, … Ends when dropped.
pub struct Program {
    child: Child,
    pub address: SocketAddr,
    _data: TempDir,
}

impl Program {
    pub fn start(kind: &Kind, users: usize) -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let mut file = File::create(data.path().join("users.csv"))?;
        let logins: String = (0..users).map(|number| format!("u{number}\n")).collect();
        file.write_all(logins.as_bytes())?;
        let mut command = match kind {
            Kind::Relay => {
                let mut command = Command::new(std::env::current_exe()?);
                command.arg("--relay");
                command
            }
            Kind::Server {
                program,
                durability,
            } => {
                let mut command = Command::new(program);
                command.args(["--listen", "127.0.0.1:0", "--durability", durability]);
                command.args(["--max-connections", "20000"]);
                command.args(["--max-connections-per-address", "20000"]);
                command.arg("--data").arg(data.path());
                command
            }
        };
        let mut child = command
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} does not start", kind.name()))?;
        let output = child.stdout.take().context("no output")?;
        let address = BufReader::new(output)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("listening on ").map(str::to_owned))
            .with_context(|| format!("{} does not listen", kind.name()))?
            .parse()?;
        Ok(Self {
            child,
            address,
            _data: data,
        })
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
        // It may have ended by itself; nothing it holds is needed any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A figure, or a dash where there is none.
pub fn figure(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:.decimals$}"))
}
