//! How many lines a second the log takes, so that nobody fills a disk with it by what they send.

use std::{
    fmt,
    time::{Duration, Instant},
};

use tracing::Level;

/// How many seconds' worth of lines may come at once.
const BURST_SECONDS: f64 = 10.0;

/// How long dropped lines are counted before a line tells of them.
pub(super) const COUNTED: Duration = Duration::from_secs(1);

/// Errors, warnings and everything else have a budget each: a flood of one kind does not hide another.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: u32,
    budgets: [Budget; 3],
    dropped: Option<Dropped>,
}

/// Lines that may still come now.
#[derive(Debug)]
struct Budget {
    lines: f64,
    filled: Instant,
}

/// Lines that were dropped since the last line that told of some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dropped {
    lines: u64,
    pub(super) since: Instant,
}

/// What is told of dropped lines.
#[derive(Debug)]
pub(super) struct Told {
    lines: u64,
    within: Duration,
    per_second: u32,
}

impl Rate {
    /// Takes so many lines of each kind a second, and those of ten seconds at once. 0: all lines.
    pub(super) fn new(per_second: u32, now: Instant) -> Self {
        let full = || Budget {
            lines: f64::from(per_second) * BURST_SECONDS,
            filled: now,
        };
        Self {
            per_second,
            budgets: [full(), full(), full()],
            dropped: None,
        }
    }

    /// Whether a line of this level is written now. Otherwise it is counted.
    pub(super) fn admits(&mut self, level: Level, now: Instant) -> bool {
        if self.per_second == 0 {
            return true;
        }
        let budget = &mut self.budgets[match level {
            Level::ERROR => 0,
            Level::WARN => 1,
            _ => 2,
        }];
        let per_second = f64::from(self.per_second);
        let new = now.saturating_duration_since(budget.filled).as_secs_f64() * per_second;
        budget.lines = (budget.lines + new).min(per_second * BURST_SECONDS);
        budget.filled = now;
        if budget.lines >= 1.0 {
            budget.lines -= 1.0;
            return true;
        }
        let first = Dropped {
            lines: 0,
            since: now,
        };
        self.dropped.get_or_insert(first).lines += 1;
        false
    }

    /// Lines that were dropped and not told of yet.
    pub(super) fn dropped(&self) -> Option<Dropped> {
        self.dropped
    }

    /// The same, to be told now.
    pub(super) fn take_dropped(&mut self, now: Instant) -> Option<Told> {
        let Dropped { lines, since } = self.dropped.take()?;
        Some(Told {
            lines,
            within: now.saturating_duration_since(since),
            per_second: self.per_second,
        })
    }
}

impl fmt::Display for Told {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let were = match self.lines {
            1 => "line was",
            _ => "lines were",
        };
        write!(
            to,
            "{} {were} dropped in {:.1} s, as the log takes {} a second (--log-lines)",
            self.lines,
            self.within.as_secs_f64(),
            self.per_second
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of 10,000 lines of a level come through at one moment.
    fn admitted(rate: &mut Rate, level: Level, now: Instant) -> usize {
        (0..10_000).filter(|_| rate.admits(level, now)).count()
    }

    #[test]
    fn flood_is_cut_to_its_rate_and_counted() {
        let begin = Instant::now();
        let mut rate = Rate::new(200, begin);
        assert_eq!(admitted(&mut rate, Level::INFO, begin), 2_000);
        assert_eq!(admitted(&mut rate, Level::DEBUG, begin), 0);
        let later = begin + Duration::from_millis(2_500);
        assert_eq!(admitted(&mut rate, Level::INFO, later), 500);
        assert_eq!(rate.dropped().unwrap().since, begin);
        assert_eq!(
            rate.take_dropped(later).unwrap().to_string(),
            "27500 lines were dropped in 2.5 s, as the log takes 200 a second (--log-lines)"
        );
        assert!(rate.take_dropped(later).is_none());
    }

    #[test]
    fn flood_of_information_hides_no_warning_and_no_error() {
        let begin = Instant::now();
        let mut rate = Rate::new(1, begin);
        assert_eq!(admitted(&mut rate, Level::INFO, begin), 10);
        assert_eq!(admitted(&mut rate, Level::WARN, begin), 10);
        assert!(rate.admits(Level::ERROR, begin));
    }

    #[test]
    fn rate_of_0_is_no_limit() {
        let begin = Instant::now();
        let mut rate = Rate::new(0, begin);
        assert_eq!(admitted(&mut rate, Level::INFO, begin), 10_000);
        assert!(rate.dropped().is_none());
    }
}
