//! The list of conversations: its order, what adds a row and what removes it.

use super::*;

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
        let sort_key = |row: &Conversation| row.last.as_ref().unwrap().sort_key;
        assert!(
            rows[1..].is_sorted_by_key(|row| std::cmp::Reverse(sort_key(row))),
            "{:?}",
            names(&model)
        );
    }
    assert_eq!(names(&model)[..4], ["u7", "u0", "u3", "u19"]);
}

#[test]
fn pinned_conversations_stay_on_top_and_muted_ones_call_for_nobody() {
    let rows = ["bob", "carol", "dave"].into_iter().zip([5, 9, 7]);
    let rows = rows.map(|(with, last)| conversation(with, last, 1));
    let mut model = signed_in(rows.collect());
    let arrange = |change| {
        vec![Command::Arrange {
            with: person("bob"),
            change,
        }]
    };
    assert_eq!(
        model.act(Action::Pin(person("bob"), true)),
        arrange(SettingChange::Pinned(true))
    );
    assert_eq!(names(&model), ["bob", "carol", "dave"]);
    model.apply(Event::Message(message(10, "dave", Delivery::Received)));
    assert_eq!(names(&model), ["bob", "dave", "carol"]);
    assert_eq!(
        model.act(Action::Mute(person("bob"), Some(FOR_GOOD))),
        arrange(SettingChange::MutedUntil(Some(FOR_GOOD)))
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
        Action::Mute(person("zoe"), Some(FOR_GOOD)),
    ] {
        let mut model = signed_in(vec![conversation("bob", 5, 0)]);
        begin(&mut model);
        model.act(reason);
        model.act(Action::CloseConversation);
        assert_eq!(names(&model), ["zoe", "bob"]);
    }
    let mut model = signed_in(vec![conversation("bob", 5, 0)]);
    model.apply(Event::Groups(vec![group("team", &["alice", "bob"])]));
    model.act(Action::Open(person("team")));
    model.act(Action::CloseConversation);
    assert_eq!(names(&model), ["bob", "team"], "one belongs to it");
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
    model.apply(Event::Groups(vec![group(
        "turma",
        &["alice", "bob", "carol"],
    )]));
    assert_eq!(session(&model).progress(&own), Progress::Read);
}

fn shown(model: &Model) -> Vec<String> {
    let rows = session(model).matching("");
    let name = |row: &&Conversation| match &row.with {
        Peer::Person(login) => login.to_string(),
        Peer::Server => String::new(),
    };
    rows.iter().map(name).collect()
}

#[test]
fn a_new_message_brings_an_archived_conversation_back_unless_it_is_muted() {
    let rows = ["bob", "carol"].into_iter().zip([5, 9]);
    let rows = rows.map(|(with, last)| conversation(with, last, 0));
    let mut model = signed_in(rows.collect());
    model.act(Action::Open(person("bob")));
    let commands = model.act(Action::Archive(person("bob"), true));
    let change = SettingChange::Archived(Some(SortKey(5)));
    let with = person("bob");
    assert!(commands.contains(&Command::Arrange { with, change }));
    assert_eq!(session(&model).open, None, "it is closed");
    assert_eq!(shown(&model), ["carol"]);
    model.act(Action::ShowArchive(true));
    assert_eq!(shown(&model), ["bob"]);
    model.apply(Event::Message(message(10, "bob", Delivery::Received)));
    assert_eq!(
        shown(&model),
        ["bob", "carol"],
        "nothing is archived any more"
    );
    model.act(Action::ShowArchive(false));
    model.act(Action::Mute(person("bob"), Some(FOR_GOOD)));
    model.act(Action::Archive(person("bob"), true));
    model.apply(Event::Message(message(11, "bob", Delivery::Received)));
    assert_eq!(shown(&model), ["carol"]);
    model.act(Action::Mute(person("bob"), None));
    assert_eq!(shown(&model), ["bob", "carol"]);
}

#[test]
fn a_mute_ends_by_itself() {
    let mut model = signed_in(vec![conversation("bob", 5, 2)]);
    let year_3000 = 32_503_680_000_000;
    model.act(Action::Mute(person("bob"), Some(year_3000)));
    assert_eq!(model.title(), "MeuMensageiro - alice");
    model.act(Action::Mute(person("bob"), Some(1)));
    assert_eq!(model.title(), "(2) MeuMensageiro - alice");
}

#[test]
fn what_is_marked_as_unread_is_so_until_it_is_opened() {
    let mut model = signed_in(vec![conversation("bob", 5, 0)]);
    model.act(Action::MarkUnread(person("bob")));
    let is_marked = |model: &Model| session(model).conversations.rows()[0].is_marked_unread;
    assert!(is_marked(&model));
    let commands = model.act(Action::Open(person("bob")));
    assert!(!is_marked(&model));
    let change = SettingChange::MarkedUnread(false);
    let with = person("bob");
    assert!(commands.contains(&Command::Arrange { with, change }));
}

#[test]
fn what_another_device_sets_is_taken_over_but_for_a_draft_that_is_being_written() {
    let mut model = signed_in(vec![conversation("bob", 5, 0), conversation("cy", 4, 0)]);
    model.act(Action::Open(person("bob")));
    model.act(Action::Write("mine".into()));
    let told = |with: &str| Conversation {
        draft: "of the other device".into(),
        is_pinned: true,
        muted_until: Some(FOR_GOOD),
        ..conversation(with, 5, 0)
    };
    model.apply(Event::Arranged(vec![told("bob"), told("cy")]));
    let rows = session(&model).conversations.rows();
    assert!(rows.iter().all(|row| row.is_pinned && row.is_muted()));
    assert_eq!(session(&model).draft(), "mine");
    model.act(Action::Open(person("cy")));
    assert_eq!(session(&model).draft(), "of the other device");
}
