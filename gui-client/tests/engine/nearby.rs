//! A server that announces itself, found by the app and signed in to by its name.

use std::fs;

use clap::Parser;
use mensageiro::engine::{Command, Event, LinkState};
use mensageiro_server::{Options, Server};
use tempfile::tempdir;

use crate::window::Window;

fn start(data: &std::path::Path, arguments: &[&str]) -> Server {
    fs::write(data.join("users.csv"), "login,name,role\nana,Ana,\n").unwrap();
    let fixed = ["mensageiro-server", "--data", data.to_str().unwrap()];
    Server::start(&Options::parse_from([&fixed[..], arguments].concat())).unwrap()
}

#[test]
fn the_app_finds_a_server_and_signs_in_by_its_name() {
    let (data, profile) = (tempdir().unwrap(), tempdir().unwrap());
    let server = start(data.path(), &["--listen", "0.0.0.0:0", "--name", "Sala 3"]);
    let key = server.fingerprint().plain();
    let mut window = Window::new(profile.path());
    window.give(Command::LookAround(true));
    let found = window.wait("the server nearby", |event| match event {
        Event::Nearby(all) => {
            let mut all = all.iter();
            // One that is heard of on this computer is on this computer.
            all.find(|found| found.is_here && key.starts_with(&found.key))
                .cloned()
        }
        _ => None,
    });
    window.give(Command::LookAround(false));
    assert_eq!((found.name.as_str(), found.is_closed), ("Sala 3", false));
    assert_eq!(found.port, server.address().port());
    let address = format!("{}:{}", found.host, found.port);
    assert_eq!(address, server.announced().unwrap().address());
    window.sign_in("ana", &address, None);
    window.wait_link("a live session", |link| {
        *link == LinkState::Live { catching_up: false }
    });
    drop(window);
    server.stop();
}

#[test]
fn a_server_is_not_announced_against_its_will_or_where_nobody_reaches_it() {
    let data = tempdir().unwrap();
    for arguments in [
        &["--listen", "0.0.0.0:0", "--no-announce"][..],
        &["--listen", "127.0.0.1:0"],
    ] {
        let server = start(data.path(), arguments);
        assert_eq!(server.announced(), None);
        server.stop();
    }
}
