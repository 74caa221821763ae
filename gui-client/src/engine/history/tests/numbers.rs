//! The numbers that own messages are sent with.

use mensageiro_protocol::live::Tag;

use super::{live::live, *};
use crate::engine::net::Outgoing;

#[test]
fn own_messages_are_numbered_under_the_name_of_their_device() {
    let folder = tempdir().unwrap();
    let history = open(&folder);
    for text in ["one", "two", "three"] {
        send(&history, "bob", text);
    }
    let device = history.device().unwrap();
    let number = |one: &Outgoing| one.tag.number(&device).unwrap();
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

fn texts_of(outbox: &[Outgoing]) -> Vec<&str> {
    outbox.iter().map(|one| one.text.as_str()).collect()
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
