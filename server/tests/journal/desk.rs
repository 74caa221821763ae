//! A journal with a store on disk, and what is told about it.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    ops::RangeInclusive,
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
    archive_old::Archive,
    conversation::Conversation,
    journal::{
        Accepted, Audience, Committed, Entry, Handed, Journal, Origin, Parts, Read, Refused,
    },
    mailbox::{Mailboxes, Moved},
    message::{Draft, Message, MessageId, ReadMark, Recipient, Tag},
    options::Durability,
    status::Counters,
    store::{
        Commit, CursorRecord, DiskStore, LastNumbers, Loss, Store, StoreError, TagRecord,
        Unarchived,
    },
};

pub fn login(name: &str) -> Login {
    Login::parse(name).unwrap()
}

pub fn pair(a: &str, b: &str) -> Conversation {
    Conversation::pair(&login(a), &login(b))
}

pub fn draft(from: &str, to: &str, tag: Option<&str>) -> Draft {
    Draft {
        from: login(from),
        to: Recipient::User(login(to)),
        missed_by: None,
        tag: tag.map(|tag| Tag::parse(tag).unwrap()),
        text: Text::from("hello"),
    }
}

pub fn to_class(from: &str, members: &[&str]) -> Draft {
    let members: BTreeSet<_> = members.iter().map(|name| login(name)).collect();
    Draft {
        to: Recipient::Group(login("class"), Arc::new(members)),
        ..draft(from, "class", None)
    }
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

pub struct Listener {
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

pub struct Session {
    pub key: u64,
    pub told: Sender<Told>,
}

impl Origin for Session {
    fn done(&self, drafts: &[Handed], outcome: Result<&[Accepted], Refused>) {
        let accepted = outcome.unwrap();
        assert_eq!(drafts.len(), accepted.len());
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
pub struct Desk {
    pub folder: PathBuf,
    pub store: Arc<Counting>,
    pub mailboxes: Arc<Mailboxes>,
    pub journal: Journal,
    pub thread: JoinHandle<()>,
    pub archive: Archive,
    pub told: Receiver<Told>,
    pub tell: Sender<Told>,
    pub refused: Receiver<()>,
}

impl Desk {
    pub fn open(folder: PathBuf) -> Self {
        let store = folder.join("store");
        fs::create_dir_all(&store).unwrap();
        let inner = DiskStore::open(&store, Durability::Sync, Loss::Refused).unwrap();
        let store = Arc::new(Counting {
            inner,
            shown: AtomicUsize::new(0),
            panics_at: Mutex::default(),
        });
        let mailboxes = Arc::new(Mailboxes::load(&*store).unwrap());
        let (refuse, refused) = bounded(1);
        let alarm = Alarm::new(refuse.clone());
        let archive = Archive::start(folder.join("messages.csv"), store.clone(), &alarm);
        let (bell, archive) = archive.unwrap();
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
            refused: refuse,
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
            refused,
        }
    }

    /// Stops in order and opens again.
    pub fn reopen(self) -> Self {
        let folder = self.folder.clone();
        self.stop();
        Self::open(folder)
    }

    pub fn stop(self) {
        drop(self.journal);
        self.thread.join().unwrap();
        self.archive.finish();
    }

    pub fn send(&self, drafts: Vec<Draft>) -> Vec<Accepted> {
        let entry = Entry {
            from: drafts[0].from.clone(),
            reads: Vec::new(),
            drafts,
        };
        self.journal.write(entry).unwrap()
    }

    pub fn read(&self, who: &str, read: Read) {
        let entry = Entry {
            from: login(who),
            reads: vec![read],
            drafts: Vec::new(),
        };
        self.journal.write(entry).unwrap();
    }

    pub fn waiting(&self, who: &str) -> Vec<u64> {
        let all = (MessageId(0), MessageId::MAX);
        let messages = self
            .mailboxes
            .peek(&*self.store, &login(who), all, usize::MAX)
            .unwrap();
        messages.iter().map(|one| one.id.0).collect()
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

/// A store that counts the messages it shows, and cannot read dora's tags.
pub struct Counting {
    pub inner: DiskStore,
    pub shown: AtomicUsize,
    /// Which of its calls have a mistake in them.
    pub panics_at: Mutex<Option<&'static str>>,
}

impl Counting {
    fn perhaps_panic(&self, call: &str) {
        let panics_at = *self.panics_at.lock().unwrap();
        assert_ne!(panics_at, Some(call), "as it should");
    }
}

impl Store for Counting {
    fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        self.inner.commit(commit)?;
        self.perhaps_panic("commit");
        Ok(())
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
        self.perhaps_panic("archived");
        self.inner.archived(up_to, archive_bytes)
    }

    fn archive_bytes(&self) -> Result<u64, StoreError> {
        self.inner.archive_bytes()
    }
}
