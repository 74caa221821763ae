//! The composer: sending, drafts, input methods, recipients.

use egui::{ImeEvent, Key, Modifiers};
use egui_kittest::kittest::Queryable;
use mensageiro::engine::{Command, Event, NotSent, line_bytes};
use mensageiro_protocol::Text;

use crate::desk::{Desk, conversation, login, person};

#[test]
fn enter_sends_and_shift_enter_breaks_the_line() {
    let mut desk = Desk::chatting(1..4, 0, true);
    desk.write("Message", "first");
    desk.press(Modifiers::SHIFT, Key::Enter);
    assert!(desk.sent().is_empty());
    desk.write("Message", "second");
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(desk.sent(), ["@bob first\nsecond"]);
    assert_eq!(desk.session().draft(), "");
}

#[test]
fn the_button_sends_too_and_the_box_keeps_the_focus() {
    let mut desk = Desk::chatting(1..4, 0, true);
    desk.write("Message", "hello");
    desk.click("Send");
    assert_eq!(desk.sent(), ["@bob hello"]);
    assert!(desk.harness.get_by_label("Message").is_focused());
}

#[test]
fn a_double_click_on_send_sends_once() {
    let mut desk = Desk::chatting(1..4, 0, true);
    desk.write("Message", "hello");
    for _ in 0..2 {
        desk.harness.get_by_label("Send").click();
        desk.harness.step();
    }
    desk.harness.run();
    assert_eq!(desk.sent(), ["@bob hello"]);
    desk.write("Message", "again");
    for _ in 0..2 {
        desk.harness.key_press(Key::Enter);
    }
    desk.harness.run();
    assert_eq!(desk.sent(), ["@bob again"]);
}

#[test]
fn a_draft_survives_every_shortcut_that_is_not_for_writing() {
    let mut desk = Desk::chatting(1..4, 0, true);
    desk.write("Message", "half a sent");
    let keys = [
        (Modifiers::COMMAND, Key::K),
        (Modifiers::COMMAND, Key::F),
        (Modifiers::COMMAND, Key::N),
        (Modifiers::COMMAND, Key::Comma),
        (Modifiers::COMMAND, Key::R),
        (Modifiers::COMMAND, Key::End),
        (Modifiers::COMMAND, Key::Plus),
        (Modifiers::COMMAND, Key::Num0),
        (Modifiers::COMMAND | Modifiers::SHIFT, Key::P),
        (Modifiers::COMMAND | Modifiers::SHIFT, Key::M),
        (Modifiers::ALT, Key::ArrowUp),
        (Modifiers::ALT, Key::ArrowDown),
        (Modifiers::NONE, Key::F1),
        (Modifiers::NONE, Key::F10),
        (Modifiers::NONE, Key::F10),
        (Modifiers::NONE, Key::Escape),
        (Modifiers::NONE, Key::Escape),
        (Modifiers::NONE, Key::Escape),
    ];
    for (modifiers, key) in keys {
        desk.press(modifiers, key);
    }
    let row = desk.session().conversations.get(&person("bob")).unwrap();
    assert_eq!(row.draft, "half a sent");
}

#[test]
fn backspace_belongs_to_the_input_method_while_it_composes() {
    let mut desk = Desk::chatting(1..4, 0, true);
    desk.write("Message", "ab");
    for text in ["~", "~~", "~"] {
        let preedit = ImeEvent::Preedit {
            text: text.into(),
            active_range_chars: None,
        };
        desk.harness.event(egui::Event::Ime(preedit));
        desk.harness.step();
        desk.press(Modifiers::NONE, Key::Backspace);
    }
    let commit = ImeEvent::Commit("ã".into());
    desk.harness.event(egui::Event::Ime(commit));
    desk.harness.run();
    assert_eq!(desk.session().draft(), "abã");
    assert!(desk.sent().is_empty());
}

#[test]
fn enter_belongs_to_the_input_method_while_it_composes() {
    let mut desk = Desk::chatting(1..4, 0, true);
    desk.write("Message", "x");
    let compose = |text: &str| {
        egui::Event::Ime(ImeEvent::Preedit {
            text: text.into(),
            active_range_chars: None,
        })
    };
    desk.harness.event(compose("~"));
    desk.harness.step();
    desk.press(Modifiers::NONE, Key::Enter);
    assert!(desk.sent().is_empty());
    desk.harness
        .event(egui::Event::Ime(ImeEvent::Commit("ã".into())));
    desk.harness.run();
    assert!(desk.sent().is_empty());
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(desk.sent(), ["@bob xã"]);
}

#[test]
fn a_recipient_typed_by_hand_gets_it_and_is_shown() {
    let mut desk = Desk::chatting(1..4, 0, true);
    desk.write("Message", "@carol how are you?");
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(desk.sent(), ["@carol how are you?"]);
    assert_eq!(desk.session().open, Some(person("carol")));
}

#[test]
fn without_a_conversation_a_recipient_is_asked_for() {
    let mut desk = Desk::signed_in(vec![conversation("bob", 1, 0)]);
    desk.write("Message", "hello");
    desk.press(Modifiers::NONE, Key::Enter);
    assert!(desk.sent().is_empty());
    assert!(desk.sees("start with @ and a name"));
}

#[test]
fn a_message_longer_than_a_line_says_so_and_stays() {
    let mut desk = Desk::chatting(1..4, 0, true);
    desk.write("Message", &"x".repeat(16 * 1024));
    let longer = line_bytes("bob", "");
    assert!(desk.sees(&format!("{longer} characters too long")));
    desk.press(Modifiers::NONE, Key::Enter);
    assert!(desk.sent().is_empty());
    assert_eq!(desk.session().draft().len(), 16 * 1024);
}

#[test]
fn what_the_outbox_does_not_take_comes_back_with_the_reason() {
    let mut desk = Desk::chatting(1..4, 0, true);
    desk.write("Message", "hello");
    desk.press(Modifiers::NONE, Key::Enter);
    desk.tell(Event::NotSent {
        to: login("bob"),
        text: Text::from("hello"),
        reason: NotSent::Storage,
    });
    assert_eq!(desk.session().draft(), "hello");
    assert!(desk.sees("could not be saved on this computer"));
}

#[test]
fn each_conversation_keeps_its_draft() {
    let mut desk = Desk::signed_in(vec![conversation("bob", 1, 0), conversation("carol", 2, 0)]);
    desk.click("bob");
    desk.write("Message", "for bob");
    desk.asked();
    desk.click("carol");
    assert!(desk.asked().contains(&Command::SaveDraft {
        with: person("bob"),
        text: "for bob".into(),
    }));
    desk.write("Message", "for carol");
    desk.press(Modifiers::ALT, Key::ArrowDown);
    assert_eq!(desk.session().draft(), "for bob");
    desk.press(Modifiers::ALT, Key::ArrowUp);
    assert_eq!(desk.session().draft(), "for carol");
}

#[test]
fn the_box_grows_with_what_is_typed_up_to_six_lines() {
    let mut desk = Desk::chatting(1..4, 0, true);
    // The messages stand right above the box, so their end tells its height.
    let room = |desk: &Desk| {
        let rows = desk.harness.state().state().timeline.drawn_rows();
        rows.last().unwrap().bubble.bottom()
    };
    let mut ends = vec![room(&desk)];
    for _ in 0..9 {
        desk.write("Message", "line");
        desk.press(Modifiers::SHIFT, Key::Enter);
        ends.push(room(&desk));
    }
    assert!(
        ends[2..6].is_sorted_by(|above, below| above > below),
        "{ends:?}"
    );
    assert_eq!(ends[8], ends[9], "{ends:?}");
}

#[test]
fn a_text_for_somebody_else_says_where_it_goes() {
    let mut desk = Desk::chatting(1..4, 0, true);
    desk.write("Message", "@carol can you come?");
    assert!(desk.sees("Goes to carol only, not to bob."));
}
