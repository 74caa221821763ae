//! TLS, and who the server is: against servers that have it, lose it, change it, and pretend to have it.

mod front;
mod join;
mod strangers;

use std::time::{Duration, Instant};

use mensageiro::engine::{
    Command, Delivery, Distrust, Encryption, Event, LinkProblem, LinkState, Security, Stranger,
    Verified,
};
use tempfile::tempdir;

use self::front::{Front, Mode, Seen};
use crate::{
    live_server::LiveServer,
    server::{CAREFUL, Server},
    window::{Window, person, texts},
};

/// No event takes so long unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(20);

impl Window {
    fn wait_security(&mut self) -> Security {
        self.wait("the security", |event| match event {
            Event::Security(security) => Some(security.clone()),
            _ => None,
        })
    }

    fn wait_untrusted(&mut self) -> Distrust {
        let link = self.wait_link("distrust", |link| matches!(link, LinkState::Untrusted(_)));
        match link {
            LinkState::Untrusted(distrust) => distrust,
            _ => unreachable!(),
        }
    }

    fn wait_live(&mut self) {
        let live = LinkState::Live { catching_up: false };
        self.wait_link("a live session", |link| *link == live);
    }
}

impl Front {
    fn wait(&self, seen: Seen) {
        loop {
            if self.seen.recv_timeout(PATIENCE).unwrap() == seen {
                return;
            }
        }
    }
}

fn encryption(security: Security) -> Encryption {
    security.encryption.expect("it is encrypted")
}

#[test]
fn everything_goes_through_tls_where_there_is_tls() {
    let folder = tempdir().unwrap();
    let back = LiveServer::start(&["alice", "bob"]);
    let front = Front::before(&back.address, Mode::Tls(0));
    back.post("bob", "alice", "geheimnis");
    let mut window = Window::new(folder.path());
    window.give(Command::Inspect(true));
    window.sign_in("alice", &front.address(), None);
    let met = encryption(window.wait_security());
    assert_eq!(met.fingerprint, front.fingerprint(0));
    assert_eq!(met.verified, Verified::FirstContact);
    assert!(met.cipher.starts_with("TLS 1.3, "), "{}", met.cipher);
    window.wait_message("geheimnis", Delivery::Received);
    window.send("bob", "segredo");
    window.wait_message("segredo", Delivery::Accepted);
    for word in ["alice", "bob", "segredo", "live/1"] {
        assert!(!front.has_leaked(word), "{word} was sent in plain text");
    }
    assert_eq!(front.plain(), 0);
    let lines = window.events.iter().filter_map(|event| match event {
        Event::Wire(news) => Some(news.is_encrypted),
        _ => None,
    });
    let lines: Vec<_> = lines.collect();
    assert!(lines.len() > 4 && lines.iter().all(|is_encrypted| *is_encrypted));
}

#[test]
fn the_classic_protocol_works_inside_tls_too() {
    let folder = tempdir().unwrap();
    let back = Server::start(CAREFUL, &["alice", "bob"]);
    let front = Front::before(&back.address, Mode::Tls(0));
    back.post("bob", "alice", "oi");
    let mut window = Window::signed_in(folder.path(), "alice", &front.address());
    assert!(window.wait_security().encryption.is_some());
    window.wait_message("oi", Delivery::Received);
    window.send("bob", "tudo bem");
    window.wait_message("tudo bem", Delivery::Accepted);
    window.give(Command::SignOut);
    window.wait("the end", |event| {
        (*event == Event::SignedOut).then_some(())
    });
    assert_eq!(front.plain(), 0);
    assert_eq!(back.unread("alice"), 0, "closed in order: all is read");
}

#[test]
fn a_server_that_had_tls_is_never_talked_to_without() {
    let folder = tempdir().unwrap();
    let back = LiveServer::start(&["alice", "bob"]);
    let front = Front::before(&back.address, Mode::Tls(0));
    let mut window = Window::signed_in(folder.path(), "alice", &front.address());
    window.wait_live();
    // Also after a new start.
    drop(window);
    front.turn(Mode::Chats);
    let mut window = Window::signed_in(folder.path(), "alice", &front.address());
    assert!(matches!(window.wait_untrusted(), Distrust::Plain { .. }));
    window.send("bob", "segredo");
    window.wait_message("segredo", Delivery::Waiting);
    window.give(Command::FetchNow);
    front.wait(Seen::NoTls);
    assert_eq!(front.plain(), 0);
    front.turn(Mode::Tls(0));
    window.give(Command::FetchNow);
    window.wait_message("segredo", Delivery::Accepted);
    assert_eq!(front.plain(), 0);
}

/// Whatever a server does.
#[test]
fn no_plain_text_leaves_once_tls_was_seen() {
    let folder = tempdir().unwrap();
    let back = LiveServer::start(&["alice", "bob"]);
    let front = Front::before(&back.address, Mode::Tls(0));
    let mut window = Window::signed_in(folder.path(), "alice", &front.address());
    window.wait_live();
    window.send("bob", "segredo");
    window.wait_message("segredo", Delivery::Accepted);
    let modes = [
        Mode::Plain,
        Mode::Chats,
        Mode::HangsUp,
        Mode::Alerts,
        Mode::HugeRecord,
        Mode::Cut(0),
        Mode::Cut(40),
        Mode::Flipped(0),
        Mode::Flipped(200),
        Mode::Tls(0),
    ];
    let mut random = fastrand::Rng::with_seed(18);
    while front.seen.try_recv().is_ok() {}
    for round in 0..40 {
        let mode = modes[random.usize(..modes.len())];
        front.turn(mode);
        window.send("bob", &format!("segredo {round}"));
        let until = Instant::now() + PATIENCE;
        let seen = loop {
            window.give(Command::FetchNow);
            // It may not have noticed yet that the last connection was cut.
            match front.seen.recv_timeout(Duration::from_millis(100)) {
                Ok(seen) => break seen,
                Err(_) => assert!(Instant::now() < until, "{mode:?}"),
            }
        };
        assert_ne!(seen, Seen::Plain, "{mode:?}");
    }
    front.turn(Mode::Tls(0));
    let until = Instant::now() + PATIENCE;
    while !window.events.iter().any(|event| {
        matches!(event, Event::Message(message)
        if message.text.as_str() == "segredo 39" && message.delivery == Delivery::Accepted)
    }) {
        assert!(Instant::now() < until, "{:#?}", window.events.last());
        window.give(Command::FetchNow);
        window.look(Duration::from_millis(100));
    }
    assert_eq!(front.plain(), 0);
    assert!(!front.has_leaked("segredo"));
    let arrived = back.texts("alice", "bob");
    assert_eq!(arrived.len(), 41, "each exactly once: {arrived:?}");
}

#[test]
fn a_key_on_this_computer_that_nobody_verified_may_change() {
    let folder = tempdir().unwrap();
    let back = LiveServer::start(&["alice"]);
    let front = Front::before(&back.address, Mode::Tls(0));
    let mut window = Window::signed_in(folder.path(), "alice", &front.address());
    window.wait_live();
    front.turn(Mode::Tls(1));
    window.give(Command::FetchNow);
    window.wait_security();
    window.wait_live();
    let met = window.events.iter().rev().find_map(|event| match event {
        Event::Security(security) => security.encryption.clone(),
        _ => None,
    });
    let met = met.unwrap();
    assert_eq!(met.verified, Verified::FirstContact);
    assert_eq!(met.fingerprint, front.fingerprint(1));
}

#[test]
fn a_connection_that_is_cut_inside_tls_acknowledges_nothing() {
    let folder = tempdir().unwrap();
    let back = Server::start(CAREFUL, &["alice", "bob"]);
    let front = Front::before(&back.address, Mode::Tls(0));
    let mut window = Window::signed_in(folder.path(), "alice", &front.address());
    window.wait_idle();
    back.post("bob", "alice", "one");
    back.post("bob", "alice", "two");
    front.turn(Mode::Cut(8));
    window.give(Command::FetchNow);
    window.wait_link("a broken link", |link| {
        matches!(link, LinkState::Waiting { .. })
    });
    assert_eq!(back.unread("alice"), 2);
    front.turn(Mode::Tls(0));
    window.give(Command::FetchNow);
    window.wait_message("two", Delivery::Received);
    let history = window.history(&person("bob"));
    assert_eq!(texts(&history), ["one", "two"], "each exactly once");
}

#[test]
fn what_was_changed_on_the_way_is_not_shown() {
    let folder = tempdir().unwrap();
    let back = LiveServer::start(&["alice", "bob"]);
    let front = Front::before(&back.address, Mode::Flipped(300));
    for number in 0..30 {
        back.post("bob", "alice", &format!("number {number}"));
    }
    let mut window = Window::signed_in(folder.path(), "alice", &front.address());
    window.wait_link("a broken link", |link| {
        matches!(link, LinkState::Waiting { .. })
    });
    front.turn(Mode::Tls(0));
    window.give(Command::FetchNow);
    window.wait_message("number 29", Delivery::Received);
    let expected: Vec<_> = (0..30).map(|number| format!("number {number}")).collect();
    assert_eq!(texts(&window.history(&person("bob"))), expected);
}
