use std::time::{Duration, Instant};

use mensageiro::engine::{Command, Event, LinkProblem, LinkState, NotSent};
use mensageiro_protocol::Text;

use crate::desk::{Desk, login, person};

/// When the window wants its next frame by itself.
fn next_frame(desk: &mut Desk) -> Duration {
    desk.harness.run();
    desk.harness.step();
    let output = desk.harness.output();
    let delays = output.viewport_output.values().map(|v| v.repaint_delay);
    delays.min().unwrap()
}

#[test]
fn a_window_in_which_nothing_happens_draws_nothing() {
    let mut desk = Desk::chatting(1..200, 0, true);
    // Until midnight, when "Today" becomes "Yesterday".
    assert!(next_frame(&mut desk) > Duration::from_secs(1));
    desk.tell(Event::Link(LinkState::Online {
        framing: None,
        next_fetch: Some(Instant::now() + Duration::from_secs(10)),
        doubt: None,
    }));
    assert!(next_frame(&mut desk) > Duration::from_secs(1));
}

#[test]
fn a_draft_is_kept_once_and_then_the_window_rests() {
    let mut desk = Desk::chatting(1..5, 0, true);
    desk.write("Message", "half a sentence");
    let delay = next_frame(&mut desk);
    assert!(delay <= Duration::from_millis(500), "{delay:?}");
    let kept = |text: &str| Command::SaveDraft {
        with: person("bob"),
        text: text.into(),
    };
    desk.until_asked(&kept("half a sentence"));
    assert!(next_frame(&mut desk) > Duration::from_secs(1));
    // What comes back is kept too, though nobody types.
    desk.tell(Event::NotSent {
        to: login("bob"),
        text: Text::from("not sent"),
        reason: NotSent::Storage,
    });
    desk.until_asked(&kept("not sent\nhalf a sentence"));
    assert!(next_frame(&mut desk) > Duration::from_secs(1));
}

#[test]
fn a_countdown_draws_once_a_second() {
    let mut desk = Desk::chatting(1..5, 0, true);
    desk.tell(Event::Link(LinkState::Waiting {
        problem: LinkProblem::TimedOut,
        retry_at: Instant::now() + Duration::from_millis(9_500),
    }));
    let delay = next_frame(&mut desk);
    assert!(delay > Duration::from_millis(100), "{delay:?}");
    assert!(delay <= Duration::from_millis(1100), "{delay:?}");
}
