//! What is loaded of a conversation, and what of it is read.

use super::*;

#[test]
fn only_what_was_on_the_screen_is_read() {
    let mut model = signed_in(vec![conversation("bob", 9, 4)]);
    model.act(Action::Open(person("bob")));
    page(&mut model, "bob", 0..10, Older::Nothing);
    let timeline = session(&model).timeline().unwrap();
    assert_eq!(timeline.first_new, Some(MessageId(6)));
    assert_eq!(
        model.act(Action::Seen(SortKey(7))),
        [Command::MarkSeen {
            with: person("bob"),
            up_to: SortKey(7),
        }]
    );
    assert_eq!(session(&model).open_unread(), 2);
    assert!(model.act(Action::Seen(SortKey(3))).is_empty());
    assert_eq!(session(&model).open_unread(), 2);
}

#[test]
fn the_line_above_new_messages_is_for_those_who_looked_away() {
    let mut model = signed_in(vec![conversation("bob", 1, 0)]);
    model.act(Action::Open(person("bob")));
    page(&mut model, "bob", 0..2, Older::Nothing);
    model.act(Action::Attentive(true));
    model.apply(Event::Message(message(2, "bob", Delivery::Received)));
    assert_eq!(session(&model).timeline().unwrap().first_new, None);
    model.act(Action::Seen(SortKey(2)));
    model.act(Action::Attentive(false));
    model.apply(Event::Message(message(3, "bob", Delivery::Received)));
    model.apply(Event::Message(message(4, "bob", Delivery::Received)));
    assert_eq!(
        session(&model).timeline().unwrap().first_new,
        Some(MessageId(3))
    );
}

#[test]
fn older_messages_are_asked_for_once_at_a_time() {
    let mut model = signed_in(vec![conversation("bob", 200, 0)]);
    let commands = model.act(Action::Open(person("bob")));
    assert_eq!(
        commands,
        [Command::LoadPage {
            with: person("bob"),
            before: None,
            limit: PAGE,
        }]
    );
    assert!(model.act(Action::LoadOlder).is_empty());
    page(&mut model, "bob", 101..201, Older::More);
    assert_eq!(model.act(Action::LoadOlder).len(), 1);
    assert!(model.act(Action::LoadOlder).is_empty());
}

#[test]
fn whoever_has_more_unread_than_a_page_begins_with_the_oldest_of_them() {
    let mut model = signed_in(vec![conversation("bob", 5000, 3000)]);
    let asked = model.act(Action::Open(person("bob")));
    let [Command::LoadPage { limit, .. }] = &asked[..] else {
        panic!("{asked:?}")
    };
    let newest = 5001 - i64::try_from(*limit).unwrap()..5001;
    let told = |ids: std::ops::Range<i64>| {
        let messages = ids.map(|id| message(id, "bob", Delivery::Received));
        messages.collect::<Vec<_>>()
    };
    let asked = model.apply(Event::Page {
        with: person("bob"),
        before: None,
        messages: told(newest),
        older: Older::More,
    });
    assert_eq!(
        asked,
        [Command::FindUnread {
            with: person("bob")
        }]
    );
    let timeline = session(&model).timeline().unwrap();
    assert!(timeline.is_empty(), "nothing to be taken for read is shown");

    let oldest = message(2001, "bob", Delivery::Received);
    let asked = model.apply(Event::OldestUnread {
        with: person("bob"),
        message: Some(oldest.clone()),
    });
    let sort_key = oldest.sort_key;
    let with = person("bob");
    assert_eq!(asked, [Command::LoadAround { with, sort_key }]);
    model.apply(Event::Around {
        with: person("bob"),
        messages: told(1901..2101),
        older: Older::More,
        newer: true,
    });
    let timeline = session(&model).timeline().unwrap();
    assert_eq!(timeline.first_new, Some(oldest.id));

    // What is read is counted where all of it is.
    let asked = model.act(Action::Seen(SortKey(2050)));
    let (with, up_to) = (person("bob"), SortKey(2050));
    let count = Command::CountUnread { with: with.clone() };
    assert_eq!(asked, [Command::MarkSeen { with, up_to }, count]);
    model.apply(Event::Unread {
        with: person("bob"),
        unread: 2950,
    });
    assert_eq!(session(&model).open_unread(), 2950);
}

#[test]
fn what_came_to_a_conversation_that_was_left_is_not_all_kept_nor_taken_for_read() {
    let mut model = signed_in(vec![
        conversation("bob", 10, 0),
        conversation("carol", 9, 0),
    ]);
    model.act(Action::Open(person("bob")));
    page(&mut model, "bob", 1..11, Older::Nothing);
    model.act(Action::Open(person("carol")));
    for id in 11..5011 {
        model.apply(Event::Message(message(id, "bob", Delivery::Received)));
    }
    let row = session(&model).conversations.get(&person("bob")).unwrap();
    assert_eq!(row.unread, 5000);
    let asked = model.act(Action::Open(person("bob")));
    let find = Command::FindUnread {
        with: person("bob"),
    };
    assert!(asked.contains(&find), "{asked:?}");
}

#[test]
fn keys_go_down_to_the_newest_message_and_then_to_none() {
    let mut model = signed_in(vec![conversation("bob", 3, 0)]);
    model.act(Action::Open(person("bob")));
    page(&mut model, "bob", 1..4, Older::Nothing);
    for _ in 0..3 {
        model.act(Action::ReplyAbove);
    }
    let at_hand = |model: &Model| session(model).at_hand().unwrap().id.0;
    assert_eq!(at_hand(&model), 1);
    model.act(Action::ReplyBelow);
    model.act(Action::ReplyBelow);
    assert_eq!(at_hand(&model), 3);
    assert!(!session(&model).draft().is_empty());
    model.act(Action::ReplyBelow);
    assert_eq!(session(&model).draft(), "");
}

#[test]
fn what_comes_to_an_open_conversation_that_is_not_drawn_is_not_all_kept() {
    let mut model = signed_in(vec![conversation("bob", 10, 0)]);
    model.act(Action::Open(person("bob")));
    page(&mut model, "bob", 1..11, Older::Nothing);
    for id in 11..20_011 {
        model.apply(Event::Message(message(id, "bob", Delivery::Received)));
    }
    let timeline = session(&model).timeline().unwrap();
    assert!(timeline.len() <= 2 * MOST_LOADED && timeline.newer);
    assert!(
        timeline.find(MessageId(11)).is_some(),
        "where the new ones begin"
    );
    assert_eq!(session(&model).open_unread(), 20_000);
}

#[test]
fn whatever_may_be_read_or_muted_is_looked_at_again() {
    let mut model = signed_in(vec![conversation("bob", 1, 1), conversation("carol", 2, 1)]);
    let unread = |unread| Event::Unread {
        with: person("carol"),
        unread,
    };
    let version = |model: &Model| session(model).conversations.version();
    let mut known = version(&model);
    let mut check = |model: &Model, what: &str| {
        let before = std::mem::replace(&mut known, version(model));
        assert!(before < known, "{what}");
    };
    model.apply(Event::Message(message(3, "bob", Delivery::Received)));
    check(&model, "a message");
    model.apply(unread(0));
    check(&model, "read elsewhere");
    model.act(Action::MarkRead(person("bob")));
    check(&model, "read here");
    model.act(Action::Mute(person("bob"), Some(FOR_GOOD)));
    check(&model, "muted");
    model.apply(Event::Listed(vec![conversation("carol", 2, 0)]));
    check(&model, "listed");
    model.apply(Event::SignedIn {
        account: alice(),
        conversations: vec![conversation("bob", 1, 0)],
    });
    check(&model, "a new database");
}
