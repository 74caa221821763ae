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

use super::{
    profile::Profile,
    usage::{self, Usage},
};

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Everything in memory: what this machine's sockets and threads allow.
    Relay,
    /// One append and at most one sync, and nothing else: what its disk allows.
    BareLog(Durability),
    /// The real server.
    Server(Measured, Durability),
}

/// The server that is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Its program.
    pub program: PathBuf,
    /// The folder that gets profiles of it, if any are wanted.
    pub profiles: Option<PathBuf>,
}

/// The server's option of this name; the bare log has the same two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// What is acknowledged is with the operating system.
    Relaxed,
    /// What is acknowledged is on the disk.
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
    /// How the tables call it.
    pub fn name(&self) -> String {
        match self {
            Self::Relay => "relay, in memory".into(),
            Self::BareLog(durability) => format!("bare log, {}", durability.name()),
            Self::Server(_, durability) => format!("server, {}", durability.name()),
        }
    }

    /// The bare log that does as much for durability; `None` for the relay, which does nothing.
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
                    ["--max-connections-per-address", "20000"],
                    // Mailboxes without limits, for those that never read.
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

/// A running server with users `u0`, `u1`, … Ends when dropped.
pub struct Program {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// From the start of the process until it listened.
    pub start_up: Duration,
    data: TempDir,
    profile: Option<Profile>,
}

impl Program {
    /// Starts it with so many users and an empty store.
    pub fn start(kind: &Kind, users: usize) -> anyhow::Result<Self> {
        Self::start_through(&[], kind, users)
    }

    /// Likewise, by way of another program that becomes it: its words come first.
    pub fn start_through(words: &[String], kind: &Kind, users: usize) -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let mut file = File::create(data.path().join("users.csv"))?;
        let logins: String = (0..users).map(|number| format!("u{number}\n")).collect();
        file.write_all(logins.as_bytes())?;
        Self::start_on(kind, data, words)
    }

    /// Ends it as a kill does, and starts it on the data it left.
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
        // It may have ended by itself; nothing it holds is needed any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(profile) = self.profile.take() {
            match profile.report() {
                Ok(report) => println!("{report}"),
                Err(error) => println!("no profile: {error:#}"),
            }
        }
    }

    /// The number the system knows it by.
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

    /// Resident memory in KiB; `None` where the system does not tell it.
    pub fn memory_kib(&self) -> Option<f64> {
        usage::memory_kib(self.process())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.end();
    }
}
