//! A server like those that others write for the assignment, with their habits.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::connections::{Connections, reset};

/// Long enough for a client to see two segments.
const GAP: Duration = Duration::from_millis(60);

/// The habits of a server.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// Reads up to LF; otherwise it takes the bytes of one `recv(1024)` for a line.
    pub reads_lines: bool,
    /// Strips white space from what it reads.
    pub strips: bool,
    /// Ends what it sends with LF.
    pub sends_lines: bool,
    /// Sends `f` together with the message before it.
    pub glues_end: bool,
    /// What it sends to an unknown user before it hangs up.
    pub farewell: &'static str,
    /// What it sends after a login, before the messages.
    pub greeting: &'static str,
    /// The delay before an answer.
    pub takes: Duration,
}

/// A careful server.
pub const CAREFUL: Habits = Habits {
    reads_lines: true,
    strips: true,
    sends_lines: true,
    glues_end: false,
    farewell: "",
    greeting: "",
    takes: Duration::ZERO,
};

/// `recv(1024)`, compared with the name exactly; nothing it sends ends in LF.
pub const NAIVE: Habits = Habits {
    reads_lines: false,
    strips: false,
    sends_lines: false,
    ..CAREFUL
};

/// Like most servers: `recv(1024).decode().strip()`, and no LF.
pub const STRIPPING: Habits = Habits {
    strips: true,
    ..NAIVE
};

pub struct Server {
    pub address: String,
    connections: Connections,
    shared: Arc<Shared>,
}

struct Shared {
    habits: Habits,
    users: Vec<String>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The unread messages of each recipient, as they are sent.
    mailbox: HashMap<String, Vec<String>>,
    /// The lines that were received.
    heard: Vec<String>,
    /// The next batches end with a cut after so many messages.
    cuts: Vec<usize>,
    /// The next lines, this many, are taken and not answered: the connection is cut.
    unanswered: usize,
    /// Gets a signal when the client has read a segment: then the next one is sent.
    pace: Option<Receiver<()>>,
}

impl Server {
    pub fn start(habits: Habits, users: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), habits, users)
    }

    /// As after a restart.
    pub fn start_at(address: SocketAddr, habits: Habits, users: &[&str]) -> Self {
        let shared = Arc::new(Shared {
            habits,
            users: users.iter().map(|&user| user.to_owned()).collect(),
            state: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        // The connection ends in any case. Messages that were not read in order stay.
        let connections = Connections::accept(address, move |stream| drop(serving.talk(stream)));
        Self {
            address: connections.address().to_string(),
            connections,
            shared,
        }
    }

    /// Puts a message into a mailbox.
    pub fn post(&self, from: &str, to: &str, text: &str) {
        let mut state = self.shared.state.lock().unwrap();
        state
            .mailbox
            .entry(to.to_owned())
            .or_default()
            .push(format!("@{from} {text}"));
    }

    /// The next batches are cut after so many messages, the last number first.
    pub fn cut_after(&self, messages: &[usize]) {
        self.shared.state.lock().unwrap().cuts = messages.to_vec();
    }

    /// From now on, each bare write waits for a signal on this channel, instead of for a time in which a client has probably
    /// read the previous one.
    pub fn pace(&self) -> Sender<()> {
        let (go_on, pace) = unbounded();
        self.shared.state.lock().unwrap().pace = Some(pace);
        go_on
    }

    /// The next line is taken, and not answered: the connection is cut.
    pub fn leave_unanswered(&self, lines: usize) {
        self.shared.state.lock().unwrap().unanswered = lines;
    }

    /// The lines of clients, in order, without live hellos, which such a server does not know.
    pub fn heard(&self) -> Vec<String> {
        let mut heard = self.shared.state.lock().unwrap().heard.clone();
        heard.retain(|line| !line.contains(" live/1 "));
        heard
    }

    /// How often a live session was asked for.
    pub fn hellos(&self) -> usize {
        let heard = &self.shared.state.lock().unwrap().heard;
        heard
            .iter()
            .filter(|line| line.contains(" live/1 "))
            .count()
    }

    /// The number of unread messages of a user.
    pub fn unread(&self, user: &str) -> usize {
        self.shared
            .state
            .lock()
            .unwrap()
            .mailbox
            .get(user)
            .map_or(0, Vec::len)
    }

    /// Cuts all connections and accepts no more. Returns where it was.
    pub fn kill(self) -> SocketAddr {
        self.connections.close(reset)
    }
}

impl Shared {
    fn talk(&self, mut stream: &TcpStream) -> io::Result<()> {
        let mut input = Vec::new();
        let Some(user) = self.hear(stream, &mut input)? else {
            return Ok(());
        };
        if !self.users.contains(&user) {
            return stream.write_all(self.habits.farewell.as_bytes());
        }
        if !self.habits.greeting.is_empty() {
            self.say(stream, self.habits.greeting)?;
        }
        loop {
            let batch = self
                .state
                .lock()
                .unwrap()
                .mailbox
                .get(&user)
                .cloned()
                .unwrap_or_default();
            let cut_after = self.state.lock().unwrap().cuts.pop();
            let sent = cut_after.unwrap_or(batch.len()).min(batch.len());
            let glued = self.habits.glues_end && sent > 0;
            for (number, message) in batch[..sent].iter().enumerate() {
                let is_last = number + 1 == sent;
                let end = if glued && is_last { "f" } else { "" };
                self.say(stream, &format!("{message}{end}"))?;
            }
            if cut_after.is_some() {
                return Ok(());
            }
            if !glued {
                self.say(stream, "f")?;
            }
            let line = self.hear(stream, &mut input)?;
            let mut state = self.state.lock().unwrap();
            state.mailbox.entry(user.clone()).or_default().drain(..sent);
            let Some(line) = line else {
                return Ok(());
            };
            if let Some((to, text)) = line.strip_prefix('@').and_then(|rest| rest.split_once(' '))
                && self.users.iter().any(|user| user == to)
            {
                let message = format!("@{user} {text}");
                state
                    .mailbox
                    .entry(to.to_owned())
                    .or_default()
                    .push(message);
            }
            if state.unanswered > 0 {
                state.unanswered -= 1;
                reset(stream);
                return Ok(());
            }
            drop(state);
            thread::sleep(self.habits.takes);
        }
    }

    fn say(&self, mut stream: &TcpStream, text: &str) -> io::Result<()> {
        if self.habits.sends_lines {
            return stream.write_all(format!("{text}\n").as_bytes());
        }
        stream.write_all(text.as_bytes())?;
        let pace = self.state.lock().unwrap().pace.clone();
        match pace {
            // Nobody paces it any more: the test is over.
            Some(pace) => pace.recv().map_err(io::Error::other),
            None => {
                thread::sleep(GAP);
                Ok(())
            }
        }
    }

    /// The next line, or `None` when the client ended its side.
    fn hear(&self, mut stream: &TcpStream, input: &mut Vec<u8>) -> io::Result<Option<String>> {
        let mut buffer = [0; 1024];
        let line = loop {
            if self.habits.reads_lines
                && let Some(lf) = input.iter().position(|&byte| byte == b'\n')
            {
                break input.drain(..=lf).collect();
            }
            let count = stream.read(&mut buffer)?;
            if count == 0 {
                return Ok(None);
            }
            if !self.habits.reads_lines {
                break buffer[..count].to_vec();
            }
            input.extend_from_slice(&buffer[..count]);
        };
        let line = String::from_utf8(line).unwrap();
        self.state.lock().unwrap().heard.push(line.clone());
        Ok(Some(if self.habits.strips {
            line.trim().to_owned()
        } else {
            line
        }))
    }
}
