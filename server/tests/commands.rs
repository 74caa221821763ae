//! `backup` and `check`, as a person at a terminal uses them.
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
use support::{Client, TestServer, archive_rows, eventually};

fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn name(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn backup_of_a_running_server_becomes_a_server_with_all_of_it() {
    let server = TestServer::start(&["ana", "bob"]);
    let mut ana = server.log_in("ana");
    for number in 0..20 {
        ana.exchange(&format!("@bob text {number}"));
    }
    server.log_in("bob").close();
    server.archive(20);
    ana.exchange("@bob not read yet");
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("backup");
    let data = server.folder.path();
    let made = run(&["backup", name(&to), "--data", name(data)]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    assert!(text(&made.stdout).contains("--data"), "{made:?}");
    assert_eq!(text(&made.stderr), "");
    // The server goes on.
    ana.exchange("@bob after the backup");
    let again = run(&["backup", name(&to), "--data", name(data)]);
    assert!(!again.status.success());
    assert!(text(&again.stderr).contains("name a new folder for the backup"));
    for (folder, expected) in [(&*to, "21 messages"), (data, "22 messages")] {
        let checked = run(&["check", name(folder)]);
        assert!(checked.status.success(), "{}", text(&checked.stderr));
        assert!(text(&checked.stdout).contains(expected), "{checked:?}");
    }
    let restored = Program::start(&to);
    let mut bob = Client::connect(restored.address, Framing::Line);
    bob.say("bob");
    let waiting = bob.hear_all();
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    assert!(waiting[0].contains("not read yet"));
    bob.close();
    eventually(|| archive_rows(&to.join("messages.csv")).len() == 21);
}

#[test]
fn damage_is_listed_with_its_segment_and_byte_and_the_exit_code_tells() {
    let mut server = TestServer::start(&["ana", "bob"]);
    let mut ana = server.log_in("ana");
    for number in 0..20 {
        ana.exchange(&format!("@bob text {number}"));
    }
    ana.close();
    server.stop();
    let data = server.folder.path();
    assert!(run(&["check", "--data", name(data)]).status.success());
    let segment = data.join("store/log/00000000000000000000.log");
    let mut content = fs::read(&segment).unwrap();
    let place = content
        .windows(7)
        .position(|bytes| bytes == b"text 10")
        .unwrap();
    content[place] ^= 1;
    fs::write(&segment, content).unwrap();
    let checked = run(&["check", "--data", name(data)]);
    assert_eq!(checked.status.code(), Some(1));
    let line = text(&checked.stdout);
    assert!(line.contains("00000000000000000000.log: byte "), "{line}");
    assert!(line.contains("checksum"), "{line}");
    assert!(
        text(&checked.stderr).contains("1 damaged places"),
        "{checked:?}"
    );
    let to = data.join("backup");
    let made = run(&["backup", name(&to), "--data", name(data)]);
    assert!(!made.status.success() && !to.exists());
}

#[test]
fn folder_without_messages_is_told_from_a_damaged_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = name(folder.path());
    let to = folder.path().join("backup");
    for arguments in [
        vec!["check", data],
        vec!["backup", name(&to), "--data", data],
    ] {
        let output = run(&arguments);
        assert!(!output.status.success());
        assert!(
            text(&output.stderr).contains("there is no message store"),
            "{output:?}"
        );
    }
    assert!(!to.exists());
}
