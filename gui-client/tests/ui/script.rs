use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use egui::ViewportCommand;
use mensageiro::engine::{Command, Event};

use crate::desk::{Desk, alice, online, received};

/// Draws frames until the app wants to close.
fn closes(desk: &mut Desk) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    std::iter::repeat_with(|| Instant::now() < deadline)
        .take_while(|in_time| *in_time)
        .any(|_| {
            desk.harness.step();
            let output = desk.harness.output();
            let mut commands = output.viewport_output.values().flat_map(|v| &v.commands);
            commands.any(|command| matches!(command, ViewportCommand::Close))
        })
}

#[test]
fn a_script_signs_in_writes_and_ends_the_app() {
    let script = "
        size 900 600
        sign-in alice localhost:3333
        wait-online
        wait-message message 7
        open bob
        type hello
        send
        wait-accepted
        quit";
    let (failed, failure) = bounded(1);
    let mut desk = Desk::scripted(script, failed);
    desk.harness.run_steps(40);
    assert!(matches!(&desk.asked()[..], [Command::SignIn { account, .. }] if *account == alice()));
    desk.tell(Event::SignedIn {
        account: alice(),
        conversations: vec![],
    });
    desk.tell(online());
    assert!(desk.asked().is_empty(), "it waits for a message");
    desk.say(Event::Message(received(7)));
    assert!(closes(&mut desk));
    let asked = desk.asked();
    let sent = |command: &Command| {
        matches!(command, Command::Send { to, text, .. }
            if to.as_str() == "bob" && text.as_str() == "hello")
    };
    assert!(asked.iter().any(sent), "{asked:?}");
    assert!(failure.try_recv().is_err());
}

#[test]
fn a_script_that_waits_in_vain_says_so_and_ends_the_app() {
    let (failed, failure) = bounded(1);
    let mut desk = Desk::scripted("pause 0.3\ntimeout 0\nwait-online", failed);
    assert!(closes(&mut desk));
    let why = failure.try_recv().unwrap();
    assert!(why.contains("line 3"), "{why}");
}
