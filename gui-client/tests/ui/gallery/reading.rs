//! Sentences from right to left, alone and among others.

use egui::vec2;
use egui_kittest::kittest::Queryable;
use mensageiro::{
    engine::{Delivery, Event, Message, Roster},
    model::Action,
};

use super::{SMALL, USUAL, Words, picture, scenes::only};
use crate::{
    desk::{Desk, message},
    live::user,
};

/// Hebrew and Arabic, with numbers, Latin words, links, code, a quote and lines of their own.
fn messages() -> Vec<Message> {
    let texts = [
        (Delivery::Received, "שלום! מה שלומך היום?"),
        (
            Delivery::Accepted,
            "הכול טוב, תודה. נפגשים בספרייה (קומה 2) בשעה 10:30?",
        ),
        (
            Delivery::Received,
            "כן. הנה הקישור: https://example.org/reuniao, וגם ana@example.org",
        ),
        (
            Delivery::Accepted,
            "مرحبا! الاجتماع يوم الثلاثاء الساعة 10، والملف في cargo xtask demo.",
        ),
        (
            Delivery::Received,
            "The word שלום עולם means hello world, and *سلام* is peace.",
        ),
        (
            Delivery::Received,
            "> bruno: “שלום! מה שלומך היום?”\nמצוין, `let x = 1;` עובד.\nA line of English.\nושורה *אחרונה* בעברית.",
        ),
        (Delivery::Accepted, "לא إلا אלא"),
    ];
    let all = (801..).zip(texts);
    all.map(|(id, (delivery, text))| message(id, "bruno", delivery, text))
        .collect()
}

fn desk(_: &Words) -> Desk {
    let mut desk = only(messages());
    desk.tell(Event::Roster(Roster {
        users: vec![user("bruno", "דוד בן גוריון")],
        ..Roster::default()
    }));
    desk
}

#[test]
fn sentences_from_right_to_left() {
    for (name, size) in [("rtl", USUAL), ("rtl-small", SMALL)] {
        picture(name, size, |words| {
            let mut desk = desk(words);
            desk.write("Message", "אני כותב עכשיו (בעברית) ואז some English ועוד");
            desk
        });
    }
    picture("rtl-selected", USUAL, |words| {
        let mut desk = desk(words);
        let words = desk.harness.get_by_label_contains("הנה").rect();
        let (from, to) = (
            words.right_top() + vec2(-40.0, 16.0),
            words.center() + vec2(0.0, -12.0),
        );
        for (pos, pressed) in [(from, true), (to, false)] {
            desk.harness.event(egui::Event::PointerMoved(pos));
            desk.harness.step();
            desk.harness.event(egui::Event::PointerButton {
                pos,
                button: egui::PointerButton::Primary,
                pressed,
                modifiers: egui::Modifiers::NONE,
            });
            desk.harness.step();
        }
        desk
    });
    picture("rtl-found", USUAL, |words| {
        let mut desk = desk(words);
        desk.act(Action::Filter("של".into()));
        desk.tell(Event::Found {
            query: "של".into(),
            before: None,
            messages: messages(),
            next: None,
        });
        desk
    });
}
