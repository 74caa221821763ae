//! The composer has the keyboard focus, unless the person has moved it.

use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::Queryable;
use mensageiro::{
    engine::{Delivery, Event},
    model::{Overlay, ThemeChoice},
};

use crate::desk::{Desk, conversation, message, person};

const SAID: &str = "Shall we meet?";

fn desk() -> Desk {
    let mut desk = Desk::chatting(1..3, 0, true);
    desk.tell(Event::Message(message(3, "bob", Delivery::Received, SAID)));
    desk
}

fn type_anywhere(desk: &mut Desk, text: &str) {
    desk.harness.event(egui::Event::Text(text.to_owned()));
    desk.harness.run();
}

fn click_on_what_was_said(desk: &mut Desk) {
    let bubble = desk.harness.get_by_label_contains(SAID).rect();
    desk.click_at(bubble.left_center() + egui::vec2(30.0, 0.0));
}

fn is_in_the_box(desk: &Desk) -> bool {
    desk.harness.get_by_label("Message").is_focused()
}

#[test]
fn what_is_typed_after_reply_is_the_answer() {
    let mut desk = desk();
    let said = desk.harness.get_by_label_contains(SAID);
    said.click_secondary();
    desk.harness.run();
    desk.click("Reply");
    assert!(is_in_the_box(&desk));
    type_anywhere(&mut desk, "yes");
    let expected = "> bob: “Shall we meet?”\nyes";
    assert_eq!(desk.session().draft(), expected);
}

#[test]
fn escape_out_of_a_reply_or_a_search_leads_back_to_the_box() {
    let mut desk = desk();
    desk.press(Modifiers::COMMAND, Key::ArrowUp);
    desk.press(Modifiers::NONE, Key::Escape);
    assert!(is_in_the_box(&desk));

    desk.press(Modifiers::COMMAND, Key::F);
    type_anywhere(&mut desk, "meet");
    assert!(!is_in_the_box(&desk));
    desk.press(Modifiers::NONE, Key::Escape);
    assert!(is_in_the_box(&desk));
    let search = &desk.session().search;
    assert_eq!((search.query.as_str(), &search.with), ("", &None));
    assert_eq!(desk.session().open, Some(person("bob")));
}

#[test]
fn a_menu_or_the_emoji_closed_without_a_choice_lead_back_to_the_box() {
    let mut desk = desk();
    for name in ["Emoji", "More about this conversation"] {
        desk.click(name);
        assert!(!is_in_the_box(&desk), "{name}");
        desk.press(Modifiers::NONE, Key::Escape);
        assert!(is_in_the_box(&desk), "{name}");
    }
    desk.click("Emoji");
    click_on_what_was_said(&mut desk);
    assert!(is_in_the_box(&desk));
    assert_eq!(desk.session().open, Some(person("bob")));
}

#[test]
fn a_setting_is_chosen_with_the_keyboard_alone() {
    let mut desk = desk();
    desk.show(Overlay::Settings);
    let theme = |desk: &Desk| desk.harness.get_by_label("Theme").is_focused();
    desk.harness.get_by_label("Theme").focus();
    desk.harness.run();
    for (close, expected) in [
        (Key::Enter, ThemeChoice::Light),
        (Key::Escape, ThemeChoice::Light),
        (Key::Space, ThemeChoice::Dark),
    ] {
        desk.press(Modifiers::NONE, Key::Enter);
        assert!(!theme(&desk), "the value in use has the keyboard");
        desk.press(Modifiers::NONE, Key::ArrowDown);
        desk.press(Modifiers::NONE, close);
        assert!(theme(&desk), "{close:?}");
        assert_eq!(desk.model().preferences.theme, expected, "{close:?}");
    }
    desk.harness.get_by_label("Sound").focus();
    desk.harness.run();
    desk.press(Modifiers::NONE, Key::Space);
    assert!(desk.model().own().sound);
    desk.press(Modifiers::NONE, Key::Escape);
    assert!(desk.model().overlay.is_none());
}

#[test]
fn whoever_goes_to_the_search_out_of_a_menu_stays_there() {
    let mut desk = desk();
    desk.click("More about this conversation");
    let field = desk.harness.get_by_label("Search people and messages");
    let field = field.rect().center();
    desk.click_at(field);
    let field = desk.harness.get_by_label("Search people and messages");
    assert!(field.is_focused());
}

#[test]
fn after_a_click_on_a_message_it_can_be_copied_and_what_is_typed_goes_into_the_box() {
    let mut desk = desk();
    click_on_what_was_said(&mut desk);
    desk.harness.event(egui::Event::Copy);
    desk.harness.step();
    let commands = &desk.harness.output().platform_output.commands;
    let copied = commands
        .iter()
        .any(|command| matches!(command, egui::OutputCommand::CopyText(text) if text == SAID));
    assert!(copied, "{commands:?}");

    type_anywhere(&mut desk, "why?");
    assert_eq!(desk.session().draft(), "why?");
    desk.press(Modifiers::COMMAND, Key::A);
    desk.harness.event(egui::Event::Copy);
    desk.harness.step();
    let commands = &desk.harness.output().platform_output.commands;
    let is_typed = |command: &egui::OutputCommand| matches!(command, egui::OutputCommand::CopyText(text) if text == "why?");
    assert!(commands.iter().all(is_typed), "{commands:?}");

    click_on_what_was_said(&mut desk);
    desk.harness.event(egui::Event::Paste(" when?".to_owned()));
    desk.harness.run();
    assert!(desk.session().draft().contains("when?"));
}

#[test]
fn a_click_on_the_row_of_the_open_conversation_leads_to_its_box() {
    let mut desk = desk();
    click_on_what_was_said(&mut desk);
    assert!(!is_in_the_box(&desk));
    let row = desk.harness.get_by_role_and_label(Role::Button, "bob");
    row.click();
    desk.harness.run();
    assert!(is_in_the_box(&desk));
}

#[test]
fn a_question_mark_is_written_where_a_box_can_take_it_and_asks_for_help_elsewhere() {
    let mut desk = desk();
    click_on_what_was_said(&mut desk);
    type_anywhere(&mut desk, "?");
    assert_eq!(desk.session().draft(), "?");
    assert!(desk.model().overlay.is_none());

    let mut desk = Desk::signed_in(vec![conversation("bob", 1, 0)]);
    type_anywhere(&mut desk, "?");
    assert_eq!(desk.model().overlay, Some(Overlay::Shortcuts));
}
