//! The program as a person at a terminal meets it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "support/program.rs"]
mod program;
mod support;

#[cfg(unix)]
use std::time::{Duration, Instant};
use std::{fs, net::TcpListener, process::Stdio};

use mensageiro_protocol::Framing;
#[cfg(target_os = "linux")]
use mensageiro_protocol::live::{ByeCode, Event, RefusalCode};
use program::{Program, command, lines};
use support::{Client, eventually};

/// Runs it with what cannot work, and looks at what it says: a line for each of these, with the system's
/// own words once at most.
fn check_refused(arguments: &[&str], expected: &[&str]) {
    let output = command(arguments).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{arguments:?}");
    assert_eq!(said.trim_end().lines().count(), expected.len(), "{said}");
    assert!(said.matches("(os error").count() <= 1, "{said}");
    for (line, expected) in said.lines().zip(expected) {
        assert!(line.contains(expected), "{line:?} lacks {expected:?}");
    }
}

#[test]
fn help_and_version_explain() {
    let help = command(&["--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for word in [
        "--listen",
        "0.0.0.0:3333",
        "--data",
        "users.csv",
        "--init",
        "--max-mailbox",
        "RUST_LOG",
    ] {
        assert!(help.contains(word), "{word} is not explained");
    }
    let version = command(&["--version"]).output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let number = concat!("mensageiro-server ", env!("CARGO_PKG_VERSION"), " (");
    assert!(version.starts_with(number), "{version}");
}

#[test]
fn what_prevents_a_start_is_one_clear_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let missing = folder.path().join("none");
    check_refused(
        &["--data", missing.to_str().unwrap()],
        &["add --init to make it"],
    );
    check_refused(
        &["--data", data],
        &["users.csv: there is no such file; write one"],
    );
    fs::write(folder.path().join("users.csv"), "ana\nana\n").unwrap();
    check_refused(
        &["--data", data],
        &["users.csv: line 2: ana is there already, on line 1"],
    );
    fs::write(folder.path().join("users.csv"), "ana\nb b\n\n@c\n").unwrap();
    check_refused(
        &["--data", data],
        &["users.csv:", "line 2: ' '", "line 4: a login starts with"],
    );
    let users = folder.path().join("users.csv");
    let wide = "login;nome\nana;Ana"
        .encode_utf16()
        .flat_map(u16::to_be_bytes);
    for (content, expected) in [
        (
            &b"login,name\nana,\"Ana\nbruno,Bruno\n"[..],
            "users.csv: line 2: a quote (\") is opened",
        ),
        (
            b"PK\x03\x04\x14\0\x06\0",
            "users.csv: line 1: the file is a workbook (.xlsx",
        ),
        (
            &wide.collect::<Vec<_>>()[..35],
            "users.csv: line 2: the file is UTF-16 up to here",
        ),
        (
            b"ana\nbruno\n\0\0\0",
            "users.csv: line 3: there are NUL bytes",
        ),
        (
            b"ana\n2.02E+11,Bruno\n",
            "users.csv: line 2: 2.02E+11 is a number that",
        ),
    ] {
        fs::write(&users, content).unwrap();
        check_refused(&["--data", data], &[expected]);
    }
    fs::remove_file(&users).unwrap();
    fs::create_dir(&users).unwrap();
    check_refused(&["--data", data], &["users.csv: it is not a file; put"]);
    fs::remove_dir(&users).unwrap();
    fs::write(&users, "ana\nbruno\n").unwrap();
    let groups = folder.path().join("groups.csv");
    fs::write(&groups, "a,ana,\"note\na,bruno\n").unwrap();
    check_refused(&["--data", data], &["groups.csv: line 1: a quote"]);
    fs::remove_file(&groups).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    check_refused(&["--data", data, "--listen", &address], &["is taken"]);
    let mut running = Program::start(folder.path());
    check_refused(
        &["--data", data, "--listen", "127.0.0.1:0"],
        &["another mensageiro-server is using this folder"],
    );
    running.kill();
    let here = ["--data", data, "--listen", "127.0.0.1:0"];
    let metrics = [&here[..], &["--metrics", &address]].concat();
    check_refused(&metrics, &["(--metrics): "]);
    check_refused(
        &["--data", data, "--listen", "203.0.113.7:0"],
        &["this computer has no such address"],
    );
    let users = folder.path().join("users.csv");
    for more in [&[][..], &["--init"]] {
        let arguments = [&["--data", users.to_str().unwrap()], more].concat();
        check_refused(
            &arguments,
            &["users.csv is a file; --data names the folder"],
        );
    }
    for (name, expected) in [
        ("messages.csv", "close other programs that have it open"),
        ("groups.csv", "groups.csv"),
    ] {
        let file = folder.path().join(name);
        let _ = fs::remove_file(&file);
        fs::create_dir(&file).unwrap();
        check_refused(&here, &[expected]);
        fs::remove_dir(&file).unwrap();
    }
    let store = folder.path().join("store");
    fs::remove_dir_all(&store).unwrap();
    fs::write(&store, "").unwrap();
    check_refused(&here, &["cannot be used: "]);
}

#[test]
fn an_option_that_makes_no_sense_is_named_with_what_would() {
    for (arguments, expected) in [
        (["--listen", "4000"], "such as 0.0.0.0:4000"),
        (["--listen", "localhost:4000"], "such as 0.0.0.0:4000"),
        (["--metrics", "127.0.0.1:70000"], "127.0.0.1:4000"),
        (["--max-connections", "0"], "at least 1"),
        (["--max-connections", "-5"], "at least 1"),
        (["--max-mailbox", "1e6"], "a whole number is needed"),
        (["--max-mailbox-bytes", "64M"], "a whole number is needed"),
        (["--login-timeout", "0"], "at least 1 second"),
        (["--idle-timeout", "1.5"], "a whole number of seconds"),
        (["--max-line-bytes", "10"], "between 256 and 16777216"),
        (["--durability", "fast"], "sync, relaxed"),
    ] {
        let output = command(&arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        for part in [arguments[0], arguments[1], expected] {
            assert!(said.contains(part), "{part:?} is not in {said:?}");
        }
    }
}

#[test]
fn a_wrong_word_in_rust_log_is_told_and_everything_else_logged_as_usual() {
    for word in ["warning", "verbose", "info,foo=bar", "mensageiro_server"] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("users.csv"), "ana\n").unwrap();
        let mut command = command(&["--listen", "127.0.0.1:0", "--data"]);
        command.arg(folder.path()).env("RUST_LOG", word);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut log = lines(child.stderr.take().unwrap());
        let told = log.next().unwrap();
        assert!(told.contains(&format!("RUST_LOG={word}: ")), "{told}");
        eventually(|| mensageiro_server::metrics::ask(folder.path()).is_ok());
        let running = fs::read(folder.path().join("running.json")).unwrap();
        let running: serde_json::Value = serde_json::from_slice(&running).unwrap();
        let address = running["address"].as_str().unwrap().parse().unwrap();
        Client::connect(address, Framing::Line).exchange("ana");
        assert!(log.any(|told| told.contains("ana logged in")));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn who_has_read_enough_may_close_the_pipe() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("users.csv"), "ana\n").unwrap();
    let _server = Program::start(folder.path());
    let data = folder.path().to_str().unwrap();
    for arguments in [
        &["status", "--data", data][..],
        &["--data", data, "status", "--json"],
        &["--help"],
        &["--version"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command(arguments).stdout(writer).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{arguments:?}: {said}");
        assert_eq!(said, "", "{arguments:?}");
    }
}

#[test]
fn init_makes_a_sample_and_leaves_alone_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("new");
    for expected in ["8 users registered", "1 user registered"] {
        let arguments = [
            "--init",
            "--listen",
            "127.0.0.1:0",
            "--data",
            data.to_str().unwrap(),
        ];
        let mut child = command(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = std::io::BufReader::new(child.stdout.take().unwrap());
        let mut greeting = String::new();
        while !greeting.contains("Ctrl-C") {
            std::io::BufRead::read_line(&mut said, &mut greeting).unwrap();
        }
        assert!(greeting.contains(expected), "{greeting}");
        child.kill().unwrap();
        child.wait().unwrap();
        fs::write(data.join("users.csv"), "ana\n").unwrap();
    }
}

#[test]
fn the_log_tells_events_and_never_texts() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("users.csv"), "ana\nbruno\n").unwrap();
    let data = folder.path().to_str().unwrap();
    let mut child = command(&["--listen", "127.0.0.1:0", "--data", data])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let greeting = std::io::BufReader::new(child.stdout.take().unwrap());
    let address = std::io::BufRead::lines(greeting)
        .find_map(|line| {
            line.unwrap()
                .strip_prefix("listening on ")
                .map(|at| at.parse().unwrap())
        })
        .unwrap();
    let mut ana = Client::connect(address, Framing::Line);
    ana.exchange("ana");
    ana.exchange("@bruno a-secret");
    ana.exchange("@zoe a-secret");
    ana.exchange("a-secret");
    ana.close();
    let mut log = Vec::new();
    for line in lines(child.stderr.take().unwrap()) {
        let is_last = line.contains("ana logged out");
        log.push(line);
        if is_last {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    for expected in [
        "ana logged in from 127.0.0.1",
        "message 1 from ana to bruno stored",
        "there is no user zoe",
        "a line of ana is no message",
        "ana logged out",
    ] {
        assert!(
            log.iter().any(|line| line.contains(expected)),
            "{expected:?} is not in {log:#?}"
        );
    }
    assert!(!log.iter().any(|line| line.contains("secret")), "{log:#?}");
}

#[cfg(unix)]
#[test]
fn sigterm_tells_the_clients_and_ends_in_time_with_all_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("users.csv"), "ana\nbruno\n").unwrap();
    let mut server = Program::start(folder.path());
    let mut ana = Client::connect(server.address, Framing::Line);
    ana.exchange("ana");
    ana.exchange("@bruno hello");
    let mut bruno = Client::connect(server.address, Framing::Bare);
    bruno.say("bruno");
    assert_eq!(bruno.hear().unwrap(), b"@ana hello");
    assert_eq!(bruno.hear().unwrap(), b"f");
    bruno.say("@ana thanks");
    assert_eq!(bruno.hear().unwrap(), b"f");
    let _not_logged_in = Client::connect(server.address, Framing::Line);

    let asked = Instant::now();
    let pid = server.child.id().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(ana.hear(), None);
    assert_eq!(bruno.hear(), None);
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(2));
    let rows = support::archive_rows(&folder.path().join("messages.csv"));
    assert_eq!(
        rows.iter().map(|row| row.text.as_str()).collect::<Vec<_>>(),
        ["hello"]
    );

    let server = Program::start(folder.path());
    let mut ana = Client::connect(server.address, Framing::Line);
    assert_eq!(ana.exchange("ana"), ["@bruno thanks"]);
}

/// A limit for the size of its files stands for a disk without space.
#[cfg(target_os = "linux")]
#[test]
fn a_server_whose_disk_refuses_goes_on_by_itself_when_there_is_space_again() {
    use rlimit::{Resource, prlimit};
    use support::live::LiveClient;

    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("users.csv"), "ana\nbruno\n").unwrap();
    // The signal that comes with the limit would end it.
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]);
    shell.arg(env!("CARGO_BIN_EXE_mensageiro-server"));
    let server = Program::through(shell, folder.path(), &[]);
    let limit = |bytes| {
        let process = server.child.id().cast_signed();
        let limits = Some((bytes, u64::MAX));
        prlimit(process, Resource::FSIZE, limits, None).unwrap();
    };
    let (mut ana, _) = LiveClient::log_in(server.address, "ana", None);
    ana.send("1", "bruno", "one");
    limit(1);
    // Some more may fit into what the store has reserved already.
    let text = "x".repeat(8_000);
    let mut sent = 1;
    let refused = loop {
        sent += 1;
        ana.say(&format!("#{sent} @bruno {text}"));
        match ana.hear() {
            Event::Accepted(_) => {}
            other => break other,
        }
    };
    assert!(
        matches!(&refused, Event::Refused(no) if no.code == RefusalCode::Internal),
        "{refused:?}"
    );
    assert_eq!(ana.hear_bye(), ByeCode::Shutdown);
    limit(u64::MAX);
    eventually(|| std::net::TcpStream::connect(server.address).is_ok());
    let (mut ana, _) = LiveClient::log_in(server.address, "ana", Some(0));
    // Whether it was stored after all does not matter: under its tag it is one message.
    ana.send(&sent.to_string(), "bruno", &text);
    let mut bruno = Client::connect(server.address, Framing::Line);
    let got = bruno.exchange("bruno");
    assert_eq!((got.len(), &*got[0]), (sent, "@ana one"));
}
