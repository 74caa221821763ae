//! TLS on the server's port.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "support/program.rs"]
mod program;
mod support;
#[path = "support/tls.rs"]
mod tls;

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Command, Stdio},
    sync::Barrier,
    thread,
    time::Duration,
};

use mensageiro_protocol::Framing;
use mensageiro_server::metrics::ask;
use program::Program;
use support::{Client, PATIENCE, TestServer, eventually};
use tls::TlsClient;

const USERS: [&str; 2] = ["ana", "bruno"];

#[test]
fn sessions_of_every_kind_are_the_same_inside_tls() {
    let server = TestServer::start(&USERS);
    let address = server.address();
    let (mut ana, _) = TlsClient::log_in(address, "ana");
    assert_eq!(ana.exchange("@bruno olá"), [""; 0]);
    let mut plain = server.connect(Framing::Line);
    assert_eq!(plain.exchange("bruno"), ["@ana olá"]);
    plain.exchange("@ana hi");
    assert_eq!(ana.exchange(""), ["@bruno hi"]);
    let mut live = TlsClient::connect(address);
    live.say("bruno live/1 device=d");
    assert!(live.hear().starts_with("welcome {"));
    while live.hear() != "f" {}
    live.say("#t1 @ana pushed");
    while !live.hear().starts_with("ok {\"tag\":\"t1\"") {}
    assert_eq!(ana.exchange(""), ["@bruno pushed"]);
    assert_eq!(ana.exchange(""), [""; 0]);
    // Bare: neither side ends its lines.
    let mut bare = TlsClient::connect(address);
    bare.send(b"ana");
    assert_eq!(bare.receive(), b"f");
    bare.send(b"@bruno bare");
    assert_eq!(bare.receive(), b"f");
    let status = ask(server.folder.path()).unwrap();
    assert_eq!((status.sessions, status.encrypted_sessions), (4, 3));
    let running = fs::read_to_string(server.file("running.json")).unwrap();
    let key = running.split('"').rev().nth(1).unwrap();
    let mut curious = TlsClient::connect(address);
    curious.say(&format!("status/1 {key}"));
    let told = curious.hear();
    assert!(told.contains(&ana.fingerprint().to_string()), "{told}");
    ana.close();
}

#[test]
fn an_end_without_close_notify_is_a_cut() {
    let server = TestServer::start(&USERS);
    let address = server.address();
    let (mut ana, _) = TlsClient::log_in(address, "ana");
    ana.exchange("@bruno one");
    // What was given to a client that was cut off is given again.
    let (bruno, first) = TlsClient::log_in(address, "bruno");
    bruno.cut();
    let (bruno, again) = TlsClient::log_in(address, "bruno");
    assert_eq!(
        (first, &again[..]),
        (again.clone(), &["@ana one".to_owned()][..])
    );
    bruno.close();
    let (mut bruno, nothing) = TlsClient::log_in(address, "bruno");
    assert_eq!(nothing, [""; 0]);
    // The beginning of a line is no line, but the last line before the end may lack its line end.
    bruno.send(b"@ana give me 100");
    bruno.cut();
    let (mut bruno, _) = TlsClient::log_in(address, "bruno");
    bruno.send(b"@ana whole");
    bruno.stream.conn.send_close_notify();
    assert_eq!(bruno.hear_all(), [""; 0]);
    assert_eq!(ana.exchange(""), ["@bruno whole"]);
}

#[test]
fn whatever_is_cut_where_nothing_is_stored_in_part() {
    let server = TestServer::start(&USERS);
    let address = server.address();
    let sent = |client: &mut TlsClient| {
        let mut record = Vec::new();
        client
            .stream
            .conn
            .writer()
            .write_all(b"@bruno text\n")
            .unwrap();
        client.stream.conn.write_tls(&mut record).unwrap();
        record
    };
    let (mut whole, _) = TlsClient::log_in(address, "ana");
    let record = sent(&mut whole);
    whole.stream.sock.write_all(&record).unwrap();
    whole.hear_all();
    let length = record.len();
    for at in (0..length).step_by(3) {
        let (mut ana, _) = TlsClient::log_in(address, "ana");
        let record = sent(&mut ana);
        ana.stream.sock.write_all(&record[..at]).unwrap();
        ana.cut();
    }
    // In two parts it is still one record.
    let mut stored = 1;
    for at in (1..length).step_by(3) {
        let record = sent(&mut whole);
        whole.stream.sock.write_all(&record[..at]).unwrap();
        thread::sleep(Duration::from_millis(2));
        whole.stream.sock.write_all(&record[at..]).unwrap();
        assert_eq!(whole.hear_all(), [""; 0]);
        stored += 1;
    }
    let (_, messages) = TlsClient::log_in(address, "bruno");
    assert_eq!(messages, vec!["@ana text"; stored]);
}

#[test]
fn client_hello_may_come_byte_by_byte() {
    let server = TestServer::start(&USERS);
    let mut socket = TcpStream::connect(server.address()).unwrap();
    socket.set_nodelay(true).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut client = tls::connection();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    for byte in hello.chunks(1) {
        socket.write_all(byte).unwrap();
    }
    let mut stream = rustls::Stream::new(&mut client, &mut socket);
    stream.write_all(b"ana\n").unwrap();
    let mut answer = [0; 2];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"f\n");
}

/// What the server sends until it hangs up.
fn answer_to(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    if let Err(error) = socket.read_to_end(&mut answer) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    answer
}

#[test]
fn what_begins_like_tls_and_is_not_is_hung_up_on() {
    let server = TestServer::start(&USERS);
    let address = server.address();
    let mut alert = 0;
    for bytes in [
        &b"\x16ana\n"[..],
        b"\x16\x03\x01\x00\x04ana\n",
        b"\x16\x03\x01\xff\xff",
        &[0x16; 600],
    ] {
        let answer = answer_to(address, bytes);
        alert += usize::from(answer.first() == Some(&0x15));
    }
    assert!(alert > 0, "nobody was told why");
    // A client hello that never ends: each record is whole, and has the most that one may have.
    let mut endless = Vec::new();
    for number in 0..3 {
        endless.extend_from_slice(b"\x16\x03\x01\x3f\xff");
        let mut record = vec![0; 0x3fff];
        if number == 0 {
            record[..4].copy_from_slice(b"\x01\x00\xff\xf0");
        }
        endless.append(&mut record);
    }
    answer_to(address, &endless);
    let failed = || ask(server.folder.path()).unwrap().failed_handshakes;
    eventually(|| failed() == 5);
    server.log_in("ana").exchange("@bruno still here");
}

#[test]
fn handshake_that_takes_too_long_is_hung_up_on() {
    let arguments = ["--handshake-timeout", "1"];
    let server = TestServer::with_arguments(&USERS, &arguments);
    let answer = answer_to(server.address(), b"\x16");
    assert!(matches!(answer.first(), None | Some(0x15)), "{answer:?}");
    // Who sends something now and then does not get more time.
    let mut slow = TcpStream::connect(server.address()).unwrap();
    let mut hello = Vec::new();
    tls::connection().write_tls(&mut hello).unwrap();
    let mut sent = hello[..hello.len() - 1].iter();
    eventually(|| {
        thread::sleep(Duration::from_millis(50));
        sent.next()
            .is_none_or(|&byte| slow.write_all(&[byte]).is_err())
    });
    assert!(sent.len() > 0, "all of it was taken");
}

#[test]
fn slow_reader_gets_all_of_a_long_answer() {
    let server = TestServer::start(&USERS);
    let text = |number: usize| format!("{number} {}", "x".repeat(1000));
    let mut ana = server.log_in("ana");
    let lines: String = (0..3000)
        .map(|at| format!("@bruno {}\n", text(at)))
        .collect();
    thread::scope(|scope| {
        let stream = ana.stream.try_clone().unwrap();
        scope.spawn(move || (&stream).write_all(lines.as_bytes()).unwrap());
        for _ in 0..3000 {
            ana.hear_all();
        }
    });
    let mut bruno = TlsClient::connect(server.address());
    bruno.say("bruno");
    let mut heard = Vec::new();
    while heard.len() < 3000 {
        heard.push(bruno.hear());
        if heard.len() % 500 == 0 {
            thread::sleep(Duration::from_millis(20));
        }
    }
    let expected: Vec<_> = (0..3000).map(|at| format!("@ana {}", text(at))).collect();
    assert!(heard == expected, "something is missing or changed");
    assert_eq!(bruno.hear(), "f");
}

#[test]
fn live_client_that_reads_nothing_is_told_so_and_misses_nothing() {
    let server = TestServer::start(&USERS);
    let hello = "bruno live/1 device=d";
    let mut bruno = TlsClient::connect(server.address());
    bruno.limit_buffer();
    bruno.say(hello);
    while bruno.hear() != "f" {}
    let mut ana = server.log_in("ana");
    let text = "x".repeat(8000);
    let sent = 300;
    for number in 0..sent {
        ana.exchange(&format!("@bruno {number} {text}"));
    }
    let (mut heard, mut last) = (0, 0);
    let bye = loop {
        let line = bruno.hear();
        if line.starts_with("bye ") {
            break line;
        }
        if let Some(message) = line.strip_prefix('#') {
            assert!(message.contains(&format!("@ana {heard} x")));
            last = message.split(';').next().unwrap().parse().unwrap();
            heard += 1;
        }
    };
    assert!(bye.contains("slow"), "{bye}");
    assert_eq!(bruno.try_hear().unwrap(), None);
    assert!(heard < sent);
    let mut bruno = TlsClient::connect(server.address());
    let after: u64 = last;
    bruno.say(&format!("{hello} after={after}"));
    loop {
        let line = bruno.hear();
        if line == "f" {
            break;
        }
        if let Some(message) = line.strip_prefix('#') {
            assert!(message.contains(&format!("@ana {heard} x")), "{message}");
            heard += 1;
        }
    }
    assert_eq!(heard, sent);
}

#[test]
fn messages_are_whole_when_both_sides_send_at_once() {
    const COUNT: usize = 3000;
    let server = TestServer::start(&USERS);
    let address = server.address();
    let text = |number: usize| format!("{number} {}", "y".repeat(number * 7 % 900));
    let all_in = Barrier::new(2);
    let talk = |own: &str, other: &str| {
        let mut client = TlsClient::connect(address);
        client.say(&format!("{own} live/1 device=d"));
        while client.hear() != "f" {}
        all_in.wait();
        let (mut sent, mut accepted, mut heard) = (0, 0, 0);
        while accepted < COUNT || heard < COUNT {
            // A few lines ahead, so that both directions are busy.
            while sent < COUNT && sent < accepted + 64 {
                client.say(&format!("#d:{} @{other} {}", sent + 1, text(sent)));
                sent += 1;
            }
            let line = client.hear();
            if line.starts_with("ok ") {
                accepted += 1;
            } else if let Some(message) = line.strip_prefix('#') {
                let (_, said) = message.split_once(' ').unwrap();
                assert_eq!(said, format!("@{other} {}", text(heard)));
                heard += 1;
            }
        }
        client.close();
    };
    thread::scope(|scope| {
        scope.spawn(|| talk("ana", "bruno"));
        scope.spawn(|| talk("bruno", "ana"));
    });
}

#[test]
fn the_key_stays_the_same() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("users.csv"), "ana\n").unwrap();
    let shown = || {
        let mut server = Program::start(folder.path());
        let shown = TlsClient::connect(server.address).fingerprint();
        server.kill();
        shown
    };
    let first = shown();
    assert_eq!(shown(), first);
    // It was killed after it had made the key.
    let tls = folder.path().join("tls");
    fs::remove_file(tls.join("cert.pem")).unwrap();
    fs::write(tls.join("cert.pem.new"), "half of").unwrap();
    assert_eq!(shown(), first);
    // A copy is the same server.
    let copy = folder.path().join("copy");
    let arguments = ["backup", copy.to_str().unwrap(), "--data"];
    let mut backup = program::command(&arguments);
    assert!(backup.arg(folder.path()).output().unwrap().status.success());
    let again = Program::start(&copy);
    assert_eq!(TlsClient::connect(again.address).fingerprint(), first);
    drop(again);
    // A key that is damaged is not replaced.
    fs::write(tls.join("key.pem"), "").unwrap();
    let data = folder.path().to_str().unwrap();
    let refused = program::command(&["--data", data, "--listen", "127.0.0.1:0"]).output();
    let said = String::from_utf8(refused.unwrap().stderr).unwrap();
    assert!(
        said.contains("key.pem: the server's private key is damaged"),
        "{said}"
    );
}

/// Puts a new certificate where the server looks for it.
fn renew(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(folder.join("c.pem"), made.cert.pem()).unwrap();
    fs::write(folder.join("k.pem"), made.signing_key.serialize_pem()).unwrap();
}

#[test]
fn certificate_that_is_replaced_is_used_from_then_on_unless_it_is_broken() {
    let folder = tempfile::tempdir().unwrap();
    renew(folder.path());
    let [certificate, key] = ["c.pem", "k.pem"].map(|file| folder.path().join(file));
    let paths = [&certificate, &key].map(|file| file.to_str().unwrap());
    let arguments = ["--tls-cert", paths[0], "--tls-key", paths[1]];
    let server = TestServer::with_arguments(&USERS, &arguments);
    let shown = || TlsClient::connect(server.address()).fingerprint();
    let first = shown();
    let (mut ana, _) = TlsClient::log_in(server.address(), "ana");
    let old_key = fs::read(&key).unwrap();
    renew(folder.path());
    let new_key = fs::read(&key).unwrap();
    // The key of another certificate, half a certificate.
    fs::write(&key, old_key).unwrap();
    server.reload();
    thread::sleep(Duration::from_millis(200));
    assert_eq!(shown(), first);
    let whole = fs::read(&certificate).unwrap();
    fs::write(&certificate, &whole[..whole.len() / 2]).unwrap();
    fs::write(&key, new_key).unwrap();
    server.reload();
    thread::sleep(Duration::from_millis(200));
    assert_eq!(shown(), first);
    // Now it is noticed without being asked for.
    fs::write(&certificate, whole).unwrap();
    eventually(|| shown() != first);
    assert_eq!(ana.exchange("@bruno as before"), [""; 0]);
}

/// Runs a program of somebody else, if it is here.
fn run(command: &mut Command, input: &str) -> Option<String> {
    let started = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = started else {
        eprintln!("SKIPPED: there is no {:?} here", command.get_program());
        return None;
    };
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    Some(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[test]
fn openssl_logs_in_with_tls_1_3_only() {
    let server = TestServer::start(&USERS);
    let at = server.address().to_string();
    let client = |more: &[&str], input| {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-connect", &at, "-CAfile"]);
        command.arg(server.file("tls/cert.pem")).args(more);
        run(&mut command, input)
    };
    let Some(old) = client(&["-tls1_2"], "ana\n") else {
        return;
    };
    assert!(old.contains("alert protocol version"), "{old}");
    let said = client(
        &["-verify_return_error", "-verify_hostname", "localhost"],
        "ana\n",
    )
    .unwrap();
    assert!(said.contains("Verify return code: 0"), "{said}");
    assert!(said.contains("TLSv1.3"), "{said}");
    eventually(|| ask(server.folder.path()).unwrap().totals.logins == 1);
}

/// The client in docs/PROTOCOL.md.
#[test]
fn python_client_of_the_document_logs_in_and_refuses_another_key() {
    let document = fs::read_to_string("../docs/PROTOCOL.md").unwrap();
    let (_, rest) = document
        .split_once("```python\nimport socket, ssl")
        .unwrap();
    let (client, _) = rest.split_once("```").unwrap();
    let client = format!("import socket, ssl{client}");
    assert!(client.lines().count() <= 25);
    let server = TestServer::start(&USERS);
    let folder = tempfile::tempdir().unwrap();
    fs::copy(server.file("tls/cert.pem"), folder.path().join("cert.pem")).unwrap();
    let talk = |input| {
        let mut python = Command::new("python3");
        python.current_dir(folder.path());
        let port = server.address().port().to_string();
        run(
            python.args(["-c", &client, "127.0.0.1", &port, "ana"]),
            input,
        )
    };
    let Some(said) = talk("@bruno hello\n\n") else {
        return;
    };
    assert!(said.is_empty(), "{said}");
    let mut bruno = Client::connect(server.address(), Framing::Line);
    assert_eq!(bruno.exchange("bruno"), ["@ana hello"]);
    bruno.exchange("@ana hi");
    assert_eq!(talk("").unwrap(), "@bruno hi\n");
    // It has left in order.
    assert_eq!(talk("").unwrap(), "");
    renew(folder.path());
    fs::rename(folder.path().join("c.pem"), folder.path().join("cert.pem")).unwrap();
    let refused = talk("@bruno secret\n").unwrap();
    assert!(refused.contains("CERTIFICATE_VERIFY_FAILED"), "{refused}");
    assert_eq!(bruno.exchange(""), [""; 0]);
}
