//! What is kept of a message beside its text, and in which order messages are found.

use mensageiro_protocol::live::{
    ConversationNews, Delivered, HistoryEnd, LastMessage, RosterGroup, Settings,
};

use super::{
    live::{live, message, told},
    *,
};
use crate::engine::{Conversation, Groups, net::LiveUpdate};

#[test]
fn when_a_message_was_written_is_kept_when_the_server_gives_it_another_time() {
    let folder = tempdir().unwrap();
    let history = live(&folder, 1);
    let id = send(&history, "bob", "mine");
    let waiting = history.message(id).unwrap().unwrap();
    assert_eq!(waiting.written, Some(waiting.at));
    let accepted = LiveUpdate::Accepted {
        id,
        server_id: 19,
        at: 5,
    };
    history.receive_live(&[accepted], None).unwrap();
    let history = open_again(history, &folder);
    let kept = history.message(id).unwrap().unwrap();
    assert_eq!(kept.at.as_millisecond(), 5);
    assert_eq!(kept.written, waiting.written);
    let theirs = message(20, "bob", "bob", "theirs");
    history.receive_live(&[theirs], Some(20)).unwrap();
    let all = history.page(&person("bob"), None, 10).unwrap().0;
    assert_eq!(all[1].written, None, "nobody here wrote it");
}

#[test]
fn what_is_found_is_in_its_place_even_if_it_came_later() {
    let folder = tempdir().unwrap();
    let history = live(&folder, 100);
    let new = message(101, "bob", "bob", "word of today");
    history.receive_live(&[new], Some(101)).unwrap();
    // Older messages that somebody has scrolled to are stored after it.
    let old: Vec<_> = (1..=100)
        .map(|id| told(id, "bob", "bob", &format!("word {id}")))
        .collect();
    let end = HistoryEnd {
        with: Login::parse("bob").unwrap(),
        before: Some(101),
        count: old.len(),
        more: false,
    };
    history.receive_older(&old, &end).unwrap();
    for query in ["word", "wo"] {
        let found = history.search(&query.into(), None).unwrap().0;
        assert_eq!(found.len(), crate::engine::FOUND_AT_A_TIME);
        assert_eq!(found[0].text.as_str(), "word of today", "{query}");
        assert!(found.is_sorted_by_key(|message| std::cmp::Reverse(message.sort_key)));
    }
}

#[test]
fn groups_are_kept_as_told_last() {
    let folder = tempdir().unwrap();
    let history = live(&folder, 1);
    fn logins<T: FromIterator<Login>>(names: &[&str]) -> T {
        names.iter().map(|one| Login::parse(one).unwrap()).collect()
    }
    let group = |name: &str, members: &[&str]| RosterGroup {
        name: Login::parse(name).unwrap(),
        members: logins(members),
        gone: vec![],
        admins: Vec::new(),
    };
    let all = [
        group("a", &["bob", "eva"]),
        group("b", &[]),
        group("c", &["eva"]),
    ];
    let changed = logins(&["a", "b", "c"]);
    history.keep_groups(&Groups::new(&all), &changed).unwrap();
    let history = open_again(history, &folder);
    assert_eq!(history.groups().unwrap(), all);
    let now = [group("a", &["bob"]), group("c", &["eva"])];
    let changed = logins(&["a", "b"]);
    history.keep_groups(&Groups::new(&now), &changed).unwrap();
    assert_eq!(history.groups().unwrap(), now);
}

/// A conversation as a server lists it.
fn listed(with: &str, from: &str, id: u64, read: u64) -> ConversationNews {
    ConversationNews {
        with: Login::parse(with).unwrap(),
        group: with == "turma",
        unread: 0,
        read,
        last: LastMessage {
            id,
            at: 5,
            from: Login::parse(from).unwrap(),
            tag: None,
            re: None,
            edit: None,
            text: Text::from(format!("last of {with}").as_str()),
        },
        settings: Settings::default(),
    }
}

fn rows(rows: &[Conversation]) -> Vec<(Option<&str>, usize, bool)> {
    rows.iter()
        .map(|row| {
            let text = row.last.as_ref().map(|last| last.text.as_str());
            (text, row.unread, row.is_group)
        })
        .collect()
}

#[test]
fn what_the_list_tells_is_there_with_what_is_older_still_at_the_server() {
    let folder = tempdir().unwrap();
    let history = live(&folder, 100);
    // The backlog of a new device: what is unread.
    let unread = [
        message(40, "bob", "bob", "unread"),
        message(60, "turma", "cy", "last of turma"),
    ];
    history.receive_live(&unread, Some(100)).unwrap();
    let told = [
        listed("turma", "cy", 60, 0),
        listed("bob", "ana", 50, 30),
        listed("eva", "eva", 20, 20),
    ];
    let found = history.receive_list(&told, false).unwrap();
    let expected = [
        (Some("last of turma"), 1, true),
        (Some("last of bob"), 1, false),
        (Some("last of eva"), 0, false),
    ];
    assert_eq!(rows(&found.rows), expected);
    assert!(!history.is_listed().unwrap());
    // Again, after the link broke: nothing changes.
    assert_eq!(history.receive_list(&told, true).unwrap(), found);
    let history = open_again(history, &folder);
    assert!(history.is_listed().unwrap());
    assert_eq!(rows(&history.conversations().unwrap()), expected);
    assert_eq!(history.gap_below(&person("eva")).unwrap(), Some(20));
    assert_eq!(history.gap_below(&person("bob")).unwrap(), Some(50));
    // A server whose numbers begin anew has another list.
    history.begin_ids(None, None).unwrap();
    assert!(!history.is_listed().unwrap());
}

#[test]
fn a_list_that_comes_late_takes_nothing_back() {
    let folder = tempdir().unwrap();
    let history = live(&folder, 100);
    // The conversation was opened, and all of it fetched; then something new came.
    let end = HistoryEnd {
        with: Login::parse("bob").unwrap(),
        before: Some(101),
        count: 2,
        more: false,
    };
    let old = [
        told(10, "bob", "bob", "first"),
        told(50, "bob", "bob", "last of bob"),
    ];
    let old = old.map(|one| Delivered {
        is_old: true,
        ..one
    });
    history.receive_older(&old, &end).unwrap();
    history
        .receive_live(&[message(101, "bob", "bob", "new")], Some(101))
        .unwrap();
    let found = history
        .receive_list(&[listed("bob", "bob", 50, 50)], true)
        .unwrap();
    assert_eq!(rows(&found.rows), [(Some("new"), 1, false)]);
    assert_eq!(history.gap_below(&person("bob")).unwrap(), None);
    // Another session has read it meanwhile.
    let found = history
        .receive_list(&[listed("bob", "bob", 50, 101)], true)
        .unwrap();
    assert_eq!(rows(&found.rows), [(Some("new"), 0, false)]);
}

#[test]
fn an_own_message_that_the_list_tells_is_accepted_by_it() {
    let folder = tempdir().unwrap();
    let history = live(&folder, 100);
    let id = send(&history, "bob", "mine");
    let mut last = listed("bob", "ana", 90, 0);
    last.last.tag = Some(history.outbox().unwrap()[0].tag.clone());
    let found = history.receive_list(&[last], true).unwrap();
    let accepted = history.message(id).unwrap().unwrap();
    assert_eq!(accepted.server_id, Some(90));
    assert_eq!(found.missed, [crate::engine::Event::Message(accepted)]);
    assert_eq!(history.outbox().unwrap(), []);
}

#[test]
fn a_day_begins_with_its_first_message_as_far_as_it_is_here() {
    let folder = tempdir().unwrap();
    let history = live(&folder, 1);
    let at = |day: i64| jiff::Timestamp::from_second(day * 86_400).unwrap();
    let of_day = |id: u64, day: i64| Delivered {
        at: at(day).as_millisecond() + 5,
        ..told(id, "bob", "bob", &format!("of day {day}"))
    };
    let bob = person("bob");
    assert_eq!(history.first_since(&bob, at(3)).unwrap().0, None);
    let news = [(10, 3), (11, 3), (12, 5)].map(|(id, day)| LiveUpdate::Message(of_day(id, day)));
    history.receive_live(&news, Some(12)).unwrap();
    let first = |day| {
        let (message, is_cut_off) = history.first_since(&bob, at(day)).unwrap();
        (message.unwrap().server_id.unwrap(), is_cut_off)
    };
    assert_eq!(first(4), (12, false));
    assert_eq!(first(9), (12, false), "the newest");
    let end = |more| HistoryEnd {
        with: Login::parse("bob").unwrap(),
        before: Some(10),
        count: 1,
        more,
    };
    history.receive_older(&[of_day(9, 2)], &end(true)).unwrap();
    assert_eq!(first(3), (10, false));
    assert_eq!(first(1), (9, true), "older ones are elsewhere");
    let end = HistoryEnd {
        before: Some(9),
        ..end(false)
    };
    history.receive_older(&[of_day(8, 2)], &end).unwrap();
    assert_eq!(first(1), (8, false), "that is all");
}
