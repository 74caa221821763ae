//! Replies with a quote, and what is bold, italic or code.

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use mensageiro::{
    engine::{Command, Delivery, Event, Message, MessageId, Older, QuoteCheck, Quoted, SortKey},
    model::Overlay,
};

use crate::{
    desk::{Desk, message, person},
    pointer,
};

fn desk() -> Desk {
    let mut desk = Desk::chatting(1..3, 0, true);
    for (id, delivery, text) in [
        (3, Delivery::Received, "Do we *still* meet?"),
        (4, Delivery::Accepted, "Yes"),
    ] {
        desk.tell(Event::Message(message(id, "bob", delivery, text)));
    }
    desk
}

fn draft(desk: &Desk) -> &str {
    desk.session().draft()
}

#[test]
fn a_reply_from_the_menu_goes_out_as_plain_text_with_its_quote() {
    let mut desk = desk();
    desk.harness
        .get_by_label_contains("Do we still meet?")
        .click_secondary();
    desk.harness.run();
    desk.click("Reply");
    assert!(desk.sees("Replying to bob"));
    desk.harness.event(egui::Event::Text("at ten".into()));
    desk.harness.run();
    desk.press(Modifiers::NONE, Key::Enter);
    let expected = "> bob: “Do we still meet?”\nat ten";
    assert_eq!(desk.sent(), [format!("@bob {expected}")]);
    assert!(!desk.sees("Replying to"));
}

#[test]
fn a_button_beside_the_message_under_the_pointer_replies_and_moves_nothing() {
    let mut desk = desk();
    let place = |desk: &Desk| {
        let message = desk.harness.get_by_label_contains("Do we still meet?");
        message.rect()
    };
    let before = place(&desk);
    assert!(desk.harness.query_by_label("Reply").is_none());
    // Anywhere on its height.
    let beside = before.right_center() + egui::vec2(200.0, 0.0);
    for at in [before.center(), beside] {
        desk.harness.event(egui::Event::PointerMoved(at));
        desk.harness.run();
        let button = desk.harness.get_by_label("Reply").rect();
        assert!(button.left() > before.right() && place(&desk) == before);
    }
    desk.click("Reply");
    assert!(desk.sees("Replying to bob"));
    assert_eq!(draft(&desk), "> bob: “Do we still meet?”\n");
    desk.harness.event(egui::Event::PointerGone);
    desk.harness.run();
    assert!(desk.harness.query_by_label("Reply").is_none());
}

#[test]
fn a_message_is_forwarded_without_its_quote_and_can_be_changed_before_it_is_sent() {
    let mut desk = desk();
    let text = "> alice: “Yes”\nSee https://school.example *now*";
    desk.tell(Event::Message(message(5, "bob", Delivery::Received, text)));
    let answer = desk.harness.get_by_label_contains("See https://");
    answer.click_secondary();
    desk.harness.run();
    desk.click("Forward…");
    assert!(desk.sees("Forward to"));
    desk.harness.event(egui::Event::Text("carol".into()));
    desk.harness.run();
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(desk.session().open, Some(person("carol")));
    assert_eq!(draft(&desk), "See https://school.example *now*");
    desk.harness.event(egui::Event::Text(" :-)".into()));
    desk.harness.run();
    desk.press(Modifiers::NONE, Key::Enter);
    let forwarded = "@carol See https://school.example *now* :-)";
    assert_eq!(desk.sent(), [forwarded]);
}

#[test]
fn the_keyboard_goes_up_the_messages_and_escape_gives_up_the_reply_alone() {
    let mut desk = desk();
    desk.write("Message", "hm");
    desk.press(Modifiers::COMMAND, Key::ArrowUp);
    assert_eq!(draft(&desk), "> alice: “Yes”\nhm");
    desk.press(Modifiers::COMMAND, Key::ArrowUp);
    assert_eq!(draft(&desk), "> bob: “Do we still meet?”\nhm");
    desk.press(Modifiers::NONE, Key::Escape);
    assert_eq!(draft(&desk), "hm");
    assert_eq!(desk.session().open, Some(person("bob")));
}

#[test]
fn a_quote_alone_is_not_sent_and_is_kept_with_the_draft() {
    let mut desk = desk();
    desk.press(Modifiers::COMMAND, Key::ArrowUp);
    desk.press(Modifiers::NONE, Key::Enter);
    assert!(desk.sent().is_empty());
    desk.press(Modifiers::NONE, Key::Escape);
    desk.press(Modifiers::COMMAND, Key::ArrowUp);
    desk.click("Cancel the reply");
    assert_eq!(draft(&desk), "");
    desk.press(Modifiers::COMMAND, Key::ArrowUp);
    desk.asked();
    desk.press(Modifiers::COMMAND, Key::K);
    let kept = Command::SaveDraft {
        with: person("bob"),
        text: "> alice: “Yes”\n".into(),
    };
    desk.until_asked(&kept);
}

#[test]
fn a_reply_shows_its_quote_and_leads_to_what_it_quotes() {
    let mut desk = desk();
    let reply = "> bob: “Do we still meet?” no, sorry";
    desk.tell(Event::Message(message(5, "bob", Delivery::Received, reply)));
    let name = "replying to bob, “Do we still meet?”: no, sorry";
    assert!(desk.sees(name));
    let quote = desk.harness.get_by_label_contains(name).rect().left_top();
    desk.asked();
    desk.click_at(quote + egui::vec2(30.0, 20.0));
    let asked = Command::FindQuoted(Quoted {
        with: person("bob"),
        re: None,
        before: SortKey(5),
        author: "bob".into(),
        excerpt: "Do we still meet?".into(),
    });
    assert!(desk.asked().contains(&asked));
    let found = message(3, "bob", Delivery::Received, "Do we *still* meet?");
    desk.tell(Event::Quoted(found));
    let target = desk.session().timeline().unwrap().target;
    assert_eq!(target.map(|(id, _)| id), Some(MessageId(3)));
    assert_eq!(marked(&desk), [MessageId(3)]);
    desk.press(Modifiers::NONE, Key::ArrowLeft);
    assert_eq!(marked(&desk), [], "whoever goes on has seen it");
}

/// What is marked as jumped to.
fn marked(desk: &Desk) -> Vec<MessageId> {
    let rows = desk.harness.state().state().timeline.drawn_rows();
    let marked = rows.iter().filter(|row| row.is_marked);
    marked.map(|row| row.id).collect()
}

#[test]
fn a_quote_shows_a_hand_and_says_so_if_what_it_quotes_is_not_here() {
    let mut desk = desk();
    let reply = "> bob: “Long ago” no, sorry";
    desk.tell(Event::Message(message(5, "bob", Delivery::Received, reply)));
    let bubble = desk.harness.get_by_label_contains("no, sorry").rect();
    let cursor_at = |desk: &mut Desk, at: egui::Vec2| {
        let pos = bubble.left_top() + at;
        desk.harness.event(egui::Event::PointerMoved(pos));
        desk.harness.run();
        desk.harness.output().platform_output.cursor_icon
    };
    let quote = egui::vec2(30.0, 20.0);
    let hand = egui::CursorIcon::PointingHand;
    assert_eq!(cursor_at(&mut desk, quote), hand);
    assert_ne!(cursor_at(&mut desk, egui::vec2(30.0, 62.0)), hand);

    desk.click_at(bubble.left_top() + quote);
    desk.tell(Event::NotQuoted(person("carol")));
    assert!(!desk.sees("This message is not on this computer."));
    desk.tell(Event::NotQuoted(person("bob")));
    assert!(desk.sees("This message is not on this computer."));
    desk.click_at(bubble.left_top() + quote);
    assert!(!desk.sees("This message is not on this computer."));
}

/// What the window has asked about quotes.
fn checks(desk: &Desk) -> Vec<MessageId> {
    let asked = desk.asked().into_iter();
    let checks = asked.filter_map(|command| match command {
        Command::CheckQuote { id, .. } => Some(id),
        _ => None,
    });
    checks.collect()
}

#[test]
fn a_quote_that_nobody_wrote_is_marked_and_leads_nowhere() {
    let mut desk = desk();
    let forged = "> alice: “I owe Bob 500 euros” thank you";
    desk.tell(Event::Message(message(
        5,
        "bob",
        Delivery::Received,
        forged,
    )));
    let plain = "replying to your own message, “I owe Bob 500 euros”: thank you";
    assert!(desk.sees(plain), "not known yet");
    let asked = Command::CheckQuote {
        id: MessageId(5),
        quoted: Quoted {
            with: person("bob"),
            re: None,
            before: SortKey(5),
            author: "alice".into(),
            excerpt: "I owe Bob 500 euros".into(),
        },
    };
    assert_eq!(desk.asked().iter().filter(|one| **one == asked).count(), 1);
    let laid_out = |desk: &Desk| desk.harness.state().state().timeline.laid_out();
    let before = laid_out(&desk);
    desk.tell(Event::QuoteChecked {
        id: MessageId(5),
        check: QuoteCheck::NotFound,
    });
    let marked = "“I owe Bob 500 euros” (Not found in this conversation): thank you";
    assert!(desk.sees(marked) && !desk.sees(plain));
    assert_eq!(laid_out(&desk), before + 1);
    let bubble = desk.harness.get_by_label_contains("thank you").rect();
    desk.asked();
    desk.click_at(bubble.left_top() + egui::vec2(30.0, 20.0));
    desk.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::O);
    assert!(desk.asked().is_empty());
}

#[test]
fn quotes_are_looked_up_once_and_one_after_the_other() {
    let mut desk = desk();
    for id in 5..8 {
        let text = format!("> bob: “number {id}” yes");
        desk.tell(Event::Message(message(
            id,
            "bob",
            Delivery::Received,
            &text,
        )));
    }
    let mut asked = checks(&desk);
    assert_eq!(asked.len(), 1);
    for check in [QuoteCheck::Found, QuoteCheck::NotHere, QuoteCheck::NotFound] {
        let id = *asked.last().unwrap();
        desk.tell(Event::QuoteChecked { id, check });
        asked.extend(checks(&desk));
    }
    asked.sort_unstable();
    assert_eq!(asked, [5, 6, 7].map(MessageId));
    assert!(desk.sees("(Not on this computer)"));
    // The older page may contain the quoted message. It does not here.
    desk.tell(Event::Page {
        with: person("bob"),
        before: Some(SortKey(1)),
        messages: vec![message(0, "bob", Delivery::Received, "number 6")],
        older: Older::Nothing,
    });
    assert_eq!(checks(&desk).len(), 1);
}

#[test]
fn marks_are_not_read_aloud_and_keys_write_them() {
    let mut desk = desk();
    assert!(desk.sees("Do we still meet?"));
    desk.write("Message", "now");
    desk.press(Modifiers::COMMAND, Key::A);
    for (key, expected) in [
        (Key::B, "*now*"),
        (Key::I, "*_now_*"),
        (Key::I, "*now*"),
        (Key::E, "*`now`*"),
    ] {
        desk.press(Modifiers::COMMAND, key);
        assert_eq!(draft(&desk), expected);
    }
}

#[test]
fn a_question_mark_that_nobody_writes_opens_the_list_of_keys() {
    let mut desk = Desk::signed_in(vec![]);
    desk.harness.event(egui::Event::Text("?".into()));
    desk.harness.run();
    assert!(desk.sees("Keyboard shortcuts"));

    let mut desk = self::desk();
    desk.write("Message", "why?");
    assert!(!desk.sees("Keyboard shortcuts"));
}

#[test]
fn the_message_at_hand_is_copied_and_its_way_shown_with_the_keyboard() {
    let own = |id| Message {
        server_id: Some(9),
        ..message(id, "bob", Delivery::Accepted, "from me")
    };
    let mut desk = Desk::chatting(1..4, 0, true);
    desk.tell(Event::Message(own(5)));
    desk.tell(Event::Message(message(
        6,
        "bob",
        Delivery::Received,
        "from bob",
    )));
    let shift = Modifiers::COMMAND | Modifiers::SHIFT;
    let copied = |desk: &mut Desk| {
        desk.harness.input_mut().events.push(egui::Event::Key {
            key: Key::Y,
            physical_key: None,
            pressed: true,
            repeat: false,
            modifiers: shift,
        });
        desk.harness.step();
        pointer::copied(&desk.harness.output().platform_output.commands)
    };
    assert_eq!(copied(&mut desk).as_deref(), Some("from bob"));
    desk.press(shift, Key::J);
    assert!(desk.model().overlay.is_none(), "it is not one's own");

    for _ in 0..2 {
        desk.press(Modifiers::COMMAND, Key::ArrowUp);
    }
    assert_eq!(copied(&mut desk).as_deref(), Some("from me"));
    desk.press(shift, Key::J);
    assert!(matches!(desk.model().overlay, Some(Overlay::Journey(_))));
}
