//! The journal with a store on disk: tags, cursors, who is told, and what a start reads.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    ops::RangeInclusive,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use jiff::Timestamp;
use mensageiro_protocol::{Login, Text};
use mensageiro_server::{
    archive::Archive,
    conversation::Conversation,
    journal::{Accepted, Audience, Committed, Entry, Journal, Origin, Parts, Read, Refused},
    mailbox::{Mailboxes, Moved},
    message::{Draft, Message, MessageId, ReadMark, Recipient, Tag},
    options::Durability,
    status::Counters,
    store::{
        Commit, CursorRecord, DiskStore, LastNumbers, Loss, Store, StoreError, TagRecord,
        Unarchived,
    },
};

fn login(name: &str) -> Login {
    Login::parse(name).unwrap()
}

fn pair(a: &str, b: &str) -> Conversation {
    Conversation::pair(&login(a), &login(b))
}

fn draft(from: &str, to: &str, tag: Option<&str>) -> Draft {
    Draft {
        from: login(from),
        to: Recipient::User(login(to)),
        tag: tag.map(|tag| Tag::parse(tag).unwrap()),
        text: Text::from("hello"),
    }
}

fn to_class(from: &str, members: &[&str]) -> Draft {
    let members: BTreeSet<_> = members.iter().map(|name| login(name)).collect();
    Draft {
        to: Recipient::Group(login("class"), Arc::new(members)),
        ..draft(from, "class", None)
    }
}

/// What an audience and the origins are told, in the order in which they are.
#[derive(Debug)]
enum Told {
    Committed {
        messages: Vec<(u64, Option<u64>)>,
        moved: Vec<Moved>,
        visible: u64,
    },
    Done {
        key: u64,
        ids: Vec<u64>,
    },
}

struct Listener {
    told: Sender<Told>,
    mailboxes: Arc<Mailboxes>,
}

impl Audience for Listener {
    fn committed(&mut self, committed: &Committed<'_>) {
        let sent = committed.sent.iter();
        let told = Told::Committed {
            messages: sent
                .flat_map(|sent| sent.messages.iter().map(|one| (one.id.0, sent.by)))
                .collect(),
            moved: committed.moved.to_vec(),
            visible: self.mailboxes.last().0,
        };
        self.told.send(told).unwrap();
    }

    fn settled(&mut self) -> Box<dyn FnOnce() + Send> {
        Box::new(|| {})
    }
}

struct Session {
    key: u64,
    told: Sender<Told>,
}

impl Origin for Session {
    fn done(&self, tags: &[Option<Tag>], outcome: Result<&[Accepted], Refused>) {
        let accepted = outcome.unwrap();
        assert_eq!(tags.len(), accepted.len());
        let told = Told::Done {
            key: self.key,
            ids: accepted.iter().map(|one| one.id.0).collect(),
        };
        self.told.send(told).unwrap();
    }

    fn flush(&self) {}

    fn key(&self) -> Option<u64> {
        Some(self.key)
    }
}

/// A journal and what belongs to it, without connections.
struct Desk {
    folder: PathBuf,
    store: Arc<Counting>,
    mailboxes: Arc<Mailboxes>,
    journal: Journal,
    thread: JoinHandle<()>,
    archive: Archive,
    told: Receiver<Told>,
    tell: Sender<Told>,
}

impl Desk {
    fn open(folder: PathBuf) -> Self {
        let store = folder.join("store");
        fs::create_dir_all(&store).unwrap();
        let inner = DiskStore::open(&store, Durability::Sync, Loss::Refused).unwrap();
        let store = Arc::new(Counting {
            inner,
            shown: AtomicUsize::new(0),
        });
        let mailboxes = Arc::new(Mailboxes::load(&*store).unwrap());
        let (bell, archive) = Archive::start(folder.join("messages.csv"), store.clone()).unwrap();
        let (tell, told) = unbounded();
        let (journal, thread) = Journal::start(Parts {
            store: store.clone(),
            mailboxes: mailboxes.clone(),
            last: store.last_numbers().unwrap(),
            counters: Arc::new(Counters::start()),
            bell,
            audience: Box::new(Listener {
                told: tell.clone(),
                mailboxes: mailboxes.clone(),
            }),
            refused: bounded(1).0,
        })
        .unwrap();
        Self {
            folder,
            store,
            mailboxes,
            journal,
            thread,
            archive,
            told,
            tell,
        }
    }

    /// Stops in order and opens again.
    fn reopen(self) -> Self {
        let folder = self.folder.clone();
        self.stop();
        Self::open(folder)
    }

    fn stop(self) {
        drop(self.journal);
        self.thread.join().unwrap();
        self.archive.finish();
    }

    fn send(&self, drafts: Vec<Draft>) -> Vec<Accepted> {
        let entry = Entry {
            from: drafts[0].from.clone(),
            reads: Vec::new(),
            drafts,
        };
        self.journal.write(entry).unwrap()
    }

    fn read(&self, who: &str, read: Read) {
        let entry = Entry {
            from: login(who),
            reads: vec![read],
            drafts: Vec::new(),
        };
        self.journal.write(entry).unwrap();
    }

    fn waiting(&self, who: &str) -> Vec<u64> {
        let all = (MessageId(0), MessageId::MAX);
        let messages = self
            .mailboxes
            .peek(&*self.store, &login(who), all, usize::MAX)
            .unwrap();
        messages.iter().map(|one| one.id.0).collect()
    }

    /// What has moved since this was asked last: who, delivered, read.
    fn moved(&self) -> Vec<(String, Option<u64>, Option<u64>)> {
        let told = self.told.try_iter().filter_map(|told| match told {
            Told::Committed { moved, .. } => Some(moved),
            Told::Done { .. } => None,
        });
        told.flatten()
            .map(|one| {
                let [delivered, read] = [one.delivered, one.read].map(|id| id.map(|id| id.0));
                (one.who.to_string(), delivered, read)
            })
            .collect()
    }
}

/// A store that counts the messages it shows, and cannot read dora's tags.
struct Counting {
    inner: DiskStore,
    shown: AtomicUsize,
}

impl Store for Counting {
    fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        self.inner.commit(commit)
    }

    fn last_numbers(&self) -> Result<LastNumbers, StoreError> {
        self.inner.last_numbers()
    }

    fn cursors(&self, visit: &mut dyn FnMut(CursorRecord)) -> Result<(), StoreError> {
        self.inner.cursors(visit)
    }

    fn last_of(&self, conversation: &Conversation) -> Result<MessageId, StoreError> {
        self.inner.last_of(conversation)
    }

    fn history(
        &self,
        with: &Conversation,
        before: Option<MessageId>,
        limit: usize,
        up_to: MessageId,
    ) -> Result<Vec<Message>, StoreError> {
        self.inner.history(with, before, limit, up_to)
    }

    fn timeline(
        &self,
        conversations: &[Conversation],
        after: MessageId,
        up_to: MessageId,
        visit: &mut dyn FnMut(Message) -> bool,
    ) -> Result<(), StoreError> {
        self.inner
            .timeline(conversations, after, up_to, &mut |message| {
                self.shown.fetch_add(1, Ordering::Relaxed);
                visit(message)
            })
    }

    fn tags(
        &self,
        login: &Login,
        not_before: Timestamp,
        most: usize,
    ) -> Result<Vec<TagRecord>, StoreError> {
        if login.as_str() == "dora" {
            return Err(StoreError::Damaged {
                folder: PathBuf::new(),
                reason: "tags cannot be read".into(),
            });
        }
        self.inner.tags(login, not_before, most)
    }

    fn tags_near(
        &self,
        login: &Login,
        near: &RangeInclusive<MessageId>,
    ) -> Result<Vec<TagRecord>, StoreError> {
        self.inner.tags_near(login, near)
    }

    fn seen(&self) -> Result<HashMap<Login, Timestamp>, StoreError> {
        self.inner.seen()
    }

    fn unarchived(
        &self,
        marks: usize,
        messages: usize,
        visit: &mut dyn FnMut(&ReadMark, Unarchived<'_>),
    ) -> Result<Option<u64>, StoreError> {
        self.inner.unarchived(marks, messages, visit)
    }

    fn archived(&self, up_to: u64, archive_bytes: u64) -> Result<(), StoreError> {
        self.inner.archived(up_to, archive_bytes)
    }

    fn archive_bytes(&self) -> Result<u64, StoreError> {
        self.inner.archive_bytes()
    }
}

#[test]
fn a_message_sent_again_under_its_tag_is_the_same_message() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path().into());
    let twice = ["a", "b", "a"].map(|tag| draft("ana", "bob", Some(tag)));
    let ids = |accepted: &[Accepted]| -> Vec<_> {
        let one = |one: &Accepted| (one.id.0, one.is_repeat);
        accepted.iter().map(one).collect()
    };
    let first = desk.send(twice.to_vec());
    assert_eq!(ids(&first), [(1, false), (2, false), (1, true)]);
    let of_others = desk.send(vec![draft("bob", "ana", Some("a"))]);
    assert_eq!(ids(&of_others), [(3, false)]);
    let desk = desk.reopen();
    let again = desk.send(vec![
        draft("ana", "bob", Some("b")),
        draft("ana", "bob", Some("c")),
        draft("ana", "bob", None),
    ]);
    assert_eq!(ids(&again), [(2, true), (4, false), (5, false)]);
    assert_eq!(again[0].sent_at, first[1].sent_at);
    assert_eq!(desk.waiting("bob"), [1, 2, 4, 5]);
    desk.stop();
}

#[test]
fn whose_tags_cannot_be_read_is_refused_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path().into());
    let of_dora = |tag| Entry {
        from: login("dora"),
        reads: Vec::new(),
        drafts: vec![draft("dora", "bob", tag)],
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..=200 {
                let tag = format!("t{number}");
                let accepted = desk.send(vec![draft("ana", "bob", Some(&tag))]);
                assert_eq!(accepted[0].id.0, number);
            }
        });
        for _ in 0..200 {
            assert!(desk.journal.write(of_dora(Some("a"))).is_err());
        }
    });
    desk.journal.write(of_dora(None)).unwrap();
    assert_eq!(desk.waiting("bob"), (1..=201).collect::<Vec<_>>());
    desk.stop();
}

#[test]
fn the_audience_is_told_before_the_origin_and_when_everything_is_visible() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path().into());
    desk.send(vec![draft("ana", "bob", None)]);
    let session = Session {
        key: 77,
        told: desk.tell.clone(),
    };
    let entry = Entry {
        from: login("bob"),
        reads: vec![Read::Conversation {
            with: pair("ana", "bob"),
            up_to: MessageId(1),
        }],
        drafts: vec![draft("bob", "ana", Some("x"))],
    };
    desk.journal.submit(entry, Arc::new(session));
    let told: Vec<_> = desk.told.iter().take(3).collect();
    let Told::Committed {
        messages,
        moved,
        visible,
    } = &told[1]
    else {
        panic!("{told:?}");
    };
    assert_eq!((&messages[..], *visible), (&[(2, Some(77))][..], 2));
    let moved = &moved[0];
    assert_eq!(
        (&moved.who, &moved.with),
        (&login("bob"), &pair("ana", "bob"))
    );
    assert_eq!((moved.read, moved.by), (Some(MessageId(1)), Some(77)));
    let Told::Done { key: 77, ids } = &told[2] else {
        panic!("{told:?}");
    };
    assert_eq!(ids[..], [2]);
    desk.stop();
}

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
    let peers = desk.mailboxes.peers(&login("ana"), MessageId(0));
    let peers: Vec<_> = peers
        .iter()
        .map(|one| (&one.who, one.delivered, one.read))
        .collect();
    let four = Some(MessageId(4));
    assert_eq!(
        peers,
        [(&login("bob"), four, None), (&login("bob"), None, four)]
    );
    assert!(desk.mailboxes.peers(&login("ana"), MessageId(5)).is_empty());
    desk.stop();
}

/// Only the first messages of a mailbox are in memory.
#[test]
fn a_long_mailbox_comes_out_whole_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path().into());
    let text = |id: u64| Text::from(format!("message {id}").as_str());
    for id in 1..=2000 {
        let one = match id % 4 {
            0 => to_class("ana", &["ana", "bob", "carla"]),
            by => draft(["ana", "carla", "diego"][by as usize - 1], "bob", None),
        };
        desk.send(vec![Draft {
            text: text(id),
            ..one
        }]);
    }
    let check = |desk: &Desk, expected: &[u64]| {
        let (count, bytes) = desk.mailboxes.waiting(&login("bob"));
        let all = expected.iter().map(|&id| text(id).len());
        assert_eq!((count, bytes), (expected.len(), all.sum()));
        for limit in [7, 1000] {
            let mut last = MessageId(0);
            let mut seen = Vec::new();
            loop {
                let range = (last, MessageId(1990));
                let some = desk
                    .mailboxes
                    .peek(&*desk.store, &login("bob"), range, limit)
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
    let (count, bytes) = desk.mailboxes.waiting(&login("bob"));
    assert_eq!((count, bytes), (20, 20 * "hello".len()));
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
fn a_start_reads_what_is_unread_and_not_what_there_was() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path().into());
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
        desk.send(vec![to_class("ana", &["ana", "bob", "carla"])]);
    }
    let shown = |store: &Counting| {
        store.shown.store(0, Ordering::Relaxed);
        let mailboxes = Mailboxes::load(store).unwrap();
        let unread = mailboxes.totals().1;
        (unread, store.shown.load(Ordering::Relaxed))
    };
    // As after a kill: what was not asked for was not written.
    let (unread, read) = shown(&desk.store);
    assert_eq!(unread, 2);
    assert!(read <= 2_000, "{read} messages read to find {unread}");
    let desk = desk.reopen();
    let (unread, read) = shown(&desk.store);
    assert!(
        unread == 2 && read <= 5,
        "{read} messages read to find {unread}"
    );
    desk.stop();
}

#[test]
fn who_has_left_a_group_makes_no_start_read_what_came_after() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path().into());
    let (all, left) = (["ana", "bob", "carla"], ["ana", "bob"]);
    let read = |desk: &Desk| {
        desk.read(
            "bob",
            Read::All {
                up_to: MessageId::MAX,
            },
        );
    };
    desk.send(vec![to_class("ana", &all); 3]);
    for _ in 0..10 {
        desk.send(vec![to_class("ana", &left); 100]);
        read(&desk);
    }
    let desk = desk.reopen();
    let shown = desk.store.shown.load(Ordering::Relaxed);
    assert!(shown <= 3, "{shown} messages read to find 3");
    assert_eq!(desk.waiting("carla"), [1, 2, 3]);
    desk.send(vec![to_class("bob", &all)]);
    assert_eq!(desk.waiting("carla"), [1, 2, 3, 1_004]);
    let desk = desk.reopen();
    assert_eq!(desk.waiting("carla"), [1, 2, 3, 1_004]);
    assert_eq!(desk.waiting("ana"), [1_004]);
    desk.stop();
}

#[test]
fn a_group_message_is_in_memory_once_however_many_have_it_unread() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(folder.path().to_owned());
    desk.send(vec![to_class("ana", &["ana", "bob", "carla"]); 3]);
    for _ in 0..2 {
        let [of_bob, of_carla] = ["bob", "carla"].map(|who| {
            let all = (MessageId(0), MessageId::MAX);
            let found = desk.mailboxes.peek(&*desk.store, &login(who), all, 99);
            found.unwrap()
        });
        assert_eq!(of_bob.len(), 3);
        let mut both = of_bob.iter().zip(&of_carla);
        assert!(both.all(|(one, other)| Arc::ptr_eq(one, other)));
        desk = desk.reopen();
    }
    desk.stop();
}

#[test]
fn a_group_message_is_one_message_and_a_row_for_each_who_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path().into());
    desk.send(vec![to_class("ana", &["ana", "bob", "carla"])]);
    desk.send(vec![to_class("ana", &["ana", "bob"])]);
    let class = Conversation::Group(login("class"));
    assert_eq!(desk.waiting("ana"), [0; 0]);
    assert_eq!(desk.waiting("bob"), [1, 2]);
    let desk = desk.reopen();
    assert_eq!(
        desk.waiting("carla"),
        [1],
        "who has left keeps what was sent before"
    );
    desk.send(vec![to_class("bob", &["ana", "bob", "diego"])]);
    assert_eq!(desk.waiting("diego"), [3]);
    for who in ["carla", "bob", "diego", "ana"] {
        let with = class.clone();
        let up_to = MessageId(3);
        desk.read(who, Read::Conversation { with, up_to });
    }
    assert_eq!(
        desk.mailboxes.conversations(&login("diego"), MessageId(2)),
        [class]
    );
    desk.stop();
    let rows = fs::read_to_string(folder.path().join("messages.csv")).unwrap();
    let rows: Vec<_> = rows
        .lines()
        .skip(1)
        .map(|row| {
            let fields: Vec<_> = row.split(',').collect();
            (fields[0].to_owned(), fields[4].to_owned())
        })
        .collect();
    let expected = [
        ("1", "carla"),
        ("1", "bob"),
        ("2", "bob"),
        ("3", "diego"),
        ("3", "ana"),
    ];
    let expected = expected.map(|(id, who)| (id.to_owned(), format!("class/{who}")));
    assert_eq!(rows, expected);
}

#[test]
fn when_users_were_last_there_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path().into());
    let at = Timestamp::from_millisecond(1_700_000_000_123).unwrap();
    desk.journal.seen(login("ana"), at);
    let desk = desk.reopen();
    assert_eq!(
        desk.store.seen().unwrap(),
        HashMap::from([(login("ana"), at)])
    );
    desk.stop();
}

#[test]
fn many_threads_get_numbers_without_gaps_and_history_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path().into());
    let all = Mutex::new(BTreeSet::new());
    thread::scope(|scope| {
        for from in ["ana", "bob", "carla"] {
            let (desk, all) = (&desk, &all);
            scope.spawn(move || {
                for _ in 0..100 {
                    let accepted = desk.send(vec![draft(from, "diego", None); 3]);
                    let ids: Vec<_> = accepted.iter().map(|one| one.id.0).collect();
                    assert_eq!(ids[2], ids[0] + 2);
                    all.lock().unwrap().extend(ids);
                }
            });
        }
    });
    assert!(all.lock().unwrap().iter().copied().eq(1..=900));
    let conversations = desk.mailboxes.conversations(&login("diego"), MessageId(0));
    let mut found = Vec::new();
    desk.store
        .timeline(
            &conversations,
            MessageId(0),
            MessageId::MAX,
            &mut |message| {
                found.push(message.id.0);
                true
            },
        )
        .unwrap();
    assert!(found.into_iter().eq(1..=900));
    desk.stop();
}
