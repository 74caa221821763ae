use std::collections::VecDeque;

use jiff::Timestamp;
use mensageiro_protocol::Login;

use super::{Mailboxes, Moved};
use crate::{
    conversation::Conversation,
    message::MessageId,
    standing::{Book, Place},
};

/// Seats that are looked at while the lock is held: of a large group only a part, so that nobody
/// waits for it long.
const SEATS: usize = 1024;

/// How far the others are, conversation by conversation; see [`Mailboxes::peers`].
#[derive(Debug)]
pub struct Peers<'a> {
    mailboxes: &'a Mailboxes,
    login: Login,
    since: MessageId,
    places: std::vec::IntoIter<Place>,
    /// Where it looks next.
    next: Option<Place>,
    found: VecDeque<Moved>,
}

impl Mailboxes {
    /// How far the others in a user's conversations have come, of those whose cursor has moved
    /// since the message `since`: what was delivered and what was read each on its own, with its
    /// time.
    pub fn peers(&self, login: &Login, since: MessageId) -> Peers<'_> {
        let book = self.lock();
        let places = book.person(login).map(|one| one.places.clone());
        drop(book);
        self.peers_at(login, since, places.unwrap_or_default())
    }

    /// The same of one conversation, whenever the cursors have moved.
    pub fn peers_in(&self, login: &Login, with: &Conversation) -> Peers<'_> {
        let place = self.lock().find(login, with);
        self.peers_at(login, MessageId(0), place.into_iter().collect())
    }

    fn peers_at(&self, login: &Login, since: MessageId, places: Vec<Place>) -> Peers<'_> {
        Peers {
            mailboxes: self,
            login: login.clone(),
            since,
            places: places.into_iter(),
            next: None,
            found: VecDeque::new(),
        }
    }
}

impl Iterator for Peers<'_> {
    type Item = Moved;

    fn next(&mut self) -> Option<Moved> {
        while self.found.is_empty() && self.look() {}
        self.found.pop_front()
    }
}

impl Peers<'_> {
    /// Looks at some more seats. Returns whether there may be more.
    fn look(&mut self) -> bool {
        let mailboxes = self.mailboxes;
        let book = mailboxes.lock();
        let mut room = SEATS;
        while room > 0 {
            let first = |place| Place { seat: 0, ..place };
            let Some(place) = self.next.take().or_else(|| self.places.next().map(first)) else {
                return false;
            };
            let end = self.look_at(&book, place, room);
            room = room.saturating_sub((end - place.seat) as usize + 1);
            if (end as usize) < book.standing(place).seats.len() {
                self.next = Some(Place { seat: end, ..place });
            }
        }
        true
    }

    /// Looks at so many seats at most; returns the one after them.
    fn look_at(&mut self, book: &Book, place: Place, most: usize) -> u32 {
        let standing = book.standing(place);
        let seats = standing.seats.iter().skip(place.seat as usize).take(most);
        let mut end = place.seat;
        for seat in seats {
            end += 1;
            let (who, cursor) = (book.login_of(seat), &seat.cursor);
            if cursor.changed < self.since || *who == self.login {
                continue;
            }
            let one = |delivered, read, at| Moved {
                who: who.clone(),
                with: standing.conversation.clone(),
                authors: Vec::new(),
                delivered,
                read,
                at,
                by: None,
            };
            if cursor.delivered > MessageId(0) {
                let delivered = Some(cursor.delivered);
                self.found
                    .push_back(one(delivered, None, cursor.delivered_at));
            }
            if cursor.read_at > Timestamp::UNIX_EPOCH {
                self.found
                    .push_back(one(None, Some(cursor.read), cursor.read_at));
            }
        }
        end
    }
}
