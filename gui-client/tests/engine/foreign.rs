//! Servers that do not follow the assignment, and programs that are no servers for it.

use std::{
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, unbounded};
use mensageiro::engine::{Delivery, Doubt, LinkProblem, LinkState, Peer, Stranger};
use tempfile::tempdir;

use crate::window::{Window, person, texts};

/// A connection that takes this long to end is an error.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a connection ended, as the server saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    InOrder,
    Broken(ErrorKind),
}

/// A server that runs a function for each connection, and then reads to its end.
struct Odd {
    address: String,
    ends: Receiver<End>,
}

impl Odd {
    fn start(serve: impl Fn(&mut Talk) + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (told, ends) = unbounded();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (serve, told) = (serve.clone(), told.clone());
                let mut talk = Talk {
                    stream: stream.unwrap(),
                    told,
                };
                thread::spawn(move || {
                    serve(&mut talk);
                    while talk.hear().is_some() {}
                });
            }
        });
        Self { address, ends }
    }

    /// How the next ended connection has ended.
    fn end(&self) -> End {
        self.ends.recv_timeout(PATIENCE).unwrap()
    }
}

struct Talk {
    stream: TcpStream,
    told: Sender<End>,
}

impl Talk {
    /// The bytes of one `recv(1024)`; `None` at the end, which is reported.
    fn hear(&mut self) -> Option<String> {
        let mut buffer = [0; 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => {
                let _ = self.told.send(End::InOrder);
                None
            }
            Ok(count) => Some(String::from_utf8_lossy(&buffer[..count]).into_owned()),
            Err(error) => {
                let _ = self.told.send(End::Broken(error.kind()));
                None
            }
        }
    }

    fn say(&mut self, said: &[u8]) {
        // Reading shows that the client has gone.
        let _ = self.stream.write_all(said);
    }
}

fn doubt(window: &mut Window) -> Doubt {
    let link = window.wait_link("a doubt", |link| {
        matches!(link, LinkState::Online { doubt: Some(_), .. })
    });
    match link {
        LinkState::Online { doubt, .. } => doubt.unwrap(),
        _ => unreachable!(),
    }
}

#[test]
fn a_server_that_ignores_lines_is_found_out_soon_and_sees_no_reset() {
    let server = Odd::start(|talk| {
        // Only a login that is exactly alice gets an answer.
        if talk.hear().as_deref() == Some("alice") {
            talk.say(b"@bob oi");
            thread::sleep(Duration::from_millis(60));
            talk.say(b"f");
        }
    });
    let folder = tempdir().unwrap();
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    window.wait_message("oi", Delivery::Received);
    // TLS, one silent hello, one silent line; the fourth connection is the one that is used.
    for _ in 0..3 {
        assert_eq!(server.end(), End::InOrder);
    }
    assert!(server.ends.is_empty());
}

#[test]
fn whatever_a_server_makes_of_a_login_that_fails_it_sees_no_reset() {
    for words in ["who?\n", "who?", ""] {
        let server = Odd::start(move |talk| {
            if talk.hear().is_some() {
                talk.say(words.as_bytes());
                // It ends its side, and watches what the client does.
                let _ = talk.stream.shutdown(std::net::Shutdown::Write);
            }
        });
        let folder = tempdir().unwrap();
        let mut window = Window::signed_in(folder.path(), "alice", &server.address);
        window.wait_link("refusal", |link| *link == LinkState::Refused);
        for _ in 0..3 {
            assert_eq!(server.end(), End::InOrder, "{words:?}");
        }
    }
}

#[test]
fn a_server_that_never_ends_its_messages_can_be_talked_with() {
    let server = Odd::start(|talk| {
        if talk.hear().as_deref() != Some("alice\n") {
            return talk.stream.shutdown(std::net::Shutdown::Both).unwrap();
        }
        talk.say(b"@bob oi\n");
        while let Some(line) = talk.hear() {
            talk.say(format!("@bob heard {line}").as_bytes());
        }
    });
    let folder = tempdir().unwrap();
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    window.wait_message("oi", Delivery::Received);
    assert_eq!(doubt(&mut window), Doubt::NoEnd);
    window.send("bob", "hi");
    window.wait_message("heard @bob hi", Delivery::Received);
    window.wait_message("hi", Delivery::Unconfirmed);
    // The next time the app knows, and does not wait in vain.
    drop(window);
    let begun = Instant::now();
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    assert_eq!(doubt(&mut window), Doubt::NoEnd);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_server_that_ends_with_another_word_is_understood() {
    let server = Odd::start(|talk| {
        if talk.hear().as_deref() != Some("alice\n") {
            return talk.stream.shutdown(std::net::Shutdown::Both).unwrap();
        }
        talk.say(b"bob says oi\r\nfim\r\n");
        while talk.hear().is_some() {
            talk.say(b"fim\r\n");
        }
    });
    let folder = tempdir().unwrap();
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    assert_eq!(doubt(&mut window), Doubt::OtherEnd("fim".into()));
    window.send("bob", "hi");
    window.wait_message("hi", Delivery::Accepted);
    assert_eq!(texts(&window.history(&Peer::Server)), ["bob says oi"]);
}

#[test]
fn strings_that_end_with_nul_are_messages_and_an_end() {
    let server = Odd::start(|talk| {
        let login = talk.hear().unwrap_or_default();
        if login.trim_end() != "alice" {
            return talk.stream.shutdown(std::net::Shutdown::Both).unwrap();
        }
        talk.say(b"@bob staff\0@cy yo\0f\0");
        while talk.hear().is_some() {
            // A full buffer.
            let mut packet = [0; 64];
            packet[0] = b'F';
            talk.say(&packet);
        }
    });
    let folder = tempdir().unwrap();
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    window.wait_message("yo", Delivery::Received);
    window.send("bob", "hi");
    window.wait_message("hi", Delivery::Accepted);
    assert_eq!(texts(&window.history(&person("bob"))), ["staff", "hi"]);
}

#[test]
fn what_is_at_a_wrong_port_is_called_what_it_is() {
    for (banner, at_once, expected) in [
        (&b"SSH-2.0-OpenSSH_9.2p1\r\n"[..], true, Stranger::Ssh),
        (b"220 ready for mail ESMTP\r\n", true, Stranger::Mail),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", false, Stranger::Web),
        (b"\x15\x03\x03\0\x02\x02\x32", false, Stranger::Tls),
    ] {
        let server = Odd::start(move |talk| {
            if at_once || talk.hear().is_some() {
                talk.say(banner);
            }
            let _ = talk.stream.shutdown(std::net::Shutdown::Write);
        });
        let folder = tempdir().unwrap();
        let mut window = Window::signed_in(folder.path(), "alice", &server.address);
        let link = window.wait_link("the reason", |link| {
            matches!(link, LinkState::Waiting { .. } | LinkState::Refused)
        });
        let LinkState::Waiting { problem, .. } = link else {
            panic!("{link:?}")
        };
        assert_eq!(problem, LinkProblem::Stranger(expected));
        assert!(texts(&window.history(&Peer::Server)).is_empty());
    }
}
