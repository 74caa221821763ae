//! Editing and deleting own messages.

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use jiff::Timestamp;
use mensageiro::{
    engine::{Command, Delivery, Event, Message, MessageId, Refusal, Rights, Security, Version},
    model::Overlay,
};
use mensageiro_protocol::Text;

use crate::{
    desk::{Desk, message},
    live::live,
};

/// A session in which messages may be changed.
pub fn allow(desk: &mut Desk) {
    desk.tell(live());
    desk.tell(Event::Security(Security {
        encryption: None,
        rights: Rights {
            may_change_messages: true,
            ..Rights::default()
        },
    }));
}

fn own(id: i64, text: &str) -> Message {
    Message {
        server_id: u64::try_from(id).ok(),
        ..message(id, "bob", Delivery::Accepted, text)
    }
}

fn desk() -> Desk {
    let mut desk = Desk::chatting(1..3, 0, true);
    allow(&mut desk);
    desk.tell(Event::Message(own(3, "at ten")));
    desk
}

fn menu(desk: &mut Desk, of: &str) {
    desk.harness.get_by_label_contains(of).click_secondary();
    desk.harness.run();
}

fn changes(desk: &Desk) -> Vec<(MessageId, Option<String>)> {
    let changes = desk
        .asked()
        .into_iter()
        .filter_map(|command| match command {
            Command::Change { id, text } => Some((id, text.map(|text| text.to_string()))),
            _ => None,
        });
    changes.collect()
}

#[test]
fn the_last_own_message_is_edited_with_the_arrow_key_and_what_was_typed_before_stays() {
    let mut desk = desk();
    desk.write("Message", "");
    desk.press(Modifiers::NONE, Key::ArrowUp);
    assert!(desk.sees("Edit message"));
    assert_eq!(desk.session().draft(), "at ten");
    desk.press(Modifiers::NONE, Key::Escape);
    assert!(!desk.sees("Edit message"));
    assert_eq!(desk.session().draft(), "");
    desk.write("Message", "");
    desk.press(Modifiers::NONE, Key::ArrowUp);
    desk.write_draft("at eleven");
    desk.press(Modifiers::NONE, Key::Enter);
    let expected = Some("at eleven".to_owned());
    assert_eq!(changes(&desk), [(MessageId(3), expected)]);
    assert_eq!(desk.session().draft(), "");
    assert!(desk.sent().is_empty());
    // The same text changes nothing.
    desk.write("Message", "");
    desk.press(Modifiers::NONE, Key::ArrowUp);
    desk.press(Modifiers::NONE, Key::Enter);
    assert!(changes(&desk).is_empty() && !desk.sees("Edit message"));
}

#[test]
fn an_edited_message_says_so_and_shows_its_earlier_versions() {
    let mut desk = desk();
    let edited = Message {
        edited: Timestamp::from_second(1_700_000_500).ok(),
        ..own(3, "at eleven")
    };
    desk.tell(Event::Changed(edited));
    assert!(desk.sees("at eleven") && !desk.sees("at ten"));
    assert_eq!(desk.session().open_unread(), 0);
    menu(&mut desk, "at eleven");
    desk.click("Earlier versions");
    let asked = Command::LoadVersions(MessageId(3));
    assert!(desk.asked().contains(&asked));
    let versions = [("at ten", 60), ("at eleven", 500)].map(|(text, at)| Version {
        text: Text::from(text),
        at: Timestamp::from_second(1_700_000_000 + at).unwrap(),
    });
    desk.tell(Event::Versions {
        id: MessageId(3),
        versions: versions.into(),
    });
    assert!(desk.sees("at ten"));
}

#[test]
fn a_message_is_deleted_for_everyone_after_a_question() {
    let mut desk = desk();
    menu(&mut desk, "at ten");
    desk.click("Delete for everyone…");
    assert!(matches!(desk.model().overlay, Some(Overlay::Delete(_))));
    assert!(changes(&desk).is_empty());
    desk.click("Delete for everyone");
    assert_eq!(changes(&desk), [(MessageId(3), None)]);
    assert!(desk.model().overlay.is_none());
    desk.tell(Event::NotChanged(Refusal::UnknownMessage));
    assert!(desk.sees("The message is not there any more, so it could not be changed."));
}

#[test]
fn nothing_can_be_changed_of_others_or_at_a_server_that_does_not_know_how() {
    let mut desk = desk();
    menu(&mut desk, "message 2");
    assert!(desk.harness.query_by_label("Edit").is_none());
    assert!(
        desk.harness
            .query_by_label("Delete for everyone…")
            .is_none()
    );

    let mut desk = Desk::chatting(1..3, 0, true);
    desk.tell(live());
    desk.tell(Event::Message(own(3, "at ten")));
    menu(&mut desk, "at ten");
    assert!(desk.harness.query_by_label("Edit").is_none());
}
