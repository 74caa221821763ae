//! New messages are announced only if the person looks elsewhere, and never take the focus.

use egui::ViewportCommand;
use mensageiro::{
    engine::{Conversation, Delivery, Event, FOR_GOOD, Message},
    markup,
    model::{Action, NotifyOf},
    notify::Notification,
};

use crate::desk::{Desk, conversation, login, message, person};

/// A window that is not looked at.
fn elsewhere(rows: Vec<Conversation>) -> Desk {
    let mut desk = Desk::signed_in(rows);
    desk.harness.input_mut().focused = false;
    desk.harness.run();
    desk
}

fn arrives(desk: &Desk, id: i64, with: &str, text: &str) {
    desk.say(Event::Message(message(id, with, Delivery::Received, text)));
}

fn told(desk: &Desk) -> Vec<Notification> {
    desk.notified.try_iter().map(|(told, _)| told).collect()
}

fn notification(topic: &str, title: &str, body: &str) -> Notification {
    Notification {
        topic: topic.into(),
        title: title.into(),
        body: body.into(),
        sound: false,
    }
}

/// The topics of notifications that were removed from the desktop since the last call.
fn removed(desk: &Desk) -> Vec<String> {
    desk.removed.try_iter().collect()
}

/// What the window asked of the system in the last frame.
fn asked_for(desk: &Desk) -> Vec<ViewportCommand> {
    let windows = desk.harness.output().viewport_output.values();
    windows
        .flat_map(|window| window.commands.iter().cloned())
        .collect()
}

#[test]
fn who_looks_elsewhere_is_told_and_who_looks_is_not() {
    let mut desk = elsewhere(vec![conversation("bob", 1, 0)]);
    let reply = markup::with_quote("alice", "hm?", "*see* you <b>there</b>");
    arrives(&desk, 2, "bob", &reply);
    desk.harness.run();
    let expected = notification("bob", "bob", "see you <b>there</b>");
    assert_eq!(told(&desk), [expected]);

    desk.harness.input_mut().focused = true;
    desk.harness.run();
    arrives(&desk, 3, "bob", "seen as it comes");
    desk.harness.run();
    desk.harness.input_mut().focused = false;
    desk.harness.run();
    assert_eq!(told(&desk), []);
}

#[test]
fn own_messages_and_muted_conversations_are_not_told() {
    let mut desk = elsewhere(vec![conversation("bob", 1, 0), conversation("carol", 2, 0)]);
    desk.act(Action::Mute(person("carol"), Some(FOR_GOOD)));
    arrives(&desk, 3, "carol", "psst");
    desk.say(Event::Message(message(
        4,
        "bob",
        Delivery::Accepted,
        "mine",
    )));
    desk.harness.run();
    assert_eq!(told(&desk), []);
    assert!(desk.session().news.is_empty());
}

#[test]
fn many_at_once_are_told_together_and_a_group_says_who_wrote() {
    let mut desk = elsewhere(vec![conversation("team", 1, 0)]);
    for id in 2..5 {
        desk.say(Event::Message(Message {
            author: Some(login("dave")),
            ..message(id, "team", Delivery::Received, "hello")
        }));
    }
    desk.harness.run();
    let expected = notification("team", "dave in team", "3 new messages");
    assert_eq!(told(&desk), [expected]);

    let mut desk = elsewhere(vec![]);
    for (id, who) in (1..).zip(["a", "b", "c", "d", "a"]) {
        arrives(&desk, id, who, "hello");
    }
    desk.harness.run();
    let expected = notification("", "5 new messages", "in 4 conversations");
    assert_eq!(told(&desk), [expected]);
}

#[test]
fn the_text_can_be_kept_out_of_notifications_and_they_can_be_off() {
    let mut desk = elsewhere(vec![]);
    desk.act(Action::NotifyOf(NotifyOf::Names));
    desk.act(Action::Sound(true));
    arrives(&desk, 1, "bob", "a secret");
    desk.harness.run();
    let expected = notification("bob", "bob", "1 new message");
    let loud = Notification {
        sound: true,
        ..expected
    };
    assert_eq!(told(&desk), [loud]);

    let mut desk = elsewhere(vec![]);
    desk.act(Action::NotifyOf(NotifyOf::Nothing));
    arrives(&desk, 1, "bob", "a secret");
    desk.harness.run();
    assert_eq!(told(&desk), []);
}

/// Signal-Desktop 4474.
#[test]
fn a_notification_never_takes_the_focus_and_a_click_on_it_opens_the_conversation() {
    let mut desk = elsewhere(vec![conversation("carol", 1, 0)]);
    desk.act(Action::Open(person("carol")));
    arrives(&desk, 2, "bob", "hello");
    let mut asked = Vec::new();
    for _ in 0..5 {
        desk.harness.step();
        asked.extend(asked_for(&desk));
    }
    assert!(asked.iter().all(|command| !matches!(
        command,
        ViewportCommand::Focus | ViewportCommand::Visible(_)
    )));
    assert!(
        asked
            .iter()
            .any(|command| matches!(command, ViewportCommand::RequestUserAttention(_)))
    );
    assert_eq!(desk.session().open, Some(person("carol")));

    let (_, clicked) = desk.notified.try_recv().unwrap();
    clicked();
    let mut asked = Vec::new();
    for _ in 0..5 {
        desk.harness.step();
        asked.extend(asked_for(&desk));
    }
    assert!(asked.contains(&ViewportCommand::Focus));
    assert_eq!(desk.session().open, Some(person("bob")));
}

/// Bob's message was announced.
fn bob_is_told() -> Desk {
    let mut desk = elsewhere(vec![conversation("bob", 1, 0), conversation("carol", 2, 0)]);
    arrives(&desk, 3, "bob", "hello");
    desk.harness.run();
    assert_eq!(told(&desk).len(), 1);
    assert!(removed(&desk).is_empty());
    desk
}

fn read_elsewhere(desk: &mut Desk, with: &str) {
    desk.tell(Event::Unread {
        with: person(with),
        unread: 0,
    });
}

#[test]
fn a_notification_goes_when_its_conversation_is_read_on_another_device() {
    let mut desk = bob_is_told();
    read_elsewhere(&mut desk, "carol");
    assert_eq!(removed(&desk), [""; 0], "that one is about bob");
    read_elsewhere(&mut desk, "bob");
    assert_eq!(removed(&desk), ["bob"]);
    desk.harness.run();
    assert_eq!(removed(&desk), [""; 0], "once is enough");
}

#[test]
fn a_notification_stays_while_something_is_unread() {
    let mut desk = bob_is_told();
    arrives(&desk, 4, "bob", "and again");
    desk.harness.run();
    desk.tell(Event::Unread {
        with: person("bob"),
        unread: 1,
    });
    assert_eq!(removed(&desk), [""; 0]);
}

#[test]
fn a_notification_goes_when_its_conversation_is_read_here() {
    let mut desk = bob_is_told();
    desk.harness.input_mut().focused = true;
    desk.act(Action::MarkRead(person("bob")));
    assert_eq!(removed(&desk), ["bob"]);

    // The person looks at it.
    let mut desk = bob_is_told();
    desk.harness.input_mut().focused = true;
    desk.act(Action::Open(person("bob")));
    desk.tell(Event::Page {
        with: person("bob"),
        before: None,
        messages: vec![message(3, "bob", Delivery::Received, "hello")],
        older: mensageiro::engine::Older::Nothing,
    });
    assert_eq!(desk.session().open_unread(), 0);
    assert_eq!(removed(&desk), ["bob"]);
}

#[test]
fn a_notification_goes_when_nobody_wants_it_any_more() {
    let wanted: [fn(&mut Desk); 4] = [
        |desk| desk.act(Action::Mute(person("bob"), Some(FOR_GOOD))),
        |desk| desk.act(Action::NotifyOf(NotifyOf::Nothing)),
        |desk| desk.act(Action::SignOut),
        |desk| {
            let account = mensageiro::engine::Account {
                login: login("dave"),
                ..crate::desk::alice()
            };
            desk.act(Action::SignInAs(account));
        },
    ];
    for act in wanted {
        let mut desk = bob_is_told();
        act(&mut desk);
        assert_eq!(removed(&desk), ["bob"]);
    }
}

#[test]
fn the_notification_of_many_goes_with_the_last_of_their_conversations() {
    let mut desk = elsewhere(vec![]);
    for (id, who) in (1..).zip(["a", "b", "c", "d"]) {
        arrives(&desk, id, who, "hello");
    }
    desk.harness.run();
    assert_eq!(told(&desk).len(), 1);
    for who in ["a", "b", "d"] {
        read_elsewhere(&mut desk, who);
    }
    assert_eq!(removed(&desk), [""; 0]);
    read_elsewhere(&mut desk, "c");
    assert_eq!(removed(&desk), [""]);
}

#[test]
fn what_is_muted_before_it_is_told_is_not_told() {
    let mut desk = bob_is_told();
    // Before the next notification is allowed.
    arrives(&desk, 4, "carol", "psst");
    desk.harness.step();
    assert!(!desk.session().news.is_empty());
    desk.act(Action::Mute(person("carol"), Some(FOR_GOOD)));
    assert!(desk.session().news.is_empty());
}

#[test]
fn a_click_on_a_notification_of_the_last_account_opens_nothing_in_the_next() {
    let mut desk = elsewhere(vec![]);
    arrives(&desk, 1, "bob", "hello");
    desk.harness.run();
    let (_, clicked) = desk.notified.try_recv().unwrap();
    desk.sign_in_again(vec![conversation("bob", 1, 0)]);
    clicked();
    desk.harness.run();
    assert_eq!(desk.session().open, None);
}
