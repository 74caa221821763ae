//! Others who log in during an attack, and the server's memory.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, bail};
use mensageiro_protocol::trust::Secret;

use super::lines::{Answer, first_line, hello};
use crate::{
    program::Program,
    rows::hostile::stand_back,
    tls::Client,
    trial::{Trial, Verdict},
    wire::Wire,
};

/// Between two logins.
const PAUSE: Duration = Duration::from_millis(20);

/// The longest that 99 of 100 logins take; and in a brief test, on a computer that may be busy.
const LOGIN: Duration = Duration::from_secs(1);
const BRIEF: Duration = Duration::from_secs(5);

/// Fewer logins say nothing.
const LOGINS: usize = 3;

/// MiB that an attack may cost.
const MEMORY: f64 = 64.0;

/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Somebody who may log in: with a device, with a program key, or as on an open server.
pub struct Person {
    pub login: String,
    /// `None`: in plain text.
    pub client: Option<Client>,
    pub key: Option<Secret>,
}

/// What was measured.
#[derive(Debug, Default)]
pub struct Measured {
    logins: Vec<Duration>,
    complaints: Vec<String>,
    memory_before: f64,
    memory_most: f64,
    problems: Vec<String>,
}

/// Measures others during an attack, which goes on until it returns.
pub fn during<T: Send>(
    server: &Program,
    people: &[Person],
    attack: impl FnOnce(SocketAddr) -> Result<T> + Send,
) -> Result<(Measured, T)> {
    let is_over = AtomicBool::new(false);
    let mut measured = Measured {
        memory_before: server.memory_mib()?.0,
        ..Measured::default()
    };
    let done = thread::scope(|scope| {
        let others = scope.spawn(|| log_in_all_the_time(server.address, people, &is_over));
        let attack = scope.spawn(|| {
            stand_back();
            attack(server.address)
        });
        while !attack.is_finished() {
            let memory = server.memory_mib().map_or(0.0, |(now, _)| now);
            measured.memory_most = measured.memory_most.max(memory);
            thread::sleep(LOOK);
        }
        is_over.store(true, Ordering::Relaxed);
        (measured.logins, measured.complaints) = others.join().unwrap_or_default();
        attack.join()
    });
    measured.logins.sort_unstable();
    let done = done.map_err(|_| anyhow!("the attackers' thread failed"))??;
    Ok((measured, done))
}

fn log_in_all_the_time(
    server: SocketAddr,
    people: &[Person],
    is_over: &AtomicBool,
) -> (Vec<Duration>, Vec<String>) {
    let (mut logins, mut complaints) = (Vec::new(), Vec::new());
    for (number, person) in people.iter().cycle().enumerate() {
        let begin = Instant::now();
        // Everybody comes from an address that the server has not seen yet.
        let source = [127, 9, (number >> 7) as u8, (number << 1) as u8 | 1];
        match person.log_in(source, server) {
            Ok(_) => logins.push(begin.elapsed()),
            Err(error) => complaints.push(format!("{}: {error:#}", person.login)),
        }
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        thread::sleep(PAUSE);
    }
    (logins, complaints)
}

impl Person {
    pub fn log_in(&self, source: [u8; 4], server: SocketAddr) -> Result<Wire> {
        let mut wire = match &self.client {
            Some(client) => client.connect_from(source, server)?,
            None => Wire::connect_from(source, server)?,
        };
        match first_line(&mut wire, &hello(&self.login, self.key.as_ref())?)? {
            Answer::In => Ok(wire),
            other => bail!("is not let in: {other:?}"),
        }
    }
}

impl Measured {
    /// Something else that must hold.
    pub fn require(mut self, holds: bool, problem: impl Into<String>) -> Self {
        if !holds {
            self.problems.push(problem.into());
        }
        self
    }

    /// Whether the promise was held, with what else was seen.
    pub fn judge(self, trial: &Trial, seen: &str) -> Verdict {
        let limit = if trial.is_brief() { BRIEF } else { LOGIN };
        let mut problems = self.problems;
        let count = self.logins.len();
        let p99 = self.logins.get(count.saturating_sub(1) * 99 / 100);
        let p99 = p99.copied().unwrap_or_default();
        if count < LOGINS {
            problems.push(format!("only {count} logins of others"));
        }
        if p99 > limit {
            problems.push(format!("logins of others took {} ms", p99.as_millis()));
        }
        if let Some(first) = self.complaints.first() {
            let count = self.complaints.len();
            problems.push(format!("{count} others complain: {first}"));
        }
        if self.memory_most - self.memory_before > MEMORY {
            problems.push(format!("more than {MEMORY:.0} MiB more memory"));
        }
        let seen = format!(
            "{seen}; {count} logins of others, p99 {} ms, the slowest {} ms; memory {:.0} → {:.0} MiB",
            p99.as_millis(),
            self.logins.last().copied().unwrap_or_default().as_millis(),
            self.memory_before,
            self.memory_most,
        );
        match problems.is_empty() {
            true => Verdict::Held(seen),
            false => Verdict::Broken(format!("{seen}. **{}**", problems.join("; "))),
        }
    }
}
