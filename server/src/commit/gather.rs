//! Submissions become one batch.

use std::{collections::HashMap, mem, sync::Arc};

use jiff::Timestamp;
use mensageiro_protocol::Login;

use super::{Entry, Origin, Refused, oneshot::Sender};
use crate::{
    log::Part,
    model::{
        event::{Event, Run, Sent},
        message::Tag,
    },
    state::Outcome,
};

/// What is asked of the thread that commits.
pub(super) enum Submission {
    Entry(Entry, Reply),
    Seen(Login, Timestamp),
    /// What the server itself has to say.
    Events(Vec<Event>, Sender),
    /// Something else is due soon.
    Wake,
}

/// How the outcome of an entry goes back.
pub(super) enum Reply {
    /// A thread waits for it.
    Thread(Sender),
    Origin(Arc<dyn Origin>),
}

/// The events of a batch, and who waits for what of it.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) events: Vec<Event>,
    /// Of each event, the key of the live session it came from.
    pub(super) keys: Vec<Option<u64>>,
    pub(super) waiting: Vec<Waiting>,
}

/// Who waits for the outcome of some messages.
pub(super) struct Waiting {
    pub(super) reply: Reply,
    /// A session asked for it, and not the server itself.
    pub(super) is_of_a_user: bool,
    /// How many messages there are.
    pub(super) drafts: usize,
    /// Their tags, of an [`Origin`].
    pub(super) tags: Vec<Option<Tag>>,
}

impl Submission {
    /// Tells that it will never be done.
    pub(super) fn refuse(self) {
        if let Self::Entry(entry, Reply::Origin(origin)) = self {
            let tags: Vec<_> = entry.drafts.into_iter().map(|draft| draft.tag).collect();
            origin.done(&tags, Err(Refused));
        }
    }

    /// Whether it may wait for the next sync: nobody is told that a read mark is on disk.
    pub(super) fn may_wait(&self) -> bool {
        match self {
            Self::Entry(entry, Reply::Origin(origin)) => {
                entry.drafts.is_empty() && !entry.reads.is_empty() && origin.key().is_some()
            }
            Self::Seen(..) | Self::Wake => true,
            Self::Entry(_, Reply::Thread(_)) | Self::Events(..) => false,
        }
    }
}

impl Reply {
    fn key(&self) -> Option<u64> {
        match self {
            Self::Thread(_) => None,
            Self::Origin(origin) => origin.key(),
        }
    }
}

impl Gathered {
    /// Takes in a submission.
    pub(super) fn add(&mut self, submission: Submission, at: Timestamp) {
        match submission {
            Submission::Entry(entry, reply) => self.add_entry(entry, reply, at),
            // Noted by whoever gathers: only the last one counts.
            Submission::Seen(..) | Submission::Wake => {}
            Submission::Events(events, sender) => {
                self.events.extend(events);
                self.keys.resize(self.events.len(), None);
                self.waiting.push(Waiting {
                    reply: Reply::Thread(sender),
                    is_of_a_user: false,
                    drafts: 0,
                    tags: Vec::new(),
                });
            }
        }
    }

    fn add_entry(&mut self, entry: Entry, reply: Reply, at: Timestamp) {
        let Entry {
            from,
            device,
            reads,
            drafts,
        } = entry;
        let tags = match reply {
            Reply::Origin(_) => drafts.iter().map(|draft| draft.tag.clone()).collect(),
            Reply::Thread(_) => Vec::new(),
        };
        let key = reply.key();
        self.waiting.push(Waiting {
            reply,
            is_of_a_user: true,
            drafts: drafts.len(),
            tags,
        });
        let reads = reads.into_iter().map(|what| Event::Read {
            by: from.clone(),
            what,
        });
        self.events.extend(reads);
        let mut drafts = drafts.into_iter().peekable();
        while let Some(first) = drafts.next() {
            let mut texts = Vec::with_capacity(1 + drafts.len());
            texts.push(Sent {
                tag: first.tag,
                text: first.text,
            });
            while let Some(next) = drafts.next_if(|next| next.to == first.to) {
                texts.push(Sent {
                    tag: next.tag,
                    text: next.text,
                });
            }
            self.events.push(Event::Messages(Run {
                from: from.clone(),
                to: first.to,
                device: device.clone(),
                at,
                missed_by: None,
                texts,
                part: Part {
                    offset: 0,
                    length: 0,
                },
            }));
        }
        self.keys.resize(self.events.len(), key);
    }

    /// When users were last there.
    pub(super) fn add_seen(&mut self, seen: &mut HashMap<Login, Timestamp>) {
        let seen = mem::take(seen).into_iter();
        self.events
            .extend(seen.map(|(login, at)| Event::Seen { login, at }));
        self.keys.resize(self.events.len(), None);
    }

    /// So many events of nobody come before all others.
    pub(super) fn shift(&mut self, events: usize) {
        self.keys.splice(..0, (0..events).map(|_| None));
    }

    /// The key of the session that an event came from.
    pub(super) fn key(&self, event: usize) -> Option<u64> {
        self.keys.get(event).copied().flatten()
    }
}

/// The outcomes of each entry's messages, taken from those of the batch's events, in order.
pub(super) fn split(outcomes: Vec<(usize, Vec<Outcome>)>) -> impl FnMut(usize) -> Vec<Outcome> {
    let mut all = outcomes.into_iter().flat_map(|(_, outcomes)| outcomes);
    move |count| all.by_ref().take(count).collect()
}
