//! Where what is written goes: a name at its beginning, in a group and elsewhere.

use super::*;
use crate::texts::Language;

/// Alice with bob in a conversation and with bob, carla and joão in a group; davi is in none. `open`
/// is open.
fn desk(open: &str) -> Model {
    let mut model = signed_in(vec![
        conversation("bob", 1, 0),
        Conversation {
            is_group: true,
            ..conversation("team", 2, 0)
        },
    ]);
    model.apply(Event::Link(LinkState::Live { catching_up: false }));
    model.apply(Event::Roster(Roster {
        users: vec![
            user("alice", "Alice Souza"),
            user("bob", ""),
            user("carla", "Carla Dias"),
            user("davi", "Davi Castro"),
            user("joão", "João Silva"),
        ],
        groups: vec![group("team", &["alice", "bob", "carla", "joão"])],
        ..Roster::default()
    }));
    model.act(Action::Open(person(open)));
    model
}

/// What is sent, and to whom, when this is written and sent; or whom it is told to go to before that.
fn check(open: &str, typed: &str, to: &str, text: &str) {
    check_in(desk(open), open, typed, (to, text));
}

/// The same where this is known, and `open` is open.
fn check_in(mut model: Model, open: &str, typed: &str, (to, text): (&str, &str)) {
    model.act(Action::Write(typed.into()));
    let told = session(&model).diverted_to();
    let expected = (to != open).then(|| login(to));
    assert_eq!(told, expected, "{typed:?} in {open} is told to go there");
    let commands = model.act(Action::Send);
    let sent = commands.into_iter().find_map(|command| match command {
        Command::Send { to, text, .. } => Some((to.to_string(), text.as_str().to_owned())),
        _ => None,
    });
    let expected = Some((to.to_owned(), text.to_owned()));
    assert_eq!(sent, expected, "{typed:?} in {open}");
}

#[test]
fn a_member_who_is_mentioned_in_a_group_is_mentioned_to_the_group() {
    for typed in [
        "@carla can you bring it?",
        "@carla",
        "@carla, can you?",
        "@carla: look",
        "@carla.",
        "@carla\nlook",
        "@Carla look",
        "@joao look",
        "@joão look",
        "@alice who am I",
        "hello @davi",
        "@todos the exam is on Thursday",
        "@ 10 o'clock",
        "@/@",
    ] {
        check("team", typed, "team", typed);
    }
    check("team", "@team look", "team", "look");
}

#[test]
fn whoever_is_not_in_the_group_is_written_to_alone_and_it_is_told_before() {
    check("team", "@davi look", "davi", "look");
    check("team", "@DAVI look", "davi", "look");
    check("bob", "@carla look", "carla", "look");
    check("bob", "@joao look", "joão", "look");
    check("bob", "@team look", "team", "look");
    check("bob", "@nobody look", "nobody", "look");
    check("bob", "@bob look", "bob", "look");
    check("bob", "@Bob look", "bob", "look");
    check("bob", "@ 10 o'clock", "bob", "@ 10 o'clock");
    check("bob", "@carla, look", "bob", "@carla, look");
}

#[test]
fn where_it_goes_is_told_as_soon_as_the_name_has_ended() {
    let mut model = desk("team");
    for (typed, expected) in [
        ("@davi", None),
        ("@davi ", Some("davi")),
        ("@carla ", None),
        ("> bob: “x”\n@davi look", None),
    ] {
        model.act(Action::Write(typed.into()));
        let told = session(&model).diverted_to();
        assert_eq!(told, expected.map(login), "{typed:?}");
    }
    assert!(session(&model).is_no_login(&login("todos")));
    assert!(!session(&model).is_no_login(&login("davi")));
}

#[test]
fn of_a_group_its_people_are_offered_and_elsewhere_everybody() {
    let offered = |model: &Model, typed: &str| -> Vec<String> {
        let found = complete(session(model), Language::English, typed, typed.len());
        let choices = found.map_or_else(Vec::new, |found| found.choices);
        choices.into_iter().map(|choice| choice.name).collect()
    };
    let model = desk("team");
    assert_eq!(
        offered(&model, "@ca"),
        ["carla"],
        "davi Castro is not in it"
    );
    assert_eq!(offered(&model, "look @"), ["bob", "carla", "joão"]);
    assert_eq!(offered(&model, "@JOAO"), ["joão"]);
    assert_eq!(offered(&model, "@dias"), ["carla"]);
    let model = desk("bob");
    assert_eq!(offered(&model, "@ca"), ["carla", "davi"]);
    assert_eq!(offered(&model, "@joa"), ["joão"]);
}

#[test]
fn while_nobody_has_told_who_is_in_a_group_those_who_wrote_there_are() {
    let mut model = signed_in(vec![Conversation {
        is_group: true,
        ..conversation("team", 2, 0)
    }]);
    model.act(Action::Open(person("team")));
    let said = |id, by| Message {
        author: Some(login(by)),
        ..message(id, "team", Delivery::Received)
    };
    model.apply(Event::Page {
        with: person("team"),
        before: None,
        messages: vec![said(1, "carla"), said(2, "bob"), said(3, "carla")],
        older: Older::Nothing,
    });
    let people = session(&model).group_people().unwrap();
    assert_eq!(
        people,
        [&login("carla"), &login("bob")],
        "who wrote last first"
    );
    model.act(Action::Write("@carla look".into()));
    assert_eq!(session(&model).outgoing().unwrap().to, login("team"));
    model.act(Action::Write("@davi look".into()));
    assert_eq!(session(&model).diverted_to(), Some(login("davi")));
}

#[test]
fn what_mentions_somebody_can_be_written_to_them_alone() {
    let mut model = desk("team");
    model.act(Action::Write("@Carla, can you\nbring it?".into()));
    assert_eq!(session(&model).mentioned(), Some(login("carla")));
    model.act(Action::WriteAlone);
    assert_eq!(session(&model).open, Some(person("carla")));
    assert_eq!(session(&model).draft(), "can you\nbring it?");
    model.act(Action::Open(person("team")));
    assert_eq!(session(&model).draft(), "");
}

#[test]
fn what_comes_into_the_box_from_elsewhere_stays_in_its_conversation() {
    let mut model = desk("bob");
    model.act(Action::Show(Overlay::forward("@carla look".into())));
    model.act(Action::StartWith(login("bob")));
    assert_eq!(session(&model).draft(), "@bob @carla look");
    assert_eq!(session(&model).diverted_to(), None);
    model.act(Action::Send);
    model.apply(Event::NotSent {
        to: login("bob"),
        text: Text::from("@carla look"),
        reason: crate::engine::NotSent::Storage,
    });
    let back = session(&model).outgoing().unwrap();
    assert_eq!((back.to, back.text.as_str()), (login("bob"), "@carla look"));
}

/// Alice with ana in a conversation that is open, at a server that has told of the user `Ana`, and with
/// `more` will tell of others.
fn ana_beside_another(more: bool) -> Model {
    let mut model = signed_in(vec![conversation("ana", 1, 0), conversation("bob", 2, 0)]);
    model.apply(Event::Link(LinkState::Live { catching_up: false }));
    model.apply(Event::Roster(Roster {
        users: vec![user("Ana", "Ana Lima"), user("João", "")],
        more,
        ..Roster::default()
    }));
    model.act(Action::Open(person("ana")));
    model
}

#[test]
fn what_is_written_in_the_open_conversation_goes_to_it_though_another_login_is_alike() {
    for more in [false, true] {
        for (typed, to, text) in [
            ("hello", "ana", "hello"),
            ("@ana hello", "ana", "hello"),
            ("@ana @Ana hello", "ana", "@Ana hello"),
            ("@Ana hello", "Ana", "hello"),
        ] {
            check_in(ana_beside_another(more), "ana", typed, (to, text));
        }
    }
    // Nor does it leave a conversation that is not open.
    let mut model = ana_beside_another(false);
    model.act(Action::Open(person("bob")));
    check_in(model, "bob", "@ana hello", ("ana", "hello"));
    let mut model = ana_beside_another(false);
    model.act(Action::CloseConversation);
    model.act(Action::Write("@ana hello".into()));
    assert_eq!(session(&model).outgoing().unwrap().to, login("ana"));
}

#[test]
fn of_half_a_roster_nobody_is_taken_for_somebody_else() {
    let typed = "@joão hello";
    check_in(ana_beside_another(true), "ana", typed, ("joão", "hello"));
    check_in(ana_beside_another(false), "ana", typed, ("João", "hello"));
    let mut model = ana_beside_another(true);
    model.apply(Event::Roster(Roster {
        users: vec![user("joão", "")],
        ..Roster::default()
    }));
    check_in(model, "ana", typed, ("joão", "hello"));
}

#[test]
fn what_is_written_goes_where_it_did_when_the_link_drops() {
    for link in [LinkState::Connecting, LinkState::Offline] {
        for (open, typed, to, text) in [
            ("team", "@todos the exam", "team", "@todos the exam"),
            ("team", "@Carla the exam", "team", "@Carla the exam"),
            ("team", "@davi look", "davi", "look"),
            ("bob", "@joao look", "joão", "look"),
        ] {
            let mut model = desk(open);
            model.apply(Event::Link(link.clone()));
            check_in(model, open, typed, (to, text));
        }
        let mut model = desk("team");
        model.apply(Event::Link(link));
        model.apply(Event::Link(LinkState::Live { catching_up: true }));
        model.apply(Event::Roster(Roster {
            users: vec![user("alice", "Alice Souza")],
            more: true,
            ..Roster::default()
        }));
        check_in(model, "team", "@todos look", ("team", "@todos look"));
    }
}

#[test]
fn who_is_renamed_is_found_as_before_and_who_is_gone_is_not() {
    let change = |users, gone| {
        let mut model = desk("bob");
        model.apply(Event::Roster(Roster {
            users,
            gone,
            changes: true,
            ..Roster::default()
        }));
        model
    };
    let renamed = change(vec![user("joão", "João Souza")], vec![]);
    check_in(renamed, "bob", "@joao look", ("joão", "look"));
    let two = change(vec![user("JOÃO", "")], vec![]);
    check_in(two, "bob", "@joao look", ("joao", "look"));
    let gone = change(vec![], vec![login("joão")]);
    check_in(gone, "bob", "@joao look", ("joao", "look"));
    let other = change(vec![user("JOÃO", "")], vec![login("joão")]);
    check_in(other, "bob", "@joao look", ("JOÃO", "look"));
}
