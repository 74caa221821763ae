//! Group commit: what many sessions ask for while one sync runs shares the next one.
//!
//! Entries become one batch, the batch one record of the log. When that is durable, it is applied to the
//! state, and everybody who waits is told.

mod checkpoint;
mod gather;
mod group;
mod marks;
mod notifier;
mod oneshot;
mod report;
mod retention;

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

use crossbeam_channel::{Sender, bounded};
use jiff::{SignedDuration, Timestamp};
use mensageiro_protocol::{Login, Text, live::Attachment};
use tracing::debug;

pub use self::marks::PendingMarks;
use self::{
    gather::{Reply, Submission},
    group::{GroupCommit, Ran},
    notifier::Notifier,
};
use crate::{
    alarm::Alarm,
    counters::Counters,
    index::{Index, Messages},
    log::Log,
    mailboxes::Mailboxes,
    model::{
        event::{Device, Event, LastNumbers, Read, Target},
        message::{About, Message, Tag},
        setting::{Scope, SettingsChange},
    },
    state::{Moved, Outcome, Preload, SetOutcome},
    wake_up::WakeUp,
};

/// Entries that may wait at once before the next session waits to hand over.
const QUEUE: usize = 1024;

/// What one session wants to be made durable, all of it together.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Whose session.
    pub from: Login,
    /// The device that numbers its messages, if it does.
    pub device: Option<Device>,
    /// What its user has read or been given.
    pub reads: Vec<Read>,
    /// What its user sets.
    pub sets: Vec<NewSet>,
    /// The messages it sends, in order.
    pub drafts: Vec<Draft>,
}

/// Something that a user sets and that is not in the log yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSet {
    /// What the client calls it.
    pub tag: Option<Tag>,
    /// What it is set for.
    pub scope: Scope,
    /// What becomes other.
    pub change: SettingsChange,
}

/// A message that a client sent and that nobody has accepted yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Who shall read it.
    pub to: Target,
    /// What the sender calls it; a tag that was accepted before makes it the same message.
    pub tag: Option<Tag>,
    /// What it says about another message.
    pub about: Option<About>,
    /// The file that belongs to it.
    pub file: Option<Arc<Attachment>>,
    /// What it says.
    pub text: Text,
}

/// The disk refused; nothing of the entry may be acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server could not store the message")]
pub struct Refused;

/// The session that gave an entry. It is told what became of it by the thread that commits, and must not block.
pub trait Origin: Send + Sync {
    /// Tells what became of the drafts, in the same order. When it is called,
    /// everything accepted is durable, in the mailboxes, and known to the [`Audience`].
    fn done(&self, tags: &[Option<Tag>], outcome: Result<&[Outcome], Refused>);

    /// What was told may go out now: others may commit.
    fn flush(&self);

    /// Which session this is, if it is a live one: [`Committed`] names it by this.
    fn key(&self) -> Option<u64>;
}

/// Who is told of each commit, by the thread that commits; must not block.
pub trait Audience: Send {
    /// A commit is durable and visible. The origins are told next.
    fn committed(&mut self, committed: &Committed<'_>);

    /// The origins have been told. Gives what is left to do when others may commit.
    fn flush(&mut self) -> Box<dyn FnOnce() + Send>;
}

/// What one commit brought.
#[derive(Clone, Copy, Debug)]
pub struct Committed<'a> {
    /// The new messages, with rising ids.
    pub sent: &'a [Sent<'a>],
    /// The cursors that moved.
    pub moved: &'a [Moved],
    /// What became of what users have set.
    pub set: &'a [Told],
}

/// What became of one [`NewSet`].
#[derive(Clone, Debug)]
pub struct Told {
    /// What became of it.
    pub set: SetOutcome,
    /// What the client called it.
    pub tag: Option<Tag>,
    /// The [`Origin::key`] of the session.
    pub by: Option<u64>,
}

/// Messages that follow one another, from one session to one user or group.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// With rising ids; not empty. They are from the same user and to the same one, or the same
    /// members of the same group.
    pub messages: &'a [Message],
    /// The [`Origin::key`] of the session, if it is a live one.
    pub by: Option<u64>,
}

/// The way to have something committed, for each session one.
#[derive(Clone)]
pub struct Committer {
    queue: Sender<Submission>,
    group: Arc<Mutex<GroupCommit>>,
    preload: Arc<Preload>,
    /// Submissions that are handed over and not committed.
    uncommitted: Arc<AtomicUsize>,
    index: Arc<Index>,
    mailboxes: Arc<Mailboxes>,
    alarm: Alarm,
}

/// What commits are made with.
pub struct Parts {
    /// Where they are made durable.
    pub log: Arc<dyn Log>,
    /// The state they are applied to.
    pub mailboxes: Arc<Mailboxes>,
    /// Where messages and tags are found again.
    pub index: Arc<Index>,
    /// All messages.
    pub messages: Messages,
    /// What was read and is not archived.
    pub marks: Arc<PendingMarks>,
    /// Where they are counted.
    pub counters: Arc<Counters>,
    /// Numbers up to these are in use, whatever the state says.
    pub last: LastNumbers,
    /// Woken up when something was read.
    pub archive: WakeUp,
    /// Who is told.
    pub audience: Box<dyn Audience>,
    /// How old messages may become; `None`: as old as they want.
    pub keep: Option<SignedDuration>,
    /// Told when the disk has refused a commit, or a panic leaves it open what became of one; nothing
    /// more is taken then.
    pub refused: Sender<()>,
}

impl Committer {
    /// Starts the thread that commits, and the notifier's. They end once every [`Committer`] is dropped and all that was
    /// asked for is on disk. If one of them panics, everything more is refused, and [`Parts::refused`] is told.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(parts: Parts) -> io::Result<(Self, JoinHandle<()>)> {
        let (submit, queue) = bounded(QUEUE);
        let alarm = Alarm::new(parts.refused.clone());
        let preload = Arc::<Preload>::default();
        let (index, mailboxes) = (parts.index.clone(), parts.mailboxes.clone());
        let uncommitted = Arc::<AtomicUsize>::default();
        let group = GroupCommit::new(parts, preload.clone(), uncommitted.clone());
        let group = Arc::new(Mutex::new(group));
        let notifier = Notifier::start(&alarm)?;
        let (own, guard) = (group.clone(), alarm.clone());
        let thread = thread::Builder::new()
            .name("commit".into())
            .spawn(move || {
                if guard.guard(|| group::run(&own, &queue, &notifier)) != Some(Ran::ToTheEnd) {
                    // Whoever waits is told, until nobody comes any more.
                    queue.iter().for_each(Submission::refuse);
                }
            })?;
        let committer = Self {
            queue: submit,
            group,
            preload,
            uncommitted,
            index,
            mailboxes,
            alarm,
        };
        Ok((committer, thread))
    }

    /// Makes an entry durable and visible; returns when it is, with one outcome for each draft.
    ///
    /// # Errors
    /// [`Refused`] when the disk did not take it.
    pub fn write(&self, entry: Entry) -> Result<Vec<Outcome>, Refused> {
        let (sender, receiver) = oneshot::channel();
        self.preload(&entry);
        self.hand_over(Submission::Entry(entry, Reply::Thread(sender)));
        receiver.receive()
    }

    /// Returns when everything that has been handed over is durable and visible, or refused: read marks that wait for a
    /// sync need not wait longer. Where nothing waits, this costs nothing; many sessions ask at once.
    pub fn settle(&self) {
        if self.uncommitted.load(Ordering::SeqCst) == 0 {
            return;
        }
        let (sender, receiver) = oneshot::channel();
        self.hand_over(Submission::Events(Vec::new(), sender));
        // What was refused has been told to those who asked for it.
        let _ = receiver.receive();
    }

    /// Hands over an entry; the origin is told when it is durable. If nobody else commits, the
    /// caller does it itself; otherwise it waits only while the queue is full.
    pub fn submit(&self, entry: Entry, origin: Arc<dyn Origin>) {
        self.preload(&entry);
        self.hand_over(Submission::Entry(entry, Reply::Origin(origin)));
    }

    /// Reads what will be needed of the author's tags: nobody else waits for that.
    fn preload(&self, entry: &Entry) {
        let tags = entry.drafts.iter().filter_map(|draft| draft.tag.as_ref());
        let (login, device) = (&entry.from, entry.device.as_ref());
        if self.preload.is_needed(login, device, tags) {
            let last = self.mailboxes.last();
            let wanted = self.mailboxes.lock().wanted_tags(login);
            let read = self.preload.read(&*self.index, login, wanted, last);
            if let Err(error) = read {
                // Whoever commits meets it again.
                debug!("the tags of {login} cannot be read: {error}");
            }
        }
    }

    /// Makes durable what the server itself has to say; returns when it is.
    ///
    /// # Errors
    /// [`Refused`] when the disk did not take it.
    pub fn note(&self, events: Vec<Event>) -> Result<(), Refused> {
        if events.is_empty() {
            return Ok(());
        }
        let (sender, receiver) = oneshot::channel();
        self.hand_over(Submission::Events(events, sender));
        receiver.receive().map(drop)
    }

    /// Where nothing waits and nobody commits, going through the thread would only be a detour. As
    /// the thread takes submissions only while it may commit, nothing is ever overtaken.
    fn hand_over(&self, submission: Submission) {
        self.uncommitted.fetch_add(1, Ordering::SeqCst);
        if self.queue.is_empty()
            && let Ok(mut group) = self.group.try_lock()
            && self.queue.is_empty()
        {
            // A panic poisons the lock. This session ends as whatever it submitted is refused.
            let _ = self.alarm.guard(|| {
                let (notice, is_due) = group.take(submission);
                drop(group);
                if is_due {
                    // Where the queue is full, the thread looks anyway.
                    let _ = self.queue.try_send(Submission::Wake);
                }
                notice.give();
            });
            return;
        }
        if let Err(rejected) = self.queue.send(submission) {
            rejected.into_inner().refuse();
        }
    }

    /// Notes when a user was last there. Best effort: it is written with some later commit, and
    /// a power cut may take it.
    pub fn seen(&self, login: Login, at: Timestamp) {
        // A server that is stopping has more important things to keep.
        let _ = self.queue.send(Submission::Seen(login, at));
    }
}
