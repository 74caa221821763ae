//! An app that is killed at any moment: nothing missing, nothing twice, whatever it was doing.

use std::{
    collections::HashMap,
    env,
    io::{Read, Write},
    path::Path,
    process::{Child, Command as Program, Stdio},
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::bounded;
use mensageiro::engine::{Command, Delivery, Event};
use tempfile::tempdir;

use crate::{
    server::{CAREFUL, Habits, Server},
    window::{Window, person, texts},
};

const BACKLOG: usize = 5_000;
const KILLS_A_BACKLOG: usize = 8;
const CHILD: &str = "MENSAGEIRO_TEST_CHILD";

/// Long enough on the way for a kill to hit a message that has left and is not acknowledged.
const UNHURRIED: Habits = Habits {
    takes: Duration::from_millis(3),
    ..CAREFUL
};

/// The app to be killed. It does something only in the child process that the next tests start.
#[test]
fn app_to_be_killed() {
    let Ok(given) = env::var(CHILD) else {
        return;
    };
    let [folder, server, user, writes] = given.split('\n').collect::<Vec<_>>()[..] else {
        panic!("{given:?}")
    };
    let mut window = Window::signed_in(Path::new(folder), user, server);
    for text in writes.split_terminator(',') {
        match text.strip_prefix('=') {
            Some(draft) => window.give(Command::SaveDraft {
                with: person("bob"),
                text: draft.to_owned(),
            }),
            None => window.send("bob", text),
        }
    }
    loop {
        let is_received = window.wait("anything", |event| {
            Some(matches!(event, Event::Message(message) if message.delivery == Delivery::Received))
        });
        window.events.clear();
        if is_received {
            // The parent kills this process when it reads this line.
            let _ = std::io::stderr().write_all(b".");
        }
    }
}

pub fn start_app(folder: &Path, server: &str, user: &str, writes: &str) -> Child {
    Program::new(env::current_exe().unwrap())
        .args(["--exact", "killed::app_to_be_killed"])
        .env(
            CHILD,
            format!("{}\n{server}\n{user}\n{writes}", folder.display()),
        )
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What is typed goes to the disk as it is typed; the window waits half a second for more.
#[test]
fn a_draft_survives_the_kill_of_the_app() {
    let folder = tempdir().unwrap();
    let server = Server::start(CAREFUL, &["alice", "bob"]);
    // The message after the draft says when the draft is on the disk.
    let app = start_app(
        folder.path(),
        &server.address,
        "alice",
        "=half a sent,hello",
    );
    let until = Instant::now() + Duration::from_secs(20);
    while !server.heard().iter().any(|line| line.contains("hello")) {
        assert!(Instant::now() < until, "{:?}", server.heard());
        thread::yield_now();
    }
    kill_after(app, 0);
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    let draft = window.wait("the conversations", |event| match event {
        Event::SignedIn { conversations, .. } => {
            Some(conversations.first().map(|row| row.draft.clone()))
        }
        _ => None,
    });
    assert_eq!(draft.as_deref(), Some("half a sent"));
}

/// Kills the app after so many milliseconds. This does not wait for anything: the tests vary the moment of the kill.
pub fn kill_after(mut app: Child, milliseconds: usize) {
    thread::sleep(Duration::from_millis(milliseconds as u64));
    app.kill().unwrap();
    app.wait().unwrap();
}

/// Kills the app as soon as it has announced so many messages to its window. Returns false if it had finished before.
pub fn kill_at(mut app: Child, messages: usize) -> bool {
    let mut told = app.stderr.take().unwrap();
    let (tell, hear) = bounded(1);
    thread::spawn(move || tell.send(told.read_exact(&mut vec![0; messages])));
    let was_at = hear.recv_timeout(Duration::from_secs(20));
    app.kill().unwrap();
    app.wait().unwrap();
    was_at.is_ok_and(|read| read.is_ok())
}

/// The moments of kills, in messages since the start, at varying positions of the parts that are stored together.
pub fn kill_points(round: usize) -> impl Iterator<Item = usize> {
    (0..KILLS_A_BACKLOG).map(move |kill| 1 + (round * KILLS_A_BACKLOG + kill) * 53 % 430)
}

/// Thirteen backlogs of 5,000, during each of which the app is killed eight times.
#[test]
fn an_app_killed_anywhere_in_a_backlog_misses_and_doubles_nothing() {
    let folder = tempdir().unwrap();
    let users: Vec<String> = (0..13).map(|number| format!("user{number}")).collect();
    let logins: Vec<&str> = users.iter().map(String::as_str).collect();
    let server = Server::start(CAREFUL, &logins);
    // Many texts are equal, so that equality alone does not make two messages the same.
    let text = |number: usize| format!("message {}", number % 7);
    let expected: Vec<String> = (0..BACKLOG)
        .map(text)
        .chain(["the end".to_owned()])
        .collect();
    let mut within = 0;
    for (round, user) in logins.iter().enumerate() {
        for number in 0..BACKLOG {
            server.post("bob", user, &text(number));
        }
        for messages in kill_points(round) {
            let app = start_app(folder.path(), &server.address, user, "");
            within += usize::from(kill_at(app, messages));
        }
        server.post("bob", user, "the end");
        let mut window = Window::signed_in(folder.path(), user, &server.address);
        window.wait_message("the end", Delivery::Received);
        let history = window.history(&person("bob"));
        assert_eq!(history.len(), expected.len());
        assert_eq!(texts(&history), expected);
    }
    assert!(within >= 100, "{within} kills within a backlog");
}

/// Ten times the app is killed while it sends 40 messages: the server has each once, except those that the app shows as
/// unconfirmed.
#[test]
fn an_app_killed_while_it_sends_doubles_nothing_and_forgets_nothing() {
    let folder = tempdir().unwrap();
    let server = Server::start(UNHURRIED, &["alice", "bob"]);
    for kill in 0..10 {
        let writes: Vec<String> = (0..40).map(|number| format!("{kill}.{number}")).collect();
        let app = start_app(folder.path(), &server.address, "alice", &writes.join(","));
        kill_after(app, 15 + kill * 17 % 70);
    }
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    window.send("bob", "the end");
    window.wait_message("the end", Delivery::Accepted);
    let mut taken: HashMap<String, usize> = HashMap::new();
    for line in server.heard() {
        if let Some(text) = line.strip_prefix("@bob ") {
            *taken.entry(text.trim_end().to_owned()).or_default() += 1;
        }
    }
    let history = window.history(&person("bob"));
    let mut unconfirmed = 0;
    for message in &history {
        let times = taken.remove(message.text.as_str()).unwrap_or(0);
        match message.delivery {
            Delivery::Accepted => assert_eq!(times, 1, "{message:?}"),
            Delivery::Unconfirmed => {
                assert!(times <= 1, "{message:?}");
                unconfirmed += 1;
            }
            _ => panic!("{message:?} was forgotten"),
        }
    }
    assert_eq!(taken, HashMap::new(), "sent, and not in the history");
    assert!(
        unconfirmed <= 10,
        "at most one a kill, and not {unconfirmed}"
    );
}
