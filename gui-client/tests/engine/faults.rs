//! Faults of the app's own link, with two apps and the server of this project between them: every message arrives once.

use std::{fs, net::SocketAddr, time::Duration};

use clap::Parser;
use mensageiro::engine::{
    Command, Crossing, Delivery, Event, Fault, FaultNews, LinkState, MessageFault, Side,
};
use mensageiro_server::{Options, Server as RealServer};
use tempfile::{TempDir, tempdir};

use crate::{
    server::{CAREFUL, Server},
    window::Window,
};

struct Two {
    _folder: TempDir,
    _server: RealServer,
    ana: Window,
    bia: Window,
}

fn two() -> Two {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("users.csv"), "login\nana\nbia\n").unwrap();
    let data = folder.path().to_str().unwrap().to_owned();
    let arguments = [
        "mensageiro-server",
        "--data",
        &data,
        "--listen",
        "127.0.0.1:0",
    ];
    let server = RealServer::start(&Options::parse_from(arguments)).unwrap();
    let address: SocketAddr = server.address();
    let window = |name: &str| {
        let mut window = Window::new(&folder.path().join(format!("app-{name}")));
        window.give(Command::Inspect(true));
        window.sign_in(name, &address.to_string(), None);
        wait_live(&mut window);
        window
    };
    let (ana, bia) = (window("ana"), window("bia"));
    Two {
        _folder: folder,
        _server: server,
        ana,
        bia,
    }
}

fn wait_live(window: &mut Window) {
    window.wait_link("a live session", |link| {
        *link == LinkState::Live { catching_up: false }
    });
}

fn arm(window: &mut Window, fault: MessageFault) {
    let armed = Fault::NextMessage(Some(fault));
    window.give(Command::Disturb(Some(armed)));
    window.wait("the fault to come", |event| match event {
        Event::Faults(active) => (active.next_message == Some(fault)).then_some(()),
        _ => None,
    });
}

fn wait_fault(window: &mut Window, expected: FaultNews) {
    window.wait(&format!("{expected:?}"), |event| match event {
        Event::Wire(news) => (news.crossing == Crossing::Fault(expected)).then_some(()),
        _ => None,
    });
}

/// The lines with which the app has sent this text.
fn sent(window: &Window, text: &str) -> Vec<String> {
    let said = |event: &Event| match event {
        Event::Wire(news) => match &news.crossing {
            Crossing::Line {
                from: Side::Client,
                bytes,
                ..
            } => {
                let line = String::from_utf8_lossy(bytes).into_owned();
                line.ends_with(text).then_some(line)
            }
            _ => None,
        },
        _ => None,
    };
    window.events.iter().filter_map(said).collect()
}

/// Whatever has happened to the first message, a later one comes after it, and both come once.
fn arrives_once(two: &mut Two, text: &str) {
    two.ana.send("bia", "and on");
    two.ana.wait_message("and on", Delivery::Accepted);
    two.bia.wait_message("and on", Delivery::Received);
    assert_eq!(two.bia.received(), [text, "and on"]);
}

#[test]
fn a_message_whose_answer_is_lost_is_known_by_its_tag_and_is_there_once() {
    let mut two = two();
    arm(&mut two.ana, MessageFault::LoseAnswer);
    two.ana.send("bia", "oi");
    two.bia.wait_message("oi", Delivery::Received);
    wait_fault(&mut two.ana, FaultNews::Cut);
    two.ana.give(Command::FetchNow);
    let accepted = two.ana.wait_message("oi", Delivery::Accepted);
    assert!(accepted.server_id.is_some());
    // Where the server tells of it before the app sends it again, that is not needed.
    let lines = sent(&two.ana, " @bia oi");
    assert!(lines.iter().all(|line| *line == lines[0]), "one tag");
    arrives_once(&mut two, "oi");
}

#[test]
fn a_message_that_is_dropped_comes_with_the_next_connection() {
    let mut two = two();
    arm(&mut two.ana, MessageFault::Drop);
    two.ana.send("bia", "oi");
    wait_fault(&mut two.ana, FaultNews::Message(MessageFault::Drop));
    two.ana.give(Command::Disturb(Some(Fault::Cut)));
    two.ana.wait_link("a broken link", |link| {
        matches!(link, LinkState::Waiting { .. })
    });
    two.ana.give(Command::FetchNow);
    two.ana.wait_message("oi", Delivery::Accepted);
    let lines = sent(&two.ana, " @bia oi");
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0], lines[1]);
    arrives_once(&mut two, "oi");
}

#[test]
fn a_message_that_the_server_gets_twice_is_there_once() {
    let mut two = two();
    arm(&mut two.ana, MessageFault::Double);
    two.ana.send("bia", "oi");
    two.ana.wait_message("oi", Delivery::Accepted);
    arrives_once(&mut two, "oi");
}

#[test]
fn a_message_in_two_halves_is_one_message() {
    let mut two = two();
    arm(&mut two.ana, MessageFault::Split);
    two.ana.send("bia", "oi, oi, oi");
    two.ana.wait_message("oi, oi, oi", Delivery::Accepted);
    arrives_once(&mut two, "oi, oi, oi");
}

#[test]
fn what_was_held_arrives_in_both_directions_when_nobody_looks_any_more() {
    let mut two = two();
    let time = Duration::from_secs(600);
    two.ana.give(Command::Disturb(Some(Fault::Hold(time))));
    wait_fault(&mut two.ana, FaultNews::Held(time));
    two.ana.send("bia", "oi");
    two.ana.wait_message("oi", Delivery::Waiting);
    two.bia.send("ana", "olá");
    two.bia.wait_message("olá", Delivery::Accepted);
    assert_eq!(two.ana.received(), [""; 0]);
    assert_eq!(two.bia.received(), [""; 0]);
    two.ana.give(Command::Inspect(false));
    two.ana.wait_message("olá", Delivery::Received);
    two.bia.wait_message("oi", Delivery::Received);
    // Who does not look, disturbs nothing.
    two.ana.give(Command::Disturb(Some(Fault::Cut)));
    arrives_once(&mut two, "oi");
}

#[test]
fn the_link_is_held_for_its_time_and_no_longer() {
    let mut two = two();
    let time = Duration::from_millis(300);
    two.ana.give(Command::Disturb(Some(Fault::Hold(time))));
    two.ana.send("bia", "oi");
    wait_fault(&mut two.ana, FaultNews::Released);
    two.ana.wait_message("oi", Delivery::Accepted);
    arrives_once(&mut two, "oi");
}

#[test]
fn in_a_classic_session_nobody_knows_whether_a_message_arrived_whose_answer_is_lost() {
    let folder = tempdir().unwrap();
    let server = Server::start(CAREFUL, &["alice", "bob"]);
    let mut window = Window::new(folder.path());
    window.give(Command::Inspect(true));
    window.sign_in("alice", &server.address, None);
    window.wait_idle();
    arm(&mut window, MessageFault::LoseAnswer);
    window.send("bob", "oi");
    window.wait_message("oi", Delivery::Unconfirmed);
    assert_eq!(sent(&window, "@bob oi").len(), 1, "not by itself");
}
