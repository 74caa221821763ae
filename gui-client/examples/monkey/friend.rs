//! Who writes with the monkey: the background threads of the app, without its window.

use std::{
    collections::HashMap,
    path::Path,
    time::{Duration, Instant},
};

use mensageiro::engine::{Account, Command, Delivery, Engine, Event, Message, Peer, ReportFormat};
use mensageiro_protocol::{Login, Text};

/// About how often it writes.
const WRITES_EVERY: Duration = Duration::from_millis(300);

/// How long the server and the disk may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Friend {
    engine: Engine,
    written: usize,
    next: Instant,
    waiting: i64,
}

impl Friend {
    pub fn new(folder: &Path, login: &str, server: &str) -> Self {
        let engine = Engine::start(folder.to_owned(), || {});
        let account = Account {
            server: server.to_owned(),
            login: Login::parse(login).unwrap(),
        };
        let sign_in = Command::SignIn {
            account,
            fetch_every: None,
            invite: None,
        };
        engine.commands().send(sign_in).unwrap();
        Self {
            engine,
            written: 0,
            next: Instant::now(),
            waiting: 0,
        }
    }

    /// Writes when it is time, and hears what there is.
    pub fn act(&mut self, rng: &mut fastrand::Rng, to: &str) {
        while self.engine.events().try_recv().is_ok() {}
        if Instant::now() >= self.next {
            self.write(to, &format!("friend {}", self.written));
            self.next = Instant::now() + 2 * WRITES_EVERY.mul_f64(rng.f64());
        }
    }

    pub fn write(&mut self, to: &str, text: &str) {
        self.written += 1;
        self.give(Command::Send {
            to: Login::parse(to).unwrap(),
            text: Text::from(text),
            re: None,
        });
    }

    /// Everything is sent and this text has come; `meanwhile` is done while waiting.
    pub fn wait(&mut self, from: &str, text: &str, mut meanwhile: impl FnMut()) {
        self.give(Command::FetchNow);
        let until = Instant::now() + PATIENCE;
        loop {
            meanwhile();
            while self.engine.events().try_recv().is_ok() {}
            let all = self.conversation(from);
            let is_waiting = all.iter().any(|one| one.delivery == Delivery::Waiting);
            let last = all.iter().rev().take(200);
            let has_come = last
                .filter(|one| one.delivery == Delivery::Received)
                .any(|one| one.text.as_str() == text);
            if has_come && !is_waiting {
                return;
            }
            assert!(
                Instant::now() < until,
                "stuck: the friend has {text:?}: {has_come}, and something to send: {is_waiting}"
            );
        }
    }

    /// What was said with somebody.
    pub fn conversation(&mut self, with: &str) -> Vec<Message> {
        self.waiting += 1;
        self.give(Command::Report {
            with: Peer::Person(Login::parse(with).unwrap()),
            format: ReportFormat::Text,
        });
        loop {
            let event = self.engine.events().recv_timeout(PATIENCE).unwrap();
            if let Event::Report { export, .. } = event {
                let messages = export.open().unwrap().all;
                return messages.map(Result::unwrap).collect();
            }
        }
    }

    pub fn count(&mut self, with: &str) -> usize {
        self.conversation(with).len()
    }

    /// Both ends have the same messages, each as often.
    pub fn compare(&mut self, monkey: &str, theirs: &[Message], me: &str) {
        let mine = self.conversation(monkey);
        for (from, sent, received) in [(monkey, theirs, &mine[..]), (me, &mine, theirs)] {
            let sent = count(sent, Delivery::Accepted);
            let received = count(received, Delivery::Received);
            let all = sent.keys().chain(received.keys());
            for id in all {
                assert_eq!(
                    sent.get(id),
                    received.get(id),
                    "the server's message {id:?} of {from}: as sent, and as received"
                );
            }
            assert!(!sent.is_empty(), "{from} sent nothing");
        }
    }

    fn give(&self, command: Command) {
        self.engine.commands().send(command).unwrap();
    }
}

/// The texts of a state by the server's number.
fn count(messages: &[Message], state: Delivery) -> HashMap<Option<u64>, Vec<&str>> {
    let mut counted = HashMap::<_, Vec<_>>::new();
    for message in messages.iter().filter(|message| message.delivery == state) {
        let texts = counted.entry(message.server_id).or_default();
        texts.push(message.text.as_str());
    }
    counted
}
