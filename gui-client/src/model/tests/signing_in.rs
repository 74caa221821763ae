//! Signing in, and what ends a session or begins it anew.

use super::*;

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
            invite: None,
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
                change: SettingChange::Pinned(true),
                ..
            }
        ),
        matches!(&commands[2], Command::LoadPage { before: None, .. }),
        matches!(&commands[3], Command::Status { is_away: true, .. }),
    ];
    assert_eq!(is_asked, [true; 3], "{commands:?}");
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
