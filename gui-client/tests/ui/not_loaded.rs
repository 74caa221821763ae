//! If the local database cannot be read, the window says so in place of the messages, and the person can try again.

use mensageiro::{
    disk::DiskProblem,
    engine::{Command, Event, Older, SortKey, StorageProblem},
    model::Action,
};

use crate::desk::{Desk, conversation, person, received};

const WHAT: &str = "The messages of this conversation could not be loaded.";

fn refuse(desk: &mut Desk, command: &Command) {
    desk.tell(Event::NotLoaded {
        with: person("bob"),
        command: command.clone(),
        problem: StorageProblem::Disk {
            path: "/home/alice/accounts".into(),
            why: DiskProblem::Busy,
        },
    });
}

/// The one part of a conversation that was asked for.
fn asked(desk: &Desk) -> Command {
    let is_part = |command: &Command| {
        matches!(
            command,
            Command::LoadPage { .. }
                | Command::LoadAround { .. }
                | Command::LoadNewer { .. }
                | Command::FindUnread { .. }
        )
    };
    let parts: Vec<_> = desk.asked().into_iter().filter(is_part).collect();
    assert_eq!(parts.len(), 1, "{parts:?}");
    parts[0].clone()
}

fn page(before: Option<SortKey>, ids: std::ops::Range<i64>) -> Event {
    Event::Page {
        with: person("bob"),
        before,
        messages: ids.map(received).collect(),
        older: Older::More,
    }
}

#[test]
fn an_empty_conversation_says_why_and_asks_again() {
    let mut desk = Desk::signed_in(vec![conversation("bob", 9, 0)]);
    desk.click("bob");
    let newest = asked(&desk);
    for _ in 0..2 {
        refuse(&mut desk, &newest);
        assert!(desk.sees(WHAT) && desk.sees("Close that program, then try again."));
        desk.click("Try again");
        assert_eq!(asked(&desk), newest);
        assert!(!desk.sees(WHAT), "it is on its way");
    }
    desk.tell(page(None, 0..10));
    assert!(desk.sees("message 9") && !desk.sees(WHAT));
}

#[test]
fn older_messages_are_not_asked_for_again_by_themselves() {
    let mut desk = Desk::signed_in(vec![conversation("bob", 109, 0)]);
    desk.click("bob");
    asked(&desk);
    desk.tell(page(None, 100..110));
    let older = asked(&desk);
    refuse(&mut desk, &older);
    assert!(desk.sees(WHAT) && desk.sees("message 109"));
    desk.harness.run();
    assert_eq!(
        desk.asked(),
        [],
        "the same would be refused again and again"
    );
    desk.click("Try again");
    assert_eq!(asked(&desk), older);
    desk.tell(page(Some(SortKey(100)), 90..100));
    assert!(!desk.sees(WHAT));
}

#[test]
fn what_a_jump_or_many_unread_messages_ask_for_is_asked_again_too() {
    let mut desk = Desk::signed_in(vec![conversation("bob", 5_000, 3_000)]);
    desk.click("bob, 3,000 unread");
    asked(&desk);
    desk.tell(page(None, 4_000..5_001));
    let unread = asked(&desk);
    assert!(matches!(unread, Command::FindUnread { .. }));
    refuse(&mut desk, &unread);
    desk.click("Try again");
    assert_eq!(asked(&desk), unread);

    desk.act(Action::JumpTo(received(7)));
    let around = asked(&desk);
    refuse(&mut desk, &around);
    desk.click("Try again");
    assert_eq!(asked(&desk), around);
}

#[test]
fn a_conversation_that_is_opened_again_asks_again() {
    let mut desk = Desk::signed_in(vec![conversation("bob", 9, 0), conversation("carol", 8, 0)]);
    desk.click("bob");
    let newest = asked(&desk);
    refuse(&mut desk, &newest);
    desk.click("carol");
    desk.asked();
    desk.click("bob");
    assert_eq!(asked(&desk), newest);
    assert!(!desk.sees(WHAT));
}
