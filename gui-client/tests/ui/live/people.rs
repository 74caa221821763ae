//! Presence, typing, new conversations and members of groups.

use super::*;

#[test]
fn the_header_says_where_the_other_one_is() {
    let mut desk = desk();
    assert!(desk.sees("Bob Lima (bob)") && desk.sees("online"));
    desk.tell(Event::Presence(PresenceNews {
        note: Text::from("lunch"),
        ..presence("bob", Presence::Away, None)
    }));
    assert!(desk.sees("away · lunch"));
    let seen = Some(1_700_000_000_000);
    desk.tell(Event::Presence(presence("bob", Presence::Offline, seen)));
    assert!(desk.sees("last seen on Nov 14, 2023 at 22:13"));
    desk.tell(Event::Link(LinkState::Connecting));
    assert!(!desk.sees("last seen"), "nobody tells now");
}

#[test]
fn typing_is_shown_until_the_message_comes() {
    let mut desk = desk();
    let typing = |seconds| Event::Typing {
        with: person("bob"),
        who: login("bob"),
        until: Instant::now() + Duration::from_secs(seconds),
    };
    desk.say(typing(60));
    desk.harness.step();
    desk.harness.step();
    assert!(desk.sees("typing…"));
    desk.say(Event::Message(received(4)));
    desk.harness.step();
    desk.harness.step();
    assert!(!desk.sees("typing…"));
    desk.say(typing(0));
    desk.harness.step();
    desk.harness.step();
    assert!(!desk.sees("typing…"), "that was long ago");
}

#[test]
fn who_is_written_to_is_told_in_live_sessions_only() {
    let mut desk = desk();
    let told = |desk: &Desk| desk.asked().contains(&Command::Typing { to: login("bob") });
    desk.write("Message", "h");
    assert!(told(&desk));
    desk.tell(crate::desk::online());
    desk.write("Message", "e");
    assert!(!told(&desk));
}

#[test]
fn what_the_others_are_told_is_typed_in_the_settings() {
    let mut desk = desk();
    desk.asked();
    desk.show(Overlay::Settings);
    desk.write("Status", "Back at two");
    assert_eq!(desk.asked(), []);
    desk.press(Modifiers::NONE, Key::Escape);
    let told = Command::Status {
        is_away: false,
        note: "Back at two".into(),
    };
    assert_eq!(desk.asked(), [told]);
    desk.show(Overlay::Settings);
    desk.press(Modifiers::NONE, Key::Escape);
    assert_eq!(desk.asked(), [], "the same is not told again");
}

#[test]
fn the_members_of_a_group_are_listed_with_where_they_are() {
    let mut desk = desk();
    desk.tell(Event::Message(own(4, "turma")));
    desk.click("turma");
    desk.click("More about this conversation");
    desk.click("Group info");
    for row in [
        "Bob Lima, bob, online",
        "Carol Dias, carol, offline",
        "alice, you",
    ] {
        assert!(desk.sees(row), "{row}");
    }
    let bob = desk.harness.get_by_label_contains("Bob Lima, bob, online");
    bob.click();
    desk.harness.run();
    assert_eq!(desk.session().open, Some(person("bob")));
    assert!(!desk.sees("Group info"), "the dialog is gone");
}

#[test]
fn the_new_conversation_offers_users_and_groups() {
    let mut desk = desk();
    desk.press(Modifiers::COMMAND, Key::N);
    assert!(desk.sees("turma, Group") && desk.sees("Carol Dias, carol"));
    assert!(
        !desk.sees("Alice Souza, alice"),
        "one does not write to oneself"
    );
    desk.harness
        .get_by_label("Name or user name")
        .type_text("dias");
    desk.harness.run();
    assert!(!desk.sees("turma, Group"));
    desk.click("Carol Dias, carol");
    assert_eq!(desk.session().open, Some(person("carol")));
    assert!(desk.model().overlay.is_none());
}

/// Asks for a new conversation and types this.
fn ask_for(desk: &mut Desk, typed: &str) {
    desk.press(Modifiers::COMMAND, Key::N);
    let field = desk.harness.get_by_label("Name or user name");
    field.type_text(typed);
    desk.harness.run();
}

#[test]
fn enter_begins_a_conversation_with_the_person_found_and_not_with_the_letters_typed() {
    for (typed, downs, with) in [
        ("Dias", 0, "carol"),
        ("Bob Lima", 0, "bob"),
        ("b", 0, "bob"),
        ("o", 1, "carol"),
        ("o", 9, "carol"),
        ("carol", 0, "carol"),
    ] {
        let mut desk = desk();
        ask_for(&mut desk, typed);
        for _ in 0..downs {
            desk.press(Modifiers::NONE, Key::ArrowDown);
        }
        desk.press(Modifiers::NONE, Key::Enter);
        assert_eq!(desk.session().open, Some(person(with)), "{typed} {downs}");
        assert!(desk.model().overlay.is_none());
    }
    let mut desk = desk();
    ask_for(&mut desk, "o");
    desk.press(Modifiers::NONE, Key::ArrowDown);
    desk.press(Modifiers::NONE, Key::ArrowUp);
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(desk.session().open, Some(person("bob")));
}

#[test]
fn a_name_that_nobody_has_on_a_live_server_says_so_and_begins_nothing() {
    let mut desk = desk();
    ask_for(&mut desk, "bru");
    assert!(desk.sees("There is no user or group “bru” on this server."));
    desk.press(Modifiers::NONE, Key::Enter);
    desk.click("Start");
    assert_eq!(desk.session().open, Some(person("bob")));
    assert!(desk.model().overlay.is_some());
}

#[test]
fn a_name_typed_whole_is_taken_before_those_it_is_a_part_of() {
    let mut desk = desk();
    desk.tell(Event::Roster(Roster {
        users: vec![user("anabela", ""), user("bela", "")],
        groups: vec![],
        ..Roster::default()
    }));
    ask_for(&mut desk, "@bela");
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(desk.session().open, Some(person("bela")));
}

#[test]
fn a_classic_server_says_what_it_does_not_tell() {
    let mut desk = Desk::chatting(1..4, 0, true);
    desk.press(Modifiers::COMMAND, Key::N);
    assert!(desk.sees("does not list its users"));
    assert!(desk.sees("Check"), "it is fetched by hand or by the clock");
}
