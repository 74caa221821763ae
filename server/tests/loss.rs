//! Acknowledged messages that the store has lost are noticed at start.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Parser;
use mensageiro_protocol::Framing;
use mensageiro_server::{Options, Server, StartError, message::MessageId, store::StoreError};
use support::{Client, TestServer};

/// A data folder with `messages` messages of ana to bruno, sent one after the other.
fn folder(messages: usize) -> tempfile::TempDir {
    let mut server = TestServer::start(&["ana", "bruno"]);
    let mut ana = server.log_in("ana");
    for number in 0..messages {
        ana.exchange(&format!("@bruno text {number}"));
    }
    drop(ana);
    server.stop();
    server.folder
}

fn start(folder: &Path, arguments: &[&str]) -> Result<Server, StartError> {
    let fixed = ["mensageiro-server", "--listen", "127.0.0.1:0", "--data"];
    let fixed = fixed.into_iter().chain([folder.to_str().unwrap()]);
    Server::start(&Options::parse_from(fixed.chain(arguments.iter().copied())))
}

/// What is damaged.
#[derive(Clone, Copy)]
enum Damage {
    /// The kind of a record, which the database takes for the end of its journal.
    Kind,
    /// The text of a message, which does not fit its checksum any more.
    Text,
}

/// The database's journal.
fn journal(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder.join("store")).unwrap();
    let mut files = files.map(|file| file.unwrap().path());
    files
        .find(|file| file.extension().is_some_and(|name| name == "jnl"))
        .expect("the database has a journal")
}

/// Damages a record in the middle of the database's journal.
fn damage(folder: &Path, what: Damage) {
    let journal = journal(folder);
    let mut content = fs::read(&journal).unwrap();
    let text = place(&content, b"text 5");
    let key = place(&content[..text], b"\x01ana\0bruno\0");
    match what {
        // It stands that far before the key; there is none like this.
        Damage::Kind => content[key - 21] = 0xff,
        Damage::Text => content[text] ^= 1,
    }
    fs::write(&journal, content).unwrap();
}

/// Where these bytes stand last.
fn place(content: &[u8], bytes: &[u8]) -> usize {
    content
        .windows(bytes.len())
        .rposition(|some| some == bytes)
        .expect("they are in the journal")
}

fn unread(server: &Server) -> Vec<String> {
    let mut bruno = Client::connect(server.address(), Framing::Line);
    bruno.exchange("bruno")
}

#[test]
fn a_server_that_has_lost_acknowledged_messages_does_not_start() {
    let folder = folder(9);
    damage(folder.path(), Damage::Kind);
    let error = start(folder.path(), &[]).err().expect("it started");
    let StartError::Store(StoreError::Lost { missing, there, .. }) = &error else {
        panic!("{error}");
    };
    assert_eq!((*missing, *there), (4, MessageId(5)));
    assert!(error.to_string().contains("--repair"), "{error}");
    let again = start(folder.path(), &[]).err();
    assert!(again.is_some(), "looking made nothing better");
}

/// As a write leaves it that the disk refused in the middle: space is reserved ahead, and empty.
#[test]
fn a_record_cut_anywhere_and_followed_by_zeros_is_torn_and_no_panic() {
    let folder = folder(9);
    let journal = journal(folder.path());
    let content = fs::read(&journal).unwrap();
    let text = place(&content, b"text 8");
    let key = place(&content[..text], b"\x01ana\0bruno\0");
    for cut in (key - 30..text + 6).step_by(2) {
        let mut torn = content.clone();
        torn[cut..].fill(0);
        fs::write(&journal, torn).unwrap();
        let error = start(folder.path(), &[]).err().expect("it started");
        assert!(
            matches!(
                &error,
                StartError::Store(StoreError::Lost { missing: 1, .. })
            ),
            "cut at {cut}: {error}"
        );
    }
    fs::write(&journal, content).unwrap();
    let server = start(folder.path(), &[]).unwrap();
    assert_eq!(unread(&server).len(), 9);
}

#[test]
fn a_server_whose_store_cannot_be_read_does_not_start() {
    let folder = folder(9);
    damage(folder.path(), Damage::Text);
    let error = start(folder.path(), &[]).err().expect("it started");
    assert!(matches!(
        error,
        StartError::Store(StoreError::Damaged { .. })
    ));
    assert!(error.to_string().contains("--repair"), "{error}");
}

#[test]
fn repair_goes_on_with_what_is_left_and_gives_no_number_twice() {
    for what in [Damage::Kind, Damage::Text] {
        check_repair(what);
    }
}

fn check_repair(what: Damage) {
    let folder = folder(9);
    damage(folder.path(), what);
    start(folder.path(), &["--repair"]).unwrap().stop();
    let server = start(folder.path(), &[]).unwrap();
    let expected: Vec<_> = (0..5).map(|number| format!("@ana text {number}")).collect();
    assert_eq!(unread(&server), expected);
    let mut ana = Client::connect(server.address(), Framing::Line);
    ana.exchange("ana");
    ana.exchange("@bruno after");
    let mut bruno = Client::connect(server.address(), Framing::Line);
    assert_eq!(bruno.exchange("bruno").last().unwrap(), "@ana after");
    bruno.exchange("");
    server.stop();
    let ids: Vec<_> = support::archive_rows(&folder.path().join("messages.csv"))
        .iter()
        .map(|row| row.id)
        .collect();
    assert_eq!(ids, [1, 2, 3, 4, 5, 10]);
    start(folder.path(), &[]).unwrap().stop();
}

#[test]
fn with_relaxed_durability_a_loss_is_no_reason_not_to_start() {
    let folder = folder(9);
    damage(folder.path(), Damage::Kind);
    let server = start(folder.path(), &["--durability", "relaxed"]).unwrap();
    assert_eq!(unread(&server).len(), 5);
    server.stop();
}
