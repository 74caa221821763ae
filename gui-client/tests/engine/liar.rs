//! A server that sends whatever a test wants, whether or not it is true or makes sense.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    sync::Mutex,
    time::Duration,
};

use crossbeam_channel::{Receiver, unbounded};
use mensageiro_protocol::{
    Login, Text,
    live::{
        Accepted, Delivered, Event, Hello, Limits, RefusalCode, Refused, StoreId, Tag, Welcome,
    },
};

use crate::connections::{Connections, cut, say};

/// How long it waits for a message to lie about.
const PATIENCE: Duration = Duration::from_millis(30);

/// How it answers the login.
#[derive(Clone, Debug)]
pub enum Greeting {
    /// With a `welcome`.
    Welcome {
        you: Option<Login>,
        last: u64,
        /// `Some(true)`: it claims the store that the client knows; `Some(false)`: another one; `None`: none.
        store: Option<bool>,
        epoch: u64,
        after: Option<u64>,
        number: Option<u64>,
        line_bytes: usize,
    },
    /// With these bytes.
    Bytes(Vec<u8>),
    /// It hangs up on the login.
    Nothing,
}

/// One line that it sends.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a test has few of them, and nearly all are events"
)]
pub enum Lie {
    Event(Event),
    Bytes(Vec<u8>),
    /// Accepts the last message that it received under this id.
    Accept {
        id: u64,
        at: i64,
    },
    /// Refuses the last message that it received.
    Refuse(RefusalCode),
    /// Pushes a message of the client's own user, with the tag or the text that it received last.
    Repeat {
        id: u64,
        at: i64,
        has_tag: bool,
        text: Option<Text>,
    },
    /// The backlog is complete.
    End,
}

/// Its script for one connection.
#[derive(Clone, Debug)]
pub struct Session {
    pub greeting: Greeting,
    pub lies: Vec<Lie>,
}

/// The server. After its last session it hangs up on everybody.
pub struct Liar {
    connections: Connections,
    /// Gets a signal when a session is over.
    pub ended: Receiver<()>,
}

impl Liar {
    pub fn start_at(address: SocketAddr, mut sessions: Vec<Session>) -> Self {
        sessions.reverse();
        let sessions = Mutex::new(sessions);
        let (tell, ended) = unbounded();
        let connections = Connections::accept(address, move |stream| {
            let session = sessions.lock().unwrap().pop();
            if let Some(session) = session {
                // A client that has gone hears nothing.
                let _ = talk(stream, &session);
                let _ = tell.send(());
            }
        });
        Self { connections, ended }
    }

    /// Cuts all connections and accepts no more. Returns where it was.
    pub fn kill(self) -> SocketAddr {
        self.connections.close(cut)
    }
}

fn talk(mut stream: &TcpStream, session: &Session) -> io::Result<()> {
    stream.set_write_timeout(Some(Duration::from_secs(5)))?;
    let mut lines = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    lines.read_line(&mut first)?;
    let hello = Hello::parse(first.trim_end_matches('\n')).and_then(Result::ok);
    let me = match &hello {
        Some(hello) => hello.login.clone(),
        None => Login::parse(first.trim()).map_err(io::Error::other)?,
    };
    match &session.greeting {
        Greeting::Nothing => return Ok(()),
        Greeting::Bytes(bytes) => stream.write_all(bytes)?,
        Greeting::Welcome {
            you,
            last,
            store,
            epoch,
            after,
            number,
            line_bytes,
        } => {
            let known = hello.as_ref().and_then(|hello| hello.store);
            let store = store.map(|is_known| known.filter(|_| is_known).unwrap_or(StoreId(5)));
            let welcome = Welcome {
                server: "liar".into(),
                version: "1".into(),
                store,
                epoch: store.map(|_| *epoch),
                after: *after,
                number: *number,
                limits: Limits {
                    line_bytes: *line_bytes,
                    file_bytes: None,
                },
                ..Welcome::new(you.clone().unwrap_or_else(|| me.clone()), *last)
            };
            say(stream, &Event::Welcome(welcome))?;
        }
    }
    // It reads what the client sends, so that a full pipe does not stop the client.
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut heard: Option<(Tag, Login, Text)> = None;
    for lie in &session.lies {
        if matches!(
            lie,
            Lie::Accept { .. } | Lie::Refuse(_) | Lie::Repeat { .. }
        ) {
            while let Some(line) = hear(&mut lines) {
                if let Some(message) = message(&line) {
                    heard = Some(message);
                    break;
                }
            }
        }
        match lie {
            Lie::Event(event) => say(stream, event)?,
            Lie::Bytes(bytes) => stream.write_all(bytes)?,
            Lie::End => say(stream, &Event::End)?,
            Lie::Accept { id, at } => {
                let Some((tag, ..)) = heard.clone() else {
                    continue;
                };
                let accepted = Accepted {
                    tag,
                    id: *id,
                    at: *at,
                };
                say(stream, &Event::Accepted(accepted))?;
            }
            Lie::Refuse(code) => {
                let tag = heard.clone().map(|(tag, ..)| tag);
                let line = Refused {
                    tag,
                    code: *code,
                    detail: String::new(),
                    retry_after: None,
                };
                say(stream, &Event::Refused(line))?;
            }
            Lie::Repeat {
                id,
                at,
                has_tag,
                text,
            } => {
                let Some((tag, to, said)) = heard.clone() else {
                    continue;
                };
                let message = Delivered {
                    id: *id,
                    at: *at,
                    with: to,
                    from: me.clone(),
                    tag: has_tag.then_some(tag),
                    about: None,
                    is_old: false,
                    file: None,
                    text: text.clone().unwrap_or(said),
                };
                say(stream, &Event::Message(message))?;
            }
        }
    }
    while hear(&mut lines).is_some() {}
    Ok(())
}

fn hear(lines: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = Vec::new();
    let count = lines.read_until(b'\n', &mut line).ok()?;
    (count > 0).then(|| String::from_utf8_lossy(&line).into_owned())
}

/// A message with its tag.
fn message(line: &str) -> Option<(Tag, Login, Text)> {
    let (tag, rest) = line.strip_prefix('#')?.split_once(' ')?;
    let (to, text) = rest.strip_prefix('@')?.trim_end().split_once(' ')?;
    Some((
        Tag::parse(tag).ok()?,
        Login::parse(to).ok()?,
        Text::from(text),
    ))
}
