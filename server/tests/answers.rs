//! Classic clients that do not wait for their answers, do not take them, or leave before.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use mensageiro_protocol::Framing;
use socket2::{Domain, Socket, Type};
use support::{Client, PATIENCE, TestServer, eventually};

const USERS: [&str; 3] = ["ana", "bruno", "carla"];

/// A connection of bruno's whose system takes very little before he reads.
fn narrow(server: &TestServer) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&server.address().into()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"bruno\n").unwrap();
    stream
}

#[test]
fn who_talks_without_listening_gets_every_answer_in_the_end() {
    const LINES: usize = 6_000;
    let server = TestServer::start(&USERS);
    let mut stream = narrow(&server);
    let mut writer = stream.try_clone().unwrap();
    let padding = "x".repeat(2_000);
    let line = move |n: usize| format!("@bruno {n} {padding}\n");
    let talk = line.clone();
    let talking = thread::spawn(move || {
        for n in 0..LINES {
            writer.write_all(talk(n).as_bytes()).unwrap();
        }
        writer.shutdown(std::net::Shutdown::Write).unwrap();
    });
    thread::sleep(Duration::from_millis(300));
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).unwrap();
    talking.join().unwrap();
    let heard = String::from_utf8(heard).unwrap();
    let ends = heard.lines().filter(|&one| one == "f").count();
    assert_eq!(ends, LINES + 1);
    let messages: Vec<_> = heard.lines().filter(|&one| one != "f").collect();
    assert_eq!(messages.len(), LINES);
    for (n, message) in messages.iter().enumerate() {
        assert_eq!(*message, line(n).trim_end());
    }
    assert_eq!(server.archive(LINES).len(), LINES);
}

#[test]
fn who_takes_no_answers_is_disconnected_and_loses_nothing() {
    let limits = [
        "--dead-link-after",
        "2",
        "--max-mailbox-bytes",
        "1000000000",
    ];
    let server = TestServer::with_arguments(&USERS, &limits);
    let mut stalled = narrow(&server);
    let mut ana = server.log_in("ana");
    let text = "x".repeat(10_000);
    let mut sent = 0;
    // Each answer brings what ana has written; none is taken.
    stalled.set_write_timeout(Some(PATIENCE)).unwrap();
    while stalled.write_all(b"@carla on\n").is_ok() && sent < 2_000 {
        assert!(ana.exchange(&format!("@bruno {sent} {text}")).is_empty());
        sent += 1;
        thread::sleep(Duration::from_millis(5));
    }
    assert!(sent < 2_000, "it was never disconnected");
    let mut read = 0;
    eventually(|| {
        let mut bruno = server.connect(Framing::Line);
        let waiting = bruno.exchange("bruno");
        let first = waiting.first().unwrap().split(' ').nth(1).unwrap();
        read = first.parse().unwrap();
        let numbers = (read..sent).map(|n| format!("@ana {n} {text}"));
        waiting.into_iter().eq(numbers)
    });
    // Only that can have been read which was written before a line that came later.
    assert!(read < sent);
    assert!(ana.exchange("@carla still here").is_empty());
}

/// Bruno says something, again and again, and is answered with 10 KB that he does not take, until the
/// server does not listen to him any more or he has spoken so often. Returns how often he was heard.
fn speak(server: &TestServer, bruno: &mut TcpStream, most: usize) -> usize {
    let mut ana = server.log_in("ana");
    let mut carla = server.log_in("carla");
    let text = "x".repeat(10_000);
    for n in 0..most {
        assert!(ana.exchange(&format!("@bruno {text}")).is_empty());
        bruno.write_all(b"@carla on\n").unwrap();
        let deadline = Instant::now() + Duration::from_millis(500);
        while carla.exchange("").is_empty() {
            if Instant::now() > deadline {
                return n;
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
    most
}

#[test]
fn what_is_left_of_an_answer_is_written_when_it_is_taken_although_nothing_more_is_said() {
    let server = TestServer::start(&USERS);
    let heard = speak(&server, &mut narrow(&server), 3_000);
    assert!(heard < 3_000, "the system takes any amount");
    // Once more after each number of lines, until one is not heard: of the last answer before, only a
    // part has been written.
    for times in heard.saturating_sub(4).. {
        // Nothing of earlier rounds waits.
        let mut bruno = server.log_in("bruno");
        bruno.exchange("");
        bruno.close();
        let mut bruno = narrow(&server);
        let heard = speak(&server, &mut bruno, times);
        let lines = BufReader::new(bruno).lines().map(Result::unwrap);
        let lines: Vec<_> = lines.take(1 + 2 * heard).collect();
        // The login's, and one for each line. A message may come with the answer before its own.
        let ends = lines.iter().filter(|line| *line == "f").count();
        assert_eq!((ends, lines.len()), (1 + heard, 1 + 2 * heard));
        if heard < times {
            return;
        }
    }
}

#[test]
fn what_is_written_to_a_broken_connection_is_not_read() {
    let server = TestServer::start(&USERS);
    let mut carla = server.log_in("carla");
    for n in 0..60 {
        let mut bruno = server.log_in("bruno");
        assert!(carla.exchange(&format!("@bruno {n}")).is_empty());
        bruno.say("@ana hi");
        if n % 3 == 1 {
            // The answer is on its way, and nobody reads it.
            thread::sleep(Duration::from_millis(3));
        }
        bruno.reset();
        let mut bruno = server.connect(Framing::Line);
        assert_eq!(bruno.exchange("bruno"), [format!("@carla {n}")]);
        assert!(bruno.exchange("").is_empty());
        bruno.close();
    }
}

#[test]
fn who_writes_to_himself_many_times_at_once_is_answered_with_each_in_its_turn() {
    let server = TestServer::start(&USERS);
    for lines in [16, 300, 600, 1_500] {
        let mut bruno = server.log_in("bruno");
        let all: String = (0..lines).map(|n| format!("@bruno {n}\n")).collect();
        bruno.stream.write_all(all.as_bytes()).unwrap();
        for n in 0..lines {
            assert_eq!(bruno.hear_all(), [format!("@bruno {n}")]);
        }
        assert!(bruno.exchange("").is_empty());
        bruno.close();
    }
}

#[test]
fn lines_before_one_that_is_too_long_are_answered() {
    let server = TestServer::with_arguments(&USERS, &["--max-line-bytes", "1000"]);
    let mut others = server.log_in("carla");
    for n in 0..50 {
        let mut bruno = server.log_in("bruno");
        // The journal has something else to do.
        others.say(format!("@ana {n}"));
        bruno.say(format!("@carla {n}"));
        let _ = bruno.stream.write_all(&[b'x'; 1_100]);
        assert_eq!(bruno.hear().as_deref(), Some(&b"f"[..]));
        assert_eq!(bruno.hear(), None);
    }
}

#[test]
fn who_says_something_and_closes_its_side_at_once_is_answered_and_has_read_it() {
    let server = TestServer::start(&USERS);
    let mut ana = server.log_in("ana");
    for n in 0..20 {
        let mut bruno = server.log_in("bruno");
        ana.exchange(&format!("@bruno {n}"));
        bruno.say(format!("@carla {n}"));
        bruno.close_own_side();
        assert_eq!(bruno.hear_all(), [format!("@ana {n}")]);
        assert_eq!(bruno.hear(), None);
    }
    let read = server.archive(20);
    assert!(
        read.iter()
            .all(|(from, to, _)| (from.as_str(), to.as_str()) == ("ana", "bruno"))
    );
    let mut carla: Client = server.connect(Framing::Line);
    assert_eq!(carla.exchange("carla").len(), 20);
}
