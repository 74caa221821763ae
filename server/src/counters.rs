//! Counts what the server does, for its status.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

/// Upper bounds of the histogram's buckets for commits, in ms. One more bucket is above the last.
const CLASSES_MS: [f64; 12] = [
    0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0,
];

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Logins accepted.
    pub logins: u64,
    /// Logins refused.
    pub refusals: u64,
    /// Messages accepted. A message to a group counts once.
    pub accepted: u64,
    /// Messages read, counted once for each reader.
    pub read: u64,
    /// Lines discarded (rules S8 and G3).
    pub discarded: u64,
    /// Commits that failed.
    pub failed_commits: u64,
}

/// Counters. Each one is independent: nothing is guaranteed about their order.
#[derive(Debug)]
pub struct Counters {
    started: Instant,
    logins: AtomicU64,
    refusals: AtomicU64,
    accepted: AtomicU64,
    read: AtomicU64,
    discarded: AtomicU64,
    failed_commits: AtomicU64,
    commits: [AtomicU64; CLASSES_MS.len() + 1],
    commit_micros: AtomicU64,
}

/// A histogram of durations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latencies {
    /// The number in each bucket of [`Latencies::classes`], then the number above the last.
    pub counts: Vec<u64>,
    /// The sum of all durations, in microseconds.
    pub total_micros: u64,
}

impl Counters {
    /// All counters at zero.
    pub fn start() -> Self {
        let zero = AtomicU64::default;
        Self {
            started: Instant::now(),
            logins: zero(),
            refusals: zero(),
            accepted: zero(),
            read: zero(),
            discarded: zero(),
            failed_commits: zero(),
            commits: Default::default(),
            commit_micros: zero(),
        }
    }

    /// Counts an accepted login.
    pub fn login(&self) {
        self.logins.fetch_add(1, Relaxed);
    }

    /// Counts a refused login.
    pub fn refusal(&self) {
        self.refusals.fetch_add(1, Relaxed);
    }

    /// Counts discarded lines.
    pub fn discarded(&self, lines: usize) {
        self.discarded.fetch_add(lines as u64, Relaxed);
    }

    /// Counts a commit, the messages accepted and read with it, and its duration.
    pub fn commit(&self, accepted: usize, read: u64, took: Duration) {
        self.accepted.fetch_add(accepted as u64, Relaxed);
        self.read.fetch_add(read, Relaxed);
        let ms = took.as_secs_f64() * 1e3;
        let class = CLASSES_MS.partition_point(|&end| end < ms);
        self.commits[class].fetch_add(1, Relaxed);
        self.commit_micros
            .fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Counts a commit that failed.
    pub fn failed_commit(&self) {
        self.failed_commits.fetch_add(1, Relaxed);
    }

    pub(crate) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn totals(&self) -> Totals {
        Totals {
            logins: self.logins.load(Relaxed),
            refusals: self.refusals.load(Relaxed),
            accepted: self.accepted.load(Relaxed),
            read: self.read.load(Relaxed),
            discarded: self.discarded.load(Relaxed),
            failed_commits: self.failed_commits.load(Relaxed),
        }
    }

    pub(crate) fn commits(&self) -> Latencies {
        Latencies {
            counts: self
                .commits
                .iter()
                .map(|count| count.load(Relaxed))
                .collect(),
            total_micros: self.commit_micros.load(Relaxed),
        }
    }
}

impl Latencies {
    /// The upper bound of each bucket, in ms.
    pub fn classes() -> &'static [f64] {
        &CLASSES_MS
    }

    /// The number of durations.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The upper bound, in ms, of the bucket that contains this quantile (0 to 1); `None` if there
    /// are no durations, or if it is above the last bucket.
    pub fn quantile(&self, part: f64) -> Option<f64> {
        let wanted = (self.count() as f64 * part).ceil() as u64;
        let mut seen = 0;
        let class = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted && seen > 0
        })?;
        CLASSES_MS.get(class).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_ends_of_classes() {
        let counters = Counters::start();
        assert_eq!(counters.commits().quantile(0.5), None);
        for micros in [100, 100, 3_000, 900_000] {
            counters.commit(2, 1, Duration::from_micros(micros));
        }
        let commits = counters.commits();
        assert_eq!(
            [0.5, 0.75, 1.0].map(|part| commits.quantile(part)),
            [Some(0.25), Some(5.0), Some(1000.0)]
        );
        assert_eq!((commits.count(), commits.total_micros), (4, 903_200));
        assert_eq!((counters.totals().accepted, counters.totals().read), (8, 4));
    }
}
