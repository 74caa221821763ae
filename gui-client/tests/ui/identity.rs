//! Who the server is, and what it lets this device do: the padlock, refusals, invites, devices, users and
//! groups.

use std::time::Duration;

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use jiff::Timestamp;
use mensageiro::{
    engine::{
        Answer, Command, Device, Distrust, Encryption, Event, Invited, LinkState, Request,
        RequestProblem, Rights, Roster, Security, Verified,
    },
    model::{Action, Overlay, Page, Preferences},
};
use mensageiro_protocol::{
    live::{Presence, Role, RosterGroup, RosterUser},
    trust::{DeviceId, Fingerprint, InviteLink, PublicKey, Secret},
};

use crate::{
    desk::{Desk, alice, login, online},
    live::{live, presence},
};

pub const ADMINISTRATOR: Rights = Rights {
    is_closed: true,
    is_registered: true,
    is_administrator: true,
    may_create_groups: true,
    may_change_messages: true,
};

pub fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

pub fn known() -> Fingerprint {
    Fingerprint::of(b"known")
}

pub fn other() -> Fingerprint {
    Fingerprint::of(b"other")
}

pub fn security(verified: Verified, rights: Rights) -> Event {
    Event::Security(Security {
        encryption: Some(Encryption {
            cipher: "TLS 1.3, AES-256-GCM".into(),
            fingerprint: known(),
            verified,
            since: moment(1_699_600_000),
        }),
        rights,
    })
}

pub fn plain() -> Event {
    Event::Security(Security {
        encryption: None,
        rights: Rights::default(),
    })
}

pub fn untrusted(distrust: Distrust) -> Event {
    Event::Link(LinkState::Untrusted(distrust))
}

pub fn changed() -> Distrust {
    Distrust::Changed {
        known: known(),
        offered: other(),
        since: moment(1_699_600_000),
    }
}

pub fn invite() -> InviteLink {
    InviteLink {
        host: "chat.school.example".into(),
        port: 3333,
        login: login("alice"),
        key: known(),
        code: Secret::new([0x5a; 16]),
    }
}

pub fn devices() -> Vec<Device> {
    let device = |name: &str, seen: Option<i64>, is_program, is_this| Device {
        id: id(name),
        name: name.into(),
        is_program,
        added: moment(1_699_000_000),
        seen: seen.map(moment),
        is_this,
    };
    vec![
        device("Notebook", Some(1_700_040_000), false, true),
        device("Desktop at school", Some(1_699_950_000), false, false),
        device("homework.py", None, true, false),
    ]
}

pub fn id(name: &str) -> DeviceId {
    PublicKey::of(name.as_bytes()).id()
}

pub fn roster() -> Event {
    let user = |name: &str, full: &str, role| RosterUser {
        presence: presence(name, Presence::Online, None),
        name: full.into(),
        role,
    };
    Event::Roster(Roster {
        users: vec![
            user("alice", "Alice Souza", Some(Role::Admin)),
            user("bruno", "Bruno Lima", None),
            user("carla", "Carla Dias", Some(Role::Admin)),
            user("davi", "Davi Nunes", None),
        ],
        groups: vec![RosterGroup {
            name: login("turma-a"),
            members: ["alice", "bruno", "carla"].map(login).to_vec(),
            gone: vec![],
            admins: vec![login("alice")],
        }],
        ..Roster::default()
    })
}

/// Signed in to a closed server, with these rights.
pub fn desk(rights: Rights) -> Desk {
    let mut desk = Desk::signed_in(vec![]);
    desk.tell(security(Verified::Invite, rights));
    desk.tell(live());
    desk.tell(roster());
    desk.asked();
    desk
}

/// The one request that the window has sent.
fn request(desk: &Desk) -> Request {
    match &desk.asked()[..] {
        [Command::Administer(request)] => request.clone(),
        asked => panic!("{asked:?}"),
    }
}

fn answer(desk: &mut Desk, request: Request, answer: Result<Answer, RequestProblem>) {
    desk.tell(Event::Administered { request, answer });
}

#[test]
fn the_padlock_says_how_the_connection_is_protected_and_opens_a_page() {
    let mut desk = Desk::signed_in(vec![]);
    assert!(!desk.sees("This connection"), "nothing is known yet");
    desk.tell(plain());
    assert!(desk.sees("Not encrypted"));
    desk.click("This connection: Not encrypted");
    assert!(desk.sees("Anyone on the way to localhost:3333 can read and change everything"));
    desk.press(Modifiers::NONE, Key::Escape);
    desk.tell(security(Verified::FirstContact, Rights::default()));
    desk.click("This connection: Encrypted, not verified");
    assert!(desk.sees("nobody has checked that"));
    assert!(desk.sees(&known().to_string()));
    assert!(desk.sees("TLS 1.3, AES-256-GCM"));
    assert!(desk.sees("On this server a user name is enough"));
    desk.tell(security(Verified::Person, ADMINISTRATOR));
    assert!(desk.sees("You compared the server's fingerprint"));
    assert!(desk.sees("The server lets in only devices and programs that were invited."));
}

#[test]
fn a_first_contact_with_a_closed_server_is_confirmed_by_the_person_or_not_at_all() {
    let mut desk = Desk::new(Preferences::default());
    desk.write("User name", "alice");
    desk.click("Sign in");
    desk.asked();
    let fingerprint = known();
    desk.tell(untrusted(Distrust::Unknown { fingerprint }));
    assert!(desk.sees("Is this the right server?"));
    assert!(desk.sees(&known().to_string()));
    // Enter confirms nothing that the person has not gone to.
    desk.press(Modifiers::NONE, Key::Enter);
    assert!(desk.asked().is_empty());
    desk.click("They are the same: connect");
    assert_eq!(desk.asked(), [Command::Trust(known())]);
    desk.tell(Event::Link(LinkState::Connecting));
    assert!(desk.sees("Connecting"));
    desk.tell(untrusted(Distrust::Unknown { fingerprint }));
    desk.click("Cancel");
    assert_eq!(desk.asked(), [Command::SignOut]);
    assert!(desk.sees("User name"));
}

#[test]
fn a_changed_key_leaves_no_way_on() {
    for distrust in [
        changed(),
        Distrust::NotInvited {
            invited: known(),
            offered: other(),
        },
        Distrust::Plain {
            since: moment(1_699_600_000),
        },
    ] {
        let mut desk = desk(ADMINISTRATOR);
        desk.tell(untrusted(distrust.clone()));
        let has_keys = !matches!(distrust, Distrust::Plain { .. });
        assert_eq!(desk.sees(&known().to_string()), has_keys);
        assert_eq!(desk.sees(&other().to_string()), has_keys);
        // Every button, one after the other.
        for (button, command) in [
            ("Try again", Command::FetchNow),
            ("Use a different account", Command::SignOut),
        ] {
            desk.click(button);
            assert_eq!(desk.asked(), [command]);
        }
        assert!(desk.sees("User name"));
    }
}

#[test]
fn a_device_that_is_not_let_in_is_told_on_the_card_how_to_get_in() {
    for (distrust, words) in [
        (Distrust::NeedsKey, "each device joins with an invite"),
        (Distrust::BadCode, "It has been used, it has expired"),
        (Distrust::TooManyTries, "too many tries with wrong invites"),
        (Distrust::NeedsTls, "requires encryption"),
    ] {
        let mut desk = Desk::new(Preferences::default());
        desk.write("User name", "alice");
        desk.click("Sign in");
        desk.tell(untrusted(distrust));
        assert!(desk.sees(words), "{words}");
        assert!(desk.harness.get_by_label("Server").is_focused());
    }
    // Where one was in before.
    let mut desk = desk(ADMINISTRATOR);
    desk.tell(untrusted(Distrust::Revoked));
    assert!(desk.sees("This device was removed"));
    desk.click("I have an invite");
    assert_eq!(desk.asked(), [Command::SignOut]);
    assert!(desk.sees("This device may no longer use localhost:3333"));
}

#[test]
fn a_pasted_invite_fills_the_card_and_joins_when_the_person_says_so() {
    let mut desk = Desk::new(Preferences::default());
    desk.write("User name", &invite().written());
    assert_eq!(desk.model().login.user, "alice");
    assert_eq!(desk.model().login.server, "chat.school.example:3333");
    assert!(desk.sees("An invite for alice on chat.school.example:3333."));
    assert!(desk.asked().is_empty());
    desk.click("Join");
    let asked = desk.asked();
    let [
        Command::SignIn {
            account,
            invite: used,
            ..
        },
    ] = &asked[..]
    else {
        panic!("{asked:?}")
    };
    assert_eq!(account.server, "chat.school.example:3333");
    assert_eq!(used.as_ref(), Some(&invite()));
    assert!(desk.sees("Joining"));
    desk.tell(untrusted(Distrust::BadCode));
    assert!(desk.sees("does not accept this invite"));
    // It is not tried again by itself.
    desk.click("Sign in");
    assert!(matches!(
        &desk.asked()[..],
        [.., Command::SignIn { invite: None, .. }]
    ));
}

#[test]
fn an_invite_that_is_cut_off_or_not_wanted_is_not_used() {
    let mut desk = Desk::new(Preferences::default());
    let link = invite().written();
    desk.write("User name", &link[..link.len() - 4]);
    assert!(desk.sees("This invite link is not complete."));
    desk.act(Action::EditServer(link.to_string()));
    assert!(!desk.sees("This invite link is not complete."));
    desk.click("Do not use the invite");
    desk.click("Sign in");
    assert!(matches!(
        &desk.asked()[..],
        [Command::SignIn { invite: None, .. }]
    ));
}

#[test]
fn the_settings_offer_only_what_the_server_allows() {
    let entries = ["Devices", "People", "Groups"];
    let open = |rights| {
        let mut desk = Desk::signed_in(vec![]);
        desk.tell(security(Verified::Invite, rights));
        desk.tell(live());
        desk.show(Overlay::Settings);
        entries.map(|name| desk.harness.query_by_label(name).is_some())
    };
    assert_eq!(open(Rights::default()), [false, false, false]);
    let registered = Rights {
        is_registered: true,
        ..Rights::default()
    };
    assert_eq!(open(registered), [true, false, false]);
    let creates = Rights {
        may_create_groups: true,
        ..Rights::default()
    };
    assert_eq!(open(creates), [false, false, true]);
    assert_eq!(open(ADMINISTRATOR), [true, true, true]);
}

#[test]
fn a_device_is_listed_and_removed_after_a_question() {
    let mut desk = desk(ADMINISTRATOR);
    desk.show(Overlay::Settings);
    desk.click("Devices");
    let asked = Request::Devices(login("alice"));
    assert_eq!(request(&desk), asked);
    assert!(desk.sees("Asking the server"));
    answer(&mut desk, asked, Ok(Answer::Devices(devices())));
    assert!(desk.sees("Notebook, this device"));
    assert!(desk.sees("homework.py, never used"));
    desk.click("Remove Desktop at school");
    assert!(desk.asked().is_empty(), "a question comes first");
    desk.click("Cancel");
    desk.click("Remove Desktop at school");
    desk.click("Remove");
    let revoke = Request::Revoke {
        login: login("alice"),
        id: id("Desktop at school"),
    };
    assert_eq!(request(&desk), revoke);
    let mut left = devices();
    left.remove(1);
    answer(&mut desk, revoke, Ok(Answer::Devices(left)));
    assert!(desk.sees("Notebook, this device") && !desk.sees("Desktop at school"));
    // One thing at a time.
    desk.press(Modifiers::NONE, Key::Escape);
    assert_eq!(desk.model().overlay, Some(Overlay::Settings));
}

#[test]
fn a_list_that_does_not_come_is_said_to_be_missing_and_is_not_asked_for_without_end() {
    let mut desk = desk(ADMINISTRATOR);
    desk.show(Overlay::administration(Page::devices(login("alice"))));
    let asked = request(&desk);
    answer(&mut desk, asked, Err(RequestProblem::NoConnection));
    assert!(desk.sees("There is no connection to the server."));
    assert!(desk.sees("The server has not sent the list."));
    assert!(desk.asked().is_empty());
    desk.click("Try again");
    assert_eq!(request(&desk), Request::Devices(login("alice")));
}

#[test]
fn another_device_is_invited_with_a_link_that_is_shown_and_copied() {
    let mut desk = desk(ADMINISTRATOR);
    desk.show(Overlay::administration(Page::devices(login("alice"))));
    let asked = request(&desk);
    answer(&mut desk, asked, Ok(Answer::Devices(devices())));
    desk.click("Add a device");
    desk.click("Valid for");
    desk.click("1 day");
    desk.click("Make the invite");
    let asked = request(&desk);
    let expected = Request::Invite {
        login: login("alice"),
        valid: Duration::from_secs(24 * 60 * 60),
    };
    assert_eq!(asked, expected);
    let invited = Invited {
        link: invite(),
        until: moment(1_700_100_000),
    };
    answer(&mut desk, asked, Ok(Answer::Invited(invited)));
    assert!(desk.sees("QR code of the invite link"));
    assert!(desk.sees(&invite().written()));
    desk.harness.get_by_label("Copy the link").click();
    desk.harness.step();
    let commands = &desk.harness.output().platform_output.commands;
    let copied = commands.iter().any(|command| {
        matches!(command, egui::OutputCommand::CopyText(text) if *text == *invite().written())
    });
    assert!(copied);
    desk.harness.run();
    assert!(desk.sees("Copied"));
}

#[test]
fn a_program_key_is_made_for_a_program_with_a_name() {
    let mut desk = desk(ADMINISTRATOR);
    desk.show(Overlay::administration(Page::devices(login("alice"))));
    let asked = request(&desk);
    answer(&mut desk, asked, Ok(Answer::Devices(devices())));
    desk.click("Add a program key");
    desk.write("What is the program called?", "homework.py");
    desk.press(Modifiers::NONE, Key::Enter);
    let asked = request(&desk);
    let name = "homework.py".into();
    assert_eq!(asked, Request::ProgramKey { name });
    let key = Secret::new([1; 16]);
    answer(&mut desk, asked, Ok(Answer::ProgramKey(key.clone())));
    assert!(desk.sees(&key.written()));
    // Back at the list, which has it now.
    desk.press(Modifiers::NONE, Key::Escape);
    assert_eq!(request(&desk), Request::Devices(login("alice")));
}

#[test]
fn a_person_is_added_named_invited_and_removed() {
    let mut desk = desk(ADMINISTRATOR);
    desk.show(Overlay::administration(Page::users()));
    assert!(desk.sees("Bruno Lima") && desk.sees("Alice Souza"));
    desk.write("Search people", "carl");
    assert!(desk.sees("Carla Dias, carla, administrator") && !desk.sees("Bruno Lima"));
    desk.click("Add a person");
    desk.write("User name", "eva lima");
    desk.click("Add");
    assert!(desk.sees("A name cannot contain spaces.") && desk.asked().is_empty());
    assert!(desk.harness.get_by_label("User name").is_focused());
    desk.press(Modifiers::COMMAND, Key::A);
    desk.harness.get_by_label("User name").type_text("eva");
    desk.harness.run();
    desk.write("Full name", "Eva Lima");
    desk.press(Modifiers::NONE, Key::Enter);
    let asked = request(&desk);
    let expected = Request::AddUser {
        login: login("eva"),
        name: "Eva Lima".into(),
    };
    assert_eq!(asked, expected);
    answer(&mut desk, asked.clone(), Err(RequestProblem::BadName));
    assert!(desk.sees("The server does not accept this name"));
    desk.click("Add");
    assert_eq!(request(&desk), asked);
    desk.tell(Event::Roster(Roster {
        changes: true,
        users: vec![RosterUser {
            presence: presence("eva", Presence::Offline, None),
            name: "Eva Lima".into(),
            role: None,
        }],
        ..Roster::default()
    }));
    answer(&mut desk, asked, Ok(Answer::Done));
    // Her page, since an invite is what she needs next.
    assert!(desk.sees("Invite a device"));
    desk.click("Administrator of this server");
    let asked = request(&desk);
    let expected = Request::SetRole {
        login: login("eva"),
        is_administrator: true,
    };
    assert_eq!(asked, expected);
    answer(&mut desk, asked, Ok(Answer::Done));
    desk.click("Remove from the server");
    desk.click("Remove");
    let asked = request(&desk);
    assert_eq!(asked, Request::RemoveUser(login("eva")));
    answer(&mut desk, asked, Ok(Answer::Done));
    assert!(desk.sees("Add a person"), "the list again");
}

#[test]
fn one_cannot_remove_oneself_or_give_the_role_away_by_mistake() {
    let mut desk = desk(ADMINISTRATOR);
    desk.show(Overlay::administration(Page::user(login("alice"))));
    assert!(desk.sees("Full name"));
    assert!(!desk.sees("Remove from the server") && !desk.sees("Administrator of this server"));
}

#[test]
fn a_group_is_created_filled_and_removed() {
    let mut desk = desk(Rights {
        may_create_groups: true,
        ..Rights::default()
    });
    desk.show(Overlay::Settings);
    desk.click("Groups");
    assert!(desk.sees("turma-a, 3 members"));
    desk.click("New group");
    desk.write("Name of the group", "projeto");
    desk.press(Modifiers::NONE, Key::Enter);
    let asked = request(&desk);
    assert_eq!(asked, Request::CreateGroup(login("projeto")));
    desk.tell(Event::Roster(Roster {
        changes: true,
        groups: vec![RosterGroup {
            name: login("projeto"),
            members: vec![login("alice")],
            gone: vec![],
            admins: vec![login("alice")],
        }],
        ..Roster::default()
    }));
    answer(&mut desk, asked, Ok(Answer::Done));
    assert!(desk.sees("Alice Souza, alice, you, administrator"));
    desk.click("Add members");
    desk.write("Search people", "bru");
    desk.click("Bruno Lima, bruno");
    let asked = request(&desk);
    let expected = Request::AddMember {
        group: login("projeto"),
        login: login("bruno"),
    };
    assert_eq!(asked, expected);
    answer(&mut desk, asked, Ok(Answer::Done));
    desk.press(Modifiers::NONE, Key::Escape);
    desk.click("Remove the group");
    desk.click("Remove");
    let asked = request(&desk);
    assert_eq!(asked, Request::RemoveGroup(login("projeto")));
    answer(&mut desk, asked, Ok(Answer::Done));
    assert!(desk.sees("New group"));
}

#[test]
fn a_member_is_made_administrator_or_taken_out() {
    let mut desk = desk(ADMINISTRATOR);
    desk.show(Overlay::administration(Page::group(login("turma-a"))));
    desk.click("More about Bruno Lima");
    desk.click("Make administrator of the group");
    let asked = request(&desk);
    let expected = Request::SetMemberRole {
        group: login("turma-a"),
        login: login("bruno"),
        is_administrator: true,
    };
    assert_eq!(asked, expected);
    answer(
        &mut desk,
        asked,
        Err(RequestProblem::CannotEdit("groups.csv, line 3".into())),
    );
    assert!(desk.sees("It says: groups.csv, line 3"));
    desk.click("More about Carla Dias");
    desk.click("Remove from the group");
    let expected = Request::RemoveMember {
        group: login("turma-a"),
        login: login("carla"),
    };
    assert_eq!(request(&desk), expected);
}

#[test]
fn whoever_leaves_the_account_leaves_its_pages_and_its_security() {
    let mut desk = desk(ADMINISTRATOR);
    desk.show(Overlay::administration(Page::devices(login("alice"))));
    let asked = request(&desk);
    desk.act(Action::SignOut);
    desk.tell(Event::SignedOut);
    answer(&mut desk, asked, Ok(Answer::Devices(devices())));
    assert_eq!(desk.model().overlay, None);
    desk.act(Action::SignInAs(alice()));
    desk.tell(Event::SignedIn {
        account: alice(),
        conversations: vec![],
    });
    desk.tell(online());
    assert!(!desk.sees("This connection"));
}
