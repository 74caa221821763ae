//! Live sessions over real connections: pushed, acknowledged, read, resumed, and killed.

use std::time::{Duration, Instant};

use mensageiro::engine::{
    Command, Delivery, Event, LinkState, Message, Older, QuoteCheck, Quoted, ReceiptState, Refusal,
    ReportFormat, SortKey,
};
use tempfile::tempdir;

use crate::{
    killed::{kill_after, kill_at, kill_points, start_app},
    live_server::LiveServer,
    server::{CAREFUL, Server},
    window::{Window, person, texts},
};

const BACKLOG: usize = 5_000;

fn wait_live(window: &mut Window) {
    window.wait_link("a live session", |link| {
        *link == LinkState::Live { catching_up: false }
    });
}

/// What a reply to Bob quotes that names no message by its id.
fn quoted(author: &str, excerpt: &str) -> Quoted {
    Quoted {
        with: person("bob"),
        re: None,
        before: SortKey(i64::MAX),
        author: author.into(),
        excerpt: excerpt.into(),
    }
}

fn see(window: &Window, message: &Message) {
    window.give(Command::MarkSeen {
        with: message.with.clone(),
        up_to: message.sort_key,
    });
}

#[test]
fn a_message_is_pushed_and_its_author_hears_how_far_it_is() {
    let folder = tempdir().unwrap();
    let server = LiveServer::start(&["alice", "bob"]);
    let mut alice = Window::signed_in(folder.path(), "alice", &server.address);
    let mut bob = Window::signed_in(folder.path(), "bob", &server.address);
    wait_live(&mut alice);
    wait_live(&mut bob);
    alice.send("bob", "two\nlines \\ and more");
    let sent = alice.wait_message("two\nlines \\ and more", Delivery::Accepted);
    let received = bob.wait_message("two\nlines \\ and more", Delivery::Received);
    assert_eq!(received.server_id, sent.server_id);
    let receipt = |window: &mut Window, expected: ReceiptState| {
        window.wait("a receipt", |event| match event {
            Event::Receipt {
                by, state, up_to, ..
            } if *state == expected => Some((by.to_string(), *up_to)),
            _ => None,
        })
    };
    let expected = ("bob".to_owned(), sent.server_id.unwrap());
    assert_eq!(receipt(&mut alice, ReceiptState::Delivered), expected);
    see(&bob, &received);
    assert_eq!(receipt(&mut alice, ReceiptState::Read), expected);
    let kept = &alice.history(&person("bob"))[0];
    assert_eq!(kept.receipts.len(), 1);
    assert!(kept.receipts[0].delivered.is_some() && kept.receipts[0].read.is_some());
    let kept = vec![kept.clone()];
    alice.give(Command::Report {
        with: person("bob"),
        format: ReportFormat::Csv,
    });
    let reported = alice.wait("a report", |event| match event {
        Event::Report { export, .. } => Some(export.open().unwrap()),
        _ => None,
    });
    assert_eq!((reported.count, reported.older), (1, Older::Nothing));
    let reported: Vec<_> = reported.all.map(Result::unwrap).collect();
    assert_eq!(reported, kept);
}

#[test]
fn what_was_not_answered_when_the_link_broke_is_there_once() {
    let folder = tempdir().unwrap();
    let server = LiveServer::start(&["alice", "bob"]);
    // Both times the client sends `got` and `roster` after the hello, then the messages.
    server.cut_after(&[7, 4]);
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    let expected: Vec<String> = (0..100).map(|number| format!("m{number}")).collect();
    for text in &expected {
        window.send("bob", text);
    }
    for _ in 0..2 {
        window.wait_link("a broken link", |link| {
            matches!(link, LinkState::Waiting { .. })
        });
        window.give(Command::FetchNow);
    }
    window.wait_message("m99", Delivery::Accepted);
    assert_eq!(server.texts("alice", "bob"), expected);
    assert_eq!(server.connections(), 3);
    let history = window.history(&person("bob"));
    assert_eq!(texts(&history), expected);
    assert!(
        history
            .iter()
            .all(|message| message.delivery == Delivery::Accepted)
    );
}

#[test]
fn an_app_killed_while_it_sends_live_loses_doubles_and_doubts_nothing() {
    let folder = tempdir().unwrap();
    let server = LiveServer::start(&["alice", "bob"]);
    let mut expected = Vec::new();
    for kill in 0..10 {
        let writes: Vec<String> = (0..40).map(|number| format!("{kill}.{number}")).collect();
        let app = start_app(folder.path(), &server.address, "alice", &writes.join(","));
        kill_after(app, 15 + kill * 17 % 70);
        expected.push(writes);
    }
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    window.send("bob", "the end");
    window.wait_message("the end", Delivery::Accepted);
    let history = window.history(&person("bob"));
    let shown = texts(&history);
    assert_eq!(
        server.texts("alice", "bob"),
        shown,
        "what is shown is what the server has"
    );
    assert!(
        history
            .iter()
            .all(|message| message.delivery == Delivery::Accepted)
    );
    // Of each run, the messages stored before the kill, in order: its first ones.
    let mut shown = shown.into_iter().peekable();
    for writes in &expected {
        for text in writes {
            let _ = shown.next_if(|next| next == text);
        }
    }
    assert_eq!(shown.collect::<Vec<_>>(), ["the end"]);
}

#[test]
fn an_app_killed_anywhere_in_a_live_backlog_misses_and_doubles_nothing() {
    let folder = tempdir().unwrap();
    let server = LiveServer::start(&["alice", "bob"]);
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    wait_live(&mut window);
    drop(window);
    let mut expected = Vec::new();
    let mut within = 0;
    for round in 0..13 {
        for number in 0..BACKLOG {
            let text = format!("message {}", number % 7);
            server.post("bob", "alice", &text);
            expected.push(text);
        }
        for messages in kill_points(round) {
            let app = start_app(folder.path(), &server.address, "alice", "");
            within += usize::from(kill_at(app, messages));
        }
    }
    assert!(within >= 100, "{within} kills within a backlog");
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    wait_live(&mut window);
    assert_eq!(texts(&window.history(&person("bob"))), expected);
}

#[test]
fn a_new_device_fetches_the_history_as_one_scrolls() {
    let (folder, phone) = (tempdir().unwrap(), tempdir().unwrap());
    let server = LiveServer::start(&["alice", "bob"]);
    let mut first = Window::signed_in(folder.path(), "alice", &server.address);
    wait_live(&mut first);
    let mut expected = Vec::new();
    for number in 0..1200 {
        let text = format!("m{number}");
        server.post("bob", "alice", &text);
        expected.push(text);
    }
    let last = first.wait_message("m1199", Delivery::Received);
    see(&first, &last);
    first.send("bob", "mine");
    first.wait_message("mine", Delivery::Accepted);
    server.post("bob", "alice", "unread");
    expected.extend(["mine".to_owned(), "unread".to_owned()]);

    let mut second = Window::signed_in(phone.path(), "alice", &server.address);
    wait_live(&mut second);
    assert_eq!(second.received(), ["unread"]);
    assert_eq!(texts(&second.history(&person("bob"))), expected);
    // It is stored: it is there without a server.
    server.kill();
    assert_eq!(texts(&second.history(&person("bob"))), expected);
}

#[test]
fn what_one_session_sends_and_reads_the_other_shows() {
    let (folder, phone) = (tempdir().unwrap(), tempdir().unwrap());
    let server = LiveServer::start(&["alice", "bob"]);
    let mut first = Window::signed_in(folder.path(), "alice", &server.address);
    let mut second = Window::signed_in(phone.path(), "alice", &server.address);
    wait_live(&mut first);
    wait_live(&mut second);
    server.post("bob", "alice", "hello");
    let hello = first.wait_message("hello", Delivery::Received);
    second.wait_message("hello", Delivery::Received);
    let seen = Instant::now();
    see(&first, &hello);
    second.wait("that it was read", |event| {
        let read = Event::Unread {
            with: person("bob"),
            unread: 0,
        };
        (*event == read).then_some(())
    });
    assert!(seen.elapsed() < Duration::from_secs(1));
    first.send("bob", "mine");
    second.wait_message("mine", Delivery::Accepted);
    drop(second);
    first.send("bob", "while the other is away");
    first.wait_message("while the other is away", Delivery::Accepted);
    let mut second = Window::signed_in(phone.path(), "alice", &server.address);
    second.wait_message("while the other is away", Delivery::Accepted);
    let expected = ["hello", "mine", "while the other is away"];
    assert_eq!(texts(&second.history(&person("bob"))), expected);
    for (folder, window) in [(&folder, first), (&phone, second)] {
        drop(window);
        let mut again = Window::signed_in(folder.path(), "alice", &server.address);
        let unread = again.wait("the conversations", |event| match event {
            Event::SignedIn { conversations, .. } => {
                Some(conversations.iter().map(|row| row.unread).sum::<usize>())
            }
            _ => None,
        });
        assert_eq!(unread, 0, "also after a restart");
    }
}

#[test]
fn clocks_hours_apart_order_nothing_on_any_device() {
    let (folder, phone) = (tempdir().unwrap(), tempdir().unwrap());
    let server = LiveServer::start(&["alice", "bob"]);
    let mut laptop = Window::signed_in(folder.path(), "alice", &server.address);
    let mut bob = Window::signed_in(folder.path(), "bob", &server.address);
    wait_live(&mut laptop);
    wait_live(&mut bob);
    for number in 0..20 {
        laptop.send("bob", &format!("alice {number}"));
        bob.send("alice", &format!("bob {number}"));
    }
    laptop.send("bob", "the end");
    bob.send("alice", "the end");
    for window in [&mut laptop, &mut bob] {
        // In whatever order they come.
        for delivery in [Delivery::Accepted, Delivery::Received] {
            let has_come = |event: &Event| matches!(event, Event::Message(message) if message.text.as_str() == "the end" && message.delivery == delivery);
            if !window.events.iter().any(has_come) {
                window.wait_message("the end", delivery);
            }
        }
    }
    let mut phone = Window::signed_in(phone.path(), "alice", &server.address);
    wait_live(&mut phone);
    let shown = laptop.history(&person("bob"));
    let times: Vec<_> = shown.iter().map(|message| message.at).collect();
    assert!(!times.is_sorted(), "the clock goes wrong");
    assert!(shown.is_sorted_by_key(|message| message.server_id));
    assert_eq!(shown.len(), 42);
    assert_eq!(texts(&shown), texts(&bob.history(&person("alice"))));
    assert_eq!(texts(&shown), texts(&phone.history(&person("bob"))));
}

#[test]
fn a_refused_message_says_why_and_goes_out_once_the_reason_is_gone() {
    let folder = tempdir().unwrap();
    let server = LiveServer::start(&["alice"]);
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    window.send("zoe", "hello");
    let refused = Delivery::Refused(Refusal::UnknownRecipient);
    let message = window.wait_message("hello", refused);
    server.register("zoe");
    window.give(Command::SendAgain(message.id));
    window.wait_message("hello", Delivery::Accepted);
    assert_eq!(server.texts("alice", "zoe"), ["hello"]);
}

#[test]
fn an_unknown_user_is_refused_with_one_connection() {
    let folder = tempdir().unwrap();
    let server = LiveServer::start(&["bob"]);
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    window.wait_link("refusal", |link| *link == LinkState::Refused);
    assert_eq!(server.connections(), 1);
    server.register("alice");
    window.give(Command::FetchNow);
    wait_live(&mut window);
}

#[test]
fn a_server_that_became_live_is_noticed_when_it_refuses_the_classic_login() {
    let folder = tempdir().unwrap();
    let server = Server::start(CAREFUL, &["alice", "bob"]);
    server.post("bob", "alice", "classic");
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    window.wait_message("classic", Delivery::Received);
    window.send("bob", "mine");
    window.wait_message("mine", Delivery::Accepted);
    let address = server.kill();
    window.wait_link("a broken link", |link| {
        matches!(link, LinkState::Waiting { .. })
    });
    // This one hangs up on classic logins.
    let server = LiveServer::start_at(address, &["alice", "bob"]);
    window.give(Command::FetchNow);
    wait_live(&mut window);
    server.post("bob", "alice", "live");
    window.wait_message("live", Delivery::Received);
    let expected = ["classic", "mine", "live"];
    assert_eq!(texts(&window.history(&person("bob"))), expected);
}

#[test]
fn a_server_whose_numbers_begin_anew_is_followed_from_the_start() {
    let folder = tempdir().unwrap();
    let server = LiveServer::start(&["alice", "bob"]);
    for number in 0..5 {
        server.post("bob", "alice", &format!("old {number}"));
    }
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    window.wait_message("old 4", Delivery::Received);
    let address = server.kill();
    let server = LiveServer::start_at(address, &["alice", "bob"]);
    server.post("bob", "alice", "new 0");
    window.give(Command::FetchNow);
    window.wait_message("new 0", Delivery::Received);
    let expected = ["old 0", "old 1", "old 2", "old 3", "old 4", "new 0"];
    assert_eq!(texts(&window.history(&person("bob"))), expected);
}

#[test]
fn groups_roster_and_typing_are_told() {
    let folder = tempdir().unwrap();
    let server = LiveServer::start(&["alice", "bob", "cy"]);
    server.group("turma", &["alice", "bob", "cy"]);
    let mut alice = Window::signed_in(folder.path(), "alice", &server.address);
    let mut bob = Window::signed_in(folder.path(), "bob", &server.address);
    wait_live(&mut bob);
    let roster = alice.wait("the roster", |event| match event {
        Event::Roster(roster) => Some(roster.clone()),
        _ => None,
    });
    assert_eq!((roster.users.len(), roster.groups.len()), (3, 1));
    bob.send("turma", "to all");
    let message = alice.wait_message("to all", Delivery::Received);
    assert_eq!(message.with, person("turma"));
    assert_eq!(message.author.unwrap().as_str(), "bob");
    alice.give(Command::Typing {
        to: crate::window::login("bob"),
    });
    bob.wait("typing", |event| match event {
        Event::Typing { with, .. } if *with == person("alice") => Some(()),
        _ => None,
    });
    // The members of a group are known without a server, too.
    let address = server.address.clone();
    server.kill();
    drop(alice);
    let mut alice = Window::signed_in(folder.path(), "alice", &address);
    let groups = alice.wait("the groups", |event| match event {
        Event::Groups(groups) => Some(groups.clone()),
        _ => None,
    });
    assert_eq!(groups, roster.groups);
}

#[test]
fn what_was_said_is_found_again() {
    let folder = tempdir().unwrap();
    let server = LiveServer::start(&["alice", "bob"]);
    server.post("bob", "alice", "A reunião é às 10h");
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    window.wait_message("A reunião é às 10h", Delivery::Received);
    window.give(Command::Search {
        query: "REUNIAO".into(),
        before: None,
    });
    let found = window.wait("what is found", |event| match event {
        Event::Found { messages, .. } => Some(messages.clone()),
        _ => None,
    });
    assert_eq!(texts(&found), ["A reunião é às 10h"]);
}

#[test]
fn what_a_reply_quotes_is_found_or_said_not_to_be_here() {
    let folder = tempdir().unwrap();
    let server = LiveServer::start(&["alice", "bob"]);
    server.post("bob", "alice", "at ten");
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    let said = window.wait_message("at ten", Delivery::Received);
    for (excerpt, expected) in [("at ten", Some(said.id)), ("at nine", None)] {
        window.give(Command::FindQuoted(quoted("bob", excerpt)));
        let found = window.wait("an answer", |event| match event {
            Event::Quoted(message) => Some(Some(message.id)),
            Event::NotQuoted(with) if *with == person("bob") => Some(None),
            _ => None,
        });
        assert_eq!(found, expected, "{excerpt}");
    }
}

#[test]
fn a_quote_is_said_to_be_in_no_message_only_if_the_whole_conversation_is_here() {
    let folder = tempdir().unwrap();
    let server = LiveServer::start(&["alice", "bob"]);
    server.post("bob", "alice", "at ten");
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    let said = window.wait_message("at ten", Delivery::Received);
    let check = |window: &mut Window, author: &str, excerpt: &str| {
        window.give(Command::CheckQuote {
            id: said.id,
            quoted: quoted(author, excerpt),
        });
        window.wait("an answer", |event| match event {
            Event::QuoteChecked { id, check } if *id == said.id => Some(*check),
            _ => None,
        })
    };
    window.give(Command::LoadPage {
        with: person("bob"),
        before: None,
        limit: 10,
    });
    window.wait("the whole conversation", |event| match event {
        Event::Page { older, .. } if *older == Older::Nothing => Some(()),
        _ => None,
    });
    for (author, excerpt, expected) in [
        ("bob", "at ten", QuoteCheck::Found),
        ("bob", "at nine", QuoteCheck::NotFound),
        ("alice", "at ten", QuoteCheck::NotFound),
        ("carol", "at ten", QuoteCheck::NotFound),
    ] {
        let found = check(&mut window, author, excerpt);
        assert_eq!(found, expected, "{author} {excerpt}");
    }
    // A classic server has given some messages to the client that asked first.
    let classic = Server::start(CAREFUL, &["alice", "bob"]);
    let mut window = Window::signed_in(folder.path(), "alice", &classic.address);
    window.wait_link("an online link", |link| link.is_online());
    assert_eq!(check(&mut window, "bob", "x"), QuoteCheck::NotHere);
}

#[test]
fn a_link_that_breaks_again_and_again_loses_nothing_either_way() {
    let folder = tempdir().unwrap();
    let server = LiveServer::start(&["alice", "bob"]);
    let mut window = Window::new(folder.path());
    window.sign_in("alice", &server.address, Some(Duration::from_secs(1)));
    wait_live(&mut window);
    let mut expected = Vec::new();
    for round in 0..8 {
        for number in 0..20 {
            let text = format!("{round}.{number}");
            window.send("bob", &text);
            server.post("bob", "alice", &text);
            expected.push(text);
        }
        server.cut();
        window.give(Command::FetchNow);
    }
    window.send("bob", "the end");
    window.give(Command::FetchNow);
    window.wait_message("the end", Delivery::Accepted);
    expected.push("the end".into());
    assert_eq!(server.texts("alice", "bob"), expected);
    let history = window.history(&person("bob"));
    let of = |is_own: bool| {
        let some = history.iter().filter(|message| message.is_own() == is_own);
        some.map(|message| message.text.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(of(true), expected);
    assert_eq!(of(false), expected[..expected.len() - 1]);
    let ids: Vec<_> = history.iter().map(|message| message.server_id).collect();
    assert!(ids.is_sorted(), "the order is the server's");
}
