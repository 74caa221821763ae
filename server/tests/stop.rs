//! What another program needs to start a server and to stop it again: `stop`, `status --json`, exit codes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "support/program.rs"]
mod program;
mod support;

use std::{fs, path::Path, process::Output};

use mensageiro_protocol::Framing;
use program::{Program, command};
use serde_json::Value;
use support::Client;

fn run(data: &Path, arguments: &[&str]) -> Output {
    let data = ["--data", data.to_str().unwrap()];
    command(&[&data[..], arguments].concat()).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_server_that_is_asked_to_stop_has_stopped_in_order_when_the_command_ends() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("users.csv"), "ana\nbruno\n").unwrap();
    let mut server = Program::start(folder.path());
    let mut ana = Client::connect(server.address, Framing::Line);
    ana.exchange("ana");
    ana.exchange("@bruno kept");
    let status = run(folder.path(), &["status", "--json"]);
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["address"], server.address.to_string());
    assert_eq!(status["users"], 2);
    let stopped = run(folder.path(), &["stop"]);
    assert!(stopped.status.success(), "{}", said(&stopped));
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    assert!(!folder.path().join("running.json").exists());
    let again = run(folder.path(), &["stop"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(said(&again).contains("no server is running"));
    let server = Program::start(folder.path());
    let mut bruno = Client::connect(server.address, Framing::Line);
    assert_eq!(bruno.exchange("bruno"), ["@ana kept"]);
}

#[test]
fn the_exit_code_says_whether_the_port_or_the_folder_is_taken() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in [&first, &second] {
        fs::write(folder.path().join("users.csv"), "ana\n").unwrap();
    }
    let server = Program::start(first.path());
    let taken = server.address.to_string();
    let port = run(second.path(), &["--listen", &taken]);
    assert_eq!(port.status.code(), Some(3), "{}", said(&port));
    let folder = run(first.path(), &["--listen", "127.0.0.1:0"]);
    assert_eq!(folder.status.code(), Some(4), "{}", said(&folder));
    let nothing = run(&second.path().join("none"), &[]);
    assert_eq!(nothing.status.code(), Some(1), "{}", said(&nothing));
}
