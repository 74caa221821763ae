//! A server as a teacher has it: started, joined, left alone, found again, stopped.

use std::{fs, net::TcpStream, time::Duration};

use mensageiro::engine::{
    Account, Answer, Command, Event, HostCommand, HostNews, LinkState, Request,
};
use mensageiro_protocol::{Name, trust::InviteLink};

use super::{Computer, Test, ask, news, started};
use crate::window::{Window, login};

pub const TESTS: &[Test] = &[
    (
        "who_starts_a_server_administers_it_and_others_join_by_name",
        who_starts_a_server_administers_it_and_others_join_by_name,
    ),
    (
        "to_a_closed_server_people_come_by_invites_that_name_this_computer",
        to_a_closed_server_people_come_by_invites_that_name_this_computer,
    ),
    (
        "the_server_goes_on_without_the_app_and_the_next_start_finds_it",
        the_server_goes_on_without_the_app_and_the_next_start_finds_it,
    ),
];

fn join(app: &mut Window, invite: &InviteLink) {
    app.give(Command::SignIn {
        account: Account {
            login: invite.login.clone(),
            server: format!("{}:{}", invite.host, invite.port),
        },
        fetch_every: None,
        invite: Some(invite.clone()),
    });
    wait_live(app);
}

fn wait_live(app: &mut Window) {
    let live = LinkState::Live { catching_up: false };
    app.wait_link("a live session", |link| *link == live);
}

fn request(app: &mut Window, request: Request) -> Answer {
    app.give(Command::Administer(request.clone()));
    app.wait("an answer", |event| match event {
        Event::Administered {
            request: of,
            answer,
        } if *of == request => Some(answer.clone().unwrap()),
        _ => None,
    })
}

fn add_bruno(app: &mut Window) {
    let bruno = Request::AddUser {
        login: login("bruno"),
        name: Name::from("Bruno Lima"),
    };
    assert_eq!(request(app, bruno), Answer::Done);
}

fn who_starts_a_server_administers_it_and_others_join_by_name() {
    let computer = Computer::new();
    let mut ana = computer.app();
    let unknown = ask(&mut ana, HostCommand::Look);
    assert_eq!(unknown, HostNews::NotRunning { has_data: false });
    let (host, invite) = started(&mut ana, computer.terms());
    assert_eq!((host.port, host.is_closed), (computer.port, false));
    assert_eq!(host.data, computer.data());
    let users = fs::read_to_string(host.data.join("users.csv")).unwrap();
    assert_eq!(users, "login,name,role\nana.souza,Ana Souza,admin\n");
    join(&mut ana, &invite);
    add_bruno(&mut ana);
    let folder = tempfile::tempdir().unwrap();
    let server = format!("127.0.0.1:{}", host.port);
    let mut bruno = Window::signed_in(folder.path(), "bruno", &server);
    wait_live(&mut bruno);
    ana.send("bruno", "welcome");
    bruno.wait("the message", |event| match event {
        Event::Message(message) => (message.text.as_str() == "welcome").then_some(()),
        _ => None,
    });
    let stopped = ask(&mut ana, HostCommand::Stop);
    assert_eq!(stopped, HostNews::NotRunning { has_data: true });
    assert!(TcpStream::connect(server).is_err());
}

fn to_a_closed_server_people_come_by_invites_that_name_this_computer() {
    let computer = Computer::new();
    let mut ana = computer.app();
    let terms = super::HostTerms {
        is_closed: true,
        ..computer.terms()
    };
    let (host, invite) = started(&mut ana, terms);
    assert!(host.is_closed);
    join(&mut ana, &invite);
    add_bruno(&mut ana);
    let invite = Request::Invite {
        login: login("bruno"),
        valid: Duration::from_secs(60 * 60),
    };
    let Answer::Invited(invited) = request(&mut ana, invite) else {
        panic!("no invite");
    };
    // Where this computer is in no network, nobody else can come.
    let own = host.addresses.first().map(ToString::to_string);
    assert_eq!(invited.link.host, own.unwrap_or("localhost".into()));
    let folder = tempfile::tempdir().unwrap();
    let mut bruno = Window::new(folder.path());
    join(&mut bruno, &invited.link);
    assert!(matches!(
        ask(&mut ana, HostCommand::Look),
        HostNews::Running(seen) if seen == host
    ));
}

fn the_server_goes_on_without_the_app_and_the_next_start_finds_it() {
    let computer = Computer::new();
    let mut first = computer.app();
    let (host, invite) = started(&mut first, computer.terms());
    join(&mut first, &invite);
    drop(first);
    let mut second = computer.app();
    assert_eq!(ask(&mut second, HostCommand::Look), HostNews::Running(host));
    second.sign_in("ana.souza", &format!("localhost:{}", computer.port), None);
    wait_live(&mut second);
    // Whoever starts it once more is let in, and nothing is started twice.
    let (again, _) = started(&mut second, computer.terms());
    assert_eq!(again.port, computer.port);
    let stopped = computer.command(&["stop"]).output().unwrap();
    assert!(stopped.status.success(), "{stopped:?}");
    let seen = ask(&mut second, HostCommand::Look);
    assert_eq!(seen, HostNews::NotRunning { has_data: true });
    // One that this app has started tells it.
    started(&mut second, computer.terms());
    assert!(computer.command(&["stop"]).status().unwrap().success());
    assert_eq!(news(&mut second), HostNews::NotRunning { has_data: true });
}
