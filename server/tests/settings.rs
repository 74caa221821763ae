//! What users have set for conversations is stored, and told to their other sessions (rule V15).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;

use mensageiro_protocol::{
    limits::EVENT_BYTES,
    live::{Event, PINNED_MOST, RefusalCode, Setting, SettingsNews},
};
use support::{TestServer, live::LiveClient};

fn hear(client: &mut LiveClient) -> SettingsNews {
    loop {
        match client.hear() {
            Event::Settings(news) => return news,
            Event::Refused(refused) => panic!("{refused:?}"),
            _ => {}
        }
    }
}

fn set(client: &mut LiveClient, what: &str) -> Setting {
    client.say(&format!(r#"set {{"tag":"s",{what}}}"#));
    let news = hear(client);
    assert_eq!(news.tag.as_ref().map(|tag| tag.as_str()), Some("s"));
    assert_eq!(news.last, news.changed[0].number);
    news.changed[0].clone()
}

fn refusal(client: &mut LiveClient, what: &str) -> RefusalCode {
    client.say(&format!("set {{{what}}}"));
    loop {
        if let Event::Refused(refused) = client.hear() {
            return refused.code;
        }
    }
}

/// Everything that is set, asked for line by line.
fn all(client: &mut LiveClient) -> Vec<Setting> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        client.say(&format!(r#"settings {{"after":{after}}}"#));
        let news = hear(client);
        let mut line = Vec::new();
        Event::Settings(news.clone()).encode(&mut line);
        assert!(line.len() <= EVENT_BYTES);
        assert_eq!(news.after, Some(after));
        all.extend(news.changed);
        after = news.last;
        if !news.more {
            return all;
        }
    }
}

#[test]
fn what_was_set_is_there_after_a_restart_and_without_the_index() {
    let names: Vec<_> = (0..40).map(|number| format!("user{number}")).collect();
    let mut users: Vec<_> = names.iter().map(String::as_str).collect();
    users.push("ana");
    let mut server = TestServer::start(&users);
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    let draft = "\\n\\\"".repeat(1_000);
    for name in &names {
        set(&mut ana, &format!(r#""with":"{name}","draft":"{draft}""#));
    }
    set(
        &mut ana,
        r#""with":"user7","muted":true,"pinned":true,"draft":"""#,
    );
    set(&mut ana, r#""note":" out for\n lunch ""#);
    let before = all(&mut ana);
    assert_eq!(before.len(), 41);
    let last = before.last().unwrap();
    assert_eq!((last.number, last.of.note.as_str()), (42, "out for  lunch"));
    let user7 = &before[39];
    assert_eq!((user7.number, user7.of.draft.len()), (41, 0));
    assert!(user7.of.muted && user7.of.pinned && user7.of.muted_until.is_none());
    for is_index_lost in [false, true] {
        server.stop();
        if is_index_lost {
            fs::remove_file(server.file("store/index.sqlite")).unwrap();
        }
        server.restart();
        let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
        assert_eq!(all(&mut ana), before);
    }
}

#[test]
fn limits_hold_and_a_refusal_changes_nothing() {
    let names: Vec<_> = (0..=PINNED_MOST)
        .map(|number| format!("u{number}"))
        .collect();
    let mut users: Vec<_> = names.iter().map(String::as_str).collect();
    users.push("ana");
    let server = TestServer::start(&users);
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    // Sent at once: the limit holds whatever is on its way.
    for name in &names {
        ana.say(&format!(
            r#"set {{"tag":"{name}","with":"{name}","pinned":true}}"#
        ));
    }
    let (mut answers, mut refused) = (0, Vec::new());
    while answers < names.len() {
        match ana.hear() {
            Event::Settings(_) => answers += 1,
            Event::Refused(one) => {
                answers += 1;
                refused.push((one.tag.unwrap(), one.code));
            }
            _ => {}
        }
    }
    let (tag, code) = &refused[0];
    assert_eq!((refused.len(), tag.as_str()), (1, "u100"));
    assert_eq!(*code, RefusalCode::Quota);
    let long = "x".repeat(4097);
    for (what, code) in [
        (
            format!(r#""with":"u1","draft":"{long}""#),
            RefusalCode::Quota,
        ),
        (
            r#""with":"zoe","pinned":true"#.into(),
            RefusalCode::UnknownRecipient,
        ),
        (r#""with":"u1","note":"x""#.into(), RefusalCode::BadLine),
        (r#""pinned":true"#.into(), RefusalCode::BadLine),
    ] {
        assert_eq!(refusal(&mut ana, &what), code, "{what}");
    }
    assert_eq!(all(&mut ana).len(), PINNED_MOST);
}

#[test]
fn a_note_is_shown_whenever_its_user_is_online() {
    let mut server = TestServer::start(&["ana", "bruno"]);
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    set(&mut ana, r#""note":"lunch""#);
    drop(ana);
    server.restart();
    let (mut bruno, _) = LiveClient::log_in(server.address(), "bruno", None);
    bruno.say("roster {}");
    bruno.hear_until(|event| matches!(event, Event::Roster(roster) if !roster.more));
    let is_shown = |event: &Event, note: &str| match event {
        Event::Presence(news) => news.login.as_str() == "ana" && news.note.as_str() == note,
        _ => false,
    };
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    bruno.hear_until(|event| is_shown(event, "lunch"));
    set(&mut ana, r#""note":"back""#);
    bruno.hear_until(|event| is_shown(event, "back"));
}
