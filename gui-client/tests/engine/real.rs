//! The app's engine and the server of this project, over TLS: joining, inviting, revoking, administering.

use std::{fs, net::SocketAddr, path::Path, time::Duration};

use clap::Parser;
use mensageiro::engine::{
    Account, Answer, Command, Conversation, Delivery, Device, Distrust, Event, FOR_GOOD, LinkState,
    Peer, Request, RequestProblem, Rights, Security, SettingChange, Verified,
};
use mensageiro_protocol::{
    Name,
    trust::{InviteLink, Secret},
};
use mensageiro_server::{
    Options, Server,
    access::{RegisterFile, invitation},
    metrics::tell_of_access,
};
use tempfile::{TempDir, tempdir};

use crate::window::{Window, login};

const HOUR: Duration = Duration::from_secs(60 * 60);

struct Real {
    folder: TempDir,
    address: SocketAddr,
    server: Option<Server>,
}

impl Real {
    fn start(arguments: &[&str]) -> Self {
        let folder = tempdir().unwrap();
        let users = "login,name,role\nana,Ana,\nbia,Bia,\nchef,,admin\n";
        fs::write(folder.path().join("users.csv"), users).unwrap();
        let mut real = Self {
            folder,
            address: "127.0.0.1:0".parse().unwrap(),
            server: None,
        };
        real.serve(arguments);
        real
    }

    /// Starts at the same address.
    fn serve(&mut self, arguments: &[&str]) {
        let (data, listen) = (self.folder.path(), self.address.to_string());
        let fixed = ["mensageiro-server", "--data", data.to_str().unwrap()];
        let all = [&fixed[..], &["--listen", &listen], arguments].concat();
        let server = Server::start(&Options::parse_from(all)).unwrap();
        self.address = server.address();
        self.server = Some(server);
    }

    fn stop(&mut self) {
        self.server.take().unwrap().stop();
    }

    /// An invite as the command makes it.
    fn invite(&self, name: &str) -> InviteLink {
        let (code, change, _) = invitation(&login(name), HOUR).unwrap();
        let folder = self.folder.path();
        RegisterFile::new(folder).change(|_| vec![change]).unwrap();
        assert!(tell_of_access(folder).unwrap(), "it runs");
        self.link(name, code)
    }

    fn link(&self, name: &str, code: Secret) -> InviteLink {
        InviteLink {
            host: self.address.ip().to_string(),
            port: self.address.port(),
            login: login(name),
            key: self.server.as_ref().unwrap().fingerprint(),
            code,
        }
    }
}

/// Joins, and waits until the session stands.
fn joined(folder: &Path, invite: &InviteLink) -> Window {
    let mut window = Window::new(folder);
    window.give(Command::SignIn {
        account: Account {
            server: format!("{}:{}", invite.host, invite.port),
            login: invite.login.clone(),
        },
        fetch_every: None,
        invite: Some(invite.clone()),
    });
    wait_live(&mut window);
    window
}

fn wait_live(window: &mut Window) {
    let live = LinkState::Live { catching_up: false };
    window.wait_link("a live session", |link| *link == live);
}

fn wait_untrusted(window: &mut Window) -> Distrust {
    window.wait("distrust", |event| match event {
        Event::Link(LinkState::Untrusted(distrust)) => Some(distrust.clone()),
        _ => None,
    })
}

fn security(window: &Window) -> Security {
    let mut all = window.events.iter().rev();
    let last = all.find_map(|event| match event {
        Event::Security(security) => Some(security.clone()),
        _ => None,
    });
    last.unwrap()
}

fn ask(window: &mut Window, request: Request) -> Result<Answer, RequestProblem> {
    window.give(Command::Administer(request.clone()));
    window.wait("an answer", |event| match event {
        Event::Administered {
            request: of,
            answer,
        } if *of == request => Some(answer.clone()),
        _ => None,
    })
}

fn devices(window: &mut Window, name: &str) -> Vec<Device> {
    match ask(window, Request::Devices(login(name))) {
        Ok(Answer::Devices(devices)) => devices,
        answer => panic!("{answer:?}"),
    }
}

#[test]
fn a_device_joins_invites_another_and_revokes_it_in_the_middle_of_its_session() {
    let server = Real::start(&["--closed"]);
    let (first_folder, second_folder) = (tempdir().unwrap(), tempdir().unwrap());
    let mut first = joined(first_folder.path(), &server.invite("ana"));
    let told = security(&first);
    assert_eq!(told.encryption.unwrap().verified, Verified::Invite);
    let Rights {
        is_closed,
        is_registered,
        is_administrator,
        ..
    } = told.rights;
    assert!(is_closed && is_registered && !is_administrator);
    let alone = devices(&mut first, "ana");
    assert!(alone.len() == 1 && alone[0].is_this, "{alone:?}");
    let (login, valid) = (login("ana"), HOUR);
    let invited = match ask(&mut first, Request::Invite { login, valid }) {
        Ok(Answer::Invited(invited)) => invited,
        answer => panic!("{answer:?}"),
    };
    let mut second = joined(second_folder.path(), &invited.link);
    first.send("bia", "from the first device");
    second.wait_message("from the first device", Delivery::Accepted);
    let both = devices(&mut first, "ana");
    let other = both.iter().find(|device| !device.is_this).unwrap();
    let revoke = Request::Revoke {
        login: invited.link.login.clone(),
        id: other.id,
    };
    match ask(&mut first, revoke) {
        Ok(Answer::Devices(left)) => assert_eq!(left, alone),
        answer => panic!("{answer:?}"),
    }
    assert_eq!(wait_untrusted(&mut second), Distrust::Revoked);
    second.give(Command::FetchNow);
    assert_eq!(wait_untrusted(&mut second), Distrust::NeedsKey);
    // The link has been used.
    drop(second);
    let third = tempdir().unwrap();
    let mut third = Window::new(third.path());
    third.give(Command::SignIn {
        account: Account {
            server: server.address.to_string(),
            login: invited.link.login.clone(),
        },
        fetch_every: None,
        invite: Some(invited.link),
    });
    assert_eq!(wait_untrusted(&mut third), Distrust::BadCode);
}

#[test]
fn a_device_without_an_invite_is_told_that_it_needs_one() {
    let server = Real::start(&["--closed"]);
    for name in ["ana", "nobody"] {
        let folder = tempdir().unwrap();
        let address = server.address.to_string();
        let mut window = Window::signed_in(folder.path(), name, &address);
        assert_eq!(wait_untrusted(&mut window), Distrust::NeedsKey);
    }
}

#[test]
fn only_an_administrator_changes_users_and_everybody_makes_groups() {
    let server = Real::start(&["--closed"]);
    let (chef, ana) = (tempdir().unwrap(), tempdir().unwrap());
    let mut chef = joined(chef.path(), &server.invite("chef"));
    let mut ana = joined(ana.path(), &server.invite("ana"));
    assert!(security(&chef).rights.is_administrator);
    let add = |name: &str| Request::AddUser {
        login: login(name),
        name: Name::from("Caio C."),
    };
    assert_eq!(ask(&mut chef, add("caio")), Ok(Answer::Done));
    assert_eq!(ask(&mut chef, add("caio")), Err(RequestProblem::Exists));
    assert_eq!(ask(&mut ana, add("dora")), Err(RequestProblem::NotAllowed));
    let users = fs::read_to_string(server.folder.path().join("users.csv")).unwrap();
    assert!(users.ends_with("chef,,admin\ncaio,Caio C.,\n"), "{users}");
    let team = || login("team");
    assert_eq!(
        ask(&mut ana, Request::CreateGroup(team())),
        Ok(Answer::Done)
    );
    let member = Request::AddMember {
        group: team(),
        login: login("caio"),
    };
    assert_eq!(ask(&mut ana, member), Ok(Answer::Done));
    ana.send("team", "welcome, caio");
    ana.wait_message("welcome, caio", Delivery::Accepted);
    assert_eq!(
        ask(&mut ana, Request::RemoveGroup(team())),
        Ok(Answer::Done)
    );
    let others = Request::Devices(login("chef"));
    assert_eq!(ask(&mut ana, others), Err(RequestProblem::NotAllowed));
    assert_eq!(devices(&mut chef, "ana").len(), 1);
    // The right ends with the role, in the middle of the session.
    let role = |is_administrator| Request::SetRole {
        login: login("ana"),
        is_administrator,
    };
    assert_eq!(ask(&mut chef, role(true)), Ok(Answer::Done));
    ana.wait("the right", |event| match event {
        Event::Security(security) => security.rights.is_administrator.then_some(()),
        _ => None,
    });
    assert_eq!(ask(&mut chef, role(false)), Ok(Answer::Done));
    ana.wait("the end of the right", |event| match event {
        Event::Security(security) => (!security.rights.is_administrator).then_some(()),
        _ => None,
    });
}

#[test]
fn a_server_whose_key_was_replaced_is_refused_until_a_new_invite() {
    let mut server = Real::start(&["--closed"]);
    let folder = tempdir().unwrap();
    let mut window = joined(folder.path(), &server.invite("ana"));
    let known = server.server.as_ref().unwrap().fingerprint();
    server.stop();
    fs::remove_dir_all(server.folder.path().join("tls")).unwrap();
    server.serve(&[]);
    let offered = server.server.as_ref().unwrap().fingerprint();
    window.give(Command::FetchNow);
    match wait_untrusted(&mut window) {
        Distrust::Changed {
            known: was,
            offered: is,
            ..
        } => assert_eq!((was, is), (known, offered)),
        distrust => panic!("{distrust:?}"),
    }
    drop(window);
    // The device is still registered: its key has not changed.
    let window = joined(folder.path(), &server.invite("ana"));
    assert!(security(&window).rights.is_registered);
}

#[test]
fn an_open_server_is_encrypted_too_and_knows_no_devices() {
    let server = Real::start(&[]);
    let (ana, bia) = (tempdir().unwrap(), tempdir().unwrap());
    let address = server.address.to_string();
    let mut ana = Window::signed_in(ana.path(), "ana", &address);
    let mut bia = Window::signed_in(bia.path(), "bia", &address);
    wait_live(&mut ana);
    wait_live(&mut bia);
    let told = security(&ana);
    let encryption = told.encryption.unwrap();
    assert_eq!(encryption.verified, Verified::FirstContact);
    let real = server.server.as_ref().unwrap().fingerprint();
    assert_eq!(encryption.fingerprint, real);
    assert!(!told.rights.is_closed && !told.rights.is_registered);
    ana.send("bia", "oi");
    bia.wait_message("oi", Delivery::Received);
    let own = Request::Devices(login("ana"));
    assert_eq!(ask(&mut ana, own), Err(RequestProblem::NotAllowed));
}

fn arrange(window: &Window, name: &str, change: SettingChange) {
    let with = Peer::Person(login(name));
    window.give(Command::Arrange { with, change });
}

/// Waits until a conversation is told to be so.
fn wait_row(window: &mut Window, name: &str, is_so: impl Fn(&Conversation) -> bool) {
    let with = Peer::Person(login(name));
    let latest = |window: &Window| {
        let told = window.events.iter().rev();
        let mut rows = told.filter_map(|event| match event {
            Event::Arranged(rows) => rows.iter().find(|row| row.with == with),
            _ => None,
        });
        rows.next().cloned()
    };
    while !latest(window).is_some_and(|row| is_so(&row)) {
        window.wait(name, |event| {
            matches!(event, Event::Arranged(_)).then_some(())
        });
    }
}

#[test]
fn what_one_device_sets_the_others_know_also_what_it_set_without_a_connection() {
    let mut real = Real::start(&[]);
    let folders = [(); 3].map(|()| tempdir().unwrap());
    let address = real.address.to_string();
    let signed_in = |folder: &TempDir| {
        let mut window = Window::signed_in(folder.path(), "ana", &address);
        wait_live(&mut window);
        window
    };
    let mut phone = signed_in(&folders[0]);
    let mut desk = signed_in(&folders[1]);
    arrange(&phone, "bia", SettingChange::Pinned(true));
    wait_row(&mut desk, "bia", |row| row.is_pinned);
    phone.give(Command::SaveDraft {
        with: Peer::Person(login("bia")),
        text: "half a sen".into(),
    });
    wait_row(&mut desk, "bia", |row| row.draft == "half a sen");
    real.stop();
    desk.wait_link("no connection", |link| {
        matches!(link, LinkState::Waiting { .. })
    });
    arrange(&desk, "bia", SettingChange::Pinned(false));
    arrange(&desk, "chef", SettingChange::MutedUntil(Some(FOR_GOOD)));
    real.serve(&[]);
    desk.give(Command::FetchNow);
    phone.give(Command::FetchNow);
    let both = |row: &Conversation| !row.is_pinned && row.draft == "half a sen";
    wait_row(&mut phone, "bia", both);
    wait_row(&mut phone, "chef", Conversation::is_muted);
    let mut tablet = signed_in(&folders[2]);
    wait_row(&mut tablet, "bia", both);
}
