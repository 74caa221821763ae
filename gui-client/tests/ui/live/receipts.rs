//! How far own messages got: ticks, times, journeys, refusals.

use super::*;

#[test]
fn ticks_follow_the_receipts() {
    let mut desk = desk();
    desk.tell(Event::Message(own(4, "bob")));
    assert!(desk.sees("mine, 22:14, sent"));
    desk.tell(receipt("bob", "bob", ReceiptState::Delivered, 4));
    assert!(desk.sees("mine, 22:14, delivered"));
    desk.tell(receipt("bob", "bob", ReceiptState::Read, 3));
    assert!(
        desk.sees("mine, 22:14, delivered"),
        "that was about an earlier one"
    );
    desk.tell(receipt("bob", "bob", ReceiptState::Read, 9));
    assert!(desk.sees("mine, 22:14, read"));
}

#[test]
fn the_tick_tells_the_times() {
    let mut desk = desk();
    desk.tell(Event::Message(own(4, "bob")));
    desk.tell(receipt("bob", "bob", ReceiptState::Delivered, 4));
    desk.tell(receipt("bob", "bob", ReceiptState::Read, 4));
    let rows = desk.harness.state().state().timeline.drawn_rows();
    let bubble = rows
        .iter()
        .find(|row| row.id == MessageId(4))
        .unwrap()
        .bubble;
    let tick = bubble.right_bottom() - egui::vec2(18.0, 16.0);
    desk.harness.event(egui::Event::PointerMoved(tick));
    // A pointer that rests.
    for _ in 0..60 {
        desk.harness.step();
    }
    for line in [
        "Sent on Nov 14, 2023 at ",
        "Delivered on Nov 14, 2023 at ",
        "Read on Nov 14, 2023 at ",
    ] {
        assert!(desk.sees(line), "{line}");
    }
}

#[test]
fn the_way_of_a_message_is_drawn_as_it_goes_on_and_saved_as_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("way.png");
    let answer = Answer(PathAnswer::At(path.clone()));
    let mut desk = Desk::with_dialog(Preferences::default(), answer);
    desk.act(Action::SignInAs(alice()));
    desk.tell(Event::SignedIn {
        account: alice(),
        conversations: vec![conversation("bob", 3, 0)],
    });
    desk.tell(live());
    desk.click("bob");
    desk.tell(Event::Page {
        with: person("bob"),
        before: None,
        messages: vec![own(4, "bob")],
        older: Older::Nothing,
    });
    let bubble = desk.harness.state().state().timeline.drawn_rows()[0].bubble;
    desk.click_at_with(
        bubble.left_top() + egui::vec2(20.0, 16.0),
        PointerButton::Secondary,
    );
    desk.click("Journey of this message");
    let says = |desk: &Desk, what: &str| {
        let label = format!("bob to server: {what}. server to alice: {what}.");
        desk.harness.query_by_label_contains(&label).is_some()
    };
    assert!(!says(&desk, "delivered"));
    desk.tell(receipt("bob", "bob", ReceiptState::Delivered, 4));
    assert!(says(&desk, "delivered"));
    desk.tell(receipt("bob", "bob", ReceiptState::Read, 4));
    assert!(says(&desk, "read"));

    desk.click("Save as a picture");
    let deadline = Instant::now() + Duration::from_secs(10);
    while !matches!(desk.model().notice, Some(Notice::Saved(..))) {
        assert!(Instant::now() < deadline);
        desk.harness.step();
    }
    let area = desk.harness.state().state().journey().unwrap();
    let picture = image::open(&path).unwrap();
    assert_eq!(picture.width(), area.width().round() as u32);
}

#[test]
fn in_a_group_a_message_is_read_when_all_have_read_it() {
    let mut desk = desk();
    desk.tell(Event::Message(own(4, "turma")));
    desk.click("turma");
    desk.tell(Event::Page {
        with: person("turma"),
        before: None,
        messages: vec![
            Message {
                author: Some(login("carol")),
                ..message(3, "turma", Delivery::Received, "oi a todos")
            },
            own(4, "turma"),
        ],
        older: Older::Nothing,
    });
    assert!(desk.sees("Carol Dias: oi a todos, "), "the author is said");
    assert!(desk.sees("3 members, 2 online"));
    desk.tell(receipt("turma", "bob", ReceiptState::Read, 4));
    assert!(desk.sees("mine, 22:14, sent"));
    desk.tell(receipt("turma", "carol", ReceiptState::Delivered, 4));
    assert!(desk.sees("mine, 22:14, delivered"));
    desk.tell(receipt("turma", "carol", ReceiptState::Read, 4));
    assert!(desk.sees("mine, 22:14, read"));
}

#[test]
fn a_refused_message_says_why_and_can_be_tried_again_or_dropped() {
    let mut desk = desk();
    let refused = Delivery::Refused(Refusal::MailboxFull);
    desk.tell(Event::Message(message(4, "bob", refused, "mine")));
    assert!(desk.sees("mine, 22:14, not sent") && desk.sees("bob's mailbox is full."));
    desk.click("Try again");
    assert_eq!(desk.asked(), [Command::SendAgain(MessageId(4))]);
    desk.click("Discard");
    assert_eq!(desk.asked(), [Command::Discard(MessageId(4))]);
}
