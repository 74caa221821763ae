//! Edits and deletions: what is shown follows from those that are known, and not from the order in which they came.

use mensageiro_protocol::live::{
    About, ConversationNews, Delivered, HistoryEnd, LastEdit, LastMessage,
};
use proptest::prelude::*;

use super::{
    live::{live, message, told},
    *,
};
use crate::engine::{Event, Refusal, net::LiveUpdate};

fn about(id: u64, from: &str, about: About, text: &str) -> Delivered {
    Delivered {
        about: Some(about),
        ..told(id, "bob", from, text)
    }
}

fn edit(id: u64, from: &str, of: u64, text: &str) -> LiveUpdate {
    LiveUpdate::Message(about(id, from, About::Edit(of), text))
}

fn deletion(id: u64, from: &str, of: u64) -> LiveUpdate {
    LiveUpdate::Message(about(id, from, About::Delete(of), "-"))
}

/// Ids, texts and whether they were edited.
fn shown(history: &History) -> Vec<(u64, String, bool)> {
    shown_with(history, "bob")
}

fn shown_with(history: &History, peer: &str) -> Vec<(u64, String, bool)> {
    let page = history.page(&person(peer), None, 999).unwrap().0;
    page.iter()
        .map(|one| {
            let text = one.text.as_str().to_owned();
            (one.server_id.unwrap(), text, one.edited.is_some())
        })
        .collect()
}

fn say(id: u64, text: &str, is_edited: bool) -> (u64, String, bool) {
    (id, text.to_owned(), is_edited)
}

#[test]
fn what_another_device_has_changed_before_the_ok_came_is_changed() {
    let folder = tempdir().unwrap();
    let history = live(&folder, 1);
    let [first, second] = ["mine", "mine too"].map(|text| send(&history, "bob", text));
    let changes = [deletion(9, "ana", 7), edit(10, "ana", 8, "better")];
    history.receive_live(&changes, Some(10)).unwrap();
    let accepted = |id, server_id| LiveUpdate::Accepted {
        id,
        server_id,
        at: 5,
    };
    let told = [accepted(first, 7), accepted(second, 8)];
    history.receive_live(&told, None).unwrap();
    assert_eq!(shown(&history), [say(8, "better", true)]);
}

#[test]
fn the_last_edit_is_shown_and_found_and_earlier_versions_are_kept() {
    let folder = tempdir().unwrap();
    let history = open(&folder);
    let said = [
        message(3, "bob", "bob", "at ten"),
        message(4, "bob", "bob", "yes"),
        edit(5, "bob", 3, "at eleven"),
        edit(6, "bob", 3, "at twelve"),
        // Of somebody else.
        edit(7, "ana", 3, "never"),
        deletion(8, "ana", 4),
    ];
    history.receive_live(&said, Some(8)).unwrap();
    assert_eq!(
        shown(&history),
        [say(3, "at twelve", true), say(4, "yes", false)]
    );
    assert_eq!(history.search(&"twelve".into(), None).unwrap().0.len(), 1);
    assert!(history.search(&"eleven".into(), None).unwrap().0.is_empty());
    let id = history.page(&person("bob"), None, 9).unwrap().0[0].id;
    let versions = history.versions(id).unwrap();
    let texts: Vec<_> = versions.iter().map(|one| one.text.as_str()).collect();
    assert_eq!(texts, ["at ten", "at eleven", "at twelve"]);
    // It is the same message still.
    history
        .receive_live(&[message(3, "bob", "bob", "at ten")], None)
        .unwrap();
    assert!(
        history
            .receive_live(&[message(3, "bob", "bob", "other")], None)
            .is_err()
    );
}

#[test]
fn what_is_deleted_is_gone_from_timeline_search_and_badge_and_does_not_come_back() {
    let folder = tempdir().unwrap();
    let history = open(&folder);
    history.begin_live(2).unwrap();
    history
        .receive_live(&[message(3, "bob", "bob", "a secret")], Some(3))
        .unwrap();
    assert_eq!(history.unread(&person("bob")).unwrap(), 1);
    let news = history
        .receive_live(&[deletion(4, "bob", 3)], Some(4))
        .unwrap();
    assert!(
        matches!(
            news[..],
            [Event::Discarded(_), Event::Unread { unread: 0, .. }]
        ),
        "{news:?}"
    );
    assert!(shown(&history).is_empty());
    assert!(history.search(&"secret".into(), None).unwrap().0.is_empty());
    // The server is told that nothing waits any more.
    let reads = history.reads_to_tell().unwrap();
    assert_eq!(reads.iter().map(|read| read.up_to).collect::<Vec<_>>(), [4]);
    let again = Delivered {
        is_old: true,
        ..told(3, "bob", "bob", "a secret")
    };
    let end = HistoryEnd {
        with: Login::parse("bob").unwrap(),
        before: None,
        count: 1,
        more: false,
    };
    history.receive_older(&[again], &end).unwrap();
    assert!(shown(&history).is_empty());
}

#[test]
fn an_own_change_is_sent_until_the_server_has_it_and_a_refused_one_never_was() {
    let folder = tempdir().unwrap();
    let history = open(&folder);
    history.begin_live(2).unwrap();
    let mine = message(3, "bob", "ana", "at ten");
    history.receive_live(&[mine], Some(3)).unwrap();
    let id = history.page(&person("bob"), None, 9).unwrap().0[0].id;
    let text = Text::from("at eleven");
    let (change, event) = history.change(id, Some(&text)).unwrap().unwrap();
    assert!(
        matches!(&event, Event::Changed(one) if one.is_changing && one.text.as_str() == "at ten")
    );
    drop(history);
    let history = open(&folder);
    let waiting = history.outbox().unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!(
        (waiting[0].id, waiting[0].about),
        (change, Some(About::Edit(3)))
    );
    let news = history
        .receive_live(
            &[LiveUpdate::Refused {
                id: change,
                why: Refusal::UnknownMessage,
            }],
            None,
        )
        .unwrap();
    assert!(matches!(&news[..], [Event::Changed(one), Event::NotChanged(_)] if !one.is_changing));
    assert!(history.outbox().unwrap().is_empty());

    let (change, _) = history.change(id, Some(&text)).unwrap().unwrap();
    let accepted = LiveUpdate::Accepted {
        id: change,
        server_id: 4,
        at: 7,
    };
    history
        .receive_live(std::slice::from_ref(&accepted), None)
        .unwrap();
    assert_eq!(shown(&history), [say(3, "at eleven", true)]);
    assert!(history.outbox().unwrap().is_empty());
    // The answer was lost: its copy comes with the backlog.
    let (change, _) = history.change(id, None).unwrap().unwrap();
    let tag = history.outgoing(change).unwrap().unwrap().tag;
    let copy = Delivered {
        tag: Some(tag),
        ..about(5, "ana", About::Delete(3), "-")
    };
    history
        .receive_live(&[LiveUpdate::Message(copy)], Some(5))
        .unwrap();
    assert!(shown(&history).is_empty() && history.outbox().unwrap().is_empty());
    assert!(history.change(id, None).unwrap().is_none());
}

#[test]
fn the_list_of_a_new_device_shows_the_last_edit() {
    let folder = tempdir().unwrap();
    let history = open(&folder);
    history.begin_live(9).unwrap();
    let news = ConversationNews {
        with: Login::parse("bob").unwrap(),
        group: false,
        unread: 0,
        read: 9,
        last: LastMessage {
            id: 3,
            at: 3,
            from: Login::parse("bob").unwrap(),
            tag: None,
            re: None,
            text: Text::from("at ten"),
            edit: Some(LastEdit {
                id: 5,
                at: 5,
                text: Text::from("at eleven"),
            }),
        },
        settings: Default::default(),
    };
    history.receive_list(&[news], true).unwrap();
    assert_eq!(shown(&history), [say(3, "at eleven", true)]);
}

/// What can happen to ten messages.
fn changes() -> impl Strategy<Value = Vec<(u64, bool, bool)>> {
    // Of which one, by Bob or by Ana, an edit or a deletion.
    prop::collection::vec((1..11_u64, any::<bool>(), prop::bool::weighted(0.8)), 1..24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// 64 histories, each told in 16 orders in as many conversations, make more than 1,000 interleavings.
    #[test]
    fn two_devices_show_the_same_whatever_the_order(
        changes in changes(),
        orders in prop::collection::vec(any::<u64>(), 16),
    ) {
        // Messages 1 to 10 are by Ana and the other one in turn, and what changes them has higher ids.
        let is_by_ana = |of: u64| of.is_multiple_of(2);
        let mut expected = Vec::new();
        for of in 1..11 {
            let own = (11..).zip(&changes).filter(|(_, (changed, by_ana, _))| {
                *changed == of && *by_ana == is_by_ana(of)
            });
            let own: Vec<(u64, bool)> = own.map(|(id, (_, _, is_edit))| (id, *is_edit)).collect();
            if own.iter().all(|(_, is_edit)| *is_edit) {
                let last = own.last().map(|(id, _)| say(of, &format!("text {id}"), true));
                expected.push(last.unwrap_or_else(|| say(of, "first", false)));
            }
        }
        let folder = tempdir().unwrap();
        let history = open(&folder);
        for (at, order) in (0..).zip(orders) {
            let (peer, base) = (format!("bob{at}"), at * 100);
            let by = |by_ana| if by_ana { "ana" } else { peer.as_str() };
            let mut all: Vec<_> = (1..11)
                .map(|id| message(base + id, &peer, by(is_by_ana(id)), "first"))
                .collect();
            all.extend((11..).zip(&changes).map(|(id, &(of, by_ana, is_edit))| {
                let about = match is_edit {
                    true => About::Edit(base + of),
                    false => About::Delete(base + of),
                };
                LiveUpdate::Message(Delivered {
                    about: Some(about),
                    ..told(base + id, &peer, by(by_ana), &format!("text {id}"))
                })
            }));
            let mut chance = order | 1;
            for at in (1..all.len()).rev() {
                chance ^= chance << 13;
                chance ^= chance >> 7;
                chance ^= chance << 17;
                all.swap(at, chance as usize % (at + 1));
            }
            // Some come twice, and in portions.
            let twice: Vec<_> = all.iter().step_by(3).cloned().collect();
            all.extend(twice);
            for some in all.chunks(1 + all.len() / (1 + order as usize % 3)) {
                history.receive_live(some, None).unwrap();
            }
            let mut found = shown_with(&history, &peer);
            found.iter_mut().for_each(|one| one.0 -= base);
            prop_assert_eq!(found, expected.clone());
        }
    }
}
