//! Servers without TLS, and those that do not answer a hello as they should.

use super::*;

#[test]
fn a_server_of_the_assignment_is_asked_for_tls_once() {
    let folder = tempdir().unwrap();
    let back = Server::start(CAREFUL, &["alice", "bob"]);
    for mode in [Mode::Chats, Mode::HangsUp] {
        let front = Front::before(&back.address, mode);
        let mut window = Window::signed_in(folder.path(), "alice", &front.address());
        assert_eq!(front.seen.recv_timeout(PATIENCE), Ok(Seen::NoTls));
        front.turn(Mode::Plain);
        assert!(window.wait_security().encryption.is_none());
        window.wait_idle();
        drop(window);
        let mut window = Window::signed_in(folder.path(), "alice", &front.address());
        window.wait_idle();
        drop(window);
        assert!(front.seen.try_iter().all(|seen| seen == Seen::Plain));
    }
}

#[test]
fn a_server_that_waits_for_a_line_gets_one_after_some_seconds() {
    let folder = tempdir().unwrap();
    let back = Server::start(CAREFUL, &["alice"]);
    let front = Front::before(&back.address, Mode::Silent);
    let mut window = Window::signed_in(folder.path(), "alice", &front.address());
    assert_eq!(front.seen.recv_timeout(PATIENCE), Ok(Seen::NoTls));
    front.turn(Mode::Plain);
    window.wait_idle();
}

#[test]
fn a_live_server_without_tls_is_asked_again_when_it_wants_it() {
    let folder = tempdir().unwrap();
    let back = LiveServer::start(&["alice"]);
    let front = Front::before(&back.address, Mode::HangsUp);
    let mut window = Window::signed_in(folder.path(), "alice", &front.address());
    assert_eq!(front.seen.recv_timeout(PATIENCE), Ok(Seen::NoTls));
    front.turn(Mode::Plain);
    assert!(window.wait_security().encryption.is_none());
    window.wait_live();
    // It is a day until the next question, and the server cannot wait.
    front.turn(Mode::OnlyTls);
    window.give(Command::FetchNow);
    let link = window.wait("encryption", |event| match event {
        Event::Security(security) => security.encryption.clone(),
        _ => None,
    });
    assert_eq!(link.fingerprint, front.fingerprint(0));
}

#[test]
fn tls_of_another_kind_is_named_and_never_answered_in_plain_text() {
    let folder = tempdir().unwrap();
    let back = LiveServer::start(&["alice"]);
    for mode in [Mode::Alerts, Mode::HugeRecord] {
        let front = Front::before(&back.address, mode);
        let mut window = Window::signed_in(folder.path(), "alice", &front.address());
        let link = window.wait_link("a problem", |link| {
            matches!(link, LinkState::Waiting { .. })
        });
        assert!(matches!(
            link,
            LinkState::Waiting {
                problem: LinkProblem::Stranger(Stranger::Tls),
                ..
            }
        ));
        assert_eq!(front.plain(), 0);
    }
}
