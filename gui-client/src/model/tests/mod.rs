mod destination;
mod finding;
mod reading;

use std::time::Instant;

use jiff::Timestamp;
use mensageiro_protocol::{Login, Text};

use super::*;
use crate::engine::{
    Conversation, Delivery, Doubt, LinkProblem, LinkState, Message, MessageId, Older, Peer, Place,
    Receipt, Refusal, RosterGroup, ServerChange, StorageProblem,
};

fn login(name: &str) -> Login {
    Login::parse(name).unwrap()
}

fn person(name: &str) -> Peer {
    Peer::Person(login(name))
}

fn alice() -> Account {
    Account {
        server: "localhost:3333".into(),
        login: login("alice"),
    }
}

fn message(id: i64, with: &str, delivery: Delivery) -> Message {
    Message {
        id: MessageId(id),
        place: Place(id),
        server_id: None,
        with: person(with),
        author: None,
        text: Text::from(format!("message {id}").as_str()),
        at: Timestamp::UNIX_EPOCH,
        written: None,
        delivery,
        receipts: vec![],
        missed: Default::default(),
    }
}

fn online() -> Event {
    Event::Link(LinkState::Online {
        framing: None,
        next_fetch: None,
        doubt: None,
    })
}

/// Signed in as alice, with these conversations.
fn signed_in(conversations: Vec<Conversation>) -> Model {
    let mut model = Model::new(Preferences::default());
    model.act(Action::SignInAs(alice()));
    model.apply(Event::SignedIn {
        account: alice(),
        conversations,
    });
    model.apply(online());
    model
}

fn conversation(with: &str, last: i64, unread: usize) -> Conversation {
    Conversation {
        with: person(with),
        is_group: false,
        is_pinned: false,
        is_muted: false,
        last: Some(message(last, with, Delivery::Received)),
        unread,
        draft: String::new(),
    }
}

fn page(model: &mut Model, with: &str, ids: std::ops::Range<i64>, older: Older) {
    model.apply(Event::Page {
        with: person(with),
        before: None,
        messages: ids
            .map(|id| message(id, with, Delivery::Received))
            .collect(),
        older,
    });
}

fn names(model: &Model) -> Vec<String> {
    let rows = model.session.as_ref().unwrap().conversations.rows();
    rows.iter()
        .map(|row| match &row.with {
            Peer::Person(login) => login.to_string(),
            Peer::Server => "server".into(),
        })
        .collect()
}

fn session(model: &Model) -> &Session {
    model.session.as_ref().unwrap()
}

#[test]
fn signing_in_asks_for_the_account_that_the_fields_name() {
    let mut model = Model::new(Preferences::default());
    model.act(Action::EditUser("ana maria".into()));
    assert!(model.act(Action::SignIn).is_empty());
    assert!(model.login.user_problem.is_some() && model.session.is_none());
    model.act(Action::EditUser("alice".into()));
    let commands = model.act(Action::SignIn);
    assert_eq!(
        commands,
        [Command::SignIn {
            account: alice(),
            fetch_every: model.own().fetch_interval(),
        }]
    );
}

#[test]
fn only_an_account_that_got_in_is_remembered() {
    let mut model = Model::new(Preferences::default());
    model.act(Action::SignInAs(alice()));
    model.apply(Event::Link(LinkState::Refused));
    assert!(model.preferences.remembered.is_empty());
    model.act(Action::SignIn);
    model.apply(online());
    assert_eq!(model.preferences.remembered[0].login, "alice");
    assert!(model.preferences.signed_in.is_some());
    assert_eq!(model.act(Action::SignOut), [Command::SignOut]);
    assert!(model.preferences.signed_in.is_none());
    assert_eq!(model.login.user, "alice");
}

fn waiting(problem: LinkProblem) -> Event {
    let retry_at = Instant::now();
    Event::Link(LinkState::Waiting { problem, retry_at })
}

#[test]
fn a_first_sign_in_that_fails_stays_at_the_sign_in_screen_and_says_why() {
    let mut model = Model::new(Preferences::default());
    model.act(Action::SignInAs(alice()));
    assert!(model.is_entering());
    let problem = LinkProblem::NobodyListens;
    assert_eq!(model.apply(waiting(problem.clone())), [Command::SignOut]);
    assert!(model.session.is_none() && !model.is_entering());
    let server = alice().server;
    let expected = Some(LoginProblem::Link { problem, server });
    assert_eq!(model.login.server_problem, expected);
    assert_eq!(
        (model.login.user.as_str(), model.login.failures),
        ("alice", 1)
    );
    model.act(Action::EditServer("elsewhere".into()));
    assert_eq!(model.login.server_problem, None);
    // Who is not known is told with what the server says of it.
    model.act(Action::SignIn);
    let account = session(&model).account.clone();
    model.apply(Event::SignedIn {
        account: account.clone(),
        conversations: vec![],
    });
    model.apply(Event::Message(Message {
        with: Peer::Server,
        ..message(1, "bob", Delivery::Received)
    }));
    assert!(model.is_entering());
    assert_eq!(
        model.apply(Event::Link(LinkState::Refused)),
        [Command::SignOut]
    );
    let said = Some("message 1".to_owned());
    assert_eq!(
        model.login.user_problem,
        Some(LoginProblem::Refused { account, said })
    );
    assert_eq!(model.login.failures, 2);
}

#[test]
fn who_was_in_before_or_has_messages_here_waits_for_the_server_with_them() {
    let mut known = Model::new(Preferences::default());
    known.preferences.remember(&alice(), false);
    let unknown = Model::new(Preferences::default());
    for (mut model, conversations) in [(known, vec![]), (unknown, vec![conversation("bob", 5, 0)])]
    {
        model.act(Action::SignInAs(alice()));
        let account = alice();
        model.apply(Event::SignedIn {
            account,
            conversations,
        });
        assert!(!model.is_entering());
        assert!(model.apply(waiting(LinkProblem::TimedOut)).is_empty());
        assert!(model.session.is_some());
        // One who leaves a server that refuses finds out why, and where to correct it.
        model.apply(Event::Link(LinkState::Refused));
        model.act(Action::SignOut);
        assert!(model.login.user_problem.is_some() && model.login.failures == 1);
    }
}

#[test]
fn a_first_sign_in_can_be_given_up() {
    let mut model = Model::new(Preferences::default());
    model.act(Action::SignInAs(alice()));
    assert_eq!(model.act(Action::SignOut), [Command::SignOut]);
    assert!(model.session.is_none() && model.login.user_problem.is_none());
    // News of it comes too late.
    assert!(model.apply(waiting(LinkProblem::TimedOut)).is_empty());
    assert_eq!(
        (model.login.failures, model.login.server_problem),
        (0, None)
    );
}

#[test]
fn what_is_uncertain_of_a_server_is_said_until_the_person_has_taken_note_of_it() {
    let mut model = signed_in(vec![]);
    let told = |doubt| {
        Event::Link(LinkState::Online {
            framing: None,
            next_fetch: None,
            doubt,
        })
    };
    model.apply(told(Some(Doubt::NoEnd)));
    assert_eq!(session(&model).doubt(), Some(&Doubt::NoEnd));
    model.act(Action::DismissDoubt);
    model.apply(told(Some(Doubt::NoEnd)));
    assert_eq!(session(&model).doubt(), None);
    let other = Doubt::OtherEnd("fim".into());
    model.apply(told(Some(other.clone())));
    assert_eq!(session(&model).doubt(), Some(&other));
    model.apply(told(None));
    assert_eq!(session(&model).doubt(), None);
}

#[test]
fn a_server_that_has_lost_messages_is_told_of_and_the_open_conversation_is_loaded_anew() {
    let mut model = signed_in(vec![conversation("bob", 5, 0)]);
    model.act(Action::Open(person("bob")));
    let commands = model.apply(Event::SignedIn {
        account: alice(),
        conversations: vec![conversation("bob", 5, 0)],
    });
    let loads = |command: &Command| matches!(command, Command::LoadPage { before: None, .. });
    assert!(commands.iter().any(loads), "{commands:?}");
    model.apply(Event::ServerChanged(ServerChange::Restored));
    let told = Notice::ServerChanged(ServerChange::Restored);
    assert_eq!(model.notice, Some(told));
    model.act(Action::DismissNotice);
    assert_eq!(model.notice, None);
}

#[test]
fn where_a_damaged_database_was_moved_is_told_and_the_window_goes_on_with_the_new_one() {
    let mut model = signed_in(vec![conversation("bob", 5, 0), conversation("cy", 4, 0)]);
    model.act(Action::Open(person("bob")));
    model.act(Action::Write("half a sent".into()));
    model.act(Action::Pin(person("bob"), true));
    model.act(Action::Away(true));
    model.take_unsaved_drafts();
    // The new one knows less.
    let commands = model.apply(Event::SignedIn {
        account: alice(),
        conversations: vec![],
    });
    model.apply(Event::SetAside("/a/place.damaged.db".into()));
    let told = Notice::DamagedSetAside("/a/place.damaged.db".into());
    assert_eq!(model.notice, Some(told));
    assert_eq!(names(&model), ["bob"], "what was typed stays");
    assert_eq!(session(&model).draft(), "half a sent");
    let (with, text) = (person("bob"), "half a sent".into());
    assert!(commands.contains(&Command::SaveDraft { with, text }));
    let is_asked = [
        matches!(
            &commands[0],
            Command::Arrange {
                is_pinned: true,
                ..
            }
        ),
        matches!(&commands[2], Command::LoadPage { before: None, .. }),
        matches!(&commands[3], Command::Status { is_away: true, .. }),
    ];
    assert_eq!(is_asked, [true; 3], "{commands:?}");
}

#[test]
fn the_end_of_the_last_account_does_not_end_the_next_one() {
    let mut model = signed_in(vec![]);
    model.act(Action::SignOut);
    model.act(Action::SignInAs(alice()));
    model.apply(Event::SignedOut);
    assert!(model.session.is_some());
    model.apply(Event::SignedIn {
        account: alice(),
        conversations: vec![],
    });
    model.apply(Event::SignedOut);
    assert!(model.session.is_none());
}

#[test]
fn conversations_are_ordered_by_their_last_message_and_not_by_clocks() {
    let mut model = signed_in(vec![conversation("bob", 5, 0), conversation("carol", 9, 2)]);
    assert_eq!(names(&model), ["carol", "bob"]);
    model.apply(Event::Message(message(10, "bob", Delivery::Received)));
    assert_eq!(names(&model), ["bob", "carol"]);
    assert_eq!(session(&model).conversations.unread(), 3);
    assert_eq!(model.title(), "(3) MeuMensageiro - alice");
    model.apply(Event::Message(message(10, "bob", Delivery::Received)));
    assert_eq!(
        session(&model).conversations.unread(),
        3,
        "the same one again"
    );
}

#[test]
fn pinned_conversations_stay_on_top_and_muted_ones_call_for_nobody() {
    let rows = ["bob", "carol", "dave"].into_iter().zip([5, 9, 7]);
    let rows = rows.map(|(with, last)| conversation(with, last, 1));
    let mut model = signed_in(rows.collect());
    let arrange = |is_pinned, is_muted| {
        vec![Command::Arrange {
            with: person("bob"),
            is_pinned,
            is_muted,
        }]
    };
    assert_eq!(
        model.act(Action::Pin(person("bob"), true)),
        arrange(true, false)
    );
    assert_eq!(names(&model), ["bob", "carol", "dave"]);
    model.apply(Event::Message(message(10, "dave", Delivery::Received)));
    assert_eq!(names(&model), ["bob", "dave", "carol"]);
    assert_eq!(
        model.act(Action::Mute(person("bob"), true)),
        arrange(true, true)
    );
    assert_eq!(model.title(), "(3) MeuMensageiro - alice");
    model.apply(Event::Message(message(11, "bob", Delivery::Received)));
    assert_eq!(model.title(), "(3) MeuMensageiro - alice");
    model.apply(Event::Message(message(12, "erin", Delivery::Received)));
    assert_eq!(names(&model), ["bob", "erin", "dave", "carol"]);
    model.act(Action::Pin(person("bob"), false));
    assert_eq!(names(&model), ["erin", "bob", "dave", "carol"]);
}

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
fn a_discarded_message_leaves_the_list_too() {
    let mut model = signed_in(vec![conversation("bob", 5, 0)]);
    model.act(Action::Open(person("bob")));
    page(&mut model, "bob", 0..6, Older::Nothing);
    model.apply(Event::Message(message(6, "bob", Delivery::Unconfirmed)));
    assert_eq!(
        model.act(Action::Discard(MessageId(6))),
        [Command::Discard(MessageId(6))]
    );
    model.apply(Event::Discarded(MessageId(6)));
    let row = session(&model).conversations.get(&person("bob")).unwrap();
    assert_eq!(row.last.as_ref().unwrap().id, MessageId(5));
    assert_eq!(session(&model).timeline().unwrap().len(), 6);
}

/// What was written to somebody whom the server does not know.
fn refused(with: &str) -> Model {
    let mut model = signed_in(vec![conversation("bob", 5, 0)]);
    let refusal = Refusal::UnknownRecipient;
    model.apply(Event::Message(message(6, with, Delivery::Refused(refusal))));
    model
}

#[test]
fn a_discarded_message_leaves_no_empty_conversation() {
    let mut model = refused("zoe");
    model.act(Action::Open(person("zoe")));
    page(&mut model, "zoe", 0..0, Older::Nothing);
    let refusal = Delivery::Refused(Refusal::UnknownRecipient);
    model.apply(Event::Page {
        with: person("zoe"),
        before: None,
        messages: vec![message(6, "zoe", refusal)],
        older: Older::Nothing,
    });
    assert_eq!(names(&model), ["zoe", "bob"]);
    model.apply(Event::Discarded(MessageId(6)));
    assert_eq!(names(&model), ["bob"]);
    // What one writes there all the same is kept.
    model.act(Action::Write("hello?".into()));
    assert_eq!(names(&model), ["zoe", "bob"]);
}

#[test]
fn a_discarded_message_of_a_conversation_that_is_not_loaded_leaves_none_either() {
    let mut model = refused("zoe");
    let asked = model.apply(Event::Discarded(MessageId(6)));
    assert!(
        matches!(&asked[..], [Command::LoadPage { limit: 1, .. }]),
        "{asked:?}"
    );
    page(&mut model, "zoe", 0..0, Older::Nothing);
    assert_eq!(names(&model), ["bob"]);
}

#[test]
fn an_empty_conversation_that_is_left_goes_unless_there_is_a_reason_for_it() {
    let begin = |model: &mut Model| {
        model.act(Action::Show(Overlay::new_conversation()));
        model.act(Action::StartWith(Login::parse("zoe").unwrap()));
        page(model, "zoe", 0..0, Older::Nothing);
    };
    let mut model = signed_in(vec![conversation("bob", 5, 0)]);
    begin(&mut model);
    assert_eq!(names(&model), ["zoe", "bob"]);
    model.act(Action::Open(person("bob")));
    assert_eq!(names(&model), ["bob"]);
    for reason in [
        Action::Write("a draft".into()),
        Action::Pin(person("zoe"), true),
        Action::Mute(person("zoe"), true),
    ] {
        let mut model = signed_in(vec![conversation("bob", 5, 0)]);
        begin(&mut model);
        model.act(reason);
        model.act(Action::CloseConversation);
        assert_eq!(names(&model), ["zoe", "bob"]);
    }
    let mut model = signed_in(vec![conversation("bob", 5, 0)]);
    model.apply(Event::Groups(vec![RosterGroup {
        name: login("team"),
        members: vec![login("alice"), login("bob")],
        gone: vec![],
    }]));
    model.act(Action::Open(person("team")));
    model.act(Action::CloseConversation);
    assert_eq!(names(&model), ["bob", "team"], "one belongs to it");
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
fn the_filter_finds_parts_of_names_in_any_case() {
    let model = signed_in(vec![
        conversation("Bobby", 1, 0),
        conversation("carol", 2, 0),
    ]);
    let found: Vec<_> = session(&model).matching("bOB");
    assert_eq!(found.len(), 1);
    assert_eq!(session(&model).matching("").len(), 2);
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
fn a_database_that_failed_says_so_and_can_be_opened_again() {
    let mut model = signed_in(vec![conversation("bob", 1, 0)]);
    model.apply(Event::Link(LinkState::Offline));
    model.apply(Event::StorageFailed(StorageProblem::Locked));
    model.apply(Event::SignedOut);
    let session = session(&model);
    assert!(!session.ready);
    assert_eq!(session.storage_problem, Some(StorageProblem::Locked));
    let asked = model.act(Action::SignInAs(alice()));
    assert!(
        matches!(asked[..], [.., Command::SignIn { .. }]),
        "{asked:?}"
    );
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
        with: None,
    };
    assert_eq!(model.act(Action::Filter("te".into())), [search("te")]);
    assert_eq!(model.act(Action::Filter("tes".into())), []);
    assert_eq!(model.act(Action::Filter("test".into())), []);
    let answer = |query: &str| Event::Found {
        query: query.into(),
        with: None,
        messages: vec![message(1, "bob", Delivery::Received)],
    };
    assert_eq!(model.apply(answer("te")), [search("test")]);
    assert!(!session(&model).search.is_answered());
    assert_eq!(model.apply(answer("test")), []);
    assert!(session(&model).search.is_answered());
}

#[test]
fn a_conversation_moves_to_where_its_last_message_belongs() {
    let rows = (0..20).map(|n| conversation(&format!("u{n}"), 100 - n, 0));
    let mut model = signed_in(rows.collect());
    model.act(Action::Pin(person("u7"), true));
    for (id, with) in [
        (200, "u19"),
        (201, "u3"),
        (202, "u7"),
        (203, "u3"),
        (204, "u0"),
    ] {
        model.apply(Event::Message(message(id, with, Delivery::Received)));
        let rows = session(&model).conversations.rows();
        let place = |row: &Conversation| row.last.as_ref().unwrap().place;
        assert!(
            rows[1..].is_sorted_by_key(|row| std::cmp::Reverse(place(row))),
            "{:?}",
            names(&model)
        );
    }
    assert_eq!(names(&model)[..4], ["u7", "u0", "u3", "u19"]);
}

#[test]
fn without_a_server_it_is_known_who_has_to_read_what_a_group_is_told() {
    let turma = Conversation {
        is_group: true,
        ..conversation("turma", 4, 0)
    };
    let mut model = signed_in(vec![turma]);
    let receipt = |by: &str| Receipt {
        by: login(by),
        delivered: None,
        read: Some(Timestamp::UNIX_EPOCH),
    };
    let own = Message {
        receipts: vec![receipt("bob"), receipt("carol")],
        ..message(5, "turma", Delivery::Accepted)
    };
    assert_eq!(session(&model).progress(&own), Progress::Accepted);
    model.apply(Event::Groups(vec![RosterGroup {
        name: login("turma"),
        members: ["alice", "bob", "carol"].map(login).to_vec(),
        gone: vec![],
    }]));
    assert_eq!(session(&model).progress(&own), Progress::Read);
}
