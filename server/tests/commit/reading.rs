//! What is read: cursors, long mailboxes, and what a start reads.

use mensageiro_protocol::Text;
use mensageiro_server::model::{event::Read, message::MessageId};

use crate::desk::{Desk, Written, draft, login, pair};

#[test]
fn a_cursor_moves_forward_only_and_to_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path().into());
    for to in ["bob", "carla", "bob", "bob"] {
        desk.send(vec![draft("ana", to, None)]);
    }
    let read = |up_to| Read::Conversation {
        with: pair("ana", "bob"),
        up_to: MessageId(up_to),
    };
    let given = |up_to| Read::Delivered {
        up_to: MessageId(up_to),
    };
    desk.moved();
    let bob = |delivered, read| vec![("bob".to_owned(), delivered, read)];
    desk.read("bob", given(3));
    assert_eq!(desk.moved(), bob(Some(3), None));
    desk.read("bob", given(3));
    desk.read("bob", given(1));
    assert_eq!(desk.moved(), []);
    desk.read("bob", read(2));
    assert_eq!(desk.moved(), bob(None, Some(1)));
    assert_eq!(desk.waiting("bob"), [3, 4]);
    desk.read("bob", read(1));
    desk.read("carla", read(9));
    assert_eq!(desk.moved(), []);
    desk.read("bob", read(1_000));
    assert_eq!(desk.moved(), bob(Some(4), Some(4)));
    assert_eq!(desk.waiting("bob"), [0; 0]);
    desk.read("bob", given(1_000));
    assert_eq!(desk.moved(), []);
    let desk = desk.reopen();
    assert_eq!(desk.waiting("bob"), [0; 0]);
    assert_eq!(desk.waiting("carla"), [2]);
    let peers: Vec<_> = desk.mailboxes.peers(&login("ana"), MessageId(0)).collect();
    let peers: Vec<_> = peers
        .iter()
        .map(|one| (&one.who, one.delivered, one.read))
        .collect();
    let four = Some(MessageId(4));
    assert_eq!(
        peers,
        [(&login("bob"), four, None), (&login("bob"), None, four)]
    );
    let since = desk.mailboxes.peers(&login("ana"), MessageId(5));
    assert_eq!(since.count(), 0);
    desk.stop();
}

/// Only the newest messages are in memory.
#[test]
fn a_long_mailbox_comes_out_whole_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path().into());
    let text = |id: u64| Text::from(format!("message {id}").as_str());
    for id in 1..=2000 {
        let one = match id % 4 {
            0 => desk.to_class("ana", &["ana", "bob", "carla"]),
            by => draft(["ana", "carla", "diego"][by as usize - 1], "bob", None),
        };
        let Written { from, mut draft } = one;
        draft.text = text(id);
        desk.send(vec![Written { from, draft }]);
    }
    let check = |desk: &Desk, expected: &[u64]| {
        // Beside the 500 that wait for carla.
        let waiting = desk.mailboxes.totals().1 - 500;
        let all = expected.len() as u64;
        assert!(waiting.abs_diff(all) * 15 <= all, "{waiting} of {all}");
        for limit in [7, 1000] {
            let mut last = MessageId(0);
            let mut seen = Vec::new();
            loop {
                let range = (last, MessageId(1990));
                let some = desk
                    .mailboxes
                    .peek(&desk.messages, &login("bob"), range, limit)
                    .unwrap();
                for message in &some {
                    assert_eq!(message.text, text(message.id.0));
                    assert_eq!(message.members.is_some(), message.id.0 % 4 == 0);
                    seen.push(message.id.0);
                    last = message.id;
                }
                if some.len() < limit {
                    break;
                }
            }
            let expected = expected.iter().copied().filter(|&id| id <= 1990);
            assert_eq!(seen, expected.collect::<Vec<_>>());
        }
    };
    let all: Vec<_> = (1..=2000).collect();
    check(&desk, &all);
    desk.read(
        "bob",
        Read::Conversation {
            with: pair("carla", "bob"),
            up_to: MessageId(1500),
        },
    );
    let left = |id: &u64| id % 4 != 2 || *id > 1500;
    let rest: Vec<_> = all.iter().copied().filter(left).collect();
    check(&desk, &rest);
    let up_to = MessageId(900);
    desk.read("bob", Read::All { up_to });
    let rest: Vec<_> = rest.into_iter().filter(|&id| id > 900).collect();
    check(&desk, &rest);
    let desk = desk.reopen();
    check(&desk, &rest);
    desk.stop();
}

#[test]
fn one_conversation_is_read_out_of_the_middle_of_a_mailbox() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path().into());
    for id in 1..=60 {
        let from = ["ana", "carla", "diego"][id % 3];
        desk.send(vec![draft(from, "bob", None)]);
    }
    let left = |condition: &dyn Fn(u64) -> bool| (1..=60).filter(|&id| condition(id)).collect();
    let read = |from: &str, up_to| {
        desk.read(
            "bob",
            Read::Conversation {
                with: pair(from, "bob"),
                up_to: MessageId(up_to),
            },
        );
        desk.waiting("bob")
    };
    let expected: Vec<_> = left(&|id| id % 3 != 1 || id > 31);
    assert_eq!(read("carla", 31), expected);
    let expected: Vec<_> = left(&|id| id % 3 == 2 || (id % 3 == 1 && id > 31));
    assert_eq!(read("ana", 60), expected);
    let expected: Vec<_> = left(&|id| id % 3 == 2);
    assert_eq!(read("carla", 60), expected);
    assert_eq!(desk.mailboxes.totals(), (1, 20));
    desk.read(
        "bob",
        Read::All {
            up_to: MessageId(29),
        },
    );
    let expected: Vec<_> = left(&|id| id % 3 == 2 && id > 29);
    assert_eq!(desk.waiting("bob"), expected);
    let desk = desk.reopen();
    assert_eq!(desk.waiting("bob"), expected);
    desk.stop();
}

#[test]
fn a_start_reads_no_message() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(folder.path().into());
    let many = |from: &str, to: &str| (0..1_000).map(|_| draft(from, to, None)).collect();
    for _ in 0..5 {
        desk.send(many("ana", "bob"));
        desk.send(many("bot", "carla"));
        desk.read(
            "bob",
            Read::All {
                up_to: MessageId::MAX,
            },
        );
        desk.read(
            "carla",
            Read::All {
                up_to: MessageId::MAX,
            },
        );
        desk.send(vec![desk.to_class("ana", &["ana", "bob", "carla"])]);
    }
    for _ in 0..2 {
        desk = desk.reopen();
        assert_eq!(desk.reads(), 0);
        assert_eq!(desk.mailboxes.totals(), (2, 2));
    }
    desk.stop();
}
