//! How things stand in memory: for each conversation its last message and how far each of its
//! users has come, and for each user what waits.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use jiff::Timestamp;
use mensageiro_protocol::Login;

use crate::{
    conversation::Conversation,
    message::{Message, MessageId},
    store::CursorRecord,
};

/// A user's own messages after which the cursor they moved is written anew. A start reads no
/// more of them than this.
const OWN_UNSAVED: u32 = 256;

/// How far a user has come in a conversation, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// A device of the user's keeps everything up to here.
    pub delivered: MessageId,
    /// Since when.
    pub delivered_at: Timestamp,
    /// The user has read everything up to here. The user's own messages count as read.
    pub read: MessageId,
    /// Since when.
    pub read_at: Timestamp,
    /// The last message of all when the cursor last moved by something the user did.
    pub changed: MessageId,
}

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

/// A user's place in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    pub(crate) standing: u32,
    pub(crate) seat: u32,
}

/// A message in a mailbox.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    /// The message's own, where looking for it finds it without following a pointer.
    pub(crate) id: MessageId,
    pub(crate) message: Arc<Message>,
    place: Place,
}

#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) conversation: Conversation,
    pub(crate) last: MessageId,
    pub(crate) seats: Vec<Seat>,
    /// Of a group: the members last seen, and their seats in the same order.
    members: Option<(Arc<BTreeSet<Login>>, Arc<[u32]>)>,
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

impl Default for Cursor {
    fn default() -> Self {
        Self {
            delivered: MessageId(0),
            delivered_at: Timestamp::UNIX_EPOCH,
            read: MessageId(0),
            read_at: Timestamp::UNIX_EPOCH,
            changed: MessageId(0),
        }
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

    /// Whether this is the conversation of a message; no new logins are made for it.
    pub(crate) fn is_of(&self, standing: u32, message: &Message) -> bool {
        let (from, to) = (&message.from, &message.to);
        match &self.standings[standing as usize].conversation {
            Conversation::Pair(a, b) => {
                message.members.is_none() && ((a == from && b == to) || (a == to && b == from))
            }
            Conversation::Group(name) => message.members.is_some() && name == to,
        }
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

    /// Takes in a stored cursor.
    pub(crate) fn load(&mut self, record: CursorRecord) {
        let standing = self.enter(&record.conversation);
        let place = self.take_place(standing, &record.user);
        let seat = self.seat_mut(place);
        seat.cursor = record.cursor;
        seat.is_stored = true;
    }

    /// The message after which somebody in a conversation may have unread ones.
    pub(crate) fn oldest_unread(&self, standing: u32, last: MessageId) -> Option<MessageId> {
        let seats = &self.standings[standing as usize].seats;
        let read = seats.iter().map(|seat| seat.cursor.read);
        read.min().filter(|&oldest| oldest < last)
    }

    /// Puts a stored message into the mailboxes of those who have not read it.
    pub(crate) fn load_unread(&mut self, standing: u32, message: &Arc<Message>) {
        for seat in 0..self.standings[standing as usize].seats.len() as u32 {
            let place = Place { standing, seat };
            let seat = self.seat(place);
            if seat.cursor.read < message.id && message.is_for(self.login_of(seat)) {
                self.put(place, message);
            }
        }
    }

    /// Everything unread of a conversation is in the mailboxes. Who has nothing there has read it
    /// up to its last message.
    pub(crate) fn loaded(&mut self, standing: u32, last: MessageId) {
        let standing = &mut self.standings[standing as usize];
        standing.last = last;
        for seat in &mut standing.seats {
            if seat.unread == 0 && seat.cursor.read < last {
                seat.cursor.read = last;
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

    /// Gives everybody a message is from or for a place, and says which places are not stored.
    pub(crate) fn seat_everybody(&mut self, standing: u32, message: &Message) -> Vec<Place> {
        match &message.members {
            None => {
                self.take_place(standing, &message.from);
                self.take_place(standing, &message.to);
            }
            Some(members) => drop(self.seats_of(standing, members)),
        }
        let seats = &self.standings[standing as usize].seats;
        let new = seats.iter().enumerate().filter(|(_, seat)| !seat.is_stored);
        new.map(|(seat, _)| Place {
            standing,
            seat: seat as u32,
        })
        .collect()
    }

    /// The seats of the members of a group.
    fn seats_of(&mut self, standing: u32, members: &Arc<BTreeSet<Login>>) -> Arc<[u32]> {
        if let Some((known, seats)) = &self.standings[standing as usize].members
            && Arc::ptr_eq(known, members)
        {
            return seats.clone();
        }
        let seats: Arc<[u32]> = members
            .iter()
            .map(|member| self.take_place(standing, member).seat)
            .collect();
        self.standings[standing as usize].members = Some((members.clone(), seats.clone()));
        seats
    }

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
        for Waiting { message, .. } in covered
            .take_while(|one| one.id <= up_to)
            .filter(|one| one.place == place)
        {
            if !authors.contains(&message.from) {
                authors.push(message.from.clone());
            }
        }
        authors
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
            let Waiting { id, message, place } = &person.mailbox[at];
            let seat = &mut standings[place.standing as usize].seats[place.seat as usize];
            if *id <= seat.cursor.read {
                seat.unread -= 1;
                person.bytes -= message.text.len();
            } else {
                person.mailbox.swap(kept, at);
                kept += 1;
            }
        }
        read.extend(person.mailbox.drain(kept..end));
    }

    /// Puts a message into the mailboxes of those it is for. Its author, who has nothing unread
    /// there, has read it; returns the author's place when that has happened so often that it
    /// should be written down.
    pub(crate) fn deliver(&mut self, standing: u32, message: &Arc<Message>) -> Option<Place> {
        self.standings[standing as usize].last = message.id;
        let author = self.take_place(standing, &message.from);
        match &message.members {
            None => {
                let reader = self.take_place(standing, &message.to);
                self.put(reader, message);
            }
            Some(members) => {
                for &seat in &*self.seats_of(standing, members) {
                    if seat != author.seat {
                        self.put(Place { standing, seat }, message);
                    }
                }
            }
        }
        let seat = self.seat_mut(author);
        if seat.unread > 0 {
            return None;
        }
        seat.cursor.read = message.id;
        seat.unsaved += 1;
        (seat.unsaved == OWN_UNSAVED).then_some(author)
    }

    fn put(&mut self, place: Place, message: &Arc<Message>) {
        let seat = &mut self.standings[place.standing as usize].seats[place.seat as usize];
        let person = &mut self.persons[seat.person as usize];
        if seat.unread == 0 {
            seat.first_unread = message.id;
        }
        let is_listed = seat.cursor.delivered < seat.newest;
        if !is_listed && seat.cursor.delivered < message.id {
            person.undelivered.push(place);
        }
        seat.unread += 1;
        seat.newest = message.id;
        person.bytes += message.text.len();
        person.mailbox.push_back(Waiting {
            id: message.id,
            message: message.clone(),
            place,
        });
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
