//! The newest messages of all, in memory: who is answered at once needs no disk for them.

use std::{
    collections::{HashMap, VecDeque},
    ops::Deref,
    sync::Arc,
};

use crate::{
    model::{
        conversation::Conversation,
        message::{Message, MessageId},
    },
    state::AppliedRun,
};

/// Bytes of all of them together.
const BYTES: usize = 4 * 1024 * 1024;

/// A run with more bytes is left to the log.
const RUN_BYTES: usize = 64 * 1024;

/// So much memory a message takes beside its text, at most.
const MESSAGE_BYTES: usize = 256;

/// A message that others may have too.
#[derive(Clone, Debug)]
pub struct SharedMessage {
    run: Arc<[Message]>,
    at: usize,
}

/// Of some conversations the newest messages, and no gap in them.
#[derive(Debug, Default)]
pub(super) struct Recent {
    of: HashMap<Conversation, VecDeque<Arc<[Message]>>>,
    /// All runs in the order in which they came, each with its first message. Some may be gone.
    order: VecDeque<(Conversation, MessageId)>,
    bytes: usize,
}

impl SharedMessage {
    /// Of messages that nobody else has.
    pub(super) fn all(run: Vec<Message>) -> Vec<Self> {
        let run: Arc<[Message]> = run.into();
        let at = 0..run.len();
        let one = |at| Self {
            run: run.clone(),
            at,
        };
        at.map(one).collect()
    }
}

impl Deref for SharedMessage {
    type Target = Message;

    fn deref(&self) -> &Message {
        &self.run[self.at]
    }
}

impl Recent {
    /// Adds what came after everything that is there.
    pub(super) fn add(&mut self, run: AppliedRun) {
        let AppliedRun {
            conversation,
            messages,
            ..
        } = run;
        let bytes = bytes(&messages);
        let Some(first) = messages.first().filter(|_| bytes <= RUN_BYTES) else {
            // What comes next would come after a gap.
            let gone = self.of.remove(&conversation);
            let gone = gone.iter().flatten().map(|run| self::bytes(run));
            self.bytes -= gone.sum::<usize>();
            return;
        };
        self.order.push_back((conversation.clone(), first.id));
        self.of
            .entry(conversation)
            .or_default()
            .push_back(messages.into());
        self.bytes += bytes;
        while self.bytes > BYTES || self.order.len() > BYTES / MESSAGE_BYTES {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let Some((conversation, first)) = self.order.pop_front() else {
            return;
        };
        let Some(runs) = self.of.get_mut(&conversation) else {
            return;
        };
        let is_it = |run: &mut Arc<[Message]>| run.first().is_some_and(|one| one.id == first);
        if let Some(run) = runs.pop_front_if(is_it) {
            self.bytes -= bytes(&run);
            if runs.is_empty() {
                self.of.remove(&conversation);
            }
        }
    }

    /// The messages of a conversation from one id on, if all of them up to another one are here.
    pub(super) fn from(
        &self,
        conversation: &Conversation,
        from: MessageId,
        newest: MessageId,
    ) -> Option<impl Iterator<Item = SharedMessage>> {
        let runs = self.of.get(conversation)?;
        let (first, last) = (runs.front()?.first()?.id, runs.back()?.last()?.id);
        (first <= from && newest <= last).then(|| {
            let ends_before = |run: &Arc<[Message]>| run.last().is_none_or(|one| one.id < from);
            let runs = runs.range(runs.partition_point(ends_before)..);
            let all = runs.flat_map(|run| {
                let one = move |at| SharedMessage {
                    run: run.clone(),
                    at,
                };
                (0..run.len()).map(one)
            });
            all.skip_while(move |one| one.id < from)
        })
    }
}

fn bytes(run: &[Message]) -> usize {
    let one = |message: &Message| message.line_bytes() + MESSAGE_BYTES;
    run.iter().map(one).sum()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use mensageiro_protocol::{Login, Text};

    use super::*;
    use crate::{
        index::RunEntry,
        log::{Part, Position},
    };

    fn login(name: &str) -> Login {
        Login::parse(name).unwrap()
    }

    fn run(to: &str, ids: std::ops::Range<u64>, text: usize) -> AppliedRun {
        let message = |id| Message {
            id: MessageId(id),
            sent_at: Timestamp::UNIX_EPOCH,
            from: login("ana"),
            to: login(to),
            members: None,
            tag: None,
            about: None,
            file: None,
            text: Text::from(&*"x".repeat(text)),
        };
        AppliedRun {
            conversation: Conversation::pair(&login("ana"), &login(to)),
            entry: RunEntry {
                first: MessageId(ids.start),
                count: ids.clone().count() as u32,
                record: Position(0),
                part: Part {
                    offset: 0,
                    length: 0,
                },
                text: 0,
                roster: 0,
            },
            messages: ids.map(message).collect(),
            event: 0,
        }
    }

    fn ids(recent: &Recent, with: &str, from: u64, newest: u64) -> Option<Vec<u64>> {
        let with = Conversation::pair(&login("ana"), &login(with));
        let found = recent.from(&with, MessageId(from), MessageId(newest))?;
        Some(found.map(|one| one.id.0).collect())
    }

    #[test]
    fn what_is_here_has_no_gap_and_what_is_not_here_is_known() {
        let mut recent = Recent::default();
        recent.add(run("bob", 3..6, 1));
        recent.add(run("eva", 6..8, 1));
        recent.add(run("bob", 8..10, 1));
        assert_eq!(ids(&recent, "bob", 3, 9), Some(vec![3, 4, 5, 8, 9]));
        assert_eq!(ids(&recent, "bob", 5, 9), Some(vec![5, 8, 9]));
        assert_eq!(ids(&recent, "bob", 2, 9), None, "there may be an older one");
        assert_eq!(ids(&recent, "bob", 3, 10), None, "there is a newer one");
        assert_eq!(ids(&recent, "zoe", 3, 9), None);
        recent.add(run("bob", 10..11, RUN_BYTES));
        assert_eq!(ids(&recent, "bob", 8, 10), None);
        recent.add(run("bob", 12..13, 1));
        assert_eq!(ids(&recent, "bob", 8, 12), None);
        assert_eq!(ids(&recent, "bob", 12, 12), Some(vec![12]));
        assert_eq!(ids(&recent, "eva", 6, 7), Some(vec![6, 7]));
    }

    #[test]
    fn the_oldest_gives_way_and_memory_is_bounded() {
        let mut recent = Recent::default();
        for id in 1..=2_000 {
            let to = ["bob", "eva"][id as usize % 2];
            recent.add(run(to, id..id + 1, 16_000));
            assert!(recent.bytes <= BYTES);
        }
        assert_eq!(ids(&recent, "bob", 1_998, 2_000), Some(vec![1_998, 2_000]));
        assert_eq!(ids(&recent, "bob", 2, 2_000), None);
        for id in 2_001..4_000 {
            recent.add(run("eva", id..id + 1, 16_000));
        }
        assert_eq!(ids(&recent, "bob", 2_000, 2_000), None);
        assert_eq!(recent.of.len(), 1);
    }
}
