//! Deception: names that look alike, quotes that nobody wrote, links that lead elsewhere.

use egui::{Key, Modifiers};
use mensageiro::engine::{Conversation, Delivery, Event, Message, MessageId, QuoteCheck, Roster};

use super::{
    SMALL, USUAL, Words, picture,
    scenes::{home, only, page, roster},
};
use crate::{
    desk::{Desk, conversation, login, message},
    live::{live, user},
};

/// A group in which somebody imitates another member's name with a letter that looks the same.
fn names_alike(words: &Words) -> Desk {
    let from = |id, author: &str, text: &str| Message {
        author: Some(login(author)),
        ..message(id, "turma-a", Delivery::Received, text)
    };
    let mut desk = Desk::signed_in(vec![
        Conversation {
            is_group: true,
            last: Some(from(890, "bruno2", words.hello)),
            ..conversation("turma-a", 890, 0)
        },
        conversation("bruno", 880, 0),
        conversation("bruno2", 870, 0),
    ]);
    desk.tell(live());
    desk.tell(roster(words));
    desk.tell(Event::Roster(Roster {
        changes: true,
        users: vec![user("bruno2", "Bruno Limа")],
        ..Roster::default()
    }));
    desk.click("turma-a");
    let messages = vec![
        from(880, "bruno", words.question),
        from(885, "carla", words.group[1]),
        from(890, "bruno2", words.hello),
    ];
    desk.tell(page("turma-a", messages));
    desk.write_draft("@bruno2 ");
    desk
}

/// A conversation with three quotes: the first is found, the second was never written, the third is not on this computer.
fn quotes(words: &Words) -> Desk {
    let quoting = |who: &str, quote: &str| format!("> {who}: “{quote}”\n{}", words.group[1]);
    let texts = [
        (Delivery::Received, quoting("alice", words.question)),
        (Delivery::Received, quoting("alice", words.forged)),
        (Delivery::Accepted, quoting("bruno", words.forged)),
        (Delivery::Accepted, quoting("bruno", words.answer)),
    ];
    let all = (801..).zip(texts);
    let all = all.map(|(id, (delivery, text))| message(id, "bruno", delivery, &text));
    let mut desk = only(all.collect());
    let checks = [
        QuoteCheck::Found,
        QuoteCheck::NotFound,
        QuoteCheck::NotFound,
        QuoteCheck::NotHere,
    ];
    for (id, check) in (801..).zip(checks) {
        let id = MessageId(id);
        desk.tell(Event::QuoteChecked { id, check });
    }
    desk
}

fn link(words: &Words, link: &str) -> Desk {
    let mut desk = home(words);
    desk.click("bruno");
    let text = format!("{} {link}", words.hello);
    desk.tell(page(
        "bruno",
        vec![message(900, "bruno", Delivery::Received, &text)],
    ));
    desk.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::O);
    desk
}

/// Combining marks stacked on letters, among other messages.
fn tall_marks(words: &Words) -> Desk {
    let tall = format!("{} ", "a\u{336}\u{347}\u{353}\u{30d}\u{311}".repeat(8)).repeat(6);
    let stacked = format!("x{}", "\u{30d}".repeat(60));
    let texts = [words.hello, &tall, words.question, &stacked];
    let all = (801..).zip(texts);
    let all = all.map(|(id, text)| message(id, "bruno", Delivery::Received, text));
    only(all.collect())
}

#[test]
fn what_could_mislead() {
    picture("chat-tall-marks", USUAL, tall_marks);
    for (suffix, size) in [("", USUAL), ("-small", SMALL)] {
        picture(&format!("names-alike{suffix}"), size, names_alike);
        picture(&format!("quotes-checked{suffix}"), size, quotes);
        picture(&format!("link-question{suffix}"), size, |words| {
            link(words, "https://sсhool.example/networks/worksheet")
        });
        picture(&format!("link-question-user{suffix}"), size, |words| {
            let path = "x".repeat(900);
            link(words, &format!("http://school.example@evil.example/{path}"))
        });
    }
}
