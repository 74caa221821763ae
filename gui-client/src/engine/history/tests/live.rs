//! What a live server tells, on disk: once, in the server's order, whatever is told again and
//! whenever the app is killed. A kill is what `open_again` does: everything not returned is lost.

use jiff::Timestamp;
use mensageiro_protocol::live::{
    About, Delivered, HistoryEnd, Read, Receipt as ReceiptLine, ReceiptState, Tag,
};

use super::*;
use crate::engine::{
    Event, Quoted, Refusal, SearchQuery,
    net::{LiveUpdate, Way},
};

pub(super) fn told(id: u64, with: &str, from: &str, text: &str) -> Delivered {
    Delivered {
        id,
        at: id as i64 * 1000,
        with: Login::parse(with).unwrap(),
        from: Login::parse(from).unwrap(),
        tag: None,
        about: None,
        is_old: false,
        file: None,
        text: Text::from(text),
    }
}

pub(super) fn message(id: u64, with: &str, from: &str, text: &str) -> LiveUpdate {
    LiveUpdate::Message(told(id, with, from, text))
}

/// An account in its first live session, whose server has reached `last`.
pub(super) fn live(folder: &TempDir, last: u64) -> History {
    let history = open(folder);
    history.begin_live(last).unwrap();
    history
}

fn all(history: &History, with: &str) -> Vec<String> {
    let page = history.page(&person(with), None, 1000).unwrap().0;
    texts(&page).into_iter().map(str::to_owned).collect()
}

fn unread(history: &History, with: &str) -> usize {
    let all = history.conversations().unwrap();
    all.iter()
        .find(|one| one.with == person(with))
        .map_or(0, |one| one.unread)
}

#[test]
fn a_message_told_again_is_there_once_and_the_position_with_it() {
    let folder = tempdir().unwrap();
    let history = live(&folder, 9);
    let batch = [
        message(7, "bob", "bob", "oi"),
        message(9, "bob", "bob", "oi"),
    ];
    assert_eq!(history.receive_live(&batch, Some(9)).unwrap().len(), 2);
    let history = open_again(history, &folder);
    assert_eq!(history.cursor().unwrap(), Some(9));
    assert_eq!(history.receive_live(&batch, None).unwrap(), []);
    assert_eq!(all(&history, "bob"), ["oi", "oi"]);
    assert_eq!(history.cursor().unwrap(), Some(9));
}

#[test]
fn order_is_the_servers_and_what_waits_stands_at_the_end() {
    let folder = tempdir().unwrap();
    let history = live(&folder, 1);
    let first = send(&history, "bob", "mine");
    let second = send(&history, "bob", "mine too");
    history
        .receive_live(&[message(20, "bob", "bob", "theirs")], Some(20))
        .unwrap();
    assert_eq!(all(&history, "bob"), ["theirs", "mine", "mine too"]);
    let accepted = |id, server_id| LiveUpdate::Accepted {
        id,
        server_id,
        at: 5,
    };
    history.receive_live(&[accepted(first, 19)], None).unwrap();
    assert_eq!(all(&history, "bob"), ["mine", "theirs", "mine too"]);
    history.receive_live(&[accepted(second, 21)], None).unwrap();
    let history = open_again(history, &folder);
    assert_eq!(all(&history, "bob"), ["mine", "theirs", "mine too"]);
    assert_eq!(history.outbox().unwrap(), []);
    let page = history.page(&person("bob"), None, 9).unwrap().0;
    assert!(page.iter().all(|m| m.server_id.is_some()));
}

#[test]
fn a_tag_is_made_once_and_survives_a_kill() {
    let folder = tempdir().unwrap();
    let history = live(&folder, 1);
    send(&history, "bob", "one");
    send(&history, "bob", "two");
    let before = history.outbox().unwrap();
    assert_ne!(before[0].tag, before[1].tag);
    let history = open_again(history, &folder);
    assert_eq!(history.outbox().unwrap(), before);
    assert_eq!(
        history.device().unwrap(),
        open_again(history, &folder).device().unwrap()
    );
}

#[test]
fn an_own_message_told_by_the_server_settles_the_one_that_waits() {
    let folder = tempdir().unwrap();
    let history = live(&folder, 1);
    let id = send(&history, "bob", "mine");
    let tag = history.outbox().unwrap()[0].tag.clone();
    // Killed after it went out and before the answer.
    let history = open_again(history, &folder);
    let own = LiveUpdate::Message(Delivered {
        tag: Some(tag),
        ..told(8, "bob", "ana", "mine")
    });
    let elsewhere = LiveUpdate::Message(Delivered {
        tag: Tag::parse("another").ok(),
        ..told(9, "bob", "ana", "from my phone")
    });
    history.receive_live(&[own, elsewhere], Some(9)).unwrap();
    let page = history.page(&person("bob"), None, 9).unwrap().0;
    assert_eq!(texts(&page), ["mine", "from my phone"]);
    assert_eq!((page[0].id, page[0].delivery), (id, Delivery::Accepted));
    assert_eq!(page[1].delivery, Delivery::Accepted);
    assert_eq!(unread(&history, "bob"), 0);
    // The answer comes as well: it is the same.
    let again = LiveUpdate::Accepted {
        id,
        server_id: 8,
        at: 5,
    };
    assert_eq!(history.receive_live(&[again], None).unwrap(), []);
}

#[test]
fn a_refused_message_keeps_its_reason_and_may_go_out_again() {
    let folder = tempdir().unwrap();
    let history = live(&folder, 1);
    let id = send(&history, "zoe", "hello");
    let tag = history.outbox().unwrap()[0].tag.clone();
    let why = Refusal::UnknownRecipient;
    history
        .receive_live(&[LiveUpdate::Refused { id, why }], None)
        .unwrap();
    let history = open_again(history, &folder);
    assert_eq!(history.outbox().unwrap(), []);
    let page = history.page(&person("zoe"), None, 9).unwrap().0;
    assert_eq!(page[0].delivery, Delivery::Refused(why));
    assert_eq!(
        history.send_again(id).unwrap().unwrap().delivery,
        Delivery::Waiting
    );
    assert_eq!(history.outbox().unwrap()[0].tag, tag);
    history
        .receive_live(&[LiveUpdate::Refused { id, why }], None)
        .unwrap();
    assert!(history.discard(id).unwrap());
    assert!(history.search(&"hello".into(), None).unwrap().0.is_empty());
}

#[test]
fn receipts_hold_for_all_before_and_the_first_one_gives_the_time() {
    let folder = tempdir().unwrap();
    let history = live(&folder, 1);
    let own: Vec<LiveUpdate> = (2..6).map(|id| message(id, "turma", "ana", "x")).collect();
    history.receive_live(&own, Some(5)).unwrap();
    let receipt = |id, by: &str, state, at| {
        LiveUpdate::Receipt(ReceiptLine {
            id,
            with: Login::parse("turma").unwrap(),
            by: Login::parse(by).unwrap(),
            state,
            at,
        })
    };
    let told = [
        receipt(3, "bob", ReceiptState::Delivered, 10),
        receipt(3, "bob", ReceiptState::Read, 20),
        receipt(5, "bob", ReceiptState::Delivered, 30),
        receipt(4, "cy", ReceiptState::Delivered, 40),
        receipt(4, "cy", ReceiptState::Delivered, 99),
    ];
    let news = history.receive_live(&told, None).unwrap();
    assert_eq!(news.len(), 4, "one was known");
    let history = open_again(history, &folder);
    let page = history.page(&person("turma"), None, 9).unwrap().0;
    let said: Vec<String> = page
        .iter()
        .map(|message| {
            let one = |at: Option<Timestamp>| at.map_or(0, Timestamp::as_millisecond);
            let all = message.receipts.iter();
            let all = all.map(|r| format!("{} {} {}", r.by, one(r.delivered), one(r.read)));
            all.collect::<Vec<_>>().join(", ")
        })
        .collect();
    assert_eq!(
        said,
        [
            "bob 10 20, cy 40 0",
            "bob 10 20, cy 40 0",
            "bob 30 0, cy 40 0",
            "bob 30 0"
        ]
    );
}

#[test]
fn what_is_read_is_told_until_the_server_knows_and_heard_from_other_sessions() {
    let folder = tempdir().unwrap();
    let history = live(&folder, 9);
    let batch = [
        message(7, "bob", "bob", "one"),
        message(8, "turma", "cy", "two"),
        message(9, "bob", "bob", "three"),
    ];
    history.receive_live(&batch, Some(9)).unwrap();
    assert_eq!((unread(&history, "bob"), unread(&history, "turma")), (2, 1));
    let conversations = history.conversations().unwrap();
    assert!(
        conversations
            .iter()
            .any(|one| one.is_group && one.with == person("turma"))
    );
    let page = history.page(&person("bob"), None, 9).unwrap().0;
    assert_eq!(
        history.mark_seen(&person("bob"), page[0].sort_key).unwrap(),
        Some(7)
    );
    assert_eq!(
        history.mark_seen(&person("bob"), page[0].sort_key).unwrap(),
        None
    );
    assert_eq!(unread(&history, "bob"), 1);
    let history = open_again(history, &folder);
    let seven = Read {
        with: Login::parse("bob").unwrap(),
        up_to: 7,
    };
    let to_tell = history.reads_to_tell().unwrap();
    assert_eq!(to_tell, std::slice::from_ref(&seven));
    history.reads_told(&[seven]).unwrap();
    assert_eq!(history.reads_to_tell().unwrap(), []);
    let elsewhere = Read {
        with: Login::parse("bob").unwrap(),
        up_to: 9,
    };
    assert_eq!(
        history
            .receive_live(&[LiveUpdate::Read(elsewhere)], None)
            .unwrap(),
        [Event::Unread {
            with: person("bob"),
            unread: 0
        }]
    );
    assert_eq!(history.reads_to_tell().unwrap(), []);
    // Told late, and read already.
    history
        .receive_live(&[message(6, "bob", "bob", "zero")], None)
        .unwrap();
    assert_eq!(unread(&history, "bob"), 0);
}

#[test]
fn older_messages_fill_the_gap_until_there_are_none() {
    let folder = tempdir().unwrap();
    let history = live(&folder, 100);
    history
        .receive_live(&[message(90, "bob", "bob", "unread")], Some(100))
        .unwrap();
    let bob = person("bob");
    assert_eq!(history.gap_below(&bob).unwrap(), Some(101));
    assert_eq!(history.gap_below(&person("cy")).unwrap(), Some(101));
    let old = |id| Delivered {
        is_old: true,
        ..told(
            id,
            "bob",
            if id % 2 == 0 { "bob" } else { "ana" },
            &format!("m{id}"),
        )
    };
    let end = |before, more| HistoryEnd {
        with: Login::parse("bob").unwrap(),
        before: Some(before),
        count: 0,
        more,
    };
    let newest = [
        old(88),
        old(89),
        Delivered {
            text: Text::from("unread"),
            ..old(90)
        },
    ];
    history.receive_older(&newest, &end(101, true)).unwrap();
    assert_eq!(history.gap_below(&bob).unwrap(), Some(88));
    assert_eq!(all(&history, "bob"), ["m88", "m89", "unread"]);
    assert_eq!(unread(&history, "bob"), 1, "what is fetched is not unread");
    let history = open_again(history, &folder);
    history
        .receive_older(&[old(1), old(2)], &end(88, false))
        .unwrap();
    assert_eq!(history.gap_below(&bob).unwrap(), None);
    assert_eq!(all(&history, "bob"), ["m1", "m2", "m88", "m89", "unread"]);
}

#[test]
fn what_a_classic_session_brought_gets_its_number_when_it_is_told_again() {
    let folder = tempdir().unwrap();
    let mut history = open(&folder);
    // Read and acknowledged long ago, then two that the server does not count as read.
    receive(&mut history, &[("bob", "oi")], LOGIN);
    history.all_read().unwrap();
    receive(&mut history, &[("bob", "one"), ("turma", "cy: two")], LOGIN);
    let waits = send(&history, "bob", "waits");
    history.remember_way(Way::Live).unwrap();
    let moved = history.begin_live(30).unwrap();
    assert_eq!(moved.len(), 1, "what waits stands at the end now");
    let backlog = [
        message(28, "bob", "bob", "one"),
        message(29, "turma", "cy", "two"),
        message(30, "bob", "bob", "oi"),
    ];
    history.receive_live(&backlog, Some(30)).unwrap();
    let history = open_again(history, &folder);
    assert_eq!(all(&history, "bob"), ["oi", "one", "oi", "waits"]);
    assert_eq!(all(&history, "turma"), ["cy: two"]);
    // The same words after that are new.
    history
        .receive_live(&[message(31, "bob", "bob", "one")], Some(31))
        .unwrap();
    assert_eq!(all(&history, "bob"), ["oi", "one", "oi", "one", "waits"]);
    assert_eq!(history.outbox().unwrap()[0].id, waits);
    // From the history, the one read long ago.
    let old = Delivered {
        is_old: true,
        ..told(3, "bob", "bob", "oi")
    };
    let end = HistoryEnd {
        with: Login::parse("bob").unwrap(),
        before: Some(31),
        count: 1,
        more: false,
    };
    history.receive_older(&[old], &end).unwrap();
    assert_eq!(all(&history, "bob"), ["oi", "one", "oi", "one", "waits"]);
}

#[test]
fn a_server_that_begins_anew_neither_hides_nor_doubles() {
    let folder = tempdir().unwrap();
    let history = live(&folder, 50);
    history
        .receive_live(&[message(50, "bob", "bob", "old world")], Some(50))
        .unwrap();
    history.begin_ids(None, None).unwrap();
    assert_eq!(history.cursor().unwrap(), None);
    history.begin_live(50).unwrap();
    let batch = [
        message(49, "bob", "bob", "old world"),
        message(50, "bob", "bob", "new world"),
    ];
    history.receive_live(&batch, Some(50)).unwrap();
    assert_eq!(
        all(&history, "bob"),
        ["old world", "old world", "new world"]
    );
}

#[test]
fn a_server_that_is_classic_again_puts_its_messages_at_the_end() {
    let folder = tempdir().unwrap();
    let mut history = live(&folder, 50);
    history
        .receive_live(&[message(50, "bob", "bob", "live")], Some(50))
        .unwrap();
    let own = send(&history, "bob", "mine");
    history.begin_session();
    history.depart(own).unwrap();
    receive(&mut history, &[("bob", "classic")], LOGIN);
    receive(&mut history, &[], Some(Round::Sent(own)));
    assert_eq!(all(&history, "bob"), ["live", "classic", "mine"]);
}

#[test]
fn words_and_parts_of_words_are_found_whatever_their_accents() {
    let folder = tempdir().unwrap();
    let history = live(&folder, 9);
    let batch = [
        message(1, "bob", "bob", "A reunião é às 10h"),
        message(2, "cy", "cy", "testing 100% \"quoted\" x"),
        message(3, "turma", "cy", "Reuniões de ontem"),
    ];
    history.receive_live(&batch, Some(9)).unwrap();
    send(&history, "bob", "levo o café à REUNIAO");
    let found = |query: &str, with: Option<&str>| {
        let with = with.map(person);
        let found = history
            .search(
                &SearchQuery {
                    with,
                    ..query.into()
                },
                None,
            )
            .unwrap()
            .0;
        texts(&found)
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        found("reuniao", None),
        ["levo o café à REUNIAO", "A reunião é às 10h"]
    );
    assert_eq!(found("uniã", Some("bob")).len(), 2);
    assert_eq!(found("uniõ", Some("turma")), ["Reuniões de ontem"]);
    assert_eq!(found("reuni", None).len(), 3);
    assert_eq!(found("test", None), ["testing 100% \"quoted\" x"]);
    assert_eq!(found("cafe reun", None), ["levo o café à REUNIAO"]);
    assert_eq!(found("0h", None), ["A reunião é às 10h"]);
    assert_eq!(found("reuniao 0h", None), ["A reunião é às 10h"]);
    for odd in ["\"quoted\"", "100%", "TEST*", "a AND b", "(", "'"] {
        let _ = found(odd, None);
    }
    assert_eq!(found("\"quoted\"", None).len(), 1);
    assert_eq!(found("tEST*", None), [""; 0]);
    assert_eq!(found("  ", None), [""; 0]);
}

/// What this message quotes, of what is here.
fn quoted_by(history: &History, reply: &Message) -> Option<u64> {
    let (quote, _) = crate::markup::split_quote(reply.text.as_str());
    let quote = quote.unwrap();
    let found = history.quoted(&Quoted {
        with: reply.with.clone(),
        re: reply.re,
        before: reply.sort_key,
        author: quote.author.to_owned(),
        excerpt: quote.excerpt.to_owned(),
    });
    found.unwrap().and_then(|message| message.server_id)
}

fn last(history: &History) -> Message {
    let mut page = history.page(&person("bob"), None, 9).unwrap().0;
    page.pop().unwrap()
}

#[test]
fn a_reply_leads_to_the_message_that_it_names_and_to_no_other_one_that_begins_so() {
    let folder = tempdir().unwrap();
    let history = open(&folder);
    let reply = |id, about| {
        LiveUpdate::Message(Delivered {
            about: Some(About::Reply(about)),
            ..told(id, "bob", "bob", "> bob: “ok?”\nyes")
        })
    };
    let said = [
        message(3, "bob", "bob", "ok?"),
        message(4, "bob", "bob", "ok?"),
        message(5, "bob", "bob", "what?"),
        message(6, "eva", "bob", "ok?"),
    ];
    history.receive_live(&said, Some(6)).unwrap();
    for (id, about, expected) in [
        (7, 3, Some(3)),
        (8, 4, Some(4)),
        // It says something else, is of another conversation, or is not here.
        (9, 5, None),
        (10, 6, None),
        (11, 2, None),
    ] {
        history.receive_live(&[reply(id, about)], Some(id)).unwrap();
        assert_eq!(quoted_by(&history, &last(&history)), expected, "{about}");
    }
}

#[test]
fn a_reply_that_is_sent_names_the_message_that_was_chosen_also_after_a_new_start() {
    let folder = tempdir().unwrap();
    let history = open(&folder);
    history.begin_live(4).unwrap();
    let said = [
        message(3, "bob", "bob", "ok?"),
        message(4, "bob", "bob", "ok?"),
    ];
    history.receive_live(&said, Some(4)).unwrap();
    let first = history.page(&person("bob"), None, 9).unwrap().0.remove(0);
    let bob = Login::parse("bob").unwrap();
    let text = Text::from("> bob: “ok?”\nyes");
    let about = |history: &History, id| history.outgoing(id).unwrap().unwrap().about;
    let chosen = history.add_to_outbox(&bob, &text, Some(first.id)).unwrap();
    assert_eq!(about(&history, chosen.id), Some(About::Reply(3)));
    assert_eq!(chosen.re, Some(first.sort_key));
    // The person has changed the quote, or chosen nothing: the newest message that begins so.
    let none = history.add_to_outbox(&bob, &text, None).unwrap();
    assert_eq!(about(&history, none.id), Some(About::Reply(4)));
    let other = Text::from("> bob: “never said”\nyes");
    let other = history.add_to_outbox(&bob, &other, Some(first.id)).unwrap();
    assert_eq!(about(&history, other.id), None);
    drop(history);
    let history = open(&folder);
    assert_eq!(about(&history, chosen.id), Some(About::Reply(3)));
    // Ids mean other messages now.
    history.begin_ids(None, None).unwrap();
    assert_eq!(about(&history, chosen.id), None);
    let still = history.quoted(&Quoted {
        with: person("bob"),
        re: chosen.re,
        before: SortKey(i64::MAX),
        author: "bob".into(),
        excerpt: "ok?".into(),
    });
    assert_eq!(still.unwrap().map(|one| one.id), Some(first.id));
}
