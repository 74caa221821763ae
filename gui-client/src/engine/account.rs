//! The account that is open: does what its connection machine says, in order.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    io,
    path::Path,
    time::{Duration, Instant},
};

use crossbeam_channel::Sender;
use mensageiro_protocol::{Login, Text};

use super::{
    Account, Event, LinkProblem, MessageId, NotSent, Tell,
    history::{History, HistoryError, outgoing},
    net::{Connection, Effect, Input, Machine, NetEvent, Stream},
};

/// An account's database and connection.
pub(super) struct OpenAccount {
    account: Account,
    history: History,
    machine: Machine,
    connection: Option<Connection>,
    /// How many connections there have been.
    connections: u64,
    news_from: Sender<NetEvent>,
    tell: Tell,
}

/// The database did not take what it must: the account cannot stay open.
#[derive(Debug)]
pub(super) struct Failed(pub(super) HistoryError);

impl From<HistoryError> for Failed {
    fn from(error: HistoryError) -> Self {
        Self(error)
    }
}

impl OpenAccount {
    /// Opens the database and tells the window what is in it.
    pub(super) fn open(
        folder: &Path,
        account: Account,
        fetch_every: Option<Duration>,
        tell: Tell,
        news_from: Sender<NetEvent>,
    ) -> Result<Self, HistoryError> {
        let history = History::open(folder, &account)?;
        let machine = Machine::new(
            account.login.clone(),
            history.outbox()?,
            history.framing()?,
            fetch_every,
            RandomState::new().hash_one(&account),
        );
        tell.event(Event::SignedIn {
            account: account.clone(),
            conversations: history.conversations()?,
        });
        Ok(Self {
            account,
            history,
            machine,
            connection: None,
            connections: 0,
            news_from,
            tell,
        })
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.machine.deadline()
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.machine.is_stopped()
    }

    pub(super) fn history(&self) -> &History {
        &self.history
    }

    /// Whether news of this connection is still wanted.
    pub(super) fn is_current(&self, connection: u64) -> bool {
        self.connection
            .as_ref()
            .is_some_and(|current| current.number() == connection)
    }

    pub(super) fn connected(&mut self, stream: Stream) -> io::Result<()> {
        match &mut self.connection {
            Some(connection) => connection.connected(stream),
            None => Ok(()),
        }
    }

    pub(super) fn send(&mut self, to: Login, text: Text) -> Result<(), Failed> {
        match self.history.add_to_outbox(&to, &text) {
            Ok(message) => {
                self.tell.event(Event::Message(message.clone()));
                match outgoing(message) {
                    Some(message) => self.handle(Instant::now(), Input::Send(message)),
                    None => Ok(()),
                }
            }
            Err(error) => {
                let reason = NotSent::Storage;
                self.tell.event(Event::NotSent { to, text, reason });
                self.tell.event(Event::StorageFailed(error.to_string()));
                Ok(())
            }
        }
    }

    pub(super) fn send_again(&mut self, id: MessageId) -> Result<(), Failed> {
        let Some(message) = self.history.send_again(id)? else {
            return Ok(());
        };
        self.tell.event(Event::Message(message.clone()));
        match outgoing(message) {
            Some(message) => self.handle(Instant::now(), Input::Send(message)),
            None => Ok(()),
        }
    }

    /// A message that is on its way stays: it can no more be taken back.
    pub(super) fn discard(&mut self, id: MessageId) -> Result<(), Failed> {
        if self.machine.in_flight() == Some(id) || !self.history.discard(id)? {
            return Ok(());
        }
        self.tell.event(Event::Discarded(id));
        self.handle(Instant::now(), Input::Discard(id))
    }

    pub(super) fn handle(&mut self, at: Instant, input: Input<'_>) -> Result<(), Failed> {
        let mut effects = self.machine.handle(at, input);
        // The only effect that can fail at once is `Connect`, and what follows then ends in a
        // timer: two turns at most.
        while !effects.is_empty() {
            let mut failed = None;
            for effect in effects {
                if let Some(problem) = self.apply(effect)? {
                    failed = Some(problem);
                }
            }
            effects = match failed {
                Some(problem) => self
                    .machine
                    .handle(Instant::now(), Input::ConnectFailed(problem)),
                None => Vec::new(),
            };
        }
        Ok(())
    }

    fn apply(&mut self, effect: Effect) -> Result<Option<LinkProblem>, Failed> {
        match effect {
            Effect::Connect => return Ok(self.connect().err()),
            Effect::Write(bytes) => {
                if let Some(connection) = &self.connection {
                    connection.write(bytes);
                }
            }
            Effect::FinishWriting => {
                self.history.end_turn()?;
                if let Some(connection) = &self.connection {
                    connection.finish_writing();
                }
            }
            Effect::Close => self.connection = None,
            Effect::Store(batch) => {
                for message in self.history.receive(&batch)? {
                    self.tell.event(Event::Message(message));
                }
            }
            Effect::Depart(id) => self.history.depart(id)?,
            Effect::Return(id) => self.history.put_back(id)?,
            Effect::Unconfirmed(id) => {
                if let Some(message) = self.history.unconfirmed(id)? {
                    self.tell.event(Event::Message(message));
                }
            }
            Effect::AllRead => self.history.all_read()?,
            Effect::Remember(framing) => self.history.remember_framing(framing)?,
            Effect::Link(link) => self.tell.event(Event::Link(link)),
        }
        Ok(None)
    }

    fn connect(&mut self) -> Result<(), LinkProblem> {
        self.history.begin_session();
        self.connections += 1;
        let server = self.account.server.clone();
        let connection = Connection::open(server, self.connections, self.news_from.clone())
            .map_err(|error| LinkProblem::Other(error.to_string()))?;
        self.connection = Some(connection);
        Ok(())
    }
}
