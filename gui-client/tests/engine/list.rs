//! The list of conversations on a new computer.

use mensageiro::engine::{Command, Conversation, Delivery, Event, LinkState, Older, Peer};
use tempfile::tempdir;

use crate::{
    live_server::LiveServer,
    window::{Window, person, texts},
};

/// The list that the window got, once the link is up and the last page has arrived.
fn listed(window: &mut Window, count: usize) -> Vec<Conversation> {
    let mut all = Vec::new();
    while all.len() < count {
        let rows = window.wait("the list", |event| match event {
            Event::Listed(rows) => Some(rows.clone()),
            _ => None,
        });
        all.extend(rows);
    }
    all
}

fn signed_in(window: &mut Window) -> Vec<Conversation> {
    window.wait("the conversations", |event| match event {
        Event::SignedIn { conversations, .. } => Some(conversations.clone()),
        _ => None,
    })
}

/// Each row as text: the name, the last message, the number of unread messages.
fn words(rows: &[Conversation]) -> Vec<String> {
    let row = |row: &Conversation| {
        let last = row.last.as_ref().map_or("", |last| last.text.as_str());
        let kind = if row.is_group { "group" } else { "user" };
        format!("{:?} {kind}: {last}, {}", name(row), row.unread)
    };
    rows.iter().map(row).collect()
}

fn name(row: &Conversation) -> &str {
    match &row.with {
        Peer::Person(login) => login.as_str(),
        Peer::Server => "",
    }
}

fn wait_live(window: &mut Window) {
    window.wait_link("a live session", |link| {
        *link == LinkState::Live { catching_up: false }
    });
}

#[test]
fn a_new_device_lists_with_whom_one_has_talked_and_asks_once() {
    let folder = tempdir().unwrap();
    let server = LiveServer::start(&["alice", "bob", "cy", "dora", "eve"]);
    server.group("turma", &["alice", "cy"]);
    server.post("alice", "bob", "to bob");
    server.post("eve", "alice", "from eve");
    server.post("alice", "eve", "mine to eve");
    server.post("cy", "turma", "to all");
    server.post("bob", "cy", "not for alice");
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    assert_eq!(signed_in(&mut window), []);
    let all = listed(&mut window, 3);
    let expected = [
        r#""turma" group: to all, 1"#,
        r#""eve" user: mine to eve, 1"#,
        r#""bob" user: to bob, 0"#,
    ];
    assert_eq!(words(&all), expected);
    assert_eq!(server.listings(), 2, "pages");
    // Its history comes when it is opened, and what is unread stays so.
    let eve = window.history(&person("eve"));
    assert_eq!(texts(&eve), ["from eve", "mine to eve"]);
    drop(window);
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    assert_eq!(words(&signed_in(&mut window)), expected);
    wait_live(&mut window);
    window.send("bob", "again");
    window.wait_message("again", Delivery::Accepted);
    assert_eq!(server.listings(), 3, "only the first page is compared");
}

#[test]
fn what_comes_while_the_list_does_is_there_once_and_unread() {
    let folder = tempdir().unwrap();
    let users: Vec<_> = (0..40).map(|number| format!("user{number}")).collect();
    let mut all: Vec<_> = users.iter().map(String::as_str).collect();
    all.push("alice");
    let server = LiveServer::start(&all);
    for user in &users {
        server.post("alice", user, "before");
    }
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    wait_live(&mut window);
    for user in &users {
        server.post(user, "alice", &format!("now {user}"));
    }
    for user in &users {
        window.wait_message(&format!("now {user}"), Delivery::Received);
    }
    window.send("user0", "done");
    window.wait_message("done", Delivery::Accepted);
    let last = window.history(&person("user0"));
    assert_eq!(texts(&last), ["before", "now user0", "done"]);
    drop(window);
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    let found = signed_in(&mut window);
    assert_eq!(found.len(), users.len());
    for row in &found {
        assert_eq!(row.unread, 1, "{row:?}");
    }
    let last = found[1].last.as_ref().unwrap();
    assert_eq!(last.text.as_str(), format!("now {}", name(&found[1])));
}

#[test]
fn a_server_that_knows_no_lists_does_no_harm() {
    let folder = tempdir().unwrap();
    let server = LiveServer::start(&["alice", "bob"]);
    server.list_nothing();
    server.post("bob", "alice", "hello");
    for round in 0..2 {
        let mut window = Window::signed_in(folder.path(), "alice", &server.address);
        wait_live(&mut window);
        let text = format!("round {round}");
        window.send("bob", &text);
        window.wait_message(&text, Delivery::Accepted);
        window.give(Command::LoadPage {
            with: person("bob"),
            before: None,
            limit: 10,
        });
        let (page, older) = window.wait("a page", |event| match event {
            Event::Page {
                messages, older, ..
            } if *older != Older::Coming => Some((messages.clone(), *older)),
            _ => None,
        });
        assert_eq!(texts(&page)[0], "hello");
        assert_eq!(older, Older::Nothing);
    }
    assert_eq!(server.connections(), 2, "nobody waits for an answer");
}
