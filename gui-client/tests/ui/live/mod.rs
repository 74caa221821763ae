//! What only live sessions have: receipts, presence, typing, search, and history from the server.

mod people;
mod receipts;

use std::time::{Duration, Instant};

use egui::{Key, Modifiers, PointerButton};
use egui_kittest::kittest::Queryable;
use jiff::Timestamp;
use mensageiro::{
    engine::{
        Command, Delivery, Event, LinkState, Message, MessageId, Older, Presence, PresenceNews,
        ReceiptState, Refusal, Roster, SearchQuery, SortKey,
    },
    files::PathAnswer,
    model::{Action, Notice, Overlay, Preferences},
};
use mensageiro_protocol::{
    Text,
    live::{RosterGroup, RosterUser},
};

use crate::desk::{Answer, Desk, alice, conversation, login, message, person, received};

pub fn live() -> Event {
    Event::Link(LinkState::Live { catching_up: false })
}

pub fn presence(name: &str, state: Presence, seen: Option<i64>) -> PresenceNews {
    PresenceNews {
        login: login(name),
        state,
        note: Text::default(),
        seen,
    }
}

/// Somebody who is online. `full` is the full name; empty if there is none.
pub fn user(name: &str, full: &str) -> RosterUser {
    RosterUser {
        presence: presence(name, Presence::Online, None),
        name: full.into(),
        role: None,
    }
}

pub fn group(name: &str, members: &[impl AsRef<str>]) -> RosterGroup {
    RosterGroup {
        name: login(name),
        members: members.iter().map(|name| login(name.as_ref())).collect(),
        gone: vec![],
        admins: Vec::new(),
    }
}

pub fn roster() -> Event {
    Event::Roster(Roster {
        users: vec![
            user("alice", "Alice Souza"),
            user("bob", "Bob Lima"),
            RosterUser {
                presence: presence("carol", Presence::Offline, None),
                ..user("carol", "Carol Dias")
            },
        ],
        groups: vec![group("turma", &["alice", "bob", "carol"])],
        ..Roster::default()
    })
}

/// The conversation with bob open, in a live session.
fn desk() -> Desk {
    let mut desk = Desk::chatting(1..4, 0, true);
    desk.tell(live());
    desk.tell(roster());
    desk.asked();
    desk
}

fn own(id: i64, with: &str) -> Message {
    Message {
        server_id: u64::try_from(id).ok(),
        ..message(id, with, Delivery::Accepted, "mine")
    }
}

pub fn receipt(with: &str, by: &str, state: ReceiptState, up_to: u64) -> Event {
    Event::Receipt {
        with: person(with),
        by: login(by),
        state,
        up_to,
        at: Timestamp::from_second(1_700_000_500).unwrap(),
    }
}

#[test]
fn a_live_server_is_not_asked_by_the_clock() {
    let mut desk = desk();
    assert!(!desk.sees("messages every"));
    desk.tell(Event::Link(LinkState::Connecting));
    assert!(!desk.sees("messages every"), "nor while it is away");
    desk.tell(crate::desk::online());
    assert!(desk.sees("messages every"));
    assert!(desk.sees("No read receipts or presence on this server."));
}

#[test]
fn searching_shows_messages_and_jumps_to_them() {
    let mut desk = desk();
    desk.press(Modifiers::COMMAND, Key::K);
    desk.harness
        .get_by_label("Search people and messages")
        .type_text("reuniao");
    desk.harness.run();
    assert!(desk.asked().contains(&Command::Search {
        query: "reuniao".into(),
        before: None,
    }));
    desk.tell(Event::Found {
        query: "reuniao".into(),
        before: None,
        messages: vec![message(
            40,
            "carol",
            Delivery::Received,
            "A reunião é às 10h",
        )],
        next: None,
    });
    assert!(desk.sees("1 result"));
    desk.click("Result, Carol Dias: A reunião é às 10h");
    assert_eq!(desk.session().open, Some(person("carol")));
    assert_eq!(
        desk.asked(),
        [Command::LoadAround {
            with: person("carol"),
            sort_key: SortKey(40),
        }]
    );
    let page = (1..100).map(|id| message(id, "carol", Delivery::Received, "x"));
    desk.tell(Event::Around {
        with: person("carol"),
        messages: page.collect(),
        older: Older::More,
        newer: false,
    });
    let rows = desk.harness.state().state().timeline.drawn_rows();
    assert!(rows.iter().any(|row| row.id == MessageId(40)), "{rows:?}");
    assert!(rows.iter().all(|row| row.id < MessageId(99)));
    // Away from it, and there again by the same result.
    desk.press(Modifiers::COMMAND, Key::End);
    let is_there = |desk: &Desk| {
        let rows = desk.harness.state().state().timeline.drawn_rows();
        rows.iter().any(|row| row.id == MessageId(40))
    };
    assert!(!is_there(&desk));
    desk.click("Result, Carol Dias: A reunião é às 10h");
    assert!(is_there(&desk));
}

#[test]
fn ctrl_f_searches_the_open_conversation() {
    let mut desk = desk();
    desk.press(Modifiers::COMMAND, Key::F);
    desk.harness
        .get_by_label("Search people and messages")
        .type_text("xy");
    desk.harness.run();
    let asked = desk.asked();
    let query = SearchQuery {
        with: Some(person("bob")),
        ..SearchQuery::from("xy")
    };
    assert!(
        asked.contains(&Command::Search {
            query: query.clone(),
            before: None,
        }),
        "{asked:?}"
    );
    desk.tell(Event::Found {
        query,
        before: None,
        messages: vec![],
        next: None,
    });
    assert!(desk.sees("No messages found."));
    desk.click("All conversations");
    assert_eq!(desk.session().search.with, None);
    desk.press(Modifiers::NONE, Key::Escape);
    assert!(!desk.session().search.is_on());
}

#[test]
fn what_another_session_reads_is_read_here() {
    let mut desk = Desk::signed_in(vec![conversation("bob", 3, 2)]);
    desk.tell(live());
    desk.tell(Event::Unread {
        with: person("bob"),
        unread: 0,
    });
    assert_eq!(desk.model().title(), "MeuMensageiro - alice");
}

#[test]
fn older_messages_at_the_server_are_asked_for_when_it_is_there_again() {
    let mut desk = Desk::chatting(1000..1004, 0, false);
    let asks = |desk: &Desk| {
        let asked = desk.asked().into_iter();
        asked
            .filter(|one| matches!(one, Command::LoadPage { .. }))
            .count()
    };
    desk.tell(Event::Page {
        with: person("bob"),
        before: Some(SortKey(1000)),
        messages: vec![],
        older: Older::AtServer,
    });
    assert_eq!(asks(&desk), 0);
    assert!(desk.sees("Older messages are not available from this server."));
    desk.tell(Event::Link(LinkState::Offline));
    assert!(desk.sees("Older messages will load once you are connected."));
    desk.tell(live());
    assert_eq!(asks(&desk), 1);
    assert!(desk.sees("Loading older messages"));
}
