//! Servers that were restored: messages keep their meaning, and new messages with known ids are not confused with them.

use mensageiro_protocol::live::{HistoryEnd, Read, Receipt as ReceiptLine, ReceiptState, StoreId};

use super::{
    live::{live, message, told},
    *,
};
use crate::engine::{
    Event,
    net::{LiveUpdate, StoreEpoch},
};

const RESTORED: StoreEpoch = StoreEpoch {
    store: StoreId(7),
    epoch: 2,
};

/// The texts of the conversation with bob, with their ids at the server.
pub(super) fn all(history: &History) -> Vec<(String, Option<u64>)> {
    let page = history.page(&person("bob"), None, 1000).unwrap().0;
    let of = |one: &Message| (one.text.to_string(), one.server_id);
    page.iter().map(of).collect()
}

pub(super) fn row(text: &str, id: impl Into<Option<u64>>) -> (String, Option<u64>) {
    (text.to_owned(), id.into())
}

pub(super) fn accepted(id: MessageId, server_id: u64) -> LiveUpdate {
    LiveUpdate::Accepted {
        id,
        server_id,
        at: server_id as i64 * 1000,
    }
}

pub(super) fn receipt(id: u64) -> LiveUpdate {
    LiveUpdate::Receipt(ReceiptLine {
        id,
        with: Login::parse("bob").unwrap(),
        by: Login::parse("bob").unwrap(),
        state: ReceiptState::Read,
        at: 5,
    })
}

pub(super) fn older(count: usize, more: bool) -> HistoryEnd {
    HistoryEnd {
        with: Login::parse("bob").unwrap(),
        before: None,
        count,
        more,
    }
}

/// Messages 41 to 45, of which 42 and 44 are own ones.
pub(super) fn talk(folder: &TempDir) -> History {
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
