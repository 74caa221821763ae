//! A local database that is damaged while the app is closed, and while it is open.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use mensageiro::engine::{Command, Delivery, Event, LinkState};
use tempfile::tempdir;

use crate::{
    live_server::LiveServer,
    server::{CAREFUL, Server},
    window::{Window, person, texts},
};

const PAGE: usize = 4096;

/// The only account's database.
fn database(folder: &Path) -> PathBuf {
    let mut files = fs::read_dir(folder.join("accounts")).unwrap();
    let is_database = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "db");
    let found = files.find_map(|file| Some(file.unwrap().path()).filter(is_database));
    found.unwrap()
}

fn wait_set_aside(window: &mut Window) -> PathBuf {
    window.wait("that it was moved aside", |event| match event {
        Event::SetAside(to) => Some(to.clone()),
        _ => None,
    })
}

/// A window with 2,000 messages, whose server has gone; and the address of that server.
fn without_server(folder: &Path) -> (Window, SocketAddr) {
    let server = Server::start(CAREFUL, &["alice", "bob"]);
    for number in 0..2000 {
        server.post("bob", "alice", &format!("message {number} with words"));
    }
    let mut window = Window::signed_in(folder, "alice", &server.address);
    window.wait_message("message 1999 with words", Delivery::Received);
    let address = server.kill();
    window.wait_link("a broken link", |link| {
        matches!(link, LinkState::Waiting { .. })
    });
    (window, address)
}

fn wait_live(window: &mut Window) {
    window.wait_link("a live session", |link| {
        *link == LinkState::Live { catching_up: false }
    });
}

/// Damages this many pages, from the middle on, of a database that the app has open.
fn damage_behind_its_back(path: &Path, damaged: usize) {
    let behind_its_back = rusqlite::Connection::open(path).unwrap();
    behind_its_back
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    let mut bytes = fs::read(path).unwrap();
    let pages = bytes.len() / PAGE;
    assert!(pages > 60, "{pages}");
    // A part in the middle: the table, its indexes and the search index.
    let damaged = pages / 2..pages.min(pages / 2 + damaged);
    bytes[PAGE * damaged.start..PAGE * damaged.end].fill(0xa5);
    fs::write(path, bytes).unwrap();
    // The file differs now from what the app has read.
    behind_its_back
        .execute("INSERT INTO facts (name, value) VALUES ('x', 1)", [])
        .unwrap();
    drop(behind_its_back);
}

#[test]
fn what_a_damaged_database_had_comes_from_the_server_again() {
    let folder = tempdir().unwrap();
    let server = LiveServer::start(&["alice", "bob"]);
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    wait_live(&mut window);
    for number in 0..30 {
        server.post("bob", "alice", &format!("message {number}"));
    }
    window.wait_message("message 29", Delivery::Received);
    window.send("bob", "mine");
    window.wait_message("mine", Delivery::Accepted);
    let before = window.history(&person("bob"));
    drop(window);
    let path = database(folder.path());
    let noise = vec![0x5a; fs::metadata(&path).unwrap().len() as usize];
    fs::write(&path, &noise).unwrap();
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    let to = wait_set_aside(&mut window);
    assert!(fs::read(to).unwrap() == noise, "it is kept as it was");
    wait_live(&mut window);
    let after = window.history(&person("bob"));
    assert_eq!(texts(&after), texts(&before));
    // The person is told once.
    drop(window);
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    wait_live(&mut window);
    assert_eq!(texts(&window.history(&person("bob"))), texts(&before));
    let is_told = |event: &Event| matches!(event, Event::SetAside(_));
    assert!(!window.events.iter().any(is_told));
}

#[test]
fn damage_that_shows_while_one_reads_costs_neither_the_account_nor_what_waits() {
    let folder = tempdir().unwrap();
    let (mut window, address) = without_server(folder.path());
    window.send("bob", "waits");
    window.wait_message("waits", Delivery::Waiting);
    window.give(Command::SaveDraft {
        with: person("bob"),
        text: "half a sent".into(),
    });
    window.give(Command::CountUnread {
        with: person("bob"),
    });
    window.wait("the draft is kept", |event| {
        matches!(event, Event::Unread { .. }).then_some(())
    });
    damage_behind_its_back(&database(folder.path()), 8);
    for query in ["words", "message 1000", "message 5"] {
        window.give(Command::Search {
            query: query.into(),
            before: None,
        });
    }
    window.give(Command::LoadPage {
        with: person("bob"),
        before: None,
        limit: 2000,
    });
    let to = wait_set_aside(&mut window);
    assert!(to.exists());
    // Waiting messages go out, and everything that could be read is there.
    let server = Server::start_at(address, CAREFUL, &["alice", "bob"]);
    window.wait_message("waits", Delivery::Accepted);
    assert_eq!(server.unread("bob"), 1);
    assert!(window.history(&person("bob")).len() > 1000);
    assert!(!window.events.contains(&Event::SignedOut));
    let signed_in = |event: &Event| match event {
        Event::SignedIn { conversations, .. } => conversations.first().map(|row| row.draft.clone()),
        _ => None,
    };
    let drafts: Vec<String> = window.events.iter().filter_map(signed_in).collect();
    assert_eq!(drafts.last().unwrap(), "half a sent");
}

#[test]
fn a_damaged_database_that_cannot_be_replaced_signs_out_and_says_why_each_time() {
    let folder = tempdir().unwrap();
    let (mut window, address) = without_server(folder.path());
    let path = database(folder.path());
    damage_behind_its_back(&path, 8);
    // The new database cannot be created.
    let in_the_way = path.with_extension("rescued.db");
    fs::create_dir(&in_the_way).unwrap();
    fs::write(in_the_way.join("x"), "x").unwrap();
    window.give(Command::LoadPage {
        with: person("bob"),
        before: None,
        limit: 2000,
    });
    let failed = |event: &Event| matches!(event, Event::StorageFailed(_)).then_some(());
    let signed_out = |event: &Event| matches!(event, Event::SignedOut).then_some(());
    window.wait("why it failed", failed);
    window.wait_link("no link", |link| *link == LinkState::Offline);
    window.wait("that it is signed out", signed_out);
    // The person is told again, whether the damage is found at once or later.
    fs::write(&path, "damaged").unwrap();
    window.sign_in("alice", &address.to_string(), None);
    window.wait("why it failed again", failed);
    // Once it can be created, everything continues.
    fs::remove_dir_all(&in_the_way).unwrap();
    window.sign_in("alice", &address.to_string(), None);
    wait_set_aside(&mut window);
}

#[test]
fn what_waits_goes_out_once_though_nothing_of_it_can_be_read_any_more() {
    let folder = tempdir().unwrap();
    let (mut window, address) = without_server(folder.path());
    for text in ["waits", "waits too"] {
        window.send("bob", text);
        window.wait_message(text, Delivery::Waiting);
    }
    damage_behind_its_back(&database(folder.path()), usize::MAX / PAGE / 2);
    window.give(Command::LoadPage {
        with: person("bob"),
        before: None,
        limit: 2000,
    });
    wait_set_aside(&mut window);
    let found = window.history(&person("bob"));
    assert!(found.len() < 2002, "nothing was lost, so nothing is shown");
    assert_eq!(texts(&found[found.len() - 2..]), ["waits", "waits too"]);
    let server = Server::start_at(address, CAREFUL, &["alice", "bob"]);
    window.wait_message("waits too", Delivery::Accepted);
    assert_eq!(server.unread("bob"), 2);
}
