//! The completion of names and emoji in the composer, and the emoji picker.

use egui::{Event, Key, Modifiers, Role};
use egui_kittest::kittest::Queryable;

use crate::desk::{Desk, conversation};

fn desk() -> Desk {
    let names = ["ana", "anderson", "bob"];
    let rows = (1..).zip(names).map(|(id, name)| conversation(name, id, 0));
    let mut desk = Desk::signed_in(rows.collect());
    desk.click("bob");
    desk
}

/// Types like a person: character by character, with the focus in the composer.
fn type_in(desk: &mut Desk, text: &str) {
    desk.harness.get_by_label("Message").focus();
    desk.harness.run();
    for sign in text.chars() {
        let event = Event::Text(sign.to_string());
        desk.harness.input_mut().events.push(event);
        desk.harness.run();
    }
}

fn draft(desk: &Desk) -> &str {
    desk.session().draft()
}

#[test]
fn a_name_is_completed_with_the_keyboard() {
    let mut desk = desk();
    type_in(&mut desk, "ask @an");
    assert!(desk.sees("anderson") && desk.sees("ana"));
    desk.press(Modifiers::NONE, Key::ArrowDown);
    desk.press(Modifiers::NONE, Key::Enter);
    let written = draft(&desk).to_owned();
    assert!(["ask @ana ", "ask @anderson "].contains(&written.as_str()));
    assert!(
        desk.asked()
            .iter()
            .all(|command| !format!("{command:?}").starts_with("Send"))
    );
    type_in(&mut desk, "now");
    assert_eq!(draft(&desk), format!("{written}now"));
}

#[test]
fn tab_takes_the_first_and_escape_only_closes_the_list() {
    let mut desk = desk();
    type_in(&mut desk, "@bo");
    desk.press(Modifiers::NONE, Key::Tab);
    assert_eq!(draft(&desk), "@bob ");
    type_in(&mut desk, "@an");
    desk.press(Modifiers::NONE, Key::Escape);
    assert_eq!(draft(&desk), "@bob @an");
    assert!(desk.session().open.is_some(), "the conversation stays open");
    type_in(&mut desk, "d");
    assert!(
        desk.sees("anderson"),
        "what is typed next is completed again"
    );
}

#[test]
fn an_emoji_is_written_by_its_name() {
    let mut desk = desk();
    type_in(&mut desk, "yes :tad");
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(draft(&desk), "yes 🎉");
    type_in(&mut desk, " :heart:");
    assert_eq!(draft(&desk), "yes 🎉 ❤️");
}

#[test]
fn an_emoji_is_chosen_from_all_of_them_and_stands_where_the_cursor_was() {
    let mut desk = desk();
    type_in(&mut desk, "ab");
    desk.press(Modifiers::NONE, Key::ArrowLeft);
    desk.click("Emoji");
    desk.write("Search emoji", "party popper");
    desk.click("party popper");
    desk.harness.run();
    assert_eq!(draft(&desk), "a🎉b");
    assert!(!desk.sees("Search emoji"));
}

#[test]
fn an_emoji_that_was_chosen_is_offered_first_the_next_time() {
    let mut desk = desk();
    desk.click("Emoji");
    assert!(!desk.sees("Recently used"));
    desk.click("face with tears of joy");
    assert_eq!(draft(&desk), "😂");
    assert_eq!(desk.model().own().recent_emoji, ["😂"]);
    desk.click("Emoji");
    assert!(desk.sees("Recently used"));
    let cells = desk.harness.query_all_by_label("face with tears of joy");
    let heights: Vec<_> = cells.map(|cell| cell.rect().top()).collect();
    let usual = desk.harness.get_by_label("grinning face").rect().top();
    assert!(
        matches!(heights[..], [recent, other] if recent < usual && other == usual),
        "{heights:?}, {usual}"
    );
}

#[test]
fn a_button_brings_its_emoji_to_the_top() {
    let mut desk = desk();
    desk.click("Emoji");
    assert!(desk.sees("grinning face"));
    for (name, first) in [
        ("Flags", "chequered flag"),
        ("Food and drink", "grapes"),
        ("Faces and feelings", "grinning face"),
    ] {
        let button = desk.harness.get_by_role_and_label(Role::Button, name);
        button.click();
        desk.harness.run();
        let button = desk.harness.get_by_role_and_label(Role::Button, name);
        let button = button.rect();
        let cell = desk.harness.get_by_label(first).rect();
        let below = cell.top() - button.bottom();
        assert!((36.0..80.0).contains(&below), "{name}: {below}");
    }
    // Search results begin at their top, wherever the list was scrolled to before.
    let flags = |desk: &Desk| {
        let flags = desk.harness.query_by_role_and_label(Role::Button, "Flags");
        flags.map(|flags| flags.click())
    };
    assert!(flags(&desk).is_some());
    desk.harness.run();
    desk.harness.event(Event::Text("face".into()));
    desk.harness.run();
    assert!(desk.sees("grinning face"));
    assert!(flags(&desk).is_none());
}
