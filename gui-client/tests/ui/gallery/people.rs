use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use mensageiro::{
    engine::{Delivery, Event, LinkState, Message, Roster},
    model::{Action, Overlay, Preferences},
};

use super::{
    SMALL, USUAL, Words, picture,
    scenes::{chat, conversations, home, page, roster},
};
use crate::{
    desk::{Desk, alice, login, message, online},
    live::{self, live, user},
};

/// The group, with its messages.
fn group(words: &Words) -> Desk {
    let mut desk = home(words);
    desk.click("turma-a, 3 unread");
    let from = |id, author: &str, text| Message {
        author: Some(login(author)),
        ..message(id, "turma-a", Delivery::Received, text)
    };
    let own = message(888, "turma-a", Delivery::Accepted, words.group[1]);
    desk.tell(page(
        "turma-a",
        vec![from(880, "bruno", words.group[0]), own],
    ));
    desk
}

#[test]
fn whom_it_is_for() {
    picture("compose-mention", USUAL, |words| {
        let mut desk = group(words);
        desk.write("Message", "@");
        desk
    });
    for (name, size) in [
        ("compose-mentioned", USUAL),
        ("compose-mentioned-small", SMALL),
    ] {
        picture(name, size, |words| {
            let mut desk = group(words);
            desk.write_draft(&format!("@carla {}", words.draft));
            desk
        });
    }
    picture("compose-left-group", USUAL, |words| {
        let mut desk = group(words);
        desk.write_draft("@davi ");
        desk
    });
    picture("compose-nobody", USUAL, |words| {
        let mut desk = chat(words);
        desk.write_draft(&format!("@10h {}", words.draft));
        desk
    });
    picture("compose-reply-own", USUAL, |words| {
        let mut desk = chat(words);
        let quoting = format!("> alice: “{}”\n👍", words.answer);
        let reply = message(901, "bruno", Delivery::Received, &quoting);
        desk.tell(Event::Message(reply));
        desk.press(Modifiers::COMMAND, Key::ArrowUp);
        desk.press(Modifiers::COMMAND, Key::ArrowUp);
        desk.press(Modifiers::COMMAND, Key::ArrowUp);
        desk
    });
}

#[test]
fn who_is_found() {
    picture("search-exact", USUAL, |words| {
        let mut desk = home(words);
        desk.write("Search people and messages", "bruno");
        desk.tell(Event::Found {
            query: "bruno".into(),
            before: None,
            messages: vec![],
            next: None,
        });
        desk
    });
    picture("new-exact", USUAL, |words| {
        let mut desk = home(words);
        desk.show(Overlay::new_conversation());
        desk.act(Action::EditOverlay("carla".into()));
        desk
    });
    for (name, size) in [("members-found", USUAL), ("members-found-small", SMALL)] {
        picture(name, size, |words| {
            let mut desk = group(words);
            let names: Vec<_> = (0..300).map(|at| format!("2026{at:03}")).collect();
            let first = ["João", "Inês", "Zoé", "Ana"].iter().cycle();
            let users = names.iter().zip(first).enumerate();
            let users = users.map(|(at, (name, first))| user(name, &format!("{first} {at}")));
            desk.tell(Event::Roster(Roster {
                users: users.collect(),
                groups: vec![live::group("turma-a", &names)],
                ..Roster::default()
            }));
            desk.show(Overlay::info(login("turma-a")));
            desk.act(Action::EditOverlay("joao 1".into()));
            desk
        });
    }
}

/// The window a moment after the first sign-in on a new computer.
#[test]
fn a_new_computer() {
    let groups = |names: &[&str]| {
        let group = |name: &&str| live::group(name, &["alice", "bruno"]);
        Event::Roster(Roster {
            changes: true,
            groups: names.iter().map(group).collect(),
            ..Roster::default()
        })
    };
    for (name, size) in [("new-computer", USUAL), ("new-computer-small", SMALL)] {
        picture(name, size, |words| {
            let mut desk = Desk::signed_in(vec![]);
            desk.tell(live());
            desk.tell(roster(words));
            desk.tell(groups(&["monitoria", "república"]));
            let mut rows = conversations(words);
            rows.retain(|row| row.draft.is_empty() && !row.is_arranged());
            rows.truncate(3);
            desk.tell(Event::Listed(rows));
            desk
        });
    }
    picture("new-computer-groups", USUAL, |words| {
        let mut desk = Desk::signed_in(vec![]);
        desk.tell(live());
        desk.tell(roster(words));
        desk.tell(groups(&["monitoria"]));
        desk
    });
}

#[test]
fn settings_in_rows() {
    picture("settings-list", USUAL, |words| {
        let mut desk = chat(words);
        desk.show(Overlay::Settings);
        desk.click("Zoom");
        desk
    });
    picture("settings-classic", USUAL, |words| {
        let mut desk = chat(words);
        desk.tell(online());
        desk.show(Overlay::Settings);
        desk.act(Action::Sound(true));
        desk
    });
    picture("settings-focus", USUAL, |words| {
        let mut desk = chat(words);
        desk.show(Overlay::Settings);
        desk.harness.get_by_label("Sound").focus();
        desk.harness.run();
        desk
    });
}

#[test]
fn before_the_first_connection() {
    picture("link-first", USUAL, |words| {
        let mut desk = Desk::new(Preferences::default());
        desk.act(Action::SignInAs(alice()));
        desk.tell(Event::SignedIn {
            account: alice(),
            conversations: conversations(words),
        });
        desk.tell(Event::Link(LinkState::Connecting));
        desk
    });
}
