//! What is set for conversations, here and on other devices.

use mensageiro_protocol::{
    Login,
    live::{Set, Setting, Settings},
};

use super::*;
use crate::engine::{Conversation, net::values::PINNED};

fn login(name: &str) -> Login {
    Login::parse(name).unwrap()
}

fn told(with: &str, number: u64, of: Settings) -> Setting {
    Setting {
        with: Some(login(with)),
        number,
        of,
    }
}

fn pinned(is_pinned: bool) -> Settings {
    Settings {
        pinned: is_pinned,
        ..Settings::default()
    }
}

fn row(history: &History, with: &str) -> Conversation {
    history.conversation(&person(with)).unwrap().unwrap()
}

#[test]
fn what_the_server_does_not_know_is_told_until_it_is_answered() {
    let folder = tempdir().unwrap();
    let history = open(&folder);
    let bob = person("bob");
    history.arrange(&bob, SettingChange::Pinned(true)).unwrap();
    history
        .arrange(&bob, SettingChange::MutedUntil(Some(FOR_GOOD)))
        .unwrap();
    history.save_draft(&bob, "half a sen").unwrap();
    history
        .arrange(&Peer::Server, SettingChange::Pinned(true))
        .unwrap();
    let history = open_again(history, &folder);
    let expected = Set {
        with: Some(login("bob")),
        pinned: Some(true),
        muted: Some(true),
        draft: Some(Text::from("half a sen")),
        ..Set::default()
    };
    assert_eq!(history.unset().unwrap(), [expected]);
    let answer = Settings {
        muted: true,
        draft: Text::from("half a sen"),
        ..pinned(true)
    };
    let answered = (&login("bob"), u8::MAX);
    let answer = [told("bob", 1, answer)];
    history
        .receive_settings(&answer, Some(answered), Some(1))
        .unwrap();
    assert_eq!(history.unset().unwrap(), []);
    assert_eq!(history.settings_known().unwrap(), 1);
    // What is sent is no draft any more, on the other devices either.
    history.save_draft(&bob, "").unwrap();
    let set = history.unset_of(&bob).unwrap().unwrap();
    assert_eq!(set.draft, Some(Text::default()));
}

#[test]
fn a_change_of_this_device_stays_until_it_is_answered_whatever_is_told_before() {
    let folder = tempdir().unwrap();
    let history = open(&folder);
    let bob = person("bob");
    history
        .receive_settings(&[told("bob", 1, pinned(true))], None, Some(1))
        .unwrap();
    assert!(row(&history, "bob").is_pinned);
    history.arrange(&bob, SettingChange::Pinned(false)).unwrap();
    let others = Settings {
        marked_unread: true,
        ..pinned(true)
    };
    let rows = history
        .receive_settings(&[told("bob", 2, others)], None, None)
        .unwrap();
    assert!(!rows[0].is_pinned && rows[0].is_marked_unread);
    let answered = (&login("bob"), PINNED);
    let answer = [told("bob", 3, pinned(false))];
    history
        .receive_settings(&answer, Some(answered), None)
        .unwrap();
    // What is older comes too late, and what is newer counts.
    for (number, is_pinned) in [(2, true), (3, true)] {
        let late = [told("bob", number, pinned(is_pinned))];
        assert_eq!(history.receive_settings(&late, None, None).unwrap(), []);
        assert!(!row(&history, "bob").is_pinned);
    }
    history
        .receive_settings(&[told("bob", 4, pinned(true))], None, None)
        .unwrap();
    assert!(row(&history, "bob").is_pinned);
}

#[test]
fn a_store_that_was_restored_is_told_again_what_is_set_here() {
    let folder = tempdir().unwrap();
    let history = open(&folder);
    history
        .receive_settings(&[told("bob", 7, pinned(true))], None, Some(7))
        .unwrap();
    assert_eq!(history.unset().unwrap(), []);
    history.begin_ids(None, None).unwrap();
    assert_eq!(history.settings_known().unwrap(), 0);
    let told_again = history.unset().unwrap();
    assert_eq!((told_again.len(), told_again[0].pinned), (1, Some(true)));
}

#[test]
fn settings_of_strangers_take_no_room() {
    let folder = tempdir().unwrap();
    let history = open(&folder);
    let nothing = [told("zoe", 1, Settings::default())];
    assert_eq!(
        history.receive_settings(&nothing, None, Some(1)).unwrap(),
        []
    );
    assert_eq!(history.conversations().unwrap(), []);
}
