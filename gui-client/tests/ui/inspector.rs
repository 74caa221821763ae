//! The protocol inspector, with the test in place of the wire.

use std::time::{Duration, Instant};

use egui::{Key, Modifiers, Vec2};
use egui_kittest::kittest::{NodeT, Queryable};
use jiff::Timestamp;
use mensageiro::{
    engine::{
        ActiveFaults, Command, Crossing, Delivery, Event, Fault, FaultNews, Message, MessageFault,
        Side, WireNews,
    },
    files::PathAnswer,
    model::{Action, Notice, Overlay, Preferences, SavedFile},
};
use mensageiro_protocol::transcript::{Happening, Transcript};

use crate::{
    desk::{Answer, Desk, conversation, message},
    live::live,
};

/// What crossed, at 22:13:20.`at`; `>` is said by the client, `<` by the server, `+` connects, `x`
/// is the server's end, `-` a lost connection, `!` a fault.
pub fn crossed(at: i64, line: &str) -> Event {
    let said = |from, line: &str| Crossing::Line {
        from,
        bytes: line.as_bytes().to_vec(),
        is_ended: true,
    };
    let crossing = match line.split_at(1) {
        ("+", _) => Crossing::Opened,
        ("x", _) => Crossing::Closed(Side::Server),
        ("-", _) => Crossing::Cut(Side::Server),
        ("!", fault) => Crossing::Fault(match fault {
            "drop" => FaultNews::Message(MessageFault::Drop),
            "double" => FaultNews::Message(MessageFault::Double),
            "split" => FaultNews::Message(MessageFault::Split),
            "answer" => FaultNews::Message(MessageFault::LoseAnswer),
            "hold" => FaultNews::Held(Duration::from_secs(5)),
            "release" => FaultNews::Released,
            _ => FaultNews::Cut,
        }),
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

/// A message that is sent twice, since its answer was lost.
pub const ANSWER_LOST: &[&str] = &[
    "+",
    ">alice live/1 device=d after=7",
    r#"<welcome {"server":"mensageiro","version":"1","you":"alice","last":9}"#,
    ">#d-1-0 @bob oi",
    "!answer",
    r#"<ok {"tag":"d-1-0","id":10,"at":1700000000000}"#,
    "!cut",
    "-",
    "+",
    ">alice live/1 device=d after=9",
    r#"<welcome {"server":"mensageiro","version":"1","you":"alice","last":10}"#,
    ">#d-1-0 @bob oi",
    r#"<ok {"tag":"d-1-0","id":10,"at":1700000000000}"#,
];

fn disturbed(desk: &Desk) -> Vec<Option<Fault>> {
    let asked = desk.asked().into_iter();
    asked
        .filter_map(|command| match command {
            Command::Disturb(fault) => Some(fault),
            _ => None,
        })
        .collect()
}

#[test]
fn faults_are_offered_on_request_and_end_when_they_are_hidden() {
    let mut desk = inspecting(LIVE);
    assert!(!desk.sees("Hold for 5 s"));
    desk.click("Faults: see how the protocol copes");
    assert!(desk.sees("A classic session has no tags"));
    desk.tell(live());
    assert!(!desk.sees("A classic session has no tags"));
    desk.click("Cut");
    desk.click("Hold for 5 s");
    desk.click("Arrives twice");
    let double = Some(MessageFault::Double);
    let expected = [
        Some(Fault::Cut),
        Some(Fault::Hold(Duration::from_secs(5))),
        Some(Fault::NextMessage(double)),
    ];
    assert_eq!(disturbed(&desk), expected);
    desk.tell(Event::Faults(ActiveFaults {
        held_until: Some(Instant::now() + Duration::from_secs(300)),
        next_message: double,
    }));
    assert!(desk.sees("Held, 300 s left") && !desk.sees("Hold for 5 s"));
    desk.click("End the faults");
    assert_eq!(disturbed(&desk), [None]);
    desk.click("End the faults and hide them");
    assert_eq!(disturbed(&desk), [None]);
    assert!(!desk.sees("Arrives twice"));
}

#[test]
fn without_a_connection_there_is_none_to_cut() {
    let mut desk = inspecting(LIVE);
    desk.click("Faults: see how the protocol copes");
    desk.tell(Event::Link(mensageiro::engine::LinkState::Connecting));
    assert!(
        desk.harness
            .get_by_label("Cut")
            .accesskit_node()
            .is_disabled()
    );
}

#[test]
fn a_fault_is_a_line_of_its_own() {
    let desk = inspecting(&[
        "+",
        ">#d-1-0 @bob oi",
        "!drop",
        "!hold",
        "!release",
        "!cut",
        "-",
    ]);
    for said in [
        "Fault: this message does not reach the server",
        "Fault: nothing passes for 5 s",
        "Everything passes again",
        "Fault: the link is cut",
    ] {
        assert!(desk.sees(said), "{said}");
    }
}

/// The steps of the journey of a message that was accepted as number 10.
fn journey(lines: &[&str]) -> String {
    let mut desk = inspecting(&[&LIVE[..5], lines].concat());
    let own = Message {
        server_id: Some(10),
        ..message(1, "bob", Delivery::Accepted, "oi")
    };
    desk.act(Action::Show(Overlay::Journey(Box::new(own))));
    let image = desk.harness.get_by_role(egui::accesskit::Role::Image);
    image.accesskit_node().label().unwrap_or_default()
}

#[test]
fn the_journey_shows_each_attempt_with_the_same_tag_and_number() {
    assert_eq!(
        journey(ANSWER_LOST),
        "alice to server: #d-1-0 @bob oi. server to alice: sent #10, lost on the way. \
         alice and server: connection lost. alice to server: #d-1-0 @bob oi. \
         server to alice: sent #10."
    );
    let twice = [
        ">#d-1-0 @bob oi",
        "!double",
        r#"<ok {"tag":"d-1-0","id":10,"at":1700000000000}"#,
        r#"<ok {"tag":"d-1-0","id":10,"at":1700000000000}"#,
    ];
    assert_eq!(
        journey(&twice),
        "alice to server: #d-1-0 @bob oi. alice to server: #d-1-0 @bob oi. \
         server to alice: sent #10. server to alice: sent #10."
    );
    let dropped = [
        ">#d-1-0 @bob oi",
        "!drop",
        "!cut",
        "-",
        ">#d-1-0 @bob oi",
        r#"<ok {"tag":"d-1-0","id":10,"at":1700000000000}"#,
    ];
    assert_eq!(
        journey(&dropped),
        "alice to server: #d-1-0 @bob oi, lost on the way. alice and server: connection lost. \
         alice to server: #d-1-0 @bob oi. server to alice: sent #10."
    );
}

#[test]
fn the_journey_of_what_was_sent_once_is_as_without_the_inspector() {
    let once = [
        ">#d-1-0 @bob oi",
        r#"<ok {"tag":"d-1-0","id":10,"at":1700000000000}"#,
        ">#d-2-0 @bob oi",
        "-",
    ];
    assert_eq!(
        journey(&once),
        "alice to server: @bob oi. server to alice: sent #10."
    );
    let told_later = [
        ">#d-1-0 @bob oi",
        "!answer",
        "!cut",
        "-",
        "<#10;at=1700000000000;from=alice;tag=d-1-0 @bob oi",
    ];
    assert_eq!(
        journey(&told_later),
        "alice to server: #d-1-0 @bob oi. alice and server: connection lost. \
         server to alice: sent #10."
    );
}
