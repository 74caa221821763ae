//! Takes the role of the window: starts an engine, gives commands, waits for events.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use crossbeam_channel::Sender;
use mensageiro::engine::{
    Account, Command, Crossing, Delivery, Engine, Event, LinkState, Message, Older, Peer, Side,
    SortKey,
};
use mensageiro_protocol::{Login, Text};

/// An event that takes this long is an error.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Window {
    engine: Engine,
    /// Every event so far.
    pub events: Vec<Event>,
    /// Gets a signal for each line that was read from the server.
    pace: Option<Sender<()>>,
}

impl Window {
    pub fn new(folder: &Path) -> Self {
        Self::with(Engine::start(folder.to_owned(), || {}))
    }

    /// A window of this engine.
    pub fn with(engine: Engine) -> Self {
        Self {
            engine,
            events: Vec::new(),
            pace: None,
        }
    }

    /// A window signed in as `login`, which fetches only on command.
    pub fn signed_in(folder: &Path, login: &str, server: &str) -> Self {
        let mut window = Self::new(folder);
        window.sign_in(login, server, None);
        window
    }

    /// Lets the server send its next segment when the app has read the previous one.
    pub fn pacing(mut self, pace: Sender<()>) -> Self {
        self.give(Command::Inspect(true));
        self.pace = Some(pace);
        self
    }

    pub fn sign_in(&mut self, name: &str, server: &str, fetch_every: Option<Duration>) {
        self.give(Command::SignIn {
            account: Account {
                server: server.to_owned(),
                login: login(name),
            },
            fetch_every,
            invite: None,
        });
    }

    pub fn give(&self, command: Command) {
        self.engine.commands().send(command).unwrap();
    }

    pub fn send(&self, to: &str, text: &str) {
        self.give(Command::Send {
            to: login(to),
            text: Text::from(text),
            re: None,
        });
    }

    /// Waits for the next event for which `find` returns something. Earlier events are only stored.
    pub fn wait<T>(&mut self, what: &str, find: impl Fn(&Event) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            let event = self
                .engine
                .events()
                .recv_deadline(until)
                .unwrap_or_else(|error| {
                    panic!("waited for {what}: {error}; so far {:#?}", self.events)
                });
            if let (Some(pace), Event::Wire(news)) = (&self.pace, &event)
                && let Crossing::Line {
                    from: Side::Server, ..
                } = news.crossing
            {
                // The server may be gone.
                let _ = pace.send(());
            }
            let found = find(&event);
            self.events.push(event);
            if let Some(found) = found {
                return found;
            }
        }
    }

    /// Stores the events that come within a time.
    pub fn look(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while let Ok(event) = self.engine.events().recv_deadline(until) {
            self.events.push(event);
        }
    }

    pub fn wait_link(&mut self, what: &str, is: impl Fn(&LinkState) -> bool) -> LinkState {
        self.wait(what, |event| match event {
            Event::Link(link) if is(link) => Some(link.clone()),
            _ => None,
        })
    }

    /// Waits until a round is over and nothing is on the way.
    pub fn wait_idle(&mut self) {
        self.wait_link("an idle link", |link| {
            matches!(
                link,
                LinkState::Online {
                    framing: Some(_),
                    ..
                }
            )
        });
    }

    pub fn wait_message(&mut self, text: &str, delivery: Delivery) -> Message {
        self.wait(&format!("{text:?} {delivery:?}"), |event| match event {
            Event::Message(message)
                if message.text.as_str() == text && message.delivery == delivery =>
            {
                Some(message.clone())
            }
            _ => None,
        })
    }

    /// Texts of all received messages that were announced, in order.
    pub fn received(&self) -> Vec<String> {
        let received = |event: &Event| match event {
            Event::Message(message) if !message.is_own() => Some(message.text.to_string()),
            _ => None,
        };
        self.events.iter().filter_map(received).collect()
    }

    /// The whole conversation as it is on disk, oldest first.
    pub fn history(&mut self, with: &Peer) -> Vec<Message> {
        let mut all = Vec::new();
        let mut before: Option<SortKey> = None;
        loop {
            self.give(Command::LoadPage {
                with: with.clone(),
                before,
                limit: 1000,
            });
            let (mut page, complete) = self.wait("a page", |event| match event {
                Event::Page {
                    messages, older, ..
                } if *older != Older::Coming => Some((messages.clone(), *older == Older::Nothing)),
                _ => None,
            });
            before = page.first().map(|message| message.sort_key);
            page.append(&mut all);
            all = page;
            if complete {
                return all;
            }
        }
    }
}

pub fn login(name: &str) -> Login {
    Login::parse(name).unwrap()
}

pub fn person(name: &str) -> Peer {
    Peer::Person(login(name))
}

pub fn texts(messages: &[Message]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| message.text.as_str())
        .collect()
}
