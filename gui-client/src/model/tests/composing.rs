//! What is typed: drafts, new conversations, forwarded messages, searches.

use super::*;

#[test]
fn a_message_typed_by_hand_opens_that_conversation() {
    let mut model = signed_in(vec![conversation("bob", 5, 0)]);
    model.act(Action::Write("hello".into()));
    assert!(model.act(Action::Send).is_empty());
    assert_eq!(
        session(&model).compose_problem,
        Some(ComposeProblem::NoRecipient)
    );
    model.act(Action::Write("@carol hi".into()));
    let commands = model.act(Action::Send);
    assert_eq!(
        commands[0],
        Command::Send {
            to: login("carol"),
            text: Text::from("hi"),
            re: None,
        }
    );
    assert_eq!(session(&model).open, Some(person("carol")));
    assert_eq!(session(&model).draft(), "");
}

#[test]
fn each_conversation_keeps_what_is_typed_in_it() {
    let mut model = signed_in(vec![conversation("bob", 5, 0), conversation("carol", 9, 0)]);
    model.act(Action::Open(person("bob")));
    model.act(Action::Write("for bob".into()));
    let commands = model.act(Action::Open(person("carol")));
    assert!(commands.contains(&Command::SaveDraft {
        with: person("bob"),
        text: "for bob".into(),
    }));
    assert_eq!(session(&model).draft(), "");
    model.act(Action::Open(person("bob")));
    assert_eq!(session(&model).draft(), "for bob");
    assert!(model.take_unsaved_drafts().is_empty());
}

#[test]
fn what_was_typed_and_queued_survives_a_broken_link() {
    let mut model = signed_in(vec![conversation("bob", 5, 0)]);
    model.act(Action::Open(person("bob")));
    page(&mut model, "bob", 0..6, Older::Nothing);
    model.act(Action::Write("half a sen".into()));
    model.apply(Event::Message(message(6, "bob", Delivery::Waiting)));
    model.apply(Event::Link(LinkState::Waiting {
        problem: LinkProblem::Broken,
        retry_at: Instant::now(),
    }));
    assert!(!session(&model).online && session(&model).anything_waiting());
    assert_eq!(session(&model).draft(), "half a sen");
    model.apply(Event::Link(LinkState::Connecting));
    assert!(!session(&model).online);
    model.apply(online());
    model.apply(Event::Message(message(6, "bob", Delivery::Accepted)));
    assert!(!session(&model).anything_waiting());
    assert_eq!(session(&model).timeline().unwrap().len(), 7);
}

#[test]
fn a_new_conversation_needs_a_login() {
    let mut model = signed_in(vec![]);
    model.act(Action::Show(Overlay::new_conversation()));
    model.act(Action::EditOverlay("ana maria".into()));
    assert!(model.act(Action::StartConversation).is_empty());
    assert!(matches!(
        &model.overlay,
        Some(Overlay::NewConversation {
            problem: Some(_),
            ..
        })
    ));
    model.act(Action::EditOverlay(" @carol ".into()));
    model.act(Action::StartConversation);
    assert_eq!(model.overlay, None);
    assert_eq!(session(&model).open, Some(person("carol")));
    assert_eq!(names(&model), ["carol"]);
}

#[test]
fn what_is_forwarded_comes_below_the_draft_of_whoever_is_chosen() {
    let mut model = signed_in(vec![conversation("bob", 1, 0), conversation("carol", 2, 0)]);
    model.act(Action::Open(person("carol")));
    model.act(Action::Write("look:".into()));
    model.act(Action::Open(person("bob")));
    let forward = || Action::Show(Overlay::forward("see *this*".into()));
    model.act(forward());
    model.act(Action::CloseOverlay);
    assert_eq!(session(&model).draft(), "", "given up");
    model.act(forward());
    model.act(Action::EditOverlay("carol".into()));
    model.act(Action::StartConversation);
    assert_eq!(session(&model).open, Some(person("carol")));
    assert_eq!(session(&model).draft(), "look:\nsee *this*");
    assert!(model.has_unsaved_drafts());
    model.act(Action::StartWith(login("dora")));
    assert_eq!(session(&model).draft(), "", "it came along once");
}

#[test]
fn what_the_outbox_does_not_take_comes_back() {
    let mut model = signed_in(vec![conversation("bob", 5, 0)]);
    model.act(Action::Open(person("bob")));
    model.act(Action::Write("first".into()));
    model.act(Action::Send);
    model.act(Action::Write("second".into()));
    model.apply(Event::NotSent {
        to: login("bob"),
        text: Text::from("first"),
        reason: crate::engine::NotSent::Storage,
    });
    assert_eq!(session(&model).draft(), "first\nsecond");
    assert!(matches!(
        session(&model).compose_problem,
        Some(ComposeProblem::NotSent(_))
    ));
    assert_eq!(model.take_unsaved_drafts().len(), 1);
}

#[test]
fn whoever_types_is_told_of_to_whom_it_goes() {
    let mut model = signed_in(vec![conversation("bob", 1, 0)]);
    model.apply(Event::Link(LinkState::Live { catching_up: false }));
    model.act(Action::Open(person("bob")));
    let typing = |to| vec![Command::Typing { to: login(to) }];
    assert_eq!(model.act(Action::Write("hello".into())), typing("bob"));
    assert_eq!(session(&model).diverted_to(), None);
    assert_eq!(
        model.act(Action::Write("@carol hi".into())),
        typing("carol")
    );
    assert_eq!(session(&model).diverted_to(), Some(login("carol")));
    assert_eq!(model.act(Action::Write("@carol".into())), []);
}

#[test]
fn whoever_types_fast_asks_the_database_once_at_a_time() {
    let mut model = signed_in(vec![]);
    let search = |query: &str| Command::Search {
        query: query.into(),
        before: None,
    };
    assert_eq!(model.act(Action::Filter("te".into())), [search("te")]);
    assert_eq!(model.act(Action::Filter("tes".into())), []);
    assert_eq!(model.act(Action::Filter("test".into())), []);
    let answer = |query: &str| Event::Found {
        query: query.into(),
        before: None,
        messages: vec![message(1, "bob", Delivery::Received)],
        next: None,
    };
    assert_eq!(model.apply(answer("te")), [search("test")]);
    assert!(!session(&model).search.is_answered());
    assert_eq!(model.apply(answer("test")), []);
    assert!(session(&model).search.is_answered());
}
