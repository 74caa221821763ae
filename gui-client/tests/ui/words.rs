//! Nothing on any screen, in either language, needs a sign that the fonts do not have: the
//! harness fails the test that would draw a box instead.

use std::time::{Duration, Instant};

use egui::{Key, Modifiers};
use mensageiro::{
    engine::{Delivery, Event, LinkProblem, LinkState, Refusal},
    model::{Language, Notice, Overlay},
};

use crate::desk::{Desk, message, online};

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
        LinkProblem::Other("os error 5".into()),
    ] {
        let retry_at = Instant::now() + Duration::from_secs(5);
        desk.tell(Event::Link(LinkState::Waiting { problem, retry_at }));
    }
    desk.tell(online());
    for overlay in [
        Overlay::Settings,
        Overlay::Shortcuts,
        Overlay::new_conversation(),
        Overlay::PicturePath {
            path: "/tmp/a.png".into(),
            problem: Some("no".into()),
        },
    ] {
        desk.show(overlay);
    }
    desk.press(Modifiers::NONE, Key::Escape);
    desk.notice(Notice::PictureFailed("no".into()));
    for key in [Key::Escape, Key::Escape] {
        desk.press(Modifiers::NONE, key);
    }
    desk.tell(Event::Link(LinkState::Refused));
}

#[test]
fn every_screen_can_be_drawn_in_english() {
    every_screen(Language::English);
}

#[test]
fn every_screen_can_be_drawn_in_portuguese() {
    every_screen(Language::Portuguese);
}
