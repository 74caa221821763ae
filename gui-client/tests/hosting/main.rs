//! The app starts the server's program, which goes on without it. This test is that program too, when it is called so: then it
//! is as new as the app.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "tests fail by panicking"
)]

#[path = "../../../server/src/main.rs"]
mod program;
mod story;
mod troubles;
#[allow(dead_code, reason = "these tests use a part of it")]
#[path = "../engine/window.rs"]
mod window;

use std::{
    env, fs,
    net::{Ipv4Addr, TcpListener},
    panic::catch_unwind,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use mensageiro::engine::{
    self, Engine, Event, Host, HostCommand, HostNews, HostPlace, HostProblem, HostTerms, KeyPlace,
};
use mensageiro_protocol::{Name, trust::InviteLink};
use tempfile::TempDir;

use self::window::{Window, login};

const PROGRAM: &str = "mensageiro-server";

type Test = (&'static str, fn());

fn main() -> ExitCode {
    let called = env::args_os().next().map(PathBuf::from);
    if called.is_some_and(|called| called.file_stem().is_some_and(|stem| stem == PROGRAM)) {
        return program::main();
    }
    run(&[story::TESTS, troubles::TESTS].concat())
}

/// As the usual test harness does, which cannot be another program.
fn run(tests: &[Test]) -> ExitCode {
    let wanted: Vec<_> = env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|word| name.contains(word));
    let (mut passed, mut failed) = (0, 0);
    for (name, test) in tests.iter().filter(|(name, _)| is_wanted(name)) {
        let is_ok = catch_unwind(test).is_ok();
        *(if is_ok { &mut passed } else { &mut failed }) += 1;
        println!("test {name} ... {}", if is_ok { "ok" } else { "FAILED" });
    }
    let all = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {all}. {passed} passed; {failed} failed");
    ExitCode::from(u8::from(failed > 0))
}

/// A computer with the server's program.
struct Computer {
    folder: TempDir,
    place: HostPlace,
    port: u16,
}

impl Computer {
    fn new() -> Self {
        let own = env::current_exe().unwrap();
        // Beside this program: a link to it costs nothing there.
        let folder = tempfile::tempdir_in(own.parent().unwrap()).unwrap();
        let programs = folder.path().join("programs");
        fs::create_dir(&programs).unwrap();
        let program = programs
            .join(PROGRAM)
            .with_extension(env::consts::EXE_EXTENSION);
        if fs::hard_link(&own, &program).is_err() {
            fs::copy(&own, &program).unwrap();
        }
        let place = HostPlace {
            programs: vec![programs],
            data: Some(folder.path().join("new").join("server")),
        };
        // Free until somebody takes it; nobody else asks the system for this one.
        let port = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = port.local_addr().unwrap().port();
        Self {
            folder,
            place,
            port,
        }
    }

    fn data(&self) -> &Path {
        self.place.data.as_deref().unwrap()
    }

    /// The app, as one starts it.
    fn app(&self) -> Window {
        let folder = self.folder.path().join("profile");
        Window::with(Engine::start_with(
            folder,
            KeyPlace::File,
            self.place.clone(),
            || {},
        ))
    }

    /// The server's program, as one calls it at a terminal.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.place.programs[0].join(PROGRAM));
        command.arg("--data").arg(self.data()).args(arguments);
        command
    }

    fn terms(&self) -> HostTerms {
        HostTerms {
            login: login("ana.souza"),
            name: Name::from("Ana Souza"),
            is_closed: false,
            port: self.port,
        }
    }
}

impl Drop for Computer {
    fn drop(&mut self) {
        // A test that has failed leaves its server.
        let _ = self.command(&["stop"]).output();
    }
}

fn ask(app: &mut Window, command: HostCommand) -> HostNews {
    app.give(engine::Command::Host(command));
    news(app)
}

fn news(app: &mut Window) -> HostNews {
    app.wait("news of the server", |event| match event {
        Event::Host(news) => Some(news.clone()),
        _ => None,
    })
}

fn started(app: &mut Window, terms: HostTerms) -> (Host, InviteLink) {
    match ask(app, HostCommand::Start(terms)) {
        HostNews::Started(host, invite) => (host, invite),
        news => panic!("{news:?}"),
    }
}

fn problem(app: &mut Window, terms: HostTerms) -> HostProblem {
    match ask(app, HostCommand::Start(terms)) {
        HostNews::Failed(problem) => problem,
        news => panic!("{news:?}"),
    }
}
