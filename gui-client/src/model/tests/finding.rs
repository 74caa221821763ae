//! People are found by what they are called, in every list of them.

use std::rc::Rc;

use super::*;

/// A live session of alice, with these users, and conversations with some of them.
fn desk(users: &[(&str, &str)], conversations: &[&str]) -> Model {
    let rows = (1..).zip(conversations);
    let rows = rows.map(|(id, with)| conversation(with, id, 0)).collect();
    let mut model = signed_in(rows);
    model.apply(Event::Link(LinkState::Live { catching_up: false }));
    let users = users.iter().map(|(name, full)| user(name, full));
    model.apply(Event::Roster(Roster {
        users: users.collect(),
        groups: vec![group("anápolis", &["alice"])],
        ..Roster::default()
    }));
    model
}

fn offered(model: &Model, typed: &str) -> Vec<String> {
    let found = session(model).offered(typed);
    found.iter().map(Login::to_string).collect()
}

const USERS: &[(&str, &str)] = &[
    ("ana", "Ana Lima"),
    ("anabel", ""),
    ("banana", ""),
    ("Ana", ""),
    ("jp", "João Pedro Müller"),
    ("ines.strauss", "Inês Strauß"),
    ("mariana", "Mariana Ávila"),
];

#[test]
fn neither_accents_nor_case_matter_where_one_begins_a_conversation() {
    let model = desk(USERS, &[]);
    for (typed, expected) in [
        ("joao", "jp"),
        ("@JOÃO", "jp"),
        ("muller", "jp"),
        ("müller joão", "jp"),
        ("strauss", "ines.strauss"),
        ("strauß ines", "ines.strauss"),
        ("avila", "mariana"),
        ("anapolis", "anápolis"),
    ] {
        assert_eq!(offered(&model, typed), [expected], "{typed}");
    }
}

#[test]
fn who_has_the_login_that_is_typed_comes_first_and_beginnings_before_middles() {
    let model = desk(USERS, &[]);
    let found = offered(&model, "ana");
    assert_eq!(found[..2], ["ana", "Ana"]);
    assert_eq!(found[2..5], ["anápolis", "anabel", "banana"]);
    assert_eq!(offered(&model, "Ana")[0], "Ana");
    let found = session(&model).offered("ana");
    assert_eq!(session(&model).marked("ana", None, &found), Some(0));
}

#[test]
fn enter_in_a_search_opens_who_has_the_login_with_or_without_a_conversation() {
    for conversations in [["banana", "anabel", "ana"], ["banana", "anabel", "Ana"]] {
        let mut model = desk(USERS, &conversations);
        model.act(Action::Filter("ana".into()));
        let first = match session(&model).found_rows().first() {
            Some(FoundRow::Conversation(row)) => row.with.clone(),
            Some(FoundRow::Person(login, _)) => Peer::Person((*login).clone()),
            other => panic!("{other:?}"),
        };
        assert_eq!(first, person("ana"), "{conversations:?}");
    }
}

#[test]
fn conversations_are_found_as_closely_and_else_by_their_last_activity() {
    let model = desk(USERS, &["jp", "banana", "anabel", "Ana"]);
    let found = |typed: &str| -> Vec<String> {
        let rows = session(&model).matching(typed).into_iter();
        rows.map(|row| match &row.with {
            Peer::Person(login) => login.to_string(),
            Peer::Server => String::new(),
        })
        .collect()
    };
    // The group in which nothing has been said is there too, and last of all.
    assert_eq!(found("ANA"), ["Ana", "anabel", "anápolis", "banana"]);
    assert_eq!(found("joao"), ["jp"]);
    assert_eq!(found(""), ["Ana", "anabel", "banana", "jp", "anápolis"]);
}

#[test]
fn one_is_called_by_ones_own_name_too_and_offered_to_nobody() {
    let model = desk(&[("alice", "Alice Souza"), ("bob", "")], &[]);
    let people = &session(&model).people;
    assert_eq!(people.title("alice"), Some("Alice Souza"));
    assert_eq!(people.me().map(|me| me.name.as_str()), Some("Alice Souza"));
    assert!(offered(&model, "alice").is_empty());
}

#[test]
fn members_are_found_as_people_are_and_oneself_is_among_them() {
    let mut users = USERS.to_vec();
    users.push(("alice", "Alice Souza"));
    let mut model = desk(&users, &[]);
    let names: Vec<_> = users.iter().map(|(name, _)| *name).collect();
    model.apply(Event::Groups(vec![group("class", &names)]));
    let found = |typed: &str| -> Vec<String> {
        let found = session(&model).members_matching(&login("class"), typed);
        found.iter().map(Login::to_string).collect()
    };
    assert!(found("silva").is_empty());
    assert_eq!(found("MULLER"), ["jp"]);
    assert_eq!(found("souza"), ["alice"]);
    assert_eq!(found("ana")[0], "ana");
    assert_eq!(found("").len(), users.len());
    assert!(
        session(&model)
            .members_matching(&login("none"), "")
            .is_empty()
    );
}

#[test]
fn a_classic_server_tells_of_nobody_so_those_one_has_written_with_are_offered() {
    let mut model = signed_in(vec![
        conversation("joão", 1, 0),
        Conversation {
            is_group: true,
            ..conversation("turma", 2, 0)
        },
    ]);
    assert_eq!(offered(&model, "joao"), ["joão"]);
    assert_eq!(offered(&model, ""), ["turma", "joão"]);
    // Who is not among them may be there all the same.
    assert!(!session(&model).is_nobody("maria"));
    model.act(Action::Show(Overlay::new_conversation()));
    model.act(Action::EditOverlay("maria".into()));
    model.act(Action::StartConversation);
    assert_eq!(session(&model).open, Some(person("maria")));
}

#[test]
fn all_users_are_looked_through_once_until_something_changes() {
    let mut model = desk(USERS, &[]);
    let offered = |model: &Model, typed: &str| session(model).offered(typed);
    let first = offered(&model, "ana");
    assert!(offered(&model, "jp").len() == 1);
    assert!(session(&model).is_nobody("nobody at all"));
    assert!(Rc::ptr_eq(&offered(&model, "jp"), &offered(&model, "jp")));
    let again = offered(&model, "ana");
    assert!(Rc::ptr_eq(&again, &offered(&model, "ana")));
    assert_eq!(first, again);
    model.apply(Event::Roster(Roster {
        gone: vec![login("Ana")],
        changes: true,
        ..Roster::default()
    }));
    let now = offered(&model, "ana");
    assert!(!now.contains(&login("Ana")) && now.contains(&login("ana")));
}
