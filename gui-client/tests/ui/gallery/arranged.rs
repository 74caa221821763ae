//! What is set for conversations: archived, marked as unread, muted for a time.

use egui_kittest::kittest::Queryable;
use mensageiro::{engine::SortKey, model::Action};

use super::{USUAL, picture, scenes};
use crate::desk::{Desk, person};

/// A far future: the pictures are of 2023, and the app's clock is today's.
const LATER: i64 = 32_503_680_000_000;

fn desk(words: &super::Words) -> Desk {
    let mut desk = scenes::home(words);
    for name in ["carla", "davi"] {
        desk.act(Action::Archive(person(name), true));
    }
    desk.act(Action::MarkUnread(person("bruno")));
    desk.act(Action::Mute(person("turma-a"), Some(LATER)));
    desk
}

#[test]
fn arranged_conversations() {
    picture("archive-closed", USUAL, desk);
    picture("archive-open", USUAL, |words| {
        let mut desk = desk(words);
        desk.act(Action::ShowArchive(true));
        desk
    });
    picture("conversation-menu", USUAL, |words| {
        let mut desk = desk(words);
        desk.act(Action::ShowArchive(true));
        desk.harness.run();
        desk.harness
            .get_by_label_contains("carla,")
            .click_secondary();
        desk.harness.run();
        desk
    });
}

#[test]
fn an_archive_without_messages_is_no_hindrance() {
    let mut desk = Desk::signed_in(vec![crate::desk::conversation("bob", 1, 0)]);
    desk.act(Action::Archive(person("bob"), true));
    assert!(desk.session().conversations.rows()[0].archived > Some(SortKey(0)));
    assert!(desk.sees("Archived: 1 conversation"));
    desk.click("Archived: 1 conversation");
    assert!(desk.sees("bob, archived"));
    desk.click("All conversations");
    assert!(!desk.sees("bob, archived"));
}
