//! Cursors that move, and what leaves the mailboxes when they do.

use std::collections::HashMap;

use jiff::Timestamp;
use mensageiro_protocol::Login;

use super::{Book, Cursor, Place, Waiting};
use crate::message::MessageId;

/// A cursor that will move when a commit has become durable.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Move {
    pub(crate) place: Place,
    /// The oldest and the newest message that is read by it.
    pub(crate) read: Option<(MessageId, MessageId)>,
    pub(crate) delivered: Option<MessageId>,
    /// Who asked for it.
    pub(crate) by: Option<u64>,
}

impl Book {
    /// What a user reads by reading a whole mailbox up to a message: for each conversation the
    /// oldest and the newest.
    pub(crate) fn read_all(
        &self,
        login: &Login,
        up_to: MessageId,
    ) -> HashMap<Place, (MessageId, MessageId)> {
        let mut read = HashMap::new();
        let waiting = self.person(login).into_iter().flat_map(|one| &one.mailbox);
        for Waiting { id, place, .. } in waiting.take_while(|one| one.id <= up_to) {
            read.entry(*place).or_insert((*id, *id)).1 = *id;
        }
        read
    }

    /// What a user reads by reading one conversation up to a message.
    pub(crate) fn read_one(
        &self,
        place: Place,
        up_to: MessageId,
    ) -> Option<(MessageId, MessageId)> {
        let seat = self.seat(place);
        let mailbox = &self.persons[seat.person as usize].mailbox;
        let start = mailbox.partition_point(|one| one.id < seat.first_unread);
        let end = mailbox.partition_point(|one| one.id <= up_to);
        let mut of_it = (start..end.max(start))
            .map(|at| &mailbox[at])
            .filter(|one| one.place == place);
        let first = of_it.next()?.id;
        Some((first, of_it.next_back().map_or(first, |one| one.id)))
    }

    /// How far a user has been given each conversation, when a device keeps everything up to a
    /// message: only where this is news.
    pub(crate) fn delivered(
        &self,
        login: &Login,
        up_to: MessageId,
    ) -> impl Iterator<Item = (Place, MessageId)> {
        let places = self
            .person(login)
            .into_iter()
            .flat_map(|one| &one.undelivered);
        places.filter_map(move |&place| {
            let seat = self.seat(place);
            let delivered = up_to.min(seat.newest);
            (delivered > seat.cursor.delivered).then_some((place, delivered))
        })
    }

    /// Who wrote the unread messages at a place, above one message and up to another.
    pub(crate) fn authors(&self, place: Place, above: MessageId, up_to: MessageId) -> Vec<Login> {
        let mailbox = &self.persons[self.seat(place).person as usize].mailbox;
        let start = mailbox.partition_point(|one| one.id <= above);
        let mut authors = Vec::new();
        let covered = mailbox.range(start..);
        for Waiting { author, .. } in covered
            .take_while(|one| one.id <= up_to)
            .filter(|one| one.place == place)
        {
            if !authors.contains(author) {
                authors.push(*author);
            }
        }
        let login = |author: u32| self.persons[author as usize].login.clone();
        authors.into_iter().map(login).collect()
    }

    /// The cursor as it will be after a move.
    pub(crate) fn moved(&self, step: &Move, at: Timestamp, last: MessageId) -> Cursor {
        let mut cursor = self.seat(step.place).cursor;
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

    /// Moves cursors, whose new values are stored, and takes what was read out of the mailboxes.
    /// Returns these messages, so that nobody waits for the lock while they are dropped.
    pub(crate) fn apply(&mut self, moves: &[Move], at: Timestamp, last: MessageId) -> Vec<Waiting> {
        let mut ranges = HashMap::<u32, (MessageId, MessageId)>::new();
        for step in moves {
            let cursor = self.moved(step, at, last);
            let seat = self.seat_mut(step.place);
            seat.cursor = cursor;
            seat.is_stored = true;
            seat.unsaved = 0;
            let is_delivered = cursor.delivered >= seat.newest;
            let person = seat.person;
            if let Some((first, last)) = step.read {
                seat.first_unread = last.next();
                let range = ranges.entry(person).or_insert((first, last));
                *range = (range.0.min(first), range.1.max(last));
            }
            if is_delivered {
                let undelivered = &mut self.persons[person as usize].undelivered;
                undelivered.retain(|place| *place != step.place);
            }
        }
        let mut read = Vec::new();
        for (person, range) in ranges {
            self.take_out(person, range, &mut read);
        }
        read
    }

    /// Takes out of a mailbox what the cursors say is read, looking only within a range.
    fn take_out(
        &mut self,
        person: u32,
        (first, last): (MessageId, MessageId),
        read: &mut Vec<Waiting>,
    ) {
        let Self {
            persons, standings, ..
        } = self;
        let person = &mut persons[person as usize];
        let start = person.mailbox.partition_point(|one| one.id < first);
        let end = person.mailbox.partition_point(|one| one.id <= last);
        let mut kept = start;
        for at in start..end {
            let Waiting {
                id, place, bytes, ..
            } = &person.mailbox[at];
            let seat = &mut standings[place.standing as usize].seats[place.seat as usize];
            if *id <= seat.cursor.read {
                seat.unread -= 1;
                person.bytes -= *bytes as usize;
            } else {
                person.mailbox.swap(kept, at);
                kept += 1;
            }
        }
        read.extend(person.mailbox.drain(kept..end));
    }
}
