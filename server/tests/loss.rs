//! Acknowledged messages that the store has lost are noticed at start.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "support/copy.rs"]
mod copy;
mod support;

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Parser;
use copy::copy_of;
use mensageiro_protocol::Framing;
use mensageiro_server::{Options, Server, StartError, StorageError};
use support::{Client, TestServer};
use tempfile::TempDir;

/// What `messages` messages of ana to bruno, sent one after the other, leave on disk.
struct Left {
    /// By a server that was killed: the log has them, the index has nothing.
    killed: TempDir,
    /// By one that was stopped: the index has them too.
    stopped: TempDir,
}

fn left(messages: usize) -> Left {
    let mut server = TestServer::start(&["ana", "bruno"]);
    let mut ana = server.log_in("ana");
    for number in 0..messages {
        ana.exchange(&format!("@bruno text {number}"));
    }
    let killed = copy_of(server.folder.path());
    drop(ana);
    server.stop();
    Left {
        killed,
        stopped: server.folder,
    }
}

fn start(folder: &Path, arguments: &[&str]) -> Result<Server, StartError> {
    let fixed = ["mensageiro-server", "--listen", "127.0.0.1:0", "--data"];
    let fixed = fixed.into_iter().chain([folder.to_str().unwrap()]);
    Server::start(&Options::parse_from(fixed.chain(arguments.iter().copied())))
}

/// The first segment of the log.
fn log(folder: &Path) -> PathBuf {
    folder.join("store/log/00000000000000000000.log")
}

/// The files of the index.
fn index(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder.join("store")).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let is_index = |file: &PathBuf| file.to_str().unwrap().contains("index.sqlite");
    let files: Vec<_> = files.filter(is_index).collect();
    assert!(!files.is_empty());
    files
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

/// Why a store is not opened.
fn refusal(folder: &Path) -> String {
    match start(folder, &[]).err().expect("it started") {
        StartError::Storage(error @ StorageError::Log(_)) => {
            let error = error.to_string();
            assert!(error.contains("--repair"), "{error}");
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
        let spoiled = copy_of(folder.path());
        damage(&log(spoiled.path()), b"text 5", before);
        for _ in 0..2 {
            let error = refusal(spoiled.path());
            assert!(error.contains(".log"), "{error}");
        }
    }
}

/// As a write leaves it that the disk refused in the middle.
#[test]
fn an_acknowledged_record_that_is_cut_anywhere_is_noticed() {
    let folder = left(9).killed;
    let content = fs::read(log(folder.path())).unwrap();
    let text = place(&content, b"text 8");
    for cut in (text - 60..text + 6).step_by(3) {
        let mut torn = content.clone();
        torn[cut..].fill(0);
        fs::write(log(folder.path()), torn).unwrap();
        refusal(folder.path());
    }
    fs::write(log(folder.path()), content).unwrap();
    let server = start(folder.path(), &[]).unwrap();
    assert_eq!(unread(&server).len(), 9);
}

/// The index can be lost at any time, whatever happens to it: it is made again from the log.
#[test]
fn an_index_that_is_deleted_cut_or_changed_is_made_again() {
    let left = left(9);
    for folder in [&left.killed, &left.stopped] {
        for file in 0..index(folder.path()).len() {
            type Spoil = fn(&mut Vec<u8>);
            let ways: [Spoil; 5] = [
                Vec::clear,
                |bytes| bytes.truncate(bytes.len() / 2),
                |bytes| bytes.fill(0),
                |bytes| bytes.iter_mut().step_by(97).for_each(|byte| *byte ^= 1),
                |bytes| *bytes = b"no database at all".repeat(99),
            ];
            for way in 0..=ways.len() {
                let spoiled = copy_of(folder.path());
                let file = &index(spoiled.path())[file];
                match ways.get(way) {
                    None => fs::remove_file(file).unwrap(),
                    Some(spoil) => {
                        let mut bytes = fs::read(file).unwrap();
                        spoil(&mut bytes);
                        fs::write(file, bytes).unwrap();
                    }
                }
                let server = start(spoiled.path(), &[]).unwrap();
                let expected: Vec<_> = (0..9).map(|n| format!("@ana text {n}")).collect();
                assert_eq!(unread(&server), expected, "{} {way}", file.display());
                server.stop();
            }
        }
    }
}

#[test]
fn repair_goes_on_with_what_is_left_in_another_epoch() {
    // In the middle, and torn at the end: there nobody knows which ids were given.
    let cases = [
        (5, [0, 1, 2, 3, 4, 6, 7, 8], 10),
        (8, [0, 1, 2, 3, 4, 5, 6, 7], 9),
    ];
    for (lost, expected, next) in cases {
        let folder = left(9).killed;
        let log = log(folder.path());
        damage(&log, format!("text {lost}").as_bytes(), -3);
        let spoiled = fs::read(&log).unwrap();
        start(folder.path(), &["--repair"]).unwrap().stop();
        assert_eq!(kept(&log), spoiled);
        check_repaired(folder.path(), &expected, next);
    }
}

/// What a repair keeps of a file.
fn kept(file: &Path) -> Vec<u8> {
    fs::read(format!("{}.damaged", file.display())).unwrap()
}

fn check_repaired(folder: &Path, expected: &[u64], next: u64) {
    let server = start(folder, &[]).unwrap();
    let mut device = Client::connect(server.address(), Framing::Line);
    device.say(b"ana live/1");
    let welcome = String::from_utf8(device.hear().unwrap()).unwrap();
    assert!(!welcome.contains(r#""epoch":1,"#), "{welcome}");
    device.reset();
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
    let numbers = expected.iter().map(|number| number + 1).chain([next]);
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

/// As a power cut leaves a server with relaxed durability: the end of the log was not on the disk yet, nor the note of what
/// was acknowledged, but the index was.
#[test]
fn an_end_of_the_log_that_only_the_index_knows_of_is_missed_and_another_epoch_begins() {
    let folder = left(9).stopped;
    let folder = folder.path();
    let mut content = fs::read(log(folder)).unwrap();
    let cut = place(&content, b"text 7");
    content[cut..].fill(0);
    fs::write(log(folder), content).unwrap();
    fs::remove_file(folder.join("store/log/acknowledged")).unwrap();
    for _ in 0..2 {
        let error = refusal(folder);
        assert!(error.contains("are missing"), "{error}");
    }
    let relaxed = ["--durability", "relaxed"];
    let server = start(folder, &relaxed).unwrap();
    let hello = |line: &str| {
        let mut device = Client::connect(server.address(), Framing::Line);
        device.say(line.as_bytes());
        let welcome = String::from_utf8(device.hear().unwrap()).unwrap();
        device.reset();
        welcome
    };
    let welcome = hello("bruno live/1");
    assert!(!welcome.contains(r#""epoch":1,"#), "{welcome}");
    let (_, store) = welcome.split_once(r#""store":""#).unwrap();
    let store = &store[..32];
    // A device that has them all learns that two are lost, and that their ids will be given again.
    let welcome = hello(&format!("bruno live/1 after=9 store={store} epoch=1"));
    assert!(welcome.contains(r#""after":7,"#), "{welcome}");
    assert_eq!(unread(&server).len(), 7);
    server.stop();
    let server = start(folder, &relaxed).unwrap();
    assert_eq!(unread(&server).len(), 7);
    server.stop();
}
