//! What can go wrong with a server on this computer.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, TcpListener},
    process::Stdio,
};

use mensageiro::engine::{HostCommand, HostNews, HostPlace, HostProblem};

use super::{Computer, Test, ask, problem, started};

pub const TESTS: &[Test] = &[
    (
        "without_the_program_it_is_said_where_it_should_be",
        without_the_program_it_is_said_where_it_should_be,
    ),
    (
        "a_port_that_is_taken_is_named_with_one_that_is_free",
        a_port_that_is_taken_is_named_with_one_that_is_free,
    ),
    (
        "a_folder_that_another_server_uses_is_not_touched",
        a_folder_that_another_server_uses_is_not_touched,
    ),
    (
        "what_the_server_does_not_accept_is_said_in_its_words",
        what_the_server_does_not_accept_is_said_in_its_words,
    ),
    #[cfg(target_os = "linux")]
    (
        "a_server_that_is_killed_is_told_and_started_again",
        linux::a_server_that_is_killed_is_told_and_started_again,
    ),
];

fn without_the_program_it_is_said_where_it_should_be() {
    let mut computer = Computer::new();
    let folder = computer.folder.path().join("empty");
    computer.place = HostPlace {
        programs: vec![folder.clone()],
        ..computer.place.clone()
    };
    let mut app = computer.app();
    let seen = ask(&mut app, HostCommand::Look);
    assert_eq!(seen, HostNews::NotRunning { has_data: false });
    let problem = problem(&mut app, computer.terms());
    assert_eq!(problem, HostProblem::NoProgram { folder });
    assert!(!computer.data().exists());
}

fn a_port_that_is_taken_is_named_with_one_that_is_free() {
    let computer = Computer::new();
    let mut app = computer.app();
    let other = TcpListener::bind((Ipv4Addr::UNSPECIFIED, computer.port)).unwrap();
    let HostProblem::PortTaken { port, free } = problem(&mut app, computer.terms()) else {
        panic!("the port is taken");
    };
    assert_eq!(port, computer.port);
    let terms = super::HostTerms {
        port: free.unwrap(),
        ..computer.terms()
    };
    let (host, _) = started(&mut app, terms);
    assert_eq!(Some(host.port), free);
    drop(other);
}

fn a_folder_that_another_server_uses_is_not_touched() {
    let computer = Computer::new();
    let mut app = computer.app();
    started(&mut app, computer.terms());
    assert!(matches!(
        ask(&mut app, HostCommand::Stop),
        HostNews::NotRunning { .. }
    ));
    let mut other = computer.command(&["--listen", "127.0.0.1:0"]);
    let mut other = other.stdout(Stdio::piped()).spawn().unwrap();
    let said = BufReader::new(other.stdout.take().unwrap()).lines();
    let is_last = |line: &String| line.starts_with("Ctrl-C");
    assert!(said.map_while(Result::ok).any(|line| is_last(&line)));
    // A server that cannot be asked.
    let running = computer.data().join("running.json");
    let content = fs::read(&running).unwrap();
    fs::remove_file(&running).unwrap();
    let data = computer.data().to_owned();
    assert_eq!(
        problem(&mut app, computer.terms()),
        HostProblem::InUse { data }
    );
    fs::write(&running, content).unwrap();
    assert!(computer.command(&["stop"]).status().unwrap().success());
    other.wait().unwrap();
}

fn what_the_server_does_not_accept_is_said_in_its_words() {
    let computer = Computer::new();
    let mut app = computer.app();
    fs::create_dir_all(computer.data()).unwrap();
    fs::write(computer.data().join("users.csv"), "ana\nb b\n").unwrap();
    let HostProblem::Refused { said, .. } = problem(&mut app, computer.terms()) else {
        panic!("users.csv is wrong");
    };
    assert!(said.contains("users.csv: line 2"), "{said}");
    // What only a start finds out is in the log too.
    fs::write(computer.data().join("users.csv"), "ana\n").unwrap();
    fs::write(computer.data().join("store"), "not a folder").unwrap();
    let HostProblem::Refused { said, log } = problem(&mut app, computer.terms()) else {
        panic!("the store is wrong");
    };
    let log = fs::read_to_string(log.unwrap()).unwrap();
    assert!(!said.is_empty() && log.contains(&said), "{said}: {log}");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::process::Command;

    use super::*;
    use crate::news;

    /// The server's process, and its group.
    fn process(computer: &Computer) -> (String, String) {
        let data = computer.data().to_str().unwrap().as_bytes();
        for entry in fs::read_dir("/proc").unwrap() {
            let folder = entry.unwrap().path();
            let line = fs::read(folder.join("cmdline")).unwrap_or_default();
            if line.split(|&byte| byte == 0).any(|word| word == data) {
                let stat = fs::read_to_string(folder.join("stat")).unwrap();
                // After the name in brackets: state, parent, group.
                let (_, rest) = stat.rsplit_once(')').unwrap();
                let group = rest.split_whitespace().nth(2).unwrap().to_owned();
                let id = folder.file_name().unwrap().to_str().unwrap().to_owned();
                return (id, group);
            }
        }
        panic!("no server");
    }

    pub fn a_server_that_is_killed_is_told_and_started_again() {
        let computer = Computer::new();
        let mut app = computer.app();
        let (host, _) = started(&mut app, computer.terms());
        let (id, group) = process(&computer);
        assert_eq!(id, group, "what ends the app does not end it");
        let killed = Command::new("kill").args(["-KILL", &id]).status();
        assert!(killed.unwrap().success());
        match news(&mut app) {
            HostNews::Crashed { log, .. } => assert_eq!(log, host.log),
            news => panic!("{news:?}"),
        }
        let seen = ask(&mut app, HostCommand::Look);
        assert_eq!(seen, HostNews::NotRunning { has_data: true });
        let (again, invite) = started(&mut app, computer.terms());
        assert_eq!((again.port, invite.port), (host.port, host.port));
    }
}
