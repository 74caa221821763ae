//! A user with a live client who remembers everything, and notices at once when something is wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::SocketAddr,
};

use anyhow::{anyhow, ensure};
use mensageiro_protocol::{
    Login, Text,
    live::{Delivered, Event, Got, Hello, Read, RefusalCode, Request, Tag},
};

use crate::wire::{Wire, is_time_limit};

/// Why a session is over.
#[derive(Debug)]
pub enum Stop {
    /// The connection broke or the server hung up, which is allowed.
    Broken,
    /// The server did something that it must not do.
    Wrong(anyhow::Error),
}

/// One user on one device that keeps everything.
pub struct Live {
    pub login: String,
    /// Everything up to this id is on this device.
    last: Option<u64>,
    /// Sent and not answered: the number in this user's sequence, and the recipient.
    unanswered: BTreeMap<u64, String>,
    /// The first number of this device, and the next one.
    first: u64,
    next: u64,
    /// Dots that follow each text, to make it long.
    pub padding: String,
    /// Ids of what other devices of the same user sent.
    pub copies: BTreeSet<u64>,
    /// Number, id and recipient of the messages that the server answered with `ok`.
    pub acknowledged: BTreeMap<u64, (u64, String)>,
    /// Messages of others, in the order in which they arrived.
    pub received: Vec<Heard>,
    ids: BTreeSet<u64>,
    /// The newest message of others in each conversation.
    newest_of: BTreeMap<String, u64>,
    /// Conversations for which `read` must still be sent on this connection. It has no answer, so
    /// it is sent again on a new connection.
    unread: BTreeMap<String, u64>,
    /// The newest id on this connection. Later messages must have higher ids.
    newest: u64,
    /// How often the answer was `no internal`.
    pub refused: usize,
}

/// A message of another user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub id: u64,
    pub with: String,
    pub from: String,
    pub text: String,
}

impl Live {
    pub fn new(login: &str) -> Self {
        Self::on_device(login, 0)
    }

    /// One of several devices of a user. Its numbers are `first` and the following million.
    pub fn on_device(login: &str, first: u64) -> Self {
        Self {
            login: login.into(),
            last: None,
            unanswered: BTreeMap::new(),
            first,
            next: first,
            padding: String::new(),
            copies: BTreeSet::new(),
            acknowledged: BTreeMap::new(),
            received: Vec::new(),
            ids: BTreeSet::new(),
            newest_of: BTreeMap::new(),
            unread: BTreeMap::new(),
            newest: 0,
            refused: 0,
        }
    }

    /// A device that has nothing and wants everything.
    pub fn from_the_beginning(login: &str) -> Self {
        Self {
            last: Some(0),
            ..Self::new(login)
        }
    }

    /// Logs in, receives the backlog, and sends again what was not answered. With `steps` the
    /// connection breaks after that many reads and writes.
    pub fn log_in(&mut self, address: SocketAddr, steps: Option<usize>) -> Result<Wire, Stop> {
        let mut wire = Wire::connect(address)?;
        wire.break_after(steps);
        self.greet(&mut wire)?;
        Ok(wire)
    }

    /// Like [`Live::log_in`], on an existing connection.
    pub fn greet(&mut self, wire: &mut Wire) -> Result<(), Stop> {
        let mut line = Vec::new();
        Hello {
            after: self.last,
            ..Hello::new(login(&self.login))
        }
        .encode(&mut line);
        line.push(b'\n');
        wire.write(&line)?;
        let Event::Welcome(welcome) = self.event(wire)? else {
            return Err(anyhow!("something else than welcome").into());
        };
        self.newest = self.last.unwrap_or(0);
        self.unread.clone_from(&self.newest_of);
        while self.hear(wire)? != Event::End {}
        self.last = self.last.max(Some(welcome.last));
        let mut lines = Vec::new();
        for (&number, to) in &self.unanswered {
            self.write_message(number, to, &mut lines);
        }
        wire.write(&lines)?;
        Ok(())
    }

    /// Sends this many new messages in one write. `choose` picks each recipient.
    pub fn send(
        &mut self,
        wire: &mut Wire,
        messages: usize,
        mut choose: impl FnMut() -> String,
    ) -> Result<(), Stop> {
        let mut lines = Vec::new();
        for _ in 0..messages {
            let to = choose();
            self.write_message(self.next, &to, &mut lines);
            self.unanswered.insert(self.next, to);
            self.next += 1;
        }
        Ok(wire.write(&lines)?)
    }

    /// Sends an acknowledged message once more.
    pub fn send_again(&mut self, wire: &mut Wire, number: u64) -> Result<(), Stop> {
        let Some((_, to)) = self.acknowledged.get(&number) else {
            return Ok(());
        };
        let mut line = Vec::new();
        self.write_message(number, to, &mut line);
        Ok(wire.write(&line)?)
    }

    /// Reads lines until everything sent has been answered.
    pub fn hear_answers(&mut self, wire: &mut Wire) -> Result<(), Stop> {
        while !self.unanswered.is_empty() {
            self.hear(wire)?;
        }
        Ok(())
    }

    /// Reads lines until one message has been answered.
    pub fn hear_ok(&mut self, wire: &mut Wire) -> Result<(), Stop> {
        while !matches!(self.hear(wire)?, Event::Accepted(_)) {}
        Ok(())
    }

    /// Reads lines until everything that the server sent before now has arrived.
    pub fn catch_up(&mut self, wire: &mut Wire) -> Result<(), Stop> {
        wire.write(b"ping {}\n")?;
        while self.hear(wire)? != Event::Pong {}
        Ok(())
    }

    /// Tells the server that everything received is stored and read.
    pub fn read(&mut self, wire: &mut Wire) -> Result<(), Stop> {
        let mut lines = Vec::new();
        if let Some(up_to) = self.last {
            Request::Got(Got { up_to }).encode(&mut lines);
            lines.push(b'\n');
        }
        for (with, up_to) in std::mem::take(&mut self.unread) {
            let with = login(&with);
            Request::Read(Read { with, up_to }).encode(&mut lines);
            lines.push(b'\n');
        }
        Ok(wire.write(&lines)?)
    }

    /// Reads one line of the server and remembers what it says.
    pub fn hear(&mut self, wire: &mut Wire) -> Result<Event, Stop> {
        let event = self.event(wire)?;
        match &event {
            Event::Message(message) if !message.is_old => self.take(message)?,
            Event::Accepted(accepted) => {
                let number = number(&accepted.tag)?;
                self.accept(number, accepted.id)?;
            }
            Event::Refused(refused) if refused.code == RefusalCode::Internal => {
                // It may be sent again later. This gives up the connection, because order matters
                // here.
                self.refused += 1;
                return Err(Stop::Broken);
            }
            Event::Refused(refused) => return Err(anyhow!("refused: {refused:?}").into()),
            Event::Bye(_) => return Err(Stop::Broken),
            _ => {}
        }
        Ok(event)
    }

    /// How many messages have been sent and not answered.
    pub fn waiting(&self) -> usize {
        self.unanswered.len()
    }

    fn event(&self, wire: &mut Wire) -> Result<Event, Stop> {
        let line = wire.line()?;
        Event::parse(&line)
            .map_err(|bad| anyhow!("{bad} in {:?}", String::from_utf8_lossy(&line)).into())
    }

    fn take(&mut self, message: &Delivered) -> anyhow::Result<()> {
        let id = message.id;
        ensure!(
            id > self.newest,
            "{}: message {id} came after {}",
            self.login,
            self.newest
        );
        self.newest = id;
        self.last = self.last.max(Some(id));
        if message.from.as_str() == self.login {
            let number = message.tag.as_ref().map(number).transpose()?;
            match number {
                Some(number) if (self.first..self.next).contains(&number) => {
                    self.accept(number, id)?;
                }
                _ => drop(self.copies.insert(id)),
            }
            return Ok(());
        }
        ensure!(
            self.ids.insert(id),
            "{}: message {id} came twice",
            self.login
        );
        let with = message.with.as_str().to_owned();
        self.newest_of.insert(with.clone(), id);
        self.unread.insert(with.clone(), id);
        self.received.push(Heard {
            id,
            with,
            from: message.from.as_str().into(),
            text: message.text.as_str().trim_end_matches('.').into(),
        });
        Ok(())
    }

    fn accept(&mut self, number: u64, id: u64) -> anyhow::Result<()> {
        if let Some(to) = self.unanswered.remove(&number) {
            self.acknowledged.insert(number, (id, to));
        }
        let known = self.acknowledged.get(&number).map(|(id, _)| *id);
        ensure!(
            known == Some(id),
            "{}: message {number} was {known:?} and is now {id}",
            self.login
        );
        Ok(())
    }

    fn write_message(&self, number: u64, to: &str, lines: &mut Vec<u8>) {
        let message = Request::Send {
            tag: Tag::parse(&format!("{number}")).ok(),
            about: None,
            to: login(to),
            file: None,
            text: Text::from((text(&self.login, number) + &self.padding).as_str()),
        };
        message.encode(lines);
        lines.push(b'\n');
    }
}

/// The text of a user's message with this number.
pub fn text(login: &str, number: u64) -> String {
    format!("{login} {number}")
}

/// The login with this name. All names here are valid logins.
#[expect(clippy::expect_used, reason = "the names are made here")]
fn login(name: &str) -> Login {
    Login::parse(name).expect("a name that can be a login")
}

fn number(tag: &Tag) -> anyhow::Result<u64> {
    let number = tag.as_str().parse();
    number.map_err(|_| anyhow!("a tag that was never sent: {tag}"))
}

impl Stop {
    /// The error, for a step during which nothing was done that could break the connection.
    pub fn unexpected(self) -> anyhow::Error {
        match self {
            Self::Broken => anyhow!("the connection broke, though nothing was wrong"),
            Self::Wrong(error) => error,
        }
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        if is_time_limit(&error) {
            return Self::Wrong(anyhow!("the server says nothing any more"));
        }
        Self::Broken
    }
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::Wrong(error)
    }
}
