//! Keys in the search field, and the ways out of it.

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use mensageiro::{
    engine::{Command, Delivery, Event, Message, MessageId, Peer, SearchQuery, SortKey},
    model::Action,
};

use crate::{
    desk::{Desk, conversation, login, message, person},
    live::{live, roster},
};

/// The conversation with bob open, one with anna in the list; carol is known by her name only.
fn desk() -> Desk {
    let mut desk = Desk::signed_in(vec![conversation("bob", 9, 0), conversation("anna", 2, 0)]);
    desk.tell(live());
    desk.tell(roster());
    desk.click("bob");
    desk.tell(Event::Page {
        with: person("bob"),
        before: None,
        messages: said().to_vec(),
        older: mensageiro::engine::Older::Nothing,
    });
    desk
}

/// What bob said of carol, the newest last.
fn said() -> [Message; 2] {
    [(8, "carol comes"), (9, "carol is here")]
        .map(|(id, text)| message(id, "bob", Delivery::Received, text))
}

/// Types into the search field; the database answers.
fn look_for(desk: &mut Desk, query: &str, with: Option<Peer>, found: Vec<Message>) {
    let field = desk.harness.get_by_label("Search people and messages");
    field.type_text(query);
    desk.harness.run();
    desk.tell(Event::Found {
        query: SearchQuery {
            with,
            ..query.into()
        },
        before: None,
        messages: found,
        next: None,
    });
    desk.asked();
}

fn query(desk: &Desk) -> &str {
    &desk.session().search.query
}

#[test]
fn enter_opens_the_first_row_shown_whatever_it_is() {
    let mut desk = desk();
    desk.press(Modifiers::COMMAND, Key::K);
    look_for(&mut desk, "an", None, vec![]);
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(desk.session().open, Some(person("anna")), "a conversation");
    assert_eq!(query(&desk), "");

    desk.press(Modifiers::COMMAND, Key::K);
    look_for(&mut desk, "dias", None, said().to_vec());
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(desk.session().open, Some(person("carol")), "a person");

    desk.press(Modifiers::COMMAND, Key::K);
    look_for(&mut desk, "comes", None, said()[..1].to_vec());
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(desk.session().open, Some(person("bob")), "a message");
}

#[test]
fn the_arrows_walk_the_rows_and_enter_goes_from_message_to_message() {
    let mut desk = desk();
    let sought = |desk: &Desk| {
        let timeline = desk.session().timeline().unwrap();
        timeline.target.map(|(id, _)| id)
    };
    desk.press(Modifiers::COMMAND, Key::F);
    let [older, newer] = said();
    look_for(&mut desk, "carol", Some(person("bob")), vec![newer, older]);
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(sought(&desk), Some(MessageId(9)));
    desk.press(Modifiers::NONE, Key::ArrowDown);
    desk.press(Modifiers::NONE, Key::ArrowDown);
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(sought(&desk), Some(MessageId(8)));
    desk.press(Modifiers::NONE, Key::ArrowUp);
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(sought(&desk), Some(MessageId(9)));
    assert_eq!(query(&desk), "carol");
}

#[test]
fn enter_in_a_search_of_one_conversation_does_not_leave_it() {
    let mut desk = desk();
    desk.press(Modifiers::COMMAND, Key::F);
    look_for(&mut desk, "anna", Some(person("bob")), vec![]);
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(desk.session().open, Some(person("bob")));
    assert_eq!(query(&desk), "anna");
    let field = desk.harness.get_by_label("Search people and messages");
    assert!(field.is_focused());
}

#[test]
fn another_conversation_ends_the_search_in_the_one_before() {
    let mut desk = desk();
    desk.press(Modifiers::COMMAND, Key::F);
    look_for(&mut desk, "here", Some(person("bob")), said().to_vec());
    desk.act(Action::Open(person("anna")));
    assert_eq!(desk.session().search.with, None);
    let everywhere = Command::Search {
        query: "here".into(),
        before: None,
    };
    assert!(desk.asked().contains(&everywhere));
}

#[test]
fn the_menu_of_a_conversation_begins_with_a_search_in_it() {
    for width in [1000.0, 360.0] {
        let mut desk = desk();
        desk.harness.set_size(egui::vec2(width, 600.0));
        desk.harness.run();
        desk.click("More about this conversation");
        desk.click("Search in this conversation");
        assert_eq!(desk.session().search.with, Some(person("bob")));
        let field = desk.harness.get_by_label("Search people and messages");
        assert!(field.is_focused(), "{width}");
    }
}

#[test]
fn the_button_in_the_field_ends_the_search() {
    let mut desk = desk();
    assert!(!desk.sees("Clear search"));
    desk.press(Modifiers::COMMAND, Key::F);
    look_for(&mut desk, "here", Some(person("bob")), said().to_vec());
    let button = desk.harness.get_by_label("Clear search").rect();
    assert_eq!(button.size(), egui::Vec2::splat(28.0));
    desk.click("Clear search");
    assert_eq!(query(&desk), "");
    assert_eq!(desk.session().search.with, None);
    assert!(!desk.sees("Clear search"));
    assert!(desk.harness.get_by_label("Message").is_focused());
}

/// What is asked of the database, without drafts and the like.
fn asked(desk: &Desk) -> Vec<(SearchQuery, Option<SortKey>)> {
    let asked = desk.asked().into_iter();
    asked
        .filter_map(|command| match command {
            Command::Search { query, before } => Some((query, before)),
            _ => None,
        })
        .collect()
}

#[test]
fn an_author_and_days_can_be_searched_without_words() {
    let mut desk = desk();
    desk.stop_clock("2026-11-23T17:05:00Z");
    desk.press(Modifiers::COMMAND, Key::F);
    desk.asked();
    desk.click("From anyone");
    desk.click("me");
    let by_me = SearchQuery {
        with: Some(person("bob")),
        by: Some(login("alice")),
        ..SearchQuery::default()
    };
    assert_eq!(asked(&desk), [(by_me.clone(), None)]);
    desk.tell(Event::Found {
        query: by_me.clone(),
        before: None,
        messages: vec![],
        next: None,
    });
    desk.click("Any date");
    desk.click("Last 7 days");
    let lately = SearchQuery {
        since: Some("2026-11-17T00:00:00Z".parse().unwrap()),
        ..by_me
    };
    assert_eq!(asked(&desk), [(lately.clone(), None)]);
    assert!(desk.sees("From me") && desk.sees("Since Tue"));
    desk.tell(Event::Found {
        query: lately.clone(),
        before: None,
        messages: vec![],
        next: None,
    });
    desk.click("Since Tue");
    desk.click("Up to a date…");
    desk.click("Saturday, November 21");
    let until = Some("2026-11-22T00:00:00Z".parse().unwrap());
    assert_eq!(asked(&desk), [(SearchQuery { until, ..lately }, None)]);
    assert!(desk.sees("Tue to Sat"));
    desk.click("Clear search");
    assert!(!desk.sees("From me") && !desk.session().search.is_on());
}

#[test]
fn a_search_goes_on_until_there_is_enough_and_for_more_at_the_end_of_the_list() {
    let mut desk = desk();
    desk.press(Modifiers::COMMAND, Key::K);
    desk.harness
        .get_by_label("Search people and messages")
        .type_text("comes");
    desk.harness.run();
    desk.asked();
    let answer = |before: Option<i64>, ids: std::ops::Range<i64>, next: Option<i64>| Event::Found {
        query: "comes".into(),
        before: before.map(SortKey),
        messages: ids
            .rev()
            .map(|id| message(id, "bob", Delivery::Received, "carol comes"))
            .collect(),
        next: next.map(SortKey),
    };
    let from = |place| ("comes".into(), Some(SortKey(place)));
    desk.tell(answer(None, 900..950, Some(800)));
    assert_eq!(asked(&desk), [from(800)], "not enough yet");
    desk.tell(answer(Some(800), 700..760, Some(600)));
    assert_eq!(asked(&desk), [], "that is more than the window shows");
    assert!(desk.sees("110 newest results"));
    let pos = desk
        .harness
        .get_by_label("110 newest results")
        .rect()
        .center();
    desk.harness.event(egui::Event::PointerMoved(pos));
    let scroll = |desk: &mut Desk| {
        desk.harness.event(egui::Event::MouseWheel {
            unit: egui::MouseWheelUnit::Point,
            delta: egui::vec2(0.0, -100_000.0),
            modifiers: Modifiers::NONE,
            source: egui::MouseWheelSource::Unknown,
            phase: egui::TouchPhase::Move,
        });
        for _ in 0..60 {
            desk.harness.step();
        }
    };
    scroll(&mut desk);
    assert_eq!(asked(&desk), [from(600)]);
    desk.tell(answer(Some(600), 500..520, None));
    scroll(&mut desk);
    assert_eq!(asked(&desk), []);
    assert_eq!(desk.session().search.found().len(), 130);
}

#[test]
fn a_date_in_the_conversation_is_gone_to() {
    let mut desk = desk();
    desk.stop_clock("2026-11-23T17:05:00Z");
    desk.press(Modifiers::COMMAND, Key::G);
    assert!(desk.sees("November 2026"));
    desk.click("Previous month");
    desk.click("Previous month");
    desk.asked();
    desk.click("Monday, September 7");
    let begins = "2026-09-07T00:00:00Z".parse().unwrap();
    let with = person("bob");
    assert_eq!(desk.asked(), [Command::FindDay { with, begins }]);
    let [older, _] = said();
    desk.tell(Event::DayFound {
        with: person("bob"),
        message: Some(older),
        is_cut_off: true,
    });
    let target = desk.session().timeline().unwrap().target;
    assert_eq!(target.map(|(id, _)| id), Some(MessageId(8)));
    assert!(desk.sees("This computer does not have the messages of that date yet"));
}

#[test]
fn days_to_come_cannot_be_chosen() {
    let mut desk = desk();
    desk.stop_clock("2026-11-23T17:05:00Z");
    desk.click("More about this conversation");
    desk.click("Go to a date");
    desk.click("Tuesday, November 24");
    desk.click("Next month");
    assert!(desk.sees("November 2026"), "the dialog is still there");
    desk.press(Modifiers::NONE, Key::Escape);
    assert!(!desk.sees("November 2026"));
}
