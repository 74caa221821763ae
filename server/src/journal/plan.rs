//! What a commit stores and shows, found out before it is made.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;
use mensageiro_protocol::Login;
use tracing::info;

use super::{Read, writer::Job};
use crate::{
    mailbox::Moved,
    message::{Message, MessageId, ReadMark},
    standing::{Book, Move, Place},
    store::{Block, Commit, CursorRecord, LastNumbers},
};

/// What will be shown when the commit is durable.
#[derive(Default)]
pub(super) struct Plan {
    /// With the conversation of each, and who sent it.
    pub(super) messages: Vec<(Arc<Message>, Option<u64>)>,
    pub(super) standings: Vec<u32>,
    pub(super) moves: Vec<Move>,
    /// Cursors that are stored as they are.
    pub(super) saves: Vec<Place>,
    pub(super) moved: Vec<Moved>,
}

impl Plan {
    /// With room for what they bring.
    pub(super) fn for_jobs(jobs: &[Job]) -> Self {
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
    pub(super) fn log(&self) {
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
    pub(super) fn blocks(&mut self, book: &mut Book) -> Vec<Block> {
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
    pub(super) fn commit(
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
