use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use mensageiro::{
    engine::{Command, Event, Found},
    model::{Action, Preferences},
};
use mensageiro_protocol::Name;

use crate::desk::{Desk, alice, online};

pub fn found(name: &str, host: &str) -> Found {
    Found {
        name: Name::from(name),
        host: format!("{host}.local"),
        port: 3333,
        is_closed: false,
        key: String::new(),
        is_here: false,
    }
}

fn looks(desk: &Desk) -> Vec<bool> {
    let asked = desk.asked.try_iter();
    let looks = asked.filter_map(|command| match command {
        Command::LookAround(looks) => Some(looks),
        _ => None,
    });
    looks.collect()
}

#[test]
fn servers_are_looked_for_while_the_sign_in_screen_is_shown() {
    let mut desk = Desk::new(Preferences::default());
    assert_eq!(looks(&desk), [true]);
    assert!(desk.sees("Looking for servers in this network"));
    desk.tell(Event::Nearby(vec![found("Sala 3", "sala-3-xj4b")]));
    assert!(desk.sees("Sala 3"));
    desk.write("User name", "alice");
    desk.click("Sign in");
    assert_eq!(looks(&desk), [false]);
    // What was on its way changes nothing.
    desk.tell(Event::Nearby(vec![found("Sala 3", "sala-3-xj4b")]));
    desk.tell(Event::SignedIn {
        account: alice(),
        conversations: vec![],
    });
    desk.tell(online());
    assert!(!desk.sees("Sala 3") && looks(&desk).is_empty());
    desk.act(Action::SignOut);
    assert_eq!(looks(&desk), [true]);
    assert!(desk.sees("Looking for servers in this network"));
}

#[test]
fn a_server_that_is_chosen_goes_into_the_field_and_the_name_is_asked_for() {
    let mut desk = Desk::new(Preferences::default());
    let here = Found {
        is_here: true,
        ..found("Ana's computer", "ana-k4f2")
    };
    let closed = Found {
        is_closed: true,
        ..found("Sala 3", "sala-3-xj4b")
    };
    desk.tell(Event::Nearby(vec![closed, here]));
    desk.click("Use Sala 3, sala-3-xj4b.local:3333 · needs an invite");
    assert_eq!(desk.model().login.server, "sala-3-xj4b.local:3333");
    // Typing goes on where something is missing.
    assert!(desk.harness.get_by_label("User name").is_focused());
    desk.click("Use Ana's computer, localhost:3333 · on this computer");
    desk.write("User name", "alice");
    desk.click("Sign in");
    assert!(matches!(&desk.asked()[..], [Command::SignIn { account, .. }] if *account == alice()));
}

#[test]
fn a_server_is_chosen_with_the_keyboard() {
    let mut desk = Desk::new(Preferences::default());
    desk.tell(Event::Nearby(vec![found("Sala 3", "sala-3-xj4b")]));
    let name = "Use Sala 3, sala-3-xj4b.local:3333";
    desk.harness.get_by_label(name).focus();
    desk.harness.run();
    desk.press(Modifiers::NONE, Key::Enter);
    assert_eq!(desk.model().login.server, "sala-3-xj4b.local:3333");
    assert!(desk.harness.get_by_label("User name").is_focused());
}

#[test]
fn names_that_look_alike_are_pointed_out() {
    let mut desk = Desk::new(Preferences::default());
    desk.tell(Event::Nearby(vec![
        found("Sala 3", "sala-3-xj4b"),
        found("Sаla 3", "sala-3-aaaa"),
    ]));
    assert!(desk.sees("Some of these names look alike."));
    desk.tell(Event::Nearby(vec![found("Sala 3", "sala-3-xj4b")]));
    assert!(!desk.sees("Some of these names look alike."));
}
