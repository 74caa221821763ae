//! A conversation of a million messages, of which only a part is ever loaded.

use egui::{Key, Modifiers, Rect};
use mensageiro::{
    engine::{Delivery, Event, Message, MessageId, SortKey},
    model::{Action, MOST_LOADED},
    ui::DrawnRow,
};

use crate::{
    desk::{Desk, conversation, message, online, received},
    million::{MILLION, page},
};

/// Answers like the background threads, until nothing more is requested.
fn answer(desk: &mut Desk) {
    for _ in 0..100 {
        let asked = desk.asked();
        let mut answered = false;
        for command in asked {
            if let Some(event) = page(&command) {
                desk.tell(event);
                answered = true;
            }
        }
        if !answered {
            return;
        }
    }
    panic!("it never has enough");
}

fn desk() -> Desk {
    let mut desk = Desk::signed_in(vec![conversation("bob", MILLION - 1, 0)]);
    desk.click("bob");
    answer(&mut desk);
    desk
}

fn jump(desk: &mut Desk, id: i64) {
    desk.act(Action::JumpTo(received(id)));
    answer(desk);
}

fn rows(desk: &Desk) -> Vec<DrawnRow> {
    desk.harness.state().state().timeline.drawn_rows().to_vec()
}

fn bubble(desk: &Desk, id: i64) -> Option<Rect> {
    let rows = rows(desk);
    let row = rows.iter().find(|row| row.id == MessageId(id));
    row.map(|row| row.bubble)
}

fn loaded(desk: &Desk) -> usize {
    desk.session().timeline().unwrap().len()
}

#[test]
fn jumping_anywhere_loads_only_what_is_around_it() {
    let mut desk = desk();
    for id in [500_000, 3, MILLION - 2, 999_000, 1] {
        jump(&mut desk, id);
        assert!(bubble(&desk, id).is_some(), "{id}: {:?}", rows(&desk));
        assert!(loaded(&desk) < 1000, "{id}: {}", loaded(&desk));
    }
}

#[test]
fn scrolling_on_from_there_finds_every_message_and_nothing_moves() {
    let mut desk = desk();
    jump(&mut desk, 500_000);
    for (key, step) in [(Key::PageDown, 1), (Key::PageUp, -1)] {
        for _ in 0..120 {
            let before = rows(&desk);
            desk.press(Modifiers::NONE, key);
            let after = rows(&desk);
            // The edge of the previous page is still there.
            let edge = match step {
                1 => before.last().unwrap().id,
                _ => before.first().unwrap().id,
            };
            let at = bubble(&desk, edge.0);
            assert!(at.is_some(), "{edge:?} is gone: {after:?}");
            answer(&mut desk);
            assert_eq!(bubble(&desk, edge.0), at, "{edge:?} moved");
            let ids: Vec<_> = rows(&desk).iter().map(|row| row.id.0).collect();
            assert!(ids.windows(2).all(|two| two[0] + 1 == two[1]), "{ids:?}");
        }
    }
    assert!(loaded(&desk) <= MOST_LOADED + 100, "{}", loaded(&desk));
}

#[test]
fn one_comes_back_to_the_newest_message_at_once() {
    let mut desk = desk();
    for back in ["the button", "the keyboard", "writing"] {
        jump(&mut desk, 500_000);
        desk.tell(online());
        match back {
            "the button" => desk.click("Jump to the latest message"),
            "the keyboard" => desk.press(Modifiers::COMMAND, Key::End),
            _ => {
                desk.write("Message", "mine");
                desk.press(Modifiers::NONE, Key::Enter);
                let own = message(MILLION + 5, "bob", Delivery::Waiting, "mine");
                desk.tell(Event::Message(own));
            }
        }
        answer(&mut desk);
        let last = rows(&desk).last().unwrap().id;
        assert_eq!(last, MessageId(MILLION - 1), "by {back}");
    }
}

#[test]
fn what_comes_while_one_is_far_back_is_unread_and_waits_at_the_end() {
    let mut desk = desk();
    jump(&mut desk, 500_000);
    let before = rows(&desk);
    let new = message(MILLION - 1, "bob", Delivery::Received, "new");
    let new = Message {
        id: MessageId(MILLION + 1),
        sort_key: SortKey(MILLION),
        ..new
    };
    desk.tell(Event::Message(new));
    assert_eq!(rows(&desk), before);
    assert_eq!(desk.session().open_unread(), 1);
    assert!(desk.sees("Jump to 1 new message"));
}

#[test]
fn a_search_that_finds_more_than_it_shows_says_so() {
    let mut desk = Desk::signed_in(vec![conversation("bob", 1, 0)]);
    let mut search = |count: i64| {
        desk.act(Action::Filter(String::new()));
        desk.act(Action::Filter("message".into()));
        desk.tell(Event::Found {
            query: "message".into(),
            before: None,
            messages: (0..count).rev().map(received).collect(),
            next: (count == 100).then_some(SortKey(0)),
        });
        (desk.sees("99 results"), desk.sees("100 newest results"))
    };
    assert_eq!(search(99), (true, false));
    assert_eq!(search(100), (false, true));
}
