//! messages.csv while it is written, edited, and out of reach.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::{fs, thread};

use mensageiro_protocol::Framing;
use support::{TestServer, eventually};

const USERS: [&str; 2] = ["ana", "bruno"];

/// Sends texts from ana to bruno, who reads them.
fn exchange(server: &TestServer, texts: &[&str]) {
    let mut ana = server.log_in("ana");
    for text in texts {
        ana.exchange(&format!("@bruno {text}"));
    }
    let mut bruno = server.connect(Framing::Line);
    assert_eq!(bruno.exchange("bruno").len(), texts.len());
    bruno.close();
}

fn texts(server: &TestServer, rows: usize) -> Vec<String> {
    server.archive(rows).into_iter().map(|row| row.2).collect()
}

#[test]
fn a_row_is_written_when_a_message_is_read_and_not_before() {
    let server = TestServer::start(&USERS);
    let mut ana = server.log_in("ana");
    ana.exchange("@bruno hello");
    assert_eq!(texts(&server, 0), [""; 0]);
    let mut bruno = server.connect(Framing::Line);
    bruno.exchange("bruno");
    assert_eq!(texts(&server, 0), [""; 0]);
    bruno.exchange("");
    assert_eq!(
        server.archive(1),
        [("ana".into(), "bruno".into(), "hello".into())]
    );
}

#[test]
fn texts_that_try_to_break_the_file_come_back_exactly() {
    let server = TestServer::start(&USERS);
    let hostile = [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "'",
        "''",
        "\t=1",
        "a;=1+1",
        "a\t=1",
        "say \"hi\", you",
        ",,,",
        "\"",
        "a,b",
        "ação 🎉",
        "=cmd|' /C calc'!A0",
        "  spaces  ",
        "x;'=1",
    ];
    exchange(&server, &hostile);
    assert_eq!(texts(&server, hostile.len()), hostile);
    let content = fs::read_to_string(server.file("messages.csv")).unwrap();
    for cell in content.split([',', ';', '\t', '\n']) {
        let cell = cell.trim_start_matches('"');
        assert!(
            !cell.starts_with(['=', '+', '-', '@']),
            "{cell:?} may be taken for a formula"
        );
    }
}

#[test]
fn a_second_program_finds_whole_rows_at_any_moment() {
    let server = TestServer::start(&USERS);
    let file = server.file("messages.csv");
    let writer = thread::spawn(move || {
        let long = "x".repeat(3_000);
        let mut ana = server.log_in("ana");
        let mut bruno = server.log_in("bruno");
        for round in 0..100 {
            for number in 0..10 {
                ana.say(format!("@bruno {round} {number} {long}"));
            }
            (0..10).for_each(|_| assert!(ana.hear_all().is_empty()));
            assert_eq!(bruno.exchange("").len(), 10);
        }
        bruno.close();
        server.archive(1_000);
        server
    });
    let mut seen = 0;
    while !writer.is_finished() {
        let ids = support::whole_row_ids(&file);
        assert!(ids.iter().copied().eq(1..=ids.len() as u64));
        assert!(ids.len() >= seen);
        seen = ids.len();
    }
    drop(writer.join().unwrap());
}

#[test]
fn a_file_that_was_moved_away_is_begun_anew() {
    let server = TestServer::start(&USERS);
    exchange(&server, &["one"]);
    texts(&server, 1);
    fs::rename(server.file("messages.csv"), server.file("2026.csv")).unwrap();
    exchange(&server, &["two"]);
    eventually(|| fs::metadata(server.file("messages.csv")).is_ok_and(|file| file.len() > 0));
    assert_eq!(texts(&server, 1), ["two"]);
}

#[test]
fn a_file_that_was_saved_without_its_last_line_end_goes_on_in_a_new_row() {
    let mut server = TestServer::start(&USERS);
    exchange(&server, &["one"]);
    texts(&server, 1);
    server.stop();
    let file = server.file("messages.csv");
    fs::write(&file, fs::read_to_string(&file).unwrap().trim_end()).unwrap();
    server.restart();
    exchange(&server, &["two"]);
    assert_eq!(texts(&server, 2), ["one", "two"]);
}

#[test]
fn rows_wait_while_the_file_cannot_be_written_and_nothing_else_does() {
    let server = TestServer::start(&USERS);
    let file = server.file("messages.csv");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    exchange(&server, &["one", "two"]);
    let mut ana = server.log_in("ana");
    assert!(ana.exchange("@bruno three").is_empty());
    fs::remove_dir(&file).unwrap();
    eventually(|| fs::metadata(&file).is_ok_and(|file| file.len() > 0));
    assert_eq!(texts(&server, 2), ["one", "two"]);
}
