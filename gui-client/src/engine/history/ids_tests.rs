//! Ids that mean other messages than before: what was told under them stays, and nothing of what comes is
//! taken for it. And the numbers that own messages are sent with.

use mensageiro_protocol::live::{
    HistoryEnd, Read, Receipt as ReceiptLine, ReceiptState, StoreId, Tag,
};

use super::{
    live::{live, message, told},
    *,
};
use crate::engine::{
    Event, Missed,
    net::{LiveUpdate, StoreEpoch},
};

const RESTORED: StoreEpoch = StoreEpoch {
    store: StoreId(7),
    epoch: 2,
};

/// What stands in the conversation with bob, with the ids it has at the server.
fn all(history: &History) -> Vec<(String, Option<u64>)> {
    let page = history.page(&person("bob"), None, 1000).unwrap().0;
    let of = |one: &Message| (one.text.to_string(), one.server_id);
    page.iter().map(of).collect()
}

fn row(text: &str, id: impl Into<Option<u64>>) -> (String, Option<u64>) {
    (text.to_owned(), id.into())
}

fn accepted(id: MessageId, server_id: u64) -> LiveUpdate {
    LiveUpdate::Accepted {
        id,
        server_id,
        at: server_id as i64 * 1000,
        missed: Missed::default(),
    }
}

fn receipt(id: u64) -> LiveUpdate {
    LiveUpdate::Receipt(ReceiptLine {
        id,
        with: Login::parse("bob").unwrap(),
        by: Login::parse("bob").unwrap(),
        state: ReceiptState::Read,
        at: 5,
    })
}

fn older(count: usize, more: bool) -> HistoryEnd {
    HistoryEnd {
        with: Login::parse("bob").unwrap(),
        before: None,
        count,
        more,
    }
}

/// Messages 41 to 45, of which 42 and 44 are own ones.
fn talk(folder: &TempDir) -> History {
    let history = live(folder, 40);
    let own = [
        send(&history, "bob", "own 42"),
        send(&history, "bob", "own 44"),
    ];
    let batch = [
        message(41, "bob", "bob", "41"),
        accepted(own[0], 42),
        message(43, "bob", "bob", "43"),
        accepted(own[1], 44),
        message(45, "bob", "bob", "45"),
        receipt(44),
    ];
    history.receive_live(&batch, Some(45)).unwrap();
    history
}

#[test]
fn what_a_restored_server_has_lost_stays_and_what_has_its_ids_comes_after_it() {
    let folder = tempdir().unwrap();
    let history = talk(&folder);
    history.begin_ids(Some(42), Some(RESTORED)).unwrap();
    history.begin_live(44).unwrap();
    let history = open_again(history, &folder);
    assert_eq!(history.cursor().unwrap(), Some(42));
    assert_eq!(history.store_epoch().unwrap(), Some(RESTORED));
    assert_eq!(history.highest_id().unwrap(), 42);
    let batch = [
        message(43, "bob", "bob", "new 43"),
        message(44, "bob", "bob", "45"),
    ];
    assert_eq!(history.receive_live(&batch, Some(44)).unwrap().len(), 2);
    let own = send(&history, "bob", "own 45");
    history.receive_live(&[accepted(own, 45)], None).unwrap();
    let expected = [
        row("41", 41),
        row("own 42", 42),
        row("43", None),
        row("own 44", None),
        row("45", None),
        row("new 43", 43),
        row("45", 44),
        row("own 45", 45),
    ];
    assert_eq!(all(&history), expected);
    // What was older at the server comes before all of it.
    let old = [told(30, "bob", "bob", "30")].map(|one| mensageiro_protocol::live::Delivered {
        is_old: true,
        ..one
    });
    history.receive_older(&old, &older(1, false)).unwrap();
    assert_eq!(all(&history)[0], row("30", 30));
}

#[test]
fn receipts_and_reads_are_of_the_messages_that_have_the_ids_now() {
    let folder = tempdir().unwrap();
    let history = talk(&folder);
    history.begin_ids(Some(42), Some(RESTORED)).unwrap();
    history.begin_live(42).unwrap();
    let page = history.page(&person("bob"), None, 9).unwrap().0;
    let read: Vec<_> = page.iter().map(|one| one.receipts.len()).collect();
    assert_eq!(
        read,
        [0, 1, 0, 0, 0],
        "own 42 is still read, and nobody knows of own 44"
    );
    let own = send(&history, "bob", "new own 43");
    let elsewhere = LiveUpdate::Read(Read {
        with: Login::parse("bob").unwrap(),
        up_to: 46,
    });
    let batch = [
        accepted(own, 43),
        receipt(43),
        message(44, "bob", "bob", "new 44"),
        elsewhere,
    ];
    history.receive_live(&batch, Some(46)).unwrap();
    let page = history.page(&person("bob"), None, 9).unwrap().0;
    let read: Vec<_> = page.iter().map(|one| one.receipts.len()).collect();
    assert_eq!(read, [0, 1, 0, 0, 0, 1, 0]);
    // 43 and 45 were never on the screen here, and are no messages of the server any more.
    assert_eq!(history.unread(&person("bob")).unwrap(), 2);
    let newest = page.last().unwrap().sort_key;
    assert_eq!(history.mark_seen(&person("bob"), newest).unwrap(), None);
    assert_eq!(history.unread(&person("bob")).unwrap(), 0);
}

#[test]
fn a_restored_server_is_told_again_what_was_read() {
    let folder = tempdir().unwrap();
    let history = talk(&folder);
    let newest = history.page(&person("bob"), None, 9).unwrap().0[4].sort_key;
    history.mark_seen(&person("bob"), newest).unwrap();
    let with = Login::parse("bob").unwrap();
    let reads = history.reads_to_tell().unwrap();
    history.reads_told(&reads).unwrap();
    history.begin_ids(Some(43), Some(RESTORED)).unwrap();
    let expected = [Read { with, up_to: 43 }];
    assert_eq!(history.reads_to_tell().unwrap(), expected);
}

#[test]
fn an_own_message_that_the_backup_has_is_found_by_its_tag() {
    let folder = tempdir().unwrap();
    let history = live(&folder, 40);
    let own = send(&history, "bob", "mine");
    let tag = history.outbox().unwrap()[0].tag.clone();
    history.receive_live(&[accepted(own, 41)], None).unwrap();
    // Its answer was not told of as a message: the position is below it.
    history.begin_ids(Some(40), Some(RESTORED)).unwrap();
    let again = LiveUpdate::Message(mensageiro_protocol::live::Delivered {
        tag: Some(tag),
        ..told(41, "bob", "ana", "mine")
    });
    history.receive_live(&[again], Some(41)).unwrap();
    assert_eq!(all(&history), [row("mine", 41)]);
}

#[test]
fn without_a_word_of_the_server_equal_messages_show_how_far_ids_are_the_same() {
    let folder = tempdir().unwrap();
    let history = talk(&folder);
    history
        .receive_live(&[message(46, "cy", "cy", "46")], Some(46))
        .unwrap();
    history.begin_ids(None, None).unwrap();
    history.begin_live(45).unwrap();
    // Its backlog is what is unread; 44 and 45 it has given to others.
    let batch = [
        message(41, "bob", "bob", "41"),
        message(43, "bob", "bob", "43"),
        message(44, "bob", "bob", "new 44"),
        message(45, "cy", "cy", "new 45"),
    ];
    let news = history.receive_live(&batch, Some(45)).unwrap();
    let texts: Vec<_> = news
        .iter()
        .filter_map(|event| match event {
            Event::Message(message) => Some(message.text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(texts, ["new 44", "new 45"]);
    let expected = [
        row("41", 41),
        row("own 42", 42),
        row("43", 43),
        row("own 44", None),
        row("45", None),
        row("new 44", 44),
    ];
    assert_eq!(all(&history), expected);
    // The rest of it comes page by page, and is there already.
    let old = [told(30, "bob", "bob", "30"), told(41, "bob", "bob", "41")];
    let old = old.map(|one| mensageiro_protocol::live::Delivered {
        is_old: true,
        ..one
    });
    history.receive_older(&old, &older(2, false)).unwrap();
    assert_eq!(all(&history)[..2], [row("30", 30), row("41", 41)]);
}

#[test]
fn what_was_told_before_it_was_known_how_far_ids_are_the_same_moves_where_it_belongs() {
    let folder = tempdir().unwrap();
    let history = talk(&folder);
    history.begin_ids(None, None).unwrap();
    history.begin_live(45).unwrap();
    // Only the server has had this one.
    history
        .receive_live(&[message(20, "bob", "bob", "20")], None)
        .unwrap();
    assert_eq!(all(&history).last(), Some(&row("20", 20)));
    history
        .receive_live(&[message(43, "bob", "bob", "43")], Some(45))
        .unwrap();
    let expected = [
        row("20", 20),
        row("41", 41),
        row("own 42", 42),
        row("43", 43),
        row("own 44", None),
        row("45", None),
    ];
    assert_eq!(all(&history), expected);
}

#[test]
fn a_server_that_is_restored_twice_keeps_three_pasts_apart() {
    let folder = tempdir().unwrap();
    let history = talk(&folder);
    history.begin_ids(Some(43), Some(RESTORED)).unwrap();
    history
        .receive_live(&[message(44, "bob", "bob", "second 44")], Some(44))
        .unwrap();
    let third = StoreEpoch {
        epoch: 3,
        ..RESTORED
    };
    history.begin_ids(Some(42), Some(third)).unwrap();
    let batch = [
        message(43, "bob", "bob", "third 43"),
        message(44, "bob", "bob", "third 44"),
    ];
    history.receive_live(&batch, Some(44)).unwrap();
    let expected = [
        row("41", 41),
        row("own 42", 42),
        row("43", None),
        row("own 44", None),
        row("45", None),
        row("second 44", None),
        row("third 43", 43),
        row("third 44", 44),
    ];
    assert_eq!(all(&history), expected);
}

#[test]
fn a_database_that_is_made_of_a_damaged_one_knows_what_its_ids_are_of() {
    let folder = tempdir().unwrap();
    let history = talk(&folder);
    history.begin_ids(Some(42), Some(RESTORED)).unwrap();
    let new = [message(43, "bob", "bob", "new 43")];
    history.receive_live(&new, Some(43)).unwrap();
    let device = history.device().unwrap();
    drop(history);
    let history = History::open_anew(folder.path(), &account()).unwrap();
    assert_eq!(history.cursor().unwrap(), None);
    assert_eq!(history.store_epoch().unwrap(), Some(RESTORED));
    assert_eq!(
        (history.device().unwrap(), history.highest_id().unwrap()),
        (device, 43)
    );
    history.begin_live(43).unwrap();
    assert_eq!(history.receive_live(&new, Some(43)).unwrap(), []);
    let old = [told(30, "bob", "bob", "30")].map(|one| mensageiro_protocol::live::Delivered {
        is_old: true,
        ..one
    });
    history.receive_older(&old, &older(1, false)).unwrap();
    let expected = [
        row("30", 30),
        row("41", 41),
        row("own 42", 42),
        row("43", None),
        row("own 44", None),
        row("45", None),
        row("new 43", 43),
    ];
    assert_eq!(all(&history), expected);
}

#[test]
fn own_messages_are_numbered_under_the_name_of_their_device() {
    let folder = tempdir().unwrap();
    let history = open(&folder);
    for text in ["one", "two", "three"] {
        send(&history, "bob", text);
    }
    let device = history.device().unwrap();
    let number = |one: &crate::engine::net::Outgoing| one.tag.number(&device).unwrap();
    let numbers: Vec<_> = history.outbox().unwrap().iter().map(number).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    // The server has seen more of this name than this database knows of.
    let highest = numbers[2] + 1_000_000_000;
    history.number_above(highest).unwrap();
    history.number_above(3).unwrap();
    send(&history, "bob", "four");
    assert_eq!(number(&history.outbox().unwrap()[3]), highest + 1);
    let history = open_again(history, &folder);
    assert_eq!(history.device().unwrap(), device);
    send(&history, "bob", "five");
    assert_eq!(number(&history.outbox().unwrap()[4]), highest + 2);
}

#[test]
fn a_message_that_is_refused_for_its_number_gets_one_of_a_new_device() {
    let folder = tempdir().unwrap();
    let history = open(&folder);
    let ids = [send(&history, "bob", "one"), send(&history, "bob", "two")];
    let before = history.device().unwrap();
    let one = history.renumber(ids[0]).unwrap().unwrap();
    let now = history.device().unwrap();
    assert_ne!(now, before);
    assert!(one.tag.number(&now).is_some());
    // The next one that is refused was numbered under the old name, too.
    let two = history.renumber(ids[1]).unwrap().unwrap();
    assert_eq!(history.device().unwrap(), now);
    assert!(two.tag.number(&now) > one.tag.number(&now));
    assert_eq!(texts_of(&history.outbox().unwrap()), ["one", "two"]);
    history.discard(ids[0]).unwrap();
    assert_eq!(history.renumber(ids[0]).unwrap(), None);
}

#[test]
fn a_device_whose_numbers_are_used_up_is_followed_by_another_one() {
    let folder = tempdir().unwrap();
    let history = open(&folder);
    let before = history.device().unwrap();
    set_fact(&history.connection, "number", i64::MAX).unwrap();
    send(&history, "bob", "one");
    let device = history.device().unwrap();
    assert_ne!(device, before);
    assert_eq!(history.outbox().unwrap()[0].tag.number(&device), Some(1));
}

#[test]
fn tags_of_an_earlier_version_stay_as_they_are() {
    let folder = tempdir().unwrap();
    let history = open(&folder);
    let id = send(&history, "bob", "one");
    let random = "5f0c1a2b-1-00ff00ff00ff00ff";
    let update = "UPDATE messages SET tag = ?2 WHERE id = ?1";
    history.connection.execute(update, (id.0, random)).unwrap();
    let history = open_again(history, &folder);
    let outbox = history.outbox().unwrap();
    assert_eq!(outbox[0].tag, Tag::parse(random).unwrap());
}

fn texts_of(outbox: &[crate::engine::net::Outgoing]) -> Vec<&str> {
    outbox.iter().map(|one| one.text.as_str()).collect()
}

fn contradicts<T: std::fmt::Debug>(stored: Result<T>) -> bool {
    matches!(stored, Err(HistoryError::Contradicted(_)))
}

#[test]
fn an_answer_with_the_id_of_another_message_changes_nothing() {
    let folder = tempdir().unwrap();
    let history = talk(&folder);
    let before = all(&history);
    let own = send(&history, "bob", "own text");
    // With that of a received one, of an own one, and of one that says the same.
    let same = send(&history, "bob", "own 44");
    for (id, server_id) in [(own, 43), (own, 44), (same, 44)] {
        let batch = [message(46, "bob", "bob", "46"), accepted(id, server_id)];
        assert!(
            contradicts(history.receive_live(&batch, Some(46))),
            "{server_id}"
        );
    }
    let waiting: Vec<_> = history
        .outbox()
        .unwrap()
        .into_iter()
        .map(|one| one.id)
        .collect();
    assert_eq!(waiting, [own, same]);
    assert_eq!(history.cursor().unwrap(), Some(45));
    assert_eq!(all(&history)[..5], before);
    // Once ids begin anew, any of them may be given.
    history.begin_ids(None, None).unwrap();
    history.begin_live(50).unwrap();
    history.receive_live(&[accepted(own, 43)], None).unwrap();
    assert_eq!(
        all(&history)[5..],
        [row("own text", 43), row("own 44", None)]
    );
}

#[test]
fn another_message_under_a_known_id_contradicts_and_the_same_one_does_not() {
    let folder = tempdir().unwrap();
    let history = talk(&folder);
    for other in [
        message(43, "bob", "bob", "not 43"),
        message(43, "bob", "ana", "43"),
        message(42, "bob", "bob", "own 42"),
    ] {
        let batch = [message(46, "bob", "bob", "46"), other];
        assert!(contradicts(history.receive_live(&batch, Some(46))));
    }
    let old = [told(43, "bob", "bob", "not 43")];
    assert!(contradicts(history.receive_older(&old, &older(1, false))));
    let again = [
        message(43, "bob", "bob", "43"),
        message(42, "bob", "ana", "own 42"),
    ];
    assert_eq!(history.receive_live(&again, Some(46)).unwrap(), []);
    assert_eq!(all(&history).len(), 5);
}

#[test]
fn a_tag_settles_only_the_message_that_was_sent_with_it() {
    let folder = tempdir().unwrap();
    let history = talk(&folder);
    let own = send(&history, "bob", "waits");
    let tag = history.outbox().unwrap()[0].tag.clone();
    let with_tag = |id: u64, with: &str, tag: &Tag| {
        LiveUpdate::Message(mensageiro_protocol::live::Delivered {
            tag: Some(tag.clone()),
            ..told(id, with, "ana", "something else")
        })
    };
    // To somebody else: it is another message.
    history
        .receive_live(&[with_tag(46, "eva", &tag)], Some(46))
        .unwrap();
    assert_eq!(history.outbox().unwrap()[0].id, own);
    // Its text stays what the person wrote.
    history
        .receive_live(&[with_tag(47, "bob", &tag)], Some(47))
        .unwrap();
    assert_eq!(history.outbox().unwrap(), []);
    assert_eq!(all(&history).last().unwrap(), &row("waits", 47));
    assert!(contradicts(
        history.receive_live(&[with_tag(48, "bob", &tag)], Some(48))
    ));
}

#[test]
fn a_copy_that_the_server_tells_without_a_tag_before_its_answer_is_there_once() {
    let folder = tempdir().unwrap();
    let history = talk(&folder);
    let own = send(&history, "bob", "mine");
    let copy = message(46, "bob", "ana", "mine");
    history
        .receive_live(&[copy, accepted(own, 46)], Some(46))
        .unwrap();
    let page = history.page(&person("bob"), None, 9).unwrap().0;
    assert_eq!(
        (page.len(), page[5].id, page[5].server_id),
        (6, own, Some(46))
    );
    assert!(page[5].written.is_some());
}

#[test]
fn nothing_holds_for_messages_that_are_written_later() {
    let folder = tempdir().unwrap();
    let history = talk(&folder);
    let (with, up_to) = (Login::parse("bob").unwrap(), (1 << 40) - 1);
    let batch = [receipt(up_to), LiveUpdate::Read(Read { with, up_to })];
    history.receive_live(&batch, None).unwrap();
    // An honest server has come to 50.
    history.begin_live(50).unwrap();
    let own = send(&history, "bob", "mine");
    let batch = [accepted(own, 51), message(52, "bob", "bob", "new")];
    history.receive_live(&batch, Some(52)).unwrap();
    let page = history.page(&person("bob"), None, 9).unwrap().0;
    assert_eq!(page[5].receipts, []);
    assert_eq!(history.unread(&person("bob")).unwrap(), 1);
    assert!(!page[3].receipts.is_empty(), "what was true before stays");
}

#[test]
fn a_last_message_that_is_not_here_is_new_and_what_is_before_it_may_be_missing_too() {
    let folder = tempdir().unwrap();
    let history = talk(&folder);
    let listed = |id: u64, text: &str, unread: u64| mensageiro_protocol::live::ConversationNews {
        with: Login::parse("bob").unwrap(),
        group: false,
        unread,
        read: 0,
        last: mensageiro_protocol::live::LastMessage {
            id,
            at: 5,
            from: Login::parse("bob").unwrap(),
            tag: None,
            text: Text::from(text),
        },
    };
    let same = history.receive_list(&[listed(45, "45", 0)], true).unwrap();
    assert_eq!(same.missed, []);
    assert!(contradicts(
        history.receive_list(&[listed(45, "not 45", 0)], true)
    ));
    history.receive_live(&[], Some(60)).unwrap();
    let found = history
        .receive_list(&[listed(50, "hidden", 1)], true)
        .unwrap();
    assert!(matches!(&found.missed[..], [Event::Message(one)] if one.text.as_str() == "hidden"));
    assert_eq!(all(&history).last().unwrap(), &row("hidden", 50));
    assert_eq!(history.gap_below(&person("bob")).unwrap(), Some(50));
}

#[test]
fn a_number_that_no_device_reaches_is_not_followed() {
    let folder = tempdir().unwrap();
    let history = live(&folder, 1);
    let device = history.device().unwrap();
    for far in [1 << 53, 1 << 63, u64::MAX] {
        history.number_above(far).unwrap();
        send(&history, "bob", "mine");
    }
    for one in history.outbox().unwrap() {
        assert!(one.tag.number(&device).unwrap() < 1 << 53);
    }
}
