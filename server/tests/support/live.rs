//! A live client for tests.
#![allow(dead_code, missing_docs, reason = "each test file uses a part of it")]

use std::{
    io::{BufRead, BufReader, ErrorKind, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use mensageiro_protocol::live::{Accepted, Bye, ByeCode, Delivered, Event};

use super::PATIENCE;

pub struct LiveClient {
    pub stream: TcpStream,
    lines: BufReader<TcpStream>,
}

impl LiveClient {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap());
        Self { stream, lines }
    }

    /// Logs in and takes the backlog: what came between the welcome and the `f`.
    pub fn log_in(address: SocketAddr, login: &str, after: Option<u64>) -> (Self, Vec<Event>) {
        let after = after.map(|after| format!(" after={after}"));
        Self::log_in_with(
            address,
            &format!("{login} live/1{}", after.unwrap_or_default()),
        )
    }

    /// The same with this hello.
    pub fn log_in_with(address: SocketAddr, hello: &str) -> (Self, Vec<Event>) {
        let mut client = Self::connect(address);
        client.say(hello);
        let welcome = client.hear();
        assert!(matches!(welcome, Event::Welcome(_)), "{welcome:?}");
        let backlog = client.hear_until(|event| *event == Event::End);
        (client, backlog)
    }

    pub fn say(&mut self, line: &str) {
        self.stream
            .write_all(format!("{line}\n").as_bytes())
            .unwrap();
    }

    /// The next event; panics if none comes.
    pub fn hear(&mut self) -> Event {
        self.try_hear().expect("the server hung up")
    }

    /// The next event; `None` at the end of the connection.
    pub fn try_hear(&mut self) -> Option<Event> {
        let mut line = Vec::new();
        match self.lines.read_until(b'\n', &mut line) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
            Err(error) => panic!("nothing heard: {error}"),
        }
        assert_eq!(line.pop(), Some(b'\n'), "a line was cut off");
        Some(Event::parse(&line).unwrap_or_else(|error| {
            panic!("{}: {error}", String::from_utf8_lossy(&line));
        }))
    }

    /// Everything up to the event that `is_last` finds, without it.
    pub fn hear_until(&mut self, is_last: impl Fn(&Event) -> bool) -> Vec<Event> {
        let mut heard = Vec::new();
        loop {
            let event = self.hear();
            if is_last(&event) {
                return heard;
            }
            heard.push(event);
        }
    }

    /// Everything that was on its way before the answer to a ping.
    pub fn hear_all(&mut self) -> Vec<Event> {
        self.say("ping {}");
        self.hear_until(|event| *event == Event::Pong)
    }

    /// Sends a message and returns its number.
    pub fn send(&mut self, tag: &str, to: &str, text: &str) -> u64 {
        self.say(&format!("#{tag} @{to} {text}"));
        loop {
            match self.hear() {
                Event::Accepted(Accepted { tag: of, id, .. }) if of.as_str() == tag => return id,
                Event::Refused(refused) => panic!("{refused:?}"),
                _ => {}
            }
        }
    }

    /// Waits until so many messages have been accepted.
    pub fn hear_accepted(&mut self, mut count: usize) {
        while count > 0 {
            count -= usize::from(matches!(self.hear(), Event::Accepted(_)));
        }
    }

    pub fn hear_until_accepted(&mut self) -> Accepted {
        loop {
            if let Event::Accepted(accepted) = self.hear() {
                return accepted;
            }
        }
    }

    pub fn hear_message(&mut self) -> Delivered {
        loop {
            if let Event::Message(message) = self.hear() {
                return message;
            }
        }
    }

    /// Why the server ends the session; asserts that it does.
    pub fn hear_bye(&mut self) -> ByeCode {
        loop {
            if let Event::Bye(Bye { code, .. }) = self.hear() {
                assert_eq!(self.try_hear(), None);
                return code;
            }
        }
    }

    pub fn set_patience(&self, patience: Duration) {
        self.stream.set_read_timeout(Some(patience)).unwrap();
    }

    pub fn reset(self) {
        socket2::SockRef::from(&self.stream)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }
}

/// The numbers and texts of the messages among some events.
pub fn messages(events: &[Event]) -> Vec<(u64, String)> {
    let messages = events.iter().filter_map(|event| match event {
        Event::Message(message) => Some((message.id, message.text.to_string())),
        _ => None,
    });
    messages.collect()
}
