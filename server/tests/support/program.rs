//! The real program as a child process.
#![allow(dead_code, missing_docs, reason = "each test file uses a part of it")]

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
};

pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mensageiro-server"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .env_remove("RUST_LOG");
    command
}

/// A running server program; killed when dropped.
pub struct Program {
    pub child: Child,
    pub address: SocketAddr,
    pub metrics: Option<SocketAddr>,
}

impl Program {
    /// Starts it on a free port and waits until it listens. Its log goes to the test's output.
    pub fn start(data: &Path) -> Self {
        Self::with_arguments(data, &[])
    }

    pub fn with_arguments(data: &Path, more: &[&str]) -> Self {
        Self::through(command(&[]), data, more)
    }

    /// Starts it by a command that takes its arguments.
    pub fn through(command: Command, data: &Path, more: &[&str]) -> Self {
        Self::with_log(command, data, more, "warn")
    }

    /// The same, with a level for its log.
    pub fn with_log(mut command: Command, data: &Path, more: &[&str], level: &str) -> Self {
        command
            .args(["--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(more)
            .env("RUST_LOG", level)
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut greeting = Vec::new();
        for line in lines.map_while(Result::ok) {
            let is_last = line.starts_with("Ctrl-C");
            greeting.push(line);
            if is_last {
                break;
            }
        }
        let after = |word: &str| {
            let rest = greeting.iter().find_map(|line| line.strip_prefix(word))?;
            Some(rest.trim_end_matches("/metrics").parse().unwrap())
        };
        let address = after("listening on ").expect("it ended before it listened");
        let metrics = after("metrics:   http://");
        Self {
            child,
            address,
            metrics,
        }
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn lines(stderr: ChildStderr) -> impl Iterator<Item = String> {
    BufReader::new(stderr).lines().map_while(Result::ok)
}
