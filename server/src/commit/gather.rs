//! Submissions become one batch.

use std::{collections::HashMap, mem, sync::Arc};

use crossbeam_channel::{Receiver, TryRecvError};
use jiff::Timestamp;
use mensageiro_protocol::{Login, Text};

use super::{Draft, Entry, NewSet, Origin, Refused, oneshot::Sender};
use crate::{
    log::Part,
    model::{
        event::{Event, Run, Sent, Target},
        message::Tag,
        setting::Set,
    },
    state::Outcome,
};

/// Most submissions of one commit.
pub(super) const LARGEST_COMMIT: usize = 4096;

/// With so many bytes to be written a commit takes no more submissions: everybody waits until a commit is done, and it is in
/// memory several times meanwhile.
pub(super) const LARGEST_COMMIT_BYTES: usize = 4 * 1024 * 1024;

/// The most that an event has in the log beside names and texts.
const EVENT_BYTES: usize = 96;

/// The most that a read mark has, with three logins of 64 characters.
const READ_BYTES: usize = 1024;

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
    /// The tags of what users set, by the places of the events.
    set_tags: HashMap<usize, Tag>,
    /// Logins that are somebody else's from now on.
    begun: Vec<Login>,
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

/// Takes what waits, as much of it as one commit may have. Returns whether nothing more will ever come.
pub(super) fn take_some(queue: &Receiver<Submission>, submissions: &mut Vec<Submission>) -> bool {
    let mut bytes = 0;
    while submissions.len() < LARGEST_COMMIT && bytes < LARGEST_COMMIT_BYTES {
        match queue.try_recv() {
            Ok(submission) => {
                bytes += submission.most_bytes();
                submissions.push(submission);
            }
            Err(TryRecvError::Empty) => return false,
            Err(TryRecvError::Disconnected) => return true,
        }
    }
    false
}

impl Submission {
    /// Tells that it will never be done.
    pub(super) fn refuse(self) {
        if let Self::Entry(entry, Reply::Origin(origin)) = self {
            let tags: Vec<_> = entry.drafts.into_iter().map(|draft| draft.tag).collect();
            origin.done(&tags, Err(Refused));
        }
    }

    /// About how many bytes it has in the log, rather more than fewer.
    pub(super) fn most_bytes(&self) -> usize {
        match self {
            Self::Entry(entry, _) => {
                let device = entry.device.as_ref().map_or(0, |device| device.len());
                let each = EVENT_BYTES + entry.from.as_str().len() + device;
                let draft = |draft: &Draft| {
                    let tag = draft.tag.as_ref().map_or(0, |tag| tag.as_str().len());
                    let (Target::User(to) | Target::Group(to)) = &draft.to;
                    let file = draft.file.as_ref().map_or(0, |file| file.line_bytes());
                    each + tag + file + draft.text.len() + to.as_str().len()
                };
                let drafts = entry.drafts.iter().map(draft);
                let sets = entry.sets.iter().map(|NewSet { change, .. }| {
                    let texts = [&change.draft, &change.note].into_iter().flatten();
                    READ_BYTES + texts.map(Text::len).sum::<usize>()
                });
                let others = entry.reads.len() * READ_BYTES + sets.sum::<usize>();
                others + drafts.sum::<usize>()
            }
            Self::Seen(..) | Self::Events(..) | Self::Wake => 0,
        }
    }

    /// Whether it may wait for the next sync: nobody is told that a read mark is on disk.
    pub(super) fn may_wait(&self) -> bool {
        match self {
            Self::Entry(entry, Reply::Origin(origin)) => {
                let is_only_reads = entry.drafts.is_empty() && entry.sets.is_empty();
                is_only_reads && !entry.reads.is_empty() && origin.key().is_some()
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
                let begun = events.iter().filter_map(|event| match event {
                    Event::Back {
                        who: Target::User(login),
                        keeps: false,
                    } => Some(login.clone()),
                    _ => None,
                });
                self.begun.extend(begun);
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
            sets,
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
        for NewSet { tag, scope, change } in sets {
            if let Some(tag) = tag {
                self.set_tags.insert(self.events.len(), tag);
            }
            self.events.push(Event::Set(Set {
                by: from.clone(),
                scope,
                change,
                number: None,
            }));
        }
        let mut drafts = drafts.into_iter().peekable();
        while let Some(first) = drafts.next() {
            let mut texts = Vec::with_capacity(1 + drafts.len());
            texts.push(Sent {
                tag: first.tag,
                about: first.about,
                file: first.file,
                text: first.text,
            });
            while let Some(next) = drafts.next_if(|next| next.to == first.to) {
                texts.push(Sent {
                    tag: next.tag,
                    about: next.about,
                    file: next.file,
                    text: next.text,
                });
            }
            self.events.push(Event::Messages(Run {
                from: from.clone(),
                to: first.to,
                device: device.clone(),
                at,
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
        for login in self.begun.drain(..) {
            seen.remove(&login);
        }
        let seen = mem::take(seen).into_iter();
        self.events
            .extend(seen.map(|(login, at)| Event::Seen { login, at }));
        self.keys.resize(self.events.len(), None);
    }

    /// So many events of nobody come before all others.
    pub(super) fn shift(&mut self, events: usize) {
        self.keys.splice(..0, (0..events).map(|_| None));
        let tags = mem::take(&mut self.set_tags).into_iter();
        self.set_tags = tags.map(|(event, tag)| (event + events, tag)).collect();
    }

    /// What the client called what an event sets.
    pub(super) fn take_set_tag(&mut self, event: usize) -> Option<Tag> {
        self.set_tags.remove(&event)
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

#[cfg(test)]
mod tests {
    use crossbeam_channel::bounded;

    use super::*;
    use crate::{
        commit::oneshot,
        model::{
            codec,
            conversation::Conversation,
            event::{Batch, LastNumbers, Read},
            message::{About, MessageId},
            setting::{FOR_GOOD, SettingsChange},
        },
    };

    fn submission(reads: usize, drafts: usize, text: &str) -> Submission {
        // As long as one may be, and a draft for another user each time, so that each is a run.
        let name =
            |first: char| Login::parse(&format!("{first}{}", "\u{1D7D8}".repeat(63))).unwrap();
        let (from, others) = (name('a'), ['b', 'c'].map(name));
        let with = Conversation::pair(&from, &others[0]);
        let up_to = MessageId(u64::MAX);
        let set = NewSet {
            tag: None,
            scope: Some(with.clone()),
            change: SettingsChange {
                is_pinned: Some(true),
                muted_until: Some(Some(FOR_GOOD)),
                archived: Some(Some(MessageId(1 << 40))),
                draft: Some(Text::from(text)),
                is_marked_unread: Some(true),
                note: None,
            },
        };
        let draft = |n: usize| Draft {
            to: Target::User(others[n % 2].clone()),
            tag: Some(Tag::parse(&format!("laptop:{}", (1_u64 << 60) + n as u64)).unwrap()),
            about: Some(About::Reply((1 << 40) - 1)),
            file: None,
            text: Text::from(text),
        };
        let entry = Entry {
            from,
            device: Some("laptop".into()),
            reads: vec![Read::Conversation { with, up_to }; reads],
            sets: vec![set; reads],
            drafts: (0..drafts).map(draft).collect(),
        };
        Submission::Entry(entry, Reply::Thread(oneshot::channel().0))
    }

    #[test]
    fn a_submission_is_never_longer_in_the_log_than_it_is_taken_for() {
        for (reads, drafts, text) in [
            (1, 0, ""),
            (0, 1, "x"),
            (500, 500, "x"),
            (0, 9, &"x".repeat(9999)),
        ] {
            let submission = submission(reads, drafts, text);
            let most = submission.most_bytes();
            let mut gathered = Gathered::default();
            gathered.add(submission, Timestamp::UNIX_EPOCH);
            let mut batch = Batch {
                at: Timestamp::UNIX_EPOCH,
                last: LastNumbers::default(),
                events: gathered.events,
            };
            let mut payload = Vec::new();
            codec::write_batch(&mut batch, &mut payload);
            assert!(payload.len() <= most + 64, "{} {most}", payload.len());
        }
    }

    #[test]
    fn a_commit_takes_no_more_bytes_than_a_record_has_room_for() {
        let (submit, queue) = bounded(40);
        for _ in 0..38 {
            submit
                .send(submission(0, 1, &"x".repeat(1024 * 1024)))
                .unwrap();
        }
        drop(submit);
        let mut commits = Vec::new();
        let mut is_over = false;
        while !is_over {
            let mut taken = Vec::new();
            is_over = take_some(&queue, &mut taken);
            commits.push(taken.len());
        }
        assert_eq!(commits, [4, 4, 4, 4, 4, 4, 4, 4, 4, 2]);
    }
}
