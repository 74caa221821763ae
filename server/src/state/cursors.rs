//! Cursors move, and what was read leaves the mailboxes.

use std::collections::HashMap;

use jiff::Timestamp;
use mensageiro_protocol::Login;

use super::{ParticipantId, State, Unread};
use crate::model::{cursor::Cursor, message::MessageId};

/// How a cursor moves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) id: ParticipantId,
    /// The oldest and the newest message that is read by it.
    pub(super) read: Option<(MessageId, MessageId)>,
    pub(super) delivered: Option<MessageId>,
}

impl State {
    /// What a user reads by reading a whole mailbox up to a message: for each conversation the
    /// oldest and the newest.
    pub(super) fn read_all(
        &self,
        login: &Login,
        up_to: MessageId,
    ) -> HashMap<ParticipantId, (MessageId, MessageId)> {
        let mut read = HashMap::new();
        let waiting = self.user(login).into_iter().flat_map(|one| &one.mailbox);
        for Unread {
            id, participant, ..
        } in waiting.take_while(|one| one.id <= up_to)
        {
            read.entry(*participant).or_insert((*id, *id)).1 = *id;
        }
        read
    }

    /// What a user reads by reading one conversation up to a message.
    pub(super) fn read_one(
        &self,
        id: ParticipantId,
        up_to: MessageId,
    ) -> Option<(MessageId, MessageId)> {
        let participant = self.participant(id);
        if participant.unread == 0 {
            // Other conversations may have a hundred thousand messages there.
            return None;
        }
        let mailbox = &self.users[participant.user as usize].mailbox;
        let start = mailbox.partition_point(|one| one.id < participant.first_unread);
        let end = mailbox.partition_point(|one| one.id <= up_to);
        let mut of_it = (start..end.max(start))
            .map(|at| &mailbox[at])
            .filter(|one| one.participant == id);
        let first = of_it.next()?.id;
        Some((first, of_it.next_back().map_or(first, |one| one.id)))
    }

    /// How far a user has been given each conversation, when a device keeps everything up to a
    /// message: only where this is news.
    pub(super) fn delivered(
        &self,
        login: &Login,
        up_to: MessageId,
    ) -> impl Iterator<Item = (ParticipantId, MessageId)> {
        let undelivered = self
            .user(login)
            .into_iter()
            .flat_map(|one| &one.undelivered);
        undelivered.filter_map(move |&id| {
            let participant = self.participant(id);
            let delivered = up_to.min(participant.newest);
            (delivered > participant.cursor.delivered).then_some((id, delivered))
        })
    }

    /// Who wrote the unread messages in a conversation of one user, above one message and up to another.
    pub(super) fn authors(
        &self,
        id: ParticipantId,
        above: MessageId,
        up_to: MessageId,
    ) -> Vec<Login> {
        let mailbox = &self.users[self.participant(id).user as usize].mailbox;
        let start = mailbox.partition_point(|one| one.id <= above);
        let mut authors = Vec::new();
        let covered = mailbox.range(start..);
        for Unread { author, .. } in covered
            .take_while(|one| one.id <= up_to)
            .filter(|one| one.participant == id)
        {
            if !authors.contains(author) {
                authors.push(*author);
            }
        }
        let login = |author: u32| self.users[author as usize].login.clone();
        authors.into_iter().map(login).collect()
    }

    /// The cursor as it will be after a move.
    pub(super) fn moved(&self, step: &Step, at: Timestamp, last: MessageId) -> Cursor {
        let mut cursor = self.participant(step.id).cursor;
        if let Some((_, read)) = step.read {
            cursor.read = cursor.read.max(read);
            cursor.read_at = at;
        }
        let delivered = step.delivered.max(step.read.map(|read| read.1));
        if let Some(delivered) = delivered.filter(|&delivered| delivered > cursor.delivered) {
            cursor.delivered = delivered;
            cursor.delivered_at = at;
        }
        cursor.changed = last;
        cursor
    }

    /// Moves cursors, and takes what was read out of the mailboxes. Returns how much that was.
    pub(super) fn move_cursors(&mut self, steps: &[Step], at: Timestamp, last: MessageId) -> usize {
        let mut ranges = HashMap::<u32, (MessageId, MessageId)>::new();
        for step in steps {
            let cursor = self.moved(step, at, last);
            let participant = self.participant_mut(step.id);
            participant.cursor = cursor;
            let is_delivered = cursor.delivered >= participant.newest;
            let user = participant.user;
            if let Some((first, last)) = step.read {
                participant.first_unread = last.next();
                let range = ranges.entry(user).or_insert((first, last));
                *range = (range.0.min(first), range.1.max(last));
            }
            if is_delivered {
                let undelivered = &mut self.users[user as usize].undelivered;
                undelivered.retain(|id| *id != step.id);
            }
            self.note_cursor(step.id);
        }
        let ranges = ranges.into_iter();
        ranges.map(|(user, range)| self.take_out(user, range)).sum()
    }

    /// Takes out of a mailbox what the cursors say is read, looking only within a range.
    fn take_out(&mut self, user: u32, (first, last): (MessageId, MessageId)) -> usize {
        let Self {
            users,
            conversations,
            ..
        } = self;
        let user = &mut users[user as usize];
        let start = user.mailbox.partition_point(|one| one.id < first);
        let end = user.mailbox.partition_point(|one| one.id <= last);
        let mut kept = start;
        for at in start..end {
            let Unread {
                id,
                participant,
                bytes,
                ..
            } = &user.mailbox[at];
            let conversation = &mut conversations[participant.conversation as usize];
            let participant = &mut conversation.participants[participant.index as usize];
            if *id <= participant.cursor.read {
                participant.unread -= 1;
                user.bytes -= *bytes as usize;
            } else {
                user.mailbox.swap(kept, at);
                kept += 1;
            }
        }
        user.mailbox.drain(kept..end).count()
    }
}
