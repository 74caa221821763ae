//! The page of a conversation, behind its header.

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use mensageiro::{
    engine::{Command, Delivery, Event, SearchQuery},
    model::Overlay,
};

use crate::{
    desk::{Desk, conversation, login, message, person},
    live::{live, roster},
};

fn desk() -> Desk {
    let mut desk = Desk::signed_in(vec![conversation("carol", 9, 0), conversation("bob", 2, 0)]);
    desk.tell(live());
    desk.tell(roster());
    desk.click("carol");
    desk.asked();
    desk
}

#[test]
fn the_header_and_a_shortcut_open_the_page_of_the_conversation() {
    let mut desk = desk();
    desk.harness.get_by_label_contains("About Carol").click();
    desk.harness.run();
    let page = Some(Overlay::info(login("carol")));
    assert_eq!(desk.model().overlay, page);
    assert!(desk.sees("Contact info"));
    desk.press(Modifiers::NONE, Key::Escape);
    assert_eq!(desk.model().overlay, None);
    desk.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::I);
    assert_eq!(desk.model().overlay, page);
}

#[test]
fn its_links_are_searched_like_everything_else() {
    let mut desk = desk();
    desk.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::I);
    desk.click("Links");
    let links = SearchQuery {
        with: Some(person("carol")),
        has_link: true,
        ..SearchQuery::default()
    };
    let asked = Command::Search {
        query: links.clone(),
        before: None,
    };
    assert!(desk.asked().contains(&asked));
    assert_eq!(desk.model().overlay, None);
    let text = format!("{} https://example.org/x", "and so on ".repeat(20));
    desk.tell(Event::Found {
        query: links,
        before: None,
        messages: vec![message(9, "carol", Delivery::Received, &text)],
        next: None,
    });
    assert!(desk.sees("1 result"));
    let row = desk.harness.get_by_label_contains("Result, ");
    let words = egui_kittest::kittest::NodeT::accesskit_node(&row).label();
    assert!(
        words.unwrap().contains("https://example.org"),
        "the link is seen"
    );
    desk.click("With links");
    assert!(!desk.session().search.has_link);
}

#[test]
fn what_the_menu_of_a_conversation_has_is_on_its_page_too() {
    let mut desk = desk();
    desk.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::I);
    desk.click("Mute");
    assert!(desk.sees("Unmute"), "the page is still there");
    desk.click("Search in this conversation");
    assert_eq!(desk.session().search.with, Some(person("carol")));
    let field = desk.harness.get_by_label("Search people and messages");
    assert!(field.is_focused());
}
