//! What a start makes of a file that somebody has edited, and of one that a crash has left half written.

use std::{
    fs::{self, OpenOptions},
    path::Path,
};

use proptest::prelude::*;
use tempfile::TempDir;

use super::{
    super::{
        fake::{Fake, login, rows_of},
        position::{Position, PositionFile},
    },
    Writer,
};
use crate::model::{conversation::Conversation, message::MessageId};

const HEAD: &str = "id,sent_at,read_at,from,to,text\n";

/// Three messages that bob has read, and their rows.
struct Case {
    marks: Fake,
    rows: [String; 3],
}

impl Case {
    fn new() -> Self {
        let marks = Fake::default();
        marks.write("bob", "hi");
        marks.write("bob", "say \"x\",\n3,t,t,ana,bob,y");
        marks.write("class", "bye");
        let pair = Conversation::pair(&login("ana"), &login("bob"));
        marks.read("bob", pair, 2, 10_000);
        marks.read("bob", Conversation::Group(login("class")), 3, 10_000);
        let folder = tempfile::tempdir().unwrap();
        let whole = started(&folder, &marks);
        let rest = whole.strip_prefix(HEAD).unwrap();
        let (second, third) = (
            rest.find("\n2,").unwrap() + 1,
            rest.find("\n3,2").unwrap() + 1,
        );
        let rows = [&rest[..second], &rest[second..third], &rest[third..]];
        Self {
            marks,
            rows: rows.map(str::to_owned),
        }
    }

    /// Starts with a file of this content, whose first `known` bytes were there before anything was read. Afterwards there
    /// are these bytes of it, with rows 1 to 3 but those that are `written` already.
    fn check(&self, content: &str, known: usize, written: &[usize], left: &str) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("messages.csv"), content).unwrap();
        if known > 0 {
            record(folder.path(), known);
        }
        let mut expected = left.to_owned();
        let missing: String = (1..=3)
            .filter(|row| !written.contains(row))
            .map(|row| &self.rows[row - 1][..])
            .collect();
        if !missing.is_empty() && !expected.ends_with('\n') {
            expected.push('\n');
        }
        expected.push_str(&missing);
        assert_eq!(
            started(&folder, &self.marks),
            expected,
            "{content:?} {known}"
        );
        assert_eq!(started(&folder, &self.marks), expected);
    }

    fn check_kept(&self, content: &str, known: usize, written: &[usize]) {
        self.check(content, known, written, content);
    }
}

fn record(folder: &Path, length: usize) {
    let mut position = PositionFile::read(folder.join("archive")).unwrap();
    let known = Position {
        length: length as u64,
        ..Position::default()
    };
    position.write(known).unwrap();
}

fn opened(folder: &TempDir) -> Writer {
    let path = |name| folder.path().join(name);
    Writer::open(path("messages.csv"), path("archive")).unwrap()
}

/// What is in the file after a start.
fn started(folder: &TempDir, marks: &Fake) -> String {
    let mut writer = opened(folder);
    while writer.append(marks).unwrap().is_some() {}
    fs::read_to_string(folder.path().join("messages.csv")).unwrap()
}

#[test]
fn rows_that_are_there_are_found_and_a_torn_one_is_cut_off_wherever_it_was_torn() {
    let case = Case::new();
    let [one, two, three] = &case.rows;
    let whole = format!("{HEAD}{one}{two}");
    for known in [0, HEAD.len()] {
        case.check_kept(&whole, known, &[1, 2]);
        let kept = &whole[..HEAD.len() + one.len()];
        for cut in kept.len() + 1..whole.len() {
            case.check(&whole[..cut], known, &[1], kept);
        }
        case.check_kept(&format!("{whole}{three}"), known, &[1, 2, 3]);
    }
}

#[test]
fn the_rows_of_a_group_message_are_told_apart_by_their_readers() {
    let case = Case::new();
    let [one, two, three] = &case.rows;
    let other = three.replace("class/bob", "class/carla");
    case.check_kept(&format!("{HEAD}{one}{two}{other}"), 0, &[1, 2]);
    case.check_kept(&format!("{HEAD}{one}{two}{other}{three}"), 0, &[1, 2, 3]);
}

#[test]
fn what_a_person_wrote_stays_and_hides_no_row() {
    let case = Case::new();
    let [one, two, three] = &case.rows;
    for own in [
        "ordered: the 19\" monitor\n",
        "\"\n",
        "0,t,t,\"ana,bob,a quote in an old row\n",
        "0,t,t,ana,bob,\"a quote before an old text\n",
        "99,by,hand\n",
        ",,,,,\r\n",
        "1\n",
    ] {
        for known in [500, HEAD.len()] {
            case.check_kept(&format!("{HEAD}{own}{one}{two}{three}"), known, &[1, 2, 3]);
            case.check_kept(&format!("{HEAD}{own}{one}{three}"), known, &[1, 3]);
        }
        let end = own.trim_end();
        case.check_kept(&format!("{HEAD}{one}{three}{end}"), 500, &[1, 3]);
        let kept = format!("{HEAD}{own}{one}");
        case.check(&format!("{kept}{}", &three[..30]), 500, &[1], &kept);
    }
}

#[test]
fn a_row_that_is_there_is_not_begun_once_more() {
    let case = Case::new();
    let [one, ..] = &case.rows;
    case.check_kept(&format!("{HEAD}{one}{}", &one[..20]), HEAD.len(), &[1]);
}

#[test]
fn what_is_not_exactly_the_beginning_of_a_row_stays() {
    let case = Case::new();
    let three = case.rows[2].trim_end().to_owned();
    for end in [
        &three.replace("bye", "by hand"),
        three.strip_suffix(",bye").unwrap(),
        "3;t;t",
        "4,t",
        "3,x",
    ] {
        let is_whole = end.contains("by hand");
        let content = format!("{HEAD}{end}");
        let left = if three.starts_with(end) {
            HEAD
        } else {
            &content
        };
        case.check(&content, 500, if is_whole { &[3] } else { &[] }, left);
    }
    // Somebody has edited it, so a number alone may be anything.
    case.check_kept(&format!("{HEAD}3"), 500, &[]);
}

#[test]
fn rows_of_a_file_that_was_saved_in_another_form_are_found() {
    let case = Case::new();
    case.check_kept(
        "id;sent_at;read_at;from;to;text\r\n1;t;t;ana;bob;hi\r\n2;t;t;ana;bob;x\r\n3;t;t;ana;class/bob;bye",
        500,
        &[1, 2, 3],
    );
    case.check_kept(
        "\"id\",\"sent_at\"\n\"1\",\"t\",\"t\",\"ana\",\"bob\",\"hi\"\n",
        500,
        &[1],
    );
    case.check_kept("id,sent_at,from,to,text\n1,t,ana,bob,hi", 500, &[]);
    let [one, two, three] = &case.rows;
    for known in [HEAD.len(), HEAD.len() + 3, 500] {
        case.check_kept(
            &format!("\u{feff}{HEAD}{three}{two}{one}"),
            known,
            &[1, 2, 3],
        );
    }
}

#[test]
fn a_file_that_is_gone_or_shorter_is_gone_on_with_and_old_rows_do_not_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let marks = Fake::default();
    marks.exchange(&["one", "two"]);
    let mut writer = opened(&folder);
    while writer.append(&marks).unwrap().is_some() {}
    writer.record(&marks).unwrap();
    drop(writer);
    let csv = folder.path().join("messages.csv");
    for content in [
        None,
        Some(""),
        Some(HEAD),
        Some("id,sent_at,read_at,from,to,text"),
    ] {
        match content {
            None => fs::remove_file(&csv).unwrap(),
            Some(content) => fs::write(&csv, content).unwrap(),
        }
        marks.exchange(&["three"]);
        started(&folder, &marks);
        let rows = rows_of(&csv);
        assert!(rows.iter().all(|row| row.2 == "three"), "{rows:?}");
    }
}

#[test]
fn rows_wait_while_the_file_cannot_be_written_and_come_in_portions() {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("messages.csv");
    let marks = Fake::default();
    marks.exchange(&["one"]);
    let mut writer = opened(&folder);
    writer.append(&marks).unwrap();
    fs::rename(&csv, folder.path().join("away.csv")).unwrap();
    fs::create_dir(&csv).unwrap();
    for number in 0..100 {
        marks.exchange(&[&format!("{number}")]);
    }
    assert!(writer.append(&marks).is_err());
    assert!(writer.record(&marks).is_err());
    assert_eq!(marks.is_archived(), 0);
    fs::remove_dir(&csv).unwrap();
    while writer.append(&marks).unwrap().is_some() {}
    writer.record(&marks).unwrap();
    let rows = rows_of(&csv);
    assert_eq!(rows, marks.rows()[1..]);
    assert_eq!(marks.is_archived(), 101);
}

#[test]
fn marks_that_cannot_be_read_now_are_archived_later() {
    let folder = tempfile::tempdir().unwrap();
    let marks = Fake::default();
    for number in 0..50 {
        marks.exchange(&[&format!("{number}")]);
    }
    let mut writer = opened(&folder);
    marks.set_broken(true);
    assert!(writer.append(&marks).is_err());
    marks.set_broken(false);
    assert!(writer.append(&marks).unwrap().is_some());
    marks.set_broken(true);
    assert!(writer.append(&marks).is_err());
    marks.set_broken(false);
    while writer.append(&marks).unwrap().is_some() {}
    assert_eq!(rows_of(&folder.path().join("messages.csv")), marks.rows());
}

#[test]
fn ids_that_the_file_has_ahead_of_everybody_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("messages.csv");
    let marks = Fake::default();
    marks.exchange(&["one", "two"]);
    let mut writer = opened(&folder);
    while writer.append(&marks).unwrap().is_some() {}
    writer.record(&marks).unwrap();
    assert_eq!(opened(&folder).newest(), (1, MessageId(2)));
    let mut content = fs::read_to_string(&csv).unwrap();
    content.push_str("77,t,t,ana,bob,what a power cut took\n");
    fs::write(&csv, &content).unwrap();
    assert_eq!(opened(&folder).newest(), (1, MessageId(77)));
    // It stays so when the rows are behind the position.
    marks.exchange(&["three"]);
    let mut writer = opened(&folder);
    while writer.append(&marks).unwrap().is_some() {}
    writer.record(&marks).unwrap();
    drop(writer);
    assert_eq!(opened(&folder).newest(), (2, MessageId(77)));
}

#[test]
fn a_gap_that_a_power_cut_has_left_is_moved_aside_and_its_rows_are_written_again() {
    let case = Case::new();
    let [one, two, three] = &case.rows;
    let gap = two.len() / 2;
    let content = format!(
        "{HEAD}{one}{}\0\0\0{}{three}my own\n",
        &two[..gap],
        &two[gap + 3..]
    );
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("messages.csv"), &content).unwrap();
    record(folder.path(), HEAD.len());
    assert_eq!(
        started(&folder, &case.marks),
        format!("{HEAD}{one}{two}{three}")
    );
    let aside = fs::read_to_string(folder.path().join("messages.damaged.csv")).unwrap();
    assert!(content.ends_with(&aside) && aside.ends_with("my own\n"));
    // One that was there before is left alone.
    let folder = tempfile::tempdir().unwrap();
    let old = format!("{HEAD}0,t,t,ana,\0\0\0\n{one}");
    fs::write(folder.path().join("messages.csv"), &old).unwrap();
    assert_eq!(started(&folder, &case.marks), format!("{old}{two}{three}"));
}

#[test]
fn rows_go_on_in_a_new_file_when_the_old_one_is_moved_away() {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("messages.csv");
    let marks = Fake::default();
    let mut writer = opened(&folder);
    for text in ["one", "two", "three"] {
        marks.exchange(&[text]);
        while writer.append(&marks).unwrap().is_some() {}
        assert!(writer.has_news());
        assert!(writer.is_urgent(), "the position says nothing of this file");
        writer.record(&marks).unwrap();
        assert_eq!(rows_of(&csv)[0].2, text);
        fs::rename(&csv, folder.path().join(text)).unwrap();
    }
}

#[test]
fn rows_of_one_moment_are_found_whatever_their_order_and_the_windows() {
    let folder = tempfile::tempdir().unwrap();
    let marks = Fake::default();
    for number in 0..30 {
        marks.write(if number < 8 { "bob" } else { "class" }, "text");
    }
    // Made before anything was read, so all of it is one write, in the order of ids.
    let mut writer = opened(&folder);
    assert!(writer.append(&marks).unwrap().is_none());
    let pair = Conversation::pair(&login("ana"), &login("bob"));
    marks.read("bob", Conversation::Group(login("class")), 30, 10_000);
    marks.read("bob", pair, 30, 10_000);
    while writer.append(&marks).unwrap().is_some() {}
    let csv = folder.path().join("messages.csv");
    let whole = fs::read_to_string(&csv).unwrap();
    assert_eq!(rows_of(&csv), marks.rows());
    assert_eq!(started(&folder, &marks), whole);
}

#[test]
fn a_row_without_its_line_end_is_not_written_again_and_the_next_begins_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("messages.csv");
    let marks = Fake::default();
    marks.exchange(&["one"]);
    let whole = started(&folder, &marks);
    let file = OpenOptions::new().write(true).open(&csv).unwrap();
    file.set_len(whole.len() as u64 - 1).unwrap();
    marks.exchange(&["two"]);
    assert!(started(&folder, &marks).starts_with(&whole));
    assert_eq!(rows_of(&csv), marks.rows());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_was_written_between_rows_they_are_found(own in "[12,;\t\r\n\"x]{0,30}") {
        let case = Case::new();
        let [one, _, three] = &case.rows;
        case.check_kept(&format!("{HEAD}{own}\n{one}{three}"), 0, &[1, 3]);
        case.check_kept(&format!("{HEAD}{one}{own}\n{three}"), HEAD.len(), &[1, 3]);
    }
}
