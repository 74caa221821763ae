//! What is peculiar to Windows: files that other programs hold open, and locks that bind everybody.
#![cfg(windows)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "support/program.rs"]
mod program;
mod support;

use std::{
    fs::{self, File, OpenOptions},
    os::windows::fs::OpenOptionsExt,
    path::Path,
    process::Output,
    thread,
    time::{Duration, Instant},
};

use mensageiro_protocol::Framing;
use program::{Program, command};
use support::{Client, TestServer, archive_rows, eventually};

/// Others may read the file meanwhile, and do nothing else: so a spreadsheet opens it.
const ONLY_READ: u32 = 1;

/// Opens a file as a spreadsheet does.
fn spreadsheet(file: &Path) -> File {
    let mut options = OpenOptions::new();
    let opened = options
        .read(true)
        .write(true)
        .share_mode(ONLY_READ)
        .open(file);
    opened.unwrap()
}

fn run(data: &Path, arguments: &[&str]) -> Output {
    let mut program = command(arguments);
    program.arg("--data").arg(data).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn second_server_on_a_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("users.csv"), "ana\n").unwrap();
    let mut first = Program::start(folder.path());
    let second = run(folder.path(), &["--listen", "127.0.0.1:0"]);
    assert!(!second.status.success());
    assert_eq!(second.status.code(), Some(4));
    let why = said(&second);
    assert!(why.contains("another mensageiro-server is using"), "{why}");
    // The system lets go of the folder when the first one dies.
    first.kill();
    Program::start(folder.path());
}

#[test]
fn edit_of_users_that_a_spreadsheet_holds_is_refused_and_nothing_is_left_over() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users.csv");
    fs::write(&users, "ana\n").unwrap();
    let held = spreadsheet(&users);
    let refused = run(folder.path(), &["user", "add", "bruno"]);
    assert!(!refused.status.success());
    let why = said(&refused);
    assert!(why.contains("no other program may have it open"), "{why}");
    assert_eq!(fs::read_to_string(&users).unwrap(), "ana\n");
    let new = |name: &str| name.starts_with("users.csv.new");
    let names = fs::read_dir(folder.path()).unwrap();
    let mut names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!names.any(|name| new(&name)));
    drop(held);
    let made = run(folder.path(), &["user", "add", "bruno"]);
    assert!(made.status.success(), "{}", said(&made));
    assert!(fs::read_to_string(&users).unwrap().contains("bruno"));
}

#[test]
fn edit_waits_for_a_program_that_looks_into_the_file_for_a_moment() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users.csv");
    fs::write(&users, "ana\n").unwrap();
    // A virus scanner lets others write, but not take the name away.
    let mut options = OpenOptions::new();
    let scanner = options.read(true).share_mode(3).open(&users).unwrap();
    let moment = Duration::from_millis(300);
    let begun = Instant::now();
    let made = thread::scope(|scope| {
        scope.spawn(move || {
            thread::sleep(moment);
            drop(scanner);
        });
        run(folder.path(), &["user", "add", "bruno"])
    });
    assert!(made.status.success(), "{}", said(&made));
    assert!(begun.elapsed() >= moment);
    assert!(fs::read_to_string(&users).unwrap().contains("bruno"));
}

#[test]
fn users_that_a_spreadsheet_holds_are_read_and_what_it_saves_counts() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users.csv");
    fs::write(&users, "ana\n").unwrap();
    let held = spreadsheet(&users);
    let server = Program::start(folder.path());
    let may_log_in = |login: &str| {
        let mut client = Client::connect(server.address, Framing::Line);
        client.say(login);
        client.hear().is_some()
    };
    assert!(may_log_in("ana"));
    assert!(!may_log_in("bruno"));
    std::io::Write::write_all(&mut (&held), b"ana\nbruno\n").unwrap();
    eventually(|| may_log_in("bruno"));
}

#[test]
fn messages_wait_while_a_spreadsheet_holds_their_file() {
    let mut server = TestServer::start(&["ana", "bruno"]);
    let mut ana = server.log_in("ana");
    let mut bruno = server.log_in("bruno");
    ana.exchange("@bruno one");
    assert_eq!(bruno.exchange(""), ["@ana one"]);
    bruno.exchange("");
    let messages = server.file("messages.csv");
    eventually(|| archive_rows(&messages).len() == 1);
    let held = spreadsheet(&messages);
    ana.exchange("@bruno two");
    assert_eq!(bruno.exchange(""), ["@ana two"]);
    bruno.exchange("");
    // Everything else goes on, and a stop does not lose what waits.
    assert_eq!(archive_rows(&messages).len(), 1);
    server.stop();
    drop(held);
    server.restart();
    let texts = || archive_rows(&messages).into_iter().map(|row| row.text);
    eventually(|| texts().eq(["one", "two"]));
}

#[test]
fn files_that_readers_have_open_are_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users.csv");
    fs::write(&users, "ana\n").unwrap();
    let server = Program::start(folder.path());
    // Opened as Rust and other programs do that share everything.
    let reader = File::open(&users).unwrap();
    let backup = folder.path().join("backup");
    let copied = run(folder.path(), &["backup", backup.to_str().unwrap()]);
    assert!(copied.status.success(), "{}", said(&copied));
    let status = run(folder.path(), &["status"]);
    assert!(status.status.success(), "{}", said(&status));
    drop(reader);
    drop(server);
    let checked = run(&backup, &["check"]);
    assert!(checked.status.success(), "{}", said(&checked));
}
