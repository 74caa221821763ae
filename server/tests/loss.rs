//! Acknowledged messages that the store has lost are noticed at start.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
};

use clap::Parser;
use fjall::{Database, KeyspaceCreateOptions};
use mensageiro_protocol::{Framing, Login};
use mensageiro_server::{
    Options, Server, StartError,
    conversation::Conversation,
    message::MessageId,
    options::Durability,
    store::{DiskStore, Loss, Store, StoreError},
};
use support::{Client, TestServer};
use tempfile::TempDir;

/// What `messages` messages of ana to bruno, sent one after the other, leave on disk.
struct Left {
    /// By a server that was killed: the log has them, the database has nothing.
    killed: TempDir,
    /// By one that was stopped: the database has them too.
    stopped: TempDir,
}

fn left(messages: usize) -> Left {
    let mut server = TestServer::start(&["ana", "bruno"]);
    let mut ana = server.log_in("ana");
    for number in 0..messages {
        ana.exchange(&format!("@bruno text {number}"));
    }
    let killed = copy(server.folder.path());
    drop(ana);
    server.stop();
    Left {
        killed,
        stopped: server.folder,
    }
}

fn copy(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_into(folder, copy.path());
    copy
}

fn copy_into(folder: &Path, copy: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let (from, name) = entry.map(|one| (one.path(), one.file_name())).unwrap();
        let to = copy.join(name);
        if from.is_dir() {
            fs::create_dir(&to).unwrap();
            copy_into(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

fn start(folder: &Path, arguments: &[&str]) -> Result<Server, StartError> {
    let fixed = ["mensageiro-server", "--listen", "127.0.0.1:0", "--data"];
    let fixed = fixed.into_iter().chain([folder.to_str().unwrap()]);
    Server::start(&Options::parse_from(fixed.chain(arguments.iter().copied())))
}

/// The file of the log that is written first.
fn log(folder: &Path) -> PathBuf {
    folder.join("store/0.wal")
}

/// The database's journal.
fn journal(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder.join("store")).unwrap();
    let mut files = files.map(|file| file.unwrap().path());
    files
        .find(|file| file.extension().is_some_and(|name| name == "jnl"))
        .expect("the database has a journal")
}

/// Changes a byte that stands so far before (or, if negative, after) the last place of some bytes.
fn damage(file: &Path, bytes: &[u8], before: isize) {
    let mut content = fs::read(file).unwrap();
    let place = place(&content, bytes).checked_add_signed(-before).unwrap();
    content[place] ^= 0x40;
    fs::write(file, content).unwrap();
}

/// Where these bytes stand last.
fn place(content: &[u8], bytes: &[u8]) -> usize {
    content
        .windows(bytes.len())
        .rposition(|some| some == bytes)
        .expect("they are in the file")
}

fn unread(server: &Server) -> Vec<String> {
    let mut bruno = Client::connect(server.address(), Framing::Line);
    bruno.exchange("bruno")
}

fn refusal(folder: &Path) -> StoreError {
    match start(folder, &[]).err().expect("it started") {
        StartError::Store(error) => {
            assert!(error.to_string().contains("--repair"), "{error}");
            error
        }
        error => panic!("{error}"),
    }
}

#[test]
fn what_is_only_in_the_log_is_there_after_a_start() {
    let folder = left(9).killed;
    for _ in 0..2 {
        let server = start(folder.path(), &[]).unwrap();
        let expected: Vec<_> = (0..9).map(|number| format!("@ana text {number}")).collect();
        assert_eq!(unread(&server), expected);
        server.stop();
    }
}

#[test]
fn a_hole_in_the_log_is_no_reason_to_go_on_without_a_word() {
    let folder = left(9).killed;
    // In the text of a message, in the length of its record, in the mark of its beginning.
    for before in [-3, 60, 70] {
        let spoiled = copy(folder.path());
        damage(&log(spoiled.path()), b"text 5", before);
        for _ in 0..2 {
            let error = refusal(spoiled.path());
            assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        }
    }
}

/// As a write leaves it that the disk refused in the middle.
#[test]
fn a_record_cut_anywhere_is_noticed_by_the_last_number() {
    let folder = left(9).killed;
    let content = fs::read(log(folder.path())).unwrap();
    let text = place(&content, b"text 8");
    for cut in (text - 60..text + 6).step_by(3) {
        let mut torn = content.clone();
        torn[cut..].fill(0);
        fs::write(log(folder.path()), torn).unwrap();
        let error = refusal(folder.path());
        assert!(
            matches!(error, StoreError::Lost { missing: 1, there, .. } if there == MessageId(8)),
            "cut at {cut}: {error}"
        );
    }
    fs::write(log(folder.path()), content).unwrap();
    let server = start(folder.path(), &[]).unwrap();
    assert_eq!(unread(&server).len(), 9);
}

#[test]
fn what_the_database_has_lost_is_in_the_log_or_missed() {
    let folder = left(9).stopped;
    // The kind of a record, which the database takes for the end of its journal: it stands that
    // far before the key.
    let lose = |folder: &Path| damage(&journal(folder), b"\x01ana\0bruno\0", 21);
    let spoiled = copy(folder.path());
    lose(spoiled.path());
    let server = start(spoiled.path(), &[]).unwrap();
    assert_eq!(unread(&server).len(), 9);
    server.stop();
    // When the log has been written anew, it is not.
    let server = start(folder.path(), &[]).unwrap();
    let mut ana = Client::connect(server.address(), Framing::Line);
    ana.exchange("ana");
    ana.exchange("@bruno text 9");
    let spoiled = copy(folder.path());
    lose(spoiled.path());
    let error = refusal(spoiled.path());
    assert!(error.to_string().contains("are missing"), "{error}");
}

/// As a power cut may leave it.
#[test]
fn what_cannot_be_read_at_the_end_of_the_databases_journal_is_in_the_log() {
    let folder = left(9).stopped;
    let journal = journal(folder.path());
    damage(&journal, b"text 5", -3);
    let spoiled = fs::read(&journal).unwrap();
    let server = start(folder.path(), &[]).unwrap();
    assert_eq!(unread(&server).len(), 9);
    assert_eq!(kept(&journal), spoiled);
}

#[test]
fn what_the_log_gives_again_is_there_once_however_the_database_had_it() {
    let mut server = TestServer::start(&["ana", "bruno"]);
    let mut ana = server.log_in("ana");
    let mut write = |numbers: Range<usize>| {
        for number in numbers {
            ana.exchange(&format!("@bruno text {number}"));
        }
    };
    write(0..5);
    let mut bruno = server.log_in("bruno");
    bruno.exchange("");
    let rows = server.folder.path().join("messages.csv");
    support::eventually(|| support::archive_rows(&rows).len() == 5);
    write(5..9);
    drop((ana, bruno));
    server.stop();
    // The database has two blocks, and has forgotten how far it had come.
    let store = server.folder.path().join("store");
    let database = Database::builder(store).open().unwrap();
    let numbers = database
        .keyspace("numbers", KeyspaceCreateOptions::default)
        .unwrap();
    for name in ["settled", "archive-bytes"] {
        numbers.remove(name).unwrap();
    }
    drop((numbers, database));
    let folder = server.folder;
    let server = start(folder.path(), &[]).unwrap();
    let expected: Vec<_> = (5..9).map(|number| format!("@ana text {number}")).collect();
    assert_eq!(unread(&server), expected);
    server.stop();
    let ids: Vec<_> = support::archive_rows(&rows)
        .iter()
        .map(|row| row.id)
        .collect();
    assert_eq!(ids[..5], [1, 2, 3, 4, 5]);
    assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?}");
    let store = folder.path().join("store");
    let store = DiskStore::open(&store, Durability::Sync, Loss::Refused).unwrap();
    let with = Conversation::pair(&login("ana"), &login("bruno"));
    let history = store.history(&with, None, 50, MessageId::MAX).unwrap();
    let ids = history.iter().map(|message| message.id.0);
    assert!(ids.eq(1..=9), "{history:?}");
}

fn login(name: &str) -> Login {
    Login::parse(name).unwrap()
}

#[test]
fn repair_goes_on_with_what_is_left_and_gives_no_number_twice() {
    let folder = left(9).killed;
    let log = log(folder.path());
    damage(&log, b"text 5", -3);
    let spoiled = fs::read(&log).unwrap();
    start(folder.path(), &["--repair"]).unwrap().stop();
    assert_eq!(kept(&log), spoiled);
    // The database has it now.
    damage(&log, b"text 8", -3);
    check_repaired(folder.path(), &[0, 1, 2, 3, 4, 6, 7, 8]);
    // Torn at the end.
    let folder = left(9).killed;
    let log = self::log(folder.path());
    damage(&log, b"text 8", -3);
    let spoiled = fs::read(&log).unwrap();
    start(folder.path(), &["--repair"]).unwrap().stop();
    assert_eq!(kept(&log), spoiled);
    check_repaired(folder.path(), &[0, 1, 2, 3, 4, 5, 6, 7]);
}

/// What a repair keeps of a file.
fn kept(file: &Path) -> Vec<u8> {
    fs::read(format!("{}.damaged", file.display())).unwrap()
}

fn check_repaired(folder: &Path, expected: &[u64]) {
    let server = start(folder, &[]).unwrap();
    let texts: Vec<_> = expected
        .iter()
        .map(|number| format!("@ana text {number}"))
        .collect();
    assert_eq!(unread(&server), texts);
    let mut ana = Client::connect(server.address(), Framing::Line);
    ana.exchange("ana");
    ana.exchange("@bruno after");
    let mut bruno = Client::connect(server.address(), Framing::Line);
    assert_eq!(bruno.exchange("bruno").last().unwrap(), "@ana after");
    bruno.exchange("");
    server.stop();
    let ids = support::archive_rows(&folder.join("messages.csv"));
    let ids = ids.iter().map(|row| row.id);
    let numbers = expected.iter().map(|number| number + 1).chain([10]);
    assert!(ids.eq(numbers));
    start(folder, &[]).unwrap().stop();
}

#[test]
fn with_relaxed_durability_a_loss_is_no_reason_not_to_start() {
    let folder = left(9).killed;
    damage(&log(folder.path()), b"text 5", -3);
    let server = start(folder.path(), &["--durability", "relaxed"]).unwrap();
    assert_eq!(unread(&server).len(), 8);
    server.stop();
}
