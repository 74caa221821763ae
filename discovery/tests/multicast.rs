//! Announcers, browsers and look-ups that talk by multicast, inside this computer.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test fails by panicking"
)]

use std::{
    net::{Ipv4Addr, UdpSocket},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use mensageiro_discovery::{Announcement, Announcer, Browser, Found, Reach, look_up};
use mensageiro_protocol::{Name, trust::Fingerprint};

const SOON: Duration = Duration::from_secs(20);

/// Only here: a test is of no interest to the network.
const HERE: Reach = Reach::Only(Ipv4Addr::LOCALHOST);

/// What no other test, and nobody in the network, announces.
fn announcement(name: &str) -> Announcement {
    let key = format!("{name} {}", std::process::id());
    let key = Fingerprint::of(key.as_bytes());
    Announcement::new("test", &Name::from(name), 4000, true, key)
}

fn browse() -> (Browser, Receiver<Vec<Found>>) {
    let (tell, told) = channel();
    let browser = Browser::start(move |list| drop(tell.send(list))).unwrap();
    (browser, told)
}

/// Waits for a list in which the server is, or is not any more.
fn wait(told: &Receiver<Vec<Found>>, what: &Announcement, is_there: bool) -> Option<Found> {
    let until = Instant::now() + SOON;
    loop {
        let rest = until.saturating_duration_since(Instant::now());
        let list = told.recv_timeout(rest).unwrap();
        let found = list.into_iter().find(|found| found.key == what.key);
        if found.is_some() == is_there {
            return found;
        }
    }
}

#[test]
fn a_server_is_found_when_it_comes_and_forgotten_when_it_goes() {
    let what = announcement("Sala 3");
    let (_browser, told) = browse();
    let announcer = Announcer::start(what.clone(), HERE).unwrap();
    let found = wait(&told, &what, true).unwrap();
    assert_eq!(found.name.as_str(), "Sala 3");
    assert_eq!(format!("{}:{}", found.host, found.port), what.address());
    assert!(found.is_here && found.is_closed);
    // Who looks later finds it, too.
    let (_other, told_later) = browse();
    wait(&told_later, &what, true);
    if cfg!(not(windows)) {
        drop(announcer);
        wait(&told, &what, false);
        wait(&told_later, &what, false);
    }
}

#[test]
fn a_name_is_looked_up_while_its_server_is_there() {
    let what = announcement("Sala 4");
    let name = format!("{}.local", what.host);
    let begin = Instant::now();
    assert_eq!(look_up(&name).unwrap(), [Ipv4Addr::LOCALHOST; 0]);
    assert!(begin.elapsed() < SOON);
    let _announcer = Announcer::start(what, HERE).unwrap();
    // The system gives some packets up.
    let found = (0..5).find_map(|_| {
        look_up(&name.to_uppercase().replace("LOCAL", "local"))
            .ok()?
            .pop()
    });
    assert_eq!(found, Some(Ipv4Addr::LOCALHOST));
    for name in [
        "localhost",
        "192.168.0.7",
        "a.b.local",
        ".local",
        "local",
        "",
    ] {
        assert_eq!(look_up(name).unwrap(), [Ipv4Addr::LOCALHOST; 0], "{name}");
    }
}

#[test]
fn who_asks_from_a_port_of_its_own_is_answered_there() {
    let what = announcement("Sala 5");
    let _announcer = Announcer::start(what.clone(), HERE).unwrap();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    socket2::SockRef::from(&socket)
        .set_multicast_if_v4(&Ipv4Addr::LOCALHOST)
        .unwrap();
    // A question for the service, as old programs ask it.
    let mut question = b"\x12\x34\0\0\0\x01\0\0\0\0\0\0".to_vec();
    question.extend(b"\x0b_mensageiro\x04_tcp\x05local\0\0\x0c\0\x01");
    let until = Instant::now() + SOON;
    let mut buffer = [0; 9000];
    loop {
        assert!(Instant::now() < until);
        socket
            .send_to(&question, (Ipv4Addr::new(224, 0, 0, 251), 5353))
            .unwrap();
        let Ok((length, from)) = socket.recv_from(&mut buffer) else {
            continue;
        };
        let answer = &buffer[..length];
        let has = |bytes: &[u8]| answer.windows(bytes.len()).any(|part| part == bytes);
        assert!(from.port() == 5353 && answer.starts_with(b"\x12\x34"));
        // Other servers of this computer answer as well.
        if has(what.key.as_bytes()) {
            assert!(has(&question[12..]) && has(b"Sala 5"));
            return;
        }
    }
}
