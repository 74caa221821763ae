//! A closed server: who comes in, who does not, and what they hear (PROTOCOL.md, rules A).
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

use std::{
    net::{SocketAddr, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use device::{Device, TlsLines, join};
use mensageiro_protocol::{
    Framing, Login, Name,
    live::{ByeCode, Event, RefusalCode},
    trust::{DeviceId, Secret},
};
use mensageiro_server::{
    access::{Change, LONGEST_WAIT, RegisterFile, invitation, program_key},
    metrics::tell_of_access,
};
use support::{PATIENCE, TestServer, live::LiveClient};

const USERS: [&str; 4] = ["login,role", "ana,", "bruno,", "chef,admin"];
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn login(name: &str) -> Login {
    Login::parse(name).unwrap()
}

fn closed() -> TestServer {
    TestServer::with_arguments(&USERS, &["--closed"])
}

/// Changes who may log in, as a command does.
fn change(server: &TestServer, change: Change) {
    let folder = server.folder.path();
    RegisterFile::new(folder).change(|_| vec![change]).unwrap();
    assert!(tell_of_access(folder).unwrap(), "it runs");
}

fn invite(server: &TestServer, name: &str, valid: Duration) -> Secret {
    let (code, changed, _) = invitation(&login(name), valid).unwrap();
    change(server, changed);
    code
}

fn key(server: &TestServer, name: &str) -> Secret {
    let (key, changed) = program_key(&login(name), Name::from("a program")).unwrap();
    change(server, changed);
    key
}

/// A device that has joined and a session of it.
fn device(server: &TestServer, name: &str) -> (Device, TlsLines) {
    let device = Device::new();
    let code = invite(server, name, DAY);
    let joined = device.join(server.address(), name, &code).unwrap();
    let (lines, welcome) = joined.log_in(name).unwrap();
    assert_eq!(welcome.device, Some(device.key.id()));
    (device, lines)
}

fn refused(event: Event) -> RefusalCode {
    match event {
        Event::Refused(refused) => {
            assert_eq!(refused.tag.unwrap().as_str(), "q1");
            refused.code
        }
        event => panic!("{event:?}"),
    }
}

/// The ids and names of the devices in a list.
fn listed(event: Event) -> Vec<(DeviceId, bool, bool)> {
    match event {
        Event::Devices(list) => {
            let devices = list.devices.into_iter();
            devices.map(|one| (one.id, one.program, one.you)).collect()
        }
        event => panic!("{event:?}"),
    }
}

#[test]
fn a_program_key_after_the_login_lets_in_every_kind_of_client() {
    let server = closed();
    let ana = key(&server, "ana");
    let typed = ana.written().to_lowercase().replace('-', " ");
    for line in [
        format!("ana {}", ana.written().as_str()),
        format!("  ana  {typed} "),
        format!("\"ana {}\"", ana.plain().as_str()),
    ] {
        for framing in [Framing::Line, Framing::Bare] {
            let mut client = server.connect(framing);
            assert_eq!(client.hear_after(&line).as_deref(), Some(&b"f"[..]));
            client.close();
        }
    }
    let mut live = LiveClient::connect(server.address());
    live.say(&format!("ana {} live/1 device=x", ana.written().as_str()));
    let Event::Welcome(welcome) = live.hear() else {
        panic!("no welcome")
    };
    assert!(welcome.closed && welcome.device.is_none());
    let bruno = server
        .connect(Framing::Line)
        .hear_after(&format!("bruno {}", &*ana.written()));
    assert_eq!(bruno, None, "it is ana's");
}

#[test]
fn who_has_nothing_is_refused_as_if_there_were_no_such_user() {
    let server = closed();
    let wrong = Secret::new([7; 16]);
    key(&server, "ana");
    for key in [String::new(), format!(" {}", wrong.written().as_str())] {
        let answers = ["ana", "nobody"].map(|name| {
            let line = format!("{name}{key}");
            let plain = server.connect(Framing::Line).hear_after(&line);
            let bare = server.connect(Framing::Bare).hear_after(&line);
            let mut live = LiveClient::connect(server.address());
            live.say(&format!("{line} live/1"));
            let bye = live.hear();
            let mut inside = Device::new().connect(server.address());
            inside.say(&format!("{line} live/1"));
            (plain, bare, bye, inside.hear_line(), inside.hear_line())
        });
        assert_eq!(answers[0], answers[1]);
        let (plain, bare, bye, inside, end) = &answers[0];
        assert_eq!(plain, &None);
        assert_eq!(bare.as_deref(), Some("Usuário inválido".as_bytes()));
        assert!(
            matches!(bye, Event::Bye(bye) if bye.code == ByeCode::NeedsKey),
            "{bye:?}"
        );
        assert!(inside.as_ref().unwrap().contains("needs-key"));
        assert_eq!(end, &None);
    }
}

#[test]
fn plain_text_from_another_computer_is_asked_for_tls() {
    // An address of this computer that is not the loopback's, if it has one.
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    let elsewhere = socket
        .connect("192.0.2.1:9")
        .and_then(|()| socket.local_addr())
        .map_or([127, 0, 0, 1].into(), |own| own.ip());
    let check = |more: &[&str], expected: ByeCode| {
        let listen = format!("{elsewhere}:0");
        let mut arguments = vec!["--closed", "--listen", &listen];
        arguments.extend(more);
        let server = TestServer::with_arguments(&USERS, &arguments);
        let mut old = LiveClient::connect(server.address());
        old.say("ana live/1");
        assert_eq!(old.hear_bye(), expected);
        let classic = server.connect(Framing::Bare).hear_after("ana");
        assert_eq!(classic.as_deref(), Some("Usuário inválido".as_bytes()));
        let ana = key(&server, "ana");
        let line = format!("ana {}", ana.written().as_str());
        let plain = server.connect(Framing::Line).hear_after(&line);
        let is_let_in = expected == ByeCode::NeedsKey;
        assert_eq!(plain.is_some(), is_let_in);
        // Inside TLS the same key is enough.
        let mut inside = TlsLines::connect(server.address(), None);
        inside.say(&line);
        assert_eq!(inside.hear_line().as_deref(), Some("f"));
    };
    check(&["--allow-plain"], ByeCode::NeedsKey);
    let expected = match elsewhere.is_loopback() {
        true => ByeCode::NeedsKey,
        false => ByeCode::NeedsTls,
    };
    check(&[], expected);
}

#[test]
fn a_code_lets_in_one_device_and_the_same_device_may_ask_again() {
    let server = closed();
    let code = invite(&server, "ana", DAY);
    let (first, second) = (Device::new(), Device::new());
    let mut without = TlsLines::connect(server.address(), None);
    without.say(&join("ana", &code));
    assert!(matches!(without.hear(), Some(Event::Bye(bye)) if bye.code == ByeCode::BadHello));
    let mut plain = LiveClient::connect(server.address());
    plain.say(&join("ana", &code));
    assert_eq!(plain.hear_bye(), ByeCode::NeedsTls);
    let joined = first.join(server.address(), "ana", &code).unwrap();
    let (_, welcome) = joined.log_in("ana").unwrap();
    assert!(welcome.closed);
    assert_eq!(welcome.device, Some(first.key.id()));
    // The answer may have got lost.
    first.join(server.address(), "ana", &code).unwrap();
    let stolen = second.join(server.address(), "ana", &code).err().unwrap();
    let nobody = second.join(server.address(), "zoe", &code).err().unwrap();
    let other = first.join(server.address(), "bruno", &code).err().unwrap();
    assert_eq!(stolen.code, ByeCode::NeedsKey);
    assert!(stolen == nobody && nobody == other);
    let refused = second.log_in(server.address(), "ana").err().unwrap();
    assert_eq!(refused.code, ByeCode::NeedsKey);
    // Its key is ana's and nobody else's.
    let refused = first.log_in(server.address(), "bruno").err().unwrap();
    assert_eq!(refused.code, ByeCode::NeedsKey);
}

#[test]
fn a_code_that_is_too_old_lets_nobody_in() {
    let server = closed();
    let code = invite(&server, "ana", Duration::ZERO);
    let refused = Device::new().join(server.address(), "ana", &code);
    assert_eq!(refused.err().unwrap().code, ByeCode::NeedsKey);
}

#[test]
fn a_device_lists_invites_and_revokes_the_devices_of_its_user() {
    let server = closed();
    let (ana, mut lines) = device(&server, "ana");
    let me = ana.key.id();
    assert_eq!(listed(lines.ask("devices {}")), [(me, false, true)]);
    let Event::Invited(invited) = lines.ask(r#"invite {"tag":"q1","valid":60}"#) else {
        panic!("no invitation")
    };
    assert_eq!(invited.login, login("ana"));
    let second = Device::new();
    let joined = second.join(server.address(), "ana", &invited.code).unwrap();
    let (mut session, _) = joined.log_in("ana").unwrap();
    let Event::NewKey(new) = lines.ask(r#"key {"name":"a script"}"#) else {
        panic!("no key")
    };
    let typed = format!("ana {}", new.key.written().as_str());
    let mut classic = server.connect(Framing::Line);
    classic.exchange(&typed);
    let all = [
        (me, false, true),
        (second.key.id(), false, false),
        (new.id, true, false),
    ];
    assert_eq!(listed(lines.ask("devices {}")), all);
    // In mid-sentence.
    session.send(b"#t1 @bruno this is not");
    classic.stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let revoke = |id: DeviceId| format!(r#"revoke {{"id":"{}"}}"#, id.plain());
    assert_eq!(listed(lines.ask(&revoke(second.key.id()))).len(), 2);
    let bye = loop {
        match session.hear().unwrap() {
            Event::Bye(bye) => break bye,
            Event::Presence(_) => {}
            event => panic!("{event:?}"),
        }
    };
    assert_eq!(bye.code, ByeCode::Revoked);
    assert_eq!(session.hear(), None);
    assert_eq!(listed(lines.ask(&revoke(new.id))), [(me, false, true)]);
    assert_eq!(classic.hear(), None);
    assert_eq!(server.connect(Framing::Line).hear_after(&typed), None);
    let again = second.log_in(server.address(), "ana").err().unwrap();
    assert_eq!(again.code, ByeCode::NeedsKey);
    // Its old code does not bring it back.
    let replayed = second.join(server.address(), "ana", &invited.code);
    assert_eq!(replayed.err().unwrap().code, ByeCode::NeedsKey);
    let unknown = lines.ask(r#"revoke {"tag":"q1","id":"AAAAAAAAAAAAAAAA"}"#);
    assert_eq!(refused(unknown), RefusalCode::Unknown);
    // Oneself.
    lines.say(&revoke(me));
    assert!(matches!(lines.hear_answer(), Event::Bye(bye) if bye.code == ByeCode::Revoked));
}

#[test]
fn administrators_do_so_for_others_and_nobody_else_does() {
    let server = closed();
    let (_, mut chef) = device(&server, "chef");
    let Event::Invited(invited) = chef.ask(r#"invite {"login":"bruno"}"#) else {
        panic!("no invitation")
    };
    let bruno = Device::new();
    let joined = bruno
        .join(server.address(), "bruno", &invited.code)
        .unwrap();
    let (mut lines, _) = joined.log_in("bruno").unwrap();
    let id = bruno.key.id();
    let list = chef.ask(r#"devices {"login":"bruno"}"#);
    assert_eq!(listed(list), [(id, false, false)]);
    let unknown = chef.ask(r#"invite {"tag":"q1","login":"nobody"}"#);
    assert_eq!(refused(unknown), RefusalCode::Unknown);
    for line in [
        r#"devices {"tag":"q1","login":"ana"}"#.to_owned(),
        r#"invite {"tag":"q1","login":"nobody"}"#.to_owned(),
        format!(
            r#"revoke {{"tag":"q1","login":"ana","id":"{}"}}"#,
            id.plain()
        ),
    ] {
        assert_eq!(refused(lines.ask(&line)), RefusalCode::NotAllowed, "{line}");
    }
    let revoke = format!(r#"revoke {{"login":"bruno","id":"{}"}}"#, id.plain());
    assert_eq!(listed(chef.ask(&revoke)), []);
    assert!(matches!(lines.hear_answer(), Event::Bye(bye) if bye.code == ByeCode::Revoked));
    // Neither a key that was typed nor a name makes further keys, whoever's name it is.
    let chefs = key(&server, "chef");
    let open = TestServer::start(&USERS);
    for (server, hello) in [
        (&server, format!("chef {} live/1", chefs.written().as_str())),
        (&open, "chef live/1".to_owned()),
    ] {
        let mut session = LiveClient::connect(server.address());
        session.say(&hello);
        session.hear_until(|event| *event == Event::End);
        for line in [
            r#"invite {"tag":"q1"}"#,
            r#"key {"tag":"q1"}"#,
            r#"devices {"tag":"q1"}"#,
            r#"revoke {"tag":"q1","id":"AAAAAAAAAAAAAAAA"}"#,
        ] {
            session.say(line);
            assert_eq!(refused(session.hear()), RefusalCode::NotAllowed, "{line}");
        }
    }
}

#[test]
fn what_a_command_revokes_counts_at_once() {
    let server = closed();
    let (ana, mut lines) = device(&server, "ana");
    lines.send(b"#t1 @bruno half a");
    change(
        &server,
        Change::Revoke {
            login: login("ana"),
            id: ana.key.id(),
        },
    );
    assert!(matches!(lines.hear_answer(), Event::Bye(bye) if bye.code == ByeCode::Revoked));
}

#[test]
fn a_server_stays_closed_until_it_is_opened() {
    let mut server = closed();
    key(&server, "ana");
    let is_open = |server: &TestServer| {
        let mut client = server.connect(Framing::Line);
        client.hear_after("ana").is_some()
    };
    for (arguments, expected) in [(&[][..], false), (&["--open"], true), (&[], true)] {
        server.set_arguments(arguments);
        server.restart();
        assert_eq!(is_open(&server), expected, "{arguments:?}");
    }
}

#[test]
fn an_open_server_takes_no_offence_at_a_key_and_knows_its_devices() {
    let server = TestServer::start(&USERS);
    let wrong = Secret::new([7; 16]);
    let mut client = server.connect(Framing::Bare);
    let typed = format!("ana {}", wrong.written().as_str());
    assert_eq!(client.hear_after(&typed).as_deref(), Some(&b"f"[..]));
    let (_, mut lines) = device(&server, "chef");
    assert_eq!(listed(lines.ask("devices {}")).len(), 1);
    assert!(matches!(
        lines.ask(r#"invite {"login":"ana"}"#),
        Event::Invited(_)
    ));
    let anybody = Device::new().log_in(server.address(), "ana");
    assert!(anybody.is_ok_and(|(_, welcome)| welcome.device.is_none() && !welcome.closed));
}

fn guess(address: SocketAddr, number: u8) -> LiveClient {
    let mut client = LiveClient::connect(address);
    let guessed = Secret::new([number; 16]);
    client.say(&format!("ana {} live/1", guessed.written().as_str()));
    client
}

#[test]
fn who_guesses_waits_and_keeps_nobody_out() {
    let server = closed();
    let (device, _lines) = device(&server, "ana");
    let right = key(&server, "ana");
    let begin = Instant::now();
    let guesses: Vec<_> = (0..200)
        .map(|number| guess(server.address(), number))
        .collect();
    let (_, welcome) = device.log_in(server.address(), "ana").unwrap();
    assert!(welcome.device.is_some());
    let mut classic = server.connect(Framing::Line);
    classic.exchange(&format!("ana {}", right.written().as_str()));
    let took = begin.elapsed();
    for mut guess in guesses {
        assert_eq!(guess.hear_bye(), ByeCode::NeedsKey);
    }
    let waited = begin.elapsed();
    assert!(took < waited, "{took:?} {waited:?}");
    assert!(waited >= LONGEST_WAIT);
}

#[test]
fn many_devices_join_at_the_same_time_as_commands_change_something() {
    let server = closed();
    let codes: Vec<_> = (0..6).map(|_| invite(&server, "ana", DAY)).collect();
    thread::scope(|scope| {
        for code in &codes {
            let server = &server;
            scope.spawn(move || Device::new().join(server.address(), "ana", code).unwrap());
            scope.spawn(move || key(server, "bruno"));
        }
    });
    let register = RegisterFile::new(server.folder.path()).read().unwrap();
    assert_eq!(register.counts(), (6, 6));
}
