//! How things stand in memory: for each conversation its last message and how far each of its
//! users has come, and for each user what waits.

mod loading;
mod moving;

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use mensageiro_protocol::Login;

pub(crate) use self::moving::Move;
pub use crate::model::cursor::Cursor;
use crate::{
    conversation::Conversation,
    message::{Message, MessageId, is_among},
};

/// A user's own messages after which the cursor they moved is written anew. A start reads no
/// more of them than this.
const OWN_UNSAVED: u32 = 256;

/// As long as no more than so many messages wait for a user, with so many bytes of text, they are
/// kept in memory. Of those that come later the text is only in the store.
const KEPT: usize = 256;
const KEPT_BYTES: usize = 64 * 1024;

/// Everything, behind the one lock of the mailboxes.
#[derive(Debug, Default)]
pub(crate) struct Book {
    people: HashMap<Login, u32>,
    persons: Vec<Person>,
    index: HashMap<Conversation, u32>,
    standings: Vec<Standing>,
}

/// A user who has been part of a conversation.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) login: Login,
    /// What waits, by rising ids.
    pub(crate) mailbox: VecDeque<Waiting>,
    /// Of all texts in it together.
    pub(crate) bytes: usize,
    /// Every conversation the user is part of.
    pub(crate) places: Vec<Place>,
    /// Those with messages that no device of the user is known to have.
    undelivered: Vec<Place>,
}

impl Person {
    /// Whether all that waits is in memory.
    pub(crate) fn is_kept(&self) -> bool {
        self.mailbox.len() <= KEPT && self.mailbox.iter().all(|one| one.message.is_some())
    }
}

/// A user's place in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    pub(crate) standing: u32,
    pub(crate) seat: u32,
}

/// A message in a mailbox.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) id: MessageId,
    pub(crate) place: Place,
    /// Who wrote it, a person.
    author: u32,
    /// Of its text.
    bytes: u32,
    /// Itself, of the first ones. The others are in the store.
    pub(crate) message: Option<Arc<Message>>,
}

#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) conversation: Conversation,
    pub(crate) last: MessageId,
    pub(crate) seats: Vec<Seat>,
    /// Of a group.
    members: Option<Members>,
}

/// The members of a group when it was last written to.
#[derive(Clone, Debug)]
struct Members {
    logins: Arc<BTreeSet<Login>>,
    /// Theirs, in the same order.
    seats: Arc<[u32]>,
}

#[derive(Debug)]
pub(crate) struct Seat {
    person: u32,
    pub(crate) cursor: Cursor,
    /// The newest message for this user.
    newest: MessageId,
    /// Messages of this conversation in the user's mailbox.
    unread: u32,
    /// No message before this one is among them.
    first_unread: MessageId,
    /// There is a record of it.
    is_stored: bool,
    /// Own messages that moved it since it was written.
    unsaved: u32,
}

impl Seat {
    /// Messages of this conversation in the user's mailbox.
    pub(crate) fn unread(&self) -> u32 {
        self.unread
    }
}

impl Book {
    pub(crate) fn person(&self, login: &Login) -> Option<&Person> {
        Some(&self.persons[*self.people.get(login)? as usize])
    }

    pub(crate) fn persons(&self) -> &[Person] {
        &self.persons
    }

    pub(crate) fn standing(&self, place: Place) -> &Standing {
        &self.standings[place.standing as usize]
    }

    pub(crate) fn seat(&self, place: Place) -> &Seat {
        &self.standings[place.standing as usize].seats[place.seat as usize]
    }

    pub(crate) fn conversation(&self, standing: u32) -> &Conversation {
        &self.standings[standing as usize].conversation
    }

    /// The last message of a conversation, if there is any.
    pub(crate) fn last(&self, of: &Conversation) -> Option<MessageId> {
        let standing = *self.index.get(of)?;
        let last = self.standings[standing as usize].last;
        (last > MessageId(0)).then_some(last)
    }

    pub(crate) fn len(&self) -> u32 {
        self.standings.len() as u32
    }

    pub(crate) fn login_of(&self, seat: &Seat) -> &Login {
        &self.persons[seat.person as usize].login
    }

    fn seat_mut(&mut self, place: Place) -> &mut Seat {
        &mut self.standings[place.standing as usize].seats[place.seat as usize]
    }

    /// The number of a conversation, which is entered if it is new.
    pub(crate) fn enter(&mut self, conversation: &Conversation) -> u32 {
        if let Some(&standing) = self.index.get(conversation) {
            return standing;
        }
        let standing = self.standings.len() as u32;
        self.index.insert(conversation.clone(), standing);
        self.standings.push(Standing {
            conversation: conversation.clone(),
            last: MessageId(0),
            seats: Vec::new(),
            members: None,
        });
        standing
    }

    /// Where a user stands in a conversation, if the user is part of it.
    pub(crate) fn find(&self, login: &Login, with: &Conversation) -> Option<Place> {
        let standing = *self.index.get(with)?;
        let person = *self.people.get(login)?;
        self.place(standing, person)
    }

    fn place(&self, standing: u32, person: u32) -> Option<Place> {
        let seats = &self.standings[standing as usize].seats;
        // In large groups a user has fewer places than the group has seats.
        let places = &self.persons[person as usize].places;
        if places.len() < seats.len() {
            return places
                .iter()
                .copied()
                .find(|place| place.standing == standing);
        }
        let seat = seats.iter().position(|seat| seat.person == person)?;
        Some(Place {
            standing,
            seat: seat as u32,
        })
    }

    /// The place of a user in a conversation, which is made if there is none.
    pub(crate) fn take_place(&mut self, standing: u32, login: &Login) -> Place {
        // Of the two of a pair each is found without a look into the list of all.
        let seats = &self.standings[standing as usize].seats;
        let mut pair = seats.iter().take(2);
        if let Some(seat) = pair.position(|seat| self.login_of(seat) == login) {
            return Place {
                standing,
                seat: seat as u32,
            };
        }
        let person = match self.people.get(login) {
            Some(&person) => person,
            None => {
                let person = self.persons.len() as u32;
                self.people.insert(login.clone(), person);
                self.persons.push(Person {
                    login: login.clone(),
                    mailbox: VecDeque::new(),
                    bytes: 0,
                    places: Vec::new(),
                    undelivered: Vec::new(),
                });
                person
            }
        };
        if let Some(place) = self.place(standing, person) {
            return place;
        }
        let seats = &mut self.standings[standing as usize].seats;
        let place = Place {
            standing,
            seat: seats.len() as u32,
        };
        seats.push(Seat {
            person,
            cursor: Cursor::default(),
            newest: MessageId(0),
            unread: 0,
            first_unread: MessageId::MAX,
            is_stored: false,
            unsaved: 0,
        });
        self.persons[person as usize].places.push(place);
        place
    }

    /// Gives everybody a message is from or for a place, and says which places are not stored.
    pub(crate) fn seat_everybody(&mut self, standing: u32, message: &Message) -> Vec<Place> {
        match &message.members {
            None => {
                self.take_place(standing, &message.from);
                self.take_place(standing, &message.to);
            }
            Some(members) => drop(self.seats_of(standing, members, message.id)),
        }
        let seats = &self.standings[standing as usize].seats;
        let new = seats.iter().enumerate().filter(|(_, seat)| !seat.is_stored);
        new.map(|(seat, _)| Place {
            standing,
            seat: seat as u32,
        })
        .collect()
    }

    /// The seats of the members of a group, to which a message of this id is written. Where these
    /// are others than before, it is noted who has left and who is back.
    fn seats_of(
        &mut self,
        standing: u32,
        members: &Arc<BTreeSet<Login>>,
        id: MessageId,
    ) -> Arc<[u32]> {
        if let Some(known) = &self.standings[standing as usize].members
            && Arc::ptr_eq(&known.logins, members)
        {
            return known.seats.clone();
        }
        let seats: Arc<[u32]> = members
            .iter()
            .map(|member| self.take_place(standing, member).seat)
            .collect();
        let Self {
            persons, standings, ..
        } = self;
        let standing = &mut standings[standing as usize];
        for seat in &mut standing.seats {
            let is_member = members.contains(&persons[seat.person as usize].login);
            if is_member == seat.cursor.left.is_some() {
                seat.cursor.left = (!is_member).then_some(id);
                seat.is_stored = false;
            }
        }
        standing.members = Some(Members {
            logins: members.clone(),
            seats: seats.clone(),
        });
        seats
    }

    /// Puts messages, from one user and to the same user or members of a group, into the mailboxes
    /// of those they are for. Their author, who has nothing unread there, has read them; returns the
    /// author's place when that has happened so often that it should be written down.
    pub(crate) fn deliver(&mut self, standing: u32, messages: &[Message]) -> Option<Place> {
        let (first, last) = (messages.first()?, messages.last()?);
        self.standings[standing as usize].last = last.id;
        let author = self.take_place(standing, &first.from);
        let mut kept = vec![None; messages.len()];
        match &first.members {
            None => {
                let reader = self.take_place(standing, &first.to);
                self.put(reader, author, messages, &mut kept);
            }
            Some(members) => {
                let seats = self.seats_of(standing, members, first.id);
                for (member, &seat) in members.iter().zip(&*seats) {
                    if seat != author.seat && !is_among(&first.missed_by, member) {
                        self.put(Place { standing, seat }, author, messages, &mut kept);
                    }
                }
            }
        }
        let seat = self.seat_mut(author);
        if seat.unread > 0 {
            return None;
        }
        seat.cursor.read = last.id;
        let before = seat.unsaved;
        seat.unsaved += messages.len() as u32;
        (before < OWN_UNSAVED && seat.unsaved >= OWN_UNSAVED).then_some(author)
    }

    /// Puts messages into one mailbox. `kept`: those of them that are in memory in another one, and
    /// need not be there twice.
    fn put(
        &mut self,
        place: Place,
        author: Place,
        messages: &[Message],
        kept: &mut [Option<Arc<Message>>],
    ) {
        let (Some(first), Some(last)) = (messages.first(), messages.last()) else {
            return;
        };
        let author = self.seat(author).person;
        let seat = &mut self.standings[place.standing as usize].seats[place.seat as usize];
        let person = &mut self.persons[seat.person as usize];
        if seat.unread == 0 {
            seat.first_unread = first.id;
        }
        let is_listed = seat.cursor.delivered < seat.newest;
        if !is_listed && seat.cursor.delivered < last.id {
            person.undelivered.push(place);
        }
        seat.unread += messages.len() as u32;
        seat.newest = last.id;
        for (message, kept) in messages.iter().zip(kept) {
            let is_kept = person.mailbox.len() < KEPT && person.bytes < KEPT_BYTES;
            person.bytes += message.text.len();
            person.mailbox.push_back(Waiting {
                id: message.id,
                place,
                author,
                bytes: message.text.len() as u32,
                message: is_kept.then(|| {
                    let kept = kept.get_or_insert_with(|| Arc::new(message.clone()));
                    kept.clone()
                }),
            });
        }
    }

    /// Notes that a cursor is stored as it is.
    pub(crate) fn saved(&mut self, place: Place) {
        let seat = self.seat_mut(place);
        seat.is_stored = true;
        seat.unsaved = 0;
    }

    /// Every cursor that is not stored as it is.
    pub(crate) fn unsaved(&self) -> Vec<Place> {
        let mut unsaved = Vec::new();
        for (standing, one) in self.standings.iter().enumerate() {
            for (seat, _) in one
                .seats
                .iter()
                .enumerate()
                .filter(|(_, seat)| seat.unsaved > 0)
            {
                unsaved.push(Place {
                    standing: standing as u32,
                    seat: seat as u32,
                });
            }
        }
        unsaved
    }
}
