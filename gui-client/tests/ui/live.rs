//! What only live sessions have: receipts, presence, typing, search, and history from the server.

use std::time::{Duration, Instant};

use egui::{Key, Modifiers, PointerButton};
use egui_kittest::kittest::Queryable;
use jiff::Timestamp;
use mensageiro::{
    engine::{
        Command, Delivery, Event, LinkState, Message, MessageId, Older, Peer, Presence,
        PresenceNews, ReceiptState, Refusal, Roster, SortKey,
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
fn ticks_follow_the_receipts() {
    let mut desk = desk();
    desk.tell(Event::Message(own(4, "bob")));
    assert!(desk.sees("mine, 22:14, sent"));
    desk.tell(receipt("bob", "bob", ReceiptState::Delivered, 4));
    assert!(desk.sees("mine, 22:14, delivered"));
    desk.tell(receipt("bob", "bob", ReceiptState::Read, 3));
    assert!(
        desk.sees("mine, 22:14, delivered"),
        "that was about an earlier one"
    );
    desk.tell(receipt("bob", "bob", ReceiptState::Read, 9));
    assert!(desk.sees("mine, 22:14, read"));
}

#[test]
fn the_tick_tells_the_times() {
    let mut desk = desk();
    desk.tell(Event::Message(own(4, "bob")));
    desk.tell(receipt("bob", "bob", ReceiptState::Delivered, 4));
    desk.tell(receipt("bob", "bob", ReceiptState::Read, 4));
    let rows = desk.harness.state().state().timeline.drawn_rows();
    let bubble = rows
        .iter()
        .find(|row| row.id == MessageId(4))
        .unwrap()
        .bubble;
    let tick = bubble.right_bottom() - egui::vec2(18.0, 16.0);
    desk.harness.event(egui::Event::PointerMoved(tick));
    // A pointer that rests.
    for _ in 0..60 {
        desk.harness.step();
    }
    for line in [
        "Sent on Nov 14, 2023 at ",
        "Delivered on Nov 14, 2023 at ",
        "Read on Nov 14, 2023 at ",
    ] {
        assert!(desk.sees(line), "{line}");
    }
}

#[test]
fn the_way_of_a_message_is_drawn_as_it_goes_on_and_saved_as_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("way.png");
    let answer = Answer(PathAnswer::At(path.clone()));
    let mut desk = Desk::with_dialog(Preferences::default(), answer);
    desk.act(Action::SignInAs(alice()));
    desk.tell(Event::SignedIn {
        account: alice(),
        conversations: vec![conversation("bob", 3, 0)],
    });
    desk.tell(live());
    desk.click("bob");
    desk.tell(Event::Page {
        with: person("bob"),
        before: None,
        messages: vec![own(4, "bob")],
        older: Older::Nothing,
    });
    let bubble = desk.harness.state().state().timeline.drawn_rows()[0].bubble;
    desk.click_at_with(
        bubble.left_top() + egui::vec2(20.0, 16.0),
        PointerButton::Secondary,
    );
    desk.click("Journey of this message");
    let says = |desk: &Desk, what: &str| {
        let label = format!("bob to server: {what}. server to alice: {what}.");
        desk.harness.query_by_label_contains(&label).is_some()
    };
    assert!(!says(&desk, "delivered"));
    desk.tell(receipt("bob", "bob", ReceiptState::Delivered, 4));
    assert!(says(&desk, "delivered"));
    desk.tell(receipt("bob", "bob", ReceiptState::Read, 4));
    assert!(says(&desk, "read"));

    desk.click("Save as a picture");
    let deadline = Instant::now() + Duration::from_secs(10);
    while !matches!(desk.model().notice, Some(Notice::Saved(..))) {
        assert!(Instant::now() < deadline);
        desk.harness.step();
    }
    let area = desk.harness.state().state().journey().unwrap();
    let picture = image::open(&path).unwrap();
    assert_eq!(picture.width(), area.width().round() as u32);
}

#[test]
fn in_a_group_a_message_is_read_when_all_have_read_it() {
    let mut desk = desk();
    desk.tell(Event::Message(own(4, "turma")));
    desk.click("turma");
    desk.tell(Event::Page {
        with: person("turma"),
        before: None,
        messages: vec![
            Message {
                author: Some(login("carol")),
                ..message(3, "turma", Delivery::Received, "oi a todos")
            },
            own(4, "turma"),
        ],
        older: Older::Nothing,
    });
    assert!(desk.sees("Carol Dias: oi a todos, "), "the author is said");
    assert!(desk.sees("3 members, 2 online"));
    desk.tell(receipt("turma", "bob", ReceiptState::Read, 4));
    assert!(desk.sees("mine, 22:14, sent"));
    desk.tell(receipt("turma", "carol", ReceiptState::Delivered, 4));
    assert!(desk.sees("mine, 22:14, delivered"));
    desk.tell(receipt("turma", "carol", ReceiptState::Read, 4));
    assert!(desk.sees("mine, 22:14, read"));
}

#[test]
fn a_refused_message_says_why_and_can_be_tried_again_or_dropped() {
    let mut desk = desk();
    let refused = Delivery::Refused(Refusal::MailboxFull);
    desk.tell(Event::Message(message(4, "bob", refused, "mine")));
    assert!(desk.sees("mine, 22:14, not sent") && desk.sees("bob's mailbox is full."));
    desk.click("Try again");
    assert_eq!(desk.asked(), [Command::SendAgain(MessageId(4))]);
    desk.click("Discard");
    assert_eq!(desk.asked(), [Command::Discard(MessageId(4))]);
}

#[test]
fn the_header_says_where_the_other_one_is() {
    let mut desk = desk();
    assert!(desk.sees("Bob Lima (bob)") && desk.sees("online"));
    desk.tell(Event::Presence(PresenceNews {
        note: Text::from("lunch"),
        ..presence("bob", Presence::Away, None)
    }));
    assert!(desk.sees("away · lunch"));
    let seen = Some(1_700_000_000_000);
    desk.tell(Event::Presence(presence("bob", Presence::Offline, seen)));
    assert!(desk.sees("last seen on Nov 14, 2023 at 22:13"));
    desk.tell(Event::Link(LinkState::Connecting));
    assert!(!desk.sees("last seen"), "nobody tells now");
}

#[test]
fn typing_is_shown_until_the_message_comes() {
    let mut desk = desk();
    let typing = |seconds| Event::Typing {
        with: person("bob"),
        who: login("bob"),
        until: Instant::now() + Duration::from_secs(seconds),
    };
    desk.say(typing(60));
    desk.harness.step();
    desk.harness.step();
    assert!(desk.sees("typing…"));
    desk.say(Event::Message(received(4)));
    desk.harness.step();
    desk.harness.step();
    assert!(!desk.sees("typing…"));
    desk.say(typing(0));
    desk.harness.step();
    desk.harness.step();
    assert!(!desk.sees("typing…"), "that was long ago");
}

#[test]
fn who_is_written_to_is_told_in_live_sessions_only() {
    let mut desk = desk();
    let told = |desk: &Desk| desk.asked().contains(&Command::Typing { to: login("bob") });
    desk.write("Message", "h");
    assert!(told(&desk));
    desk.tell(crate::desk::online());
    desk.write("Message", "e");
    assert!(!told(&desk));
}

#[test]
fn the_new_conversation_offers_users_and_groups() {
    let mut desk = desk();
    desk.press(Modifiers::COMMAND, Key::N);
    assert!(desk.sees("turma, Group") && desk.sees("Carol Dias, carol"));
    assert!(
        !desk.sees("Alice Souza, alice"),
        "one does not write to oneself"
    );
    desk.harness
        .get_by_label("Name or user name")
        .type_text("dias");
    desk.harness.run();
    assert!(!desk.sees("turma, Group"));
    desk.click("Carol Dias, carol");
    assert_eq!(desk.session().open, Some(person("carol")));
    assert!(desk.model().overlay.is_none());
}

/// Asks for a new conversation and types this.
fn ask_for(desk: &mut Desk, typed: &str) {
    desk.press(Modifiers::COMMAND, Key::N);
    let field = desk.harness.get_by_label("Name or user name");
    field.type_text(typed);
    desk.harness.run();
}

#[test]
fn enter_begins_a_conversation_with_the_person_found_and_not_with_the_letters_typed() {
    for (typed, downs, with) in [
        ("Dias", 0, "carol"),
        ("Bob Lima", 0, "bob"),
        ("b", 0, "bob"),
        ("o", 1, "carol"),
        ("o", 9, "carol"),
        ("carol", 0, "carol"),
    ] {
        let mut desk = desk();
        ask_for(&mut desk, typed);
        for _ in 0..downs {
            desk.press(Modifiers::NONE, Key::ArrowDown);
        }
        desk.press(Modifiers::NONE, Key::Enter);
        assert_eq!(desk.session().open, Some(person(with)), "{typed} {downs}");
        assert!(desk.model().overlay.is_none());
    }
    let mut desk = desk();
    ask_for(&mut desk, "o");
    desk.press(Modifiers::NONE, Key::ArrowDown);
    desk.press(Modifiers::NONE, Key::ArrowUp);
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(desk.session().open, Some(person("bob")));
}

#[test]
fn a_name_that_nobody_has_on_a_live_server_says_so_and_begins_nothing() {
    let mut desk = desk();
    ask_for(&mut desk, "bru");
    assert!(desk.sees("There is no user or group “bru” on this server."));
    desk.press(Modifiers::NONE, Key::Enter);
    desk.click("Start");
    assert_eq!(desk.session().open, Some(person("bob")));
    assert!(desk.model().overlay.is_some());
}

#[test]
fn a_name_typed_whole_is_taken_before_those_it_is_a_part_of() {
    let mut desk = desk();
    desk.tell(Event::Roster(Roster {
        users: vec![user("anabela", ""), user("bela", "")],
        groups: vec![],
        ..Roster::default()
    }));
    ask_for(&mut desk, "@bela");
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(desk.session().open, Some(person("bela")));
}

#[test]
fn a_classic_server_says_what_it_does_not_tell() {
    let mut desk = Desk::chatting(1..4, 0, true);
    desk.press(Modifiers::COMMAND, Key::N);
    assert!(desk.sees("does not list its users"));
    assert!(desk.sees("Check"), "it is fetched by hand or by the clock");
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
    let everywhere: Option<Peer> = None;
    assert!(desk.asked().contains(&Command::Search {
        query: "reuniao".into(),
        with: everywhere.clone(),
    }));
    desk.tell(Event::Found {
        query: "reuniao".into(),
        with: everywhere,
        messages: vec![message(
            40,
            "carol",
            Delivery::Received,
            "A reunião é às 10h",
        )],
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
    let with = Some(person("bob"));
    let query = "xy".to_owned();
    assert!(
        asked.contains(&Command::Search {
            query,
            with: with.clone()
        }),
        "{asked:?}"
    );
    desk.tell(Event::Found {
        query: "xy".into(),
        with,
        messages: vec![],
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

#[test]
fn what_the_others_are_told_is_typed_in_the_settings() {
    let mut desk = desk();
    desk.asked();
    desk.show(Overlay::Settings);
    desk.write("Status", "Back at two");
    assert_eq!(desk.asked(), []);
    desk.press(Modifiers::NONE, Key::Escape);
    let told = Command::Status {
        is_away: false,
        note: "Back at two".into(),
    };
    assert_eq!(desk.asked(), [told]);
    desk.show(Overlay::Settings);
    desk.press(Modifiers::NONE, Key::Escape);
    assert_eq!(desk.asked(), [], "the same is not told again");
}

#[test]
fn the_members_of_a_group_are_listed_with_where_they_are() {
    let mut desk = desk();
    desk.tell(Event::Message(own(4, "turma")));
    desk.click("turma");
    desk.click("More about this conversation");
    desk.click("Members");
    for row in [
        "Bob Lima, bob, online",
        "Carol Dias, carol, offline",
        "alice, you",
    ] {
        assert!(desk.sees(row), "{row}");
    }
    let bob = desk.harness.get_by_label_contains("Bob Lima, bob, online");
    bob.click();
    desk.harness.run();
    assert_eq!(desk.session().open, Some(person("bob")));
    assert!(!desk.sees("Members of turma"), "the dialog is gone");
}
