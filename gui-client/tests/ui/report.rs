//! The delivery report of a conversation, from its menu to the file.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use mensageiro::{
    engine::{Command, Delivery, Event, Export, Messages, Older, ReportFormat},
    files::PathAnswer,
    model::{Notice, Preferences, SavedFile},
};

use crate::desk::{Answer, Desk, alice, conversation, message, online, person};

const REPORT: &str = "Saved the delivery report as";

/// What is saved when the menu's entry is chosen and the engine answers with a message.
fn saved(entry: &str, format: ReportFormat, path: &Path, told: &str) -> String {
    let mut desk = saving(entry, format, path, Older::Nothing);
    until(&mut desk, |notice| {
        matches!(notice, Some(Notice::Saved(SavedFile::Report(_), _)))
    });
    assert!(desk.sees(told));
    std::fs::read_to_string(path).unwrap()
}

fn until(desk: &mut Desk, is_so: impl Fn(Option<&Notice>) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_so(desk.model().notice.as_ref()) {
        assert!(Instant::now() < deadline, "{:?}", desk.model().notice);
        std::thread::yield_now();
        desk.harness.step();
    }
    desk.harness.run();
}

fn saving(entry: &str, format: ReportFormat, path: &Path, older: Older) -> Desk {
    let answer = Answer(PathAnswer::At(path.to_owned()));
    let mut desk = Desk::with_dialog(Preferences::default(), answer);
    desk.write("User name", "alice");
    desk.click("Sign in");
    desk.tell(Event::SignedIn {
        account: alice(),
        conversations: vec![conversation("bob", 1, 0)],
    });
    desk.tell(online());
    desk.click("bob");
    desk.asked();
    desk.click("More about this conversation");
    desk.click(entry);
    let with = person("bob");
    assert_eq!(
        desk.asked(),
        [Command::Report {
            with: with.clone(),
            format
        }]
    );
    let export = Export::new(move || {
        let message = message(1, "bob", Delivery::Received, "=1+1 & more");
        Ok(Messages {
            count: 1,
            older,
            all: Box::new(std::iter::once(Ok(message))),
        })
    });
    desk.say(Event::Report {
        with,
        format,
        export,
    });
    desk
}

#[test]
fn what_is_only_at_the_server_is_told_whatever_the_format() {
    let folder = tempfile::tempdir().unwrap();
    for (entry, format, says_so) in [
        ("Save delivery report (HTML)…", ReportFormat::Html, true),
        ("Save delivery report (CSV)…", ReportFormat::Csv, false),
        ("Export conversation…", ReportFormat::Text, true),
    ] {
        let path = folder.path().join(format!("{format:?}"));
        let mut desk = saving(entry, format, &path, Older::AtServer);
        until(&mut desk, |notice| {
            matches!(notice, Some(Notice::SavedInPart(..)))
        });
        let sentence = "Older ones are still on the server";
        assert!(desk.sees(sentence), "{format:?}");
        // Rows have no place for it.
        let written = std::fs::read_to_string(path).unwrap();
        assert_eq!(written.contains(sentence), says_so, "{format:?}");
    }
}

#[test]
fn the_page_is_saved_where_the_dialog_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    let page = saved(
        "Save delivery report (HTML)…",
        ReportFormat::Html,
        &path,
        REPORT,
    );
    assert!(page.contains("<h1>Delivery report: bob</h1>"), "{page}");
    assert!(
        page.contains("<td>bob</td><td>=1+1 &amp; more</td>"),
        "{page}"
    );
}

#[test]
fn the_rows_are_saved_where_the_dialog_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.csv");
    let rows = saved(
        "Save delivery report (CSV)…",
        ReportFormat::Csv,
        &path,
        REPORT,
    );
    assert!(rows.ends_with(",'=1+1 & more\n"), "{rows}");
}

#[test]
fn what_was_said_is_saved_as_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("conversation.txt");
    let told = "Saved the conversation as";
    let said = saved("Export conversation…", ReportFormat::Text, &path, told);
    assert!(said.starts_with("Conversation: bob\n"), "{said}");
    assert!(said.ends_with(" bob: =1+1 & more\n"), "{said}");
}
