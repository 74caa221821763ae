//! Messages that begin with a login or mention somebody: who gets them, and what the window says before they are sent.

use egui::{Key, Modifiers};
use mensageiro::{
    engine::{Event, Roster},
    model::Action,
};

use crate::{
    desk::{Desk, person},
    live::{group, user},
    names::desk,
};

/// A live session with a group, and with somebody who is not in it.
fn desk_with_a_stranger() -> Desk {
    let mut desk = desk();
    desk.tell(Event::Roster(Roster {
        users: vec![
            user("bob", "Bob Lima"),
            user("carol", "Carol Dias"),
            user("bea", "Beatriz Reis"),
        ],
        groups: vec![group("turma", &["alice", "bob", "carol"])],
        ..Roster::default()
    }));
    desk
}

#[test]
fn whoever_is_chosen_in_a_group_is_mentioned_to_the_group() {
    let mut desk = desk_with_a_stranger();
    desk.click("turma");
    desk.write("Message", "@b");
    assert!(desk.sees("bob Bob Lima") && !desk.sees("Beatriz Reis"));
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(desk.session().draft(), "@bob ");
    assert!(desk.sees("Everyone in turma will see this."));
    desk.harness.event(egui::Event::Text("look".into()));
    desk.harness.run();
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(desk.sent(), ["@turma @bob look"]);
    assert_eq!(desk.session().open, Some(person("turma")));
}

#[test]
fn what_mentions_somebody_goes_to_them_alone_at_the_press_of_a_button() {
    let mut desk = desk_with_a_stranger();
    desk.click("turma");
    desk.write("Message", "@bob, loo");
    desk.click("Write to Bob Lima only");
    assert_eq!(desk.session().open, Some(person("bob")));
    assert_eq!(desk.session().draft(), "loo");
    // The cursor is after the text.
    desk.harness.event(egui::Event::Text("k".into()));
    desk.harness.run();
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(desk.sent(), ["@bob look"]);
}

#[test]
fn what_begins_with_a_login_says_by_name_whom_it_leaves_out_and_can_go_to_them_instead() {
    let mut desk = desk_with_a_stranger();
    desk.click("turma");
    desk.write("Message", "@bea ");
    assert!(desk.sees("Goes to Beatriz Reis only, not to turma."));
    desk.harness.event(egui::Event::Text("loo".into()));
    desk.harness.run();
    desk.click("Send to turma instead");
    assert_eq!(desk.session().draft(), "@turma @bea loo");
    assert!(!desk.sees("Goes to"));
    desk.harness.event(egui::Event::Text("k".into()));
    desk.harness.run();
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(desk.sent(), ["@turma @bea look"]);
}

#[test]
fn in_a_private_conversation_too_it_says_where_else_it_goes_before_enter_sends_it() {
    let mut desk = desk_with_a_stranger();
    desk.click("carol");
    desk.write("Message", "@zed look");
    assert!(desk.sees("Nobody here has the user name zed."));
    desk.act(Action::Write("@bob look".into()));
    assert!(desk.sees("Goes to Bob Lima only, not to Carol Dias."));
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(desk.sent(), ["@bob look"]);
    assert_eq!(
        desk.session().open,
        Some(person("bob")),
        "one sees where it went"
    );
}
