//! Links that break, servers that die, disks that fail: nothing missing, nothing twice.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use mensageiro::{
    disk::DiskProblem,
    engine::{Command, Delivery, Event, LinkProblem, LinkState, NotSent, SortKey, StorageProblem},
};
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
        let pace = server.pace();
        let mut window = Window::new(folder.path()).pacing(pace.clone());
        window.sign_in("alice", &server.address, None);
        for cut in 0..3 {
            window.wait_link("a broken link", |link| {
                matches!(link, LinkState::Waiting { .. })
            });
            if cut == 1 {
                // Now half of the messages are only on the disk.
                drop(window);
                window = Window::new(folder.path()).pacing(pace.clone());
                window.sign_in("alice", &server.address, None);
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
    // Waiting messages survive the end of the app, too.
    drop(window);
    let mut window = Window::new(folder.path());
    window.sign_in("alice", &address.to_string(), None);
    let three = window.history(&person("bob"))[2].id;
    window.give(Command::Discard(three));
    window.wait("the discarding", |event| {
        (*event == Event::Discarded(three)).then_some(())
    });
    let server = Server::start_at(address, CAREFUL, &["alice", "bob"]);
    // It tries again by itself, without a command.
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
        // The same text twice: each message counts as read when the connection was closed in order.
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
        Event::StorageFailed(problem) => Some(problem.clone()),
        _ => None,
    };
    let reason = second.wait("a reason", reason);
    assert_eq!(reason, StorageProblem::Locked);
    first.give(Command::SignOut);
    first.wait("the end", |event| {
        (*event == Event::SignedOut).then_some(())
    });
    second.sign_in("alice", &server.address, None);
    second.wait_idle();
}

#[test]
fn what_the_disk_does_not_take_is_not_acknowledged() {
    let folder = tempdir().unwrap();
    let server = Server::start(CAREFUL, &["alice", "bob"]);
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    window.wait_idle();
    let behind_its_back = database(folder.path());
    let deny = "CREATE TRIGGER deny BEFORE INSERT ON messages
                BEGIN SELECT raise(FAIL, 'the disk is full'); END";
    behind_its_back.execute_batch(deny).unwrap();
    window.send("bob", "mine");
    let not_sent = |event: &Event| match event {
        Event::NotSent { reason, .. } => Some(*reason),
        _ => None,
    };
    assert_eq!(window.wait("the text", not_sent), NotSent::Storage);
    server.post("bob", "alice", "oi");
    window.give(Command::FetchNow);
    let failed = |event: &Event| match event {
        Event::StorageFailed(StorageProblem::Disk {
            why: DiskProblem::Other(words),
            ..
        }) => words.contains("disk is full").then_some(()),
        _ => None,
    };
    window.wait("the reason", failed);
    window.wait("the end", |event| {
        (*event == Event::SignedOut).then_some(())
    });
    assert_eq!(server.unread("alice"), 1);
    behind_its_back.execute_batch("DROP TRIGGER deny").unwrap();
    window.sign_in("alice", &server.address, None);
    window.wait_message("oi", Delivery::Received);
    assert_eq!(window.received(), ["oi"]);
}

/// Opens the database of the only account, beside the app.
fn database(folder: &Path) -> rusqlite::Connection {
    let file = fs::read_dir(folder.join("accounts"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .find(|path| path.extension().is_some_and(|ending| ending == "db"))
        .unwrap();
    rusqlite::Connection::open(file).unwrap()
}

#[test]
fn what_cannot_be_read_can_be_asked_for_again_and_the_account_stays_open() {
    let folder = tempdir().unwrap();
    let server = Server::start(CAREFUL, &["alice", "bob"]);
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    window.wait_idle();
    server.post("bob", "alice", "oi");
    window.give(Command::FetchNow);
    window.wait_message("oi", Delivery::Received);
    let behind_its_back = database(folder.path());
    let rename = |from: &str, to: &str| {
        let rename = format!("ALTER TABLE {from} RENAME TO {to}");
        behind_its_back.execute_batch(&rename).unwrap();
    };
    rename("messages", "elsewhere");
    let (with, sort_key) = (person("bob"), SortKey(1));
    let asked = [
        Command::LoadPage {
            with: with.clone(),
            before: None,
            limit: 100,
        },
        Command::LoadAround {
            with: with.clone(),
            sort_key,
        },
        Command::LoadNewer {
            with: with.clone(),
            after: sort_key,
            limit: 100,
        },
        Command::FindUnread { with: with.clone() },
    ];
    for asked in &asked {
        window.give(asked.clone());
        let given_back = window.wait("what cannot be read", |event| match event {
            Event::NotLoaded { with, command, .. } => Some((with.clone(), command.clone())),
            _ => None,
        });
        assert_eq!(given_back, (with.clone(), asked.clone()));
    }
    rename("elsewhere", "messages");
    assert_eq!(texts(&window.history(&with)), ["oi"]);
    window.send("bob", "still here");
    window.wait_message("still here", Delivery::Accepted);
    assert!(!window.events.contains(&Event::SignedOut));
}

#[test]
fn a_window_that_takes_no_events_can_still_be_closed() {
    let folder = tempdir().unwrap();
    let server = Server::start(CAREFUL, &["alice"]);
    for number in 0..10_000 {
        server.post("bob", "alice", &number.to_string());
    }
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    window.wait_message("0", Delivery::Received);
    let begun = Instant::now();
    drop(window);
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    window.wait_message("9999", Delivery::Received);
    let history = window.history(&person("bob"));
    let expected: Vec<String> = (0..10_000).map(|number| number.to_string()).collect();
    assert_eq!(texts(&history), expected);
}

#[test]
fn quitting_in_order_leaves_nothing_to_be_sent_again() {
    let folder = tempdir().unwrap();
    let server = Server::start(CAREFUL, &["alice", "bob"]);
    server.post("bob", "alice", "oi");
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    window.wait_message("oi", Delivery::Received);
    window.send("bob", "bye");
    window.wait_message("bye", Delivery::Accepted);
    server.post("bob", "alice", "late");
    let begun = Instant::now();
    drop(window);
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(server.unread("alice"), 1);
}
