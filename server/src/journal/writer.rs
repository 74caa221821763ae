use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Instant,
};

use crossbeam_channel::Receiver;
use jiff::Timestamp;
use mensageiro_protocol::Login;
use tracing::{error, info};

use super::{
    Accepted, Committed, Entry, Origin, Parts, Read, Refused, tags::Tags, waiting::Teller,
};
use crate::{
    mailbox::Moved,
    message::{Draft, Message, MessageId, ReadMark, Recipient, Tag},
    standing::{Book, Move, Place},
    store::{Block, Commit, CursorRecord, LastNumbers},
};

/// Most entries of one commit.
const LARGEST_COMMIT: usize = 4096;

/// What is asked of the journal.
pub(super) enum Job {
    Entry(Entry, Reply),
    Seen(Login, Timestamp),
}

/// How the outcome of an entry goes back.
pub(super) enum Reply {
    /// A thread waits for it.
    Waiting(Teller),
    Origin(Arc<dyn Origin>),
}

/// The journal's thread.
pub(super) struct Writer {
    parts: Parts,
    tags: Tags,
    /// Cursors that authors moved by writing, to be stored with the next commit.
    lagging: Vec<Place>,
    /// To be stored with the next commit.
    seen: HashMap<Login, Timestamp>,
    /// What else there is to store, is stored now.
    is_ending: bool,
}

/// An entry whose messages have their numbers.
struct Numbered {
    tags: Vec<Option<Tag>>,
    accepted: Vec<Accepted>,
    reply: Reply,
}

/// What will be shown when the commit is durable.
#[derive(Default)]
struct Plan {
    /// With the conversation of each, and who sent it.
    messages: Vec<(Arc<Message>, Option<u64>)>,
    standings: Vec<u32>,
    moves: Vec<Move>,
    /// Cursors that are stored as they are.
    saves: Vec<Place>,
    moved: Vec<Moved>,
    /// What was sent before cannot be told.
    is_refused: bool,
}

impl Job {
    /// Tells that it will never be done.
    pub(super) fn refuse(self) {
        if let Self::Entry(entry, Reply::Origin(origin)) = self {
            let tags: Vec<_> = entry.drafts.into_iter().map(|draft| draft.tag).collect();
            origin.done(&tags, Err(Refused));
        }
    }
}

impl Reply {
    fn key(&self) -> Option<u64> {
        match self {
            Self::Waiting(_) => None,
            Self::Origin(origin) => Some(origin.key()),
        }
    }

    fn tell(self, tags: &[Option<Tag>], outcome: Result<Vec<Accepted>, Refused>) {
        match self {
            Self::Waiting(teller) => teller.tell(outcome),
            Self::Origin(origin) => origin.done(
                tags,
                match &outcome {
                    Ok(accepted) => Ok(accepted),
                    Err(refused) => Err(*refused),
                },
            ),
        }
    }
}

impl Writer {
    pub(super) fn new(parts: Parts) -> Self {
        Self {
            parts,
            tags: Tags::default(),
            lagging: Vec::new(),
            seen: HashMap::new(),
            is_ending: false,
        }
    }

    pub(super) fn run(&mut self, queue: &Receiver<Job>) {
        let mut jobs = Vec::new();
        while let Ok(first) = queue.recv() {
            jobs.push(first);
            jobs.extend(queue.try_iter().take(LARGEST_COMMIT - 1));
            self.commit(&mut jobs);
        }
        self.is_ending = true;
        self.lagging = self.parts.mailboxes.lock().unsaved();
        // A refusal has been logged, and a start reads a little more.
        let _ = self.store_and_show(now(), self.parts.last, Plan::default(), &[]);
    }

    fn commit(&mut self, jobs: &mut Vec<Job>) {
        let now = now();
        let mut last = self.parts.last;
        let mut plan = Plan::for_jobs(jobs);
        let mut entries = Vec::with_capacity(jobs.len());
        let mut reads = Vec::new();
        for job in jobs.drain(..) {
            let (entry, reply) = match job {
                Job::Entry(entry, reply) => (entry, reply),
                Job::Seen(login, at) => {
                    self.seen.insert(login, at);
                    continue;
                }
            };
            let by = reply.key();
            for read in entry.reads {
                reads.push((entry.from.clone(), read, by));
            }
            let Entry { from, drafts, .. } = entry;
            entries.push(self.number(&from, drafts, reply, now, &mut last, &mut plan));
        }
        let outcome = self.store_and_show(now, last, plan, &reads);
        self.tags.settle(outcome.is_ok(), now);
        for Numbered {
            tags,
            accepted,
            reply,
        } in entries
        {
            reply.tell(&tags, outcome.map(|()| accepted));
        }
        self.parts.audience.settled();
    }

    /// Gives the drafts of an entry their numbers, and those that were accepted before their old
    /// ones.
    fn number(
        &mut self,
        from: &Login,
        drafts: Vec<Draft>,
        reply: Reply,
        now: Timestamp,
        last: &mut LastNumbers,
        plan: &mut Plan,
    ) -> Numbered {
        let by = reply.key();
        let mut tags = Vec::with_capacity(drafts.len());
        let mut accepted = Vec::with_capacity(drafts.len());
        let mut known = if drafts.iter().any(|draft| draft.tag.is_some()) {
            self.tags
                .of(&*self.parts.store, from, now)
                .inspect_err(|error| {
                    error!("nothing was accepted: {error}");
                    plan.is_refused = true;
                })
                .ok()
        } else {
            None
        };
        for draft in drafts {
            tags.push(draft.tag.clone());
            let id = last.message.next();
            if let Some((tag, known)) = draft.tag.as_ref().zip(known.as_mut())
                && let Some(before) = known.before(tag, id, now)
            {
                accepted.push(before);
                continue;
            }
            last.message = id;
            accepted.push(Accepted {
                id,
                sent_at: now,
                is_repeat: false,
            });
            plan.messages.push((Arc::new(message(draft, id, now)), by));
        }
        Numbered {
            tags,
            accepted,
            reply,
        }
    }

    fn store_and_show(
        &mut self,
        now: Timestamp,
        mut last: LastNumbers,
        mut plan: Plan,
        reads: &[(Login, Read, Option<u64>)],
    ) -> Result<(), Refused> {
        if plan.is_refused {
            return Err(Refused);
        }
        let commit = {
            let mut book = self.parts.mailboxes.lock();
            plan_moves(&book, reads, &mut plan.moves);
            plan.saves.append(&mut self.lagging);
            let blocks = plan.blocks(&mut book);
            plan.commit(&book, blocks, now, &mut last)
        };
        if commit.is_empty() && !self.is_ending {
            return Ok(());
        }
        let commit = Commit {
            seen: self.seen.drain().collect(),
            ..commit
        };
        let begin = Instant::now();
        self.parts.store.commit(&commit).map_err(|error| {
            error!("nothing was accepted: {error}");
            self.parts.counters.failed_commit();
            Refused
        })?;
        let took = begin.elapsed();
        self.parts.last = last;
        let read = self.show(now, last, &plan);
        self.parts.counters.commit(plan.messages.len(), read, took);
        if !commit.reads.is_empty() {
            self.parts.bell.ring();
        }
        self.parts.audience.committed(&Committed {
            messages: &plan.messages,
            moved: &plan.moved,
        });
        plan.log();
        Ok(())
    }

    /// Shows a commit in the mailboxes. Returns how many messages were read.
    fn show(&mut self, now: Timestamp, last: LastNumbers, plan: &Plan) -> usize {
        let mut book = self.parts.mailboxes.lock();
        let read = book.apply(&plan.moves, now, last.message);
        for &place in &plan.saves {
            book.saved(place);
        }
        for ((message, _), &standing) in plan.messages.iter().zip(&plan.standings) {
            self.lagging.extend(book.deliver(standing, message));
        }
        self.parts.mailboxes.show(last.message);
        drop(book);
        read.len()
    }
}

/// A draft that is accepted.
fn message(draft: Draft, id: MessageId, sent_at: Timestamp) -> Message {
    let (to, members) = match draft.to {
        Recipient::User(to) => (to, None),
        Recipient::Group(to, members) => (to, Some(members)),
    };
    Message {
        id,
        sent_at,
        from: draft.from,
        to,
        members,
        tag: draft.tag,
        text: draft.text,
    }
}

/// The time as it is stored, so that nobody is told two of one thing.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// The cursors that move, each once whatever was asked of it how often.
fn plan_moves(book: &Book, reads: &[(Login, Read, Option<u64>)], moves: &mut Vec<Move>) {
    let mut known = HashMap::new();
    let mut add = |place, read: Option<(MessageId, MessageId)>, delivered, by| {
        let at = *known.entry(place).or_insert_with(|| {
            moves.push(Move {
                place,
                read: None,
                delivered: None,
                by,
            });
            moves.len() - 1
        });
        let step = &mut moves[at];
        if let Some((first, last)) = read {
            let both = step.read.get_or_insert((first, last));
            *both = (both.0.min(first), both.1.max(last));
        }
        step.delivered = step.delivered.max(delivered);
    };
    for (login, read, by) in reads {
        match read {
            Read::All { up_to } => {
                for (place, read) in book.read_all(login, *up_to) {
                    add(place, Some(read), None, *by);
                }
            }
            Read::Conversation { with, up_to } => {
                if let Some(place) = book.find(login, with)
                    && let Some(read) = book.read_one(place, *up_to)
                {
                    add(place, Some(read), None, *by);
                }
            }
            Read::Delivered { up_to } => {
                for (place, delivered) in book.delivered(login, *up_to) {
                    add(place, None, Some(delivered), *by);
                }
            }
        }
    }
}

impl Plan {
    /// With room for what they bring.
    fn for_jobs(jobs: &[Job]) -> Self {
        let drafts = jobs.iter().map(|job| match job {
            Job::Entry(entry, _) => entry.drafts.len(),
            Job::Seen(..) => 0,
        });
        let drafts = drafts.sum();
        Self {
            messages: Vec::with_capacity(drafts),
            standings: Vec::with_capacity(drafts),
            ..Self::default()
        }
    }

    /// A commit is a line or two in the log, however much it brought.
    fn log(&self) {
        match &self.messages[..] {
            [] => {}
            [(one, _)] => info!("message {} from {} to {} stored", one.id, one.from, one.to),
            [(first, _), .., (last, _)] => {
                info!("messages {} to {} stored", first.id, last.id);
            }
        }
        let mut reads = self
            .moved
            .iter()
            .filter_map(|moved| Some((moved, moved.read?)));
        match (reads.next(), reads.count()) {
            (None, _) => {}
            (Some((one, up_to)), 0) => info!("{} read up to message {up_to}", one.who),
            (Some((one, _)), more) => info!("{} and {more} more have read", one.who),
        }
    }

    /// Puts the messages together by conversation, and finds who is new in one.
    fn blocks(&mut self, book: &mut Book) -> Vec<Block> {
        let mut blocks = Vec::<Block>::new();
        let mut block_of = HashMap::new();
        let mut current = None;
        for (message, _) in &self.messages {
            let (standing, at) = match current {
                Some((standing, at)) if book.is_of(standing, message) => (standing, at),
                _ => {
                    let standing = book.enter(&message.conversation());
                    let at = *block_of.entry(standing).or_insert_with(|| {
                        blocks.push(Block {
                            conversation: book.conversation(standing).clone(),
                            messages: Vec::new(),
                        });
                        blocks.len() - 1
                    });
                    (standing, at)
                }
            };
            current = Some((standing, at));
            self.standings.push(standing);
            let is_new = match blocks[at].messages.last() {
                None => true,
                Some(before) => match (&before.members, &message.members) {
                    (Some(before), Some(now)) => !Arc::ptr_eq(before, now),
                    _ => false,
                },
            };
            if is_new {
                self.saves.extend(book.seat_everybody(standing, message));
            }
            blocks[at].messages.push(message.clone());
        }
        self.saves.sort_unstable();
        self.saves.dedup();
        blocks
    }

    /// What is to be stored.
    fn commit(
        &mut self,
        book: &Book,
        blocks: Vec<Block>,
        now: Timestamp,
        last: &mut LastNumbers,
    ) -> Commit {
        let mut cursors = Vec::with_capacity(self.moves.len() + self.saves.len());
        let mut reads = Vec::new();
        let record = |place, cursor| CursorRecord {
            conversation: book.standing(place).conversation.clone(),
            user: book.login_of(book.seat(place)).clone(),
            cursor,
        };
        for step in &self.moves {
            let before = book.seat(step.place).cursor;
            let cursor = book.moved(step, now, last.message);
            let record = record(step.place, cursor);
            self.moved.push(Moved {
                who: record.user.clone(),
                authors: book.authors(
                    step.place,
                    before.delivered.min(before.read),
                    cursor.delivered,
                ),
                with: record.conversation.clone(),
                delivered: (cursor.delivered > before.delivered).then_some(cursor.delivered),
                read: step.read.map(|_| cursor.read),
                at: now,
                by: step.by,
            });
            if let Some((first, newest)) = step.read {
                last.read_mark += 1;
                reads.push(ReadMark {
                    number: last.read_mark,
                    reader: record.user.clone(),
                    conversation: record.conversation.clone(),
                    first,
                    last: newest,
                    read_at: now,
                });
            }
            cursors.push(record);
        }
        // A move stores the whole cursor.
        let moves: HashSet<_> = self.moves.iter().map(|step| step.place).collect();
        self.saves.retain(|place| !moves.contains(place));
        for &place in &self.saves {
            cursors.push(record(place, book.seat(place).cursor));
        }
        Commit {
            blocks,
            cursors,
            reads,
            seen: Vec::new(),
            last: *last,
        }
    }
}
