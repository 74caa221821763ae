//! A server under load, as a child process whose resource usage can be read.

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

use super::{
    profile::Profile,
    usage::{self, Usage},
};

/// The kinds of servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Everything in memory: the limit of the machine's sockets and threads.
    Relay,
    /// One append and at most one sync, and nothing else: the limit of its disk.
    BareLog(Durability),
    /// The real server.
    Server(Measured, Durability),
}

/// The server to measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Its program.
    pub program: PathBuf,
    /// The folder for its profiles, if they are wanted.
    pub profiles: Option<PathBuf>,
}

/// The server's option of this name. The bare log has the same two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Acknowledged messages are with the operating system.
    Relaxed,
    /// Acknowledged messages are on the disk.
    Sync,
}

impl Durability {
    fn name(self) -> &'static str {
        match self {
            Self::Relaxed => "relaxed",
            Self::Sync => "sync",
        }
    }
}

impl Kind {
    /// Its name in the tables.
    pub fn name(&self) -> String {
        match self {
            Self::Relay => "relay, in memory".into(),
            Self::BareLog(durability) => format!("bare log, {}", durability.name()),
            Self::Server(_, durability) => format!("server, {}", durability.name()),
        }
    }

    /// The bare log with the same durability; `None` for the relay, which stores nothing.
    pub fn limit(&self) -> Option<Self> {
        match self {
            Self::Relay => None,
            Self::BareLog(durability) | Self::Server(_, durability) => {
                Some(Self::BareLog(*durability))
            }
        }
    }

    /// Whether this is the real server.
    pub fn is_server(&self) -> bool {
        matches!(self, Self::Server(..))
    }

    /// The program and its arguments.
    fn command(&self, data: &Path) -> std::io::Result<Vec<String>> {
        let path = |path: &Path| path.to_string_lossy().into_owned();
        let own = path(&std::env::current_exe()?);
        Ok(match self {
            Self::Relay => vec![own, "--relay".into()],
            Self::BareLog(durability) => {
                let file = path(&data.join("bare.log"));
                vec![own, "--bare-log".into(), durability.name().into(), file]
            }
            Self::Server(server, durability) => {
                let mut words = vec![path(&server.program)];
                let options = [
                    ["--listen", "127.0.0.1:0"],
                    ["--durability", durability.name()],
                    ["--max-connections", "20000"],
                    // The load is far beyond what people send.
                    ["--max-sessions-per-login", "0"],
                    ["--max-requests-per-minute", "0"],
                    ["--max-bytes-per-minute", "0"],
                    ["--max-total-requests-per-minute", "0"],
                    ["--max-total-bytes-per-minute", "0"],
                    ["--max-waiting-bytes", "0"],
                    ["--quota", "0"],
                    ["--min-free-bytes", "0"],
                    // No limits on mailboxes, for cases that never read.
                    ["--max-mailbox", "1000000000"],
                    ["--max-mailbox-bytes", "1000000000000"],
                ];
                words.extend(options.concat().iter().map(|&word| word.to_owned()));
                words.extend(["--data".into(), path(data)]);
                words
            }
        })
    }
}

/// A running server with users `u0`, `u1`, … It ends when dropped.
pub struct Program {
    child: Child,
    /// The address on which it listens.
    pub address: SocketAddr,
    /// The time from the start of the process until it listened.
    pub start_up: Duration,
    data: TempDir,
    profile: Option<Profile>,
}

impl Program {
    /// Starts it with this many users and an empty store.
    pub fn start(kind: &Kind, users: usize) -> anyhow::Result<Self> {
        Self::start_through(&[], kind, users)
    }

    /// Starts it through another program: these words come before its own command line.
    pub fn start_through(words: &[String], kind: &Kind, users: usize) -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let mut file = File::create(data.path().join("users.csv"))?;
        let logins: String = (0..users).map(|number| format!("u{number}\n")).collect();
        file.write_all(logins.as_bytes())?;
        Self::start_on(kind, data, words)
    }

    /// Kills it, and starts it on the data it left.
    pub fn restart(mut self, kind: &Kind) -> anyhow::Result<Self> {
        self.end();
        let data = std::mem::replace(&mut self.data, tempfile::tempdir()?);
        Self::start_on(kind, data, &[])
    }

    fn start_on(kind: &Kind, data: TempDir, through: &[String]) -> anyhow::Result<Self> {
        let words = [through, &kind.command(data.path())?].concat();
        let begin = Instant::now();
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} does not start", words[0]))?;
        let output = child.stdout.take().context("no output")?;
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let address = lines
            .find_map(|line| Some(line.strip_prefix("listening on ")?.to_owned()))
            .with_context(|| format!("{} ended before it listened", kind.name()))?
            .parse()?;
        let start_up = begin.elapsed();
        let mut program = Self {
            child,
            address,
            start_up,
            data,
            profile: None,
        };
        if let Kind::Server(server, _) = kind
            && let Some(folder) = &server.profiles
        {
            program.profile = Some(Profile::start(folder, program.process())?);
        }
        Ok(program)
    }

    fn end(&mut self) {
        // It may have ended by itself. Nothing it holds is needed any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(profile) = self.profile.take() {
            match profile.report() {
                Ok(report) => println!("{report}"),
                Err(error) => println!("no profile: {error:#}"),
            }
        }
    }

    /// Its process id.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// The folder of its files.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// What it has used so far.
    pub fn usage(&self) -> Usage {
        Usage::of(self.process(), self.data())
    }

    /// Resident memory in KiB; `None` if the system does not report it.
    pub fn memory_kib(&self) -> Option<f64> {
        usage::memory_kib(self.process())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.end();
    }
}
