//! Keys in the search field, and the ways out of it.

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use mensageiro::{
    engine::{Command, Delivery, Event, Message, MessageId, Peer},
    model::Action,
};

use crate::{
    desk::{Desk, conversation, message, person},
    live::{live, roster},
};

/// The conversation with bob open, one with anna in the list; carol is known by her name only.
fn desk() -> Desk {
    let mut desk = Desk::signed_in(vec![conversation("bob", 9, 0), conversation("anna", 2, 0)]);
    desk.tell(live());
    desk.tell(roster());
    desk.click("bob");
    desk.tell(Event::Page {
        with: person("bob"),
        before: None,
        messages: said().to_vec(),
        older: mensageiro::engine::Older::Nothing,
    });
    desk
}

/// What bob said of carol, the newest last.
fn said() -> [Message; 2] {
    [(8, "carol comes"), (9, "carol is here")]
        .map(|(id, text)| message(id, "bob", Delivery::Received, text))
}

/// Types into the search field; the database answers.
fn look_for(desk: &mut Desk, query: &str, with: Option<Peer>, found: Vec<Message>) {
    let field = desk.harness.get_by_label("Search people and messages");
    field.type_text(query);
    desk.harness.run();
    desk.tell(Event::Found {
        query: query.to_owned(),
        with,
        messages: found,
    });
    desk.asked();
}

fn query(desk: &Desk) -> &str {
    &desk.session().search.query
}

#[test]
fn enter_opens_the_first_row_shown_whatever_it_is() {
    let mut desk = desk();
    desk.press(Modifiers::COMMAND, Key::K);
    look_for(&mut desk, "an", None, vec![]);
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(desk.session().open, Some(person("anna")), "a conversation");
    assert_eq!(query(&desk), "");

    desk.press(Modifiers::COMMAND, Key::K);
    look_for(&mut desk, "dias", None, said().to_vec());
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(desk.session().open, Some(person("carol")), "a person");

    desk.press(Modifiers::COMMAND, Key::K);
    look_for(&mut desk, "comes", None, said()[..1].to_vec());
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(desk.session().open, Some(person("bob")), "a message");
}

#[test]
fn the_arrows_walk_the_rows_and_enter_goes_from_message_to_message() {
    let mut desk = desk();
    let sought = |desk: &Desk| {
        let timeline = desk.session().timeline().unwrap();
        timeline.target.map(|(id, _)| id)
    };
    desk.press(Modifiers::COMMAND, Key::F);
    let [older, newer] = said();
    look_for(&mut desk, "carol", Some(person("bob")), vec![newer, older]);
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(sought(&desk), Some(MessageId(9)));
    desk.press(Modifiers::NONE, Key::ArrowDown);
    desk.press(Modifiers::NONE, Key::ArrowDown);
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(sought(&desk), Some(MessageId(8)));
    desk.press(Modifiers::NONE, Key::ArrowUp);
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(sought(&desk), Some(MessageId(9)));
    assert_eq!(query(&desk), "carol");
}

#[test]
fn enter_in_a_search_of_one_conversation_does_not_leave_it() {
    let mut desk = desk();
    desk.press(Modifiers::COMMAND, Key::F);
    look_for(&mut desk, "anna", Some(person("bob")), vec![]);
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(desk.session().open, Some(person("bob")));
    assert_eq!(query(&desk), "anna");
    let field = desk.harness.get_by_label("Search people and messages");
    assert!(field.is_focused());
}

#[test]
fn another_conversation_ends_the_search_in_the_one_before() {
    let mut desk = desk();
    desk.press(Modifiers::COMMAND, Key::F);
    look_for(&mut desk, "here", Some(person("bob")), said().to_vec());
    desk.act(Action::Open(person("anna")));
    assert_eq!(desk.session().search.with, None);
    let everywhere = Command::Search {
        query: "here".into(),
        with: None,
    };
    assert!(desk.asked().contains(&everywhere));
}

#[test]
fn the_menu_of_a_conversation_begins_with_a_search_in_it() {
    for width in [1000.0, 360.0] {
        let mut desk = desk();
        desk.harness.set_size(egui::vec2(width, 600.0));
        desk.harness.run();
        desk.click("More about this conversation");
        desk.click("Search in this conversation");
        assert_eq!(desk.session().search.with, Some(person("bob")));
        let field = desk.harness.get_by_label("Search people and messages");
        assert!(field.is_focused(), "{width}");
    }
}

#[test]
fn the_button_in_the_field_ends_the_search() {
    let mut desk = desk();
    assert!(!desk.sees("Clear search"));
    desk.press(Modifiers::COMMAND, Key::F);
    look_for(&mut desk, "here", Some(person("bob")), said().to_vec());
    let button = desk.harness.get_by_label("Clear search").rect();
    assert_eq!(button.size(), egui::Vec2::splat(28.0));
    desk.click("Clear search");
    assert_eq!(query(&desk), "");
    assert_eq!(desk.session().search.with, None);
    assert!(!desk.sees("Clear search"));
    assert!(desk.harness.get_by_label("Message").is_focused());
}
