//! kill -9 of the real program at random moments under load: every message that was answered
//! with `f` is delivered exactly once and in order, and messages.csv holds exactly what was read.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "support/program.rs"]
mod program;
mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    hash::{BuildHasher, RandomState},
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    thread,
    time::Duration,
};

use program::Program;
use support::archive_rows;

const USERS: [&str; 4] = ["ana", "bruno", "carla", "diego"];

/// The moments; MENSAGEIRO_KILLS sets another number.
const KILLS: usize = 200;

/// How long after its start a server is killed at the latest, in microseconds. Where the tests for Windows run, little happens in
/// the time of the others.
const LATEST: u64 = if cfg!(windows) { 600_000 } else { 31_000 };

/// Whoever hears nothing for so long takes the server for dead: Wine keeps some connections of a program that was killed.
const SILENCE: Duration = Duration::from_secs(if cfg!(windows) { 2 } else { 20 });

/// A program that follows the assignment, and remembers what it may rely on.
struct Person {
    login: &'static str,
    sent: usize,
    /// Texts whose `f` came.
    acknowledged: Vec<String>,
    /// Lines that the server knows to be read.
    taken: Vec<String>,
    /// Lines that came, but the server may not know yet that they were read.
    doubtful: Vec<String>,
}

impl Person {
    /// Logs in and talks until the server is gone.
    fn talk(&mut self, address: SocketAddr, until_empty: bool) -> Option<()> {
        let mut stream = TcpStream::connect(address).ok()?;
        stream.set_nodelay(true).ok()?;
        stream.set_read_timeout(Some(SILENCE)).ok()?;
        let mut lines = BufReader::new(stream.try_clone().ok()?);
        writeln!(stream, "{}", self.login).ok()?;
        let mut heard = Vec::new();
        let is_whole = hear(&mut lines, &mut heard).is_some();
        self.compare(heard, is_whole);
        if !is_whole {
            return None;
        }
        loop {
            let to = USERS[self.sent % USERS.len()];
            let text = format!("{} {:06}", self.login, self.sent);
            if until_empty {
                writeln!(stream).ok()?;
            } else {
                self.sent += 1;
                writeln!(stream, "@{to} {text}").ok()?;
            }
            let mut heard = Vec::new();
            let is_whole = hear(&mut lines, &mut heard).is_some();
            if !is_whole {
                // Whether the line was still taken, only the next login can tell; what came of
                // this answer is read by nobody's knowledge.
                if !heard.is_empty() {
                    self.taken.append(&mut self.doubtful);
                    self.doubtful = heard;
                }
                return None;
            }
            self.taken.append(&mut self.doubtful);
            self.doubtful = heard;
            if !until_empty {
                self.acknowledged.push(text);
            } else if self.doubtful.is_empty() {
                return Some(());
            }
        }
    }

    /// The first answer after a broken connection: what is doubtful comes again from its first
    /// line on, or it was read.
    fn compare(&mut self, heard: Vec<String>, is_whole: bool) {
        let Some(first) = heard.first() else {
            if is_whole {
                self.taken.append(&mut self.doubtful);
            }
            return;
        };
        if self.doubtful.first() != Some(first) {
            self.taken.append(&mut self.doubtful);
        }
        let common = self.doubtful.len().min(heard.len());
        assert_eq!(
            heard[..common],
            self.doubtful[..common],
            "what comes again is the same"
        );
        if heard.len() > common {
            self.doubtful = heard;
        }
    }
}

fn hear(lines: &mut impl BufRead, heard: &mut Vec<String>) -> Option<()> {
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).ok()?;
        let line = line.strip_suffix('\n')?;
        if line == "f" {
            return Some(());
        }
        heard.push(line.to_owned());
    }
}

fn random(below: u64) -> u64 {
    RandomState::new().hash_one(0) % below
}

#[test]
fn nothing_is_lost_and_nothing_comes_twice_whenever_the_server_is_killed() {
    let kills = std::env::var("MENSAGEIRO_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("users.csv"), USERS.join("\n")).unwrap();
    let mut people = USERS.map(|login| Person {
        login,
        sent: 0,
        acknowledged: Vec::new(),
        taken: Vec::new(),
        doubtful: Vec::new(),
    });
    for _ in 0..kills {
        let mut server = Program::start(folder.path());
        let address = server.address;
        thread::scope(|scope| {
            for person in &mut people {
                scope.spawn(move || person.talk(address, false));
            }
            // The moment of the kill is what this test varies; nothing is waited for.
            thread::sleep(Duration::from_micros(1_000 + random(LATEST - 1_000)));
            server.kill();
        });
        check_whole(&folder.path().join("messages.csv"));
    }
    let server = Program::start(folder.path());
    for person in &mut people {
        person
            .talk(server.address, true)
            .expect("the last talk ends in order");
    }
    check_delivered(&people);
    let read: usize = people.iter().map(|person| person.taken.len()).sum();
    check_archive(folder.path(), &people, read);
    let acknowledged: usize = people.iter().map(|person| person.acknowledged.len()).sum();
    println!("{kills} kills, {acknowledged} messages acknowledged, {read} read");
    assert!(acknowledged > kills, "there was load");
}

/// messages.csv is whole rows, but for a last one that a kill tore.
fn check_whole(file: &Path) {
    let ids = support::whole_row_ids(file);
    assert_eq!(
        ids.len(),
        ids.iter().collect::<BTreeSet<_>>().len(),
        "each row is there once"
    );
}

fn check_delivered(people: &[Person]) {
    for sender in people {
        for (index, receiver) in USERS.iter().enumerate() {
            let prefix = format!("@{} ", sender.login);
            let receiver = people
                .iter()
                .find(|person| person.login == *receiver)
                .unwrap();
            let got: Vec<_> = receiver
                .taken
                .iter()
                .filter_map(|line| line.strip_prefix(&prefix))
                .collect();
            let mut ordered = got.clone();
            ordered.sort_unstable();
            ordered.dedup();
            assert_eq!(
                got, ordered,
                "{} to {}: in order, once",
                sender.login, receiver.login
            );
            let got: BTreeSet<_> = got.into_iter().collect();
            for text in &sender.acknowledged {
                let number: usize = text.rsplit(' ').next().unwrap().parse().unwrap();
                if number % USERS.len() == index {
                    assert!(
                        got.contains(text.as_str()),
                        "{text} was acknowledged and is lost"
                    );
                }
            }
        }
    }
}

fn check_archive(folder: &Path, people: &[Person], read: usize) {
    let mut expected = BTreeMap::new();
    for person in people {
        for line in &person.taken {
            *expected
                .entry(format!("{line} > {}", person.login))
                .or_insert(0) += 1;
        }
    }
    let file = folder.join("messages.csv");
    support::eventually(|| archive_rows(&file).len() >= read);
    let mut found = BTreeMap::new();
    for row in archive_rows(&file) {
        *found
            .entry(format!("@{} {} > {}", row.from, row.text, row.to))
            .or_insert(0) += 1;
    }
    assert_eq!(found, expected, "messages.csv is exactly what was read");
}
