//! How long the background threads take with much history: opening, the first page, searching,
//! and a backlog, over a real connection to a small server in this process. Prints a table.
//!
//! `cargo bench -p mensageiro`, or with other numbers `… -- HISTORY BACKLOG`.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    dead_code,
    reason = "a measurement that fails may panic; it shares its server with the tests"
)]

#[path = "../tests/engine/connections.rs"]
mod connections;
#[path = "../tests/engine/live_server/mod.rs"]
mod live_server;
#[path = "../tests/engine/window.rs"]
mod window;

use std::{
    env,
    path::Path,
    time::{Duration, Instant},
};

use mensageiro::engine::{Command, Event, LinkState};

use live_server::LiveServer;
use window::{Window, person};

/// Conversations the history is spread over.
const OTHERS: [&str; 5] = ["bob", "carol", "dave", "eve", "finn"];

fn main() {
    // Cargo passes `--bench`.
    let mut numbers = env::args().filter_map(|argument| argument.parse::<usize>().ok());
    let history = numbers.next().unwrap_or(100_000);
    let backlog = numbers.next().unwrap_or(5_000);
    let folder = tempfile::tempdir().unwrap();
    let users: Vec<&str> = OTHERS.into_iter().chain(["alice"]).collect();
    let server = LiveServer::start(&users);

    let mut window = sign_in(folder.path(), &server);
    wait_live(&mut window);
    drop(window);
    fill(&server, 0..history);
    let begun = Instant::now();
    let mut window = sign_in(folder.path(), &server);
    wait_live(&mut window);
    tell(
        &format!("a backlog of {history} messages: all on disk"),
        begun,
    );
    drop(window);

    fill(&server, history..history + backlog);
    let begun = Instant::now();
    let mut window = sign_in(folder.path(), &server);
    window.wait("the conversations", |event| {
        matches!(event, Event::SignedIn { .. }).then_some(())
    });
    tell(
        &format!("{history} messages kept: conversations shown"),
        begun,
    );
    window.give(Command::LoadPage {
        with: person("bob"),
        before: None,
        limit: 100,
    });
    window.wait("a page", |event| {
        matches!(event, Event::Page { .. }).then_some(())
    });
    tell("and the newest page of one: the window is usable", begun);
    wait_live(&mut window);
    tell(
        &format!("and a backlog of {backlog} messages: complete"),
        begun,
    );

    for query in ["reuniao", "uniã", "projeto 777", "ok", "zz", "nowhere"] {
        let begun = Instant::now();
        window.give(Command::Search {
            query: query.into(),
            before: None,
        });
        let count = window.wait("what is found", |event| match event {
            Event::Found { messages, .. } => Some(messages.len()),
            _ => None,
        });
        tell(&format!("searching {query:?}: {count} found"), begun);
    }

    let begun = Instant::now();
    let all = window.history(&person("bob"));
    tell(
        &format!("all {} messages of one conversation, by pages", all.len()),
        begun,
    );
    let size = std::fs::read_dir(folder.path().join("accounts")).unwrap();
    let bytes: u64 = size
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum();
    println!(
        "{:>10}  on disk",
        format!("{:.1} MiB", bytes as f64 / 1048576.0)
    );
}

fn fill(server: &LiveServer, numbers: std::ops::Range<usize>) {
    let texts = [
        "bom dia! alguém já viu o cartaz da semana que vem?",
        "A reunião de hoje passou para as 15h, na sala 204.",
        "ok",
        "Consegui terminar a parte do relatório sobre o projeto",
        "levo o café e os biscoitos, como sempre",
    ];
    for number in numbers {
        let from = OTHERS[number / 7 % OTHERS.len()];
        let text = format!("{} {number}", texts[number % texts.len()]);
        server.post(from, "alice", &text);
    }
}

fn sign_in(folder: &Path, server: &LiveServer) -> Window {
    Window::signed_in(folder, "alice", &server.address)
}

fn wait_live(window: &mut Window) {
    window.wait_link("a live session", |link| {
        *link == LinkState::Live { catching_up: false }
    });
}

fn tell(what: &str, begun: Instant) {
    let took: Duration = begun.elapsed();
    println!(
        "{:>10}  {what}",
        format!("{:.1} ms", took.as_secs_f64() * 1000.0)
    );
}
