//! The status: asked for on the command line, by Prometheus, and by nobody else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "support/program.rs"]
mod program;
mod support;

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
};

use mensageiro_protocol::Framing;
use mensageiro_server::metrics::{Status, ask};
use program::{Program, command};
use support::{PATIENCE, TestServer, eventually};

const USERS: [&str; 3] = ["ana", "bruno", "carla"];

/// A server on which something has happened.
fn busy_server(arguments: &[&str]) -> TestServer {
    let server = TestServer::with_arguments(&USERS, arguments);
    let mut ana = server.log_in("ana");
    ana.exchange("@bruno one");
    ana.exchange("@bruno two");
    ana.exchange("@nobody three");
    assert_eq!(server.connect(Framing::Line).hear_after("zoe"), None);
    let mut bruno = server.connect(Framing::Line);
    assert_eq!(bruno.exchange("bruno").len(), 2);
    bruno.exchange("@carla four");
    bruno.close();
    eventually(|| ask(server.folder.path()).unwrap().sessions == 1);
    server.keep(ana)
}

fn check(status: &Status) {
    assert_eq!(
        (status.users, status.users_online, status.sessions),
        (3, 1, 1)
    );
    assert_eq!((status.mailboxes, status.messages_waiting), (1, 1));
    let totals = &status.totals;
    assert_eq!((totals.logins, totals.refusals), (2, 1));
    assert_eq!((totals.accepted, totals.read, totals.discarded), (3, 2, 1));
    assert_eq!(status.commits.count(), 3);
}

#[test]
fn a_running_server_tells_what_it_is_doing() {
    let server = busy_server(&[]);
    check(&ask(server.folder.path()).unwrap());
    let folder = server.folder.path().to_str().unwrap();
    let output = command(&["status", "--data", folder, "--json"])
        .output()
        .unwrap();
    check(&serde_json::from_slice(&output.stdout).unwrap());
    let output = command(&["status", "--data", folder]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for line in [
        "access       open: a name is enough to log in",
        "online       1 of 3 users (sessions: 1, encrypted: 0)",
        "mailboxes    1 (messages in them: 1)",
        "messages     3 accepted, 2 read since the start",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
}

#[test]
fn where_no_server_runs_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("users.csv"), "ana").unwrap();
    let data = folder.path().to_str().unwrap();
    let refused = || {
        let output = command(&["status", "--data", data]).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused().contains("no server is running"));
    let mut server = Program::start(folder.path());
    assert!(ask(folder.path()).is_ok());
    let running = fs::read(folder.path().join("running.json")).unwrap();
    server.kill();
    let said = refused();
    assert!(said.contains("no server is running"), "{said}");
    assert!(said.contains("does not answer"), "{said}");
    assert_eq!(said.matches("(os error").count(), 1, "{said}");
    // Something else has taken its place.
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut file: serde_json::Value = serde_json::from_slice(&running).unwrap();
    file["address"] = other.local_addr().unwrap().to_string().into();
    fs::write(folder.path().join("running.json"), file.to_string()).unwrap();
    for (answer, expected) in [
        (&b"SSH-2.0-OpenSSH_9.6\r\n"[..], "is no mensageiro-server"),
        (b"", "it hung up"),
    ] {
        let other = other.try_clone().unwrap();
        let answers = std::thread::spawn(move || {
            let (mut stream, _) = other.accept().unwrap();
            stream.write_all(answer).unwrap();
            // Closing without having read what was asked would break the connection.
            let _ = stream.read(&mut [0; 1024]);
        });
        let said = refused();
        assert!(said.contains(expected), "{said}");
        answers.join().unwrap();
    }
    fs::write(folder.path().join("running.json"), "{").unwrap();
    assert!(refused().contains("cannot be understood"));
    let mut server = TestServer::start(&USERS);
    server.stop();
    assert!(!server.file("running.json").exists());
}

#[test]
fn who_does_not_know_the_key_is_refused_like_any_stranger() {
    let server = TestServer::start(&USERS);
    for question in [
        "status/1 ",
        "status/1 00000000000000000000000000000000",
        "status",
    ] {
        assert_eq!(server.connect(Framing::Line).hear_after(question), None);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let file = fs::metadata(server.file("running.json")).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn prometheus_finds_its_metrics() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("users.csv"), "ana").unwrap();
    let server = Program::with_arguments(folder.path(), &["--metrics", "127.0.0.1:0"]);
    let address = server.metrics.unwrap();
    let page = get(address, "/metrics");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    let body = page.split("\r\n\r\n").nth(1).unwrap();
    for line in body.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("mensageiro_"), "{line}");
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
    assert!(body.contains("\nmensageiro_users 1\n"));
    assert!(body.contains("\nmensageiro_log_lines_dropped_total 0\n"));
    assert!(body.contains("\nmensageiro_commit_seconds_bucket{le=\"+Inf\"} 0\n"));
    assert!(get(address, "/").contains("online       0 of 1 users"));
    assert!(get(address, "/other").starts_with("HTTP/1.1 404"));
}

#[test]
fn slow_readers_of_the_metrics_delay_neither_others_nor_the_stop() {
    let mut server = TestServer::with_arguments(&USERS, &["--metrics", "127.0.0.1:0"]);
    let address = server.metrics().unwrap();
    let mut slow: Vec<_> = (0..100)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(b"GET /metr").unwrap();
            stream
        })
        .collect();
    assert!(get(address, "/metrics").starts_with("HTTP/1.1 200 OK\r\n"));
    // Whoever has been there for longest made place for it.
    let gone = |stream: &mut TcpStream| match stream.read(&mut [0; 16]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    };
    assert!(gone(&mut slow[0]));
    // Who goes on asking, a little at a time, has no more time than the others.
    let mut last = slow.pop().unwrap();
    eventually(|| last.write_all(b"x").is_err());
    // Who reads the answer one byte at a time is left with the rest of it, and the others get theirs.
    let mut readers: Vec<_> = (0..100)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
            stream.read_exact(&mut [0]).unwrap();
            stream
        })
        .collect();
    assert!(get(address, "/metrics").ends_with('\n'));
    readers[0].read_exact(&mut [0]).unwrap();
    let mut more = TcpStream::connect(address).unwrap();
    more.set_read_timeout(Some(PATIENCE)).unwrap();
    more.write_all(b"GET").unwrap();
    server.stop();
    assert!(gone(&mut more));
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
        .unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}
