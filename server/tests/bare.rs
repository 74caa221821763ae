//! Programs that know nothing of line ends: what they send is understood, and what they get they can take.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    io::Write,
    thread,
    time::{Duration, Instant},
};

use mensageiro_protocol::Framing;
use socket2::SockRef;
use support::{Client, TestServer};

const USERS: [&str; 3] = ["ana", "bruno", "carla"];
const BOTH: [Framing; 2] = [Framing::Line, Framing::Bare];

/// A program that takes whatever one `recv(1024)` brings for one message, works on it for a while, and
/// ends with an error where a character is cut.
fn take_all(client: &mut Client, works: Duration) -> Vec<String> {
    let mut taken = Vec::new();
    loop {
        let bytes = client.hear().expect("the server hung up");
        let message = String::from_utf8(bytes).expect("a character was cut");
        if message == "f" {
            return taken;
        }
        taken.push(message);
        thread::sleep(works);
    }
}

fn bare(server: &TestServer, login: &str) -> Client {
    let mut client = server.connect(Framing::Bare);
    client.say(login);
    client
}

/// Everything that waits for bruno, and goes on waiting.
fn waiting(server: &TestServer) -> Vec<String> {
    let mut bruno = server.connect(Framing::Line);
    let waiting = bruno.exchange("bruno");
    bruno.reset();
    waiting
}

#[test]
fn a_long_text_is_cut_between_characters_and_no_login_is_poisoned_by_it() {
    let server = TestServer::start(&USERS);
    let mut ana = server.log_in("ana");
    for text in [
        "é".repeat(700),
        "😀".repeat(900),
        format!("x{}", "ção ".repeat(1500)),
        format!("{}@carla pay me", "x".repeat(1019)),
        format!("{}f", "x".repeat(1019)),
    ] {
        ana.exchange(&format!("@bruno {text}"));
        let mut bruno = bare(&server, "bruno");
        let taken = take_all(&mut bruno, Duration::ZERO);
        let expected = format!("@ana {text}");
        assert_eq!(words(&taken.concat()), words(&expected));
        if text.is_ascii() {
            assert_eq!(taken.concat(), expected);
        }
        assert!(taken.len() > 1 && taken.iter().all(|piece| piece.len() <= 1024));
        assert!(!taken[1..].iter().any(|piece| piece.starts_with("@carla")));
        bruno.say("");
        assert_eq!(take_all(&mut bruno, Duration::ZERO), [""; 0]);
        bruno.close();
    }
}

/// What is left when the spaces are taken out that keep `recv` from cutting characters.
fn words(text: &str) -> String {
    text.replace(' ', "")
}

#[test]
fn who_calls_recv_once_a_round_cuts_no_character_of_what_lies_glued_together() {
    let server = TestServer::start(&USERS);
    let mut ana = server.log_in("ana");
    let mut texts = vec!["€".repeat(900), "não são € ".repeat(300)];
    texts.extend((0..30).map(|n| format!("{n} {}", "é € ção ".repeat(n))));
    for text in &texts {
        ana.exchange(&format!("@bruno {text}"));
    }
    let mut bruno = bare(&server, "bruno");
    let expected: String = texts.iter().map(|text| format!("@ana {text}")).collect();
    let mut taken = String::new();
    while words(&taken).len() < words(&expected).len() {
        let bytes = bruno.hear().expect("the server hung up");
        taken.push_str(str::from_utf8(&bytes).expect("a character was cut"));
        // All of the answer has come before the person types.
        thread::sleep(Duration::from_millis(300));
        if taken.len() == bytes.len() {
            thread::sleep(Duration::from_secs(8));
        }
        bruno.say("@nobody still there?");
    }
    let taken = words(&taken);
    assert_eq!(taken.trim_end_matches('f'), words(&expected));
    server.archive(32);
}

#[test]
fn lines_sent_ahead_keep_apart_although_a_message_comes_in() {
    let server = TestServer::with_arguments(&USERS, &["--durability", "relaxed"]);
    let mut ana = server.log_in("ana");
    let mut bruno = bare(&server, "bruno");
    bruno.hear_all();
    for number in 0..150 {
        if number == 20 {
            ana.exchange("@bruno oi");
        }
        bruno.say(format!("@carla {number}"));
        thread::sleep(Duration::from_millis(60));
    }
    bruno.close_own_side();
    while bruno.hear().is_some() {}
    let mut carla = server.connect(Framing::Line);
    let heard = carla.exchange("carla");
    let expected: Vec<_> = (0..150).map(|number| format!("@bruno {number}")).collect();
    assert_eq!(heard, expected);
}

/// The same as [`take_all`]; `None` if this machine was so slow that the work took longer than it should.
fn take_all_in_time(client: &mut Client, works: Duration) -> Option<Vec<String>> {
    let mut taken = Vec::new();
    loop {
        let bytes = client.hear().expect("the server hung up");
        let message = String::from_utf8(bytes).expect("a character was cut");
        if message == "f" {
            return Some(taken);
        }
        taken.push(message);
        let since = Instant::now();
        thread::sleep(works);
        if since.elapsed() > works + Duration::from_millis(15) {
            return None;
        }
    }
}

#[test]
fn who_works_on_each_message_gets_the_end_mark_alone() {
    let server = TestServer::start(&USERS);
    let mut ana = server.log_in("ana");
    for works in [60, 100, 150].map(Duration::from_millis) {
        let is_in_time = (0..5).any(|_| works_on_each_message(&server, &mut ana, works));
        assert!(is_in_time, "this machine is too slow for {works:?}");
    }
}

/// Returns whether the machine was quick enough.
fn works_on_each_message(server: &TestServer, ana: &mut Client, works: Duration) -> bool {
    let long = "não ".repeat(500);
    for text in ["one", "two", "três ☕", &long, &long, "four"] {
        ana.exchange(&format!("@bruno {text}"));
    }
    let mut bruno = bare(server, "bruno");
    let mut rounds = || {
        let taken = take_all_in_time(&mut bruno, works)?.concat();
        let expected = format!("@ana one@ana two@ana três ☕@ana {long}@ana {long}@ana four");
        assert_eq!(words(&taken), words(&expected), "{works:?}");
        // A round later it goes on.
        ana.exchange("@bruno five");
        bruno.say("@ana oi");
        let taken = take_all_in_time(&mut bruno, works)?;
        assert_eq!(taken, ["@ana five"]);
        assert_eq!(ana.exchange(""), ["@bruno oi"]);
        Some(())
    };
    let is_in_time = rounds().is_some();
    if is_in_time {
        bruno.close_own_side();
        assert_eq!(bruno.hear(), None);
    } else {
        bruno.reset();
        // The next try begins with nothing that waits.
        let mut bruno = server.connect(Framing::Line);
        bruno.exchange("bruno");
        bruno.exchange("");
        bruno.close();
        ana.exchange("");
    }
    is_in_time
}

#[test]
fn the_end_mark_of_a_poll_comes_at_once() {
    let server = TestServer::start(&USERS);
    let mut bruno = bare(&server, "bruno");
    assert_eq!(bruno.hear().unwrap(), b"f");
    let since = Instant::now();
    for _ in 0..20 {
        bruno.say("");
        assert_eq!(bruno.hear().unwrap(), b"f");
    }
    assert!(since.elapsed() < 20 * Duration::from_millis(200));
}

#[test]
fn a_key_for_leaving_says_nothing_of_what_was_read() {
    let server = TestServer::start(&USERS);
    let mut ana = server.log_in("ana");
    ana.exchange("@bruno one");
    ana.exchange("@bruno two");
    let goodbyes = [
        "\x18",
        "\x18\r\n",
        "\x18\0",
        "\x03",
        "\x04",
        "\x1a",
        "\x1b",
        "\x7f",
        "\x18\x18",
        "\"\\u0018\"",
        "\x1b[A",
        "sair",
        "exit",
        "quit\0",
        "0",
        "bye bye",
    ];
    for framing in BOTH {
        for goodbye in goodbyes {
            let mut bruno = server.connect(framing);
            bruno.say("bruno");
            assert_eq!(bruno.hear().unwrap(), b"@ana one");
            // Before the server can answer.
            let socket = SockRef::from(&bruno.stream);
            socket.set_linger(Some(Duration::ZERO)).unwrap();
            match framing {
                Framing::Line => bruno.say(goodbye.trim_end_matches('\n')),
                Framing::Bare => bruno.say(goodbye),
            }
            drop(bruno);
            assert_eq!(
                waiting(&server),
                ["@ana one", "@ana two"],
                "{framing:?} {goodbye:?}"
            );
        }
    }
    // A poll and a message are lines.
    let mut bruno = server.connect(Framing::Bare);
    bruno.say("bruno");
    assert_eq!(
        take_all(&mut bruno, Duration::ZERO),
        ["@ana one", "@ana two"]
    );
    bruno.say("@carla read");
    assert_eq!(bruno.hear().unwrap(), b"f");
    bruno.reset();
    assert_eq!(waiting(&server), [""; 0]);
}

#[test]
fn who_has_taken_everything_and_leaves_in_order_has_read_it_whatever_was_said_last() {
    let server = TestServer::start(&USERS);
    let mut ana = server.log_in("ana");
    for framing in BOTH {
        for goodbye in ["\x18", "sair", "@nobody bye"] {
            ana.exchange("@bruno one");
            let mut bruno = server.connect(framing);
            bruno.say("bruno");
            bruno.hear_all();
            bruno.say(goodbye);
            // Both sides, as `close()` does it.
            drop(bruno);
            support::eventually(|| waiting(&server).is_empty());
        }
    }
    server.archive(6);
}

#[test]
fn who_stays_after_a_line_that_is_none_is_answered() {
    let server = TestServer::start(&USERS);
    let mut ana = server.log_in("ana");
    for framing in BOTH {
        let mut bruno = server.connect(framing);
        bruno.say("bruno");
        bruno.hear_all();
        ana.exchange("@bruno one");
        bruno.say("\x18");
        assert_eq!(bruno.hear_all(), ["@ana one"]);
        // With the next line at the latest.
        bruno.say("hello");
        thread::sleep(Duration::from_millis(300));
        bruno.say("@ana two");
        assert_eq!([bruno.hear_all(), bruno.hear_all()], [[""; 0]; 2]);
        assert_eq!(ana.exchange(""), ["@bruno two"]);
        // Who closes only the own side waits for it.
        bruno.say("\x18");
        bruno.close_own_side();
        assert_eq!(bruno.hear().unwrap(), b"f");
        assert_eq!(bruno.hear(), None);
    }
}

/// A big-endian u32, two u16, and 20 bytes of text.
fn packet(numbers: (u32, u16, u16), text: &str) -> Vec<u8> {
    let (a, b, c) = numbers;
    let mut bytes = [&a.to_be_bytes()[..], &b.to_be_bytes(), &c.to_be_bytes()].concat();
    bytes.extend_from_slice(text.as_bytes());
    bytes.resize(28, 0);
    bytes
}

#[test]
fn a_packet_of_a_template_around_the_login_is_skipped_and_what_resembles_it_is_not() {
    let server = TestServer::start(&USERS);
    for framing in BOTH {
        let end = framing.terminator();
        for numbers in [(1, 2, 3), (10, 10, 13), (0, 1, 0)] {
            let packet = packet(numbers, "bruno");
            for is_first in [true, false] {
                let mut ana = server.connect(framing);
                let login = format!("ana{end}").into_bytes();
                let parts = if is_first {
                    [packet.clone(), login]
                } else {
                    [login, packet.clone()]
                };
                ana.stream.write_all(&parts[0]).unwrap();
                ana.stream.write_all(&parts[1]).unwrap();
                assert_eq!(
                    ana.hear().unwrap(),
                    b"f",
                    "{framing:?} {numbers:?} {is_first}"
                );
                let text = "@bruno exactly 28 bytes long";
                assert_eq!(text.len(), 28);
                ana.say(text);
                assert_eq!(ana.hear().unwrap(), b"f");
                ana.close();
            }
        }
        let mut ana = server.connect(framing);
        ana.say("ana");
        assert_eq!(ana.hear().unwrap(), b"f");
        ana.stream.write_all(&packet((1, 2, 3), "ana")).unwrap();
        // It has no answer, and what follows it has one.
        if framing == Framing::Bare {
            thread::sleep(Duration::from_millis(300));
        }
        ana.say("@bruno exactly 28 bytes long");
        assert_eq!(ana.hear().unwrap(), b"f");
        ana.say("");
        assert_eq!(ana.hear().unwrap(), b"f");
    }
    let texts = waiting(&server);
    assert_eq!(texts.len(), 14);
    assert!(
        texts
            .iter()
            .all(|text| text == "@ana exactly 28 bytes long")
    );
}

#[test]
fn an_unknown_user_is_told_so_without_line_ends_and_hears_it_whatever_else_was_said() {
    let server = TestServer::start(&USERS);
    for login in ["zeca", "a b", "\x18", "Ana", &"x".repeat(3000)] {
        let mut zeca = bare(&server, login);
        assert_eq!(
            zeca.hear().unwrap(),
            "Usuário inválido".as_bytes(),
            "{login:?}"
        );
        // It is said before this is read.
        let _ = zeca.stream.write_all(b"@ana hello");
        assert_eq!(zeca.hear(), None);
        let mut zeca = server.connect(Framing::Line);
        zeca.say(login);
        let heard = zeca.hear();
        assert_eq!(heard, None, "{login:?}");
    }
}
