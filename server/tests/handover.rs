//! Logins that are given to other people, groups that are made again, and members who leave.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;

use mensageiro_protocol::{
    Framing,
    live::{ByeCode, Event, Presence},
};
use support::{
    TestServer, eventually,
    live::{LiveClient, messages},
};

const USERS: [&str; 3] = ["ana", "bob", "carla"];

const ALL: &str = "class,ana\nclass,bob\nclass,carla\n";

/// Everybody, as users.csv says it; `bob` is the row of bob, or nothing.
fn users(bob: &str) -> String {
    format!("login,name,history\nana,Ana,\ncarla,Carla,\n{bob}")
}

fn start(groups: &str) -> TestServer {
    let mut server = TestServer::start(&USERS);
    edit(&mut server, "groups.csv", groups);
    server
}

/// Edits a file while the server is stopped.
fn edit(server: &mut TestServer, file: &str, content: &str) {
    server.stop();
    fs::write(server.file(file), content).unwrap();
    server.restart();
}

/// Bob leaves, and a bob comes.
fn replace_bob(server: &mut TestServer, row: &str) {
    edit(server, "users.csv", &users(""));
    edit(server, "users.csv", &users(row));
}

fn live(server: &TestServer, login: &str, after: Option<u64>) -> (LiveClient, Vec<Event>) {
    LiveClient::log_in(server.address(), login, after)
}

/// What a client finds out about the time before: texts of two histories, and of the list.
fn found(client: &mut LiveClient, with: &str) -> (Vec<String>, Vec<String>, Vec<String>) {
    let history = |client: &mut LiveClient, with: &str| {
        client.say(&format!(r#"history {{"with":"{with}"}}"#));
        let mut events = Vec::new();
        let end = loop {
            match client.hear() {
                Event::History(end) => break end,
                Event::Message(message) if !message.is_old => {}
                event => events.push(event),
            }
        };
        assert!(!end.more);
        let texts: Vec<_> = messages(&events)
            .into_iter()
            .map(|(_, text)| text)
            .collect();
        assert_eq!(end.count, texts.len());
        if texts.is_empty() {
            assert!(receipts(&events).is_empty(), "{events:?}");
        }
        texts
    };
    let (one, class) = (history(client, with), history(client, "class"));
    client.say("conversations {}");
    let list = loop {
        if let Event::Conversations(page) = client.hear() {
            break page.conversations;
        }
    };
    let list = list
        .iter()
        .map(|one| format!("{} {} {}", one.with, one.last.text, one.unread));
    (one, class, list.collect())
}

/// Receipts as conversation, reader, and up to which message.
fn receipts(events: &[Event]) -> Vec<(String, String, u64)> {
    let receipts = events.iter().filter_map(|event| match event {
        Event::Receipt(one) => Some((one.with.to_string(), one.by.to_string(), one.id)),
        _ => None,
    });
    receipts.collect()
}

/// Reads, and returns when that has happened.
fn read(client: &mut LiveClient, with: &str, up_to: u64) {
    client.say(&format!(r#"read {{"with":"{with}","up_to":{up_to}}}"#));
    client.say("conversations {}");
    client.hear_until(|event| matches!(event, Event::Conversations(_)));
}

/// The next receipt of a reader: the conversation, and up to which message.
fn hear_receipt(client: &mut LiveClient, by: &str) -> (String, u64) {
    loop {
        let receipt = receipts(&[client.hear()]).pop();
        if let Some((with, _, id)) = receipt.filter(|one| one.1 == by) {
            return (with, id);
        }
    }
}

/// Bob and the others talk: some is read, some waits. Returns the id of what waits for bob.
fn talk(server: &TestServer) -> u64 {
    let (mut ana, _) = live(server, "ana", None);
    let (mut bob, _) = live(server, "bob", None);
    let one = ana.send("1", "bob", "one");
    read(&mut bob, "ana", one);
    let two = bob.send("1", "ana", "two");
    read(&mut ana, "bob", two);
    ana.send("2", "class", "to all");
    bob.send("2", "class", "of bob");
    bob.send("3", "ana", "unread by ana");
    let three = ana.send("3", "bob", "three");
    bob.hear_all();
    three
}

fn none<T>() -> Vec<T> {
    Vec::new()
}

#[test]
fn a_login_that_is_given_to_another_person_begins_empty() {
    let mut server = start(ALL);
    talk(&server);
    // The same name, even: it says nothing about the person.
    replace_bob(&mut server, "bob,Bob,\n");
    for _ in 0..2 {
        let mut classic = server.connect(Framing::Line);
        assert_eq!(classic.exchange("bob"), none::<String>());
        classic.close();
        for after in [None, Some(0), Some(3)] {
            let (mut bob, backlog) = live(&server, "bob", after);
            assert_eq!(backlog, none::<Event>(), "after={after:?}");
            assert_eq!(found(&mut bob, "ana"), (none(), none(), none()));
            bob.say(r#"got {"up_to":99}"#);
            read(&mut bob, "ana", 99);
            read(&mut bob, "class", 99);
        }
        server.restart();
    }
    // What somebody reads of the earlier bob is nothing to this one, and for others all is as it was.
    let (mut bob, _) = live(&server, "bob", None);
    let (mut ana, backlog) = live(&server, "ana", Some(0));
    assert!(messages(&backlog).iter().any(|(_, text)| text == "two"));
    read(&mut ana, "bob", 99);
    read(&mut ana, "class", 99);
    assert_eq!(receipts(&bob.hear_all()), none());
    let (with_bob, class, _) = found(&mut ana, "bob");
    assert_eq!(with_bob, ["one", "two", "unread by ana", "three"]);
    assert_eq!(class, ["to all", "of bob"]);
    // From now on it is a login like any other.
    let four = ana.send("4", "bob", "four");
    ana.send("5", "class", "to all again");
    assert_eq!(bob.hear_message().id, four);
    let five = bob.hear_message().id;
    let expected = (
        vec!["four".to_owned()],
        vec!["to all again".to_owned()],
        vec!["class to all again 1".to_owned(), "ana four 1".to_owned()],
    );
    assert_eq!(found(&mut bob, "ana"), expected);
    let (mut bob, backlog) = live(&server, "bob", Some(0));
    let ids: Vec<_> = messages(&backlog).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [four, five]);
    read(&mut bob, "ana", four);
    let six = bob.send("1", "ana", "six");
    assert_eq!(hear_receipt(&mut ana, "bob"), ("bob".into(), four));
    read(&mut ana, "bob", six);
    assert_eq!(hear_receipt(&mut bob, "ana"), ("ana".into(), six));
    server.stop();
    let to_bob = server.archive(6).into_iter().filter(|row| row.1 == "bob");
    let to_bob: Vec<_> = to_bob.map(|row| row.2).collect();
    assert_eq!(to_bob, ["one", "four"], "nobody read what waited");
}

#[test]
fn a_new_holder_of_a_login_has_neither_its_tags_nor_its_devices_nor_its_last_visit() {
    let hello = |server: &TestServer| {
        let mut bob = LiveClient::connect(server.address());
        bob.say("bob live/1 device=pc");
        let Event::Welcome(welcome) = bob.hear() else {
            panic!("no welcome");
        };
        bob.hear_until(|event| *event == Event::End);
        (bob, welcome.number)
    };
    let mut server = TestServer::start(&USERS);
    let (mut bob, _) = hello(&server);
    let old = [
        bob.send("c7", "ana", "hello"),
        bob.send("pc:5", "ana", "hello"),
    ];
    drop(bob);
    let seen = |server: &TestServer| {
        let (mut ana, _) = live(server, "ana", None);
        ana.say("roster {}");
        loop {
            if let Event::Roster(roster) = ana.hear() {
                let mut users = roster.users.into_iter();
                let bob = users
                    .find(|one| one.presence.login.as_str() == "bob")
                    .unwrap();
                if bob.presence.state == Presence::Offline {
                    return bob.presence.seen;
                }
                ana.say("roster {}");
            }
        }
    };
    assert!(seen(&server).is_some());
    replace_bob(&mut server, "bob,Bob,\n");
    assert_eq!(seen(&server), None);
    server.restart();
    assert_eq!(seen(&server), None);
    let (mut bob, number) = hello(&server);
    assert_eq!(number, None);
    let new = [
        bob.send("c7", "ana", "hello"),
        bob.send("pc:5", "ana", "hello"),
    ];
    assert!(new[0] > old[1] && new[1] > new[0], "{old:?} {new:?}");
    server.restart();
    let (mut bob, number) = hello(&server);
    assert_eq!(number, Some(5));
    let again = [
        bob.send("c7", "ana", "hello"),
        bob.send("pc:5", "ana", "hello"),
    ];
    assert_eq!(again, new);
}

#[test]
fn a_row_that_says_keep_keeps_everything() {
    let mut server = start(ALL);
    let three = talk(&server);
    replace_bob(&mut server, "bob,Bob,keep\n");
    let (mut bob, backlog) = live(&server, "bob", None);
    let texts: Vec<_> = messages(&backlog)
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    assert_eq!(texts, ["to all", "three"]);
    let (with_ana, class, list) = found(&mut bob, "ana");
    assert_eq!(with_ana, ["one", "two", "unread by ana", "three"]);
    assert_eq!(class, ["to all", "of bob"]);
    assert_eq!(list, ["ana three 1", "class of bob 1"]);
    read(&mut bob, "ana", three);
    assert_eq!(
        server.archive(3)[2],
        ("ana".into(), "bob".into(), "three".into())
    );
}

#[test]
fn what_a_login_lost_by_mistake_is_there_again_when_its_row_says_keep() {
    let mut server = start(ALL);
    talk(&server);
    replace_bob(&mut server, "bob,Bob,\n");
    let (mut bob, backlog) = live(&server, "bob", None);
    assert_eq!(backlog, none::<Event>());
    bob.send("new", "carla", "where is everything?");
    let (mut carla, _) = live(&server, "carla", None);
    let here = carla.send("1", "bob", "here");
    bob.hear_message();
    read(&mut bob, "carla", here);
    carla.send("2", "bob", "wait");
    drop(bob);
    for step in ["while it runs", "after a start", "without the word"] {
        match step {
            // Nobody is gone, so it counts at once.
            "while it runs" => {
                fs::write(server.file("users.csv"), users("bob,Bob,keep\n")).unwrap()
            }
            "after a start" => server.restart(),
            _ => edit(&mut server, "users.csv", &users("bob,Bob,\n")),
        }
        eventually(|| {
            let backlog = messages(&live(&server, "bob", None).1).into_iter();
            let texts: Vec<_> = backlog.map(|(_, text)| text).collect();
            texts == ["to all", "three", "wait"]
        });
        let (mut bob, _) = live(&server, "bob", None);
        let (with_ana, class, list) = found(&mut bob, "ana");
        assert_eq!(with_ana, ["one", "two", "unread by ana", "three"], "{step}");
        assert_eq!(class, ["to all", "of bob"], "{step}");
        let expected = ["carla wait 1", "ana three 1", "class of bob 1"];
        assert_eq!(list, expected, "{step}");
    }
    let (_, backlog) = live(&server, "bob", Some(0));
    assert_eq!(messages(&backlog).len(), 9);
    // Once more, and with a client that knows nothing but mailboxes.
    replace_bob(&mut server, "bob,Bob,\n");
    let mut classic = server.connect(Framing::Line);
    assert_eq!(classic.exchange("bob"), none::<String>());
    classic.exchange("@carla it happened again");
    edit(&mut server, "users.csv", &users("bob,Bob,keep\n"));
    let mut classic = server.connect(Framing::Line);
    let waiting = ["@class ana: to all", "@ana three", "@carla wait"];
    assert_eq!(classic.exchange("bob"), waiting);
    classic.close();
    server.stop();
    let to_bob = server.archive(6).into_iter();
    let to_bob = to_bob.filter(|row| row.1.ends_with("bob"));
    let to_bob: Vec<_> = to_bob.map(|row| row.2).collect();
    assert_eq!(to_bob, ["one", "here", "to all", "three", "wait"]);
}

#[test]
fn a_login_changes_hands_while_the_server_runs() {
    let mut server = start(ALL);
    talk(&server);
    let (mut old, _) = live(&server, "bob", None);
    fs::write(server.file("users.csv"), users("")).unwrap();
    assert_eq!(old.hear_bye(), ByeCode::Removed);
    fs::write(server.file("users.csv"), users("bob,Another Bob,\n")).unwrap();
    let mut heard = None;
    eventually(|| {
        let mut bob = server.connect(Framing::Line);
        bob.say("bob");
        heard = bob.hear();
        heard.is_some()
    });
    assert_eq!(heard.unwrap(), b"f", "not even for a moment");
    let (mut bob, _) = live(&server, "bob", Some(0));
    assert_eq!(found(&mut bob, "ana"), (none(), none(), none()));
    server.restart();
    let (mut bob, backlog) = live(&server, "bob", Some(0));
    assert_eq!(backlog, none::<Event>());
    assert_eq!(found(&mut bob, "ana"), (none(), none(), none()));
}

#[test]
fn who_has_left_a_group_is_told_nothing_more_of_it() {
    let mut server = start(ALL);
    let (mut bob, _) = live(&server, "bob", None);
    let of_bob = bob.send("1", "class", "of bob");
    let (mut ana, _) = live(&server, "ana", None);
    let before = ana.send("1", "class", "before");
    edit(&mut server, "groups.csv", "class,ana\nclass,carla\n");
    let (mut bob, backlog) = live(&server, "bob", Some(0));
    // What waited for a member is still delivered.
    let ids: Vec<_> = messages(&backlog).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [of_bob, before]);
    let (mut ana, _) = live(&server, "ana", None);
    let (mut carla, _) = live(&server, "carla", None);
    let gap = carla.send("1", "class", "gap");
    read(&mut ana, "class", gap);
    read(&mut carla, "class", gap);
    ana.say(r#"typing {"to":"class"}"#);
    ana.hear_all();
    assert_eq!(bob.hear_all(), none::<Event>());
    let (mut bob, backlog) = live(&server, "bob", Some(0));
    assert_eq!(receipts(&backlog), none());
    assert_eq!(messages(&backlog).len(), 2);
    // Those who are still members get to know what an earlier one has read of what was for him.
    read(&mut bob, "class", gap);
    assert_eq!(hear_receipt(&mut ana, "bob"), ("class".into(), before));
    edit(&mut server, "groups.csv", ALL);
    let (mut ana, _) = live(&server, "ana", None);
    let after = ana.send("2", "class", "after");
    let (mut bob, backlog) = live(&server, "bob", Some(0));
    let ids: Vec<_> = messages(&backlog).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [of_bob, before, after], "but for the gap");
    let (_, class, _) = found(&mut bob, "ana");
    assert_eq!(
        class,
        ["of bob", "before", "gap", "after"],
        "members may ask"
    );
}

#[test]
fn a_group_that_is_made_again_begins_empty_unless_a_row_says_keep() {
    let mut server = start(ALL);
    let (mut ana, _) = live(&server, "ana", None);
    ana.send("1", "class", "of old");
    edit(&mut server, "groups.csv", "");
    // What waits of a group that is gone can be read.
    let (mut carla, backlog) = live(&server, "carla", None);
    let (waiting, _) = messages(&backlog)[0];
    read(&mut carla, "class", waiting);
    assert_eq!(live(&server, "carla", None).1, none::<Event>());
    let header = "group,member,history\nclass,bob,\nclass,carla,";
    edit(&mut server, "groups.csv", header);
    // It was for bob then.
    let (mut bob, backlog) = live(&server, "bob", None);
    assert_eq!(messages(&backlog).len(), 1);
    assert_eq!(found(&mut bob, "ana"), (none(), none(), none()));
    let (mut carla, backlog) = live(&server, "carla", Some(waiting));
    assert_eq!(receipts(&backlog), none());
    carla.send("1", "class", "new");
    assert_eq!(found(&mut bob, "ana").1, ["new"]);
    assert_eq!(found(&mut bob, "ana").2, ["class new 2"]);
    fs::write(server.file("groups.csv"), format!("{header}keep\n")).unwrap();
    eventually(|| found(&mut bob, "ana").1 == ["of old", "new"]);
    server.restart();
    let (mut bob, _) = live(&server, "bob", None);
    assert_eq!(found(&mut bob, "ana").1, ["of old", "new"]);
    edit(&mut server, "groups.csv", "");
    edit(&mut server, "groups.csv", &format!("{header}keep\n"));
    let (mut bob, _) = live(&server, "bob", None);
    assert_eq!(found(&mut bob, "ana").1, ["of old", "new"]);
}

#[test]
fn a_group_whose_members_are_no_users_for_a_while_stays_the_group_it_was() {
    let mut server = start("class,bob\n");
    let (mut bob, _) = live(&server, "bob", None);
    bob.send("1", "class", "to myself");
    replace_bob(&mut server, "bob,Bob,keep\n");
    let (mut bob, _) = live(&server, "bob", None);
    assert_eq!(found(&mut bob, "ana").1, ["to myself"]);
}
