//! Users and groups edited by live sessions.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "support/device.rs"]
mod device;
mod support;
#[path = "support/tls.rs"]
mod tls;

use std::{fs, time::Duration};

use device::{Device, TlsLines};
use mensageiro_protocol::{
    Framing, Login,
    live::{ByeCode, Event, RefusalCode, Refused, Role, Roster},
};
use mensageiro_server::{
    access::{RegisterFile, invitation},
    metrics::tell_of_access,
};
use support::{TestServer, live::LiveClient};

/// A live session, inside TLS or not.
trait Session {
    fn say(&mut self, line: &str);

    fn next(&mut self) -> Event;
}

impl Session for LiveClient {
    fn say(&mut self, line: &str) {
        self.say(line);
    }

    fn next(&mut self) -> Event {
        self.hear()
    }
}

impl Session for TlsLines {
    fn say(&mut self, line: &str) {
        self.say(line);
    }

    fn next(&mut self) -> Event {
        self.hear().expect("the server hung up")
    }
}

/// A session of a registered device, and the role that its welcome names.
fn device(server: &TestServer, login: &str) -> (Device, TlsLines, Option<Role>) {
    let device = Device::new();
    let (code, change, _) =
        invitation(&Login::parse(login).unwrap(), Duration::from_secs(600)).unwrap();
    let folder = server.folder.path();
    RegisterFile::new(folder).change(|_| vec![change]).unwrap();
    assert!(tell_of_access(folder).unwrap());
    let joined = device.join(server.address(), login, &code).unwrap();
    let (lines, welcome) = joined.log_in(login).unwrap();
    (device, lines, welcome.role)
}

/// Asks for a change, and returns why it is refused, if it is.
fn edit(client: &mut impl Session, change: &str) -> Option<Refused> {
    client.say(&format!(r#"edit {{"tag":"e1",{change}}}"#));
    loop {
        match client.next() {
            Event::Edited(edited) => {
                assert_eq!(edited.tag.unwrap().as_str(), "e1");
                return None;
            }
            Event::Refused(refused) => {
                assert_eq!(refused.tag.as_ref().unwrap().as_str(), "e1");
                return Some(refused);
            }
            _ => {}
        }
    }
}

fn check_refused(client: &mut impl Session, change: &str, code: RefusalCode, words: &str) {
    let refused = edit(client, change).unwrap_or_else(|| panic!("{change} was made"));
    assert_eq!(refused.code, code, "{change}: {}", refused.detail);
    assert!(refused.detail.contains(words), "{}", refused.detail);
}

fn live(server: &TestServer, login: &str) -> LiveClient {
    LiveClient::log_in(server.address(), login, None).0
}

fn hear_roster(client: &mut LiveClient) -> Roster {
    loop {
        if let Event::Roster(roster) = client.hear() {
            return roster;
        }
    }
}

#[test]
fn whoever_creates_a_group_administers_it_and_its_members_see_it_at_once() {
    let server = TestServer::start(&["ana", "bruno", "carla"]);
    let [mut ana, mut bruno, mut carla] =
        ["ana", "bruno", "carla"].map(|login| live(&server, login));
    bruno.say(r#"roster {"changes":true}"#);
    hear_roster(&mut bruno);
    let made = edit(
        &mut ana,
        r#""do":"create-group","group":"class","members":["bruno"]"#,
    );
    assert_eq!(made, None);
    // It counts when it is answered.
    let hello = ana.send("1", "class", "hello");
    let groups = fs::read_to_string(server.file("groups.csv")).unwrap();
    assert_eq!(groups, "group,member,role\nclass,ana,admin\nclass,bruno,\n");
    let roster = hear_roster(&mut bruno);
    assert_eq!(roster.groups[0].name.as_str(), "class");
    assert_eq!(
        roster.groups[0].admins,
        [roster.groups[0].members[0].clone()]
    );
    assert_eq!(bruno.hear_message().id, hello);
    check_refused(
        &mut bruno,
        r#""do":"add-members","group":"class","members":["carla"]"#,
        RefusalCode::NotAllowed,
        "only administrators of class",
    );
    let role = r#""do":"set-member-role","group":"class","member":"bruno","role":"admin""#;
    assert_eq!(edit(&mut ana, role), None);
    assert_eq!(hear_roster(&mut bruno).groups[0].admins.len(), 1);
    assert_eq!(
        edit(
            &mut bruno,
            r#""do":"add-members","group":"class","members":["carla"]"#
        ),
        None
    );
    assert_eq!(
        edit(
            &mut bruno,
            r#""do":"remove-members","group":"class","members":["ana"]"#
        ),
        None
    );
    check_refused(
        &mut ana,
        r#""do":"remove-group","group":"class""#,
        RefusalCode::NotAllowed,
        "only administrators",
    );
    check_refused(
        &mut bruno,
        r#""do":"remove-members","group":"class","members":["bruno"]"#,
        RefusalCode::LastAdmin,
        "class would have no administrator",
    );
    bruno.send("2", "class", "without ana");
    assert_eq!(carla.hear_message().text.as_str(), "without ana");
    assert_eq!(
        edit(&mut bruno, r#""do":"remove-group","group":"class""#),
        None
    );
    check_refused(
        &mut carla,
        r#""do":"remove-group","group":"class""#,
        RefusalCode::Unknown,
        "no group class",
    );
    let groups = fs::read_to_string(server.file("groups.csv")).unwrap();
    assert_eq!(groups, "group,member,role\n");
}

#[test]
fn a_name_alone_administers_nothing() {
    let server = TestServer::start(&["login,name,role", "ana,Ana,admin", "bruno,Bruno,"]);
    let mut ana = live(&server, "ana");
    for change in [
        r#""do":"add-user","login":"zoe""#,
        r#""do":"remove-user","login":"bruno""#,
        r#""do":"rename-user","login":"bruno","name":"B""#,
        r#""do":"set-role","login":"bruno","role":"admin""#,
    ] {
        check_refused(
            &mut ana,
            change,
            RefusalCode::NotAllowed,
            "only administrators of this server",
        );
    }
    for (change, code, words) in [
        (
            r#""do":"create-group","group":"bruno""#,
            RefusalCode::BadName,
            "bruno is the name of a user",
        ),
        (
            r#""do":"create-group","group":"Bruno""#,
            RefusalCode::BadName,
            "people would mix them up",
        ),
        (
            r#""do":"create-group","group":"a b""#,
            RefusalCode::BadLine,
            "' ' is not allowed",
        ),
        (
            r#""do":"create-group","group":"a","members":["zoe"]"#,
            RefusalCode::Unknown,
            "no user zoe",
        ),
        (r#""do":"dance""#, RefusalCode::BadLine, "dance"),
    ] {
        check_refused(&mut ana, change, code, words);
    }
    assert!(!server.file("groups.csv").exists());
}

#[test]
fn an_administrator_edits_users_and_all_of_it_counts_at_once() {
    let server = TestServer::start(&["login,name,role", "ana,Ana,admin", "bruno,Bruno,"]);
    let (_, mut ana, role) = device(&server, "ana");
    assert_eq!(role, Some(Role::Admin));
    let (_, mut bruno, role) = device(&server, "bruno");
    assert_eq!(role, None);
    bruno.ask(r#"roster {"changes":true}"#);
    let add = r#""do":"add-user","login":"zoe","name":"Zoe Dias""#;
    check_refused(
        &mut bruno,
        add,
        RefusalCode::NotAllowed,
        "only administrators",
    );
    assert_eq!(edit(&mut ana, add), None);
    let mut zoe = server.log_in("zoe");
    for change in [
        r#""do":"rename-user","login":"zoe","name":"Zoé""#,
        r#""do":"set-role","login":"zoe","role":"admin""#,
        r#""do":"create-group","group":"class","members":["zoe"]"#,
        r#""do":"remove-members","group":"class","members":["ana"]"#,
        r#""do":"set-role","login":"zoe""#,
    ] {
        assert_eq!(edit(&mut ana, change), None, "{change}");
    }
    let files =
        ["users.csv", "groups.csv"].map(|file| fs::read_to_string(server.file(file)).unwrap());
    assert_eq!(
        files[0],
        "login,name,role\nana,Ana,admin\nbruno,Bruno,\nzoe,Zoé,"
    );
    assert_eq!(files[1], "group,member,role\nclass,zoe,\n");
    for (change, code) in [
        (add, RefusalCode::Exists),
        (r#""do":"set-role","login":"ana""#, RefusalCode::LastAdmin),
        (
            r#""do":"remove-user","login":"ana""#,
            RefusalCode::LastAdmin,
        ),
        (
            r#""do":"set-role","login":"bruno","role":"king""#,
            RefusalCode::Unknown,
        ),
        (
            r#""do":"rename-user","login":"bruno","name":"=1+1""#,
            RefusalCode::BadName,
        ),
    ] {
        check_refused(&mut ana, change, code, "");
    }
    assert_eq!(edit(&mut ana, r#""do":"remove-user","login":"zoe""#), None);
    assert_eq!(zoe.hear(), None);
    assert_eq!(server.connect(Framing::Line).hear_after("zoe"), None);
    // A new role counts for sessions that are there.
    assert_eq!(
        edit(
            &mut ana,
            r#""do":"set-role","login":"bruno","role":"admin""#
        ),
        None
    );
    assert_eq!(edit(&mut bruno, r#""do":"set-role","login":"ana""#), None);
    check_refused(
        &mut ana,
        add,
        RefusalCode::NotAllowed,
        "only administrators",
    );
}

#[test]
fn the_next_person_with_a_login_has_neither_the_messages_nor_the_devices_of_the_one_before() {
    let users = ["login,role", "ana,admin", "bruno,"];
    let server = TestServer::with_arguments(&users, &["--closed"]);
    let (_, mut ana, _) = device(&server, "ana");
    let (brunos, bruno, _) = device(&server, "bruno");
    drop(bruno);
    let say = |ana: &mut TlsLines, text: &str| {
        ana.say(&format!("#{text} @bruno {text}"));
        while !matches!(ana.next(), Event::Accepted(_)) {}
    };
    say(&mut ana, "before");
    for (keep, expected) in [("", 0), (r#","keep":true"#, 1)] {
        assert_eq!(
            edit(&mut ana, r#""do":"remove-user","login":"bruno""#),
            None
        );
        assert!(brunos.log_in(server.address(), "bruno").is_err());
        let add = format!(r#""do":"add-user","login":"bruno"{keep}"#);
        assert_eq!(edit(&mut ana, &add), None);
        assert_eq!(
            brunos.log_in(server.address(), "bruno").err().unwrap().code,
            ByeCode::NeedsKey
        );
        let (_, mut bruno, _) = device(&server, "bruno");
        bruno.say(r#"history {"with":"ana"}"#);
        let mut count = 0;
        while !matches!(bruno.next(), Event::History(end) if { count = end.count; true }) {}
        assert_eq!(count, expected, "{keep}");
        say(&mut ana, "between");
    }
}

#[test]
fn lines_after_an_edit_find_what_it_made() {
    let server = TestServer::start(&["ana", "bruno"]);
    let mut ana = live(&server, "ana");
    let create = r#"edit {"do":"create-group","group":"class","members":["bruno"]}"#;
    ana.say(&format!("{create}\n#1 @class hello\n#2 @class again"));
    ana.hear_accepted(2);
}

#[test]
fn with_groups_admins_only_administrators_create_groups() {
    let server = TestServer::with_arguments(&["ana", "bruno"], &["--groups", "admins"]);
    let mut ana = LiveClient::connect(server.address());
    ana.say("ana live/1");
    let Event::Welcome(welcome) = ana.hear() else {
        panic!("no welcome");
    };
    assert!(!welcome.new_groups && welcome.role.is_none());
    check_refused(
        &mut ana,
        r#""do":"create-group","group":"class""#,
        RefusalCode::NotAllowed,
        "only administrators of this server",
    );
}

#[test]
fn a_file_that_cannot_be_edited_is_explained_and_users_keep_their_groups() {
    let server = TestServer::start(&["ana", "bruno"]);
    let mut ana = live(&server, "ana");
    assert_eq!(
        edit(&mut ana, r#""do":"create-group","group":"class""#),
        None
    );
    let broken = "group,member\nclass,\"ana\n";
    fs::write(server.file("groups.csv"), broken).unwrap();
    check_refused(
        &mut ana,
        r#""do":"add-members","group":"class","members":["bruno"]"#,
        RefusalCode::CannotEdit,
        "ask whoever runs it",
    );
    assert_eq!(
        fs::read_to_string(server.file("groups.csv")).unwrap(),
        broken
    );
    ana.send("1", "class", "still here");
}

#[test]
fn edits_are_paid_for() {
    // The budget of a minute pays for two edits.
    let arguments = ["--max-requests-per-minute", "1000"];
    let server = TestServer::with_arguments(&["ana", "bruno"], &arguments);
    let mut ana = live(&server, "ana");
    for number in 0..3 {
        let group = format!(r#""do":"create-group","group":"g{number}""#);
        assert_eq!(edit(&mut ana, &group), None);
    }
    let mut again = LiveClient::connect(server.address());
    again.say("ana live/1");
    assert_eq!(again.hear_bye(), ByeCode::SlowDown);
    // Others are not affected.
    let mut bruno = live(&server, "bruno");
    assert_eq!(
        edit(&mut bruno, r#""do":"create-group","group":"of-bruno""#),
        None
    );
}
