//! The roster, whole and in changes, with more users and larger groups than any line holds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs, thread,
    time::Duration,
};

use mensageiro_protocol::{
    limits::EVENT_BYTES,
    live::{Event, Presence, ReceiptState, Roster},
};
use mensageiro_server::metrics::ask as status;
use support::{Client, TestServer, eventually, live::LiveClient};

/// What a client knows that takes in line by line.
#[derive(Debug, Default, PartialEq, Eq)]
struct Known {
    users: BTreeMap<String, String>,
    groups: BTreeMap<String, BTreeSet<String>>,
}

impl Known {
    fn take(&mut self, roster: &Roster) {
        let mut line = Vec::new();
        Event::Roster(roster.clone()).encode(&mut line);
        assert!(line.len() <= EVENT_BYTES, "{} bytes", line.len());
        for gone in &roster.gone {
            self.users.remove(gone.as_str());
            self.groups.remove(gone.as_str());
        }
        for user in &roster.users {
            let login = user.presence.login.to_string();
            let role = if user.role.is_some() { "*" } else { "" };
            self.users.insert(login, format!("{}{role}", user.name));
        }
        for group in &roster.groups {
            let members = self.groups.entry(group.name.to_string()).or_default();
            for gone in &group.gone {
                members.remove(gone.as_str());
                members.remove(&format!("{gone}*"));
            }
            for member in &group.members {
                // Whoever comes again may have another role.
                members.remove(member.as_str());
                members.remove(&format!("{member}*"));
                let role = if group.admins.contains(member) {
                    "*"
                } else {
                    ""
                };
                members.insert(format!("{member}{role}"));
            }
        }
    }
}

fn next_line(client: &mut LiveClient) -> Roster {
    loop {
        match client.hear() {
            Event::Roster(roster) => return roster,
            Event::Bye(bye) => panic!("{bye:?}"),
            _ => {}
        }
    }
}

/// A whole roster, or all lines of a change.
fn hear(client: &mut LiveClient, known: &mut Known) -> bool {
    loop {
        let line = next_line(client);
        known.take(&line);
        if !line.more {
            return line.changes;
        }
    }
}

fn ask(client: &mut LiveClient, question: &str) -> Known {
    client.say(question);
    let mut known = Known::default();
    assert!(!hear(client, &mut known));
    known
}

fn server(users: &str, groups: &[(String, Vec<String>)]) -> TestServer {
    let mut server = TestServer::start(&["ana"]);
    write(&server, users, groups);
    server.restart();
    server
}

fn write(server: &TestServer, users: &str, groups: &[(String, Vec<String>)]) {
    let mut lines = String::from("group,member\n");
    for (group, members) in groups {
        for member in members {
            writeln!(lines, "{group},{member}").unwrap();
        }
    }
    fs::write(server.file("groups.csv"), lines).unwrap();
    fs::write(server.file("users.csv"), users).unwrap();
}

fn crowd(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("aluno{number:05}"))
        .collect()
}

fn users_csv(users: &[String]) -> String {
    let mut lines = String::from("login,name\nana,Ana\nbruno,Bruno\n");
    for user in users {
        writeln!(lines, "{user},Aluno da Silva Pereira {user}").unwrap();
    }
    lines
}

#[test]
fn an_edit_of_a_large_users_csv_ends_no_session_however_slow() {
    let users = crowd(20_000);
    let server = server(&users_csv(&users), &[]);
    let log_in = |login| LiveClient::log_in(server.address(), login, None).0;
    let (mut ana, mut bruno) = (log_in("ana"), log_in("bruno"));
    let known = ask(&mut ana, "roster {}");
    assert_eq!(known.users.len(), users.len() + 2);
    assert_eq!(ask(&mut bruno, r#"roster {"changes":true}"#), known);
    let more = users_csv(&crowd(20_001));
    fs::write(server.file("users.csv"), more).unwrap();
    let mut changed = known;
    assert!(hear(&mut bruno, &mut changed));
    assert_eq!(changed.users.len(), users.len() + 3);
    // Only now, when all of it has waited for a while, the other one looks.
    let mut again = Known::default();
    assert!(!hear(&mut ana, &mut again));
    assert_eq!(again, changed);
}

#[test]
fn who_asks_for_changes_is_told_what_concerns_it_and_nothing_else() {
    let group = |name: &str, members: &[&str]| {
        let members = members.iter().map(|&member| member.to_owned());
        (name.to_owned(), members.collect::<Vec<_>>())
    };
    let before = [
        group("turma-a", &["ana", "carla", "davi"]),
        group("turma-b", &["ana", "carla"]),
        group("turma-c", &["bruno", "carla"]),
    ];
    let server = server("login,name\nana,Ana\nbruno,Bruno\ncarla,\ndavi,\n", &before);
    let log_in = |login| LiveClient::log_in(server.address(), login, None).0;
    let (mut ana, mut bruno) = (log_in("ana"), log_in("bruno"));
    let mut anas = ask(&mut ana, r#"roster {"changes":true}"#);
    let mut brunos = ask(&mut bruno, r#"roster {"changes":true}"#);
    assert_eq!(anas.groups.len(), 2);
    let after = [
        group("turma-a", &["ana", "carla", "eva"]),
        group("turma-c", &["ana", "bruno", "carla"]),
        group("turma-d", &["ana", "eva"]),
    ];
    write(
        &server,
        "login,name\nana,Ana\nbruno,Bruno\ncarla,Carla\neva,Eva\n",
        &after,
    );
    // Both files are read, perhaps one after the other.
    eventually(|| {
        assert!(hear(&mut ana, &mut anas));
        anas.groups.contains_key("turma-d") && !anas.users.contains_key("davi")
    });
    eventually(|| {
        assert!(hear(&mut bruno, &mut brunos));
        brunos.groups["turma-c"].len() == 3 && !brunos.users.contains_key("davi")
    });
    assert_eq!(anas, ask(&mut log_in("ana"), "roster {}"));
    assert_eq!(brunos, ask(&mut log_in("bruno"), "roster {}"));
    assert_eq!(brunos.groups.len(), 1);
}

#[test]
fn a_new_role_is_told_to_those_whom_it_concerns() {
    let server = server("login,role\nana,\nbruno,\ncarla,\n", &[]);
    let role = |admin: &str| {
        let rows = ["ana", "bruno"].map(|member| {
            let role = if member == admin { "admin" } else { "" };
            format!("class,{member},{role}\n")
        });
        let groups = format!("group,member,role\n{}", rows.concat());
        fs::write(server.file("groups.csv"), groups).unwrap();
    };
    let log_in = |login| LiveClient::log_in(server.address(), login, None).0;
    let (mut ana, mut carla) = (log_in("ana"), log_in("carla"));
    let mut anas = ask(&mut ana, r#"roster {"changes":true}"#);
    let mut carlas = ask(&mut carla, r#"roster {"changes":true}"#);
    for (admin, expected) in [("bruno", ["ana", "bruno*"]), ("ana", ["ana*", "bruno"])] {
        role(admin);
        assert!(hear(&mut ana, &mut anas));
        let members: Vec<_> = anas.groups["class"].iter().collect();
        assert_eq!(members, expected);
    }
    fs::write(
        server.file("users.csv"),
        "login,role\nana,\nbruno,Admin\ncarla,\n",
    )
    .unwrap();
    for (client, known) in [(&mut ana, &mut anas), (&mut carla, &mut carlas)] {
        assert!(hear(client, known));
        assert_eq!(known.users["bruno"], "*");
    }
    assert!(carlas.groups.is_empty());
    assert_eq!(anas, ask(&mut log_in("ana"), "roster {}"));
    assert_eq!(carlas, ask(&mut log_in("carla"), "roster {}"));
}

#[test]
fn large_groups_and_many_groups_come_in_lines_that_anybody_can_take() {
    let users = crowd(10_000);
    let mut everybody = users.clone();
    everybody.push("ana".into());
    let mut groups: Vec<_> = (0..14)
        .map(|number| (format!("escola{number}"), everybody.clone()))
        .collect();
    groups.extend((0..100).map(|number| {
        let mut members = users[number * 90..][..125].to_vec();
        members.push("ana".into());
        (format!("turma{number}"), members)
    }));
    let server = server(&users_csv(&users), &groups);
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    let mut known = ask(&mut ana, r#"roster {"changes":true}"#);
    let expected: BTreeMap<String, BTreeSet<String>> = groups
        .iter()
        .map(|(name, members)| (name.clone(), members.iter().cloned().collect()))
        .collect();
    assert_eq!(known.groups, expected);
    // One leaves all of the large ones, and two come into one.
    for (_, members) in &mut groups[..14] {
        members.remove(7);
    }
    groups[20]
        .1
        .extend(["bruno".to_owned(), users[9_999].clone()]);
    write(&server, &users_csv(&users), &groups);
    let mut lines = 0;
    eventually(|| {
        let line = next_line(&mut ana);
        lines += 1;
        assert!(line.changes && line.users.is_empty(), "{line:?}");
        known.take(&line);
        known.groups["turma6"].len() == 128 && known.groups["escola13"].len() == 10_000
    });
    assert!(lines < 4, "{lines} lines for a few changes");
    assert!(matches!(ana.hear_all()[..], []), "and nothing else");
}

#[test]
fn answers_and_edits_do_not_get_between_each_others_lines() {
    let server = server(&users_csv(&crowd(3_000)), &[]);
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    for round in 1..6 {
        let users = crowd(3_000 + round);
        ana.say("roster {}");
        fs::write(server.file("users.csv"), users_csv(&users)).unwrap();
        ana.say("roster {}");
        thread::sleep(Duration::from_millis(100));
        ana.say("roster {}");
        // Each is complete, and the last one is of the last edit.
        eventually(|| {
            let mut known = Known::default();
            hear(&mut ana, &mut known);
            let count = known.users.len();
            assert!((3_002..=users.len() + 2).contains(&count), "{count}");
            count == users.len() + 2
        });
    }
}

#[test]
fn receipts_of_a_large_group_end_no_session() {
    let name = |kind: &str, number: usize| format!("{kind}{number:0>60}");
    let members: Vec<_> = (0..2_600).map(|number| name("m", number)).collect();
    let group = name("g", 0);
    let mut all = members.clone();
    all.push("ana".into());
    let server = server(
        &format!("login\n{}\n", all.join("\n")),
        &[(group.clone(), all)],
    );
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    let id = ana.send("t", &group, "to all");
    drop(ana);
    let address = server.address();
    thread::scope(|scope| {
        for part in members.chunks(members.len() / 60) {
            scope.spawn(move || {
                for member in part {
                    let mut client = Client::connect(address, mensageiro_protocol::Framing::Line);
                    client.say(member);
                    assert_eq!(client.hear_all().len(), 1);
                    client.close();
                }
            });
        }
    });
    let reads = |events: &[Event]| {
        let is_read = |event: &&Event| matches!(event, Event::Receipt(one) if one.id == id && one.state == ReceiptState::Read);
        events.iter().filter(is_read).count()
    };
    let (mut ana, backlog) = LiveClient::log_in(address, "ana", Some(id));
    assert_eq!(reads(&backlog), members.len());
    ana.say(&format!(r#"history {{"with":"{group}"}}"#));
    let answer = ana.hear_until(|event| matches!(event, Event::History(_)));
    assert_eq!(reads(&answer), members.len());
    // Who has written nothing there needs none of it.
    let (mut other, _) = LiveClient::log_in(address, &members[0], None);
    other.say(&format!(r#"history {{"with":"{group}"}}"#));
    let answer = other.hear_until(|event| matches!(event, Event::History(_)));
    assert_eq!(answer.len(), 1);
}

#[test]
fn a_roster_shows_who_is_there_whoever_asked_for_it_before() {
    let server = server(&users_csv(&crowd(700)), &[]);
    let log_in = |login: &str| LiveClient::log_in(server.address(), login, None).0;
    let mut ana = log_in("ana");
    let states = |client: &mut LiveClient| {
        client.say("roster {}");
        let (mut states, mut is_more) = (Vec::new(), true);
        while is_more {
            let line = next_line(client);
            is_more = line.more;
            let present = line.users.into_iter().map(|user| user.presence);
            states
                .extend(present.filter(|one| one.state != Presence::Offline || one.seen.is_some()));
        }
        let shown = states.iter().map(|one| {
            let was_there = one.seen.is_some();
            format!("{} {:?} {} {was_there}", one.login, one.state, one.note)
        });
        shown.collect::<Vec<_>>()
    };
    assert_eq!(states(&mut ana), ["ana Online  false"]);
    let mut last = log_in("aluno00699");
    let mut middle = log_in("aluno00300");
    middle.say(r#"status {"state":"away","note":"lunch \"out\""}"#);
    middle.hear_all();
    let expected = [
        r#"aluno00300 Away lunch "out" false"#,
        "aluno00699 Online  false",
        "ana Online  false",
    ];
    assert_eq!(states(&mut ana), expected);
    assert_eq!(states(&mut last), expected);
    drop(middle);
    drop(last);
    eventually(|| status(server.folder.path()).unwrap().sessions == 1);
    let expected = [
        "aluno00300 Offline  true",
        "aluno00699 Offline  true",
        "ana Online  false",
    ];
    eventually(|| states(&mut ana) == expected);
}

#[test]
fn who_comes_and_goes_while_a_client_reads_nothing_is_told_to_it_later_and_once() {
    let users = crowd(300);
    let server = server(&users_csv(&users), &[]);
    let log_in = |login: &str| LiveClient::log_in(server.address(), login, None).0;
    let mut ana = log_in("ana");
    ask(&mut ana, "roster {}");
    let mut slow = log_in("bruno");
    ask(&mut slow, "roster {}");
    // The slow one gets more than waits for it, and does not look.
    (0..40).for_each(|_| slow.say("roster {}"));
    for user in &users {
        let mut client = log_in(user);
        client.hear_all();
    }
    let told = |client: &mut LiveClient| {
        let mut left = BTreeSet::new();
        while left.len() < users.len() {
            if let Event::Presence(news) = client.hear()
                && news.state == Presence::Offline
            {
                left.insert(news.login.to_string());
            }
        }
        left
    };
    let expected: BTreeSet<_> = users.iter().cloned().collect();
    assert_eq!(told(&mut ana), expected);
    assert_eq!(told(&mut slow), expected);
}

#[test]
fn in_a_large_group_nobody_is_told_who_types() {
    let users = crowd(300);
    let with_both = |rest: &[String]| {
        let both = ["ana", "bruno"].map(str::to_owned);
        both.into_iter()
            .chain(rest.iter().cloned())
            .collect::<Vec<_>>()
    };
    let groups = [
        ("escola".to_owned(), with_both(&users)),
        ("turma".to_owned(), with_both(&users[..50])),
    ];
    let server = server(&users_csv(&users), &groups);
    let log_in = |login: &str| LiveClient::log_in(server.address(), login, None).0;
    let mut bruno = log_in("bruno");
    for (group, is_told) in [("escola", false), ("turma", true)] {
        let mut ana = log_in("ana");
        ana.say(&format!(r#"typing {{"to":"{group}"}}"#));
        ana.hear_all();
        let heard = bruno.hear_all();
        let typing = heard
            .iter()
            .filter(|event| matches!(event, Event::Typing(_)));
        assert_eq!(typing.count() > 0, is_told, "{group}");
    }
}

#[test]
fn who_asks_for_much_and_leaves_is_not_answered_any_more() {
    let server = server(&users_csv(&crowd(5_000)), &[]);
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    for number in 0..50 {
        ana.send(&number.to_string(), "bruno", &"x".repeat(1_000));
    }
    let lines = [
        "roster {}",
        r#"history {"with":"bruno","limit":200}"#,
        r#"conversations {"limit":200}"#,
    ];
    let clients: Vec<_> = (0..30)
        .map(|number| {
            let (mut client, _) = LiveClient::log_in(server.address(), "ana", Some(0));
            // As much as the server takes while it answers; nothing is read.
            client
                .stream
                .set_write_timeout(Some(Duration::from_millis(200)))
                .unwrap();
            let many = format!("{}\n", lines[number % 3]).repeat(10_000);
            let _ = std::io::Write::write_all(&mut client.stream, many.as_bytes());
            client
        })
        .collect();
    drop(clients);
    drop(ana);
    // Made for nobody, the answers would take minutes.
    eventually(|| status(server.folder.path()).unwrap().sessions == 0);
}
