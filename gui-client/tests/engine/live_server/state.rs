//! The state of a small live server, and the pushes to its sessions.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::TcpStream,
    sync::Arc,
};

use mensageiro_protocol::{
    Login, Text,
    live::{Delivered, Epoch, Event, StoreId, Tag},
};

use super::say;

#[derive(Default)]
pub struct State {
    pub users: BTreeSet<Login>,
    pub groups: BTreeMap<Login, BTreeSet<Login>>,
    pub messages: Vec<Stored>,
    pub tags: HashMap<(Login, Tag), u64>,
    /// The store and its epochs; `None`: an old server, which has none.
    pub identity: Option<(StoreId, Vec<Epoch>)>,
    /// The number of numbered messages that will be refused, as if another device had their numbers.
    pub refused_numbers: usize,
    /// Accepted messages are not answered.
    pub swallows_answers: bool,
    /// How far each user has read each conversation.
    pub reads: HashMap<(Login, Login), u64>,
    pub sessions: Vec<(usize, Login, Arc<TcpStream>)>,
    /// The next connections are cut after so many lines from the client, unanswered; the last number first.
    pub cuts: Vec<usize>,
    pub connections: usize,
    /// It knows `conversations`.
    pub lists: bool,
    /// The number of requests for them.
    pub listings: usize,
}

#[derive(Clone)]
pub struct Stored {
    pub id: u64,
    pub from: Login,
    pub to: Login,
    pub tag: Option<Tag>,
    pub text: Text,
}

impl State {
    pub fn accept(
        &mut self,
        me: &Login,
        to: &Login,
        tag: Option<Tag>,
        text: &Text,
        by: usize,
    ) -> u64 {
        let known = tag
            .clone()
            .and_then(|tag| self.tags.get(&(me.clone(), tag)).copied());
        if let Some(id) = known {
            return id;
        }
        let id = self.last() + 1;
        if let Some(tag) = tag.clone() {
            self.tags.insert((me.clone(), tag), id);
        }
        let one = Stored {
            id,
            from: me.clone(),
            to: to.clone(),
            tag,
            text: text.clone(),
        };
        self.messages.push(one.clone());
        for (number, login, stream) in &self.sessions {
            if *number != by && self.concerns(&one, login) {
                say(stream, &tell(&one, login, false));
            }
        }
        id
    }

    pub fn to_user(&self, user: &Login, event: &Event) {
        let to = self.sessions.iter().filter(|(_, login, _)| login == user);
        to.for_each(|(.., stream)| say(stream, event));
    }

    pub fn others(&self, number: usize, user: &Login, event: &Event) {
        let mine = self.sessions.iter().filter(|(_, login, _)| login == user);
        mine.filter(|(other, ..)| *other != number)
            .for_each(|(.., stream)| say(stream, event));
    }

    pub fn concerns(&self, one: &Stored, user: &Login) -> bool {
        let is_member = self
            .groups
            .get(&one.to)
            .is_some_and(|all| all.contains(user));
        one.from == *user || one.to == *user || is_member
    }

    pub fn last(&self) -> u64 {
        self.messages.last().map_or(100, |one| one.id)
    }
}

/// The identity of a new store.
pub fn new_identity() -> (StoreId, Vec<Epoch>) {
    let (number, after) = (1, 0);
    let store = StoreId(u128::from(fastrand::u64(..)));
    (store, vec![Epoch { number, after }])
}

/// The conversation, as this user names it.
pub fn with(one: &Stored, user: &Login) -> Login {
    if one.to == *user {
        one.from.clone()
    } else {
        one.to.clone()
    }
}

pub fn tell(one: &Stored, user: &Login, is_old: bool) -> Event {
    Event::Message(Delivered {
        id: one.id,
        at: at(one.id),
        with: with(one, user),
        from: one.from.clone(),
        tag: one.tag.clone().filter(|_| one.from == *user),
        about: None,
        is_old,
        file: None,
        text: one.text.clone(),
    })
}

/// A time for each id, by a clock that is wrong by two hours in alternating directions: times are for people, and order
/// nothing.
pub fn at(id: u64) -> i64 {
    let wrong = if id.is_multiple_of(2) {
        7_200_000
    } else {
        -7_200_000
    };
    1_700_000_000_000 + i64::try_from(id).unwrap() * 1000 + wrong
}
