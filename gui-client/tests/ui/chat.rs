//! The conversation list and the open conversation: what is unread, what failed, and what their menus do.

use std::time::{Duration, Instant};

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use mensageiro::{
    disk::DiskProblem,
    engine::{
        Command, Delivery, Event, LinkProblem, LinkState, Message, MessageId, Older, SortKey,
        StorageProblem,
    },
};

use crate::desk::{Desk, conversation, message, online, person, received};

#[test]
fn a_new_conversation_is_begun_by_keyboard_alone() {
    let mut desk = Desk::signed_in(vec![]);
    desk.press(Modifiers::COMMAND, Key::N);
    desk.harness
        .get_by_label("Name or user name")
        .type_text("no way");
    desk.harness.run();
    desk.press(Modifiers::NONE, Key::Enter);
    assert!(desk.sees("A name cannot contain spaces."));
    desk.press(Modifiers::NONE, Key::Escape);
    assert!(desk.model().overlay.is_none());
    desk.press(Modifiers::COMMAND, Key::N);
    desk.harness
        .get_by_label("Name or user name")
        .type_text("carol");
    desk.harness.run();
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(desk.session().open, Some(person("carol")));
    assert!(desk.harness.get_by_label("Message").is_focused());
    desk.tell(Event::Page {
        with: person("carol"),
        before: None,
        messages: vec![],
        older: Older::Nothing,
    });
    assert!(desk.sees("beginning of your conversation with carol"));
}

#[test]
fn unread_messages_are_counted_until_they_have_been_on_the_screen() {
    let mut desk = Desk::signed_in(vec![conversation("bob", 3, 2), conversation("carol", 9, 0)]);
    assert!(desk.sees("bob, 2 unread"));
    assert_eq!(desk.model().title(), "(2) MeuMensageiro - alice");
    desk.click("bob, 2 unread");
    desk.tell(Event::Page {
        with: person("bob"),
        before: None,
        messages: (1..4).map(received).collect(),
        older: Older::Nothing,
    });
    assert!(desk.asked().contains(&Command::MarkSeen {
        with: person("bob"),
        up_to: SortKey(3),
    }));
    assert_eq!(desk.model().title(), "MeuMensageiro - alice");
}

#[test]
fn nothing_is_read_while_nobody_looks() {
    let mut desk = Desk::chatting(1..4, 0, true);
    desk.harness.event(egui::Event::WindowFocused(false));
    desk.harness.input_mut().focused = false;
    desk.harness.run();
    desk.tell(Event::Message(received(4)));
    assert_eq!(desk.session().open_unread(), 1);
    assert!(desk.sees("bob, 1 unread"));
    desk.harness.input_mut().focused = true;
    desk.harness.run();
    assert_eq!(desk.session().open_unread(), 0);
}

#[test]
fn a_broken_link_is_explained_and_can_be_tried_at_once() {
    let mut desk = Desk::chatting(1..4, 0, true);
    desk.write("Message", "half a sen");
    desk.tell(Event::Link(LinkState::Waiting {
        problem: LinkProblem::NobodyListens,
        retry_at: Instant::now() + Duration::from_millis(7900),
    }));
    assert!(desk.sees("No server is running at localhost:3333."));
    assert!(desk.sees("Next try in 8 s."));
    let outages = [
        "No connection",
        "Waiting",
        "Connecting",
        "offline",
        "Offline",
    ];
    for other in outages {
        assert!(!desk.sees(other), "{other}: it is said once");
    }
    desk.asked();
    desk.click("Try again");
    assert_eq!(desk.asked(), [Command::FetchNow]);
    desk.tell(Event::Link(LinkState::Connecting));
    assert!(desk.sees("No server is running at localhost:3333."));
    assert!(desk.sees("Trying again now."));
    assert!(!desk.sees("Connecting…"));
    assert_eq!(desk.session().draft(), "half a sen");
    desk.tell(online());
    assert!(!desk.sees("No server is running") && !desk.sees("Trying again"));
}

#[test]
fn what_a_full_disk_did_not_take_is_kept_when_tried_again() {
    let mut desk = Desk::chatting(1..4, 0, true);
    desk.write("Message", "half a sen");
    desk.tell(Event::StorageFailed(StorageProblem::Disk {
        path: "/home/alice/kept".into(),
        why: DiskProblem::Full,
    }));
    assert!(desk.sees("Free up some space"));
    desk.asked();
    desk.click("Try again");
    let drafts = vec![(person("bob"), "half a sen".to_owned())];
    assert!(desk.asked().contains(&Command::KeepDrafts(drafts)));
    assert!(desk.sees("Free up some space"), "until it is known to work");
    desk.tell(Event::DraftsKept);
    assert!(!desk.sees("Free up some space"));
}

#[test]
fn fetching_does_not_make_the_state_flicker() {
    let mut desk = Desk::chatting(1..4, 0, true);
    assert!(desk.sees("Checks for messages every 10 s"));
    desk.tell(Event::Link(LinkState::Connecting));
    assert!(desk.sees("Checks for messages every 10 s") && !desk.sees("Connecting…"));
}

#[test]
fn only_the_person_decides_about_an_unconfirmed_message() {
    let mut desk = Desk::chatting(1..4, 0, true);
    desk.tell(Event::Message(message(
        4,
        "bob",
        Delivery::Unconfirmed,
        "did it go out?",
    )));
    desk.asked();
    desk.click("Send again");
    assert_eq!(desk.asked(), [Command::SendAgain(MessageId(4))]);
    desk.click("Discard");
    assert_eq!(desk.asked(), [Command::Discard(MessageId(4))]);
    desk.tell(Event::Discarded(MessageId(4)));
    assert!(!desk.sees("did it go out?"));
}

#[test]
fn how_far_an_own_message_got_is_said() {
    let mut desk = Desk::chatting(1..4, 0, true);
    let own = |delivery| message(4, "bob", delivery, "mine");
    desk.tell(Event::Message(own(Delivery::Waiting)));
    assert!(desk.sees("mine, 22:14, waiting"));
    desk.tell(Event::Message(own(Delivery::Accepted)));
    assert!(desk.sees("mine, 22:14, sent"));
}

#[test]
fn the_server_itself_cannot_be_answered() {
    let mut desk = Desk::signed_in(vec![]);
    desk.tell(Event::Message(Message {
        with: mensageiro::engine::Peer::Server,
        ..received(1)
    }));
    desk.click("Server messages, 1 unread");
    assert!(desk.harness.query_by_label("Message").is_none());
}

#[test]
fn a_narrow_window_shows_the_list_or_the_conversation() {
    let mut desk = Desk::signed_in(vec![conversation("bob", 1, 0)]);
    desk.harness.set_size(egui::Vec2::new(360.0, 480.0));
    desk.harness.run();
    assert!(desk.harness.query_by_label("Message").is_none());
    desk.click("bob");
    assert!(desk.harness.query_by_label("Message").is_some());
    desk.click("Back to the conversations");
    assert!(desk.harness.query_by_label("bob").is_some());
}

#[test]
fn the_filter_narrows_the_list_and_escape_empties_it() {
    let mut desk = Desk::signed_in(vec![conversation("bob", 1, 0), conversation("carol", 2, 0)]);
    desk.press(Modifiers::COMMAND, Key::K);
    desk.harness
        .get_by_label("Search people and messages")
        .type_text("CAR");
    desk.harness.run();
    assert!(desk.harness.query_by_label("bob").is_none());
    desk.press(Modifiers::NONE, Key::Escape);
    assert!(desk.harness.query_by_label("bob").is_some());
}

#[test]
fn the_fetch_interval_is_chosen_in_the_settings() {
    let mut desk = Desk::signed_in(vec![]);
    desk.press(Modifiers::COMMAND, Key::Comma);
    desk.click("Check for new messages");
    desk.click("30 s");
    assert_eq!(
        desk.asked(),
        [Command::FetchEvery(Some(Duration::from_secs(30)))]
    );
    desk.press(Modifiers::NONE, Key::Escape);
    assert!(desk.sees("Checks for messages every 30 s"));
    desk.click("Check for messages now");
    assert_eq!(desk.asked(), [Command::FetchNow]);
}

#[test]
fn a_conversation_is_pinned_and_muted_from_its_menu_the_list_and_the_keyboard() {
    let rows = vec![conversation("bob", 1, 0), conversation("carol", 2, 4)];
    let mut desk = Desk::signed_in(rows);
    let first = |desk: &Desk| desk.session().conversations.rows()[0].with.clone();
    assert_eq!(first(&desk), person("carol"));
    let row = desk.harness.get_by_label("bob");
    row.click_secondary();
    desk.harness.run();
    desk.click("Pin to the top");
    assert_eq!(first(&desk), person("bob"));
    assert!(desk.sees("bob, pinned"));

    desk.click("carol, 4 unread");
    desk.click("More about this conversation");
    desk.click("Mute");
    assert!(desk.model().title().starts_with("MeuMensageiro"));
    assert!(desk.sees("carol, 4 unread, muted") || desk.sees("carol, muted"));
    desk.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::M);
    assert!(!desk.session().conversations.rows()[1].is_muted());
    desk.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::P);
    assert!(desk.session().conversations.rows()[1].is_pinned);
}

#[test]
fn a_conversation_is_marked_as_read_from_its_menu() {
    let rows = vec![conversation("bob", 1, 0), conversation("carol", 2, 4)];
    let mut desk = Desk::signed_in(rows);
    desk.harness.get_by_label("bob").click_secondary();
    desk.harness.run();
    assert!(!desk.sees("Mark as read"), "there is nothing unread");
    desk.press(Modifiers::NONE, Key::Escape);
    desk.harness
        .get_by_label("carol, 4 unread")
        .click_secondary();
    desk.harness.run();
    desk.click("Mark as read");
    let (with, up_to) = (person("carol"), received(2).sort_key);
    assert!(desk.asked().contains(&Command::MarkSeen { with, up_to }));
    assert!(!desk.sees("carol, 4 unread"));
    assert_eq!(desk.model().title(), "MeuMensageiro - alice");
}

#[test]
fn where_list_and_conversation_take_turns_the_keys_that_search_show_the_list() {
    for key in [Key::K, Key::F] {
        let mut desk = Desk::chatting(1..4, 0, true);
        desk.harness.set_size(egui::vec2(360.0, 600.0));
        desk.harness.run();
        desk.press(Modifiers::COMMAND, key);
        let field = desk.harness.get_by_label("Search people and messages");
        assert!(field.is_focused(), "{key:?}");
    }
}
