//! What clients of a server are told after it has converted the kept store.

use std::{collections::BTreeMap, fs, path::Path};

use clap::Parser;
use mensageiro_protocol::{Framing, live::Event};
use mensageiro_server::{Options, Server, commands};

use crate::{
    sample::{self, Expected, Told, expected},
    support::{self, live::LiveClient},
};

fn start(data: &Path) -> Server {
    let arguments = ["mensageiro-server", "--listen", "127.0.0.1:0", "--data"];
    let arguments = arguments.into_iter().chain([data.to_str().unwrap()]);
    Server::start(&Options::parse_from(arguments)).unwrap()
}

/// The events of some lines: messages in their order, then all others in a fixed one.
fn told(lines: &[String]) -> Vec<Event> {
    sorted(sample::events(lines))
}

fn sorted(events: impl IntoIterator<Item = Event>) -> Vec<Event> {
    let mut events: Vec<_> = events.into_iter().collect();
    events.sort_by_key(|event| match event {
        Event::Message(_) => String::new(),
        other => format!("{other:?}"),
    });
    events
}

/// Asks for everything, as `make.py` did.
fn check(server: &Server, me: &str, expected: &Told) {
    let (mut client, unread) = LiveClient::log_in(server.address(), me, None);
    assert_eq!(unread, told(&expected.unread), "{me}: unread");
    client.say(r#"conversations {"limit":200}"#);
    let mut receipts = Vec::new();
    let conversations = loop {
        match client.hear() {
            Event::Conversations(page) => break page.conversations,
            receipt => receipts.push(receipt),
        }
    };
    assert_eq!(conversations, expected.conversations, "{me}");
    assert_eq!(sorted(receipts), told(&expected.receipts), "{me}");
    for (with, lines) in &expected.histories {
        client.say(&format!(r#"history {{"with":"{with}","limit":200}}"#));
        let history = client.hear_until(|event| matches!(event, Event::History(_)));
        assert_eq!(sorted(history), told(lines), "{me} and {with}");
    }
    let (_, resumed) = LiveClient::log_in(server.address(), me, Some(0));
    // Of a group that somebody had left, format 3 still told receipts.
    let is_told = |event: &Event| match event {
        Event::Receipt(one) => expected.conversations.iter().any(|it| it.with == one.with),
        _ => true,
    };
    let expected = told(&expected.resumed).into_iter().filter(is_told);
    let expected: Vec<_> = expected.collect();
    assert_eq!(sorted(resumed), expected, "{me}: resumed");
}

fn check_all(server: &Server, expected: &Expected) {
    for (me, told) in &expected.told {
        check(server, me, told);
    }
}

#[test]
fn everybody_is_told_what_they_were_told_before_and_the_archive_goes_on() {
    let (data, expected) = (sample::data(), expected());
    let server = start(data.path());
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    ana.say("roster {}");
    let roster = loop {
        if let Event::Roster(roster) = ana.hear() {
            break roster;
        }
    };
    let seen = roster.users.into_iter().filter_map(|user| {
        let login = user.presence.login.as_str().to_owned();
        Some((login, user.presence.seen?))
    });
    assert_eq!(seen.collect::<BTreeMap<_, _>>(), expected.seen);
    drop(ana);
    check_all(&server, &expected);
    let archive = data.path().join("messages.csv");
    support::eventually(|| fs::read_to_string(&archive).unwrap() == expected.archive);
    server.stop();
    // The second start is one like any other.
    let server = start(data.path());
    check_all(&server, &expected);
    server.stop();
    assert_eq!(fs::read_to_string(&archive).unwrap(), expected.archive);
    assert!(data.path().join("store-format-3/keyspaces").exists());
}

/// Its log has format 1, no file says which version has written it, and access.json has no checksum.
#[test]
fn a_folder_from_before_versions_were_recorded_serves_everybody_as_before() {
    let (data, expected) = sample::log_1();
    let access = data.path().join("access.json");
    let before = fs::read(&access).unwrap();
    let server = start(data.path());
    check_all(&server, &expected);
    server.stop();
    let archive = data.path().join("messages.csv");
    assert_eq!(fs::read_to_string(&archive).unwrap(), expected.archive);
    // What was there is as it was, and a program that knows only that format refuses the store.
    let store = data.path().join("store");
    let format = |file: &str| fs::read(store.join(file)).unwrap()[8..12].to_vec();
    let segments = fs::read_dir(store.join("log")).unwrap();
    let segments = segments.map(|one| one.unwrap().file_name().into_string().unwrap());
    let mut segments: Vec<_> = segments.filter(|name| name.ends_with(".log")).collect();
    segments.sort_unstable();
    assert_eq!(segments.len(), 2);
    let formats = segments
        .iter()
        .map(|name| format(&format!("log/{name}"))[3]);
    assert_eq!(formats.collect::<Vec<_>>(), [1, 2]);
    assert_eq!(format("identity"), [0, 0, 0, 2]);
    let copy = data.path().join("access-format-1.json");
    assert_eq!(fs::read(&copy).unwrap(), before);
    assert_ne!(fs::read(&access).unwrap(), before);
    // Whoever may log in may still do so.
    let arguments = [
        "mensageiro-server",
        "--listen",
        "127.0.0.1:0",
        "--closed",
        "--data",
    ];
    let arguments = arguments.into_iter().chain([data.path().to_str().unwrap()]);
    let server = Server::start(&Options::parse_from(arguments)).unwrap();
    assert_eq!(server.access(), (true, (1, 1)));
    let bruno = format!("bruno {}", expected.program_key.unwrap());
    let mut client = support::Client::connect(server.address(), Framing::Line);
    client.exchange(&bruno);
    server.stop();
}

/// Makes a file that says it has format 3 of version 0.9.4. `version`: where that is; `checksum`: where the checksum begins.
fn renew(file: &Path, version: usize, checksum: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[8..12].copy_from_slice(&3_u32.to_be_bytes());
    bytes[version..version + 4].copy_from_slice(&[0, 9, 0, 4]);
    let sum = xxhash_rust::xxh3::xxh3_64(&bytes[..checksum]);
    bytes[checksum..checksum + 8].copy_from_slice(&sum.to_be_bytes());
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_store_of_a_newer_version_is_refused_with_the_version_that_can_read_it() {
    let segment = format!("log/{:020}.log", 0);
    for (name, version, checksum) in [("identity", 48, 56), (segment.as_str(), 12, 48)] {
        let (data, _) = sample::log_1();
        let file = data.path().join("store").join(name);
        renew(&file, version, checksum);
        let newer = fs::read(&file).unwrap();
        let arguments = [
            "mensageiro-server",
            "--listen",
            "127.0.0.1:0",
            "--repair",
            "--data",
        ];
        let arguments = arguments.into_iter().chain([data.path().to_str().unwrap()]);
        let started = Server::start(&Options::parse_from(arguments))
            .err()
            .unwrap();
        let checked = commands::check(data.path()).unwrap_err();
        for said in [started.to_string(), checked.to_string()] {
            assert!(said.starts_with(file.to_str().unwrap()), "{said}");
            assert!(
                said.contains("start version 0.9.4 or a later one"),
                "{said}"
            );
        }
        assert_eq!(fs::read(&file).unwrap(), newer);
    }
}

/// As a server leaves it that was killed before it noted how far it was.
#[test]
fn rows_that_are_in_the_archive_already_are_not_written_again() {
    let expected = expected();
    let whole = expected.archive;
    let kept = fs::read_to_string(sample::data().path().join("messages.csv")).unwrap();
    let ends: Vec<_> = whole.match_indices('\n').map(|(at, _)| at + 1).collect();
    let ends = ends.into_iter().filter(|&end| end > kept.len());
    let ends: Vec<_> = ends.collect();
    assert!(ends.len() > 9);
    let torn = ends[5] - 4;
    for cut in [ends[0], ends[4], torn, ends[ends.len() - 2], whole.len()] {
        let data = sample::data();
        let archive = data.path().join("messages.csv");
        fs::write(&archive, &whole[..cut]).unwrap();
        let server = start(data.path());
        support::eventually(|| fs::read_to_string(&archive).unwrap() == whole);
        server.stop();
        assert_eq!(fs::read_to_string(&archive).unwrap(), whole);
    }
}

#[test]
fn a_message_sent_again_is_known_by_its_tag_and_a_new_one_gets_a_new_id() {
    let (data, expected) = (sample::data(), expected());
    let server = start(data.path());
    for sent in &expected.sent {
        let (mut author, _) = LiveClient::log_in(server.address(), &sent.login, None);
        author.say(&format!("#{} @ana whatever it says", sent.tag));
        let accepted = author.hear_until_accepted();
        assert_eq!(
            (accepted.id, accepted.at),
            (sent.id, sent.at),
            "{}",
            sent.tag
        );
    }
    let (mut zoe, _) = LiveClient::log_in(server.address(), "zoë", None);
    assert_eq!(zoe.send("never-before", "ana", "new"), 91);
    server.stop();
}
