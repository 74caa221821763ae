//! The local database: what is written is there again, once, in order, and found quickly.

mod changes;
mod contradictions;
mod damage;
mod formats;
mod ids;
mod kept;
mod live;
mod numbers;
mod rescue;
mod settings;

use std::{fs, time::Instant};

use mensageiro_protocol::{Framing, Text};
use tempfile::{TempDir, tempdir};

use super::*;
use crate::disk::DiskProblem;
use crate::engine::{
    Delivery, FOR_GOOD, Peer, Quoted, SettingChange, SortKey,
    net::{Batch, Received, Round, Way},
};

fn account() -> Account {
    Account {
        server: "localhost".into(),
        login: Login::parse("ana").unwrap(),
    }
}

fn open(folder: &TempDir) -> History {
    History::open(folder.path(), &account()).unwrap()
}

fn person(name: &str) -> Peer {
    Peer::Person(Login::parse(name).unwrap())
}

fn received(messages: &[(&str, &str)]) -> Vec<Received> {
    let one = |(from, text): &(&str, &str)| Received {
        from: if from.is_empty() {
            Peer::Server
        } else {
            person(from)
        },
        text: Text::from(*text),
    };
    messages.iter().map(one).collect()
}

fn texts(messages: &[Message]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| message.text.as_str())
        .collect()
}

/// What is new of a batch.
fn receive(history: &mut History, messages: &[(&str, &str)], ends: Option<Round>) -> Vec<String> {
    let received = received(messages);
    let new = history.receive(&Batch { received, ends }).unwrap();
    texts(&new).into_iter().map(str::to_owned).collect()
}

fn send(history: &History, to: &str, text: &str) -> MessageId {
    let to = Login::parse(to).unwrap();
    history
        .add_to_outbox(&to, &Text::from(text), None)
        .unwrap()
        .id
}

const LOGIN: Option<Round> = Some(Round::Login);

#[test]
fn everything_is_there_after_reopening() {
    let folder = tempdir().unwrap();
    let mut history = open(&folder);
    receive(
        &mut history,
        &[("bob", "oi\u{1b}"), ("", "maintenance")],
        LOGIN,
    );
    let own = send(&history, "cy", "line\nline");
    history.remember_way(Way::Classic(Framing::Bare)).unwrap();
    drop(history);
    let history = open(&folder);
    assert_eq!(history.way().unwrap(), Some(Way::Classic(Framing::Bare)));
    let conversations = history.conversations().unwrap();
    let peers: Vec<_> = conversations.iter().map(|one| one.with.clone()).collect();
    assert_eq!(peers, [person("cy"), Peer::Server, person("bob")]);
    let last = conversations[0].last.as_ref().unwrap();
    assert_eq!((last.id, last.text.as_str()), (own, "line\nline"));
    assert_eq!(last.delivery, Delivery::Waiting);
    assert_eq!(
        texts(&history.page(&person("bob"), None, 9).unwrap().0),
        ["oi␛"]
    );
}

#[test]
fn what_a_reply_quotes_is_the_newest_before_it_that_its_author_began_so() {
    let folder = tempdir().unwrap();
    let mut history = open(&folder);
    for text in ["is it *ten*?", "is it ten?", "no", "is it ten?"] {
        receive(&mut history, &[("bob", text), ("cy", text)], None);
    }
    let bob = person("bob");
    let all = history.page(&bob, None, 10).unwrap().0;
    let quoted = |before: SortKey, author: &str, excerpt: &str| {
        let found = history.quoted(&Quoted {
            with: bob.clone(),
            re: None,
            before,
            author: author.into(),
            excerpt: excerpt.into(),
        });
        let found = found.unwrap();
        found.map(|message| message.id)
    };
    assert_eq!(
        quoted(all[3].sort_key, "bob", "is it ten?"),
        Some(all[1].id)
    );
    assert_eq!(
        quoted(all[1].sort_key, "bob", "is it ten?"),
        Some(all[0].id)
    );
    assert_eq!(quoted(all[3].sort_key, "alice", "is it ten?"), None);
    assert_eq!(quoted(all[3].sort_key, "bob", "is it"), None);
}

#[test]
fn pages_go_back_to_the_beginning() {
    let folder = tempdir().unwrap();
    let mut history = open(&folder);
    for number in 0..25 {
        let text = number.to_string();
        receive(&mut history, &[("bob", &text), ("cy", "between")], None);
    }
    let bob = person("bob");
    let (newest, complete) = history.page(&bob, None, 10).unwrap();
    assert_eq!(
        (newest[0].text.as_str(), newest.len(), complete),
        ("15", 10, false)
    );
    let (middle, complete) = history.page(&bob, Some(newest[0].sort_key), 10).unwrap();
    assert_eq!(
        (middle[0].text.as_str(), middle.len(), complete),
        ("5", 10, false)
    );
    let (oldest, complete) = history.page(&bob, Some(middle[0].sort_key), 5).unwrap();
    assert_eq!(
        (oldest[0].text.as_str(), oldest.len(), complete),
        ("0", 5, true)
    );
    assert_eq!(
        history.page(&bob, Some(oldest[0].sort_key), 10).unwrap(),
        (vec![], true)
    );
    assert_eq!(
        history.page(&person("nobody"), None, 10).unwrap(),
        (vec![], true)
    );

    let (next, newer) = history.page_after(&bob, oldest[4].sort_key, 10).unwrap();
    assert_eq!((next, newer), (middle, true));
    let (rest, newer) = history.page_after(&bob, newest[0].sort_key, 9).unwrap();
    assert_eq!((rest, newer), (newest[1..].to_vec(), false));
    let nothing = history.page_after(&bob, newest[9].sort_key, 10).unwrap();
    assert_eq!(nothing, (vec![], false));
}

#[test]
fn unread_are_received_messages_that_were_not_seen() {
    let folder = tempdir().unwrap();
    let mut history = open(&folder);
    let batch = received(&[("bob", "one"), ("bob", "two"), ("cy", "three")]);
    let new = history
        .receive(&Batch {
            received: batch,
            ends: LOGIN,
        })
        .unwrap();
    send(&history, "bob", "mine");
    let unread = |history: &History| -> Vec<(Peer, usize)> {
        let all = history.conversations().unwrap();
        all.into_iter().map(|one| (one.with, one.unread)).collect()
    };
    assert_eq!(unread(&history), [(person("bob"), 2), (person("cy"), 1)]);
    history.mark_seen(&person("bob"), new[1].sort_key).unwrap();
    history.mark_seen(&person("bob"), new[0].sort_key).unwrap();
    assert_eq!(
        unread(&open_again(history, &folder)),
        [(person("bob"), 0), (person("cy"), 1)]
    );
}

fn open_again(history: History, folder: &TempDir) -> History {
    drop(history);
    open(folder)
}

#[test]
fn drafts_are_kept_until_they_are_empty() {
    let folder = tempdir().unwrap();
    let history = open(&folder);
    history.save_draft(&person("bob"), "half a sent").unwrap();
    let history = open_again(history, &folder);
    let conversations = history.conversations().unwrap();
    assert_eq!(conversations[0].draft, "half a sent");
    assert_eq!(conversations[0].last, None);
    history.save_draft(&person("bob"), "").unwrap();
    assert_eq!(history.conversations().unwrap(), []);
}

#[test]
fn what_is_pinned_or_muted_is_so_the_next_time_even_if_nothing_was_said() {
    let folder = tempdir().unwrap();
    let mut history = open(&folder);
    receive(&mut history, &[("bob", "oi")], LOGIN);
    let mute = SettingChange::MutedUntil(Some(FOR_GOOD));
    history.arrange(&person("bob"), mute).unwrap();
    let pin = SettingChange::Pinned(true);
    history.arrange(&person("cy"), pin).unwrap();
    let history = open_again(history, &folder);
    let mut how: Vec<_> = history
        .conversations()
        .unwrap()
        .into_iter()
        .map(|one| (one.with.clone(), one.is_pinned, one.is_muted()))
        .collect();
    how.sort_by_key(|(with, ..)| format!("{with:?}"));
    assert_eq!(
        how,
        [(person("bob"), false, true), (person("cy"), true, false)]
    );
    let unpin = SettingChange::Pinned(false);
    history.arrange(&person("cy"), unpin).unwrap();
    assert_eq!(history.conversations().unwrap().len(), 1);
}

#[test]
fn the_outbox_keeps_its_order_and_a_departed_message_is_unconfirmed_after_a_crash() {
    let folder = tempdir().unwrap();
    let history = open(&folder);
    let ids: Vec<_> = ["one", "two", "three", "four"]
        .iter()
        .map(|text| send(&history, "bob", text))
        .collect();
    history.depart(ids[0]).unwrap();
    history.put_back(ids[0]).unwrap();
    history.depart(ids[1]).unwrap();
    assert!(history.discard(ids[2]).unwrap());
    assert!(!history.discard(ids[1]).unwrap(), "it is on its way");
    let mut history = open_again(history, &folder);
    let waiting: Vec<_> = history
        .outbox()
        .unwrap()
        .into_iter()
        .map(|one| one.id)
        .collect();
    assert_eq!(waiting, [ids[0], ids[3]]);
    let page = history.page(&person("bob"), None, 9).unwrap().0;
    assert_eq!(page[1].delivery, Delivery::Unconfirmed);
    assert_eq!(
        history.send_again(ids[1]).unwrap().unwrap().delivery,
        Delivery::Waiting
    );
    assert_eq!(
        history.send_again(ids[0]).unwrap(),
        None,
        "it waits already"
    );
    history.depart(ids[0]).unwrap();
    assert_eq!(
        receive(&mut history, &[], Some(Round::Sent(ids[0]))),
        ["one"]
    );
    assert!(!history.discard(ids[0]).unwrap(), "it is accepted");
    assert!(history.discard(ids[1]).unwrap());
}

#[test]
fn what_comes_again_after_a_broken_link_is_new_once() {
    let folder = tempdir().unwrap();
    let mut history = open(&folder);
    let batch = [("bob", "one"), ("cy", "two"), ("bob", "three")];
    assert_eq!(receive(&mut history, &batch[..2], None), ["one", "two"]);
    // Killed here, and again in the middle of the repetition.
    let mut history = open_again(history, &folder);
    assert_eq!(receive(&mut history, &batch[..1], None), [""; 0]);
    history.begin_session();
    assert_eq!(receive(&mut history, &batch, LOGIN), ["three"]);
    history.begin_session();
    assert_eq!(receive(&mut history, &batch, LOGIN), [""; 0]);
    history.begin_session();
    assert_eq!(
        receive(&mut history, &[("bob", "one")], LOGIN),
        ["one"],
        "the batch was read"
    );
}

#[test]
fn what_was_surely_read_may_be_said_again() {
    let folder = tempdir().unwrap();
    let mut history = open(&folder);
    let oi = [("bob", "oi")];
    assert_eq!(receive(&mut history, &oi, LOGIN), ["oi"]);
    let own = send(&history, "bob", "olá");
    history.depart(own).unwrap();
    assert_eq!(receive(&mut history, &[], Some(Round::Sent(own))), ["olá"]);
    // The line that got its `f` acknowledged the first one.
    history.begin_session();
    assert_eq!(receive(&mut history, &oi, LOGIN), ["oi"]);
    history.end_turn().unwrap();
    history.all_read().unwrap();
    history.begin_session();
    assert_eq!(
        receive(&mut history, &oi, LOGIN),
        ["oi"],
        "closing in order acknowledged it"
    );
    history.begin_session();
    assert_eq!(
        receive(&mut history, &oi, LOGIN),
        [""; 0],
        "nothing acknowledged this one"
    );
}

#[test]
fn a_line_without_answer_may_or_may_not_have_acknowledged() {
    for was_read in [true, false] {
        let folder = tempdir().unwrap();
        let mut history = open(&folder);
        receive(&mut history, &[("bob", "one"), ("bob", "two")], LOGIN);
        let own = send(&history, "bob", "mine");
        history.depart(own).unwrap();
        receive(&mut history, &[("bob", "three")], None);
        let mut history = open_again(history, &folder);
        let again = [
            ("bob", "one"),
            ("bob", "two"),
            ("bob", "three"),
            ("bob", "four"),
        ];
        let again = if was_read { &again[2..] } else { &again };
        assert_eq!(receive(&mut history, again, LOGIN), ["four"]);
    }
}

#[test]
fn what_a_server_says_at_login_is_kept_once_and_its_answers_always() {
    let folder = tempdir().unwrap();
    let mut history = open(&folder);
    let welcome = [("", "welcome"), ("", "2 users online"), ("bob", "oi")];
    assert_eq!(
        receive(&mut history, &welcome, LOGIN),
        ["welcome", "2 users online", "oi"]
    );
    let own = send(&history, "bob", "mine");
    history.depart(own).unwrap();
    let round = Some(Round::Sent(own));
    assert_eq!(
        receive(&mut history, &[("", "welcome")], round),
        ["welcome", "mine"]
    );
    history.begin_session();
    assert_eq!(receive(&mut history, &welcome[..2], LOGIN), [""; 0]);
}

#[test]
fn one_account_is_open_once_and_others_beside_it() {
    let folder = tempdir().unwrap();
    let history = open(&folder);
    let second = History::open(folder.path(), &account());
    assert!(matches!(second, Err(HistoryError::Locked)), "{second:?}");
    let other = Account {
        server: "elsewhere".into(),
        ..account()
    };
    History::open(folder.path(), &other).unwrap();
    open_again(history, &folder);
}

#[test]
fn a_file_of_a_newer_app_is_left_alone() {
    let folder = tempdir().unwrap();
    let path = folder.path().join(format!("{}.db", file::name(&account())));
    let newer = Connection::open(&path).unwrap();
    newer
        .pragma_update(None, "user_version", schema::version() + 1)
        .unwrap();
    for (rows, named) in [
        ("", None),
        (
            "CREATE TABLE facts (name, value); INSERT INTO facts VALUES ('version', '7.8.9')",
            Some("7.8.9"),
        ),
        ("UPDATE facts SET value = 'nonsense'", None),
    ] {
        newer.execute_batch(rows).unwrap();
        let before = fs::read(&path).unwrap();
        match History::open(folder.path(), &account()) {
            Err(HistoryError::Newer { version, .. }) => assert_eq!(version.as_deref(), named),
            other => panic!("{other:?}"),
        }
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[cfg(unix)]
#[test]
fn nobody_else_can_open_the_database() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempdir().unwrap();
    let accounts = folder.path().join("profile").join("accounts");
    let mut history = History::open(&accounts, &account()).unwrap();
    receive(&mut history, &[("bob", "hi")], None);
    let files: Vec<_> = fs::read_dir(&accounts)
        .unwrap()
        .map(|file| file.unwrap())
        .collect();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600, "{:?}", file.path());
    }
    for folder in [folder.path().join("profile"), accounts] {
        let mode = fs::metadata(folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o700);
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = History::open(&file.join("accounts"), &account()).unwrap_err();
    assert!(matches!(error, HistoryError::Reach { .. }), "{error}");
    let problem = error.problem(folder.path());
    let path = file.join("accounts");
    let why = DiskProblem::WrongKind;
    assert_eq!(problem, StorageProblem::Disk { path, why });
}

#[test]
fn a_million_messages_are_paged_and_counted_by_index() {
    let folder = tempdir().unwrap();
    let mut history = open(&folder);
    receive(&mut history, &[("bob", "first"), ("cy", "first")], LOGIN);
    history
        .connection
        .execute_batch(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
             INSERT INTO messages (conversation, place, text, at, delivery, unread)
             SELECT 1 + i % 2, 2 + i, 'message ' || i, i, CASE i % 3 WHEN 0 THEN 3 ELSE 0 END,
                 i >= 999000 AND i % 3 <> 0 FROM n;
             UPDATE messages SET unread = 0 WHERE id <= 2;",
        )
        .unwrap();
    let begun = Instant::now();
    let conversations = history.conversations().unwrap();
    let newest = history.page(&person("bob"), None, 100).unwrap().0;
    let middle = history
        .page(&person("bob"), Some(SortKey(500_000)), 100)
        .unwrap()
        .0;
    let took = begun.elapsed();
    assert_eq!(conversations[0].unread + conversations[1].unread, 667);
    assert_eq!((newest.len(), middle.len()), (100, 100));
    // Not by the clock alone, as machines differ: reading everything once is what must not be.
    let begun = Instant::now();
    let scan = "SELECT count(*) FROM messages WHERE text = 'nowhere'";
    let found: i64 = history
        .connection
        .query_row(scan, [], |row| row.get(0))
        .unwrap();
    let scan_took = begun.elapsed();
    assert_eq!(found, 0);
    assert!(took * 3 < scan_took, "{took:?}, and a scan {scan_took:?}");
}
