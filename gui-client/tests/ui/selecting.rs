//! Selecting several messages, and what is done with them.

use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};
use mensageiro::{
    engine::{Event, MessageId},
    model::{Action, MOST_SELECTED, Overlay, Selection},
};

use crate::desk::{Desk, conversation, message, person, received};

fn selected(desk: &Desk) -> Vec<i64> {
    let selection = desk.session().selection();
    let messages = selection.map(Selection::messages).unwrap_or_default();
    messages.iter().map(|message| message.id.0).collect()
}

fn bubble(desk: &Desk, id: i64) -> egui::Pos2 {
    let rows = desk.harness.state().state().timeline.drawn_rows();
    let row = rows.iter().find(|row| row.id == MessageId(id)).unwrap();
    row.bubble.center()
}

fn click_with(desk: &mut Desk, id: i64, modifiers: Modifiers) {
    let pos = bubble(desk, id);
    desk.harness.event(egui::Event::PointerMoved(pos));
    desk.harness.event(egui::Event::ModifiersChanged(modifiers));
    for pressed in [true, false] {
        desk.harness.event(egui::Event::PointerButton {
            pos,
            button: egui::PointerButton::Primary,
            pressed,
            modifiers,
        });
        desk.harness.step();
    }
    desk.harness
        .event(egui::Event::ModifiersChanged(Modifiers::NONE));
    desk.harness.run();
}

fn copied(desk: &Desk) -> Option<String> {
    let commands = &desk.harness.output().platform_output.commands;
    commands.iter().find_map(|command| match command {
        egui::OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    })
}

#[test]
fn clicks_select_messages_and_shift_all_between() {
    let mut desk = Desk::chatting(1..30, 0, true);
    click_with(&mut desk, 28, Modifiers::NONE);
    assert!(
        desk.session().selection().is_none(),
        "a click alone does not"
    );
    click_with(&mut desk, 28, Modifiers::COMMAND);
    assert_eq!(selected(&desk), [28]);
    assert!(desk.sees("1 selected"));
    click_with(&mut desk, 26, Modifiers::SHIFT);
    assert_eq!(selected(&desk), [26, 27, 28]);
    click_with(&mut desk, 27, Modifiers::NONE);
    assert_eq!(selected(&desk), [26, 28]);
    let label = "message 26";
    let node = desk.harness.get_by_label_contains(label);
    let toggled = node.accesskit_node().toggled();
    assert_eq!(toggled, Some(egui::accesskit::Toggled::True));
    desk.press(Modifiers::NONE, Key::Escape);
    assert!(desk.session().selection().is_none());
    assert_eq!(desk.session().open, Some(person("bob")));
}

#[test]
fn a_click_beside_a_message_selects_it_too() {
    let mut desk = Desk::chatting(1..30, 0, true);
    click_with(&mut desk, 28, Modifiers::COMMAND);
    let beside = egui::pos2(990.0 - 20.0, bubble(&desk, 27).y);
    desk.click_at(beside);
    assert_eq!(selected(&desk), [27, 28]);
}

#[test]
fn the_keyboard_selects_from_the_newest_message_up() {
    let mut desk = Desk::chatting(1..30, 0, true);
    let shift = Modifiers::COMMAND | Modifiers::SHIFT;
    desk.press(shift, Key::X);
    desk.press(Modifiers::SHIFT, Key::ArrowUp);
    desk.press(Modifiers::SHIFT, Key::ArrowUp);
    assert_eq!(selected(&desk), [27, 28, 29]);
    desk.press(shift, Key::X);
    assert!(desk.session().selection().is_none());
}

#[test]
fn what_is_copied_has_names_days_and_times() {
    let mut desk = Desk::chatting(1..4, 0, true);
    for id in [3, 1] {
        desk.act(Action::Select(Box::new(message(
            id,
            "bob",
            match id {
                3 => mensageiro::engine::Delivery::Accepted,
                _ => mensageiro::engine::Delivery::Received,
            },
            &format!("words {id}"),
        ))));
    }
    desk.harness
        .get_by_label("Copy with names and times")
        .click();
    desk.harness.step();
    let mut text = copied(&desk);
    for _ in 0..3 {
        if text.is_none() {
            desk.harness.step();
            text = copied(&desk);
        }
    }
    assert_eq!(
        text.as_deref(),
        Some("November 14, 2023\n22:13 bob: words 1\n22:14 alice: words 3")
    );
    desk.harness.run();
    assert!(desk.session().selection().is_none(), "it is done");
}

#[test]
fn selected_messages_are_forwarded_together_in_their_order() {
    let mut desk = Desk::chatting(1..4, 0, true);
    desk.tell(Event::Listed(vec![conversation("carol", 90, 0)]));
    for id in [3, 2] {
        let text = format!("words {id}");
        let delivery = mensageiro::engine::Delivery::Received;
        desk.act(Action::Select(Box::new(message(
            id, "bob", delivery, &text,
        ))));
    }
    desk.click("Forward the selected messages");
    assert!(matches!(
        desk.model().overlay,
        Some(Overlay::NewConversation { .. })
    ));
    desk.act(Action::StartWith(crate::desk::login("carol")));
    assert_eq!(desk.session().draft(), "words 2\nwords 3");
    assert!(desk.session().selection().is_none());
}

#[test]
fn the_selection_has_a_bound_and_ends_with_the_conversation() {
    let count = MOST_SELECTED as i64 + 20;
    let mut desk = Desk::chatting(1..count, 0, true);
    desk.act(Action::Select(Box::new(received(count - 1))));
    desk.act(Action::SelectUpTo(Box::new(received(1))));
    assert_eq!(selected(&desk).len(), MOST_SELECTED);
    assert_eq!(selected(&desk).last(), Some(&(count - 1)));
    assert!(desk.sees("100 selected · at most 100"));
    desk.tell(Event::Discarded(MessageId(count - 1)));
    assert_eq!(selected(&desk).len(), MOST_SELECTED - 1);
    desk.act(Action::CloseConversation);
    assert!(desk.session().selection().is_none());
}
