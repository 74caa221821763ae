//! The program among what surrounds it: signals, terminals, pipes that nobody reads.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "support/program.rs"]
mod program;
mod support;

use std::{
    fs,
    io::{self, BufRead, BufReader, ErrorKind, Write},
    net::SocketAddr,
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use mensageiro_protocol::Framing;
use mensageiro_server::metrics;
use program::{Program, command};
use support::{Client, eventually};
use tempfile::TempDir;

const LONG_NAME: usize = 64;

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let long = "a".repeat(LONG_NAME);
    fs::write(folder.path().join("users.csv"), format!("{long}\nbruno\n")).unwrap();
    folder
}

/// The program, started by a command that takes its arguments.
fn start(mut command: Command, data: &Path) -> Child {
    command
        .args(["--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .env_remove("RUST_LOG");
    command.spawn().unwrap()
}

/// Where a server listens that nobody hears.
fn address(data: &Path) -> SocketAddr {
    eventually(|| metrics::ask(data).is_ok());
    let running = fs::read(data.join("running.json")).unwrap();
    let running: serde_json::Value = serde_json::from_slice(&running).unwrap();
    running["address"].as_str().unwrap().parse().unwrap()
}

fn signal(child: &Child, name: &str) {
    let mut kill = Command::new("kill");
    kill.arg(format!("-{name}")).arg(child.id().to_string());
    assert!(kill.status().unwrap().success());
}

fn is_served(address: SocketAddr) -> bool {
    let mut client = Client::connect(address, Framing::Line);
    client.exchange("bruno").is_empty()
}

/// A stream into which nothing fits until somebody reads, and its reader.
fn full_stream() -> (OwnedFd, UnixStream) {
    let (mut writer, reader) = UnixStream::pair().unwrap();
    writer.set_nonblocking(true).unwrap();
    let full = loop {
        if let Err(error) = writer.write(&[b'\n'; 512]) {
            break error;
        }
    };
    assert_eq!(full.kind(), ErrorKind::WouldBlock);
    writer.set_nonblocking(false).unwrap();
    (writer.into(), reader)
}

/// What is read of a stream from now on.
fn read_lines(stream: UnixStream) -> Arc<Mutex<Vec<String>>> {
    let lines = Arc::<Mutex<Vec<String>>>::default();
    let read = lines.clone();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            read.lock().unwrap().push(line);
        }
    });
    lines
}

/// Lines that each bring a line of the log, as long as one can be.
fn make_log(address: SocketAddr, count: usize) {
    let mut client = Client::connect(address, Framing::Line);
    client.exchange(&"a".repeat(LONG_NAME));
    let line = format!("@{} hello\n", "b".repeat(LONG_NAME));
    let mut stream = client.stream.try_clone().unwrap();
    let writes = thread::spawn(move || stream.write_all(line.repeat(count).as_bytes()));
    for _ in 0..count {
        assert!(client.hear_all().is_empty());
    }
    writes.join().unwrap().unwrap();
}

#[test]
fn nobody_waits_for_who_does_not_read_the_greeting_and_the_log() {
    let folder = folder();
    let (stdout, _unread_greeting) = full_stream();
    let (stderr, _unread_log) = full_stream();
    let mut command = command(&["--log-lines", "0"]);
    command.stdout(stdout).stderr(stderr);
    let mut child = start(command, folder.path());
    let address = address(folder.path());
    // Much more than is kept.
    make_log(address, 20_000);
    assert!(is_served(address));
    let missing = metrics::ask(folder.path()).unwrap().log;
    assert!(missing.lost > 0 && missing.dropped == 0, "{missing:?}");
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_is_missing_in_the_log_is_told_once_it_is_read_again() {
    let folder = folder();
    let (stderr, unread) = full_stream();
    let mut command = command(&["--log-lines", "0"]);
    command.stdout(Stdio::null()).stderr(stderr);
    let mut child = start(command, folder.path());
    let address = address(folder.path());
    make_log(address, 20_000);
    let lines = read_lines(unread);
    let count = |what: &str| {
        let lines = lines.lock().unwrap();
        lines.iter().filter(|line| line.contains(what)).count()
    };
    eventually(|| count("lines are missing here, as the log could not be written") == 1);
    let discarded = count("discarded: there is no user");
    assert!((1..20_000).contains(&discarded), "{discarded}");
    assert!(is_served(address));
    eventually(|| count("bruno logged in") == 1);
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    eventually(|| count("everything is on disk") == 1);
}

#[test]
fn why_it_does_not_start_keeps_nobody_if_it_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let (stderr, _unread) = full_stream();
    let mut command = command(&[]);
    command.stdout(Stdio::null()).stderr(stderr);
    let mut child = start(command, folder.path());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn a_log_whose_reader_has_gone_ends_nothing() {
    let folder = folder();
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let mut command = command(&[]);
    command.stdout(writer.try_clone().unwrap()).stderr(writer);
    let mut child = start(command, folder.path());
    let address = address(folder.path());
    make_log(address, 100);
    assert!(is_served(address));
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// A program that a shell starts with signals it is to ignore.
fn ignoring(signals: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("trap '' {signals}; exec \"$@\""), "sh"]);
    shell.arg(env!("CARGO_BIN_EXE_mensageiro-server"));
    shell
}

#[test]
fn signals_that_the_parent_ignores_do_not_stop_it() {
    let folder = folder();
    let mut server = Program::through(ignoring("HUP INT"), folder.path(), &[]);
    for name in ["HUP", "INT"] {
        signal(&server.child, name);
        assert!(is_served(server.address));
    }
    assert!(server.child.try_wait().unwrap().is_none());
    signal(&server.child, "TERM");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_is_not_ignored_stops_it() {
    for name in ["INT", "TERM"] {
        let folder = folder();
        let mut server = Program::through(ignoring("HUP"), folder.path(), &[]);
        signal(&server.child, name);
        assert_eq!(server.child.wait().unwrap().code(), Some(0), "{name}");
    }
}

#[test]
fn without_a_terminal_sighup_reads_the_files_again() {
    let folder = folder();
    let (stderr, log) = UnixStream::pair().unwrap();
    let mut command = command(&[]);
    command.stdout(Stdio::null()).stderr(OwnedFd::from(stderr));
    let mut child = start(command, folder.path());
    let address = address(folder.path());
    let log = read_lines(log);
    let asked = || {
        let log = log.lock().unwrap();
        let asked = |line: &&String| line.contains("asked to read users.csv and groups.csv again");
        log.iter().filter(asked).count()
    };
    for times in 1..=2 {
        signal(&child, "HUP");
        eventually(|| asked() == times);
    }
    assert!(is_served(address));
    let users = fs::read_to_string(folder.path().join("users.csv")).unwrap();
    fs::write(folder.path().join("users.csv"), users + "anita\n").unwrap();
    signal(&child, "HUP");
    eventually(|| {
        let mut client = Client::connect(address, Framing::Line);
        client.hear_after("anita").is_some()
    });
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
