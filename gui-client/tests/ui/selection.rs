use egui::{Modifiers, OutputCommand, PointerButton, Pos2, Vec2};
use egui_kittest::kittest::Queryable;
use mensageiro::engine::{Delivery, Event};

use crate::desk::{Desk, message};

const TEXT: &str = "see https://example.org/page for more";

fn desk() -> Desk {
    let mut desk = Desk::chatting(1..3, 0, true);
    desk.tell(Event::Message(message(3, "bob", Delivery::Received, TEXT)));
    desk
}

/// Where in the window the bubble with the link is.
fn bubble(desk: &Desk) -> egui::Rect {
    desk.harness.get_by_label_contains("example.org").rect()
}

fn button(desk: &mut Desk, pos: Pos2, pressed: bool) -> Vec<OutputCommand> {
    desk.harness.event(egui::Event::PointerMoved(pos));
    desk.harness.event(egui::Event::PointerButton {
        pos,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    });
    desk.harness.step();
    desk.harness.output().platform_output.commands.clone()
}

#[test]
fn a_link_opens_in_the_browser_and_the_text_beside_it_does_not() {
    let mut desk = desk();
    for (x, opens) in [(100.0, true), (18.0, false)] {
        let pos = bubble(&desk).left_center() + Vec2::new(x, 0.0);
        button(&mut desk, pos, true);
        let commands = button(&mut desk, pos, false);
        let opened = commands.iter().any(
            |c| matches!(c, OutputCommand::OpenUrl(open) if open.url == "https://example.org/page"),
        );
        assert_eq!(opened, opens, "{commands:?}");
    }
}

#[test]
fn text_that_is_selected_can_be_copied() {
    let mut desk = desk();
    let bubble = bubble(&desk);
    button(&mut desk, bubble.left_center() + Vec2::new(2.0, 0.0), true);
    let end = bubble.right_center() - Vec2::new(14.0, 0.0);
    desk.harness.event(egui::Event::PointerMoved(end));
    desk.harness.step();
    button(&mut desk, end, false);
    desk.harness.event(egui::Event::Copy);
    desk.harness.step();
    let commands = &desk.harness.output().platform_output.commands;
    let copied = commands
        .iter()
        .any(|c| matches!(c, OutputCommand::CopyText(text) if text == TEXT));
    assert!(copied, "{commands:?}");
}

#[test]
fn the_menu_of_a_message_copies_all_of_it() {
    let mut desk = desk();
    desk.harness
        .get_by_label_contains("example.org")
        .click_secondary();
    desk.harness.run();
    let item = desk.harness.get_by_label("Copy").rect().center();
    button(&mut desk, item, true);
    let commands = button(&mut desk, item, false);
    let copied = commands
        .iter()
        .any(|c| matches!(c, OutputCommand::CopyText(text) if text == TEXT));
    assert!(copied, "{commands:?}");
    assert!(desk.harness.query_by_label("Copy").is_some());
    desk.harness.run();
    assert!(desk.harness.query_by_label("Copy").is_none());
}
