//! What a new database takes over from a damaged one.

use super::{
    damage::{PAGE, open_and_use, used, write_at},
    *,
};
use crate::engine::{
    history::database_files::beside,
    net::{Outgoing, Unsent},
};

#[test]
fn what_is_behind_a_damaged_header_is_taken_over() {
    let folder = tempdir().unwrap();
    let path = used(&folder, 3000);
    let size = fs::metadata(&path).unwrap().len();
    assert!(size > 100 * PAGE as u64, "{size}");
    write_at(&path, 0, &[0xff; 100]);
    let (history, to) = open_and_use(&folder);
    assert!(to.is_some());
    let conversations = history.conversations().unwrap();
    let bob = conversations.iter().find(|row| row.with == person("bob"));
    assert_eq!(bob.unwrap().draft, "half a sent");
    let waiting = history.outbox().unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].text.as_str(), "waits");
    assert_eq!(history.way().unwrap(), Some(Way::Classic(Framing::Bare)));
    let page = history.page(&person("dora"), None, 2000).unwrap().0;
    assert_eq!(page.len(), 1000);
    assert!(page.is_sorted_by_key(|message| message.sort_key));
    assert_eq!(
        history
            .search(&"message 1234".into(), None)
            .unwrap()
            .0
            .len(),
        1
    );
    // What a live server has comes again.
    assert_eq!(history.cursor().unwrap(), None);
}

#[test]
fn a_damaged_page_costs_what_is_on_it_and_no_more() {
    let folder = tempdir().unwrap();
    let path = used(&folder, 1500);
    let pages = fs::metadata(&path).unwrap().len() as usize / PAGE;
    let healthy = fs::read(&path).unwrap();
    for page in (1..pages).step_by(13) {
        let _ = fs::remove_dir_all(folder.path());
        fs::create_dir_all(folder.path()).unwrap();
        fs::write(&path, &healthy).unwrap();
        let noise: Vec<u8> = (0..PAGE).map(|at| (at * 31 + page * 7) as u8).collect();
        write_at(&path, page * PAGE, &noise);
        let (history, to) = open_and_use(&folder);
        if to.is_none() {
            continue;
        }
        let mut found = 0;
        for name in ["bob", "cy", "dora"] {
            found += history.page(&person(name), None, 2000).unwrap().0.len();
        }
        // A page in the middle of a table leads to others; the rest is there.
        assert!(found > 1200 || page < 60, "page {page} of {pages}: {found}");
    }
}

#[test]
fn every_row_outside_the_damaged_pages_is_taken_over() {
    let folder = tempdir().unwrap();
    let path = used(&folder, 1500);
    let pages = fs::metadata(&path).unwrap().len() as usize / PAGE;
    let healthy = fs::read(&path).unwrap();
    let readable = |connection: &Connection| -> Vec<i64> {
        let select = "SELECT id, text, place FROM messages NOT INDEXED WHERE id = ?1";
        let mut one = connection.prepare(select).unwrap();
        (1..=1600)
            .filter(|id| one.query_row([id], |_| Ok(())).is_ok())
            .collect()
    };
    let every_other = |from: usize| (from..pages).step_by(2).take(9).collect();
    let runs = [60, 90, 120, 150].map(|from| (from..from + 8).collect());
    let sets = runs.into_iter().chain([every_other(70), every_other(101)]);
    let mut lost = 0;
    for damaged in sets {
        let damaged: Vec<usize> = damaged;
        let _ = fs::remove_dir_all(folder.path());
        fs::create_dir_all(folder.path()).unwrap();
        fs::write(&path, &healthy).unwrap();
        for page in damaged.iter().filter(|page| **page < pages) {
            write_at(&path, page * PAGE, &[0xa5; PAGE]);
        }
        let old = Connection::open(&path).unwrap();
        let expected = readable(&old);
        drop(old);
        lost += 1501 - expected.len();
        let history = History::open_anew(folder.path(), &account()).unwrap();
        let found = readable(&history.connection);
        let missing: Vec<_> = expected.iter().filter(|id| !found.contains(id)).collect();
        assert_eq!(missing, Vec::<&i64>::new(), "{damaged:?}");
    }
    assert!(lost > 0, "no page of messages was damaged");
}

#[test]
fn no_row_behind_a_gap_of_many_ids_is_jumped_over() {
    let folder = tempdir().unwrap();
    let path = used(&folder, 1500);
    let raw = Connection::open(&path).unwrap();
    // A page holds some 60 messages: now a gap is 60,000 ids wide.
    raw.execute_batch(
        "PRAGMA foreign_keys = OFF; DELETE FROM search;
         UPDATE messages SET id = -1000 * id; UPDATE messages SET id = -id; VACUUM;
         PRAGMA wal_checkpoint(TRUNCATE)",
    )
    .unwrap();
    drop(raw);
    let healthy = fs::read(&path).unwrap();
    let readable = |connection: &Connection| -> Vec<i64> {
        let select = "SELECT id, text, place FROM messages NOT INDEXED WHERE id = ?1";
        let mut one = connection.prepare(select).unwrap();
        (1..=1501)
            .filter(|id| one.query_row([id * 1000], |_| Ok(())).is_ok())
            .collect()
    };
    let mut lost = 0;
    for first in (4..healthy.len() / PAGE - 2).step_by(7) {
        let _ = fs::remove_dir_all(folder.path());
        fs::create_dir_all(folder.path()).unwrap();
        fs::write(&path, &healthy).unwrap();
        write_at(&path, first * PAGE, &[0xa5; 2 * PAGE]);
        let old = Connection::open(&path).unwrap();
        let expected = readable(&old);
        drop(old);
        if expected.len() == 1501 {
            continue;
        }
        lost += 1;
        let history = History::open_anew(folder.path(), &account()).unwrap();
        let found = readable(&history.connection);
        let missing: Vec<_> = expected.iter().filter(|id| !found.contains(id)).collect();
        assert_eq!(missing, Vec::<&i64>::new(), "page {first}");
    }
    assert!(lost > 1, "no page of messages was damaged");
}

#[test]
fn what_the_log_has_is_taken_over_too() {
    let folder = tempdir().unwrap();
    let path = used(&folder, 30);
    let mut history = open(&folder);
    receive(&mut history, &[("bob", "only in the log")], None);
    let log = beside(&path, "-wal");
    let (main, log_bytes) = (fs::read(&path).unwrap(), fs::read(&log).unwrap());
    drop(history);
    fs::write(&path, main).unwrap();
    fs::write(&log, &log_bytes).unwrap();
    let mut history = History::open_anew(folder.path(), &account()).unwrap();
    let to = history.take_set_aside().unwrap();
    assert!(fs::read(beside(&to, "-wal")).unwrap() == log_bytes);
    let page = history.page(&person("bob"), None, 100).unwrap().0;
    assert_eq!(*texts(&page).last().unwrap(), "only in the log");
}

#[test]
fn messages_that_only_the_outbox_in_memory_has_are_taken_in_once() {
    let folder = tempdir().unwrap();
    let mut before = open(&folder);
    receive(&mut before, &[("cy", "hi")], None);
    for text in ["on its way", "one", "two", "read"] {
        send(&before, "cy", text);
    }
    let mut waiting = before.outbox().unwrap();
    let departed = Some(waiting.remove(0));
    drop(before);
    // All but the last cannot be read any more.
    let other = tempdir().unwrap();
    let history = open(&other);
    let kept = waiting.pop().unwrap();
    let unsent = |waiting, departed| Unsent { waiting, departed };
    history
        .take_unsent(&unsent(vec![kept.clone()], None))
        .unwrap();
    let unsent = unsent([waiting, vec![kept]].concat(), departed);
    for _ in 0..2 {
        history.take_unsent(&unsent).unwrap();
        let page = history.page(&person("cy"), None, 9).unwrap().0;
        assert_eq!(texts(&page), ["read", "on its way", "one", "two"]);
        assert_eq!(page[1].delivery, Delivery::Unconfirmed);
        let outbox = history.outbox().unwrap();
        let tags = |all: &[Outgoing]| all.iter().map(|one| one.tag.clone()).collect::<Vec<_>>();
        let mut expected = tags(&unsent.waiting);
        expected.rotate_right(1);
        assert_eq!(tags(&outbox), expected);
    }
}
