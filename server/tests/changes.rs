//! Messages that change others (rule V17): whoever comes when and how sees the same in the end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::{collections::BTreeMap, fs, net::SocketAddr, time::Duration};

use mensageiro_protocol::{
    Framing,
    live::{About, Delivered, Event},
};
use support::{Client, TestServer, live::LiveClient};

/// What a device shows: texts by id, with the edit that each is of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Device {
    shown: BTreeMap<u64, (u64, String)>,
    /// Newest edits, and deletions, also of what is not here.
    edits: BTreeMap<u64, (u64, String)>,
    gone: Vec<u64>,
}

impl Device {
    fn take(&mut self, told: &Delivered) {
        let text = told.text.to_string();
        match told.about {
            Some(About::Delete(of)) => {
                self.gone.push(of);
                self.shown.remove(&of);
            }
            Some(About::Edit(of)) => {
                let edit = self.edits.entry(of).or_default();
                *edit = edit.clone().max((told.id, text));
            }
            _ if self.gone.contains(&told.id) => {}
            _ => drop(self.shown.insert(told.id, (0, text))),
        }
        for (id, shown) in &mut self.shown {
            if let Some(edit) = self.edits.get(id) {
                *shown = shown.clone().max(edit.clone());
            }
        }
    }

    fn take_all(&mut self, events: &[Event]) {
        for event in events {
            if let Event::Message(told) = event {
                self.take(told);
            }
        }
    }
}

fn device(address: SocketAddr, login: &str, after: u64) -> (LiveClient, Device) {
    let hello = format!("{login} live/1 about=1 after={after}");
    let (client, backlog) = LiveClient::log_in_with(address, &hello);
    let mut device = Device::default();
    device.take_all(&backlog);
    (client, device)
}

/// A device that knows only what `history` says.
fn fresh(address: SocketAddr, login: &str, with: &str) -> Device {
    let (mut client, _) = LiveClient::log_in_with(address, &format!("{login} live/1 about=1"));
    let mut device = Device::default();
    let mut before = u64::MAX >> 24;
    loop {
        client.say(&format!(
            r#"history {{"with":"{with}","before":{before},"limit":3}}"#
        ));
        let mut page = client.hear_until(|event| matches!(event, Event::History(_)));
        page.retain(|event| matches!(event, Event::Message(told) if told.is_old));
        let said = page.iter().filter_map(|event| match event {
            Event::Message(told) if told.about.is_none() => Some(told.id),
            _ => None,
        });
        let Some(oldest) = said.min() else {
            return device;
        };
        assert!(oldest < before);
        before = oldest;
        device.take_all(&page);
    }
}

/// The next number of a sequence that looks like chance.
fn next(chance: &mut u64) -> u64 {
    *chance ^= *chance << 13;
    *chance ^= *chance >> 7;
    *chance ^= *chance << 17;
    *chance
}

#[test]
fn devices_that_edit_and_delete_against_each_other_show_the_same_in_the_end() {
    let mut server = TestServer::start(&["ana", "bob"]);
    let mut chance = 0x9e37_79b9_7f4a_7c15;
    for round in 0..4 {
        let address = server.address();
        let mut devices: Vec<_> = ["ana", "ana", "bob", "bob"]
            .map(|login| (login, device(address, login, 0)))
            .into();
        let mut own: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for (_, (_, device)) in &devices {
            assert_eq!(device.shown, devices[0].1.1.shown, "round {round}");
        }
        for n in 0..100 {
            let at = next(&mut chance) as usize % devices.len();
            let (login, (client, device)) = &mut devices[at];
            let to = if *login == "ana" { "bob" } else { "ana" };
            let mine = own.entry(login).or_default();
            let of = mine
                .get(next(&mut chance) as usize % mine.len().max(1))
                .copied();
            let head = match (next(&mut chance) % 4, of) {
                (0, Some(of)) => format!(";del={of}"),
                (1 | 2, Some(of)) => format!(";edit={of}"),
                _ => String::new(),
            };
            client.say(&format!("#{round}-{n}{head} @{to} text {round} {n}"));
            // Often nobody waits for the answer, so that the devices do not know of each other.
            if head.is_empty() || next(&mut chance).is_multiple_of(3) {
                let answer = client.hear_until(|event| {
                    matches!(event, Event::Accepted(one) if one.tag.as_str() == format!("{round}-{n}"))
                        || matches!(event, Event::Refused(_))
                });
                device.take_all(&answer);
                if head.is_empty() {
                    let id = client_id(client, round, n, to);
                    mine.push(id);
                }
            }
        }
        for (_, (client, device)) in &mut devices {
            device.take_all(&client.hear_all());
        }
        // What one has sent oneself comes with the next backlog.
        drop(devices);
        let whole = device(address, "ana", 0).1;
        assert_eq!(device(address, "bob", 0).1.shown, whole.shown);
        assert_eq!(fresh(address, "ana", "bob").shown, whole.shown);
        assert_eq!(fresh(address, "bob", "ana").shown, whole.shown);
        assert!(whole.shown.values().any(|(edit, _)| *edit > 0) && !whole.gone.is_empty());
        server.restart();
    }
}

/// Sends a message about another one, and returns its id.
fn send(client: &mut LiveClient, (tag, about): (&str, &str), to: &str, text: &str) -> u64 {
    client.say(&format!("#{tag};{about} @{to} {text}"));
    client.hear_until_accepted().id
}

/// The id of what was just accepted: the same tag is the same message.
fn client_id(client: &mut LiveClient, round: usize, n: usize, to: &str) -> u64 {
    client.say(&format!("#{round}-{n} @{to} text {round} {n}"));
    client.hear_until_accepted().id
}

fn rows(server: &TestServer) -> Vec<String> {
    let csv = fs::read_to_string(server.folder.path().join("messages.csv")).unwrap();
    let rows = csv.lines().skip(1).map(|row| {
        let fields: Vec<_> = row.split(',').collect();
        format!("{} {} {}", fields[0], fields[4], fields[5])
    });
    rows.collect()
}

#[test]
fn the_archive_says_what_each_reader_has_read() {
    let mut server = TestServer::start(&["ana", "bob", "eva"]);
    fs::write(
        server.folder.path().join("groups.csv"),
        "class,ana\nclass,bob\nclass,eva\n",
    )
    .unwrap();
    server.restart();
    let (mut ana, _) = device(server.address(), "ana", 0);
    for (tag, to, text) in [
        ("1", "class", "one"),
        ("2", "class", "two"),
        ("3", "class", "three"),
    ] {
        ana.send(tag, to, text);
    }
    let mut bob = Client::connect(server.address(), Framing::Line);
    let said = bob.exchange("bob");
    assert_eq!(
        said,
        ["@class ana: one", "@class ana: two", "@class ana: three"]
    );
    // Bob says that he has read them, and then they change.
    assert!(bob.exchange("").is_empty());
    send(&mut ana, ("4", "edit=1"), "class", "ONE");
    send(&mut ana, ("5", "del=2"), "class", "-");
    send(&mut ana, ("6", "edit=3"), "class", "THREE");
    send(&mut ana, ("7", "edit=3"), "class", "3");
    assert_eq!(bob.exchange(""), ["@class ana: * ONE", "@class ana: * 3"]);
    assert!(bob.exchange("").is_empty());
    let mut eva = Client::connect(server.address(), Framing::Line);
    assert_eq!(eva.exchange("eva"), ["@class ana: ONE", "@class ana: 3"]);
    assert!(eva.exchange("").is_empty());
    let expected = [
        "1 class/bob one",
        "2 class/bob two",
        "3 class/bob three",
        "4 class/bob * ONE",
        "7 class/bob * 3",
        "1 class/eva ONE",
        "3 class/eva 3",
    ];
    support::eventually(|| rows(&server) == expected);
    server.restart();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(rows(&server), expected);
}

#[test]
fn a_conversation_is_listed_by_what_is_left_of_it_page_by_page() {
    let server = TestServer::start(&["ana", "bob", "eva", "zoe"]);
    let (mut ana, _) = device(server.address(), "ana", 0);
    let first = ana.send("1", "bob", "first");
    let eva = ana.send("2", "eva", "to eva");
    let zoe = ana.send("3", "zoe", "to zoe");
    let second = ana.send("4", "bob", "second");
    send(&mut ana, ("5", &format!("del={second}")), "bob", "-");
    send(&mut ana, ("6", &format!("edit={first}")), "bob", "FIRST");
    send(&mut ana, ("7", &format!("del={zoe}")), "zoe", "-");
    let mut before = String::new();
    let mut listed = Vec::new();
    loop {
        ana.say(&format!(r#"conversations {{{before}"limit":1}}"#));
        let page = loop {
            if let Event::Conversations(page) = ana.hear() {
                break page;
            }
        };
        for one in &page.conversations {
            let edit = one.last.edit.as_ref().map(|edit| edit.text.to_string());
            listed.push((one.with.to_string(), one.last.id, edit));
            before = format!(r#""before":{},"#, one.last.id);
        }
        if !page.more || page.conversations.is_empty() {
            break;
        }
    }
    let expected = [
        ("bob".to_owned(), first, Some("FIRST".to_owned())),
        ("eva".to_owned(), eva, None),
    ];
    assert_eq!(listed, expected);
}

#[test]
fn a_page_of_history_has_messages_however_much_was_deleted_and_edited() {
    let server = TestServer::start(&["ana", "bob"]);
    let (mut ana, _) = device(server.address(), "ana", 0);
    let first = ana.send("first", "bob", "first");
    for n in 0..300 {
        ana.say(&format!("#{n} @bob text {n}"));
    }
    ana.hear_accepted(300);
    for n in 0..300 {
        ana.say(&format!("#d{n};del={} @bob -", first + 1 + n));
    }
    for n in 0..300 {
        ana.say(&format!("#e{n};edit={first} @bob again {n}"));
    }
    ana.hear_accepted(600);
    ana.say(r#"history {"with":"bob","limit":9}"#);
    let page =
        ana.hear_until(|event| matches!(event, Event::History(end) if end.count == 1 && !end.more));
    let texts = support::live::messages(&page);
    assert_eq!(
        texts,
        [
            (first, "first".to_owned()),
            (first + 900, "again 299".to_owned())
        ]
    );
}

#[test]
fn what_is_deleted_while_a_new_device_gets_its_backlog_is_deleted_there_too() {
    let server = TestServer::start(&["ana", "bob"]);
    let (mut ana, _) = device(server.address(), "ana", 0);
    let first = ana.send("first", "bob", "first");
    let long = "x".repeat(16_000);
    for n in 0..500 {
        ana.say(&format!("#{n} @bob {long}"));
    }
    ana.hear_accepted(500);
    let mut bob = LiveClient::connect(server.address());
    bob.say("bob live/1 about=1");
    // The backlog is on its way, and more than fits into the buffers of a socket.
    let mut told = bob.hear_until(|event| matches!(event, Event::Message(_)));
    send(&mut ana, ("d", &format!("del={first}")), "bob", "-");
    told.extend(bob.hear_until(|event| matches!(event, Event::End)));
    let deletion = Some(About::Delete(first));
    let is_told = |event: &Event| matches!(event, Event::Message(told) if told.about == deletion);
    assert!(told.iter().any(is_told));
}
