//! Random users, sends, logins, closes, breaks and restarts against a model of the assignment:
//! the same messages in the same order, nothing lost, nothing twice.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::HashMap;

use mensageiro_protocol::Framing;
use proptest::{prelude::*, test_runner::TestCaseError};
use support::{Client, TestServer};

const USERS: [&str; 3] = ["ana", "bruno", "carla"];
const NAMES: [&str; 4] = ["ana", "bruno", "carla", "nobody"];
const CONNECTIONS: usize = 4;

#[derive(Clone, Debug)]
enum Happening {
    LogIn { connection: usize, user: usize },
    Send { connection: usize, to: usize },
    Pipeline { connection: usize, to: [usize; 3] },
    Poll { connection: usize },
    Close { connection: usize },
    Break { connection: usize },
    Restart,
}

fn happening() -> impl Strategy<Value = Happening> {
    let (c, n) = (0..CONNECTIONS, 0..NAMES.len());
    prop_oneof![
        4 => (c.clone(), 0..USERS.len()).prop_map(|(connection, user)| Happening::LogIn { connection, user }),
        12 => (c.clone(), n.clone()).prop_map(|(connection, to)| Happening::Send { connection, to }),
        3 => (c.clone(), [n.clone(), n.clone(), n]).prop_map(|(connection, to)| Happening::Pipeline { connection, to }),
        4 => c.clone().prop_map(|connection| Happening::Poll { connection }),
        2 => c.clone().prop_map(|connection| Happening::Close { connection }),
        2 => c.prop_map(|connection| Happening::Break { connection }),
        1 => Just(Happening::Restart),
    ]
}

/// The assignment in few lines: a dictionary of mailboxes, and what each connection was given.
#[derive(Default)]
struct Model {
    mailboxes: HashMap<&'static str, Vec<(usize, String)>>,
    sessions: HashMap<usize, Session>,
    archive: Vec<String>,
    sent: usize,
}

struct Session {
    user: &'static str,
    /// The newest message it was given.
    given: usize,
}

impl Model {
    fn fetch(&mut self, connection: usize) -> Vec<String> {
        let session = self.sessions.get_mut(&connection).unwrap();
        let mailbox = self.mailboxes.entry(session.user).or_default();
        let new: Vec<_> = mailbox
            .iter()
            .filter(|(id, _)| *id > session.given)
            .cloned()
            .collect();
        session.given = new.last().map_or(session.given, |(id, _)| *id);
        new.into_iter().map(|(_, line)| line).collect()
    }

    fn read(&mut self, connection: usize) {
        let Session { user, given } = &self.sessions[&connection];
        let mailbox = self.mailboxes.entry(user).or_default();
        let read = mailbox.iter().take_while(|(id, _)| id <= given).count();
        self.archive.extend(
            mailbox
                .drain(..read)
                .map(|(_, line)| format!("{line} > {user}")),
        );
    }

    /// Returns the line that is sent.
    fn send(&mut self, connection: usize, to: usize) -> String {
        self.sent += 1;
        let (from, to) = (self.sessions[&connection].user, NAMES[to]);
        if USERS.contains(&to) {
            let line = format!("@{from} text {}", self.sent);
            self.mailboxes
                .entry(to)
                .or_default()
                .push((self.sent, line));
        }
        format!("@{to} text {}", self.sent)
    }
}

fn check(happenings: &[Happening]) -> Result<(), TestCaseError> {
    let mut server = TestServer::start(&USERS);
    let mut model = Model::default();
    let mut clients: HashMap<usize, Client> = HashMap::new();
    for happening in happenings {
        match *happening {
            Happening::LogIn { connection, user } if !clients.contains_key(&connection) => {
                let mut client = server.connect(Framing::Line);
                model.sessions.insert(
                    connection,
                    Session {
                        user: USERS[user],
                        given: 0,
                    },
                );
                prop_assert_eq!(client.exchange(USERS[user]), model.fetch(connection));
                clients.insert(connection, client);
            }
            Happening::Send { connection, to } => {
                let Some(client) = clients.get_mut(&connection) else {
                    continue;
                };
                model.read(connection);
                let line = model.send(connection, to);
                prop_assert_eq!(client.exchange(&line), model.fetch(connection));
            }
            Happening::Pipeline { connection, to } => {
                let Some(client) = clients.get_mut(&connection) else {
                    continue;
                };
                model.read(connection);
                let mut answers = Vec::new();
                let mut lines = Vec::new();
                for to in to {
                    lines.push(model.send(connection, to));
                    answers.push(model.fetch(connection));
                }
                client.say(lines.join("\n"));
                for answer in answers {
                    prop_assert_eq!(client.hear_all(), answer);
                }
            }
            Happening::Poll { connection } => {
                let Some(client) = clients.get_mut(&connection) else {
                    continue;
                };
                model.read(connection);
                prop_assert_eq!(client.exchange(""), model.fetch(connection));
            }
            Happening::Close { connection } => {
                let Some(client) = clients.remove(&connection) else {
                    continue;
                };
                model.read(connection);
                client.close();
            }
            Happening::Break { connection } => {
                if let Some(client) = clients.remove(&connection) {
                    client.reset();
                }
            }
            Happening::Restart => {
                server.restart();
                clients.clear();
            }
            Happening::LogIn { .. } => {}
        }
    }
    server.stop();
    let rows = server.archive(model.archive.len());
    let mut rows: Vec<_> = rows
        .into_iter()
        .map(|(from, to, text)| format!("@{from} {text} > {to}"))
        .collect();
    rows.sort_unstable();
    model.archive.sort_unstable();
    prop_assert_eq!(rows, model.archive);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn the_server_does_what_the_assignment_says(happenings in prop::collection::vec(happening(), 1..80)) {
        check(&happenings)?;
    }
}
