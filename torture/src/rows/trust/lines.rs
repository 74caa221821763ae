//! First lines, and what is answered to them.

use anyhow::{Context, Result, bail};
use mensageiro_protocol::{
    Login, Name,
    live::{Bye, ByeCode, Event, Hello, Join},
    trust::{DeviceId, Secret},
};

use crate::wire::{Wire, is_time_limit};

/// What a server says to a first line.
#[derive(Debug)]
pub enum Answer {
    /// Let in, and the backlog has come.
    In,
    Joined(DeviceId),
    Bye(Bye),
    HungUp,
}

impl Answer {
    pub fn is_in(&self) -> bool {
        matches!(self, Self::In)
    }

    pub fn is_joined(&self) -> bool {
        matches!(self, Self::Joined(_))
    }

    /// Whether it is a farewell with this code.
    pub fn is_bye(&self, code: ByeCode) -> bool {
        matches!(self, Self::Bye(bye) if bye.code == code)
    }
}

/// The hello of a live session, with its line end.
pub fn hello(login: &str, key: Option<&Secret>) -> Result<Vec<u8>> {
    let mut line = Vec::new();
    Hello {
        key: key.cloned(),
        ..Hello::new(named(login)?)
    }
    .encode(&mut line);
    line.push(b'\n');
    Ok(line)
}

/// The line with which a device joins, with its line end.
pub fn join_line(login: &str, code: &Secret) -> Result<Vec<u8>> {
    let mut line = Vec::new();
    Join {
        login: named(login)?,
        code: code.clone(),
        name: Name::default(),
    }
    .encode(&mut line);
    line.push(b'\n');
    Ok(line)
}

/// Sends a first line and reads the answer, with the backlog.
pub fn first_line(wire: &mut Wire, line: &[u8]) -> Result<Answer> {
    if wire.write(line).is_err() {
        return Ok(Answer::HungUp);
    }
    loop {
        let line = match wire.line() {
            Ok(line) => line,
            Err(error) if is_time_limit(&error) => bail!("no answer to a first line"),
            Err(_) => return Ok(Answer::HungUp),
        };
        match event(&line)? {
            Event::End => return Ok(Answer::In),
            Event::Joined(joined) => return Ok(Answer::Joined(joined.id)),
            Event::Bye(bye) => return Ok(Answer::Bye(bye)),
            _ => {}
        }
    }
}

pub fn event(line: &[u8]) -> Result<Event> {
    let shown = || format!("not understood: {:?}", String::from_utf8_lossy(line));
    Event::parse(line).map_err(|_| ()).ok().with_context(shown)
}

pub fn named(login: &str) -> Result<Login> {
    Login::parse(login).context("no login")
}

/// A secret that nobody has given out.
pub fn guess(number: u64) -> Secret {
    let mut bits = [0x5a; 16];
    bits[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    Secret::new(bits)
}
