//! messages.csv edited while the server was stopped, after a crash or not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "support/copy.rs"]
mod copy;
#[path = "support/program.rs"]
mod program;
mod support;

use std::{
    fs,
    path::{Path, PathBuf},
};

use copy::copy_of;
use support::{TestServer, archive_rows, eventually};

const USERS: [&str; 2] = ["ana", "bruno"];

/// Sends these texts, has them read, and stops the server when their rows are there.
fn stopped_after(texts: &[String]) -> (TestServer, String) {
    let mut server = TestServer::start(&USERS);
    exchange(&server, texts);
    let file = server.file("messages.csv");
    eventually(|| archive_rows(&file).len() == texts.len());
    server.stop();
    let content = fs::read_to_string(&file).unwrap();
    (server, content)
}

fn exchange(server: &TestServer, texts: &[String]) {
    let mut ana = server.log_in("ana");
    for text in texts {
        ana.exchange(&format!("@bruno {text}"));
    }
    let mut bruno = server.log_in("bruno");
    assert!(bruno.exchange("").is_empty());
}

fn numbered(count: usize) -> Vec<String> {
    (1..=count)
        .map(|number| format!("message {number}"))
        .collect()
}

/// Edits the file, starts the server, has one more message read, and looks whether what was there is
/// there, followed by the one row.
fn check_edit(edit: impl FnOnce(&str) -> String) {
    let (mut server, content) = stopped_after(&numbered(20));
    let file = server.file("messages.csv");
    let edited = edit(&content);
    fs::write(&file, &edited).unwrap();
    server.restart();
    assert_eq!(fs::read_to_string(&file).unwrap(), edited);
    exchange(&server, &["one more".into()]);
    let mut found = String::new();
    eventually(|| {
        found = fs::read_to_string(&file).unwrap();
        found.ends_with(",ana,bruno,one more\n")
    });
    let rest = found.strip_prefix(&edited).unwrap();
    assert_eq!(rest.trim_start_matches('\n').lines().count(), 1, "{rest:?}");
}

fn columns(content: &str, change: impl Fn(Vec<&str>) -> String, end: &str) -> String {
    let rows: Vec<_> = content
        .lines()
        .map(|row| change(row.split(',').collect()))
        .collect();
    rows.join(end)
}

#[test]
fn a_line_of_ones_own_costs_no_row() {
    for line in [
        "ordered: the 19\" monitor",
        "\"",
        "21,by hand",
        "99,t,t,\"x,y,z",
        "",
    ] {
        check_edit(|content| {
            let mut lines: Vec<_> = content.lines().collect();
            lines.insert(6, line);
            lines.join("\n") + "\n"
        });
    }
}

#[test]
fn a_quote_typed_into_an_old_row_costs_no_row() {
    check_edit(|content| content.replacen(",ana,", ",\"ana,", 1));
    check_edit(|content| content.replacen("message 3", "\"message 3", 1));
    check_edit(|content| content.replacen("message 3", "message \"3", 1));
    check_edit(|content| content.trim_end().replacen("message 20", "\"message 20", 1));
}

#[test]
fn a_file_that_was_saved_in_another_form_loses_no_row() {
    check_edit(|content| {
        columns(
            content,
            |row| [&row[..2], &row[3..]].concat().join(","),
            "\r\n",
        )
    });
    check_edit(|content| columns(content, |row| row.join(";"), "\r\n"));
    check_edit(|content| columns(content, |row| format!("\"{}\"", row.join("\"\t\"")), "\r\n"));
    check_edit(|content| format!("\u{feff}{content}"));
    check_edit(|content| content.replace('\n', "\r"));
}

#[test]
fn rows_that_were_taken_out_stay_out() {
    check_edit(|content| {
        content
            .lines()
            .take(6)
            .map(|row| format!("{row}\n"))
            .collect()
    });
    check_edit(|content| {
        content
            .lines()
            .rev()
            .map(|row| format!("{row}\n"))
            .collect()
    });
    check_edit(|content| content.lines().next().unwrap().to_owned());
}

#[test]
fn what_says_how_far_the_file_is_may_be_lost_or_damaged_and_the_index_too() {
    type Damage = fn(&Path);
    let remove: Damage = |file| fs::remove_file(file).unwrap();
    let flip: Damage = |file| {
        let mut bytes = fs::read(file).unwrap();
        bytes.iter_mut().for_each(|byte| *byte ^= 0x10);
        fs::write(file, bytes).unwrap();
    };
    for (damage, with_index) in [(remove, false), (flip, false), (remove, true), (flip, true)] {
        let (mut server, content) = stopped_after(&numbered(20));
        let store = server.file("store");
        damage(&store.join("archive"));
        if with_index {
            let files = fs::read_dir(&store)
                .unwrap()
                .map(|entry| entry.unwrap().path());
            let is_index = |file: &PathBuf| {
                let name = file.file_name().unwrap().to_string_lossy();
                file.is_file() && name.starts_with("index")
            };
            let files: Vec<_> = files.filter(is_index).collect();
            assert!(!files.is_empty());
            files.iter().for_each(|file| damage(file));
        }
        server.restart();
        exchange(&server, &["one more".into()]);
        let file = server.file("messages.csv");
        eventually(|| archive_rows(&file).len() > 20);
        server.stop();
        let found = fs::read_to_string(&file).unwrap();
        let rest = found.strip_prefix(&content).unwrap();
        assert!(
            rest.ends_with(",ana,bruno,one more\n") && rest.lines().count() == 1,
            "{rest}"
        );
    }
}

/// A server that was stopped while its rows could not be written, and the file as it would be.
fn stopped_with_rows_that_wait() -> (TestServer, String) {
    let mut server = TestServer::start(&USERS);
    let file = server.file("messages.csv");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let texts = ["hello", "say \"x\", you", "bye"].map(str::to_owned);
    exchange(&server, &texts);
    server.stop();
    fs::remove_dir(&file).unwrap();
    let copy = copy_of(server.folder.path());
    let whole = rows_of_copy(copy.path());
    assert_eq!(whole.lines().count(), 4);
    (server, whole)
}

/// What a start in this folder writes.
fn rows_of_copy(folder: &Path) -> String {
    let mut program = program::Program::start(folder);
    let file: PathBuf = folder.join("messages.csv");
    eventually(|| fs::read_to_string(&file).is_ok_and(|content| content.lines().count() == 4));
    program.kill();
    fs::read_to_string(file).unwrap()
}

#[test]
fn a_row_that_a_crash_has_torn_is_written_again_and_nothing_else_is_touched() {
    let (server, whole) = stopped_with_rows_that_wait();
    let second = whole.match_indices('\n').nth(1).unwrap().0 + 1;
    let header = whole.lines().next().unwrap().len() + 1;
    let check = |there: &str, expected: &str| {
        let copy = copy_of(server.folder.path());
        fs::write(copy.path().join("messages.csv"), there).unwrap();
        let mut program = program::Program::start(copy.path());
        let mut found = String::new();
        eventually(|| {
            found = fs::read_to_string(copy.path().join("messages.csv")).unwrap();
            found == expected || found.len() > expected.len()
        });
        assert_eq!(found, expected, "{there:?}");
        program.kill();
    };
    for torn in [
        header + 1,
        second,
        second + 30,
        whole.len() - 20,
        whole.len() - 1,
        whole.len(),
    ] {
        check(&whole[..torn], &whole);
    }
    // A power cut leaves NUL bytes where the file was longer already.
    check(&format!("{}\0\0\0", &whole[..second + 30]), &whole);
    // Somebody has written into the file before the server was started again.
    let rows = &whole[header..];
    let edited = format!("{}0,t,t,\"ana,bruno,old\n", &whole[..header]);
    check(
        &format!("{edited}{}", &rows[..40]),
        &format!("{edited}{rows}"),
    );
    let own = format!("{edited}1,and what is mine");
    check(&own, &format!("{own}\n{rows}"));
}

#[test]
fn a_workbook_is_not_written_into_and_the_rows_wait() {
    for content in [&b"PK\x03\x04\x14\0\x06\0"[..], b"\xff\xfei\0d\0,\0"] {
        let (mut server, _) = stopped_after(&numbered(1));
        let file = server.file("messages.csv");
        fs::write(&file, content).unwrap();
        server.restart();
        exchange(&server, &["two".into()]);
        server.stop();
        server.restart();
        assert_eq!(fs::read(&file).unwrap(), content);
        fs::rename(&file, server.file("messages.xlsx")).unwrap();
        eventually(|| file.exists() && archive_rows(&file).len() == 1);
        assert_eq!(archive_rows(&file)[0].text, "two");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_long_file_that_was_edited_takes_no_more_memory() {
    let (server, content) = stopped_after(&numbered(20));
    let file = server.file("messages.csv");
    let peak = |program: &program::Program| -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", program.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM:"))
            .unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let mut small = program::Program::start(server.folder.path());
    let before = peak(&small);
    small.kill();
    let rows = content
        .lines()
        .skip(1)
        .map(|row| format!("{row}\n"))
        .collect::<String>();
    let rows = rows.replacen("message 3", "\"message 3", 1);
    fs::write(&file, content + &rows.repeat(48 * 1024 * 1024 / rows.len())).unwrap();
    let mut large = program::Program::start(server.folder.path());
    let after = peak(&large);
    large.kill();
    assert!(
        after < before + 16 * 1024,
        "{before} KiB before, {after} KiB after"
    );
}
