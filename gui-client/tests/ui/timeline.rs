use egui::{Key, Modifiers, Pos2, Rect};
use egui_kittest::kittest::Queryable;
use mensageiro::{
    engine::{Command, Delivery, Event, MessageId, Older, SortKey},
    ui::DrawnRow,
};

use crate::desk::{Desk, message, person, received};

fn rows(desk: &Desk) -> Vec<DrawnRow> {
    desk.harness.state().state().timeline.drawn_rows().to_vec()
}

fn bubble(desk: &Desk, id: MessageId) -> Rect {
    let rows = rows(desk);
    rows.iter().find(|row| row.id == id).unwrap().bubble
}

/// The message in the middle of what is shown.
fn read(desk: &Desk) -> MessageId {
    let rows = rows(desk);
    rows[rows.len() / 2].id
}

fn wheel(desk: &mut Desk, points: f32) {
    let over = Pos2::new(700.0, 350.0);
    desk.harness.event(egui::Event::PointerMoved(over));
    desk.harness.event(egui::Event::MouseWheel {
        unit: egui::MouseWheelUnit::Point,
        delta: egui::vec2(0.0, points),
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Unknown,
        modifiers: Modifiers::NONE,
    });
    for _ in 0..60 {
        desk.harness.step();
    }
}

#[test]
fn what_is_read_does_not_move_when_messages_arrive() {
    let mut desk = Desk::chatting(1000..1100, 0, true);
    wheel(&mut desk, 1500.0);
    let (id, before) = (read(&desk), bubble(&desk, read(&desk)));
    for new in 1100..1130 {
        desk.tell(Event::Message(received(new)));
        assert_eq!(bubble(&desk, id), before);
    }
    assert!(desk.sees("Jump to 30 new messages"));
    assert_eq!(desk.session().open_unread(), 30);
    desk.click("Jump to 30 new messages");
    assert_eq!(rows(&desk).last().unwrap().id, MessageId(1129));
    assert_eq!(desk.session().open_unread(), 0);
}

#[test]
fn what_is_read_stays_when_older_messages_are_put_in_front() {
    let mut desk = Desk::chatting(1000..1100, 0, false);
    for _ in 0..60 {
        desk.press(Modifiers::NONE, Key::PageUp);
    }
    let asked = desk.asked();
    let load = Command::LoadPage {
        with: person("bob"),
        before: Some(SortKey(1000)),
        limit: 100,
    };
    assert_eq!(asked.iter().filter(|command| **command == load).count(), 1);
    let (first, read) = (rows(&desk)[0].id, read(&desk));
    assert_eq!(first, MessageId(1000));
    let (at_first, at_read) = (bubble(&desk, first), bubble(&desk, read));
    desk.tell(Event::Page {
        with: person("bob"),
        before: Some(SortKey(1000)),
        messages: (900..1000).map(received).collect(),
        older: Older::More,
    });
    assert!((bubble(&desk, first).top() - at_first.top()).abs() <= 1.0);
    assert!((bubble(&desk, read).top() - at_read.top()).abs() <= 1.0);
}

#[test]
fn at_the_end_one_stays_at_the_end() {
    let mut desk = Desk::chatting(1000..1100, 0, true);
    for new in 1100..1110 {
        desk.tell(Event::Message(received(new)));
        assert_eq!(rows(&desk).last().unwrap().id, MessageId(new));
        assert_eq!(desk.session().open_unread(), 0);
    }
}

#[test]
fn sending_goes_to_the_end() {
    let mut desk = Desk::chatting(1000..1100, 0, true);
    wheel(&mut desk, 3000.0);
    assert_ne!(rows(&desk).last().unwrap().id, MessageId(1099));
    desk.write("Message", "mine");
    desk.press(Modifiers::NONE, Key::Enter);
    let mine = message(1100, "bob", Delivery::Waiting, "mine");
    desk.tell(Event::Message(mine));
    assert_eq!(rows(&desk).last().unwrap().id, MessageId(1100));
}

/// Waiting messages are below everything that the server received before them.
#[test]
fn at_the_end_what_came_above_own_messages_is_read_too() {
    let mut desk = Desk::chatting(1000..1100, 0, true);
    for id in 5000..5040 {
        desk.say(Event::Message(message(
            id,
            "bob",
            Delivery::Waiting,
            "mine",
        )));
    }
    desk.write("Message", "the last of mine");
    desk.press(Modifiers::NONE, Key::Enter);
    let last = message(5040, "bob", Delivery::Waiting, "the last of mine");
    desk.tell(Event::Message(last));
    desk.tell(Event::Message(received(1100)));
    assert_eq!(rows(&desk).last().unwrap().id, MessageId(5040));
    assert!(rows(&desk).iter().all(|row| row.id != MessageId(1100)));
    assert_eq!(desk.session().open_unread(), 0);
}

#[test]
fn what_another_device_sends_does_not_move_what_is_read() {
    let mut desk = Desk::chatting(1000..1100, 0, true);
    wheel(&mut desk, 3000.0);
    let before = rows(&desk);
    let elsewhere = message(1100, "bob", Delivery::Accepted, "from the other device");
    desk.tell(Event::Message(elsewhere));
    assert_eq!(rows(&desk), before);
}

/// However early the message comes back, and however much is new in that conversation.
#[test]
fn who_writes_to_somebody_from_elsewhere_goes_to_the_end_too() {
    let mut desk = Desk::chatting(1000..1100, 0, true);
    desk.tell(Event::Message(message(
        2000,
        "carol",
        Delivery::Received,
        "hm?",
    )));
    desk.click("carol, 1 unread");
    desk.write("Message", "@bob and now?");
    desk.harness.key_press(Key::Enter);
    for id in 1100..1160 {
        desk.say(Event::Message(received(id)));
    }
    let mine = message(1160, "bob", Delivery::Waiting, "and now?");
    desk.say(Event::Message(mine));
    desk.say(Event::Message(received(1161)));
    desk.harness.run();
    assert_eq!(desk.session().open, Some(person("bob")));
    assert_eq!(rows(&desk).last().unwrap().id, MessageId(1161));
}

#[test]
fn a_conversation_opens_at_its_first_new_message() {
    let desk = Desk::chatting(1000..1100, 60, true);
    let rows = rows(&desk);
    assert!(rows.iter().any(|row| row.id == MessageId(1040)), "{rows:?}");
    assert!(rows.iter().all(|row| row.id > MessageId(1030)));
    assert!(
        desk.session().open_unread() > 0,
        "what is further down has not been seen"
    );
    let timeline = desk.session().timeline().unwrap();
    assert_eq!(timeline.first_new, Some(MessageId(1040)));
}

#[test]
fn among_a_million_messages_only_what_is_visible_is_laid_out() {
    let mut desk = Desk::chatting(0..1_000_000, 0, true);
    wheel(&mut desk, 5000.0);
    let (id, before) = (read(&desk), bubble(&desk, read(&desk)));
    wheel(&mut desk, 1.0);
    assert_eq!(bubble(&desk, id).top(), before.top() + 1.0);
    assert!(rows(&desk).len() < 40, "{} rows", rows(&desk).len());
}

#[test]
fn a_very_long_message_can_be_read_from_end_to_end() {
    let mut desk = Desk::chatting(1..4, 0, true);
    let long = "word ".repeat(2000);
    desk.tell(Event::Message(message(4, "bob", Delivery::Received, &long)));
    let at_end = bubble(&desk, MessageId(4));
    assert!(at_end.height() > 1500.0);
    wheel(&mut desk, 1000.0);
    assert_eq!(bubble(&desk, MessageId(4)).top(), at_end.top() + 1000.0);
}

#[test]
fn no_bubble_is_wider_than_the_window_whatever_the_word() {
    let mut desk = Desk::chatting(1..4, 0, true);
    let word = "x".repeat(3000);
    desk.tell(Event::Message(message(4, "bob", Delivery::Received, &word)));
    for width in [360.0, 700.0, 1600.0] {
        desk.harness.set_size(egui::Vec2::new(width, 700.0));
        desk.harness.run();
        let bubble = bubble(&desk, MessageId(4));
        assert!(bubble.width() <= 561.0 && bubble.right() <= width);
    }
}

#[test]
fn each_day_begins_with_a_line() {
    let mut desk = Desk::chatting(1..2, 0, true);
    let day = 24 * 60 * 60 / 20;
    for (id, text) in [
        (2, "same day"),
        (2 + day, "next day"),
        (2 + 2 * day, "day after"),
    ] {
        desk.tell(Event::Message(message(id, "bob", Delivery::Received, text)));
    }
    for label in [
        "November 14, 2023",
        "November 15, 2023",
        "November 16, 2023",
    ] {
        assert_eq!(desk.harness.query_all_by_label(label).count(), 1, "{label}");
    }
    assert!(desk.sees("Beginning of the conversation"));
}

#[test]
fn new_messages_are_marked_for_who_looked_away() {
    let desk = Desk::chatting(1..9, 3, true);
    assert!(desk.sees("New messages"));
    let mut desk = Desk::chatting(1..9, 0, true);
    assert!(!desk.sees("New messages"));
    desk.tell(Event::Message(received(9)));
    assert!(!desk.sees("New messages"), "it was seen as it came");
}

#[test]
fn where_one_was_is_kept_for_each_conversation_and_not_for_the_next_account() {
    let mut desk = Desk::chatting(1000..1100, 0, true);
    wheel(&mut desk, 1500.0);
    let (id, before) = (read(&desk), bubble(&desk, read(&desk)));
    desk.press(Modifiers::NONE, Key::Escape);
    assert_eq!(desk.session().open, None);
    desk.click("bob");
    assert_eq!(bubble(&desk, id), before);

    desk.sign_in_again(vec![crate::desk::conversation("bob", 1099, 0)]);
    desk.click("bob");
    desk.tell(Event::Page {
        with: person("bob"),
        before: None,
        messages: (1000..1100).map(received).collect(),
        older: Older::Nothing,
    });
    assert_eq!(rows(&desk).last().unwrap().id, MessageId(1099));
}

#[test]
fn what_arrives_while_one_looks_elsewhere_waits_where_it_begins() {
    let mut desk = Desk::chatting(1..30, 0, true);
    let look = |desk: &mut Desk, looks: bool| {
        desk.harness.event(egui::Event::WindowFocused(looks));
        desk.harness.input_mut().focused = looks;
        desk.harness.run();
    };
    look(&mut desk, false);
    for id in 30..130 {
        desk.tell(Event::Message(received(id)));
    }
    assert_eq!(desk.session().open_unread(), 100);
    look(&mut desk, true);
    let shown = rows(&desk);
    assert!(shown.iter().any(|row| row.id == MessageId(30)), "{shown:?}");
    let unread = desk.session().open_unread();
    assert!((1..100).contains(&unread), "{unread} are below the window");

    // A person who scrolls to the end has seen it, and follows from there.
    desk.press(Modifiers::COMMAND, Key::End);
    desk.harness.run();
    assert_eq!(desk.session().open_unread(), 0);
    let end = |desk: &Desk| rows(desk).last().unwrap().id;
    assert_eq!(end(&desk), MessageId(129));
    desk.tell(Event::Message(received(130)));
    assert_eq!(
        (end(&desk), desk.session().open_unread()),
        (MessageId(130), 0)
    );
}

#[test]
fn the_day_of_what_is_read_stays_at_the_upper_edge_while_scrolled() {
    let mut desk = Desk::chatting(1..200, 0, true);
    let day = "November 14, 2023";
    assert!(!desk.sees(day), "at the newest message it is far above");
    desk.press(Modifiers::NONE, Key::PageUp);
    let pill = desk.harness.get_by_label(day).rect();
    desk.press(Modifiers::NONE, Key::PageUp);
    assert_eq!(pill, desk.harness.get_by_label(day).rect());
    for _ in 0..40 {
        desk.press(Modifiers::NONE, Key::PageUp);
    }
    let own = desk.harness.get_by_label(day).rect();
    assert!(own.top() > pill.top(), "its own place, and only there");
}
