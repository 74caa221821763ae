//! Takes what waits, makes it durable, shows it, and tells.

use std::{
    collections::HashMap,
    iter, mem,
    sync::{Arc, Mutex},
    time::Instant,
};

use crossbeam_channel::{Receiver, Select, TryRecvError};
use jiff::Timestamp;
use mensageiro_protocol::Login;
use tracing::{error, warn};

use super::{
    Accepted, Committed, Entry, Handed, Origin, Parts, Read, Refused, Sent,
    plan::{Plan, plan_moves},
    tags::Tags,
    told::{Courier, Told},
    waiting::Teller,
};
use crate::{
    conversation::Conversation,
    message::{Draft, Message, MessageId, MissedBy, Recipient},
    standing::Place,
    store::{LastNumbers, Store},
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

/// Whoever holds it writes: the journal's thread or a session's.
pub(super) struct Writer {
    parts: Parts,
    tags: Tags,
    /// Cursors that authors moved by writing, to be stored with the next commit.
    lagging: Vec<Place>,
    /// To be stored with the next commit.
    seen: HashMap<Login, Timestamp>,
    /// What else there is to store, is stored now.
    is_ending: bool,
    /// It has not refused a commit.
    is_store_of_use: bool,
}

/// How the journal's thread came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ran {
    ToTheEnd,
    /// Of somebody else.
    IntoAPanic,
}

/// An entry whose messages have their numbers.
struct Numbered {
    drafts: Vec<Handed>,
    /// Refused alone, if nobody can say what was sent before.
    accepted: Result<Vec<Accepted>, Refused>,
    reply: Reply,
}

impl Job {
    /// Tells that it will never be done.
    pub(super) fn refuse(self) {
        if let Self::Entry(entry, Reply::Origin(origin)) = self {
            origin.done(&handed(&entry.drafts), Err(Refused));
        }
    }
}

impl Reply {
    fn key(&self) -> Option<u64> {
        match self {
            Self::Waiting(_) => None,
            Self::Origin(origin) => origin.key(),
        }
    }
}

/// The journal's thread: all that waits is one commit. Jobs leave the queue only under the lock
/// that writing needs, so that one which finds the queue empty and the lock free is next.
///
/// Where somebody has panicked while writing, nobody knows how far that came: then it ends at once.
pub(super) fn run(writer: &Mutex<Writer>, queue: &Receiver<Job>, courier: &Courier) -> Ran {
    let mut something = Select::new();
    something.recv(queue);
    let mut jobs = Vec::new();
    loop {
        something.ready();
        let Ok(mut writer) = writer.lock() else {
            return Ran::IntoAPanic;
        };
        match queue.try_recv() {
            Ok(first) => {
                jobs.push(first);
                jobs.extend(queue.try_iter().take(LARGEST_COMMIT - 1));
                let told = writer.commit(&mut jobs);
                drop(writer);
                courier.tell(told);
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => {
                writer.finish();
                return Ran::ToTheEnd;
            }
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
            is_store_of_use: true,
        }
    }

    /// Stores what else there is to store.
    fn finish(&mut self) {
        self.is_ending = true;
        self.lagging = self.parts.mailboxes.lock().unsaved();
        // A refusal has been logged, and a start reads a little more.
        let _ = self.store_and_show(now(), self.parts.last, Plan::default(), &[]);
    }

    /// Makes jobs durable and shows them, all in one commit. What is to be told about it is
    /// returned.
    pub(super) fn commit(&mut self, jobs: &mut Vec<Job>) -> Told {
        let now = now();
        let mut last = self.parts.last;
        let mut plan = Plan::default();
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
        let (mut waiting, mut origins) = (Vec::new(), Vec::new());
        for numbered in entries {
            match numbered.reply {
                Reply::Waiting(teller) => {
                    waiting.push((teller, outcome.and(numbered.accepted)));
                }
                Reply::Origin(origin) => {
                    let accepted = numbered.accepted.as_deref().map_err(|refused| *refused);
                    origin.done(&numbered.drafts, outcome.and(accepted));
                    origins.push(origin);
                }
            }
        }
        // Those who asked have been told; now the server may stop. Told once is told.
        if !self.is_store_of_use {
            let _ = self.parts.refused.try_send(());
        }
        Told {
            waiting,
            origins,
            audience: self.parts.audience.settled(),
        }
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
        let store = &*self.parts.store;
        let known = match drafts.iter().any(|draft| draft.tag.is_some()) {
            true => self.tags.of(store, from, now).map(Some),
            false => Ok(None),
        };
        let looked_up = known.and_then(|known| {
            let Some(known) = known else {
                return Ok((None, Vec::new()));
            };
            let tags = drafts.iter().map(|draft| draft.tag.as_ref());
            let looked_up = known.look_up(store, from, tags, now)?;
            Ok((Some(known), looked_up))
        });
        let (mut known, looked_up) = match looked_up {
            Ok(looked_up) => looked_up,
            Err(error) => {
                error!("what {from} sends is not accepted: {error}");
                return Numbered {
                    drafts: handed(&drafts),
                    accepted: Err(Refused),
                    reply,
                };
            }
        };
        let mut all = handed(&drafts);
        let mut accepted = Vec::with_capacity(drafts.len());
        let looked_up = looked_up.into_iter().chain(iter::repeat_with(|| None));
        // Compared where they are: what was moved a moment ago is slow to read.
        let is_like_before = drafts
            .windows(2)
            .map(|two| two[0].to == two[1].to && two[0].missed_by == two[1].missed_by);
        let is_like_before: Vec<_> = iter::once(false).chain(is_like_before).collect();
        let mut is_next = false;
        let mut lookups = 0;
        for ((draft, tag), is_like_before) in drafts.into_iter().zip(looked_up).zip(is_like_before)
        {
            is_next &= is_like_before;
            let id = last.message.next();
            if let Some((tag, known)) = tag.zip(known.as_mut())
                && let Some(before) = known.before(tag, id, now)
            {
                all[accepted.len()].missed_by = match lookups < MOST_LOOKUPS {
                    true => missed_by(store, &draft, before.id),
                    false => None,
                };
                lookups += 1;
                accepted.push(before);
                continue;
            }
            last.message = id;
            accepted.push(Accepted {
                id,
                sent_at: now,
                is_repeat: false,
            });
            plan.add(message(draft, id, now), by, is_next);
            is_next = true;
        }
        Numbered {
            drafts: all,
            accepted: Ok(accepted),
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
        {
            let mut book = self.parts.mailboxes.lock();
            plan_moves(&book, reads, &mut plan.moves);
            plan.saves = mem::take(&mut self.lagging);
            plan.seat(&mut book);
            plan.complete(&book, now, &mut last);
        }
        if plan.commit.is_empty() && !self.is_ending {
            return Ok(());
        }
        plan.commit.seen = self.seen.drain().collect();
        let begin = Instant::now();
        self.parts.store.commit(&plan.commit).map_err(|error| {
            error!("nothing was accepted: {error}");
            self.parts.counters.failed_commit();
            self.is_store_of_use = false;
            Refused
        })?;
        let took = begin.elapsed();
        self.parts.last = last;
        let sent = plan.sent();
        let read = self.show(now, last, &plan, &sent);
        let accepted = sent.iter().map(|sent| sent.messages.len()).sum();
        self.parts.counters.commit(accepted, read, took);
        if !plan.commit.reads.is_empty() {
            self.parts.bell.ring();
        }
        self.parts.audience.committed(&Committed {
            sent: &sent,
            moved: &plan.moved,
        });
        plan.log(&sent);
        Ok(())
    }

    /// Shows a commit in the mailboxes. Returns how many messages were read.
    fn show(&mut self, now: Timestamp, last: LastNumbers, plan: &Plan, sent: &[Sent<'_>]) -> usize {
        let mut book = self.parts.mailboxes.lock();
        let read = book.apply(&plan.moves, now, last.message);
        for &place in &plan.saves {
            book.saved(place);
        }
        for (sent, standing) in sent.iter().zip(plan.standings()) {
            self.lagging.extend(book.deliver(standing, sent.messages));
        }
        self.parts.mailboxes.show(last.message);
        drop(book);
        read.len()
    }
}

fn handed(drafts: &[Draft]) -> Vec<Handed> {
    let handed = drafts.iter().map(|draft| Handed {
        tag: draft.tag.clone(),
        missed_by: draft.missed_by.clone(),
    });
    handed.collect()
}

/// How many repeated group messages of one read are looked up in the store. Everybody waits meanwhile, so the
/// answers to further ones do not say who missed them (rule V4).
const MOST_LOOKUPS: usize = 20;

/// Who did not get a message when it was accepted, which was before this draft of it. In a commit that is not
/// stored yet it is the same as now.
fn missed_by(store: &dyn Store, draft: &Draft, id: MessageId) -> MissedBy {
    let Recipient::Group(group, _) = &draft.to else {
        return None;
    };
    let conversation = [Conversation::Group(group.clone())];
    let mut missed_by = draft.missed_by.clone();
    let found = store.timeline(&conversation, MessageId(id.0 - 1), id, &mut |message| {
        missed_by = message.missed_by;
        false
    });
    if let Err(error) = found {
        warn!("who missed message {id} cannot be read: {error}");
    }
    missed_by
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
        missed_by: draft.missed_by,
        tag: draft.tag,
        text: draft.text,
    }
}

/// The time as it is stored, so that nobody is told two of one thing.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
