//! Old segments of the log are dropped; what is left means the same without them.

use std::{fs, ops::ControlFlow};

use jiff::{SignedDuration, Timestamp};
use mensageiro_protocol::Text;
use mensageiro_server::{
    log::{FileLog, Keep, Log, Position},
    model::{codec, conversation::Conversation, event::Read, message::MessageId},
};

use crate::desk::{Desk, ids, login};

#[test]
fn what_is_left_after_old_segments_were_dropped_means_the_same_even_without_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path().into());
    let mut written = desk.to_class("ana", &["ana", "bob", "carla"]);
    written.draft.text = Text::from("many words ".repeat(20).as_str());
    for _ in 0..300 {
        desk.send(vec![written.clone(); 10]);
    }
    for who in ["bob", "carla"] {
        let up_to = MessageId(2_990);
        desk.read(who, Read::All { up_to });
    }
    let unread: Vec<_> = (2_991..=3_000).collect();
    assert_eq!(desk.waiting("bob"), unread);
    desk.stop();
    let store = folder.path().join("store");
    let log = FileLog::open(
        &store,
        &Desk::settings(),
        &mut |_| ControlFlow::Continue(()),
    )
    .unwrap();
    let dropped = log.drop_old(&Keep {
        now: Timestamp::now() + SignedDuration::from_hours(100),
        keep: SignedDuration::from_hours(1),
        before: log.end(),
        time_of: &|payload| Some(codec::read_batch(payload).unwrap().at),
    });
    assert!(dropped.unwrap() > 64 * 1024);
    assert!(log.start() > Position::START);
    drop(log);
    for is_index_lost in [false, true] {
        if is_index_lost {
            for file in fs::read_dir(&store).unwrap() {
                let file = file.unwrap().path();
                if file.to_str().unwrap().contains("index.sqlite") {
                    fs::remove_file(file).unwrap();
                }
            }
        }
        let desk = Desk::open(folder.path().into());
        desk.index.forget_before(desk.watched.start());
        // Who has read what was dropped is not told again; what is left of it may come once more.
        let waiting = desk.waiting("bob");
        assert!(
            waiting.ends_with(&unread[..]) || is_index_lost,
            "{is_index_lost}: {waiting:?}"
        );
        let class = Conversation::Group(login("class"));
        let found = desk.messages.history(&class, None, 50, MessageId::MAX);
        let found: Vec<_> = found.unwrap().iter().map(|one| one.id.0).collect();
        let next = 3_001 + u64::from(is_index_lost);
        assert!(found.iter().copied().eq(next - found.len() as u64..next));
        let written = desk.to_class("carla", &["ana", "bob", "carla"]);
        assert_eq!(ids(&desk.send(vec![written])), [(next, false)]);
        assert!(desk.waiting("bob").ends_with(&[next]));
        for who in ["ana", "bob", "carla"] {
            let up_to = MessageId(next);
            if who != "bob" {
                desk.read(who, Read::All { up_to });
            }
        }
        desk.stop();
    }
}
