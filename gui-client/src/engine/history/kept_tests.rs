//! What is kept of a message beside its text, and in which order messages are found.

use mensageiro_protocol::live::{HistoryEnd, RosterGroup};

use super::{
    live::{live, message, told},
    *,
};
use crate::engine::net::Told;

#[test]
fn when_a_message_was_written_is_kept_when_the_server_gives_it_another_time() {
    let folder = tempdir().unwrap();
    let history = live(&folder, 1);
    let id = send(&history, "bob", "mine");
    let waiting = history.message(id).unwrap().unwrap();
    assert_eq!(waiting.written, Some(waiting.at));
    let accepted = Told::Accepted {
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
        assert!(found.is_sorted_by_key(|message| std::cmp::Reverse(message.place)));
    }
}

#[test]
fn groups_are_kept_as_told_last_and_never_without_end() {
    let folder = tempdir().unwrap();
    let history = live(&folder, 1);
    let group = |name: &str, members: &[&str]| RosterGroup {
        name: Login::parse(name).unwrap(),
        members: members
            .iter()
            .map(|one| Login::parse(one).unwrap())
            .collect(),
    };
    let two = [group("a", &["bob", "eva"]), group("b", &[])];
    history.keep_groups(&two, true).unwrap();
    let history = open_again(history, &folder);
    assert_eq!(history.groups().unwrap(), two);
    history.keep_groups(&two[..1], true).unwrap();
    history.keep_groups(&[group("c", &["bob"])], false).unwrap();
    let kept = [two[0].clone(), group("c", &["bob"])];
    assert_eq!(history.groups().unwrap(), kept);
    // A server that never comes to an end of its roster.
    for part in 0..15 {
        let names = (0..100).map(|number| group(&format!("g{part}.{number}"), &["bob"]));
        history
            .keep_groups(&names.collect::<Vec<_>>(), part == 0)
            .unwrap();
    }
    assert_eq!(history.groups().unwrap().len(), 1_000);
}
