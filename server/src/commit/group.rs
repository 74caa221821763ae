//! Takes what waits, makes it durable, applies it, and tells.

use std::{
    collections::HashMap,
    mem,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Select};
use jiff::Timestamp;
use mensageiro_protocol::Login;
use tracing::error;

use super::{
    Committed, Parts, Refused, Sent, Told,
    gather::{
        Gathered, LARGEST_COMMIT, LARGEST_COMMIT_BYTES, Reply, Submission, Waiting, split,
        take_some,
    },
    notifier::{Notice, Notifier},
    report::report,
    retention::Retention,
};
use crate::{
    log::Position,
    model::{
        codec,
        event::{Batch, LastNumbers},
    },
    state::{Effects, Moved, Outcome, Preload, Tags},
};

/// Read marks wait so long for a sync that somebody else needs.
const MARKS_WAIT: Duration = Duration::from_millis(100);

/// Room for a payload that is kept for the next one.
const KEPT_BYTES: usize = 256 * 1024;

/// Whoever holds it commits: the thread of its own or a session's.
pub(super) struct GroupCommit {
    pub(super) parts: Parts,
    tags: Tags,
    /// Submissions that are handed over and not committed.
    pub(super) uncommitted: Arc<AtomicUsize>,
    /// The last numbers in use.
    last: LastNumbers,
    /// What waits for the next sync, and since when.
    waiting: Vec<Submission>,
    waiting_since: Option<Instant>,
    /// To be committed with something else.
    seen: HashMap<Login, Timestamp>,
    payload: Vec<u8>,
    /// When the thread looks whether something is due.
    looks_at: Option<Instant>,
    /// Up to here the index was written when the last flush began.
    pub(super) flushed: Position,
    pub(super) retention: Retention,
    /// It has not refused a commit.
    pub(super) is_of_use: bool,
}

/// How the thread that commits came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ran {
    ToTheEnd,
    /// Of somebody else.
    IntoAPanic,
}

/// The thread that commits: all that waits is one commit. Submissions leave the queue only under the lock
/// that committing needs, so that one which finds the queue empty and the lock free is next.
///
/// Where somebody has panicked while committing, nobody knows how far that came: then it ends at once.
pub(super) fn run(
    lock: &Mutex<GroupCommit>,
    queue: &Receiver<Submission>,
    notifier: &Notifier,
) -> Ran {
    let mut something = Select::new();
    something.recv(queue);
    let mut looks_at = None;
    loop {
        match looks_at {
            // A time-out is no error: something is due.
            Some(at) => drop(something.ready_deadline(at)),
            None => drop(something.ready()),
        }
        let Ok(mut group) = lock.lock() else {
            return Ran::IntoAPanic;
        };
        let mut submissions = mem::take(&mut group.waiting);
        let is_over = take_some(queue, &mut submissions);
        let notice = group.commit_or_wait(submissions, is_over);
        drop(group);
        if let Some(notice) = notice {
            // Nobody who waits for an answer waits for the index.
            notifier.give(notice);
        }
        let Ok(mut group) = lock.lock() else {
            return Ran::IntoAPanic;
        };
        if is_over {
            group.finish();
            return Ran::ToTheEnd;
        }
        group.flush_index();
        looks_at = group.due();
        group.looks_at = looks_at;
    }
}

impl GroupCommit {
    pub(super) fn new(parts: Parts, preload: Arc<Preload>, uncommitted: Arc<AtomicUsize>) -> Self {
        let retention = Retention::new(parts.keep);
        Self {
            last: parts.last,
            parts,
            tags: Tags::new(preload),
            uncommitted,
            waiting: Vec::new(),
            waiting_since: None,
            seen: HashMap::new(),
            payload: Vec::new(),
            looks_at: None,
            flushed: Position::START,
            retention,
            is_of_use: true,
        }
    }

    /// Takes one submission of the thread that calls, and says whether the thread of its own must be woken up, as something is due before it
    /// looks.
    pub(super) fn take(&mut self, submission: Submission) -> (Notice, bool) {
        let mut submissions = mem::take(&mut self.waiting);
        submissions.push(submission);
        let notice = self.commit_or_wait(submissions, false);
        let is_due = match (self.due(), self.looks_at) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(due), Some(looks_at)) => due < looks_at,
        };
        (notice.unwrap_or_default(), is_due)
    }

    /// When something has to be done although nobody asks for it.
    fn due(&self) -> Option<Instant> {
        let marks = self.waiting_since.map(|since| since + MARKS_WAIT);
        let index = self.parts.index.flush_due();
        marks.into_iter().chain(index).min()
    }

    /// Commits these, unless all of them may wait a little longer.
    fn commit_or_wait(
        &mut self,
        mut submissions: Vec<Submission>,
        must_commit: bool,
    ) -> Option<Notice> {
        submissions.retain(|submission| match submission {
            Submission::Seen(login, at) => {
                self.seen.insert(login.clone(), *at);
                false
            }
            Submission::Wake => false,
            Submission::Entry(..) | Submission::Events(..) => true,
        });
        if submissions.is_empty() && !must_commit {
            self.waiting_since = None;
            return None;
        }
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        let may_wait = !must_commit
            && submissions.len() < LARGEST_COMMIT
            && since.elapsed() < MARKS_WAIT
            && submissions.iter().all(Submission::may_wait)
            && submissions
                .iter()
                .map(Submission::most_bytes)
                .sum::<usize>()
                < LARGEST_COMMIT_BYTES;
        if may_wait {
            self.waiting = submissions;
            return None;
        }
        self.waiting_since = None;
        Some(self.commit(submissions))
    }

    /// Makes submissions durable and applies them, all in one commit.
    pub(super) fn commit(&mut self, submissions: Vec<Submission>) -> Notice {
        let (at, committed) = (now(), submissions.len());
        let mut gathered = Gathered::default();
        for submission in submissions {
            gathered.add(submission, at);
        }
        let is_ending = gathered.waiting.is_empty();
        let is_something = !gathered.events.is_empty() || (is_ending && !self.seen.is_empty());
        let outcome = match is_something {
            false => Ok(Effects::default()),
            true => {
                gathered.add_seen(&mut self.seen);
                self.append_and_apply(&mut gathered, at)
            }
        };
        let (outcomes, outcome) = match outcome {
            Ok(effects) => (effects.outcomes, Ok(())),
            Err(refused) => (Vec::new(), Err(refused)),
        };
        let mut take = split(outcomes);
        let (mut threads, mut origins) = (Vec::new(), Vec::new());
        for Waiting {
            reply,
            drafts,
            tags,
            ..
        } in gathered.waiting
        {
            let outcomes = take(drafts);
            match reply {
                Reply::Thread(sender) => threads.push((sender, outcome.map(|()| outcomes))),
                Reply::Origin(origin) => {
                    origin.done(&tags, outcome.map(|()| &outcomes[..]));
                    origins.push(origin);
                }
            }
        }
        // Whoever reads that nothing is left sees all of it.
        self.uncommitted.fetch_sub(committed, Ordering::SeqCst);
        // Those who asked have been told; now the server may stop. Told once is told.
        if !self.is_of_use {
            let _ = self.parts.refused.try_send(());
        }
        Notice {
            waiting: threads,
            origins,
            audience: Some(self.parts.audience.flush()),
        }
    }

    fn append_and_apply(
        &mut self,
        gathered: &mut Gathered,
        at: Timestamp,
    ) -> Result<Effects, Refused> {
        if !self.is_of_use {
            return Err(Refused);
        }
        let mut batch = Batch {
            at,
            last: self.last,
            events: mem::take(&mut gathered.events),
        };
        self.payload.clear();
        self.payload.shrink_to(KEPT_BYTES);
        codec::write_batch(&mut batch, &mut self.payload);
        if self.parts.log.begins_segment(self.payload.len()) {
            let mut preface = self.parts.mailboxes.lock().preface();
            gathered.shift(preface.len());
            preface.append(&mut batch.events);
            batch.events = preface;
            self.payload.clear();
            codec::write_batch(&mut batch, &mut self.payload);
        }
        let begin = Instant::now();
        let appended = self.parts.log.append(&self.payload).map_err(|error| {
            error!("nothing was accepted: {error}");
            self.parts.counters.failed_commit();
            self.is_of_use = false;
            Refused
        })?;
        let took = begin.elapsed();
        let Parts {
            mailboxes,
            index,
            marks,
            ..
        } = &self.parts;
        self.tags.take_preloaded();
        let mut effects = {
            let mut state = mailboxes.lock();
            let where_it_is = (appended.position, appended.next);
            let applied = state.apply(batch, where_it_is, &mut self.tags, &**index);
            let effects = applied.map_err(|error| {
                error!("nothing more is accepted: {error}");
                self.is_of_use = false;
                Refused
            })?;
            self.last = state.header().last;
            // Before anybody can know of them.
            effects.add_to(index);
            mailboxes.show(self.last.message);
            effects
        };
        marks.add(&effects.marks);
        if !effects.marks.is_empty() {
            self.parts.archive.wake();
        }
        let accepted = effects.runs.iter().map(|run| run.messages.len()).sum();
        // What the server itself notes is nobody's commit.
        if gathered.waiting.iter().any(|one| one.is_of_a_user) {
            self.parts.counters.commit(accepted, effects.read, took);
        }
        let outcomes = effects.outcomes.iter().flat_map(|(_, outcomes)| outcomes);
        let refused = outcomes.filter(|outcome| matches!(outcome, Outcome::Refused(_)));
        self.parts.counters.discarded(refused.count());
        let sent: Vec<_> = effects
            .runs
            .iter()
            .map(|run| Sent {
                messages: &run.messages,
                by: gathered.key(run.event),
            })
            .collect();
        let moved = mem::take(&mut effects.moved).into_iter();
        let moved: Vec<_> = moved
            .map(|(event, moved)| Moved {
                by: gathered.key(event),
                ..moved
            })
            .collect();
        let set = mem::take(&mut effects.set).into_iter();
        let set: Vec<_> = set
            .map(|(event, set)| Told {
                set,
                tag: gathered.take_set_tag(event),
                by: gathered.key(event),
            })
            .collect();
        self.parts.audience.committed(&Committed {
            sent: &sent,
            moved: &moved,
            set: &set,
        });
        report(&effects.runs, &moved);
        // For those who are told next.
        self.parts.mailboxes.keep(mem::take(&mut effects.runs));
        Ok(effects)
    }

    /// Commits what else there is, and brings the index up to date so that the next start has nothing to read again.
    fn finish(&mut self) {
        if !self.seen.is_empty() {
            drop(self.commit(Vec::new()));
        }
        if self.is_of_use {
            self.checkpoint();
        }
    }
}

/// The time as it is stored, so that nobody is told two of one thing.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
