//! Logging in, receiving and sending, whatever the server's framing.

use mensageiro::engine::{
    Command, Crossing, Delivery, Event, LinkState, NotSent, Peer, Side, line_bytes,
};
use mensageiro_protocol::limits::LINE_BYTES;
use tempfile::tempdir;

use crate::{
    server::{CAREFUL, Habits, NAIVE, STRIPPING, Server},
    window::{Window, person, texts},
};

/// Alice has two messages, answers one and gets a third: each appears once, and hers is accepted.
fn check(habits: Habits, login_lines: &[&str]) {
    let folder = tempdir().unwrap();
    let server = Server::start(habits, &["alice", "bob"]);
    server.post("bob", "alice", "oi");
    server.post("bob", "alice", "tudo bem? staff");
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    window.wait_message("tudo bem? staff", Delivery::Received);
    server.post("bob", "alice", "third");
    window.send("bob", "all well");
    window.wait_message("all well", Delivery::Waiting);
    window.wait_message("all well", Delivery::Accepted);
    assert_eq!(window.received(), ["oi", "tudo bem? staff", "third"]);
    let history = window.history(&person("bob"));
    assert_eq!(
        texts(&history),
        ["oi", "tudo bem? staff", "all well", "third"]
    );
    assert_eq!(server.unread("bob"), 1);
    let heard = server.heard();
    assert_eq!(heard[..login_lines.len()], *login_lines);
    let ending = if login_lines.last().unwrap().ends_with('\n') {
        "\n"
    } else {
        ""
    };
    assert_eq!(heard.last().unwrap(), &format!("@bob all well{ending}"));
}

#[test]
fn a_server_that_reads_and_sends_lines_is_understood() {
    check(CAREFUL, &["alice\n"]);
}

#[test]
fn a_server_that_compares_exactly_gets_a_bare_login_after_hanging_up() {
    check(NAIVE, &["alice\n", "alice"]);
}

#[test]
fn a_server_that_strips_gets_lines_and_may_send_none() {
    check(STRIPPING, &["alice\n"]);
}

#[test]
fn an_end_mark_glued_to_the_last_message_is_found() {
    check(
        Habits {
            glues_end: true,
            ..NAIVE
        },
        &["alice\n", "alice"],
    );
    check(
        Habits {
            glues_end: true,
            ..STRIPPING
        },
        &["alice\n"],
    );
}

#[test]
fn the_framing_is_remembered_for_the_next_time() {
    let folder = tempdir().unwrap();
    let server = Server::start(NAIVE, &["alice"]);
    for expected in [&["alice\n", "alice"][..], &["alice\n", "alice", "alice"]] {
        let mut window = Window::signed_in(folder.path(), "alice", &server.address);
        window.wait_idle();
        drop(window);
        assert_eq!(server.heard(), expected);
        assert_eq!(server.hellos(), 1, "that it is classic is remembered too");
    }
}

#[test]
fn an_unknown_user_is_refused_after_both_framings() {
    for habits in [CAREFUL, NAIVE] {
        let folder = tempdir().unwrap();
        let server = Server::start(
            Habits {
                farewell: "unknown user",
                ..habits
            },
            &["bob"],
        );
        let mut window = Window::signed_in(folder.path(), "alice", &server.address);
        // A server that waits for the end of the line is silent on the bare login.
        window.wait_link("refusal", |link| *link == LinkState::Refused);
        assert_eq!(
            texts(&window.history(&Peer::Server)),
            if habits.reads_lines {
                vec![]
            } else {
                vec!["unknown user"]
            },
        );
        assert_eq!(server.heard()[0], "alice\n");
    }
}

#[test]
fn what_the_server_says_at_each_login_is_shown_once() {
    let folder = tempdir().unwrap();
    let server = Server::start(
        Habits {
            greeting: "Bem-vindo",
            ..CAREFUL
        },
        &["alice"],
    );
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    window.wait_idle();
    server.post("bob", "alice", "oi");
    window.give(Command::FetchNow);
    window.wait_message("oi", Delivery::Received);
    assert_eq!(texts(&window.history(&Peer::Server)), ["Bem-vindo"]);
    assert_eq!(server.heard().len(), 2);
}

#[test]
fn a_text_that_is_no_line_comes_back() {
    let folder = tempdir().unwrap();
    let server = Server::start(CAREFUL, &["alice"]);
    let mut window = Window::new(folder.path());
    let not_sent = |event: &Event| match event {
        Event::NotSent { reason, .. } => Some(*reason),
        _ => None,
    };
    window.send("bob", "hi");
    assert_eq!(window.wait("no account", not_sent), NotSent::SignedOut);
    window.sign_in("alice", &server.address, None);
    window.send("bob", "");
    assert_eq!(window.wait("no text", not_sent), NotSent::Empty);
    let room = LINE_BYTES - line_bytes("bob", "");
    window.send("bob", &"x".repeat(room + 1));
    let (bytes, limit) = (LINE_BYTES + 1, LINE_BYTES);
    assert_eq!(
        window.wait("too long", not_sent),
        NotSent::TooLong { bytes, limit }
    );
    window.send("bob", &"x".repeat(room));
    window.wait_message(&"x".repeat(room), Delivery::Accepted);
}

#[test]
fn drafts_and_what_was_seen_are_kept_for_the_next_time() {
    let folder = tempdir().unwrap();
    let server = Server::start(CAREFUL, &["alice"]);
    for text in ["one", "two", "three"] {
        server.post("bob", "alice", text);
    }
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    let seen = window.wait_message("two", Delivery::Received);
    window.wait_message("three", Delivery::Received);
    window.give(Command::MarkSeen {
        with: person("bob"),
        up_to: seen.sort_key,
    });
    window.give(Command::SaveDraft {
        with: person("bob"),
        text: "half a sent".into(),
    });
    drop(window);
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    let conversations = window.wait("the conversations", |event| match event {
        Event::SignedIn { conversations, .. } => Some(conversations.clone()),
        _ => None,
    });
    let [bob] = &conversations[..] else {
        panic!("{conversations:?}")
    };
    assert_eq!((bob.unread, bob.draft.as_str()), (1, "half a sent"));
    assert_eq!(bob.last.as_ref().unwrap().text.as_str(), "three");
}

#[test]
fn signing_in_as_somebody_else_closes_the_first_account_in_order() {
    let folder = tempdir().unwrap();
    let server = Server::start(CAREFUL, &["alice", "bob"]);
    server.post("bob", "alice", "for alice");
    server.post("alice", "bob", "for bob");
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    window.wait_message("for alice", Delivery::Received);
    window.sign_in("bob", &server.address, None);
    window.wait("the end", |event| {
        (*event == Event::SignedOut).then_some(())
    });
    assert_eq!(server.unread("alice"), 0, "closed in order: all is read");
    window.wait_message("for bob", Delivery::Received);
    assert_eq!(texts(&window.history(&person("bob"))), [""; 0]);
    assert_eq!(texts(&window.history(&person("alice"))), ["for bob"]);
}

#[test]
fn who_looks_at_the_wire_is_told_every_line_both_ways() {
    let folder = tempdir().unwrap();
    let server = Server::start(CAREFUL, &["alice", "bob"]);
    server.post("bob", "alice", "oi");
    let mut window = Window::new(folder.path());
    window.give(Command::Inspect(true));
    window.sign_in("alice", &server.address, None);
    window.wait_idle();
    window.send("bob", "seen");
    window.wait_message("seen", Delivery::Accepted);
    window.give(Command::Inspect(false));
    window.send("bob", "not seen");
    window.wait_message("not seen", Delivery::Accepted);
    let said = |event: &Event| match event {
        Event::Wire(news) => match &news.crossing {
            Crossing::Line {
                from,
                bytes,
                is_ended: true,
            } => {
                let line = String::from_utf8_lossy(bytes).into_owned();
                Some((*from, line))
            }
            _ => None,
        },
        _ => None,
    };
    let lines: Vec<_> = window.events.iter().filter_map(said).collect();
    // The first one asks for a live session, which this server does not know.
    assert!(lines[0].1.starts_with("alice live/1 "), "{lines:?}");
    let expected = [
        (Side::Client, "alice"),
        (Side::Server, "@bob oi"),
        (Side::Server, "f"),
        (Side::Client, "@bob seen"),
        (Side::Server, "f"),
    ];
    let expected = expected.map(|(side, line)| (side, line.to_owned()));
    assert_eq!(lines[1..], expected);
}
