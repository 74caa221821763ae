//! A mistake in the program ends one thread. Nothing is accepted after it that could be lost, and
//! whoever runs the server gets to know.

use std::{sync::Arc, thread, time::Duration};

use crossbeam_channel::{Receiver, Sender, unbounded};
use mensageiro_server::{
    commit::{Entry, Origin, Refused},
    model::{
        event::Read,
        message::{MessageId, Tag},
    },
    state::Outcome,
};

use crate::desk::{Desk, Session, draft, ids, login};

const PATIENCE: Duration = Duration::from_secs(20);

fn message(from: &str) -> Entry {
    Entry {
        from: login(from),
        device: None,
        reads: Vec::new(),
        sets: Vec::new(),
        drafts: vec![draft(from, "bruno", None).draft],
    }
}

/// Something was acknowledged before, and is there after a new start; its number is not used again.
fn check_new_start(desk: Desk) {
    assert!(desk.committer.write(message("carla")).is_err());
    let folder = desk.folder.clone();
    desk.stop();
    let desk = Desk::open(folder);
    // Of what was under way nobody knows whether it was stored; it was not acknowledged.
    let waiting = desk.waiting("bruno");
    assert_eq!(waiting[0], 1);
    let accepted = desk.send(vec![draft("ana", "bruno", None)]);
    assert_eq!(ids(&accepted), [(waiting.len() as u64 + 1, false)]);
    desk.stop();
}

fn desk_that_panics_at(call: &'static str) -> (tempfile::TempDir, Desk) {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path().to_owned());
    desk.send(vec![draft("ana", "bruno", None)]);
    *desk.watched.panics_at.lock().unwrap() = Some(call);
    (folder, desk)
}

#[test]
fn after_a_panic_of_a_session_that_writes_nothing_more_is_accepted() {
    let (_folder, desk) = desk_that_panics_at("append");
    let committer = desk.committer.clone();
    let session = thread::spawn(move || committer.write(message("ana")));
    assert!(session.join().unwrap().is_err());
    desk.refused.recv_timeout(PATIENCE).unwrap();
    *desk.watched.panics_at.lock().unwrap() = None;
    assert!(desk.committer.write(message("ana")).is_err());
    check_new_start(desk);
}

/// Keeps whoever commits from going on.
struct Holding {
    is_told: Sender<()>,
    go_on: Receiver<()>,
}

impl Origin for Holding {
    fn done(&self, _: &[Option<Tag>], _: Result<&[Outcome], Refused>) {
        self.is_told.send(()).unwrap();
        self.go_on.recv_timeout(PATIENCE).unwrap();
    }

    fn flush(&self) {}

    fn key(&self) -> Option<u64> {
        None
    }
}

#[test]
fn after_a_panic_of_the_thread_that_commits_nothing_more_is_accepted() {
    let (_folder, desk) = desk_that_panics_at("nothing");
    let (is_told, told) = unbounded();
    let (resume, go_on) = unbounded();
    let holding = Arc::new(Holding { is_told, go_on });
    let committer = desk.committer.clone();
    let only_reads = Entry {
        from: login("bruno"),
        device: None,
        reads: vec![Read::All {
            up_to: MessageId(0),
        }],
        sets: Vec::new(),
        drafts: Vec::new(),
    };
    let session = thread::spawn(move || committer.submit(only_reads, holding));
    told.recv_timeout(PATIENCE).unwrap();
    *desk.watched.panics_at.lock().unwrap() = Some("append");
    // Committing is held up, so these are the thread's.
    let tell = desk.tell.clone();
    desk.committer
        .submit(message("ana"), Arc::new(Session { key: 1, told: tell }));
    let committer = desk.committer.clone();
    let waits = thread::spawn(move || committer.write(message("carla")));
    resume.send(()).unwrap();
    session.join().unwrap();
    desk.refused.recv_timeout(PATIENCE).unwrap();
    // Whoever waits is told.
    assert!(waits.join().unwrap().is_err());
    check_new_start(desk);
}

#[test]
fn a_panic_of_the_archives_thread_is_noticed() {
    let (_folder, desk) = desk_that_panics_at("marks");
    desk.read(
        "bruno",
        Read::All {
            up_to: MessageId(1),
        },
    );
    desk.refused.recv_timeout(PATIENCE).unwrap();
    let folder = desk.folder.clone();
    desk.stop();
    // The row is not written twice.
    let desk = Desk::open(folder.clone());
    desk.stop();
    let rows = std::fs::read_to_string(folder.join("messages.csv")).unwrap();
    assert_eq!(rows.lines().count(), 2, "{rows}");
}
