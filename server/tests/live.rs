//! Live sessions: what the transcripts cannot show, as it needs many messages, threads or time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::{fs, io::Write, sync::mpsc, thread, time::Duration};

use mensageiro_protocol::live::{ByeCode, Event, Presence, RefusalCode};
use support::{
    Client, TestServer,
    live::{LiveClient, messages},
};

const USERS: [&str; 3] = ["ana", "bruno", "carla"];

fn numbers(events: &[Event]) -> Vec<u64> {
    messages(events).into_iter().map(|(id, _)| id).collect()
}

#[test]
fn a_session_that_begins_while_messages_pour_in_gets_each_of_them_once_and_in_order() {
    let server = TestServer::start(&USERS);
    let address = server.address();
    let got = thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let (mut ana, _) = LiveClient::log_in(address, "ana", None);
            for round in 0..300 {
                let lines: String = (0..10)
                    .map(|number| format!("#{round}-{number} @bruno {round} {number}\n"))
                    .collect();
                ana.stream.write_all(lines.as_bytes()).unwrap();
                ana.hear_accepted(10);
            }
        });
        let mut got = Vec::new();
        while !sender.is_finished() {
            let after = got.last().copied().unwrap_or(0);
            let (mut bruno, backlog) = LiveClient::log_in(address, "bruno", Some(after));
            got.extend(numbers(&backlog));
            got.extend(numbers(&bruno.hear_all()));
        }
        sender.join().unwrap();
        let after = got.last().copied().unwrap_or(0);
        let (_bruno, backlog) = LiveClient::log_in(address, "bruno", Some(after));
        got.extend(numbers(&backlog));
        got
    });
    assert_eq!(got, (1..=3_000).collect::<Vec<_>>());
}

#[test]
fn a_client_that_takes_nothing_delays_nobody_is_told_why_it_is_ended_and_resumes_exactly() {
    let server = TestServer::start(&USERS);
    let address = server.address();
    let (mut stalled, _) = LiveClient::log_in(address, "bruno", None);
    let (mut awake, _) = LiveClient::log_in(address, "bruno", None);
    let (mut ana, _) = LiveClient::log_in(address, "ana", None);
    let text = "x".repeat(15_000);
    let count = 1_500;
    for number in 0..count {
        ana.send(&number.to_string(), "bruno", &text);
        assert_eq!(awake.hear_message().id, number + 1);
    }
    let mut got = Vec::new();
    let code = loop {
        match stalled.hear() {
            Event::Message(message) => got.push(message.id),
            Event::Bye(bye) => break bye.code,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(code, ByeCode::Slow);
    assert_eq!(stalled.try_hear(), None);
    let (_again, backlog) = LiveClient::log_in(address, "bruno", got.last().copied());
    got.extend(numbers(&backlog));
    assert_eq!(got, (1..=count).collect::<Vec<_>>());
}

#[test]
fn who_sends_faster_than_they_read_is_not_too_slow_for_their_own_answers() {
    let server = TestServer::start(&USERS);
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    let mut stream = ana.stream.try_clone().unwrap();
    let count = 100_000;
    thread::scope(|scope| {
        let (written, all) = mpsc::channel();
        scope.spawn(move || {
            for round in (0..count).step_by(250) {
                let lines: String = (round..round + 250)
                    .map(|number| format!("#m{number} @ana {number}\n"))
                    .collect();
                stream.write_all(lines.as_bytes()).unwrap();
            }
            written.send(()).unwrap();
        });
        // It reads nothing until everything is written, or until the server has taken nothing for a while.
        let _ = all.recv_timeout(Duration::from_secs(2));
        ana.hear_accepted(count);
        all.recv().unwrap_or_default();
    });
}

#[test]
fn what_is_sent_again_is_one_message_from_any_session_and_after_a_restart() {
    let mut server = TestServer::start(&USERS);
    for round in 0..6 {
        if round == 3 {
            server.restart();
        }
        let (mut one, _) = LiveClient::log_in(server.address(), "ana", None);
        let (mut other, _) = LiveClient::log_in(server.address(), "ana", None);
        for number in 0..100 {
            let line = format!("#m{number} @bruno text {number}");
            one.say(&line);
            other.say(&line);
        }
        for client in [&mut one, &mut other] {
            let mut acknowledged = 0;
            while acknowledged < 100 {
                if let Event::Accepted(accepted) = client.hear() {
                    let number: u64 = accepted.tag.as_str()[1..].parse().unwrap();
                    assert_eq!(number, acknowledged);
                    assert!(accepted.id <= 100);
                    acknowledged += 1;
                }
            }
        }
    }
    let mut bruno = server.connect(mensageiro_protocol::Framing::Line);
    let texts: Vec<_> = (0..100)
        .map(|number| format!("@ana text {number}"))
        .collect();
    assert_eq!(bruno.exchange("bruno"), texts);
}

#[test]
fn sessions_of_one_login_converge_whatever_is_sent_from_which() {
    let server = TestServer::start(&USERS);
    let address = server.address();
    let mut sessions: Vec<_> = (0..3)
        .map(|_| LiveClient::log_in(address, "ana", Some(0)).0)
        .collect();
    thread::scope(|scope| {
        for (index, session) in sessions.iter_mut().enumerate() {
            scope.spawn(move || {
                for number in 0..200 {
                    session.say(&format!("#{index}-{number} @bruno {index} {number}"));
                }
            });
        }
        scope.spawn(move || {
            let (mut bruno, _) = LiveClient::log_in(address, "bruno", None);
            (0..200).for_each(|number| bruno.say(&format!("#{number} @ana from bruno {number}")));
            bruno.hear_accepted(200);
        });
    });
    for session in &mut sessions {
        let mut known = Vec::new();
        while known.len() < 800 {
            match session.hear() {
                Event::Message(message) => known.push(message.id),
                Event::Accepted(accepted) => known.push(accepted.id),
                _ => {}
            }
        }
        known.sort_unstable();
        assert_eq!(known, (1..=800).collect::<Vec<_>>());
    }
}

#[test]
fn what_is_said_in_one_breath_before_bye_is_kept_and_answered() {
    let server = TestServer::start(&USERS);
    let (mut bruno, _) = LiveClient::log_in(server.address(), "bruno", None);
    for number in 1..=100 {
        let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
        ana.say(&format!("#t{number} @bruno hello\nbye {{}}"));
        assert!(matches!(ana.hear(), Event::Accepted(accepted) if accepted.id == number));
        assert!(matches!(ana.hear(), Event::Bye(bye) if bye.code == ByeCode::Bye));
        assert_eq!(ana.try_hear(), None);
        assert_eq!(bruno.hear_message().id, number);
    }
}

#[test]
fn what_one_session_reads_no_other_is_given_as_new() {
    let server = TestServer::start(&USERS);
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    let mut bruno = server.log_in("bruno");
    let (mut live, _) = LiveClient::log_in(server.address(), "bruno", None);
    let first = ana.send("1", "bruno", "one");
    let second = ana.send("2", "bruno", "two");
    live.say(&format!(r#"read {{"with":"ana","up_to":{first}}}"#));
    let is_receipt =
        |event: &Event| matches!(event, Event::Receipt(receipt) if receipt.id == first);
    ana.hear_until(is_receipt);
    assert_eq!(bruno.exchange(""), ["@ana two"]);
    bruno.exchange("");
    live.hear_until(|event| matches!(event, Event::Read(read) if read.up_to == second));
    assert_eq!(server.archive(2).len(), 2);
}

#[test]
fn a_full_mailbox_is_refused_and_nothing_else() {
    let server = TestServer::with_arguments(&USERS, &["--max-mailbox", "3"]);
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    for number in 0..3 {
        ana.send(&number.to_string(), "bruno", "x");
    }
    ana.say("#full @bruno x");
    let Event::Refused(refused) = ana.hear() else {
        panic!("it was not refused");
    };
    assert_eq!(refused.code, RefusalCode::MailboxFull);
    assert_eq!(refused.tag.unwrap().as_str(), "full");
    ana.send("other", "carla", "x");
}

#[test]
fn who_is_ended_by_the_server_is_told_why() {
    let mut server =
        TestServer::with_arguments(&USERS, &["--idle-timeout", "1", "--max-line-bytes", "300"]);
    let log_in = |login| LiveClient::log_in(server.address(), login, None).0;
    let (mut idle, mut long) = (log_in("ana"), log_in("ana"));
    long.say(&"x".repeat(400));
    assert_eq!(long.hear_bye(), ByeCode::TooLong);
    assert_eq!(idle.hear_bye(), ByeCode::Idle);
    let mut last = log_in("bruno");
    server.stop();
    assert_eq!(last.hear_bye(), ByeCode::Shutdown);
}

#[test]
fn a_user_who_is_removed_is_told_so() {
    let server = TestServer::start(&USERS);
    let (mut removed, _) = LiveClient::log_in(server.address(), "carla", None);
    fs::write(server.file("users.csv"), "ana\nbruno\n").unwrap();
    assert_eq!(removed.hear_bye(), ByeCode::Removed);
}

#[test]
fn a_session_that_knows_the_roster_is_told_of_edits_and_of_who_was_there_before_a_restart() {
    let mut server = TestServer::start(&USERS);
    server.log_in("bruno").close();
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    ana.say("roster {}");
    let roster = |client: &mut LiveClient| loop {
        if let Event::Roster(roster) = client.hear() {
            assert!(!roster.more);
            return roster.users;
        }
    };
    assert_eq!(roster(&mut ana).len(), 3);
    fs::write(
        server.file("users.csv"),
        "login,name\nana,Ana\nbruno,Bruno B.\n",
    )
    .unwrap();
    // The new name counts at once, that carla is gone a little later.
    let users = roster(&mut ana);
    assert_eq!((users.len(), users[1].name.as_str()), (3, "Bruno B."));
    let users = roster(&mut ana);
    assert_eq!((users.len(), users[1].name.as_str()), (2, "Bruno B."));
    let seen = users[1].presence.seen;
    assert!(seen.is_some());
    server.restart();
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    ana.say("roster {}");
    let bruno = &roster(&mut ana)[1].presence;
    assert_eq!((bruno.state, bruno.seen), (Presence::Offline, seen));
}

#[test]
fn a_live_hello_without_a_line_end_is_no_login() {
    let server = TestServer::start(&USERS);
    let mut client = server.connect(mensageiro_protocol::Framing::Bare);
    client.say("ana live/1");
    assert_eq!(client.hear(), None);
}

#[test]
fn history_goes_back_over_many_pages_without_a_gap() {
    let server = TestServer::start(&USERS);
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    let (mut bruno, _) = LiveClient::log_in(server.address(), "bruno", None);
    let mut expected = Vec::new();
    for number in 0..120 {
        expected.push(ana.send(&number.to_string(), "bruno", &format!("text {number}")));
        ana.send(&format!("c{number}"), "carla", "elsewhere");
        expected.push(bruno.send(&number.to_string(), "ana", "an answer"));
    }
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    let mut found = Vec::new();
    let mut before = None;
    loop {
        let place = before.map_or(String::new(), |before| format!(r#","before":{before}"#));
        ana.say(&format!(r#"history {{"with":"bruno","limit":32{place}}}"#));
        let mut page = Vec::new();
        let end = loop {
            match ana.hear() {
                Event::Message(message) => {
                    assert!(message.is_old);
                    page.push(message.id);
                }
                Event::History(end) => break end,
                _ => {}
            }
        };
        assert_eq!(end.count, page.len());
        before = page.first().copied();
        found.splice(0..0, page);
        if !end.more {
            break;
        }
    }
    assert_eq!(found, expected);
}

/// A classic client in the same conversation, so that the support for both is used here.
#[test]
fn a_group_message_reaches_live_and_classic_members_alike() {
    let mut server = TestServer::start(&USERS);
    fs::write(
        server.file("groups.csv"),
        "turma-a,ana\nturma-a,bruno\nturma-a,carla\n",
    )
    .unwrap();
    server.restart();
    let mut bruno: Client = server.log_in("bruno");
    let (mut carla, _) = LiveClient::log_in(server.address(), "carla", None);
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    let id = ana.send("1", "turma-a", r"hello\nall");
    let message = carla.hear_message();
    assert_eq!((message.id, message.text.as_str()), (id, "hello\nall"));
    assert_eq!(
        (message.with.as_str(), message.from.as_str()),
        ("turma-a", "ana")
    );
    assert_eq!(bruno.exchange(""), ["@turma-a ana: hello all"]);
    bruno.close();
    assert_eq!(
        server.archive(1),
        [("ana".into(), "turma-a/bruno".into(), "hello\nall".into())]
    );
}

#[test]
fn a_device_that_is_ahead_of_the_store_is_told_all_that_is_new() {
    let server = TestServer::start(&USERS);
    let mut ana = server.log_in("ana");
    ana.exchange("@bruno old");
    for after in [10, u64::MAX, 4] {
        let (mut bruno, backlog) = LiveClient::log_in(server.address(), "bruno", Some(after));
        assert!(messages(&backlog).is_empty());
        ana.exchange("@bruno new");
        assert_eq!(bruno.hear_message().text.as_str(), "new", "after={after}");
    }
}

#[test]
fn a_device_gets_the_messages_of_hundreds_of_conversations_in_order() {
    let names: Vec<_> = (0..300).map(|number| format!("user{number}")).collect();
    let mut users: Vec<_> = names.iter().map(String::as_str).collect();
    users.push("ana");
    let server = TestServer::start(&users);
    let address = server.address();
    let (mut ana, _) = LiveClient::log_in(address, "ana", None);
    let mut expected = Vec::new();
    for round in 0..4 {
        for (number, name) in names.iter().enumerate() {
            if (number + round) % 3 > 0 {
                expected.push(ana.send(&format!("{round}-{number}"), name, "a text"));
            }
        }
    }
    for name in names.iter().step_by(7) {
        let (mut user, _) = LiveClient::log_in(address, name, None);
        expected.extend((0..2).map(|number| user.send(&format!("a{number}"), "ana", "back")));
    }
    let unread = expected[expected.len() - 86..].to_vec();
    for after in [0, 1, 500, 799, 800] {
        let (_ana, backlog) = LiveClient::log_in(address, "ana", Some(after));
        let wanted = expected.iter().filter(|id| **id > after);
        assert!(numbers(&backlog).iter().eq(wanted), "after {after}");
    }
    // A new device gets what was not read.
    ana.say(&format!(r#"read {{"with":"user7","up_to":{}}}"#, unread[2]));
    ana.say(r#"conversations {"limit":1}"#);
    ana.hear_until(|event| matches!(event, Event::Conversations(_)));
    let (_ana, backlog) = LiveClient::log_in(address, "ana", None);
    let unread: Vec<_> = unread
        .iter()
        .filter(|id| **id != unread[2])
        .copied()
        .collect();
    assert_eq!(numbers(&backlog), unread);
}
