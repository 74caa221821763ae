//! How things stood when the server was last stopped.

use std::slice;

use super::{Book, Cursor, Place};
use crate::{
    message::{Message, MessageId},
    store::CursorRecord,
};

impl Book {
    /// Takes in a stored cursor.
    pub(crate) fn load(&mut self, record: CursorRecord) {
        let standing = self.enter(&record.conversation);
        let place = self.take_place(standing, &record.user);
        let seat = self.seat_mut(place);
        seat.cursor = record.cursor;
        seat.is_stored = true;
    }

    /// Where somebody in a conversation may have unread messages: above the one and up to the
    /// other, in order and each message in one range at most.
    pub(crate) fn unread_ranges(
        &self,
        standing: u32,
        last: MessageId,
    ) -> Vec<(MessageId, MessageId)> {
        let seats = self.standings[standing as usize].seats.iter();
        let mut ranges: Vec<_> = seats
            .map(|seat| (seat.cursor.read, seat.cursor.newest_possible(last)))
            .filter(|(read, newest)| read < newest)
            .collect();
        ranges.sort_unstable();
        ranges.dedup_by(|next, before| {
            let is_one = next.0 <= before.1;
            if is_one {
                before.1 = before.1.max(next.1);
            }
            is_one
        });
        ranges
    }

    /// Puts a stored message into the mailboxes of those who have not read it.
    pub(crate) fn load_unread(&mut self, standing: u32, message: &Message) {
        let author = self.take_place(standing, &message.from);
        let mut kept = [None];
        for seat in 0..self.standings[standing as usize].seats.len() as u32 {
            let place = Place { standing, seat };
            let seat = self.seat(place);
            if seat.cursor.read < message.id && message.is_for(self.login_of(seat)) {
                self.put(place, author, slice::from_ref(message), &mut kept);
            }
        }
    }

    /// Everything unread of a conversation is in the mailboxes. Who has nothing there has read
    /// everything.
    pub(crate) fn loaded(&mut self, standing: u32, last: MessageId) {
        let standing = &mut self.standings[standing as usize];
        standing.last = last;
        for seat in &mut standing.seats {
            let newest = seat.cursor.newest_possible(last);
            if seat.unread == 0 && seat.cursor.read < newest {
                seat.cursor.read = newest;
                seat.unsaved = 1;
            }
        }
    }

    /// Brings the mailboxes in order after they were filled one conversation after another.
    pub(crate) fn sort(&mut self) {
        for person in &mut self.persons {
            let mailbox = person.mailbox.make_contiguous();
            mailbox.sort_unstable_by_key(|one| one.id);
        }
    }
}

impl Cursor {
    /// The newest message that can be for the user, in a conversation whose last one is this.
    fn newest_possible(&self, last: MessageId) -> MessageId {
        let before = self.left.map(|left| MessageId(left.0.saturating_sub(1)));
        before.map_or(last, |before| before.min(last))
    }
}
