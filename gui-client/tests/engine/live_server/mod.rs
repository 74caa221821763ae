//! A minimal live server: its state is in memory, and it breaks on command.

mod answers;
mod state;

use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex},
};

use mensageiro_protocol::{
    Login, Text,
    live::{Bye, ByeCode, Epoch, Event, Hello, Request, StoreId, Tag},
};

use self::state::{State, Stored, new_identity};
use crate::{
    connections::{self, Connections, cut},
    window::login,
};

pub struct LiveServer {
    pub address: String,
    connections: Connections,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
}

/// A copy of a server's data.
#[derive(Clone)]
pub struct Backup {
    messages: Vec<Stored>,
    tags: HashMap<(Login, Tag), u64>,
    reads: HashMap<(Login, Login), u64>,
    identity: Option<(StoreId, Vec<Epoch>)>,
}

impl Backup {
    /// Makes this the backup of an old server, whose store has no identity.
    pub fn forget_identity(&mut self) {
        self.identity = None;
    }
}

impl LiveServer {
    pub fn start(users: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), users)
    }

    pub fn start_at(address: SocketAddr, users: &[&str]) -> Self {
        let shared = Arc::<Shared>::default();
        {
            let mut state = shared.state.lock().unwrap();
            state.users = users.iter().map(|user| login(user)).collect();
            state.lists = true;
            state.identity = Some(new_identity());
        }
        let serving = Arc::clone(&shared);
        let connections = Connections::accept(address, move |stream| {
            let number = serving.begin();
            // The connection ends in any case.
            let _ = serving.serve(number, stream);
            serving.end(number);
        });
        Self {
            address: connections.address().to_string(),
            connections,
            shared,
        }
    }

    /// From now on it is an old server, whose store has no identity.
    pub fn forget_identity(&self) {
        self.state(|state| state.identity = None);
    }

    /// Copies its data.
    pub fn backup(&self) -> Backup {
        self.state(|state| Backup {
            messages: state.messages.clone(),
            tags: state.tags.clone(),
            reads: state.reads.clone(),
            identity: state.identity.clone(),
        })
    }

    /// Restores a backup, which begins a new epoch. All connections are cut.
    pub fn restore(&self, backup: &Backup) {
        self.copy_back(backup);
        self.state(|state| {
            let after = state.last();
            if let Some((_, epochs)) = &mut state.identity {
                let number = epochs.last().map_or(1, |last| last.number + 1);
                epochs.push(Epoch { number, after });
            }
        });
    }

    /// The same, but the server does not notice it.
    pub fn copy_back(&self, backup: &Backup) {
        let backup = backup.clone();
        self.state(|state| {
            state.messages = backup.messages;
            state.tags = backup.tags;
            state.reads = backup.reads;
            state.identity = backup.identity;
        });
        self.cut();
    }

    /// Refuses the next `count` numbered messages, as if another device had their numbers.
    pub fn refuse_numbers(&self, count: usize) {
        self.state(|state| state.refused_numbers = count);
    }

    /// Whether answers to accepted messages are swallowed from now on.
    pub fn swallow_answers(&self, swallows: bool) {
        self.state(|state| state.swallows_answers = swallows);
    }

    /// The tags of a user's messages, in order.
    pub fn tags(&self, from: &str) -> Vec<Tag> {
        self.state(|state| {
            let of = state
                .messages
                .iter()
                .filter(|one| one.from.as_str() == from);
            of.filter_map(|one| one.tag.clone()).collect()
        })
    }

    /// Adds a user to the directory.
    pub fn register(&self, user: &str) {
        self.state(|state| state.users.insert(login(user)));
    }

    pub fn group(&self, name: &str, members: &[&str]) {
        let members = members.iter().map(|member| login(member)).collect();
        self.state(|state| state.groups.insert(login(name), members));
    }

    /// From now on it is an old server, which does not know `conversations`.
    pub fn list_nothing(&self) {
        self.state(|state| state.lists = false);
    }

    /// The number of requests for a page of the list.
    pub fn listings(&self) -> usize {
        self.state(|state| state.listings)
    }

    /// Adds a message as if its author had sent it.
    pub fn post(&self, from: &str, to: &str, text: &str) {
        self.state(|state| state.accept(&login(from), &login(to), None, &Text::from(text), 0));
    }

    /// The next connections are cut after so many lines from the client, the last number first.
    pub fn cut_after(&self, lines: &[usize]) {
        self.state(|state| state.cuts = lines.to_vec());
    }

    /// Cuts all connections now.
    pub fn cut(&self) {
        self.connections.cut_all(cut);
    }

    /// Texts from one user to another or to a group, in order.
    pub fn texts(&self, from: &str, to: &str) -> Vec<String> {
        self.state(|state| {
            let of = |one: &&Stored| one.from.as_str() == from && one.to.as_str() == to;
            state
                .messages
                .iter()
                .filter(of)
                .map(|one| one.text.to_string())
                .collect()
        })
    }

    /// The number of connections so far.
    pub fn connections(&self) -> usize {
        self.state(|state| state.connections)
    }

    /// Cuts all connections and accepts no more. Returns where it was.
    pub fn kill(self) -> SocketAddr {
        self.connections.close(cut)
    }

    fn state<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.shared.state.lock().unwrap())
    }
}

impl Shared {
    fn begin(&self) -> usize {
        let mut state = self.state.lock().unwrap();
        state.connections += 1;
        state.connections
    }

    fn end(&self, number: usize) {
        let mut state = self.state.lock().unwrap();
        state.sessions.retain(|(other, ..)| *other != number);
    }

    fn serve(&self, number: usize, stream: &Arc<TcpStream>) -> Option<()> {
        let mut lines = BufReader::new(&**stream).split(b'\n');
        let first = String::from_utf8(lines.next()?.ok()?).ok()?;
        let hello = Hello::parse(&first)?.ok()?;
        let mut cut_after = {
            let mut state = self.state.lock().unwrap();
            if !state.users.contains(&hello.login) {
                let (code, detail) = (ByeCode::UnknownUser, String::new());
                let bye = Bye {
                    code,
                    detail,
                    retry_after: None,
                };
                say(stream, &Event::Bye(bye));
                return None;
            }
            state.welcome(&hello, stream);
            state
                .sessions
                .push((number, hello.login.clone(), Arc::clone(stream)));
            state.cuts.pop()
        };
        for line in lines {
            let request = Request::parse(&line.ok()?).unwrap();
            let mut state = self.state.lock().unwrap();
            // The line is processed, but not answered.
            let is_cut = cut_after == Some(1);
            cut_after = cut_after.map(|left| left - 1);
            if is_cut {
                cut(stream);
            }
            state.answer(number, &hello.login, request, stream)?;
            if is_cut {
                return None;
            }
        }
        None
    }
}

/// A client that has gone hears nothing.
fn say(stream: &TcpStream, event: &Event) {
    let _ = connections::say(stream, event);
}
