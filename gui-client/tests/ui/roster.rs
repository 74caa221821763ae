//! How the list and names follow the roster, its changes, and the server's list of conversations.

use egui_kittest::kittest::{NodeT, Queryable};
use mensageiro::engine::{
    Command, Conversation, Delivery, Event, FOR_GOOD, Message, Older, Presence, Roster, RosterGroup,
};
use mensageiro_protocol::live::RosterUser;

use crate::{
    desk::{Desk, conversation, login, message, person},
    live::{self, live, presence},
};

fn user(name: &str, full: &str) -> RosterUser {
    RosterUser {
        presence: presence(name, Presence::Offline, None),
        ..live::user(name, full)
    }
}

fn group(name: &str, members: &[&str], gone: &[&str]) -> RosterGroup {
    RosterGroup {
        gone: gone.iter().map(|name| login(name)).collect(),
        ..live::group(name, members)
    }
}

fn row(with: &str, id: i64, unread: usize, text: &str) -> Conversation {
    Conversation {
        last: Some(message(id, with, Delivery::Received, text)),
        ..conversation(with, id, unread)
    }
}

/// Alice's first moment on a new computer: the roster has come, and nothing else.
fn desk() -> Desk {
    let mut desk = Desk::signed_in(vec![]);
    desk.tell(live());
    desk.tell(Event::Roster(Roster {
        users: vec![
            user("alice", "Alice"),
            user("bob", "Bob Lima"),
            user("carol", "Carol"),
        ],
        more: true,
        ..Roster::default()
    }));
    // The members of a group may be divided between two lines.
    for (members, more) in [(["alice", "bob"], true), (["carol", "alice"], false)] {
        desk.tell(Event::Roster(Roster {
            groups: vec![
                group("turma-a", &members, &[]),
                group("turma-b", &members, &[]),
            ],
            more,
            ..Roster::default()
        }));
    }
    desk
}

fn names(desk: &Desk) -> Vec<String> {
    let rows = desk.session().conversations.rows().iter();
    rows.map(|row| match &row.with {
        mensageiro::engine::Peer::Person(login) => login.to_string(),
        mensageiro::engine::Peer::Server => String::new(),
    })
    .collect()
}

#[test]
fn groups_one_belongs_to_are_listed_before_anybody_writes_there() {
    let mut desk = desk();
    assert_eq!(names(&desk), ["turma-a", "turma-b"]);
    assert!(desk.sees("turma-a"));
    let members = desk.session().people.members(&login("turma-b")).unwrap();
    assert_eq!(members.len(), 3);
    // Somebody writes to one of the groups, and to alice: groups without messages are below.
    desk.tell(Event::Message(message(
        5,
        "turma-b",
        Delivery::Received,
        "oi",
    )));
    desk.tell(Event::Message(message(4, "bob", Delivery::Received, "oi")));
    assert_eq!(names(&desk), ["turma-b", "bob", "turma-a"]);
    desk.tell(Event::Roster(Roster {
        changes: true,
        gone: vec![login("turma-a"), login("turma-b")],
        groups: vec![group("turma-c", &["alice"], &[])],
        ..Roster::default()
    }));
    assert_eq!(
        names(&desk),
        ["turma-b", "bob", "turma-c"],
        "what was said stays"
    );
}

#[test]
fn changes_of_the_roster_are_changes_of_what_is_shown() {
    let mut desk = desk();
    desk.tell(Event::Message(message(5, "bob", Delivery::Received, "oi")));
    assert!(desk.harness.query_by_label("bob, 1 unread").is_some());
    let title = |desk: &Desk, login: &str| {
        let people = &desk.session().people;
        people.title(login).map(str::to_owned)
    };
    let change = |users, gone: &[&str]| {
        Event::Roster(Roster {
            changes: true,
            users,
            gone: gone.iter().map(|name| login(name)).collect(),
            ..Roster::default()
        })
    };
    desk.tell(change(vec![user("bob2", "Bob Lima")], &[]));
    assert_eq!(title(&desk, "bob").as_deref(), Some("Bob Lima (bob)"));
    assert_eq!(title(&desk, "bob2").as_deref(), Some("Bob Lima (bob2)"));
    assert_eq!(title(&desk, "carol").as_deref(), Some("Carol"), "as before");
    desk.tell(change(vec![user("bob2", "Roberto")], &[]));
    assert_eq!(title(&desk, "bob").as_deref(), Some("Bob Lima"));
    desk.tell(change(vec![user("bob", "Roberto")], &["bob2", "carol"]));
    assert_eq!(title(&desk, "bob").as_deref(), Some("Roberto"));
    assert_eq!(title(&desk, "carol"), None);
    assert!(
        desk.session().people.is_told(),
        "it still tells of everybody"
    );
    // A server that does not support changes sends the whole roster again.
    desk.tell(Event::Roster(Roster {
        users: vec![user("alice", "Alice"), user("davi", "Davi")],
        ..Roster::default()
    }));
    assert_eq!(title(&desk, "bob"), None);
    assert_eq!(title(&desk, "davi").as_deref(), Some("Davi"));
    assert_eq!(names(&desk), ["bob"]);
}

#[test]
fn the_list_of_a_new_computer_comes_without_a_notification_and_keeps_what_is_newer() {
    let mut desk = desk();
    desk.harness.input_mut().focused = false;
    desk.tell(Event::Message(message(
        9,
        "bob",
        Delivery::Received,
        "newest",
    )));
    desk.notified.try_iter().for_each(drop);
    desk.click("turma-a");
    desk.write("Message", "half a");
    desk.tell(Event::Listed(vec![
        row("davi", 8, 0, "read long ago"),
        row("bob", 7, 3, "older"),
        Conversation {
            is_group: true,
            last: Some(Message {
                author: Some(login("carol")),
                ..message(6, "turma-a", Delivery::Received, "to all")
            }),
            ..row("turma-a", 6, 2, "to all")
        },
    ]));
    assert_eq!(names(&desk), ["bob", "davi", "turma-a", "turma-b"]);
    assert!(desk.notified.try_recv().is_err(), "nothing of it is news");
    let session = desk.session();
    assert_eq!(session.draft(), "half a");
    let bob = session.conversations.get(&person("bob")).unwrap();
    assert_eq!(bob.unread, 1, "the window has heard of one");
    assert_eq!(bob.last.as_ref().unwrap().text.as_str(), "newest");
    let group = session.conversations.get(&person("turma-a")).unwrap();
    assert_eq!(group.unread, 2, "the window had heard of none");
    let row = desk.harness.get_by_label("davi").accesskit_node().value();
    assert!(row.unwrap_or_default().starts_with("read long ago"));
    // Its history is asked for when it is opened.
    desk.asked();
    desk.click("davi");
    let asked = desk.asked();
    let is_page =
        |one: &Command| matches!(one, Command::LoadPage { with, .. } if *with == person("davi"));
    assert!(asked.iter().any(is_page), "{asked:?}");
    desk.tell(Event::Page {
        with: person("davi"),
        before: None,
        messages: vec![message(8, "davi", Delivery::Received, "read long ago")],
        older: Older::Coming,
    });
    assert!(desk.sees("read long ago"));
}

#[test]
fn a_group_that_is_muted_before_anybody_writes_there_stays_so_and_in_its_place() {
    let mut desk = Desk::signed_in(vec![
        row("bob", 5, 0, "oi"),
        Conversation {
            muted_until: Some(FOR_GOOD),
            last: None,
            ..conversation("turma-a", 1, 0)
        },
    ]);
    desk.tell(Event::Groups(vec![group(
        "turma-a",
        &["alice", "bob"],
        &[],
    )]));
    assert_eq!(names(&desk), ["bob", "turma-a"]);
    let turma = desk.session().conversations.get(&person("turma-a"));
    assert!(turma.is_some_and(|row| row.is_muted() && row.is_group));
}
