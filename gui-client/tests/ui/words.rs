//! No screen, in either language, needs a character that the fonts do not have: the harness fails a test that would draw a
//! box instead.

use std::time::{Duration, Instant};

use egui::{Key, Modifiers};
use mensageiro::{
    engine::{Delivery, Event, LinkProblem, LinkState, Refusal},
    model::{Notice, Overlay, SaveProblem, SavedFile},
    texts::Language,
};

use crate::{
    desk::{Desk, message, online},
    inspector::crossed,
};

fn every_screen(language: Language) {
    let mut desk = Desk::chatting(1..30, 4, true);
    desk.choose(language);
    desk.write_draft("duas\nlinhas\te mais");
    let deliveries = [
        Delivery::Waiting,
        Delivery::Accepted,
        Delivery::Unconfirmed,
        Delivery::Refused(Refusal::UnknownRecipient),
        Delivery::Refused(Refusal::NotAMember),
        Delivery::Refused(Refusal::MailboxFull),
        Delivery::Refused(Refusal::Quota),
        Delivery::Refused(Refusal::TooLong),
        Delivery::Refused(Refusal::Other),
    ];
    for (id, delivery) in (40..).zip(deliveries) {
        desk.tell(Event::Message(message(
            id,
            "bob",
            delivery,
            "ação 👍 🎉 ❤ 😀",
        )));
    }
    for problem in [
        LinkProblem::BadAddress,
        LinkProblem::UnknownHost,
        LinkProblem::NobodyListens,
        LinkProblem::TimedOut,
        LinkProblem::Broken,
        LinkProblem::Unreachable,
        LinkProblem::NotAllowed,
        LinkProblem::NotThisProtocol,
        LinkProblem::NoThread,
        LinkProblem::Other("os error 5".into()),
    ] {
        let retry_at = Instant::now() + Duration::from_secs(5);
        desk.tell(Event::Link(LinkState::Waiting { problem, retry_at }));
    }
    desk.tell(online());
    for overlay in [
        Overlay::Settings,
        Overlay::Shortcuts,
        Overlay::About,
        Overlay::new_conversation(),
        Overlay::SavePath {
            file: SavedFile::Transcript,
            path: "/tmp/a.png".into(),
            problem: Some(SaveProblem::NoThread),
        },
    ] {
        desk.show(overlay);
    }
    desk.press(Modifiers::NONE, Key::Escape);
    desk.notice(Notice::SaveFailed(
        SavedFile::Picture,
        SaveProblem::NoThread,
    ));
    for key in [Key::Escape, Key::Escape] {
        desk.press(Modifiers::NONE, key);
    }
    desk.press(Modifiers::NONE, Key::F10);
    for (at, line) in (0..).zip(EVERY_LINE) {
        desk.tell(crossed(at, line));
    }
    desk.tell(Event::Link(LinkState::Refused));
}

/// The lines of a live session, one of each kind.
const EVERY_LINE: &[&str] = &[
    "+",
    ">alice live/1",
    r#"<welcome {"server":"s","version":"1","you":"alice","last":9}"#,
    "<#8;at=1;from=carol @turma olá 👍",
    "<f",
    r#"<no {"tag":"t","code":"mailbox-full","detail":"full"}"#,
    r#"<receipt {"id":1,"with":"bob","by":"bob","state":"delivered","at":1}"#,
    r#"<read {"with":"bob","up_to":1}"#,
    r#"<typing {"from":"bob","with":"alice"}"#,
    r#"<presence {"login":"bob","state":"offline","seen":1}"#,
    r#"<roster {"users":[],"groups":[]}"#,
    r#"<history {"with":"bob","count":0,"more":false}"#,
    "<pong {}",
    r#"<bye {"code":"slow","detail":"slow"}"#,
    r#">read {"with":"bob","up_to":1}"#,
    r#">got {"up_to":1}"#,
    r#">history {"with":"bob","limit":20}"#,
    r#">history {"with":"bob","before":9,"limit":20}"#,
    r#">typing {"to":"bob"}"#,
    r#">status {"state":"away"}"#,
    ">roster {}",
    ">ping {}",
    ">bye {}",
    "<\u{1b}[31m",
    "x",
];

#[test]
fn every_screen_can_be_drawn_in_english() {
    every_screen(Language::English);
}

#[test]
fn every_screen_can_be_drawn_in_portuguese() {
    every_screen(Language::Portuguese);
}

/// What people write that has to be there on every system, in any of the styles.
pub const EVERYWHERE: [&str; 9] = [
    "ação ß Ő ğ ş ẞ “quotes” – — … € ₢ № ™ ½",
    "Ελληνικά, Кириллица, Ўзбек",
    "שלום עולם",
    "مرحبا بالعالم",
    "∀x ∈ ℝ: √x² ≤ |x| → ⇒ ≠ ∞",
    "🙂 🥰 🫠 👍🏽 👩‍👩‍👧 🇧🇷 ❤️ ☕ ✅ 1️⃣ ©️ ☎ ♥ ★ ☀",
    "␀ ␛ ␡ \u{fffd}",
    "│ ├── └── █ ▲ ● ■",
    "*forte 🎉* _itálico é_ `código 🎉 ␛ é`",
];

#[test]
fn what_people_write_has_its_signs_without_the_fonts_of_the_system() {
    let mut desk = Desk::chatting(1..2, 0, true);
    for (id, text) in (10..).zip(EVERYWHERE) {
        let message = message(id, "bob", Delivery::Received, text);
        desk.tell(Event::Message(message));
    }
}
