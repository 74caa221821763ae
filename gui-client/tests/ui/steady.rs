//! Things that must not move, change their size, or cover what they belong to.

use egui::{Event, Key, Modifiers, Rect, Vec2};
use egui_kittest::kittest::{NodeT, Queryable};
use mensageiro::{
    engine::{Delivery, LinkState},
    model::{Action, Notice, Overlay, Preferences, SavedFile},
};

use crate::{
    desk::{Desk, conversation, login, message},
    live::{live, roster},
};

/// The conversation with bob open, in a live session.
fn desk() -> Desk {
    let mut desk = Desk::chatting(1..4, 0, true);
    desk.tell(live());
    desk.tell(roster());
    desk
}

fn place(desk: &Desk, name: &str) -> Rect {
    desk.harness.get_by_label(name).rect()
}

/// The rectangle of a text that cannot be clicked.
fn text(desk: &Desk, text: &str) -> Rect {
    desk.harness.get_by_value(text).rect()
}

#[test]
fn a_notice_moves_nothing() {
    let mut desk = desk();
    let before = desk.harness.state().state().timeline.drawn_rows().to_vec();
    let field = place(&desk, "Message");
    desk.notice(Notice::Saved(SavedFile::Picture, "/tmp/window.png".into()));
    assert!(desk.sees("Saved the picture as"));
    let after = desk.harness.state().state().timeline.drawn_rows().to_vec();
    assert_eq!(before, after);
    assert_eq!(field, place(&desk, "Message"));
    desk.click("OK");
    assert!(!desk.sees("Saved the picture as"));
}

#[test]
fn a_name_stays_where_it_is_when_the_link_is_lost() {
    let mut desk = desk();
    let before = text(&desk, "Bob Lima (bob)");
    desk.tell(mensageiro::engine::Event::Link(LinkState::Waiting {
        problem: mensageiro::engine::LinkProblem::Broken,
        retry_at: std::time::Instant::now() + std::time::Duration::from_secs(30),
    }));
    assert_eq!(before, text(&desk, "Bob Lima (bob)"));
}

#[test]
fn a_name_stays_where_it_is_when_the_server_tells_where_people_are() {
    let mut desk = Desk::chatting(1..4, 0, true);
    let before = text(&desk, "bob").top();
    desk.tell(live());
    assert_eq!(before, text(&desk, "bob").top());
    desk.tell(roster());
    assert_eq!(before, text(&desk, "Bob Lima (bob)").top());
}

#[test]
fn a_field_keeps_its_size_with_the_keyboard_in_it_and_with_words() {
    let mut desk = desk();
    let name = "Search people and messages";
    let size = place(&desk, name).size();
    desk.harness.get_by_label(name).focus();
    desk.harness.run();
    assert_eq!(size, place(&desk, name).size());
    desk.write(name, "b");
    assert_eq!(size, place(&desk, name).size());
}

#[test]
fn names_and_emoji_do_not_cover_the_box_they_are_for() {
    for size in [Vec2::new(1000.0, 700.0), Vec2::new(360.0, 480.0)] {
        let mut desk = desk();
        desk.harness.set_size(size);
        desk.harness.run();
        let field = place(&desk, "Message");
        desk.click("Emoji");
        let search = place(&desk, "Search emoji");
        assert!(search.left() >= 16.0 && search.right() <= size.x - 16.0);
        for button in ["grinning face", "grinning face with big eyes"] {
            assert!(place(&desk, button).bottom() < field.top(), "{button}");
        }
        desk.press(Modifiers::NONE, Key::Escape);
        desk.harness.get_by_label("Message").focus();
        desk.harness.run();
        desk.harness.event(Event::Text("@".into()));
        desk.harness.run();
        let choice = place(&desk, "bob Bob Lima");
        assert!(choice.bottom() < field.top() - 10.0, "{choice:?}");
        assert!(choice.left() >= field.left() - 17.0, "{choice:?}");
    }
}

#[test]
fn a_text_that_is_too_long_cannot_be_sent() {
    let mut desk = desk();
    let is_off = |desk: &Desk| {
        let send = desk.harness.get_by_label("Send");
        send.accesskit_node().is_disabled()
    };
    desk.write_draft("short");
    assert!(!is_off(&desk));
    desk.write_draft(&"é".repeat(9000));
    assert!(is_off(&desk));
}

/// A long name is elided where it stands as the hint.
#[test]
fn the_box_is_one_line_high_whatever_its_hint_is() {
    let name = "a-rather-long-login-that-somebody-has-chosen-to-test-all-of-this";
    let mut heights = Vec::new();
    for name in ["bob", name] {
        let mut desk = Desk::signed_in(vec![conversation(name, 1, 0)]);
        desk.click(name);
        desk.harness.set_size(Vec2::new(360.0, 480.0));
        desk.harness.run();
        heights.push(place(&desk, "Message").height());
    }
    assert_eq!(heights[0], heights[1]);
}

#[test]
fn title_and_buttons_of_a_dialog_are_in_sight_in_a_small_window() {
    let mut desk = desk();
    desk.harness.set_size(Vec2::new(360.0, 480.0));
    for (overlay, names) in [
        (Overlay::Settings, &["Close"][..]),
        (Overlay::Shortcuts, &["Close"]),
        (Overlay::About, &["Close", "Back"]),
        (Overlay::License(0), &["Close", "Back"]),
        (Overlay::new_conversation(), &["Close", "Start", "Cancel"]),
    ] {
        desk.show(overlay);
        for name in names {
            let place = place(&desk, name);
            assert!(
                place.top() > 0.0 && place.bottom() < 480.0,
                "{name}: {place:?}"
            );
        }
    }
}

/// A window may be of any size, whatever is asked of the system, and a large zoom makes each a
/// small one.
#[test]
fn no_window_is_too_small_to_draw() {
    let overlays = [
        None,
        Some(Overlay::new_conversation()),
        Some(Overlay::Settings),
        Some(Overlay::Shortcuts),
        Some(Overlay::About),
        Some(Overlay::License(0)),
        Some(Overlay::info(login("turma"))),
        Some(Overlay::Journey(Box::new(message(
            3,
            "bob",
            Delivery::Accepted,
            "hello",
        )))),
    ];
    for overlay in overlays {
        let mut desk = desk();
        desk.press(Modifiers::COMMAND, Key::ArrowUp);
        desk.notice(Notice::Saved(SavedFile::Picture, "/tmp/window.png".into()));
        if let Some(overlay) = overlay {
            desk.show(overlay);
        }
        for is_inspected in [false, true] {
            if is_inspected {
                desk.press(Modifiers::NONE, Key::F10);
            }
            for is_open in [true, false] {
                if !is_open {
                    desk.act(Action::CloseConversation);
                }
                for width in (1..=400).step_by(7).chain([640, 660, 720]) {
                    for height in [1, 60, 500] {
                        desk.harness
                            .set_size(Vec2::new(width as f32, height as f32));
                        desk.harness.step();
                        desk.harness.step();
                    }
                }
            }
        }
    }
    let mut desk = Desk::new(Preferences::default());
    for width in 1..300 {
        desk.harness.set_size(Vec2::new(width as f32, 120.0));
        desk.harness.step();
    }
}
