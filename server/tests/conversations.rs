//! With whom a user has talked (rule V14).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;

use mensageiro_protocol::{
    Framing,
    limits::EVENT_BYTES,
    live::{ConversationNews, Conversations, Event, ReceiptState},
};
use support::{
    TestServer,
    live::{LiveClient, messages},
};

fn page(client: &mut LiveClient, question: &str) -> Conversations {
    client.say(&format!("conversations {question}"));
    loop {
        if let Event::Conversations(page) = client.hear() {
            let mut line = Vec::new();
            Event::Conversations(page.clone()).encode(&mut line);
            let is_short = line.len() <= EVENT_BYTES || page.conversations.len() == 1;
            assert!(is_short, "{} bytes", line.len());
            return page;
        }
    }
}

/// All pages.
fn all(client: &mut LiveClient, limit: usize) -> Vec<ConversationNews> {
    let mut all: Vec<ConversationNews> = Vec::new();
    loop {
        let before = all
            .last()
            .map(|one| format!(r#""before":{},"#, one.last.id));
        let before = before.unwrap_or_default();
        let mut page = page(client, &format!(r#"{{{before}"limit":{limit}}}"#));
        assert!(page.conversations.len() <= limit);
        all.append(&mut page.conversations);
        if !page.more {
            return all;
        }
    }
}

fn words(list: &[ConversationNews]) -> Vec<String> {
    let words = |one: &ConversationNews| {
        format!("{} {} {} {}", one.with, one.last.text, one.unread, one.read)
    };
    list.iter().map(words).collect()
}

#[test]
fn the_list_comes_page_by_page_whatever_is_said_meanwhile_and_after_a_restart() {
    let names: Vec<_> = (0..130).map(|number| format!("user{number}")).collect();
    let mut users: Vec<_> = names.iter().map(String::as_str).collect();
    users.push("ana");
    let mut server = TestServer::start(&users);
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    for name in &names {
        ana.send(name, name, &format!("to {name}"));
    }
    let (mut user, _) = LiveClient::log_in(server.address(), "user3", None);
    let id = user.send("1", "ana", "read");
    user.send("2", "ana", "two");
    user.send("3", "ana", "three");
    ana.say(&format!(r#"read {{"with":"user3","up_to":{id}}}"#));
    let expected: Vec<_> = [format!("user3 three 2 {id}")]
        .into_iter()
        .chain(
            (0..130)
                .rev()
                .filter(|number| *number != 3)
                .map(|number| format!("user{number} to user{number} 0 {}", number + 1)),
        )
        .collect();
    assert_eq!(words(&all(&mut ana, 200)), expected);
    assert_eq!(words(&all(&mut ana, 7)), expected);
    assert_eq!(page(&mut ana, "{}").conversations.len(), 50);
    // While pages are asked for, the oldest one becomes the newest: it is there, as it was.
    let first = page(&mut ana, r#"{"limit":100}"#);
    ana.send("again", "user0", "again");
    let last = first.conversations.last().unwrap().last.id;
    let rest = page(&mut ana, &format!(r#"{{"before":{last}}}"#));
    assert!(!rest.more);
    let found = [words(&first.conversations), words(&rest.conversations)].concat();
    assert_eq!(found[..129], expected[..129]);
    assert!(
        found[129].starts_with("user0 to user0 0 "),
        "{}",
        found[129]
    );
    assert!(page(&mut ana, r#"{"before":1}"#).conversations.is_empty());
    server.restart();
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    let again = words(&all(&mut ana, 200));
    assert!(again[0].starts_with("user0 again 0 "), "{}", again[0]);
    assert_eq!(again[1..], expected[..129]);
}

#[test]
fn long_texts_make_shorter_pages_and_come_whole() {
    let names: Vec<_> = (0..20).map(|number| format!("user{number}")).collect();
    let mut users: Vec<_> = names.iter().map(String::as_str).collect();
    users.push("ana");
    let server = TestServer::start(&users);
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    // In JSON it is twice as long.
    let text = r#"""#.repeat(16_000);
    for name in &names {
        ana.send(name, name, &text);
    }
    let first = page(&mut ana, "{}");
    assert!(first.more && first.conversations.len() < 4);
    let all = all(&mut ana, 200);
    assert_eq!(all.len(), names.len());
    assert!(all.iter().all(|one| one.last.text.as_str() == text));
}

#[test]
fn groups_are_listed_for_their_members_of_today() {
    let mut server = TestServer::start(&["ana", "bruno", "carla"]);
    let groups = |lines: &str| fs::write(server.file("groups.csv"), lines).unwrap();
    groups("a,ana\na,bruno\nb,ana\nb,bruno\nc,ana\nc,bruno\n");
    server.restart();
    let (mut bruno, _) = LiveClient::log_in(server.address(), "bruno", None);
    bruno.send("1", "a", "one");
    bruno.send("2", "b", "two");
    drop(bruno);
    // Nothing has been said in c. Carla comes into a, and ana has left b.
    let groups = |lines: &str| fs::write(server.file("groups.csv"), lines).unwrap();
    groups("a,ana\na,bruno\na,carla\nb,bruno\nc,ana\nc,bruno\n");
    server.restart();
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    assert_eq!(words(&all(&mut ana, 50)), ["a one 1 0"]);
    let (mut carla, _) = LiveClient::log_in(server.address(), "carla", None);
    let found = all(&mut carla, 50);
    assert_eq!(words(&found), ["a one 0 0"]);
    assert!(found[0].group);
    let (mut bruno, _) = LiveClient::log_in(server.address(), "bruno", None);
    assert_eq!(words(&all(&mut bruno, 50)), ["b two 0 2", "a one 0 1"]);
}

#[test]
fn with_a_last_message_of_ones_own_comes_how_far_the_other_one_is() {
    let mut server = TestServer::start(&["ana", "bruno", "carla", "davi"]);
    fs::write(server.file("groups.csv"), "turma,ana\nturma,bruno\n").unwrap();
    server.restart();
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    let id = ana.send("1", "bruno", "to bruno");
    ana.send("2", "carla", "to carla");
    ana.send("3", "davi", "to davi");
    ana.send("4", "turma", "to all");
    let (mut bruno, _) = LiveClient::log_in(server.address(), "bruno", None);
    bruno.say(&format!(r#"read {{"with":"ana","up_to":{id}}}"#));
    bruno.hear_all();
    let (mut davi, _) = LiveClient::log_in(server.address(), "davi", None);
    davi.send("1", "ana", "from davi");
    let (mut other, _) = LiveClient::log_in(server.address(), "ana", None);
    other.say("conversations {}");
    let told = other.hear_until(|event| matches!(event, Event::Conversations(_)));
    let read = told.iter().filter_map(|event| match event {
        Event::Receipt(receipt) => Some((receipt.by.as_str(), receipt.id, receipt.state)),
        _ => None,
    });
    let read: Vec<_> = read.filter(|one| one.2 == ReceiptState::Read).collect();
    assert_eq!(read, [("bruno", id, ReceiptState::Read)]);
}

#[test]
fn what_was_read_a_moment_ago_is_not_unread_anywhere_else() {
    let server = TestServer::start(&["ana", "bruno"]);
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    let (mut phone, _) = LiveClient::log_in(server.address(), "bruno", None);
    let mut desk = server.log_in("bruno");
    let (mut tablet, _) = LiveClient::log_in(server.address(), "bruno", None);
    // The marks of the phone may wait for a sync that somebody else needs.
    for turn in 1..=20 {
        ana.send(&turn.to_string(), "bruno", "news");
        let id = phone.hear_message().id;
        phone.say(&format!(r#"read {{"with":"ana","up_to":{id}}}"#));
        phone.hear_all();
        assert_eq!(desk.exchange(""), Vec::<String>::new());
        match turn % 3 {
            0 => assert_eq!(words(&all(&mut tablet, 50)), [format!("ana news 0 {id}")]),
            1 => {
                let (_, backlog) = LiveClient::log_in(server.address(), "bruno", None);
                assert_eq!(messages(&backlog), []);
            }
            _ => {
                let mut classic = server.connect(Framing::Line);
                assert_eq!(classic.exchange("bruno"), Vec::<String>::new());
            }
        }
    }
}
