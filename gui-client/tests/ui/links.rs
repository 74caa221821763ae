//! Links lead where they say, or the person is asked first.

use egui::{Key, Modifiers, OutputCommand, Vec2};
use egui_kittest::kittest::Queryable;
use mensageiro::{
    engine::{Delivery, Event},
    model::{Notice, Overlay},
};

use crate::desk::{Desk, message};

fn desk(text: &str) -> Desk {
    let mut desk = Desk::chatting(1..3, 0, true);
    desk.tell(Event::Message(message(3, "bob", Delivery::Received, text)));
    desk
}

/// Opens the link of the newest message with the keyboard: its URL, if it is opened.
fn follow(desk: &mut Desk) -> Option<String> {
    desk.harness.input_mut().events.push(egui::Event::Key {
        key: Key::O,
        physical_key: None,
        pressed: true,
        repeat: false,
        modifiers: Modifiers::COMMAND | Modifiers::SHIFT,
    });
    desk.harness.step();
    let opened = opened(desk);
    desk.harness.run();
    opened
}

fn opened(desk: &Desk) -> Option<String> {
    let commands = &desk.harness.output().platform_output.commands;
    commands.iter().find_map(|command| match command {
        OutputCommand::OpenUrl(open) => Some(open.url.clone()),
        _ => None,
    })
}

#[test]
fn a_link_that_could_mislead_is_opened_only_after_a_question_that_shows_its_host() {
    for (text, host, url) in [
        (
            "see http://school.example@evil.example/page",
            "evil.example",
            "http://school.example@evil.example/page",
        ),
        (
            "https://sсhool.example",
            "xn--shool-1ye.example",
            "https://xn--shool-1ye.example/",
        ),
        (
            "mailto:ana@b.example?subject=x&attach=/etc/passwd",
            "ana@b.example",
            "mailto:ana@b.example?subject=x",
        ),
    ] {
        let mut desk = desk(text);
        assert_eq!(follow(&mut desk), None, "{text}");
        assert!(desk.sees("Open this link?"), "{text}");
        assert!(desk.harness.query_by_label(host).is_some(), "{text}");
        desk.press(Modifiers::NONE, Key::Enter);
        assert!(desk.sees("Open this link?"), "Enter alone opens nothing");
        desk.click("Cancel");
        assert!(!desk.sees("Open this link?"));
        follow(&mut desk);
        desk.harness.get_by_label("Open").click();
        desk.harness.step();
        assert_eq!(opened(&desk).as_deref(), Some(url));
        desk.harness.run();
        assert_eq!(desk.model().overlay, None);
    }
}

#[test]
fn a_plain_link_opens_at_once_and_its_host_is_seen_under_the_pointer() {
    let mut desk = desk("https://informação.example/a?b");
    let url = "https://xn--informao-xza3b.example/a?b";
    assert_eq!(follow(&mut desk).as_deref(), Some(url));
    let bubble = desk.harness.get_by_label_contains("informação").rect();
    let pos = bubble.left_center() + Vec2::new(60.0, 0.0);
    desk.harness.event(egui::Event::PointerMoved(pos));
    for _ in 0..60 {
        desk.harness.step();
    }
    assert!(desk.harness.query_by_label("informação.example").is_some());
}

#[test]
fn what_is_no_address_is_said_to_be_none() {
    let mut desk = desk("http://a:99999");
    assert_eq!(follow(&mut desk), None);
    assert_eq!(desk.model().notice, Some(Notice::BadLink));
    assert!(desk.sees("not a valid address"));
}

#[test]
fn the_keyboard_opens_the_link_that_is_shown() {
    // The mark within it is not shown, and what follows it is a part of the link.
    let mut desk = desk("http://a.example/`b`.evil.example");
    assert!(desk.sees("http://a.example/b.evil.example"));
    let url = follow(&mut desk);
    assert_eq!(url.as_deref(), Some("http://a.example/b.evil.example"));
}

#[test]
fn a_very_long_address_leaves_the_question_its_buttons() {
    let mut desk = desk(&format!("http://a@b.example/{}", "x".repeat(15_000)));
    desk.harness.set_size(Vec2::new(360.0, 480.0));
    desk.harness.run();
    follow(&mut desk);
    assert!(matches!(desk.model().overlay, Some(Overlay::Link(_))));
    let open = desk.harness.get_by_label("Open").rect();
    assert!(open.bottom() < 480.0, "{open}");
}
