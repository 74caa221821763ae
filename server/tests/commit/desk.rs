//! A committer with everything that it works with, but no connections; and what is told about it.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    ops::ControlFlow,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use jiff::Timestamp;
use mensageiro_protocol::{Login, Text};
use mensageiro_server::{
    alarm::Alarm,
    archive::{Archive, ArchiveThread, Marks, MarksError, ReadMessage},
    commit::{Audience, Committed, Committer, Draft, Entry, Origin, Parts, PendingMarks, Refused},
    counters::Counters,
    index::{Index, Messages},
    log::{Appended, FileLog, Log, LogError, Loss, Part, Position, Records, Settings},
    mailboxes::Mailboxes,
    model::{
        conversation::Conversation,
        event::{Event, Read, Target},
        message::{MessageId, ReadMark, Tag},
    },
    options::Durability,
    recovery::recover,
    state::{Moved, Outcome},
};

pub fn login(name: &str) -> Login {
    Login::parse(name).unwrap()
}

pub fn pair(a: &str, b: &str) -> Conversation {
    Conversation::pair(&login(a), &login(b))
}

/// A message and its author.
#[derive(Clone)]
pub struct Written {
    pub from: Login,
    pub draft: Draft,
}

pub fn draft(from: &str, to: &str, tag: Option<&str>) -> Written {
    Written {
        from: login(from),
        draft: Draft {
            to: Target::User(login(to)),
            tag: tag.map(|tag| Tag::parse(tag).unwrap()),
            about: None,
            file: None,
            text: Text::from("hello"),
        },
    }
}

/// The ids of messages, and whether they had been accepted before.
pub fn ids(outcomes: &[Outcome]) -> Vec<(u64, bool)> {
    let one = |outcome: &Outcome| match outcome {
        Outcome::Accepted { id, .. } => (id.0, false),
        Outcome::Repeat { id, .. } => (id.0, true),
        Outcome::Refused(refusal) => panic!("{refusal}"),
    };
    outcomes.iter().map(one).collect()
}

/// What an audience and the origins are told, in the order in which they are.
#[derive(Debug)]
pub enum Told {
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

    fn flush(&mut self) -> Box<dyn FnOnce() + Send> {
        Box::new(|| {})
    }
}

pub struct Session {
    pub key: u64,
    pub told: Sender<Told>,
}

impl Origin for Session {
    fn done(&self, tags: &[Option<Tag>], outcome: Result<&[Outcome], Refused>) {
        let outcomes = outcome.unwrap();
        assert_eq!(tags.len(), outcomes.len());
        let told = Told::Done {
            key: self.key,
            ids: ids(outcomes).into_iter().map(|(id, _)| id).collect(),
        };
        self.told.send(told).unwrap();
    }

    fn flush(&self) {}

    fn key(&self) -> Option<u64> {
        Some(self.key)
    }
}

/// A committer and what belongs to it, without connections.
pub struct Desk {
    pub folder: PathBuf,
    pub watched: Arc<Watched>,
    pub mailboxes: Arc<Mailboxes>,
    pub messages: Messages,
    pub index: Arc<Index>,
    pub committer: Committer,
    pub thread: JoinHandle<()>,
    pub archive: ArchiveThread,
    pub seen: HashMap<Login, Timestamp>,
    pub told: Receiver<Told>,
    pub tell: Sender<Told>,
    pub refused: Receiver<()>,
}

impl Desk {
    pub fn open(folder: PathBuf) -> Self {
        let store = folder.join("store");
        fs::create_dir_all(&store).unwrap();
        let settings = Self::settings();
        let log = FileLog::open(&store, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
        let (refuse, refused) = bounded(1);
        let alarm = Alarm::new(refuse.clone());
        let (index, loaded) =
            Index::open(&store, log.identity(), log.end(), alarm.clone()).unwrap();
        let watched = Arc::new(Watched {
            log,
            reads: AtomicUsize::new(0),
            panics_at: Mutex::default(),
        });
        let index = Arc::new(index);
        let messages = Messages::new(index.clone(), watched.clone());
        let marks = Arc::new(PendingMarks::new(index.clone(), messages.clone()));
        let add = |new: &[ReadMark]| marks.add(new);
        let recovered = recover(&*watched, &index, loaded, add, |_, _| ());
        let recovered = recovered.unwrap();
        let archive = Archive::open(folder.join("messages.csv"), store.join("archive")).unwrap();
        let watched_marks = WatchedMarks(marks.clone(), watched.clone());
        let (archive_wake_up, archive) = archive.start(Arc::new(watched_marks), &alarm).unwrap();
        let last = recovered.state.header().last;
        let mailboxes = Arc::new(Mailboxes::new(recovered.state));
        let (tell, told) = unbounded();
        let (committer, thread) = Committer::start(Parts {
            log: watched.clone(),
            mailboxes: mailboxes.clone(),
            index: index.clone(),
            messages: messages.clone(),
            marks,
            counters: Arc::new(Counters::start()),
            last,
            archive: archive_wake_up,
            keep: None,
            audience: Box::new(Listener {
                told: tell.clone(),
                mailboxes: mailboxes.clone(),
            }),
            refused: refuse,
        })
        .unwrap();
        Self {
            folder,
            watched,
            mailboxes,
            messages,
            index,
            committer,
            thread,
            archive,
            seen: recovered.seen,
            told,
            tell,
            refused,
        }
    }

    /// A log that is often in another segment.
    pub fn settings() -> Settings {
        Settings {
            segment_bytes: 64 * 1024,
            ..Settings::new(Durability::Sync, Loss::Refused)
        }
    }

    /// Stops in order and opens again.
    pub fn reopen(self) -> Self {
        let folder = self.folder.clone();
        self.stop();
        Self::open(folder)
    }

    pub fn stop(self) {
        drop(self.committer);
        let _ = self.thread.join();
        self.archive.finish();
        self.index.close();
    }

    pub fn send(&self, written: Vec<Written>) -> Vec<Outcome> {
        let entry = Entry {
            from: written[0].from.clone(),
            device: None,
            reads: Vec::new(),
            sets: Vec::new(),
            drafts: written.into_iter().map(|one| one.draft).collect(),
        };
        self.committer.write(entry).unwrap()
    }

    /// Sends a message to a group that has these members from now on.
    pub fn to_class(&self, from: &str, members: &[&str]) -> Written {
        let members: BTreeSet<_> = members.iter().map(|name| login(name)).collect();
        let group = Event::Group {
            group: login("class"),
            members: Some(Arc::new(members)),
        };
        self.committer.note(vec![group]).unwrap();
        let mut written = draft(from, "class", None);
        written.draft.to = Target::Group(login("class"));
        written
    }

    pub fn read(&self, who: &str, read: Read) {
        let entry = Entry {
            from: login(who),
            device: None,
            reads: vec![read],
            sets: Vec::new(),
            drafts: Vec::new(),
        };
        self.committer.write(entry).unwrap();
    }

    pub fn waiting(&self, who: &str) -> Vec<u64> {
        let all = (MessageId(0), MessageId::MAX);
        let messages = self
            .mailboxes
            .peek(&self.messages, &login(who), all, usize::MAX)
            .unwrap();
        messages.iter().map(|one| one.id.0).collect()
    }

    /// How often something was read from the log since this was last asked, and before the start ended.
    pub fn reads(&self) -> usize {
        self.watched.reads.swap(0, Ordering::Relaxed)
    }

    /// What has moved since this was asked last: who, delivered, read.
    pub fn moved(&self) -> Vec<(String, Option<u64>, Option<u64>)> {
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

/// A log that counts how often it is read.
pub struct Watched {
    log: FileLog,
    pub reads: AtomicUsize,
    /// Which call has a mistake in it.
    pub panics_at: Mutex<Option<&'static str>>,
}

impl Watched {
    fn perhaps_panic(&self, call: &str) {
        let panics_at = *self.panics_at.lock().unwrap();
        assert_ne!(panics_at, Some(call), "as it should");
    }
}

impl Log for Watched {
    fn append(&self, payload: &[u8]) -> Result<Appended, LogError> {
        let appended = self.log.append(payload);
        self.perhaps_panic("append");
        appended
    }

    fn read_from(&self, position: Position) -> Result<Records<'_>, LogError> {
        self.log.read_from(position)
    }

    fn read_part(&self, position: Position, part: Part) -> Result<Vec<u8>, LogError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.log.read_part(position, part)
    }

    fn start(&self) -> Position {
        self.log.start()
    }

    fn end(&self) -> Position {
        self.log.end()
    }
}

struct WatchedMarks(Arc<PendingMarks>, Arc<Watched>);

impl Marks for WatchedMarks {
    fn marks(&self, after: u64, most: usize) -> Result<Vec<ReadMark>, MarksError> {
        self.1.perhaps_panic("marks");
        self.0.marks(after, most)
    }

    fn messages(
        &self,
        mark: &ReadMark,
        range: (MessageId, MessageId),
        visit: &mut dyn FnMut(ReadMessage<'_>) -> ControlFlow<()>,
    ) -> Result<(), MarksError> {
        self.0.messages(mark, range, visit)
    }

    fn archived(&self, up_to: u64) {
        Marks::archived(&*self.0, up_to);
    }
}
