//! Texts from right to left: selecting, copying, links and writing follow the visual order.

use egui::{Event as Input, Key, Modifiers, Pos2, Rect, Vec2};
use egui_kittest::kittest::Queryable;
use mensageiro::engine::{Delivery, Event, Message, Roster};

use crate::{
    desk::{Desk, conversation, login, message},
    live::user,
    pointer::{click, copy, drag, opens},
};

const TEXT: &str = "שלום עולם, ראה https://example.org/page וגם";

fn desk(text: &str) -> Desk {
    let mut desk = Desk::chatting(1..3, 0, true);
    desk.tell(Event::Message(message(3, "bob", Delivery::Received, text)));
    desk
}

fn bubble(desk: &Desk, within: &str) -> Rect {
    desk.harness.get_by_label_contains(within).rect()
}

/// What is copied after the pointer was dragged from one point to another.
fn dragged(desk: &mut Desk, from: Pos2, to: Pos2) -> String {
    drag(desk, from, to);
    copy(desk)
}

#[test]
fn what_is_selected_from_right_to_left_is_copied_as_it_was_written() {
    let mut desk = desk(TEXT);
    let rect = bubble(&desk, "עולם");
    let (right, left) = (
        rect.right_top() + Vec2::new(-13.0, 16.0),
        rect.left_top() + Vec2::new(13.0, 16.0),
    );
    assert_eq!(dragged(&mut desk, right, left), TEXT);
    // The beginning of the sentence is at the right.
    let part = dragged(&mut desk, right, right - Vec2::new(50.0, 0.0));
    assert!(TEXT.starts_with(&part), "{part:?}");
    assert!((3..12).contains(&part.chars().count()), "{part:?}");
}

#[test]
fn several_messages_of_both_directions_are_selected_together() {
    let mut desk = desk(TEXT);
    desk.tell(Event::Message(message(
        4,
        "bob",
        Delivery::Received,
        "and this in English",
    )));
    desk.tell(Event::Message(message(
        5,
        "bob",
        Delivery::Received,
        "בוקר טוב",
    )));
    desk.tell(Event::Message(message(
        6,
        "bob",
        Delivery::Received,
        "the last",
    )));
    let (first, last) = (bubble(&desk, "עולם"), bubble(&desk, "the last"));
    let from = first.right_top() + Vec2::new(-13.0, 16.0);
    let to = last.left_top() + Vec2::new(50.0, 16.0);
    let copied = dragged(&mut desk, from, to);
    assert!(copied.starts_with(TEXT), "{copied:?}");
    assert!(copied.contains("and this in English"), "{copied:?}");
    assert!(copied.contains("בוקר טוב"), "{copied:?}");
    let last = copied.lines().last().unwrap();
    assert!(last.starts_with("the"), "{copied:?}");
}

#[test]
fn a_link_opens_where_it_is_seen() {
    let mut desk = desk("ראה https://example.org/page");
    let rect = bubble(&desk, "ראה");
    for (pos, expected) in [
        (rect.left_top() + Vec2::new(30.0, 16.0), true),
        (rect.right_top() + Vec2::new(-18.0, 16.0), false),
    ] {
        let commands = click(&mut desk, pos);
        let opened = opens(&commands, "https://example.org/page");
        assert_eq!(opened, expected, "{commands:?}");
    }
}

#[test]
fn in_the_box_the_pointer_and_the_keys_go_where_they_point() {
    let mut desk = Desk::chatting(1..3, 0, true);
    desk.write("Message", "שלום עולם");
    let field = bubble_of_box(&desk);
    // Between the first two letters, which are at the right.
    let at = field.right_top() + Vec2::new(-12.0, 10.0);
    click(&mut desk, at);
    desk.harness.event(Input::Text("X".into()));
    desk.harness.run();
    let draft = desk.session().draft().to_owned();
    let place = draft.chars().position(|c| c == 'X').unwrap();
    assert!((1..4).contains(&place), "{draft:?}");
    // Left is forwards in the text.
    desk.press(Modifiers::NONE, Key::ArrowLeft);
    desk.press(Modifiers::NONE, Key::ArrowLeft);
    desk.harness.event(Input::Text("Y".into()));
    desk.harness.run();
    let draft = desk.session().draft().to_owned();
    let y = draft.chars().position(|c| c == 'Y').unwrap();
    assert_eq!(y, place + 3, "{draft:?}");
}

#[test]
fn a_notification_leaves_every_name_its_own_direction() {
    let mut desk = Desk::signed_in(vec![conversation("turma", 1, 0)]);
    desk.tell(Event::Roster(Roster {
        users: vec![user("bob", "דוד כהן")],
        groups: vec![],
        ..Roster::default()
    }));
    desk.harness.input_mut().focused = false;
    desk.harness.run();
    let said = Message {
        author: Some(login("bob")),
        ..message(5, "turma", Delivery::Received, "שלום עולם")
    };
    desk.tell(Event::Message(said));
    let (told, _) = desk.notified.try_iter().next().unwrap();
    assert_eq!(told.title, "\u{2068}דוד כהן\u{2069} in turma");
    assert_eq!(told.body, "שלום עולם");
}

fn bubble_of_box(desk: &Desk) -> Rect {
    desk.harness.get_by_label("Message").rect()
}
