//! Links that break, servers that die, and an app that is killed: nothing missing, nothing twice.

use std::{
    env,
    path::Path,
    process::{Child, Command as Program, Stdio},
    thread,
    time::Duration,
};

use mensageiro::engine::{Command, Delivery, Event, LinkProblem, LinkState};
use tempfile::tempdir;

use crate::{
    server::{CAREFUL, NAIVE, Server},
    window::{Window, person, texts},
};

#[test]
fn a_batch_that_is_cut_and_repeated_is_shown_once() {
    for habits in [CAREFUL, NAIVE] {
        let folder = tempdir().unwrap();
        let server = Server::start(habits, &["alice", "bob"]);
        let all: Vec<String> = (0..8)
            .map(|number| format!("message {}", number % 3))
            .collect();
        for text in &all {
            server.post("bob", "alice", text);
        }
        server.cut_after(&[7, 3, 5]);
        let mut window = Window::signed_in(folder.path(), "alice", &server.address);
        for cut in 0..3 {
            window.wait_link("a broken link", |link| {
                matches!(link, LinkState::Waiting { .. })
            });
            if cut == 1 {
                // Half of it is only on the disk then.
                drop(window);
                window = Window::signed_in(folder.path(), "alice", &server.address);
            } else {
                window.give(Command::FetchNow);
            }
        }
        server.post("bob", "alice", "the end");
        window.give(Command::FetchNow);
        window.wait_message("the end", Delivery::Received);
        let expected: Vec<&str> = all.iter().map(String::as_str).chain(["the end"]).collect();
        assert_eq!(texts(&window.history(&person("bob"))), expected);
    }
}

#[test]
fn a_message_without_answer_is_unconfirmed_until_the_person_sends_it_again() {
    let folder = tempdir().unwrap();
    let server = Server::start(CAREFUL, &["alice", "bob"]);
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    window.wait_idle();
    server.leave_unanswered(1);
    window.send("bob", "one");
    window.send("bob", "two");
    let one = window.wait_message("one", Delivery::Unconfirmed);
    window.give(Command::FetchNow);
    window.wait_message("two", Delivery::Accepted);
    assert_eq!(server.unread("bob"), 2, "the server did take it");
    window.give(Command::SendAgain(one.id));
    window.wait_message("one", Delivery::Waiting);
    window.wait_message("one", Delivery::Accepted);
    assert_eq!(server.unread("bob"), 3);
}

#[test]
fn what_is_written_offline_goes_out_in_order_when_the_server_is_back() {
    let folder = tempdir().unwrap();
    let server = Server::start(CAREFUL, &["alice", "bob"]);
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    window.wait_idle();
    let address = server.kill();
    window.wait_link("a broken link", |link| {
        matches!(
            link,
            LinkState::Waiting {
                problem: LinkProblem::Broken,
                ..
            }
        )
    });
    for text in ["one", "two", "three", "four"] {
        window.send("bob", text);
        window.wait_message(text, Delivery::Waiting);
    }
    window.give(Command::FetchNow);
    window.wait_link("nobody listens", |link| {
        matches!(
            link,
            LinkState::Waiting {
                problem: LinkProblem::NobodyListens,
                ..
            }
        )
    });
    // What waits survives the app too.
    drop(window);
    let mut window = Window::new(folder.path());
    window.sign_in("alice", &address.to_string(), None);
    let three = window.history(&person("bob"))[2].id;
    window.give(Command::Discard(three));
    window.wait("the discarding", |event| {
        (*event == Event::Discarded(three)).then_some(())
    });
    let server = Server::start_at(address, CAREFUL, &["alice", "bob"]);
    // Without being asked: it tries again by itself.
    window.wait_message("four", Delivery::Accepted);
    let heard: Vec<String> = server
        .heard()
        .into_iter()
        .filter(|line| line.starts_with('@'))
        .collect();
    assert_eq!(heard, ["@bob one\n", "@bob two\n", "@bob four\n"]);
}

#[test]
fn new_messages_are_fetched_by_reconnecting_in_order() {
    let folder = tempdir().unwrap();
    let server = Server::start(CAREFUL, &["alice", "bob"]);
    let mut window = Window::new(folder.path());
    window.sign_in("alice", &server.address, Some(Duration::from_secs(1)));
    window.wait_idle();
    for _ in 0..2 {
        // The same text twice: each was read when the connection was closed in order.
        server.post("bob", "alice", "oi");
        window.wait_message("oi", Delivery::Received);
    }
    assert_eq!(texts(&window.history(&person("bob"))), ["oi", "oi"]);
}

#[test]
fn a_host_that_does_not_exist_and_an_address_that_is_none_are_told_apart() {
    for (server, expected) in [
        ("no-such-host.invalid", LinkProblem::UnknownHost),
        ("localhost:port", LinkProblem::BadAddress),
    ] {
        let folder = tempdir().unwrap();
        let mut window = Window::signed_in(folder.path(), "alice", server);
        let link = window.wait_link("a problem", |link| {
            matches!(link, LinkState::Waiting { .. })
        });
        let LinkState::Waiting { problem, .. } = link else {
            unreachable!()
        };
        assert_eq!(problem, expected);
    }
}

#[test]
fn an_account_that_is_open_elsewhere_says_so() {
    let folder = tempdir().unwrap();
    let server = Server::start(CAREFUL, &["alice"]);
    let mut first = Window::signed_in(folder.path(), "alice", &server.address);
    first.wait_idle();
    let mut second = Window::signed_in(folder.path(), "alice", &server.address);
    let reason = |event: &Event| match event {
        Event::StorageFailed(reason) => Some(reason.clone()),
        _ => None,
    };
    let reason = second.wait("a reason", reason);
    assert!(reason.contains("already open"), "{reason}");
    first.give(Command::SignOut);
    first.wait("the end", |event| {
        (*event == Event::SignedOut).then_some(())
    });
    second.sign_in("alice", &server.address, None);
    second.wait_idle();
}

const BACKLOG: usize = 5_000;
const CHILD: &str = "MENSAGEIRO_TEST_CHILD";

/// Only does something in the child process that the next test starts: an app that is killed.
#[test]
fn app_to_be_killed() {
    let Ok(given) = env::var(CHILD) else {
        return;
    };
    let (folder, server) = given.split_once('\n').unwrap();
    let mut window = Window::signed_in(Path::new(folder), "alice", server);
    loop {
        window.wait("the end", |_| Some(()));
        window.events.clear();
    }
}

fn start_app(folder: &Path, server: &str) -> Child {
    Program::new(env::current_exe().unwrap())
        .args(["--exact", "broken::app_to_be_killed"])
        .env(CHILD, format!("{}\n{server}", folder.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn an_app_killed_anywhere_in_a_backlog_misses_and_doubles_nothing() {
    let folder = tempdir().unwrap();
    let server = Server::start(CAREFUL, &["alice", "bob"]);
    for number in 0..BACKLOG {
        // Repetitive, so that looking alike is not enough to be taken for the same.
        server.post("bob", "alice", &format!("message {}", number % 7));
    }
    for kill in 0..25_u64 {
        let mut app = start_app(folder.path(), &server.address);
        // Not to wait for something: the moment of the kill is what is varied.
        thread::sleep(Duration::from_millis(20 + kill * 37 % 400));
        app.kill().unwrap();
        app.wait().unwrap();
    }
    server.post("bob", "alice", "the end");
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    window.give(Command::FetchNow);
    window.wait_message("the end", Delivery::Received);
    let history = window.history(&person("bob"));
    let expected: Vec<String> = (0..BACKLOG)
        .map(|number| format!("message {}", number % 7))
        .chain(["the end".to_owned()])
        .collect();
    assert_eq!(history.len(), expected.len());
    assert_eq!(texts(&history), expected);
}
