//! The next account that signs in on a computer sees nothing of the previous one.

use egui::{Key, Modifiers};
use mensageiro::{
    engine::{Account, Command, Conversation, Event, LinkState},
    model::{Action, InspectAction, NotifyOf, Overlay, ThemeChoice},
    texts::Language,
};

use crate::{
    desk::{Desk, alice, conversation, login, online, person},
    inspector::crossed,
};

fn dave() -> Account {
    Account {
        login: login("dave"),
        ..alice()
    }
}

/// Dave signs in after alice, who has told the engine that she leaves.
fn dave_signs_in(desk: &mut Desk, conversations: Vec<Conversation>) {
    desk.act(Action::SignOut);
    desk.tell(Event::SignedOut);
    desk.act(Action::SignInAs(dave()));
    desk.tell(Event::SignedIn {
        account: dave(),
        conversations,
    });
    desk.tell(online());
}

#[test]
fn what_an_account_has_chosen_is_not_the_next_ones_and_is_there_again() {
    let mut desk = Desk::signed_in(vec![]);
    for action in [
        Action::EditNote("In hospital".into()),
        Action::NotifyOf(NotifyOf::Nothing),
        Action::Sound(true),
        Action::FetchEvery(Some(300)),
        Action::ChoseEmoji("🎉"),
        Action::CloseOverlay,
    ] {
        desk.act(action);
    }
    let alices = desk.model().own().clone();
    desk.asked();
    dave_signs_in(&mut desk, vec![]);
    let asked = desk.asked();
    let is_told = |asked: &[Command]| {
        let told = asked.iter().find_map(|command| match command {
            Command::Status { note, .. } => Some(note.as_str().to_owned()),
            _ => None,
        });
        told.unwrap_or_default()
    };
    assert_eq!(is_told(&asked), "", "{asked:?}");
    assert!(asked.contains(&Command::SignIn {
        account: dave(),
        fetch_every: Some(std::time::Duration::from_secs(10)),
        invite: None,
    }));
    assert_ne!(desk.model().own(), &alices);
    desk.show(Overlay::Settings);
    assert!(!desk.sees("In hospital"));

    desk.act(Action::SignOut);
    desk.tell(Event::SignedOut);
    desk.act(Action::SignInAs(alice()));
    assert_eq!(is_told(&desk.asked()), "In hospital");
    assert_eq!(desk.model().own(), &alices);
}

#[test]
fn theme_language_and_size_are_the_computers() {
    let mut desk = Desk::signed_in(vec![]);
    desk.dress(ThemeChoice::Dark);
    desk.choose(Language::Portuguese);
    desk.act(Action::Zoom(1.5));
    dave_signs_in(&mut desk, vec![]);
    let preferences = &desk.model().preferences;
    assert_eq!(preferences.theme, ThemeChoice::Dark);
    assert_eq!(preferences.language, Language::Portuguese);
    assert_eq!(preferences.zoom, 1.5);
}

#[test]
fn what_was_looked_for_open_and_written_is_gone() {
    let mut desk = Desk::chatting(1..4, 0, true);
    desk.write_draft("a secret of alice");
    desk.write("Search people and messages", "bo");
    desk.act(Action::Pin(person("bob"), true));
    dave_signs_in(&mut desk, vec![conversation("bob", 9, 0)]);
    let session = desk.session();
    assert_eq!(
        (session.open.as_ref(), session.search.query.as_str()),
        (None, "")
    );
    let row = session.conversations.get(&person("bob")).unwrap();
    assert!(!row.is_pinned && row.draft.is_empty());
    assert_eq!(desk.model().title(), "MeuMensageiro - dave");
    desk.click("bob");
    assert_eq!(desk.session().draft(), "");
}

#[test]
fn undo_does_not_bring_back_what_the_last_account_typed() {
    for field in ["Message", "Search people and messages"] {
        let mut desk = Desk::chatting(1..4, 0, true);
        desk.write(field, "a secret");
        desk.write(field, " of alice");
        dave_signs_in(&mut desk, vec![conversation("bob", 9, 0)]);
        desk.click("bob");
        desk.write(field, "x");
        for _ in 0..5 {
            desk.press(Modifiers::COMMAND, Key::Z);
        }
        let session = desk.session();
        let (draft, query) = (session.draft(), session.search.query.as_str());
        assert!(
            !draft.contains("alice") && !query.contains("alice"),
            "{draft} {query}"
        );
        assert!(!draft.contains("secret") && !query.contains("secret"));
    }
}

#[test]
fn what_is_still_told_of_the_last_account_is_not_taken_for_the_next() {
    let mut desk = Desk::signed_in(vec![]);
    desk.press(Modifiers::NONE, Key::F10);
    desk.act(Action::SignOut);
    desk.act(Action::SignInAs(dave()));
    // These were on their way when alice left.
    desk.say(Event::Link(LinkState::Live { catching_up: false }));
    desk.say(crossed(1, "<#8;at=1700000000000 @bob a secret"));
    desk.say(Event::NotQuoted(person("bob")));
    desk.tell(Event::SignedOut);
    assert!(
        desk.model()
            .preferences
            .remembered
            .iter()
            .all(|known| known.login != "dave")
    );
    assert!(!desk.session().online);
    assert!(!desk.sees("a secret"));
    desk.tell(Event::SignedIn {
        account: dave(),
        conversations: vec![],
    });
    desk.tell(online());
    assert_eq!(desk.model().preferences.remembered[0].login, "dave");
}

#[test]
fn the_inspector_has_no_line_and_no_filter_of_the_last_account() {
    let mut desk = Desk::signed_in(vec![]);
    desk.press(Modifiers::NONE, Key::F10);
    desk.say(crossed(0, "+"));
    desk.tell(crossed(1, "<#8;at=1700000000000 @bob a secret"));
    desk.act(Action::Inspect(InspectAction::Filter("secret".into())));
    assert!(desk.sees("a secret"));
    dave_signs_in(&mut desk, vec![]);
    let inspector = &desk.model().inspector;
    assert!(inspector.is_open && inspector.filter.is_empty());
    assert!(!desk.sees("a secret"));
}

/// The engine has closed the account by itself.
#[test]
fn a_dialog_of_an_account_that_is_gone_is_closed() {
    let mut desk = Desk::signed_in(vec![]);
    desk.show(Overlay::Shortcuts);
    desk.tell(Event::SignedOut);
    assert!(desk.model().session.is_none() && desk.model().overlay.is_none());
}
