//! People are called by their full names, where the server tells them.

use std::time::{Duration, Instant};

use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};
use mensageiro::{
    engine::{Conversation, Delivery, Event, Message, Older, Presence, Roster},
    model::{Action, Overlay},
};
use mensageiro_protocol::Text;

use crate::{
    desk::{Desk, conversation, login, message, person},
    live::{group, live, presence, user},
};

/// A live session of alice. Two members of the group have the same name, and one has none.
pub fn desk() -> Desk {
    let mut desk = Desk::signed_in(vec![
        Conversation {
            is_group: true,
            last: Some(said(2, "bob", "hello")),
            ..conversation("turma", 2, 0)
        },
        conversation("carol", 1, 0),
    ]);
    desk.tell(live());
    desk.tell(Event::Roster(Roster {
        users: vec![
            user("alice", "Alice Souza"),
            user("bob", "Bob Lima"),
            user("carol", " Carol Dias "),
            user("carol2", "Carol Dias"),
            user("davi", ""),
        ],
        groups: vec![group("turma", &["alice", "bob", "carol", "carol2", "davi"])],
        ..Roster::default()
    }));
    desk
}

/// A message in the group.
fn said(id: i64, by: &str, text: &str) -> Message {
    Message {
        author: Some(login(by)),
        ..message(id, "turma", Delivery::Received, text)
    }
}

/// What a screen reader says after the name of a row.
fn row(desk: &Desk, name: &str) -> String {
    let row = desk.harness.get_by_label(name);
    row.accesskit_node().value().unwrap_or_default()
}

#[test]
fn messages_of_a_group_name_who_wrote_them_and_whom_they_quote() {
    let mut desk = desk();
    assert!(row(&desk, "turma").starts_with("Bob Lima: hello"));
    desk.click("turma");
    desk.tell(Event::Page {
        with: person("turma"),
        before: None,
        messages: vec![
            said(3, "carol", "> bob: “hello”\nhi"),
            said(4, "carol2", "> davi: “who?”\nme"),
            said(5, "davi", "> nobody: “x”\ny"),
        ],
        older: Older::Nothing,
    });
    for spoken in [
        "Carol Dias (carol): replying to Bob Lima, “hello”: hi",
        "Carol Dias (carol2): replying to davi, “who?”: me",
        "davi: replying to nobody, “x”: y",
    ] {
        assert!(desk.sees(spoken), "{spoken}");
    }
    desk.press(Modifiers::COMMAND, Key::ArrowUp);
    assert!(desk.sees("Replying to davi"));
    desk.press(Modifiers::COMMAND, Key::ArrowUp);
    assert!(desk.sees("Replying to Carol Dias (carol2)"));
    let draft = desk.session().draft();
    assert!(draft.starts_with("> carol2: “me”"), "as others read it");
}

#[test]
fn who_takes_somebody_elses_name_is_shown_with_the_login_everywhere() {
    let mut desk = desk();
    desk.tell(Event::Roster(Roster {
        changes: true,
        // With a letter that looks like another one, with invisible characters, and with a line break.
        users: vec![
            user("davi", "Bob Limа"),
            user("carol2", "bob\u{200b} \n\u{202e}lima\u{2800}"),
        ],
        ..Roster::default()
    }));
    assert!(row(&desk, "turma").starts_with("Bob Lima (bob): hello"));
    desk.click("turma");
    desk.tell(Event::Page {
        with: person("turma"),
        before: None,
        messages: vec![
            said(3, "bob", "hi"),
            said(4, "davi", "> bob: “hi”\nme"),
            said(5, "carol2", "> davi: “hi”\nme too"),
        ],
        older: Older::Nothing,
    });
    for spoken in [
        "Bob Lima (bob): hi",
        "Bob Limа (davi): replying to Bob Lima (bob), “hi”: me",
        "replying to Bob Limа (davi), “hi”: me too",
    ] {
        assert!(desk.sees(spoken), "{spoken}");
    }
    desk.write("Message", "@davi, loo");
    assert!(desk.sees("Write to Bob Limа (davi) only"));
    desk.harness.input_mut().focused = false;
    desk.harness.run();
    desk.tell(Event::Message(said(6, "davi", "pay me")));
    let (told, _) = desk.notified.try_recv().unwrap();
    assert_eq!(told.title, "Bob Limа (davi) in turma");
    // When there is only one Bob Lima again, the name is enough.
    desk.tell(Event::Roster(Roster {
        changes: true,
        users: vec![user("davi", "Davi Reis"), user("carol2", "")],
        ..Roster::default()
    }));
    assert!(desk.sees("Bob Lima: hi") && desk.sees("Davi Reis: pay me"));
}

#[test]
fn nobody_is_called_like_the_app_or_a_group_alone() {
    let mut desk = desk();
    desk.tell(Event::Roster(Roster {
        changes: true,
        users: vec![
            user("bob", "You"),
            user("carol", "Turma"),
            user("carol2", "davi"),
            user("davi", "Alice Souza (alice)"),
        ],
        ..Roster::default()
    }));
    assert!(row(&desk, "turma").starts_with("You (bob): hello"));
    desk.click("turma");
    let messages = [(3, "carol"), (4, "carol2"), (5, "davi")];
    desk.tell(Event::Page {
        with: person("turma"),
        before: None,
        messages: messages.map(|(id, by)| said(id, by, "x")).to_vec(),
        older: Older::Nothing,
    });
    for spoken in [
        "Turma (carol): x",
        "davi (carol2): x",
        "Alice Souza (alice) (davi): x",
    ] {
        assert!(desk.sees(spoken), "{spoken}");
    }
}

#[test]
fn a_note_is_one_line_in_its_own_direction() {
    let mut desk = desk();
    let mut news = presence("carol", Presence::Away, None);
    news.note = Text::from("one\ntwo שלום\u{200f}");
    desk.tell(Event::Presence(news));
    desk.click("carol");
    assert!(desk.sees("away · \u{2068}one two שלום\u{200f}\u{2069}"));
}

#[test]
fn one_is_called_by_ones_own_name_and_is_you_where_one_is_quoted() {
    let mut desk = desk();
    assert!(desk.harness.query_by_label("Alice Souza").is_some());
    assert!(desk.sees("alice · localhost:3333"));
    assert_eq!(desk.model().title(), "MeuMensageiro - Alice Souza");
    desk.click("turma");
    desk.tell(Event::Page {
        with: person("turma"),
        before: None,
        messages: vec![
            message(3, "turma", Delivery::Accepted, "who comes?"),
            said(4, "carol", "> alice: “who comes?”\nme"),
        ],
        older: Older::Nothing,
    });
    assert!(desk.sees("replying to your own message, “who comes?”: me"));
    desk.press(Modifiers::COMMAND, Key::ArrowUp);
    desk.press(Modifiers::COMMAND, Key::ArrowUp);
    assert!(desk.sees("Replying to your own message"));
    assert!(
        desk.session().draft().starts_with("> alice: “who"),
        "as others read it"
    );
    desk.show(Overlay::info(login("turma")));
    assert!(desk.sees("Alice Souza, alice, you"));
    desk.show(Overlay::Settings);
    assert!(desk.sees("Sign out") && !desk.sees("Sign out alice"));
}

#[test]
fn who_types_is_named() {
    let mut desk = desk();
    desk.say(Event::Typing {
        with: person("turma"),
        who: login("bob"),
        until: Instant::now() + Duration::from_secs(60),
    });
    desk.harness.step();
    desk.act(Action::Open(person("turma")));
    assert!(desk.sees("Bob Lima is typing…"));
}

#[test]
fn a_conversation_is_found_by_the_name_it_is_shown_with() {
    let mut desk = desk();
    for typed in ["DIAS", "@carol"] {
        desk.act(Action::Filter(typed.to_owned()));
        assert!(desk.harness.query_by_label("carol").is_some(), "{typed}");
        assert!(desk.harness.query_by_label("turma").is_none(), "{typed}");
    }
}

#[test]
fn a_search_finds_people_one_has_never_written_to_and_those_one_has_once() {
    let mut desk = desk();
    desk.act(Action::Filter("Lima".to_owned()));
    assert!(desk.sees("People") && !desk.sees("Conversations"));
    desk.click("Bob Lima, bob");
    assert_eq!(desk.session().open, Some(person("bob")));
    assert!(desk.session().search.query.is_empty());

    desk.act(Action::Filter("dias".to_owned()));
    assert!(desk.sees("People") && desk.sees("Conversations"));
    assert!(desk.harness.query_by_label("Carol Dias, carol2").is_some());
    assert!(desk.harness.query_by_label("Carol Dias, carol").is_none());
    desk.act(Action::SearchIn(Some(person("bob"))));
    assert!(!desk.sees("People") && !desk.sees("Conversations"));
}

#[test]
fn a_search_shows_five_people_at_most_and_first_those_whose_names_begin_so() {
    let mut desk = desk();
    let user = |at: usize| {
        let full = match at {
            9 => "Rita Xavier".to_owned(),
            at => format!("Alexa {at}"),
        };
        user(&format!("u{at}"), &full)
    };
    desk.tell(Event::Roster(Roster {
        users: (0..10).map(user).collect(),
        groups: vec![],
        ..Roster::default()
    }));
    desk.act(Action::Filter("xa".to_owned()));
    assert!(desk.sees("Rita Xavier, u9") && desk.sees("Alexa 3, u3"));
    assert!(!desk.sees("Alexa 4, u4"));
}

#[test]
fn whose_login_is_typed_is_first_and_said_to_be_the_one() {
    let mut desk = desk();
    desk.write("Search people and messages", "carol2");
    assert!(desk.sees("Carol Dias, carol2, exact user name"));
    desk.act(Action::Filter("carol".into()));
    assert!(row(&desk, "carol").starts_with("carol · exact user name"));
    desk.act(Action::EndSearch);
    desk.show(Overlay::new_conversation());
    desk.act(Action::EditOverlay("davi".into()));
    assert!(desk.sees("davi, exact user name"));
    desk.act(Action::CloseOverlay);
    desk.click("carol");
    desk.write("Message", "@carol");
    assert!(desk.sees("carol Carol Dias exact user name"));
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(desk.session().draft(), "@carol ");
}

#[test]
fn among_many_members_one_looks_for_some() {
    let mut desk = desk();
    let names: Vec<_> = (0..10_000).map(|at| format!("u{at}")).collect();
    let users = names.iter().enumerate();
    let users = users.map(|(at, name)| user(name, &format!("Zoé Nº {at}")));
    desk.tell(Event::Roster(Roster {
        users: users.collect(),
        groups: vec![group("turma", &names)],
        ..Roster::default()
    }));
    desk.show(Overlay::info(login("turma")));
    desk.write("Search members", "zoe 9876");
    assert!(desk.sees("Zoé Nº 9876, u9876, online"));
    desk.act(Action::EditOverlay("nobody".into()));
    assert!(desk.sees("No member matches “nobody”."));
}

#[test]
fn the_bar_over_a_conversation_says_the_login_once() {
    let mut desk = desk();
    desk.click("carol");
    assert!(desk.harness.query_by_label("Carol Dias (carol)").is_some());
}

#[test]
fn a_notification_names_who_wrote() {
    let mut desk = desk();
    desk.harness.input_mut().focused = false;
    desk.harness.run();
    desk.tell(Event::Message(said(3, "bob", "hello")));
    let (told, _) = desk.notified.try_recv().unwrap();
    assert_eq!(
        (told.topic.as_str(), told.title.as_str()),
        ("turma", "Bob Lima in turma")
    );
}
