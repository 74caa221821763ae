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
    pub greeting: Vec<String>,
}

impl Program {
    /// Starts it on a free port and waits until it listens. Its log goes to the test's output.
    pub fn start(data: &Path) -> Self {
        let data = data.to_str().unwrap();
        let mut command = command(&["--listen", "127.0.0.1:0", "--data", data]);
        let mut child = command
            .env("RUST_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut greeting = Vec::new();
        let address = loop {
            let line = lines.next().expect("it ended before it listened").unwrap();
            let address = line
                .strip_prefix("listening on ")
                .map(|at| at.parse().unwrap());
            greeting.push(line);
            if let Some(address) = address {
                break address;
            }
        };
        Self {
            child,
            address,
            greeting,
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
