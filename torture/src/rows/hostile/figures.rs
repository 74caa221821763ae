//! What was measured, and whether it is good enough.

use std::{
    fmt,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::innocents::Talk;
use crate::{program::Program, trial::Verdict};

/// The longest round trip of 99 of 100 messages of others.
const P99: Duration = Duration::from_millis(20);

/// The longest of all: hardly anybody notices it.
const LONGEST: Duration = Duration::from_millis(500);

/// On a computer that is busy with other things, a round trip may take so many times what it took before the attack.
const BUSY: u32 = 4;

/// The longest that 99 of 100 logins of others take.
const LOGIN: Duration = Duration::from_secs(1);

/// MiB that an attack may cost.
pub const MEMORY: f64 = 64.0;

/// The part of one processor that a server at rest may need, with two users who talk.
const REST: f64 = 0.25;

/// The server at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub at: Instant,
    /// In MiB.
    pub memory: f64,
    /// Seconds of all processors since it started.
    pub cpu: f64,
}

impl Sample {
    /// The server as it is now.
    pub fn of(server: &Program) -> Result<Self> {
        Ok(Self {
            at: Instant::now(),
            memory: server.memory_mib()?.0,
            cpu: server.cpu_seconds()?,
        })
    }
}

/// The round trips of a part of the time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trips {
    count: usize,
    p99: Duration,
    longest: Duration,
}

/// What was measured.
#[derive(Debug)]
pub struct Figures {
    before: Trips,
    during: Trips,
    after: Trips,
    logins: Trips,
    /// What went wrong for innocent people.
    complaints: Vec<String>,
    memory_before: f64,
    memory_most: f64,
    /// At the end.
    memory_after: f64,
    /// MiB that were written into the data folder and are still there.
    pub disk: f64,
    /// Processors that were busy.
    cpu_during: f64,
    cpu_after: f64,
    seconds: f64,
    /// What a row may cost in memory, in MiB.
    memory_limit: f64,
    problems: Vec<String>,
}

impl Figures {
    /// The moments are the beginning, the attack's beginning and end, when it must be at rest, and the end.
    pub fn new(talk: Talk, samples: &[Sample], disk: u64, moments: [Instant; 5]) -> Self {
        let [begin, attacked, left, rest, end] = moments;
        let trips =
            |from, to| Trips::of(talk.trips.iter().filter(|(at, _)| (from..to).contains(at)));
        let at = |moment| {
            let sample = samples.iter().rfind(|sample| sample.at <= moment);
            sample.or(samples.first())
        };
        let memory = |moment| at(moment).map_or(0.0, |sample| sample.memory);
        let cpu = |from: Instant, to: Instant| {
            let used = at(from).zip(at(to)).map(|(from, to)| {
                let time = to.at.saturating_duration_since(from.at).as_secs_f64();
                (to.cpu - from.cpu) / time.max(0.01)
            });
            used.unwrap_or(0.0)
        };
        let attack = samples.iter().filter(|sample| sample.at >= attacked);
        Self {
            before: trips(begin, attacked),
            during: trips(attacked, left),
            after: trips(left, end),
            logins: Trips::of(talk.logins.iter().filter(|(at, _)| *at >= attacked)),
            complaints: talk.complaints,
            memory_before: memory(attacked),
            memory_most: attack.map(|sample| sample.memory).fold(0.0, f64::max),
            memory_after: memory(end),
            disk: disk as f64 / 1024.0 / 1024.0,
            cpu_during: cpu(attacked, left),
            cpu_after: cpu(rest, end),
            seconds: left.duration_since(attacked).as_secs_f64(),
            memory_limit: MEMORY,
            problems: Vec::new(),
        }
    }

    /// Lets the attack cost more memory than usual, in MiB.
    pub fn allow_memory(mut self, more: f64) -> Self {
        self.memory_limit = more;
        self
    }

    /// Something else that must hold.
    pub fn require(mut self, holds: bool, problem: impl Into<String>) -> Self {
        if !holds {
            self.problems.push(problem.into());
        }
        self
    }

    /// How long it was attacked.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Memory in MiB that it took at the most.
    pub fn memory(&self) -> f64 {
        self.memory_most - self.memory_before
    }

    /// Whether the promise was held, and the figures for the table. `seen` is what else was seen.
    pub fn judge(mut self, seen: &str) -> Verdict {
        let mut problems = std::mem::take(&mut self.problems);
        for (when, trips) in [("during", self.during), ("after", self.after)] {
            if trips.count < 10 {
                problems.push(format!("only {} messages of others {when} it", trips.count));
            }
            if trips.p99 > P99.max(self.before.p99 * BUSY) || trips.longest > LONGEST {
                problems.push(format!(
                    "messages of others took {} {when} it, the longest {}",
                    milliseconds(trips.p99),
                    milliseconds(trips.longest)
                ));
            }
        }
        if self.logins.p99 > LOGIN {
            let took = milliseconds(self.logins.p99);
            problems.push(format!("logins of others took {took}"));
        }
        if let Some(complaint) = self.complaints.first() {
            problems.push(format!("{} complaints: {complaint}", self.complaints.len()));
        }
        if self.memory() > self.memory_limit {
            problems.push(format!(
                "{:.0} MiB more memory, more than {:.0}",
                self.memory(),
                self.memory_limit
            ));
        }
        if self.cpu_after > REST {
            problems.push(format!(
                "{:.0} % of a processor are busy after the attackers left",
                self.cpu_after * 100.0
            ));
        }
        if problems.is_empty() {
            return Verdict::Held(format!("{self} | {seen}"));
        }
        Verdict::Broken(format!("{self} | {seen}. **{}**", problems.join("; ")))
    }
}

impl Trips {
    fn of<'a>(trips: impl Iterator<Item = &'a (Instant, Duration)>) -> Self {
        let mut times: Vec<_> = trips.map(|(_, took)| *took).collect();
        times.sort_unstable();
        let Some(&longest) = times.last() else {
            return Self::default();
        };
        Self {
            count: times.len(),
            p99: times[(times.len() - 1) * 99 / 100],
            longest,
        }
    }
}

/// The columns of the table: p99 of others before, during and after; the longest; memory; disk; processors.
impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let longest = self.during.longest.max(self.after.longest);
        write!(
            f,
            "{} / {} / {} | {} | {} | {:.0} → {:.0} → {:.0} MiB | {:.1} MiB | {:.0} → {:.0} %",
            milliseconds(self.before.p99),
            milliseconds(self.during.p99),
            milliseconds(self.after.p99),
            milliseconds(longest),
            milliseconds(self.logins.p99),
            self.memory_before,
            self.memory_most,
            self.memory_after,
            self.disk,
            self.cpu_during * 100.0,
            self.cpu_after * 100.0,
        )
    }
}

fn milliseconds(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1000.0;
    match milliseconds < 10.0 {
        true => format!("{milliseconds:.1} ms"),
        false => format!("{milliseconds:.0} ms"),
    }
}
