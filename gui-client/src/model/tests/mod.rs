//! The model by itself: events and actions in, commands out.

mod composing;
mod conversations;
mod destination;
mod finding;
mod reading;
mod signing_in;

use std::time::Instant;

use jiff::Timestamp;
use mensageiro_protocol::{Login, Text, live::RosterUser};

use super::*;
use crate::engine::{
    Conversation, Delivery, Doubt, FOR_GOOD, LinkProblem, LinkState, Message, MessageId, Older,
    Peer, Presence, PresenceNews, Receipt, Refusal, Roster, RosterGroup, ServerChange,
    SettingChange, SortKey, StorageProblem,
};

fn login(name: &str) -> Login {
    Login::parse(name).unwrap()
}

fn person(name: &str) -> Peer {
    Peer::Person(login(name))
}

fn alice() -> Account {
    Account {
        server: "localhost:3333".into(),
        login: login("alice"),
    }
}

fn message(id: i64, with: &str, delivery: Delivery) -> Message {
    Message {
        id: MessageId(id),
        sort_key: SortKey(id),
        server_id: None,
        with: person(with),
        author: None,
        text: Text::from(format!("message {id}").as_str()),
        re: None,
        edited: None,
        is_changing: false,
        at: Timestamp::UNIX_EPOCH,
        written: None,
        delivery,
        receipts: vec![],
    }
}

fn online() -> Event {
    Event::Link(LinkState::Online {
        framing: None,
        next_fetch: None,
        doubt: None,
    })
}

/// Signed in as alice, with these conversations.
fn signed_in(conversations: Vec<Conversation>) -> Model {
    let mut model = Model::new(Preferences::default());
    model.act(Action::SignInAs(alice()));
    model.apply(Event::SignedIn {
        account: alice(),
        conversations,
    });
    model.apply(online());
    model
}

fn conversation(with: &str, last: i64, unread: usize) -> Conversation {
    Conversation {
        with: person(with),
        is_group: false,
        is_pinned: false,
        muted_until: None,
        archived: None,
        is_marked_unread: false,
        last: Some(message(last, with, Delivery::Received)),
        unread,
        draft: String::new(),
    }
}

fn page(model: &mut Model, with: &str, ids: std::ops::Range<i64>, older: Older) {
    model.apply(Event::Page {
        with: person(with),
        before: None,
        messages: ids
            .map(|id| message(id, with, Delivery::Received))
            .collect(),
        older,
    });
}

fn names(model: &Model) -> Vec<String> {
    let rows = model.session.as_ref().unwrap().conversations.rows();
    rows.iter()
        .map(|row| match &row.with {
            Peer::Person(login) => login.to_string(),
            Peer::Server => "server".into(),
        })
        .collect()
}

fn session(model: &Model) -> &Session {
    model.session.as_ref().unwrap()
}

/// Somebody who is online. `full` is the full name; empty if there is none.
fn user(name: &str, full: &str) -> RosterUser {
    RosterUser {
        presence: PresenceNews {
            login: login(name),
            state: Presence::Online,
            note: Text::default(),
            seen: None,
        },
        name: full.into(),
        role: None,
    }
}

fn group(name: &str, members: &[&str]) -> RosterGroup {
    RosterGroup {
        name: login(name),
        members: members.iter().map(|member| login(member)).collect(),
        gone: vec![],
        admins: Vec::new(),
    }
}
