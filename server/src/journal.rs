//! Group commit: what many sessions ask for while one sync runs shares the next one.

use std::{
    collections::BTreeMap,
    io,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Instant,
};

use crossbeam_channel::{Receiver, Sender, bounded};
use jiff::Timestamp;
use mensageiro_protocol::Login;
use tracing::{error, info};

use crate::{
    mailbox::Mailboxes,
    message::{Draft, Message, MessageId, ReadMark},
    status::Counters,
    store::{Commit, LastNumbers, Store},
};

/// Sessions that may wait for the journal at once before the next one waits to hand over.
const QUEUE: usize = 1024;

/// Most entries of one commit.
const LARGEST_COMMIT: usize = 4096;

/// What one session wants to be made durable, all of it together.
#[derive(Debug)]
pub struct Entry {
    /// Its user has read everything up to here.
    pub read: Option<(Login, MessageId)>,
    /// The messages it sends, in order.
    pub drafts: Vec<Draft>,
}

/// The disk refused; nothing of the entry may be acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store refused the message")]
pub struct Refused;

/// The number of the first message of an entry; the others follow without a gap.
pub type Outcome = Result<MessageId, Refused>;

/// The way into the journal, for each session one.
#[derive(Clone, Debug)]
pub struct Journal {
    jobs: Sender<Job>,
}

struct Job {
    entry: Entry,
    done: Sender<Outcome>,
}

impl Journal {
    /// Starts the journal's thread. It ends once every [`Journal`] is dropped and all that was
    /// asked for is on disk. `read` is called after each commit in which something was read.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(
        store: Arc<dyn Store>,
        mailboxes: Arc<Mailboxes>,
        last: LastNumbers,
        counters: Arc<Counters>,
        read: impl Fn() + Send + 'static,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let (jobs, queue) = bounded(QUEUE);
        let mut writer = Writer {
            store,
            mailboxes,
            last,
            counters,
            read: Box::new(read),
        };
        let thread = thread::Builder::new()
            .name("journal".into())
            .spawn(move || writer.run(&queue))?;
        Ok((Self { jobs }, thread))
    }

    /// Makes an entry durable and visible; returns when it is.
    ///
    /// # Errors
    /// [`Refused`] when the disk did not take it.
    pub fn write(&self, entry: Entry) -> Outcome {
        let (done, outcome) = bounded(1);
        self.jobs.send(Job { entry, done }).map_err(|_| Refused)?;
        outcome.recv().unwrap_or(Err(Refused))
    }
}

struct Writer {
    store: Arc<dyn Store>,
    mailboxes: Arc<Mailboxes>,
    last: LastNumbers,
    counters: Arc<Counters>,
    read: Box<dyn Fn() + Send>,
}

impl Writer {
    fn run(&mut self, queue: &Receiver<Job>) {
        let mut jobs = Vec::new();
        while let Ok(first) = queue.recv() {
            jobs.push(first);
            jobs.extend(queue.try_iter().take(LARGEST_COMMIT - 1));
            self.commit(jobs.drain(..));
        }
    }

    fn commit(&mut self, jobs: impl Iterator<Item = Job>) {
        let now = Timestamp::now();
        let mut last = self.last;
        let mut accepted = Vec::new();
        let mut marks = BTreeMap::new();
        let mut outcomes = Vec::new();
        for Job { entry, done } in jobs {
            outcomes.push((done, last.message.next()));
            if let Some((reader, up_to)) = entry.read {
                let newest = marks.entry(reader).or_insert(up_to);
                *newest = up_to.max(*newest);
            }
            for Draft {
                from,
                to,
                group,
                text,
            } in entry.drafts
            {
                last.message = last.message.next();
                accepted.push(Arc::new(Message {
                    id: last.message,
                    sent_at: now,
                    from,
                    to,
                    group,
                    text,
                }));
            }
        }
        let read: Vec<_> = marks
            .into_iter()
            .filter_map(|(reader, up_to)| self.mark(reader, up_to, now))
            .collect();
        let read: Vec<_> = read
            .into_iter()
            .map(|mark| {
                last.read_mark += 1;
                ReadMark {
                    number: last.read_mark,
                    ..mark
                }
            })
            .collect();
        let outcome = self.store_and_show(Commit { accepted, read }, last);
        for (done, first) in outcomes {
            // A session that is gone needs no answer.
            let _ = done.send(outcome.map(|()| first));
        }
    }

    /// The mark for what is still unread up to `up_to`, if anything is; another session of the
    /// same user may have been first.
    fn mark(&self, reader: Login, up_to: MessageId, read_at: Timestamp) -> Option<ReadMark> {
        let (first, newest) = self.mailboxes.ends(&reader)?;
        let last = up_to.min(newest);
        (first <= last).then_some(ReadMark {
            number: 0,
            reader,
            first,
            last,
            read_at,
        })
    }

    fn store_and_show(&mut self, commit: Commit, last: LastNumbers) -> Result<(), Refused> {
        if commit.accepted.is_empty() && commit.read.is_empty() {
            return Ok(());
        }
        let begin = Instant::now();
        self.store.commit(&commit).map_err(|error| {
            error!("nothing was accepted: {error}");
            self.counters.failed_commit();
            Refused
        })?;
        let took = begin.elapsed();
        self.last = last;
        let mut read = 0;
        for mark in &commit.read {
            read += self.mailboxes.remove(&mark.reader, mark.last);
            info!("{} read up to message {}", mark.reader, mark.last);
        }
        for message in &commit.accepted {
            info!(
                "message {} from {} to {} stored",
                message.id, message.from, message.to
            );
        }
        self.counters.commit(commit.accepted.len(), read, took);
        self.mailboxes.deliver(commit.accepted);
        if !commit.read.is_empty() {
            (self.read)();
        }
        Ok(())
    }
}
