//! Joining a closed server with an invite, and everybody who would like to be in between.

use mensageiro::engine::{Account, Answer, Request, RequestProblem};
use mensageiro_protocol::trust::{InviteLink, Secret};

use super::{front::Identity, *};
use crate::window::login;

/// An invite for alice to what is at the front's address, with the key of this identity of the front.
fn invite(front: &Front, identity: usize, code: u8) -> InviteLink {
    let address = front.address();
    let (host, port) = address.rsplit_once(':').unwrap();
    InviteLink {
        host: host.to_owned(),
        port: port.parse().unwrap(),
        login: login("alice"),
        key: front.fingerprint(identity),
        code: Secret::new([code; 16]),
    }
}

impl Window {
    fn join(&self, invite: &InviteLink) {
        self.give(Command::SignIn {
            account: Account {
                server: format!("{}:{}", invite.host, invite.port),
                login: invite.login.clone(),
            },
            fetch_every: None,
            invite: Some(invite.clone()),
        });
    }
}

/// A closed server, where this code may be used once.
fn closed(back: &LiveServer, code: u8) -> Front {
    let front = Front::before(&back.address, Mode::Tls(0));
    front.gate(|gate| {
        gate.is_closed = true;
        gate.codes = vec![Secret::new([code; 16])];
    });
    front
}

#[test]
fn an_invite_lets_a_device_in_once_and_for_good() {
    let folder = tempdir().unwrap();
    let back = LiveServer::start(&["alice", "bob"]);
    let front = closed(&back, 7);
    let mut window = Window::new(folder.path());
    window.join(&invite(&front, 0, 7));
    let security = window.wait_security();
    assert!(security.rights.is_closed && security.rights.is_registered);
    assert_eq!(encryption(security).verified, Verified::Invite);
    window.wait_live();
    drop(window);
    // Without the code, and for another device in vain.
    let mut window = Window::signed_in(folder.path(), "alice", &front.address());
    window.wait_live();
    assert_eq!(front.gate(|gate| (gate.joins, gate.keys.len())), (1, 1));
    let elsewhere = tempdir().unwrap();
    let mut thief = Window::new(elsewhere.path());
    thief.join(&invite(&front, 0, 7));
    assert_eq!(thief.wait_untrusted(), Distrust::BadCode);
    drop(thief);
    let mut thief = Window::signed_in(elsewhere.path(), "alice", &front.address());
    assert_eq!(thief.wait_untrusted(), Distrust::NeedsKey);
}

#[test]
fn a_code_goes_to_nobody_but_the_server_of_the_invite() {
    let back = LiveServer::start(&["alice"]);
    for mode in [Mode::Plain, Mode::Chats, Mode::HangsUp, Mode::Tls(1)] {
        let folder = tempdir().unwrap();
        let front = closed(&back, 7);
        front.turn(mode);
        let mut window = Window::new(folder.path());
        window.join(&invite(&front, 0, 7));
        match mode {
            Mode::Tls(_) => assert_eq!(
                window.wait_untrusted(),
                Distrust::NotInvited {
                    invited: front.fingerprint(0),
                    offered: front.fingerprint(1),
                }
            ),
            Mode::Chats => assert_eq!(window.wait_untrusted(), Distrust::NeedsTls),
            _ => {
                window.wait_link("a problem", |link| {
                    matches!(link, LinkState::Waiting { .. })
                });
            }
        }
        assert_eq!(
            (front.plain(), front.gate(|gate| gate.joins)),
            (0, 0),
            "{mode:?}"
        );
        assert!(!front.has_leaked("join"));
        // The right one has not been forgotten.
        front.turn(Mode::Tls(0));
        window.give(Command::FetchNow);
        window.wait_live();
    }
}

#[test]
fn a_certificate_without_its_key_is_worth_nothing() {
    let back = LiveServer::start(&["alice"]);
    let real = Identity::new();
    let pretender = real.pretender();
    let front = Front::with(&back.address, Mode::Tls(0), vec![pretender, real]);
    let folder = tempdir().unwrap();
    let mut window = Window::new(folder.path());
    // Both show the key that the invite names.
    let named = invite(&front, 1, 7);
    window.join(&named);
    front.wait(Seen::Refused);
    assert_eq!(front.gate(|gate| gate.joins), 0);
    front.gate(|gate| gate.codes = vec![Secret::new([7; 16])]);
    front.turn(Mode::Tls(1));
    window.give(Command::FetchNow);
    window.wait_live();
}

#[test]
fn a_changed_key_is_refused_until_a_new_invite_names_it() {
    let folder = tempdir().unwrap();
    let back = LiveServer::start(&["alice", "bob"]);
    let front = closed(&back, 7);
    let mut window = Window::new(folder.path());
    window.join(&invite(&front, 0, 7));
    window.wait_live();
    while front.seen.try_recv().is_ok() {}
    front.turn(Mode::Tls(1));
    window.give(Command::FetchNow);
    let Distrust::Changed { known, offered, .. } = window.wait_untrusted() else {
        panic!("the key has changed")
    };
    assert_eq!(known, front.fingerprint(0));
    assert_eq!(offered, front.fingerprint(1));
    // Nothing that a person can do there goes on.
    window.give(Command::Trust(offered));
    front.wait(Seen::Refused);
    front.wait(Seen::Refused);
    assert!(front.seen.try_iter().all(|seen| seen == Seen::Refused));
    front.gate(|gate| gate.codes = vec![Secret::new([8; 16])]);
    window.join(&invite(&front, 1, 8));
    window.wait_live();
}

#[test]
fn a_join_that_was_cut_is_repeated_with_the_same_key() {
    let folder = tempdir().unwrap();
    let back = LiveServer::start(&["alice"]);
    let front = closed(&back, 7);
    // The code is used, and the hello is not answered.
    front.turn(Mode::Cut(0));
    let mut window = Window::new(folder.path());
    window.join(&invite(&front, 0, 7));
    window.wait_link("a broken link", |link| {
        matches!(link, LinkState::Waiting { .. })
    });
    drop(window);
    assert_eq!(front.gate(|gate| gate.keys.len()), 1);
    front.turn(Mode::Tls(0));
    let mut window = Window::new(folder.path());
    window.join(&invite(&front, 0, 7));
    window.wait_live();
    assert_eq!(front.gate(|gate| gate.keys.len()), 1);
}

#[test]
fn neither_code_nor_key_is_in_events_or_files() {
    let folder = tempdir().unwrap();
    let back = LiveServer::start(&["alice"]);
    let front = closed(&back, 7);
    let mut window = Window::new(folder.path());
    window.give(Command::Inspect(true));
    let invite = invite(&front, 0, 7);
    window.join(&invite);
    window.wait_live();
    let told = window.events.iter().map(|event| match event {
        Event::Wire(news) => match &news.crossing {
            mensageiro::engine::Crossing::Line { bytes, .. } => {
                String::from_utf8_lossy(bytes).into_owned()
            }
            _ => String::new(),
        },
        event => format!("{event:?}"),
    });
    let told = told.collect::<String>();
    assert!(told.contains("join {"), "{told}");
    let (written, plain) = (invite.code.written(), invite.code.plain());
    for code in [written.as_str(), plain.as_str()] {
        assert!(!told.contains(code), "{told}");
    }
    drop(window);
    for file in std::fs::read_dir(folder.path().join("accounts")).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(written.as_str()) && !text.contains(plain.as_str()));
    }
}

#[test]
fn requests_that_the_server_does_not_know_are_answered_too() {
    let folder = tempdir().unwrap();
    let back = LiveServer::start(&["alice"]);
    let front = closed(&back, 7);
    let mut window = Window::new(folder.path());
    let request = Request::Devices(login("alice"));
    window.give(Command::Administer(request.clone()));
    let answered = |event: &Event| match event {
        Event::Administered { request, answer } => Some((request.clone(), answer.clone())),
        _ => None,
    };
    let none: (Request, Result<Answer, _>) = (request.clone(), Err(RequestProblem::NoConnection));
    assert_eq!(window.wait("an answer", answered), none);
    window.join(&invite(&front, 0, 7));
    window.wait_live();
    window.give(Command::Administer(request));
    front.turn(Mode::HangsUp);
    assert_eq!(window.wait("an answer", answered), none);
}
