//! Servers whose ids mean other messages than before, after a backup was restored or the server was replaced. The app loses
//! nothing, and takes no new message for an old one. Also the numbering of messages, by which servers tell a new message
//! from one that is sent again.

use std::{path::Path, thread, time::Duration};

use mensageiro::engine::{Command, Delivery, Event, LinkState, Message, ServerChange};
use tempfile::tempdir;

use crate::{
    live_server::{Backup, LiveServer},
    window::{Window, person, texts},
};

fn wait_live(window: &mut Window) {
    window.wait_link("a live session", |link| {
        *link == LinkState::Live { catching_up: false }
    });
}

fn wait_change(window: &mut Window) -> ServerChange {
    window.wait("that the server changed", |event| match event {
        Event::ServerChanged(change) => Some(*change),
        _ => None,
    })
}

/// Alice has five messages, three of which are in the backup, and one of her own, which is not.
fn with_backup(folder: &Path) -> (LiveServer, Backup, Window) {
    let server = LiveServer::start(&["alice", "bob"]);
    for number in 0..3 {
        server.post("bob", "alice", &format!("old {number}"));
    }
    let backup = server.backup();
    let mut window = Window::signed_in(folder, "alice", &server.address);
    window.wait_message("old 2", Delivery::Received);
    for number in 3..5 {
        server.post("bob", "alice", &format!("old {number}"));
    }
    window.wait_message("old 4", Delivery::Received);
    window.send("bob", "mine");
    window.wait_message("mine", Delivery::Accepted);
    (server, backup, window)
}

const BEFORE: [&str; 6] = ["old 0", "old 1", "old 2", "old 3", "old 4", "mine"];

fn check(window: &mut Window, new: &[&str]) {
    let expected: Vec<_> = BEFORE.iter().chain(new).copied().collect();
    assert_eq!(texts(&window.history(&person("bob"))), expected);
}

fn ids(messages: &[Message]) -> Vec<Option<u64>> {
    messages.iter().map(|one| one.server_id).collect()
}

#[test]
fn what_a_restored_server_gives_the_same_ids_is_new_and_what_had_them_stays() {
    let folder = tempdir().unwrap();
    let (server, backup, mut window) = with_backup(folder.path());
    server.restore(&backup);
    for number in 0..5 {
        server.post("bob", "alice", &format!("new {number}"));
    }
    assert_eq!(wait_change(&mut window), ServerChange::Restored);
    window.wait_message("new 4", Delivery::Received);
    check(&mut window, &["new 0", "new 1", "new 2", "new 3", "new 4"]);
    let all = window.history(&person("bob"));
    assert_eq!(ids(&all[..3]), [Some(101), Some(102), Some(103)]);
    assert_eq!(ids(&all[3..6]), [None; 3]);
    assert_eq!(ids(&all[6..8]), [Some(104), Some(105)]);
    // The person is told once.
    window.events.clear();
    server.cut();
    wait_live(&mut window);
    drop(window);
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    wait_live(&mut window);
    check(&mut window, &["new 0", "new 1", "new 2", "new 3", "new 4"]);
    let is_told = |event: &Event| matches!(event, Event::ServerChanged(_));
    assert!(!window.events.iter().any(is_told));
}

#[test]
fn a_restored_server_that_has_nothing_new_yet_is_noticed_too() {
    let folder = tempdir().unwrap();
    let (server, backup, mut window) = with_backup(folder.path());
    window.give(Command::SignOut);
    server.restore(&backup);
    window.sign_in("alice", &server.address, None);
    assert_eq!(wait_change(&mut window), ServerChange::Restored);
    wait_live(&mut window);
    check(&mut window, &[]);
    server.post("bob", "alice", "new");
    window.wait_message("new", Delivery::Received);
    window.send("bob", "mine, later");
    window.wait_message("mine, later", Delivery::Accepted);
    check(&mut window, &["new", "mine, later"]);
}

#[test]
fn a_copy_that_took_the_place_of_the_store_unnoticed_doubles_nothing() {
    let folder = tempdir().unwrap();
    let (server, backup, mut window) = with_backup(folder.path());
    server.copy_back(&backup);
    server.post("bob", "alice", "new");
    assert_eq!(wait_change(&mut window), ServerChange::Restored);
    window.wait_message("new", Delivery::Received);
    check(&mut window, &["new"]);
    server.post("bob", "alice", "newer");
    window.wait_message("newer", Delivery::Received);
    check(&mut window, &["new", "newer"]);
}

#[test]
fn a_server_that_names_no_store_any_more_is_another_server() {
    let folder = tempdir().unwrap();
    let (server, mut backup, mut window) = with_backup(folder.path());
    backup.forget_identity();
    server.copy_back(&backup);
    server.post("bob", "alice", "new");
    assert_eq!(wait_change(&mut window), ServerChange::Replaced);
    window.wait_message("new", Delivery::Received);
    check(&mut window, &["new"]);
}

#[test]
fn another_store_at_the_same_address_is_another_server() {
    let folder = tempdir().unwrap();
    let (server, _, mut window) = with_backup(folder.path());
    let address = server.kill();
    window.wait_link("a broken link", |link| {
        matches!(link, LinkState::Waiting { .. })
    });
    let server = LiveServer::start_at(address, &["alice", "bob"]);
    for number in 0..9 {
        server.post("bob", "alice", &format!("other {number}"));
    }
    window.give(Command::FetchNow);
    assert_eq!(wait_change(&mut window), ServerChange::Replaced);
    window.wait_message("other 8", Delivery::Received);
    let new: Vec<_> = (0..9).map(|number| format!("other {number}")).collect();
    let new: Vec<_> = new.iter().map(String::as_str).collect();
    check(&mut window, &new);
}

#[test]
fn what_was_not_answered_goes_to_a_restored_server_once() {
    let folder = tempdir().unwrap();
    let (server, backup, mut window) = with_backup(folder.path());
    // The message is accepted, but the answer is lost; then the server loses the message, too.
    server.swallow_answers(true);
    window.send("bob", "perhaps");
    while server.texts("alice", "bob").len() < 2 {
        thread::sleep(Duration::from_millis(5));
    }
    server.swallow_answers(false);
    server.restore(&backup);
    window.wait_message("perhaps", Delivery::Accepted);
    assert_eq!(server.texts("alice", "bob"), ["perhaps"]);
    check(&mut window, &["perhaps"]);
}

#[test]
fn two_devices_of_a_user_never_have_the_same_tag() {
    let folders = [tempdir().unwrap(), tempdir().unwrap()];
    let address = LiveServer::start(&["alice", "bob"]).kill();
    // Written before the app knows anything about the server.
    for folder in &folders {
        let mut window = Window::signed_in(folder.path(), "alice", &address.to_string());
        window.send("bob", "the same words");
        window.wait_message("the same words", Delivery::Waiting);
    }
    let server = LiveServer::start_at(address, &["alice", "bob"]);
    // For this server a known tag means a message that is sent again, whichever device sends it.
    server.forget_identity();
    let mut windows = folders
        .each_ref()
        .map(|folder| Window::signed_in(folder.path(), "alice", &server.address));
    for window in &mut windows {
        window.wait_message("the same words", Delivery::Accepted);
    }
    for number in 0..3 {
        for window in &mut windows {
            let text = format!("message {number}");
            window.send("bob", &text);
            window.wait("its acceptance", |event| match event {
                Event::Message(message) => (message.text.as_str() == text
                    && message.written.is_some()
                    && message.delivery == Delivery::Accepted)
                    .then_some(()),
                _ => None,
            });
        }
    }
    assert_eq!(server.texts("alice", "bob").len(), 8);
}

#[test]
fn a_message_that_is_refused_for_its_number_is_sent_under_a_new_name_once() {
    let folder = tempdir().unwrap();
    let server = LiveServer::start(&["alice", "bob"]);
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    wait_live(&mut window);
    window.send("bob", "before");
    window.wait_message("before", Delivery::Accepted);
    server.refuse_numbers(2);
    for text in ["one", "two", "three"] {
        window.send("bob", text);
    }
    // The third one was on its way already, and may overtake them.
    for _ in 0..3 {
        window.wait("a message that is accepted", |event| match event {
            Event::Message(message) => (message.delivery == Delivery::Accepted).then_some(()),
            _ => None,
        });
    }
    let mut sent = server.texts("alice", "bob");
    sent.sort();
    assert_eq!(sent, ["before", "one", "three", "two"]);
    let tags = server.tags("alice");
    let devices = tags.iter().map(|tag| tag.device_and_number().unwrap().0);
    let devices: std::collections::BTreeSet<_> = devices.collect();
    assert_eq!(devices.len(), 2, "{tags:?}");
    // It keeps its new name.
    drop(window);
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    window.send("bob", "after");
    window.wait_message("after", Delivery::Accepted);
    let tags = server.tags("alice");
    let newest = tags[4].device_and_number().unwrap().0;
    assert_ne!(newest, tags[0].device_and_number().unwrap().0);
    assert!(devices_of(&tags[1..4]).contains(&newest));
}

fn devices_of(tags: &[mensageiro_protocol::live::Tag]) -> Vec<&str> {
    let devices = tags.iter().filter_map(|tag| tag.device_and_number());
    devices.map(|(device, _)| device).collect()
}
