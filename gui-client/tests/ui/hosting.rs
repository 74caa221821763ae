//! The server on this computer: the form, what goes wrong, how others join, the end of the app.

use egui::{Key, Modifiers, ViewportCommand, ViewportEvent, ViewportId};
use mensageiro::{
    engine::{
        Answer, Command, Event, Host, HostCommand, HostNews, HostProblem, HostTerms, LinkProblem,
        LinkState, Request, RequestProblem, Verified,
    },
    model::{HostState, Hosted, Overlay, Preferences},
};
use mensageiro_protocol::{Name, trust::InviteLink};

use crate::{
    desk::{Desk, login},
    identity::{ADMINISTRATOR, invite, roster, security},
    live::live,
};

const ENTRY: &str = "Start a server on this computer";

pub fn host(is_closed: bool) -> Host {
    Host {
        port: 3333,
        is_closed,
        addresses: vec![[192, 168, 0, 7].into()],
        data: "/home/alice/.local/share/mensageiro-server".into(),
        log: "/home/alice/.local/share/mensageiro-server/server.log".into(),
    }
}

/// What lets in the person who has started the server.
fn own_invite() -> InviteLink {
    InviteLink {
        host: "localhost".into(),
        ..invite()
    }
}

pub fn news(news: HostNews) -> Event {
    Event::Host(news)
}

pub fn hosted() -> Preferences {
    Preferences {
        hosted: Some(Hosted {
            login: "alice".into(),
            port: 3333,
            is_closed: false,
        }),
        ..Preferences::default()
    }
}

/// Signed in to the server that one has started, with the dialog open.
pub fn running(is_closed: bool) -> Desk {
    let mut desk = Desk::new(Preferences::default());
    desk.show(Overlay::Hosting);
    desk.write("Your name", "alice");
    desk.click("Start the server");
    desk.tell(news(HostNews::Started(host(is_closed), own_invite())));
    let account = crate::desk::alice();
    desk.tell(Event::SignedIn {
        account,
        conversations: vec![],
    });
    desk.tell(security(Verified::Invite, ADMINISTRATOR));
    desk.tell(live());
    desk.tell(roster());
    desk
}

fn start(is_closed: bool, port: u16) -> Command {
    Command::Host(HostCommand::Start(HostTerms {
        login: login("ana.souza"),
        name: Name::from("Ana Souza"),
        is_closed,
        port,
    }))
}

#[test]
fn a_server_is_started_with_a_name_and_enter() {
    let mut desk = Desk::new(Preferences::default());
    desk.click(ENTRY);
    assert_eq!(desk.asked(), [Command::Host(HostCommand::Look)]);
    desk.tell(news(HostNews::NotRunning { has_data: false }));
    desk.press(Modifiers::NONE, Key::Enter);
    assert!(desk.sees("Enter a user name."));
    // The field has the focus.
    desk.harness.event(egui::Event::Text("Ana Souza".into()));
    desk.harness.run();
    assert!(desk.sees("Your user name will be ana.souza."));
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(desk.asked(), [start(false, 3333)]);
    assert!(desk.sees("Starting the server…"));
}

#[test]
fn who_has_started_a_server_is_signed_in_and_told_how_others_join() {
    let mut desk = Desk::new(Preferences::default());
    desk.click(ENTRY);
    desk.write("Your name", "Ana Souza");
    desk.click("Only people you invite");
    desk.click("Start the server");
    assert_eq!(desk.asked().last(), Some(&start(true, 3333)));
    desk.tell(news(HostNews::Started(host(true), own_invite())));
    match &desk.asked()[..] {
        [
            Command::SignIn {
                account, invite, ..
            },
        ] => {
            assert_eq!(account.server, "localhost:3333");
            assert_eq!(invite.as_ref(), Some(&own_invite()));
        }
        asked => panic!("{asked:?}"),
    }
    let mut desk = running(true);
    assert!(desk.sees("192.168.0.7:3333"));
    assert!(desk.sees("Each person needs an invite"));
    let kept = desk.model().preferences.hosted.clone().unwrap();
    assert!(kept.is_closed && kept.port == 3333);
    desk.press(Modifiers::NONE, Key::Escape);
    desk.show(Overlay::Settings);
    desk.asked();
    desk.click("Server on this computer");
    assert_eq!(desk.asked(), [Command::Host(HostCommand::Look)]);
    desk.click("Stop the server");
    assert_eq!(desk.asked(), [Command::Host(HostCommand::Stop)]);
    desk.tell(news(HostNews::NotRunning { has_data: true }));
    assert!(desk.sees("This computer has had a server before."));
}

#[test]
fn a_class_is_added_by_its_list_of_names() {
    let mut desk = running(false);
    desk.asked();
    desk.click("Add people");
    let list = "Bruno Lima\tbruno@school.example\n\n  Carla Dias\nelisa";
    desk.harness.event(egui::Event::Paste(list.into()));
    desk.harness.run();
    assert!(desk.sees("3 names"));
    desk.click("Add");
    let add = |login_name: &str, name: &str| Request::AddUser {
        login: login(login_name),
        name: Name::from(name),
    };
    let all = [
        (add("bruno.lima", "Bruno Lima"), Ok(Answer::Done)),
        // Who is there already does not hold up the others.
        (add("carla.dias", "Carla Dias"), Err(RequestProblem::Exists)),
        (add("elisa", ""), Ok(Answer::Done)),
    ];
    for (request, answer) in all {
        assert_eq!(desk.asked(), [Command::Administer(request.clone())]);
        desk.tell(Event::Administered { request, answer });
    }
    assert!(desk.asked().is_empty());
    assert!(desk.sees("Davi Nunes"), "the list of all users");
}

#[test]
fn a_name_that_is_none_stops_there_and_keeps_those_that_follow() {
    let mut desk = running(false);
    desk.asked();
    desk.click("Add people");
    desk.harness
        .event(egui::Event::Paste("bia\n!!!\ncaio".into()));
    desk.harness.run();
    desk.click("Add");
    let bia = Request::AddUser {
        login: login("bia"),
        name: Name::default(),
    };
    assert_eq!(desk.asked(), [Command::Administer(bia.clone())]);
    let answer = Ok(Answer::Done);
    desk.tell(Event::Administered {
        request: bia,
        answer,
    });
    assert!(desk.asked().is_empty());
    assert!(desk.sees("Enter a user name."));
    let Some(Overlay::Administration(pages)) = &desk.model().overlay else {
        panic!("no page");
    };
    let left = mensageiro::model::Page::AddUsers {
        typed: "!!!\ncaio".into(),
        is_adding: false,
    };
    assert_eq!(*pages.page(), left);
}

#[test]
fn a_port_that_is_taken_leads_to_another_port_or_to_what_is_there() {
    let taken = || {
        let mut desk = Desk::new(Preferences::default());
        desk.click(ENTRY);
        desk.write("Your name", "Ana Souza");
        desk.click("Start the server");
        desk.tell(news(HostNews::Failed(HostProblem::PortTaken {
            port: 3333,
            free: Some(3334),
        })));
        desk.asked();
        desk
    };
    let mut desk = taken();
    desk.click("Start it on port 3334");
    assert_eq!(desk.asked(), [start(false, 3334)]);
    let mut desk = taken();
    desk.click("Sign in to what uses port 3333");
    assert_eq!(desk.model().overlay, None);
    assert_eq!(desk.model().login.server, "localhost:3333");
}

#[test]
fn every_problem_says_what_to_do_and_lets_one_try_again() {
    for (problem, words) in [
        (
            HostProblem::NoProgram {
                folder: "/opt/app".into(),
            },
            "mensageiro-server should be in /opt/app",
        ),
        (
            HostProblem::InUse {
                data: "/data".into(),
            },
            "Another server is using the folder /data",
        ),
        (
            HostProblem::Refused {
                said: "users.csv: line 2".into(),
                log: Some("/data/server.log".into()),
            },
            "Its log may say more: /data/server.log",
        ),
    ] {
        let mut desk = Desk::new(hosted());
        desk.tell(news(HostNews::Failed(problem)));
        assert!(desk.sees(words), "{words}");
        desk.asked();
        desk.click("Try again");
        assert_eq!(desk.asked(), [Command::Host(HostCommand::Look)]);
        assert!(desk.sees("Your name"));
    }
}

#[test]
fn the_next_start_of_the_app_looks_for_the_server_and_starts_it_again() {
    let mut desk = Desk::new(hosted());
    assert_eq!(desk.asked(), [Command::Host(HostCommand::Look)]);
    desk.tell(news(HostNews::Running(host(false))));
    assert!(desk.sees("Your server is running"));
    let mut desk = Desk::new(hosted());
    desk.tell(news(HostNews::NotRunning { has_data: true }));
    desk.write("User name", "alice");
    desk.click("Sign in");
    desk.tell(Event::SignedIn {
        account: crate::desk::alice(),
        conversations: vec![],
    });
    desk.tell(live());
    desk.asked();
    // It ends in the middle of a session.
    desk.tell(Event::Link(LinkState::Waiting {
        problem: LinkProblem::NobodyListens,
        retry_at: std::time::Instant::now() + std::time::Duration::from_secs(30),
    }));
    assert_eq!(desk.asked(), [Command::Host(HostCommand::Look)]);
    desk.tell(news(HostNews::NotRunning { has_data: true }));
    assert!(desk.sees("Your server on this computer is not running."));
    desk.click("Start it again");
    let again = Command::Host(HostCommand::Start(HostTerms {
        login: login("alice"),
        name: Name::default(),
        is_closed: false,
        port: 3333,
    }));
    assert_eq!(desk.asked(), [again]);
    desk.tell(news(HostNews::Started(host(false), own_invite())));
    assert_eq!(desk.asked(), [Command::FetchNow], "the session goes on");
}

/// Closes the window as the system does. Says whether the app wants it to stay.
fn close(desk: &mut Desk) -> bool {
    let root = desk.harness.input_mut().viewports.entry(ViewportId::ROOT);
    root.or_default().events.push(ViewportEvent::Close);
    desk.harness.step();
    let commands = has_sent(desk, &ViewportCommand::CancelClose);
    let root = desk.harness.input_mut().viewports.entry(ViewportId::ROOT);
    root.or_default().events.clear();
    desk.harness.run();
    commands
}

fn has_sent(desk: &Desk, command: &ViewportCommand) -> bool {
    let windows = desk.harness.output().viewport_output.values();
    windows
        .into_iter()
        .any(|window| window.commands.contains(command))
}

#[test]
fn closing_the_app_says_that_the_server_goes_on_and_can_stop_it() {
    let mut desk = running(false);
    assert!(close(&mut desk), "the window stays");
    assert!(desk.sees("Your server keeps running"));
    assert!(!close(&mut desk), "twice means it");
    let mut desk = running(false);
    close(&mut desk);
    desk.asked();
    desk.click("Stop the server and close");
    assert_eq!(desk.asked(), [Command::Host(HostCommand::Stop)]);
    desk.say(news(HostNews::NotRunning { has_data: true }));
    desk.harness.step();
    assert!(has_sent(&desk, &ViewportCommand::Close));
    // Without a server nobody is asked.
    let mut desk = Desk::signed_in(vec![]);
    assert!(!close(&mut desk));
    // Whoever stays is asked again.
    let mut desk = running(false);
    close(&mut desk);
    desk.press(Modifiers::NONE, Key::Escape);
    assert_eq!(desk.model().overlay, None);
    assert!(matches!(desk.model().hosting.state, HostState::Running(_)));
    assert!(close(&mut desk));
}
