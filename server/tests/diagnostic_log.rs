//! What others send, and what is in files that others may write, as the diagnostic log shows it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "support/program.rs"]
mod program;
mod support;

use std::{
    fs::{self, File},
    io::Write,
    net::{Shutdown, TcpStream},
    path::Path,
};

use mensageiro_protocol::{Framing, is_hidden};
use mensageiro_server::metrics;
use program::{Program, command};
use support::{Client, eventually};
use tempfile::TempDir;

/// A server whose log is in the file `log`.
struct Logged {
    server: Program,
    folder: TempDir,
}

impl Logged {
    fn start(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        fs::write(data.join("users.csv"), "ana\nbruno\n").unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let mut command = command(&[]);
        command.stderr(log);
        let server = Program::with_log(
            command,
            &data,
            &[&["--metrics", "127.0.0.1:0"], more].concat(),
            "debug",
        );
        Self { server, folder }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    /// Sends bytes as one connection, and nothing after them.
    fn send(&self, bytes: &[u8]) {
        let mut stream = TcpStream::connect(self.server.address).unwrap();
        // A server that hangs up early has read enough.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    }

    /// Looks at every line there is.
    fn check(&self) {
        for line in self.log().lines() {
            let (time, _) = line.split_once(' ').unwrap_or((line, ""));
            assert!(
                time.starts_with("20") && time.ends_with('Z'),
                "{line:?} has no time"
            );
            assert!(!line.contains(is_hidden), "{line:?}");
            assert!(line.len() < 700, "{} bytes", line.len());
        }
    }
}

/// A line of its own if it gets into the log, an order to a terminal, and a mark that turns lines around.
const FORGED: &str = "\n2026-11-29T12:00:00.000000Z  INFO admin logged in\n\u{1b}[2J\u{1b}]0;x\u{7}\u{9b}31m\r\u{85}\u{2028}\u{202e}\u{2066}\u{200f}";

#[test]
fn nothing_that_clients_send_is_more_than_a_part_of_a_line() {
    let logged = Logged::start(&[]);
    let json = serde_json::to_string(FORGED).unwrap();
    let long = "x\u{1b}".repeat(4_000);
    let one_line = FORGED.replace(['\n', '\r'], "");
    for first in [
        FORGED.to_owned(),
        format!("{one_line}\n"),
        format!("{long}\n"),
        format!("ana live/1 after={one_line}\n"),
        format!("ana live/1 device=d{one_line}\n"),
        format!("ana live/1 {one_line}={one_line}\n"),
        format!("ana live/{one_line}\n"),
        format!("ana\n@{one_line} hello\n@bruno {one_line}\n{one_line}\n"),
        format!("status/1 {one_line}\n"),
        format!("GET /{one_line} HTTP/1.1\r\nHost: {one_line}\r\n\r\n"),
    ] {
        logged.send(first.as_bytes());
    }
    for line in [
        format!(r#"status {{"state":{json}}}"#),
        format!(r#"status {{{json}:1}}"#),
        format!("status {json}"),
        format!(r#"status {{"state":"{}"}}"#, "y".repeat(10_000)),
        format!("{one_line} {json}"),
        format!("#{one_line} @bruno x"),
        format!("#t @{one_line} x"),
        format!("#t @bruno {one_line}"),
        format!("history {one_line}"),
        format!("history {{\"with\":{json}}}"),
        format!("typing {one_line}"),
        format!("read {{\"with\":{json}}}"),
        long,
    ] {
        logged.send(format!("ana live/1\n{line}\n").as_bytes());
    }
    logged.send(b"\xff\xfe\x1b[2J\n");
    let metrics = logged.server.metrics.unwrap();
    let mut asked = TcpStream::connect(metrics).unwrap();
    let _ = asked.write_all(format!("GET /{one_line} HTTP/1.1\r\n\r\n").as_bytes());
    drop(asked);
    eventually(|| logged.log().contains(r"unknown variant") || logged.log().contains(r"\u{1b}[2J"));
    logged.check();
}

#[test]
fn nothing_that_is_in_the_files_of_the_directory_is_more_than_a_part_of_a_line() {
    let logged = Logged::start(&[]);
    let write = |name: &str, content: &str| fs::write(logged.data().join(name), content).unwrap();
    let one_line = FORGED.replace(['\n', '\r'], "");
    write(
        "groups.csv",
        &format!("\"a{FORGED}\",ana\n\"{one_line}\",bruno\nb,\"{FORGED}\"\n"),
    );
    eventually(|| logged.log().contains("groups.csv"));
    logged.check();
    write(
        "users.csv",
        &format!("\"ana{FORGED}\",\"{FORGED}\"\n\"b{one_line}\"\n{FORGED}\n"),
    );
    eventually(|| logged.log().contains("users.csv"));
    logged.check();
}

/// Whoever may write in the folder may make a link whose target is a forged line.
#[cfg(unix)]
#[test]
fn nothing_in_the_name_of_a_file_is_more_than_a_part_of_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let check = |data: &Path| {
        let output = command(&["--data"]).arg(data).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.lines().count(), 1, "{said:?}");
        assert!(said.starts_with("mensageiro-server: "), "{said:?}");
        assert!(!said.trim_end().contains(is_hidden), "{said:?}");
    };
    check(&folder.path().join(format!("none{FORGED}")));
    let target = format!("nowhere{FORGED}");
    std::os::unix::fs::symlink(target, folder.path().join("users.csv")).unwrap();
    check(folder.path());
}

#[test]
fn flood_of_lines_is_cut_and_counted_and_hides_no_warning() {
    let logged = Logged::start(&["--log-lines", "10"]);
    let mut client = Client::connect(logged.server.address, Framing::Line);
    client.exchange("ana");
    for _ in 0..20 {
        client.say(["@nobody hello"; 100].join("\n"));
        (0..100).for_each(|_| drop(client.hear_all()));
    }
    fs::write(logged.data().join("users.csv"), "ana\nb b\n").unwrap();
    eventually(|| {
        logged
            .log()
            .contains("the directory was edited, the old one is kept")
    });
    let dropped = |log: &str| -> usize {
        let told = log.lines().filter(|line| line.contains("dropped in"));
        let counts = told.filter_map(|line| {
            let (_, told) = line.split_once(" WARN ")?;
            told.split(' ').next()?.parse::<usize>().ok()
        });
        counts.sum()
    };
    eventually(|| {
        let log = logged.log();
        let written = log
            .lines()
            .filter(|line| line.contains("there is no user"))
            .count();
        // Others that are counted: of the session, of debugging.
        written > 0 && written < 1_000 && dropped(&log) + written >= 2_000
    });
    let status = metrics::ask(&logged.data()).unwrap();
    assert!(status.log.dropped >= 1_000 && status.log.lost == 0);
    assert!(status.to_string().contains("log          lines dropped: "));
    logged.check();
}
