//! The archive's thread.

use std::{path::Path, sync::Arc};

use crossbeam_channel::bounded;

use super::{
    Archive, Following, RECORD_AFTER, WakeUp, Writer,
    fake::{Fake, rows_of},
};
use crate::{alarm::Alarm, model::message::MessageId};

fn open(folder: &Path) -> Archive {
    Archive::open(folder.join("messages.csv"), folder.join("archive")).unwrap()
}

/// Runs the thread until everything is written that `act` has read.
fn run(folder: &Path, marks: &Arc<Fake>, act: impl FnOnce(&WakeUp)) {
    let alarm = Alarm::new(bounded(1).0);
    let (wake_up, thread) = open(folder).start(marks.clone(), &alarm).unwrap();
    act(&wake_up);
    drop(wake_up);
    thread.finish();
}

#[test]
fn what_was_read_is_in_the_file_and_recorded_after_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("messages.csv");
    let marks = Arc::new(Fake::default());
    for round in 1..4 {
        run(folder.path(), &marks, |wake_up| {
            marks.exchange(&["one", "two"]);
            wake_up.wake();
        });
        assert_eq!(rows_of(&csv), marks.rows());
        assert_eq!(marks.is_archived(), round);
        let last = open(folder.path()).last_numbers();
        assert_eq!(
            (last.read_mark, last.message),
            (round, MessageId(2 * round))
        );
    }
    // It is told at each start.
    marks.forget_archived(0);
    run(folder.path(), &marks, |_| ());
    assert_eq!(marks.is_archived(), 3);
    assert_eq!(rows_of(&csv), marks.rows());
}

#[test]
fn a_position_is_recorded_a_while_after_news_and_nothing_is_due_without() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name| folder.path().join(name);
    let marks = Arc::new(Fake::default());
    let mut following = Following {
        writer: Writer::open(path("messages.csv"), path("archive")).unwrap(),
        marks: marks.clone(),
        news_since: None,
    };
    assert!(!following.follow(false).unwrap());
    assert_eq!(following.until_record(), None);
    marks.exchange(&["one"]);
    assert!(following.follow(false).unwrap());
    assert!(
        following
            .until_record()
            .is_some_and(|limit| limit <= RECORD_AFTER)
    );
    assert_eq!(marks.is_archived(), 0);
    following.record(true).unwrap();
    assert_eq!(following.until_record(), None);
    assert_eq!(marks.is_archived(), 1);
    assert!(!following.follow(false).unwrap());
    assert_eq!(following.until_record(), None);
}
