use std::time::Instant;

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use mensageiro::{
    disk::DiskProblem,
    engine::{Command, Event, LinkProblem, LinkState, StorageProblem, Stranger},
    model::{Action, Notice, Preferences, SettingsProblem, ThemeChoice},
    texts::Language,
};

use crate::desk::{Desk, alice, login, online};

#[test]
fn signing_in_asks_for_the_account_and_shows_the_conversations() {
    let mut desk = Desk::new(Preferences::default());
    desk.write("User name", "alice");
    desk.press(Modifiers::NONE, Key::Enter);
    let asked = desk.asked();
    assert!(
        matches!(&asked[..], [Command::SignIn { account, .. }] if *account == alice()),
        "{asked:?}"
    );
    desk.tell(Event::SignedIn {
        account: alice(),
        conversations: vec![],
    });
    desk.tell(online());
    assert!(desk.sees("Say hello to someone"));
    assert_eq!(desk.model().preferences.remembered[0].login, "alice");
}

#[test]
fn a_name_that_is_none_is_refused_beside_its_field() {
    let mut desk = Desk::new(Preferences::default());
    desk.write("User name", "ana maria");
    desk.click("Sign in");
    assert!(desk.sees("A name cannot contain spaces."));
    assert!(desk.asked().is_empty());
    desk.write("User name", "x");
    assert!(!desk.sees("A name cannot contain spaces."));
}

#[test]
fn a_user_the_server_does_not_know_is_told_what_to_do() {
    let mut desk = Desk::signed_in(vec![]);
    desk.tell(Event::Link(LinkState::Refused));
    assert!(desk.sees("There is no user alice on localhost:3333."));
    desk.click("Try again");
    assert_eq!(desk.asked(), [Command::FetchNow]);
    desk.click("Use a different name");
    assert_eq!(desk.asked(), [Command::SignOut]);
    assert!(desk.sees("User name"));
}

#[test]
fn a_remembered_account_takes_one_click_and_can_be_forgotten() {
    let mut preferences = Preferences::default();
    preferences.remember(&alice(), false);
    let mut other = alice();
    other.login = login("bob");
    preferences.remember(&other, false);
    let mut desk = Desk::new(preferences);
    desk.click("Forget bob");
    assert!(!desk.sees("Sign in as bob"));
    desk.click("Sign in as alice on localhost:3333");
    assert!(matches!(&desk.asked()[..], [Command::SignIn { account, .. }] if *account == alice()));
}

#[test]
fn language_and_theme_change_at_once() {
    let mut desk = Desk::new(Preferences::default());
    desk.click("Português");
    assert!(desk.sees("Usuário"));
    desk.click("Tema: Sistema");
    assert_eq!(desk.model().preferences.theme, ThemeChoice::Light);
    assert!(desk.sees("Tema: Claro"));
}

#[test]
fn a_database_that_cannot_be_used_is_told_with_its_reason() {
    let mut desk = Desk::new(Preferences::default());
    desk.write("User name", "alice");
    desk.click("Sign in");
    desk.tell(Event::StorageFailed(StorageProblem::Disk {
        path: "/home/alice/accounts".into(),
        why: DiskProblem::Full,
    }));
    assert!(desk.sees("No space left for messages"));
    assert!(desk.sees(
        "The disk that holds /home/alice/accounts is full. Free up some space, then try again."
    ));
    desk.choose(Language::Portuguese);
    assert!(desk.sees("O disco onde fica /home/alice/accounts está cheio."));
    desk.click("Tentar de novo");
    assert!(matches!(&desk.asked()[..], [.., Command::SignIn { .. }]));
}

#[test]
fn an_account_that_is_open_in_another_window_is_said_to_be_and_that_one_can_be_shown() {
    let mut desk = Desk::new(Preferences::default());
    desk.write("User name", "alice");
    desk.click("Sign in");
    desk.tell(Event::StorageFailed(StorageProblem::Locked));
    assert!(desk.sees("MeuMensageiro is already running"));
    desk.click("Show that window");
    // There is no other window in a test.
    assert!(desk.sees("The other window does not answer"));
    desk.click("OK");
    desk.click("Use a different name");
    assert!(desk.sees("User name"));
}

#[test]
fn settings_that_could_not_be_read_are_said_to_be_kept_elsewhere() {
    let mut desk = Desk::new(Preferences::default());
    let to = "/home/alice/settings.unreadable.json".into();
    desk.notice(Notice::Settings(SettingsProblem::SetAside { to }));
    assert!(desk.sees("The old file is kept as /home/alice/settings.unreadable.json."));
    desk.click("OK");
    assert!(!desk.sees("The old file"));
    let why = DiskProblem::Full;
    let path = "/home/alice/settings.json".into();
    desk.notice(Notice::Settings(SettingsProblem::NotWritten { path, why }));
    assert!(desk.sees("Your changes to the settings are not being saved. The disk that holds"));
}

#[test]
fn after_a_failed_sign_in_the_keyboard_is_in_the_field_to_correct() {
    let mut desk = Desk::new(Preferences::default());
    desk.write("User name", "alice");
    desk.act(Action::EditServer("my server".into()));
    desk.press(Modifiers::NONE, Key::Enter);
    let is_focused = |desk: &Desk, name: &str| desk.harness.get_by_label(name).is_focused();
    assert!(desk.sees("An address cannot contain spaces."));
    assert!(is_focused(&desk, "Server") && desk.asked().is_empty());
    // Both fields are wrong: the first one gets the focus.
    desk.write("User name", " x");
    desk.click("Sign in");
    assert!(is_focused(&desk, "User name"));
}

#[test]
fn a_first_sign_in_to_a_wrong_address_stays_on_the_card() {
    let mut desk = Desk::new(Preferences::default());
    desk.write("User name", "alice");
    desk.click("Sign in");
    assert!(desk.sees("Connecting"));
    desk.tell(Event::SignedIn {
        account: alice(),
        conversations: vec![],
    });
    assert!(desk.sees("Connecting"), "until the server lets her in");
    desk.tell(waiting(LinkProblem::NobodyListens));
    assert!(desk.sees("No server is running at localhost:3333."));
    let server = desk.harness.get_by_label("Server");
    assert!(server.is_focused());
    desk.asked();
    // Typing corrects the field, and its problem disappears.
    server.type_text("x");
    desk.harness.run();
    assert!(!desk.sees("No server is running"));
    assert_eq!(desk.model().login.server, "localhost:3333x");
    desk.act(Action::EditServer("mensageiro://localhost:4000/".into()));
    desk.press(Modifiers::NONE, Key::Enter);
    let asked = desk.asked();
    let [Command::SignIn { account, .. }] = &asked[..] else {
        panic!("{asked:?}")
    };
    assert_eq!(account.server, "localhost:4000");
    desk.tell(Event::SignedOut);
    desk.tell(Event::SignedIn {
        account: account.clone(),
        conversations: vec![],
    });
    desk.tell(waiting(LinkProblem::Stranger(Stranger::Ssh)));
    assert!(desk.sees("What answers at localhost:4000 is an SSH server"));
}

#[test]
fn who_is_not_known_corrects_the_name_on_the_card() {
    let mut desk = Desk::new(Preferences::default());
    desk.write("User name", "zeca");
    desk.click("Sign in");
    desk.tell(Event::Link(LinkState::Refused));
    assert!(desk.sees("There is no user zeca on localhost:3333."));
    assert!(desk.harness.get_by_label("User name").is_focused());
    // Also for an account that was signed in before.
    let mut desk = Desk::signed_in(vec![]);
    desk.tell(Event::Link(LinkState::Refused));
    desk.click("Use a different name");
    assert!(desk.sees("There is no user alice on localhost:3333."));
    assert!(desk.harness.get_by_label("User name").is_focused());
}

#[test]
fn a_first_sign_in_can_be_cancelled() {
    let mut desk = Desk::new(Preferences::default());
    for by_key in [false, true] {
        desk.write("User name", "alice");
        desk.click("Sign in");
        desk.asked();
        match by_key {
            true => desk.press(Modifiers::NONE, Key::Escape),
            false => desk.click("Cancel"),
        }
        assert_eq!(desk.asked(), [Command::SignOut]);
        assert!(desk.sees("Sign in"));
        desk.act(Action::EditUser(String::new()));
    }
}

fn waiting(problem: LinkProblem) -> Event {
    let retry_at = Instant::now();
    Event::Link(LinkState::Waiting { problem, retry_at })
}
