//! Hostile messages, and texts that are pasted by mistake: the window stays responsive.

use std::time::{Duration, Instant};

use egui::{Event as Input, Modifiers};
use egui_kittest::kittest::Queryable;
use mensageiro::{
    engine::{Crossing, Delivery, Event, Side, WireNews},
    model::{Action, InspectAction, MOST_PASTED, MOST_TYPED, Notice},
};

use crate::desk::{Desk, conversation, message};

/// Texts of the greatest length, each the worst case for some part of the app.
fn texts(length: usize) -> Vec<(&'static str, String)> {
    let again = |begin: &str, part: &str, end: &str| {
        let times = (length - begin.len() - end.len()) / part.len();
        format!("{begin}{}{end}", part.repeat(times))
    };
    vec![
        ("brackets after a link", again("http://a", ")", "")),
        ("many links", again("", "http://x ", "")),
        ("many mail addresses", again("", "a@b.cd ", "")),
        ("hosts that are none", again("", "éwww..", "")),
        ("hosts without a country", again("", "жwww.-", "")),
        ("mail to nobody", again("", "mailto:a@b.c?", "")),
        ("mail addresses in each other", again("", "a@b.c@", "")),
        ("web addresses of nothing", again("", "http://.", "")),
        ("code of one line", again("`", "x", "`")),
        ("many short codes", again("", "`a` ", "")),
        ("many blocks of code", again("", "```\na\n```", "")),
        ("many marks", again("", "*a* _b_ ", "")),
        ("marks without end", again("", "*a _b ", "")),
        ("one word", again("", "w", "")),
        ("many lines", again("", "\n", "x")),
        ("a quote", again("> bob: “", "x", "”\ny")),
        (
            "a quote of signs that take no room",
            again("> bob: “", "\u{336}", "”\ny"),
        ),
        (
            "marks on one letter",
            again("a", "\u{336}\u{347}\u{353}", ""),
        ),
        ("keycaps", again("", "1\u{fe0f}\u{20e3}", "")),
        ("flags", again("", "\u{1f1e7}", "")),
        ("families", again("", "👩\u{200d}", "")),
        ("what is looked for", again("", "ab", "")),
        ("words from right to left", again("", "שלום ", "")),
        ("directions that change", again("", "א1(", "")),
        ("brackets in brackets", again("a", "(", "א")),
        ("brackets of both directions", again("a ", "(א) ", "")),
        ("letters with marks, from right to left", again("", "בְּ", "")),
        ("one word from right to left", again("", "ש", "")),
        ("numbers of two scripts", again("", "1٢ ", "")),
        ("spaces", again("a", " ", "b")),
        ("no-break spaces", again("a", "\u{a0}", "b")),
        ("tabs", again("a", "\t", "b")),
        ("stars", again("", "*", "")),
        ("marks of direction", again("a", "\u{200f}", "b")),
        ("joiners", again("a", "\u{200d}", "b")),
        ("a quote of links", again("> bob: “", "http://a ", "”\ny")),
        ("quotes in quotes", again("", "> a: “b” ", "")),
        ("a host without end", again("http://", "ä", "")),
        ("a user name without end", again("http://", "a@", "")),
    ]
}

#[test]
fn the_look_of_a_message_is_made_once_and_not_with_every_frame() {
    for (name, text) in texts(16_000) {
        let mut desk = Desk::chatting(1..3, 0, true);
        desk.act(Action::Filter("ab".into()));
        desk.tell(Event::Message(message(3, "bob", Delivery::Received, &text)));
        let laid_out = |desk: &Desk| desk.harness.state().state().timeline.laid_out();
        let before = laid_out(&desk);
        for _ in 0..5 {
            desk.harness.step();
        }
        assert_eq!(laid_out(&desk), before, "{name}");
        desk.act(Action::Filter("bb".into()));
        assert!(laid_out(&desk) > before, "{name}: other words are marked");
    }
}

#[test]
fn a_frame_takes_time_as_the_length_of_what_came_does() {
    let time = |text: &str, is_open: bool| {
        let mut desk = match is_open {
            true => Desk::chatting(1..3, 0, true),
            false => Desk::signed_in(vec![conversation("bob", 2, 0)]),
        };
        desk.say(Event::Message(message(3, "bob", Delivery::Received, text)));
        let begun = Instant::now();
        desk.harness.step();
        desk.harness.step();
        begun.elapsed()
    };
    for ((name, short), (_, long)) in texts(1_000).into_iter().zip(texts(16_000)) {
        for is_open in [true, false] {
            let quickest = |text: &str| {
                let times = [(); 2].map(|()| time(text, is_open));
                times.into_iter().min().unwrap()
            };
            let (short, long) = (quickest(&short), quickest(&long));
            // 16 times as long; quadratic growth would be 256 times.
            let most = short.max(Duration::from_millis(20)) * 100;
            assert!(long < most, "{name}, open: {is_open}: {short:?}, {long:?}");
        }
    }
}

#[test]
fn lines_on_the_wire_are_read_once_and_not_with_every_frame() {
    let time = |count: usize| {
        let users = r#"{"login":"somebody","state":"online","name":"Some Body"}"#;
        let users = vec![users; count].join(",");
        let line = format!(r#"roster {{"users":[{users}],"groups":[],"more":false}}"#);
        let mut desk = Desk::chatting(1..3, 0, true);
        desk.act(Action::Inspect(InspectAction::Toggle));
        desk.say(Event::Wire(WireNews {
            connection: 1,
            at: jiff::Timestamp::UNIX_EPOCH,
            is_encrypted: false,
            crossing: Crossing::Line {
                from: Side::Server,
                bytes: line.into_bytes(),
                is_ended: true,
            },
        }));
        desk.harness.run();
        let begun = Instant::now();
        for _ in 0..5 {
            desk.harness.step();
        }
        begun.elapsed()
    };
    let (short, long) = (time(1), time(20_000));
    assert!(
        long < short.max(Duration::from_millis(50)) * 10,
        "{short:?}, {long:?}"
    );
}

#[test]
fn of_a_book_that_is_pasted_the_box_takes_its_beginning_and_says_so() {
    let mut desk = Desk::chatting(1..3, 0, true);
    desk.harness.event(Input::Paste("é".repeat(8_000_000)));
    desk.harness.run();
    assert_eq!(desk.session().draft().len(), MOST_TYPED);
    assert_eq!(desk.model().notice, Some(Notice::PastedInPart));
    assert!(desk.sees("characters too long"));
    // Nor does it grow further.
    desk.harness.event(Input::Paste("x".repeat(1_000_000)));
    desk.harness.run();
    assert_eq!(desk.session().draft().len(), MOST_TYPED);
    desk.act(Action::DismissNotice);
    desk.act(Action::Write("short".into()));
    desk.harness.event(Input::Paste(" and well".into()));
    desk.harness.run();
    assert_eq!(desk.model().notice, None);
    assert!(desk.session().draft().len() < 20);
}

#[test]
fn other_fields_take_less() {
    let mut desk = Desk::chatting(1..3, 0, true);
    desk.press(Modifiers::COMMAND, egui::Key::K);
    desk.harness.event(Input::Paste("ab ".repeat(1_000_000)));
    desk.harness.run();
    let query = &desk.session().search.query;
    assert!((1..=MOST_PASTED).contains(&query.len()), "{}", query.len());
    assert_eq!(desk.session().draft(), "");
}

#[test]
fn a_draft_of_an_earlier_version_is_cut_to_what_the_box_holds() {
    let mut row = conversation("bob", 2, 0);
    row.draft = "x".repeat(16_000_000);
    let mut desk = Desk::signed_in(vec![row]);
    desk.click("bob");
    assert_eq!(desk.session().draft().len(), MOST_TYPED);
    assert!(
        desk.harness
            .query_by_label_contains("characters too long")
            .is_some()
    );
}
