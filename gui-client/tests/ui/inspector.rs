//! The protocol inspector, with the test in place of the wire.

use std::time::{Duration, Instant};

use egui::{Key, Modifiers, Vec2};
use egui_kittest::kittest::Queryable;
use jiff::Timestamp;
use mensageiro::{
    engine::{Command, Crossing, Event, Side, WireNews},
    files::PathAnswer,
    model::{Notice, Preferences, SavedFile},
};
use mensageiro_protocol::transcript::{Happening, Transcript};

use crate::desk::{Answer, Desk, conversation};

/// What crossed, at 22:13:20.`at`; `>` is said by the client, `<` by the server, `+` connects, `x`
/// is the server's end.
pub fn crossed(at: i64, line: &str) -> Event {
    let said = |from, line: &str| Crossing::Line {
        from,
        bytes: line.as_bytes().to_vec(),
        is_ended: true,
    };
    let crossing = match line.split_at(1) {
        ("+", _) => Crossing::Opened,
        ("x", _) => Crossing::Closed(Side::Server),
        (">", line) => said(Side::Client, line),
        (_, line) => said(Side::Server, line),
    };
    Event::Wire(WireNews {
        connection: 1,
        at: Timestamp::from_millisecond(1_700_000_000_000 + at).unwrap(),
        is_encrypted: false,
        crossing,
    })
}

/// The same, inside TLS.
pub fn crossed_encrypted(at: i64, line: &str) -> Event {
    match crossed(at, line) {
        Event::Wire(news) => Event::Wire(WireNews {
            is_encrypted: true,
            ..news
        }),
        other => other,
    }
}

const LIVE: &[&str] = &[
    "+",
    ">alice live/1 device=d after=7",
    r#"<welcome {"server":"mensageiro","version":"1","you":"alice","last":9}"#,
    "<#8;at=1700000000000 @bob olá",
    "<f",
    r##">#d-1-0 @bob oi"##,
    r#"<ok {"tag":"d-1-0","id":10,"at":1700000000000}"#,
    r#"<receipt {"id":10,"with":"bob","by":"bob","state":"read","at":1700000000000}"#,
];

fn inspecting(lines: &[&str]) -> Desk {
    let mut desk = Desk::signed_in(vec![conversation("bob", 1, 0)]);
    desk.press(Modifiers::NONE, Key::F10);
    assert_eq!(desk.asked(), [Command::Inspect(true)]);
    for (at, line) in (0..).zip(lines) {
        desk.say(crossed(at, line));
    }
    desk.harness.run();
    desk
}

#[test]
fn f10_shows_each_line_as_it_goes_and_what_it_says() {
    let mut desk = inspecting(LIVE);
    for said in [
        "22:13:20.000: Connected",
        "22:13:20.001, sent: Signs in as alice, live session, from number 7 on. alice live/1 device=d after=7",
        "received: The live session begins; newest number 9. welcome {",
        "received: Message 8 from bob. #8;at=1700000000000 @bob olá",
        "received: Everything missed has been delivered. f",
        "sent: Message to bob. #d-1-0 @bob oi",
        "received: Accepted as number 10. ok {",
        "received: bob has read everything up to 10. receipt {",
    ] {
        assert!(desk.sees(said), "{said}");
    }
    desk.press(Modifiers::NONE, Key::F10);
    assert_eq!(desk.asked(), [Command::Inspect(false)]);
    assert!(!desk.sees("All that was missed"));
}

#[test]
fn a_classic_conversation_is_read_as_one() {
    let desk = inspecting(&["+", ">alice", "<@bob oi", "<f", ">@bob olá", "<f", "x"]);
    for said in [
        "sent: Signs in as alice. alice",
        "received: Message from bob. @bob oi",
        "received: That is all; what was sent has been accepted. f",
        "sent: Message to bob. @bob olá",
        "The server closed its side",
    ] {
        assert!(desk.sees(said), "{said}");
    }
}

#[test]
fn a_login_that_is_refused_can_be_watched() {
    let mut desk = Desk::new(Preferences::default());
    desk.press(Modifiers::NONE, Key::F10);
    desk.tell(crossed(0, ">nobody"));
    assert!(desk.sees("User name") && desk.sees("sent: "));
}

#[test]
fn paused_it_stands_still_and_goes_on_with_what_came_since() {
    let mut desk = inspecting(&["<f"]);
    desk.click("Pause");
    desk.tell(crossed(5, "<@bob later"));
    assert!(!desk.sees("@bob later") && desk.sees("Paused; 1 line since then"));
    desk.click("Resume");
    assert!(desk.sees("@bob later") && !desk.sees("Paused"));
    desk.click("Clear");
    assert!(!desk.sees("@bob later") && desk.sees("Everything sent and received from now on"));
}

#[test]
fn the_filter_leaves_lines_with_the_text() {
    let mut desk = inspecting(LIVE);
    desk.write("Filter lines", "OLA");
    assert!(desk.sees("@bob olá") && !desk.sees("@bob oi"));
    desk.write("Filter lines", " nothing like it");
    assert!(desk.sees("No line contains this text."));
}

#[test]
fn a_line_that_is_chosen_is_shown_in_full() {
    let long = format!("<@bob {}the end", "and on ".repeat(100));
    let mut desk = inspecting(&[&long]);
    assert!(!desk.sees("the end"));
    let row = "received: Message from bob";
    desk.harness.get_by_label_contains(row).click();
    desk.harness.run();
    assert!(desk.sees("the end"));
}

#[test]
fn the_transcript_is_saved_as_the_protocol_writes_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wire.txt");
    let answer = Answer(PathAnswer::At(path.clone()));
    let mut desk = Desk::with_dialog(Preferences::default(), answer);
    desk.press(Modifiers::NONE, Key::F10);
    for (at, line) in (0..).zip(["+", ">alice", "<f", "x"]) {
        desk.say(crossed(at, line));
    }
    desk.harness.run();
    desk.harness.get_by_label("Save transcript").click();
    let deadline = Instant::now() + Duration::from_secs(10);
    let is_saved = |desk: &Desk| {
        matches!(
            desk.model().notice,
            Some(Notice::Saved(SavedFile::Transcript, _))
        )
    };
    while !is_saved(&desk) {
        assert!(Instant::now() < deadline, "{:?}", desk.model().notice);
        std::thread::yield_now();
        desk.harness.step();
    }
    let saved = std::fs::read_to_string(path).unwrap();
    let steps = Transcript::parse(&saved).unwrap().steps;
    let happenings: Vec<_> = steps.into_iter().map(|step| step.happening).collect();
    let expected = [
        Happening::Client(b"alice".to_vec()),
        Happening::Server(b"f".to_vec()),
        Happening::ServerCloses,
    ];
    assert_eq!(happenings, expected);
}

#[test]
fn in_a_small_window_it_has_all_the_room_and_escape_gives_it_back() {
    let mut desk = inspecting(LIVE);
    assert!(desk.sees("Search people and messages"));
    desk.harness.set_size(Vec2::new(360.0, 480.0));
    desk.harness.run();
    assert!(desk.sees("sent: Message to bob") && !desk.sees("Search people and messages"));
    desk.press(Modifiers::NONE, Key::Escape);
    assert!(desk.sees("Search people and messages") && !desk.sees("sent: "));
}

#[test]
fn a_line_that_crossed_inside_tls_says_so() {
    for (is_encrypted, line) in [
        (false, crossed(1, "<@bob olá")),
        (true, crossed_encrypted(1, "<@bob olá")),
    ] {
        let mut desk = inspecting(&[]);
        desk.tell(line);
        let row = "received: Message from bob";
        desk.harness.get_by_label_contains(row).click();
        desk.harness.run();
        assert_eq!(desk.sees("Inside TLS"), is_encrypted);
    }
}
