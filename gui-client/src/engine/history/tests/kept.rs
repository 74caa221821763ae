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
        let found = history.search(query, None).unwrap();
        assert_eq!(found.len(), crate::engine::MOST_FOUND);
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
