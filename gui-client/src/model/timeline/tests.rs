use jiff::Timestamp;
use mensageiro_protocol::{Login, Text};

use super::*;
use crate::engine::{Delivery, Peer, ReceiptState};

fn message(id: i64) -> Message {
    Message {
        id: MessageId(id),
        sort_key: SortKey(id),
        server_id: None,
        with: Peer::Person(Login::parse("bob").unwrap()),
        author: None,
        text: Text::from(format!("message {id}").as_str()),
        re: None,
        edited: None,
        is_changing: false,
        at: Timestamp::UNIX_EPOCH,
        written: None,
        delivery: Delivery::Received,
        receipts: vec![],
    }
}

fn ids(timeline: &Timeline) -> Vec<i64> {
    timeline.iter().map(|m| m.id.0).collect()
}

#[test]
fn pages_and_arrivals_in_any_order_give_one_sorted_timeline() {
    let mut timeline = Timeline::default();
    timeline.take_in(&message(9));
    assert!(timeline.is_empty(), "nothing is shown before its page");
    timeline.take_page(None, (5..9).map(message).collect(), Older::More);
    timeline.take_in(&message(10));
    timeline.take_in(&message(9));
    timeline.take_in(&message(2));
    timeline.take_page(
        Some(SortKey(5)),
        (1..5).map(message).collect(),
        Older::Nothing,
    );
    timeline.take_page(
        Some(SortKey(5)),
        (1..5).map(message).collect(),
        Older::Nothing,
    );
    assert_eq!(ids(&timeline), (1..=10).collect::<Vec<_>>());
    assert!(timeline.complete && !timeline.loading);
}

#[test]
fn a_page_that_would_leave_a_gap_is_not_taken() {
    let mut timeline = Timeline::default();
    timeline.take_page(None, (50..60).map(message).collect(), Older::More);
    timeline.take_page(
        Some(SortKey(20)),
        (10..20).map(message).collect(),
        Older::Nothing,
    );
    assert_eq!(ids(&timeline), (50..60).collect::<Vec<_>>());
    assert!(!timeline.complete);
}

#[test]
fn a_conversation_that_is_left_keeps_its_newest_messages() {
    let mut timeline = Timeline::default();
    timeline.take_page(None, (0..900).map(message).collect(), Older::Nothing);
    timeline.leave();
    assert_eq!(timeline.len(), KEPT_WHEN_LEFT);
    assert_eq!(timeline.last().unwrap().id, MessageId(899));
    assert!(!timeline.complete);
}

#[test]
fn the_first_of_the_unread_is_found_by_their_number() {
    let mut timeline = Timeline::default();
    timeline.take_page(None, (0..10).map(message).collect(), Older::Nothing);
    assert_eq!(timeline.first_of_last_received(3), Some(MessageId(7)));
    assert_eq!(timeline.first_of_last_received(0), None);
    assert_eq!(timeline.first_of_last_received(11), None);
    assert_eq!(timeline.received_after(SortKey(7)), 2);
}

#[test]
fn a_message_that_gets_its_place_moves_there() {
    let mut timeline = Timeline::default();
    timeline.take_page(None, (1..4).map(message).collect(), Older::Nothing);
    let mut own = Message {
        delivery: Delivery::Waiting,
        sort_key: SortKey(1000),
        ..message(9)
    };
    timeline.take_in(&own);
    timeline.take_in(&message(7));
    assert_eq!(ids(&timeline), [1, 2, 3, 7, 9]);
    (own.delivery, own.sort_key) = (Delivery::Accepted, SortKey(5));
    timeline.take_in(&own);
    assert_eq!(ids(&timeline), [1, 2, 3, 9, 7]);
    assert_eq!(timeline.index_of(MessageId(9)), Some(3));
    assert!(timeline.forget(MessageId(9)));
    assert_eq!(ids(&timeline), [1, 2, 3, 7]);
}

#[test]
fn the_newest_page_that_comes_once_more_leaves_no_gap() {
    let mut timeline = Timeline::default();
    timeline.take_page(None, [2, 3, 90].map(message).to_vec(), Older::Coming);
    assert!(timeline.loading);
    timeline.take_page(None, (80..91).map(message).collect(), Older::More);
    assert_eq!(ids(&timeline), (80..91).collect::<Vec<_>>());
    assert!(!timeline.loading && !timeline.complete);
}

#[test]
fn a_receipt_holds_for_every_own_message_before_it() {
    let mut timeline = Timeline::default();
    let own = |id: i64| Message {
        delivery: Delivery::Accepted,
        server_id: u64::try_from(id).ok(),
        ..message(id)
    };
    timeline.take_page(None, vec![own(1), message(2), own(3), own(4)], Older::More);
    let mut news = ReceiptNews {
        with: message(1).with,
        by: Login::parse("bob").unwrap(),
        state: ReceiptState::Delivered,
        up_to: 3,
        at: Timestamp::UNIX_EPOCH,
    };
    timeline.take_receipt(&news);
    news.state = ReceiptState::Read;
    timeline.take_receipt(&news);
    let noted: Vec<_> = timeline.iter().map(|m| m.receipts.len()).collect();
    assert_eq!(noted, [1, 0, 1, 0]);
    assert!(timeline.get(0).unwrap().receipts[0].read.is_some());
}
#[test]
fn far_back_nothing_new_is_taken_in_until_what_is_between_has_come() {
    let mut timeline = Timeline::default();
    timeline.take_page(None, (900..1000).map(message).collect(), Older::More);
    timeline.target = Some((MessageId(50), 1));
    timeline.take_around((40..60).map(message).collect(), Older::More, true);
    timeline.take_in(&message(1000));
    assert_eq!(ids(&timeline), (40..60).collect::<Vec<_>>());
    assert!(timeline.newest().is_none() && !timeline.loading);

    timeline.take_newer(SortKey(30), (31..35).map(message).collect(), true);
    timeline.take_newer(SortKey(59), (60..1001).map(message).collect(), false);
    timeline.take_in(&message(1001));
    assert_eq!(ids(&timeline), (40..1002).collect::<Vec<_>>());
    assert_eq!(timeline.newest().unwrap().id, MessageId(1001));
}

#[test]
fn the_newest_page_takes_the_place_of_one_far_back_only_when_asked_for() {
    let mut timeline = Timeline::default();
    timeline.take_around((40..60).map(message).collect(), Older::More, true);
    timeline.take_page(None, vec![message(1000)], Older::More);
    assert_eq!(timeline.len(), 20, "another one's answer");
    assert!(timeline.ask_newest() && !timeline.ask_newest());
    timeline.take_page(None, (990..1001).map(message).collect(), Older::More);
    assert_eq!(ids(&timeline), (990..1001).collect::<Vec<_>>());
    assert!(!timeline.newer && !timeline.loading && !timeline.ask_newest());
}

#[test]
fn what_is_far_from_what_is_read_does_not_stay_loaded() {
    let most = i64::try_from(MOST_LOADED).unwrap();
    let mut timeline = Timeline::default();
    timeline.take_page(None, (0..most).map(message).collect(), Older::Nothing);
    timeline.keep_around(SortKey(most / 2));
    assert_eq!(timeline.len(), MOST_LOADED);
    timeline.take_in(&message(most));
    timeline.keep_around(SortKey(most));
    assert_eq!(ids(&timeline), (most - 1000..=most).collect::<Vec<_>>());
    assert!(!timeline.complete && !timeline.newer);

    let older = (0..most - 1000).map(message).collect();
    timeline.take_page(Some(SortKey(most - 1000)), older, Older::Nothing);
    timeline.keep_around(SortKey(10));
    assert_eq!(ids(&timeline), (0..2000).collect::<Vec<_>>());
    assert!(timeline.complete && timeline.newer);
}

#[test]
fn a_conversation_that_is_not_open_does_not_grow_without_end() {
    let mut timeline = Timeline::default();
    timeline.take_page(None, vec![message(0)], Older::Nothing);
    for id in 1..10_000 {
        timeline.take_in(&message(id));
        timeline.keep_newest();
    }
    assert!(timeline.len() <= 2 * KEPT_WHEN_LEFT);
    assert_eq!(timeline.last().unwrap().id, MessageId(9_999));
    assert!(!timeline.complete);
}

#[test]
fn a_conversation_left_far_back_begins_with_its_newest_messages_again() {
    let mut timeline = Timeline::default();
    timeline.take_around((40..60).map(message).collect(), Older::More, true);
    timeline.leave();
    assert!(timeline.is_empty() && !timeline.loaded && !timeline.newer);
}
