//! A user with a classic client, who knows what is certain and what is uncertain.

use std::{io, net::SocketAddr};

use anyhow::ensure;

use crate::{
    live::{Stop, text},
    wire::Wire,
};

/// One user with a program that follows the assignment.
pub struct Classic {
    pub login: String,
    next: u64,
    /// Number and recipient of the messages whose `f` arrived.
    pub acknowledged: Vec<(u64, String)>,
    /// Lines that the server knows to be read.
    pub taken: Vec<String>,
    /// Lines that arrived, but the server may not know yet that they were read.
    doubtful: Vec<String>,
}

impl Classic {
    pub fn new(login: &str) -> Self {
        Self {
            login: login.into(),
            next: 0,
            acknowledged: Vec::new(),
            taken: Vec::new(),
            doubtful: Vec::new(),
        }
    }

    /// Logs in and reads the first answer.
    pub fn log_in(&mut self, address: SocketAddr) -> Result<Wire, Stop> {
        let mut wire = Wire::connect(address)?;
        wire.write(format!("{}\n", self.login).as_bytes())?;
        let (heard, is_whole) = hear(&mut wire);
        self.compare(heard, is_whole.is_ok())?;
        is_whole?;
        Ok(wire)
    }

    /// Sends a message and reads the answer.
    pub fn send(&mut self, wire: &mut Wire, to: &str) -> Result<(), Stop> {
        let number = self.next;
        self.next += 1;
        let line = format!("@{to} {}\n", text(&self.login, number));
        self.exchange(wire, &line)?;
        self.acknowledged.push((number, to.into()));
        Ok(())
    }

    /// Polls until nothing new arrives, so that everything has been read.
    pub fn fetch(&mut self, wire: &mut Wire) -> Result<(), Stop> {
        loop {
            self.exchange(wire, "\n")?;
            if self.doubtful.is_empty() {
                return Ok(());
            }
        }
    }

    fn exchange(&mut self, wire: &mut Wire, line: &str) -> Result<(), Stop> {
        wire.write(line.as_bytes())?;
        let (heard, is_whole) = hear(wire);
        // If no answer arrived, only the next login shows whether the server took the line.
        if is_whole.is_ok() || !heard.is_empty() {
            self.taken.append(&mut self.doubtful);
            self.doubtful = heard;
        }
        Ok(is_whole?)
    }

    /// The first answer after a broken connection: either the uncertain lines come again, starting
    /// with the first one, or they were read.
    fn compare(&mut self, heard: Vec<String>, is_whole: bool) -> anyhow::Result<()> {
        let Some(first) = heard.first() else {
            if is_whole {
                self.taken.append(&mut self.doubtful);
            }
            return Ok(());
        };
        if self.doubtful.first() != Some(first) {
            self.taken.append(&mut self.doubtful);
        }
        let common = self.doubtful.len().min(heard.len());
        ensure!(
            heard[..common] == self.doubtful[..common],
            "{}: what comes again is not the same",
            self.login
        );
        if heard.len() > common {
            self.doubtful = heard;
        }
        Ok(())
    }
}

/// One answer, as far as it arrived.
fn hear(wire: &mut Wire) -> (Vec<String>, io::Result<()>) {
    let mut heard = Vec::new();
    loop {
        match wire.line() {
            Ok(line) if line == b"f" => return (heard, Ok(())),
            Ok(line) => heard.push(String::from_utf8_lossy(&line).into_owned()),
            Err(error) => return (heard, Err(error)),
        }
    }
}
