//! A server that contradicts what it said before: nothing is changed.

use mensageiro_protocol::live::{ConversationNews, Delivered, LastMessage, Read, Settings, Tag};

use super::{
    ids::{accepted, all, older, receipt, row, talk},
    live::{message, told},
    *,
};
use crate::engine::{Event, net::LiveUpdate};

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
        LiveUpdate::Message(Delivered {
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
    let listed = |id: u64, text: &str, unread: u64| ConversationNews {
        with: Login::parse("bob").unwrap(),
        group: false,
        unread,
        read: 0,
        last: LastMessage {
            id,
            at: 5,
            from: Login::parse("bob").unwrap(),
            tag: None,
            re: None,
            edit: None,
            text: Text::from(text),
        },
        settings: Settings::default(),
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
