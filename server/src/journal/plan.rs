//! What a commit stores and shows, found out before it is made.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::Arc,
};

use jiff::Timestamp;
use mensageiro_protocol::Login;
use tracing::info;

use super::{Read, Sent};
use crate::{
    conversation::Conversation,
    mailbox::Moved,
    message::{Message, MessageId, ReadMark},
    standing::{Book, Move, Place},
    store::{Block, Commit, CursorRecord, LastNumbers},
};

/// Messages that a conversation with more than one has in a commit.
const USUAL: usize = 16;

/// What will be shown when the commit is durable.
#[derive(Default)]
pub(super) struct Plan {
    /// What is stored.
    pub(super) commit: Commit,
    /// Its messages, in the order of their numbers.
    runs: Vec<Run>,
    /// Which block a conversation has.
    block_of: HashMap<Conversation, usize>,
    /// Of each block: which conversation it is in the book.
    standings: Vec<u32>,
    pub(super) moves: Vec<Move>,
    /// Cursors that are stored as they are.
    pub(super) saves: Vec<Place>,
    pub(super) moved: Vec<Moved>,
}

/// A part of a block: see [`Sent`].
struct Run {
    block: usize,
    messages: Range<usize>,
    by: Option<u64>,
}

impl Plan {
    /// Takes in a message, which has a higher number than those before. `is_next`: from the same
    /// session as the one before, and to the same user or group.
    pub(super) fn add(&mut self, message: Message, by: Option<u64>, is_next: bool) {
        let blocks = &mut self.commit.blocks;
        if let Some(run) = self.runs.last_mut().filter(|_| is_next) {
            // The last run ends where its block does.
            let messages = &mut blocks[run.block].messages;
            if messages.len() == 1 {
                messages.reserve_exact(USUAL - 1);
            }
            messages.push(message);
            run.messages.end += 1;
            return;
        }
        let conversation = message.conversation();
        let block = match self.block_of.get(&conversation) {
            Some(&block) => block,
            None => {
                self.block_of.insert(conversation.clone(), blocks.len());
                blocks.push(Block {
                    conversation,
                    messages: Vec::with_capacity(1),
                });
                blocks.len() - 1
            }
        };
        let messages = &mut blocks[block].messages;
        self.runs.push(Run {
            block,
            messages: messages.len()..messages.len() + 1,
            by,
        });
        messages.push(message);
    }

    /// All messages, in the order of their numbers.
    pub(super) fn sent(&self) -> Vec<Sent<'_>> {
        let sent = |run: &Run| Sent {
            messages: &self.commit.blocks[run.block].messages[run.messages.clone()],
            by: run.by,
        };
        self.runs.iter().map(sent).collect()
    }

    /// Which conversation each of [`Plan::sent`] belongs to, in the book.
    pub(super) fn standings(&self) -> impl Iterator<Item = u32> {
        self.runs.iter().map(|run| self.standings[run.block])
    }

    /// A commit is a line or two in the log, however much it brought.
    pub(super) fn log(&self, sent: &[Sent<'_>]) {
        let first = sent.first().and_then(|sent| sent.messages.first());
        let last = sent.last().and_then(|sent| sent.messages.last());
        match first.zip(last) {
            None => {}
            Some((one, last)) if one.id == last.id => {
                info!("message {} from {} to {} stored", one.id, one.from, one.to);
            }
            Some((first, last)) => info!("messages {} to {} stored", first.id, last.id),
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

    /// Finds the conversations in the book, and who is new in one.
    pub(super) fn seat(&mut self, book: &mut Book) {
        for block in &self.commit.blocks {
            let standing = book.enter(&block.conversation);
            self.standings.push(standing);
            let mut before = None;
            for message in &block.messages {
                let members = message.members.as_ref().map(Arc::as_ptr);
                if before != Some(members) {
                    self.saves.extend(book.seat_everybody(standing, message));
                }
                before = Some(members);
            }
        }
        self.saves.sort_unstable();
        self.saves.dedup();
    }

    /// Adds to what is stored where everybody is then.
    pub(super) fn complete(&mut self, book: &Book, now: Timestamp, last: &mut LastNumbers) {
        let cursors = &mut self.commit.cursors;
        cursors.reserve_exact(self.moves.len() + self.saves.len());
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
                self.commit.reads.push(ReadMark {
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
        self.commit.last = *last;
    }
}

/// The cursors that move, each once whatever was asked of it how often.
pub(super) fn plan_moves(book: &Book, reads: &[(Login, Read, Option<u64>)], moves: &mut Vec<Move>) {
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
