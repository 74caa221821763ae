//! What one client can do to the others and to the server is bounded.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use mensageiro_protocol::{
    Framing,
    live::{Event, RefusalCode},
};
use mensageiro_server::metrics::ask;
use support::{Client, TestServer, eventually, live::LiveClient};

const USERS: [&str; 3] = ["ana", "bruno", "carla"];

#[test]
fn a_connection_that_names_nobody_is_closed_after_its_time() {
    let server = TestServer::with_arguments(&USERS, &["--login-timeout", "1"]);
    let mut silent = server.connect(Framing::Line);
    assert_eq!(silent.hear(), None);
}

#[test]
fn a_connection_that_never_ends_its_first_line_is_closed_after_its_time() {
    let server = TestServer::with_arguments(&USERS, &["--login-timeout", "1"]);
    let mut slow = server.connect(Framing::Bare);
    let mut writer = slow.stream.try_clone().unwrap();
    let drip = thread::spawn(move || {
        while writer.write_all(b"a").is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    });
    // On a slow day there is a pause in it, and the system takes it for a bare login.
    while slow.hear().is_some() {}
    drip.join().unwrap();
}

#[test]
fn an_idle_user_is_disconnected_only_when_that_is_asked_for() {
    let server = TestServer::with_arguments(&USERS, &["--idle-timeout", "1"]);
    let mut ana = server.log_in("ana");
    let since = Instant::now();
    assert_eq!(ana.hear(), None);
    assert!(since.elapsed() >= Duration::from_millis(900));
}

#[test]
fn a_line_over_the_limit_ends_the_connection_and_is_not_acknowledged() {
    let server = TestServer::with_arguments(&USERS, &["--max-line-bytes", "1000"]);
    for (text, is_accepted) in [(990, true), (1_100, false), (1_000_000, false)] {
        let mut ana = server.log_in("ana");
        // The server may hang up before all of it is written.
        let _ = writeln!(ana.stream, "@bruno {}", "x".repeat(text));
        assert_eq!(ana.hear().is_some(), is_accepted, "{text} bytes");
    }
    let mut bruno = server.connect(Framing::Line);
    assert_eq!(bruno.exchange("bruno").len(), 1);
}

#[test]
fn an_endless_line_costs_no_memory() {
    let server = TestServer::start(&USERS);
    let mut ana = server.log_in("ana");
    let block = vec![b'x'; 1 << 20];
    let mut written = 0;
    while written < 64 && ana.stream.write_all(&block).is_ok() {
        written += 1;
    }
    assert!(written < 64, "the server took 64 MiB without a line end");
}

#[test]
fn connections_over_the_limits_are_turned_away_and_others_served() {
    let limits = [
        "--max-connections",
        "3",
        "--max-connections-per-address",
        "2",
    ];
    let server = TestServer::with_arguments(&USERS, &limits);
    let mut ana = server.log_in("ana");
    let bruno = server.log_in("bruno");
    assert_eq!(server.connect(Framing::Line).hear(), None);
    assert!(ana.exchange("@bruno still here").is_empty());
    bruno.close();
    eventually(|| {
        let mut carla = server.connect(Framing::Line);
        let _ = carla.stream.write_all(b"carla\n");
        carla.hear().as_deref() == Some(b"f")
    });
}

#[test]
fn a_full_mailbox_takes_no_more_and_nothing_is_acknowledged() {
    let server = TestServer::with_arguments(&USERS, &["--max-mailbox", "2"]);
    let mut ana = server.log_in("ana");
    ana.exchange("@bruno 1");
    ana.exchange("@bruno 2");
    server.log_in("carla").exchange("@ana hi");
    assert_eq!(ana.exchange(""), ["@carla hi"]);
    ana.say("@bruno 3");
    assert_eq!(ana.hear(), None);
    let mut bruno = server.connect(Framing::Line);
    assert_eq!(bruno.exchange("bruno"), ["@ana 1", "@ana 2"]);
    bruno.exchange("");
    // What she had read before is read.
    let mut ana = server.log_in("ana");
    assert!(ana.exchange("@bruno 3").is_empty());
}

#[test]
fn a_mailbox_is_full_by_bytes_too() {
    let server = TestServer::with_arguments(&USERS, &["--max-mailbox-bytes", "5000"]);
    let mut ana = server.log_in("ana");
    ana.exchange(&format!("@bruno {}", "x".repeat(5_000)));
    assert_eq!(ana.hear_after("@bruno more"), None);
}

#[test]
fn who_fills_a_mailbox_keeps_nobody_else_from_it_and_no_group_either() {
    let mut server = TestServer::with_arguments(&USERS, &["--max-mailbox", "3"]);
    let groups = "all,ana\nall,bruno\nall,carla\n";
    std::fs::write(server.file("groups.csv"), groups).unwrap();
    server.restart();
    let mut expected = Vec::new();
    for turn in 0..2 {
        let mut ana = server.log_in("ana");
        for n in 1..=3 {
            if turn == 0 {
                assert!(ana.exchange(&format!("@carla {n}")).is_empty());
                expected.push(format!("@ana {n}"));
            }
        }
        assert_eq!(ana.hear_after("@carla one more"), None);
        let (mut live, _) = LiveClient::log_in(server.address(), "ana", None);
        live.say("#c2 @carla hi");
        live.hear_until(
            |event| matches!(event, Event::Refused(no) if no.code == RefusalCode::MailboxFull),
        );
        // Everybody else reaches her, and she everybody.
        let mut bruno = server.connect(Framing::Line);
        assert_eq!(bruno.exchange("bruno").len(), turn);
        assert!(
            bruno
                .exchange(&format!("@carla from bruno {turn}"))
                .is_empty()
        );
        expected.push(format!("@bruno from bruno {turn}"));
        for n in 0..5 {
            let mut ana = server.log_in("ana");
            assert!(ana.exchange(&format!("@all {turn} {n}")).is_empty());
            expected.push(format!("@all ana: {turn} {n}"));
            assert_eq!(bruno.exchange(""), [format!("@all ana: {turn} {n}")]);
        }
        let accepted = live.send("c3", "all", "live");
        assert_eq!(live.send("c3", "all", "live"), accepted);
        if turn == 0 {
            expected.push("@all ana: live".into());
        }
        assert_eq!(bruno.exchange("").len(), 1 - turn);
        server.restart();
    }
    let mut carla = server.connect(Framing::Line);
    assert_eq!(carla.exchange("carla"), expected);
    assert!(carla.exchange("@ana back").is_empty());
    let mut ana = server.connect(Framing::Line);
    assert_eq!(ana.exchange("ana"), ["@carla back"]);
    assert!(ana.exchange("@carla there is room again").is_empty());
    assert_eq!(carla.exchange(""), ["@ana there is room again"]);
}

#[test]
fn a_message_sent_again_is_known_after_its_author_has_left_the_group() {
    let mut server = TestServer::start(&USERS);
    let groups = |lines: &str| std::fs::write(server.file("groups.csv"), lines).unwrap();
    groups("all,ana\nall,bruno\nall,carla\n");
    server.restart();
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    let id = ana.send("c1", "all", "mine");
    let groups = |lines: &str| std::fs::write(server.file("groups.csv"), lines).unwrap();
    groups("all,bruno\nall,carla\n");
    server.restart();
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    assert_eq!(ana.send("c1", "all", "mine"), id);
    ana.say("#c2 @all not mine any more");
    ana.hear_until(
        |event| matches!(event, Event::Refused(no) if no.code == RefusalCode::NotAMember),
    );
    let mut bruno = server.connect(Framing::Line);
    assert_eq!(bruno.exchange("bruno"), ["@all ana: mine"]);
}

#[test]
fn reading_where_nothing_is_unread_changes_nothing_however_much_waits_elsewhere() {
    let server = TestServer::start(&USERS);
    let mut carla = server.log_in("carla");
    carla.say("@ana from carla\n".repeat(3_000).trim_end());
    (0..3_000).for_each(|_| assert!(carla.hear_all().is_empty()));
    let (mut bruno, _) = LiveClient::log_in(server.address(), "bruno", None);
    let id = bruno.send("1", "ana", "hi");
    let (mut ana, unread) = LiveClient::log_in(server.address(), "ana", None);
    assert_eq!(unread.len(), 3_001);
    for up_to in [id, id, 99_999_999, 1] {
        ana.say(&format!(r#"read {{"with":"bruno","up_to":{up_to}}}"#));
    }
    ana.say("conversations {}");
    let page = loop {
        if let Event::Conversations(page) = ana.hear() {
            break page;
        }
    };
    let unread = page.conversations.iter();
    let unread: Vec<_> = unread.map(|one| (one.with.as_str(), one.unread)).collect();
    assert_eq!(unread, [("bruno", 0), ("carla", 3_000)]);
    let receipts = bruno.hear_all();
    let receipts = receipts.iter();
    let receipts = receipts.filter(|event| matches!(event, Event::Receipt(_)));
    assert_eq!(receipts.count(), 1);
    assert_eq!(server.archive(1).len(), 1);
}

#[test]
fn thousands_of_lines_to_a_group_in_one_go_reach_every_member() {
    let server = TestServer::start(&USERS);
    std::fs::write(server.file("groups.csv"), "all,ana\nall,bruno\nall,carla\n").unwrap();
    eventually(|| ask(server.folder.path()).unwrap().groups == 1);
    let mut ana = server.log_in("ana");
    let mut bruno = server.log_in("bruno");
    ana.say("@all x\n".repeat(3_000).trim_end());
    (0..3_000).for_each(|_| assert!(ana.hear_all().is_empty()));
    assert_eq!(bruno.exchange("").len(), 3_000);
}

#[test]
fn a_client_that_takes_nothing_delays_nobody_and_is_disconnected() {
    let server = TestServer::with_arguments(&USERS, &["--dead-link-after", "2"]);
    let mut ana = server.log_in("ana");
    let text = "x".repeat(10_000);
    for _ in 0..1_500 {
        ana.say(format!("@bruno {text}"));
    }
    for _ in 0..1_500 {
        ana.hear_all();
    }
    let mut stalled = TcpStream::connect(server.address()).unwrap();
    stalled.write_all(b"bruno\n").unwrap();
    let mut byte = [0];
    stalled.read_exact(&mut byte).unwrap();
    let since = Instant::now();
    ana.exchange("@carla quick");
    assert!(since.elapsed() < Duration::from_secs(1));
    let mut carla = server.connect(Framing::Line);
    assert_eq!(carla.exchange("carla"), ["@ana quick"]);
    // Longer than its limit; a client that takes nothing has no event to wait for.
    thread::sleep(Duration::from_secs(3));
    let mut taken = Vec::new();
    eventually(|| match stalled.read_to_end(&mut taken) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    });
    assert!(
        taken.len() < 1_500 * text.len(),
        "it was disconnected before it got everything"
    );
    // Nothing of what it did not take is lost.
    let mut bruno = server.connect(Framing::Line);
    assert_eq!(bruno.exchange("bruno").len(), 1_500);
}

#[test]
fn what_a_bare_client_gets_comes_in_segments_of_their_own() {
    let server = TestServer::start(&USERS);
    let mut ana = server.log_in("ana");
    for number in 0..30 {
        ana.exchange(&format!("@bruno {number}"));
    }
    let mut bruno = server.connect(Framing::Bare);
    bruno.say("bruno");
    for number in 0..30 {
        assert_eq!(bruno.hear().unwrap(), format!("@ana {number}").into_bytes());
    }
    assert_eq!(bruno.hear().unwrap(), b"f");
}

#[test]
fn what_a_bare_client_sends_while_it_is_answered_is_not_glued_together() {
    let server = TestServer::start(&USERS);
    let mut ana = server.log_in("ana");
    for number in 0..20 {
        ana.exchange(&format!("@bruno {number}"));
    }
    let mut bruno = server.connect(Framing::Bare);
    bruno.say("bruno");
    for line in ["@nobody hello", "@ana one", "@ana two"] {
        // Each with a message that says the answer is still under way.
        assert!(bruno.hear().unwrap().starts_with(b"@ana "));
        bruno.say(line);
    }
    (3..20).for_each(|_| assert!(bruno.hear().unwrap().starts_with(b"@ana ")));
    for _ in 0..4 {
        assert_eq!(bruno.hear().unwrap(), b"f");
    }
    assert_eq!(ana.exchange(""), ["@bruno one", "@bruno two"]);
    bruno.close_own_side();
    assert_eq!(bruno.hear(), None);
    assert_eq!(server.archive(20).len(), 20);
}

#[test]
fn two_thousand_users_are_connected_and_talk() {
    let users: Vec<_> = (0..2_000).map(|number| format!("user{number}")).collect();
    let names: Vec<_> = users.iter().map(String::as_str).collect();
    let server = TestServer::with_arguments(&names, &["--max-connections-per-address", "2100"]);
    #[cfg(unix)]
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let mut clients: Vec<Client> = users
        .iter()
        .map(|login| {
            let mut client = server.connect(Framing::Line);
            client.say(login);
            client
        })
        .collect();
    for client in &mut clients {
        client.hear_all();
    }
    for (number, client) in clients.iter_mut().enumerate() {
        client.say(format!("@user{} hello", (number + 1) % 2_000));
    }
    for client in &mut clients {
        client.hear_all();
    }
    for client in &mut clients {
        client.say("");
    }
    let got: usize = clients
        .iter_mut()
        .map(|client| client.hear_all().len())
        .sum();
    // Some came with the answer before.
    assert!(got <= 2_000);
    drop(clients);
    assert_eq!(server.archive(2_000).len(), 2_000);
}
