//! A user without a window: a small classic client.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// How long the server may take for an answer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(20);

/// How long to wait between two polls.
const ROUND: Duration = Duration::from_millis(100);

/// How a client separates its messages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Each line ends in LF.
    Line,
    /// One `send` is one message, and so is what one `recv` returns.
    Bare,
}

/// A classic client with an open session.
pub struct Client {
    style: Style,
    stream: TcpStream,
    /// Received and not parsed yet.
    buffer: String,
    /// The messages received so far, each `@sender text`.
    pub messages: Vec<String>,
}

impl Client {
    /// Connects and logs in, which also receives the waiting messages.
    pub fn log_in(style: Style, server: &str, login: &str) -> Result<Self> {
        let stream =
            TcpStream::connect(server).with_context(|| format!("no server at {server}"))?;
        stream.set_read_timeout(Some(ANSWER_PATIENCE))?;
        let mut client = Self {
            style,
            stream,
            buffer: String::new(),
            messages: Vec::new(),
        };
        client.say(login)?;
        Ok(client)
    }

    /// Sends one message and reads the answer up to the end mark.
    pub fn say(&mut self, message: &str) -> Result<()> {
        let end = if self.style == Style::Line { "\n" } else { "" };
        self.stream
            .write_all(format!("{message}{end}").as_bytes())?;
        loop {
            match self.receive()?.as_str() {
                "" => bail!("the server hung up after {message:?}"),
                "f" => return Ok(()),
                received => self.messages.push(received.to_owned()),
            }
        }
    }

    /// Polls until this message has arrived.
    pub fn wait_for(&mut self, message: &str, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        while !self.messages.iter().any(|received| received == message) {
            if Instant::now() > deadline {
                bail!("{message:?} did not come, but {:?}", self.messages);
            }
            std::thread::sleep(ROUND);
            self.say("@nobody anything new?")?;
        }
        Ok(())
    }

    /// The next message; empty if the server hung up.
    fn receive(&mut self) -> Result<String> {
        loop {
            if self.style == Style::Line
                && let Some((line, rest)) = self.buffer.split_once('\n')
            {
                let line = line.to_owned();
                self.buffer = rest.to_owned();
                return Ok(line);
            }
            let mut chunk = [0; 1024];
            let length = self.stream.read(&mut chunk)?;
            let chunk = String::from_utf8_lossy(&chunk[..length]);
            if self.style == Style::Bare || length == 0 {
                return Ok(chunk.into_owned());
            }
            self.buffer.push_str(&chunk);
        }
    }
}
