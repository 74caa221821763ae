//! The delivery report of a conversation, from its menu to the file.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use mensageiro::{
    engine::{Command, Delivery, Event, ReportFormat},
    model::{Notice, Preferences, SavedFile},
};

use crate::desk::{Answer, Desk, alice, conversation, message, online, person};

const REPORT: &str = "Saved the delivery report as";

/// What is saved when the menu's entry is chosen and the engine answers with a message.
fn saved(entry: &str, format: ReportFormat, path: &Path, told: &str) -> String {
    let answer = Answer(Some(path.to_owned()));
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
    desk.say(Event::Report {
        with,
        format,
        messages: vec![message(1, "bob", Delivery::Received, "=1+1 & more")],
        is_complete: true,
    });
    let deadline = Instant::now() + Duration::from_secs(10);
    while !matches!(
        desk.model().notice,
        Some(Notice::Saved(SavedFile::Report(_), _))
    ) {
        assert!(Instant::now() < deadline, "{:?}", desk.model().notice);
        std::thread::yield_now();
        desk.harness.step();
    }
    desk.harness.run();
    assert!(desk.sees(told));
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_page_is_saved_where_the_dialog_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    let page = saved(
        "Delivery report as a page",
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
        "Delivery report for a spreadsheet",
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
    let said = saved("Conversation as text", ReportFormat::Text, &path, told);
    assert!(said.starts_with("Conversation: bob\n"), "{said}");
    assert!(said.ends_with(" bob: =1+1 & more\n"), "{said}");
}
