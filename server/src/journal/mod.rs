//! Group commit: what many sessions ask for while one sync runs shares the next one.

mod plan;
mod tags;
mod told;
mod waiting;
mod writer;

use std::{
    io,
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

use crossbeam_channel::{Sender, bounded};
use jiff::Timestamp;
use mensageiro_protocol::Login;

use self::{
    told::Courier,
    waiting::waiting,
    writer::{Job, Ran, Reply, Writer},
};
use crate::{
    alarm::Alarm,
    archive_old::Bell,
    conversation::Conversation,
    mailbox::{Mailboxes, Moved},
    message::{Draft, Message, MessageId, MissedBy, Tag},
    status::Counters,
    store::{LastNumbers, Store},
};

/// Entries that may wait for the journal at once before the next session waits to hand over.
const QUEUE: usize = 1024;

/// What one session wants to be made durable, all of it together.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Whose session.
    pub from: Login,
    /// What its user has read or been given.
    pub reads: Vec<Read>,
    /// The messages it sends, in order.
    pub drafts: Vec<Draft>,
}

/// What a user has read or been given. What is not there, or not for the user, is left out; what
/// was read already stays read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// Everything in the mailbox up to a message (classic, rule S9).
    All {
        /// The newest one.
        up_to: MessageId,
    },
    /// Everything in one conversation up to a message.
    Conversation {
        /// Which one.
        with: Conversation,
        /// The newest one.
        up_to: MessageId,
    },
    /// Nothing is read, but a device keeps everything up to a message, in all conversations.
    Delivered {
        /// The newest one.
        up_to: MessageId,
    },
}

/// What became of a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The message it is now.
    pub id: MessageId,
    /// When it was accepted.
    pub sent_at: Timestamp,
    /// It had been accepted before, under the same tag; there is no second copy.
    pub is_repeat: bool,
}

/// What is left of a draft for its author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handed {
    /// What the author calls it.
    pub tag: Option<Tag>,
    /// Who does not get it.
    pub missed_by: MissedBy,
}

/// The disk refused; nothing of the entry may be acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store refused the message")]
pub struct Refused;

/// Who gave an entry and is told what became of it, by whoever writes; must not block.
pub trait Origin: Send + Sync {
    /// Tells what became of the drafts, in the same order. When it is called,
    /// everything accepted is durable, in the mailboxes, and known to the [`Audience`].
    fn done(&self, drafts: &[Handed], outcome: Result<&[Accepted], Refused>);

    /// What was told may go out now: the journal is free for others.
    fn flush(&self);

    /// Which session this is, if it is a live one: [`Committed`] names it by this.
    fn key(&self) -> Option<u64>;
}

/// Who is told of each commit, by whoever writes; must not block.
pub trait Audience: Send {
    /// A commit is durable and visible. The origins are told next.
    fn committed(&mut self, committed: &Committed<'_>);

    /// The origins have been told. Gives what is left to do when the journal is free for others.
    fn settled(&mut self) -> Box<dyn FnOnce() + Send>;
}

/// What one commit brought.
#[derive(Clone, Copy, Debug)]
pub struct Committed<'a> {
    /// The new messages, with rising ids.
    pub sent: &'a [Sent<'a>],
    /// The cursors that moved.
    pub moved: &'a [Moved],
}

/// Messages that follow one another, from one session to one user or group.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// With rising ids; not empty. They are from the same user and to the same one, or the same
    /// members of the same group, and the same of these do not get them.
    pub messages: &'a [Message],
    /// The [`Origin::key`] of the session, if it is a live one.
    pub by: Option<u64>,
}

/// The way into the journal, for each session one.
#[derive(Clone)]
pub struct Journal {
    jobs: Sender<Job>,
    writer: Arc<Mutex<Writer>>,
    alarm: Alarm,
}

/// What the journal works with.
pub struct Parts {
    /// Where it makes things durable.
    pub store: Arc<dyn Store>,
    /// What it shows them in.
    pub mailboxes: Arc<Mailboxes>,
    /// The numbers that are taken.
    pub last: LastNumbers,
    /// Where it counts.
    pub counters: Arc<Counters>,
    /// Rung when something was read.
    pub bell: Bell,
    /// Who is told.
    pub audience: Box<dyn Audience>,
    /// Told when the store has refused a commit, or a panic leaves it open what became of one; the journal
    /// takes none any more.
    pub refused: Sender<()>,
}

impl Journal {
    /// Starts the journal's thread, and the courier's. They end once every [`Journal`] is dropped and all that was
    /// asked for is on disk. If one of them panics, everything more is refused, and [`Parts::refused`] is told.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(parts: Parts) -> io::Result<(Self, JoinHandle<()>)> {
        let (jobs, queue) = bounded(QUEUE);
        let alarm = Alarm::new(parts.refused.clone());
        let writer = Arc::new(Mutex::new(Writer::new(parts)));
        let courier = Courier::start(&alarm)?;
        let (own, guard) = (writer.clone(), alarm.clone());
        let thread = thread::Builder::new()
            .name("journal".into())
            .spawn(move || {
                if guard.guard(|| writer::run(&own, &queue, &courier)) != Some(Ran::ToTheEnd) {
                    // Whoever waits is told, until nobody comes any more.
                    queue.iter().for_each(Job::refuse);
                }
            })?;
        let journal = Self {
            jobs,
            writer,
            alarm,
        };
        Ok((journal, thread))
    }

    /// Makes an entry durable and visible; returns when it is, with one answer for each draft.
    ///
    /// # Errors
    /// [`Refused`] when the disk did not take it.
    pub fn write(&self, entry: Entry) -> Result<Vec<Accepted>, Refused> {
        let (teller, waiting) = waiting();
        self.hand_over(Job::Entry(entry, Reply::Waiting(teller)));
        waiting.outcome()
    }

    /// Hands over an entry; the origin is told when it is durable. If nobody else writes, the
    /// caller does it itself; otherwise it waits only while the queue is full.
    pub fn submit(&self, entry: Entry, origin: Arc<dyn Origin>) {
        self.hand_over(Job::Entry(entry, Reply::Origin(origin)));
    }

    /// Where nothing waits and nobody writes, going through the thread would only be a detour. As
    /// the thread takes jobs only while it may write, nothing is ever overtaken.
    fn hand_over(&self, job: Job) {
        if self.jobs.is_empty()
            && let Ok(mut writer) = self.writer.try_lock()
            && self.jobs.is_empty()
        {
            // A panic poisons the lock. This session ends as whatever it wrote is refused.
            let _ = self.alarm.guard(|| {
                let told = writer.commit(&mut vec![job]);
                drop(writer);
                told.tell();
            });
            return;
        }
        if let Err(rejected) = self.jobs.send(job) {
            rejected.into_inner().refuse();
        }
    }

    /// Notes when a user was last there. Best effort: it is written with some later commit, and
    /// a power cut may take it.
    pub fn seen(&self, login: Login, at: Timestamp) {
        // A server that is stopping has more important things to keep.
        let _ = self.jobs.send(Job::Seen(login, at));
    }
}
