use egui::{Modifiers, Vec2};
use egui_kittest::kittest::Queryable;
use mensageiro::engine::{Delivery, Event};

use crate::{
    desk::{Desk, message},
    pointer::{click, copied, copy, drag, opens},
};

const TEXT: &str = "see https://example.org/page for more";

fn desk() -> Desk {
    let mut desk = Desk::chatting(1..3, 0, true);
    desk.tell(Event::Message(message(3, "bob", Delivery::Received, TEXT)));
    desk
}

/// Where in the window the bubble with the link is.
fn bubble(desk: &Desk) -> egui::Rect {
    desk.harness.get_by_label_contains("see https").rect()
}

#[test]
fn a_link_opens_in_the_browser_and_the_text_beside_it_does_not() {
    let mut desk = desk();
    for (x, expected) in [(100.0, true), (18.0, false)] {
        let pos = bubble(&desk).left_center() + Vec2::new(x, 0.0);
        let commands = click(&mut desk, pos);
        let opened = opens(&commands, "https://example.org/page");
        assert_eq!(opened, expected, "{commands:?}");
    }
}

#[test]
fn text_that_is_selected_can_be_copied() {
    let mut desk = desk();
    let bubble = bubble(&desk);
    let end = bubble.right_center() - Vec2::new(14.0, 0.0);
    drag(&mut desk, bubble.left_center() + Vec2::new(2.0, 0.0), end);
    assert_eq!(copy(&mut desk), TEXT);
}

/// Selects the message from its beginning into the link.
fn select_a_part(desk: &mut Desk) {
    let bubble = bubble(desk);
    let end = bubble.left_center() + Vec2::new(70.0, 0.0);
    drag(desk, bubble.left_center() + Vec2::new(2.0, 0.0), end);
    desk.harness.run();
}

/// Opens the menu of the message with this in it, and clicks on an entry. Gives what was copied.
fn copied_by(desk: &mut Desk, message: &str, entry: &str) -> String {
    let message = desk.harness.get_by_label_contains(message);
    message.click_secondary();
    desk.harness.run();
    let item = desk.harness.get_by_label(entry).rect().center();
    let commands = click(desk, item);
    desk.harness.run();
    assert!(desk.harness.query_by_label(entry).is_none());
    copied(&commands).unwrap()
}

#[test]
fn the_menu_of_a_message_copies_what_was_said_without_its_quote_and_marks() {
    let mut desk = desk();
    assert_eq!(copied_by(&mut desk, "see https", "Copy"), TEXT);
    let reply = "> bob: “see”\nIt is *only* tomorrow:\n```\nrun `it`\n```";
    desk.tell(Event::Message(message(4, "bob", Delivery::Received, reply)));
    let copied = copied_by(&mut desk, "tomorrow", "Copy");
    assert_eq!(copied, "It is only tomorrow:\nrun `it`");
}

#[test]
fn the_menu_copies_what_is_selected_where_that_is_not_all() {
    let mut desk = desk();
    select_a_part(&mut desk);
    let copied = copied_by(&mut desk, "see https", "Copy selected text");
    assert!(copied.starts_with("see http") && copied.len() < TEXT.len());

    let message = desk.harness.get_by_label_contains("see https");
    message.click_secondary();
    desk.harness.run();
    assert!(!desk.sees("Copy selected text"), "the menu has ended it");
    desk.press(Modifiers::NONE, egui::Key::Escape);

    select_a_part(&mut desk);
    let other = desk.harness.get_by_label_contains("message 2");
    other.click_secondary();
    desk.harness.run();
    assert!(!desk.sees("Copy selected text"), "it is in another message");
}

#[test]
fn the_menu_of_a_message_with_a_link_copies_it() {
    let mut desk = desk();
    let copied = copied_by(&mut desk, "see https", "Copy link");
    assert_eq!(copied, "https://example.org/page");
    let message = desk.harness.get_by_label_contains("message 2");
    message.click_secondary();
    desk.harness.run();
    assert!(!desk.sees("Copy link"));
}
