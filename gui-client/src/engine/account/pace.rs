//! How fast a server may fill the disk.

use std::time::{Duration, Instant};

/// The bytes of texts that are taken as fast as they come: more than a person has missed after weeks.
const AT_ONCE: u64 = 16 * 1024 * 1024;

/// The bytes of texts in a second after that. Many people who write at the same time stay far below it.
const IN_A_SECOND: u64 = 256 * 1024;

/// A bucket of bytes. While it is empty, nothing is read, and TCP makes the server wait.
#[derive(Debug)]
pub(super) struct Pace {
    /// The bytes that may be taken, as of `at`.
    left: u64,
    /// The bytes that were taken too much.
    debt: u64,
    at: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            left: AT_ONCE,
            debt: 0,
            at: now,
        }
    }

    /// So many bytes were stored.
    pub(super) fn take(&mut self, now: Instant, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let passed = now.saturating_duration_since(self.at).as_millis();
        let gained = u64::try_from(passed).unwrap_or(u64::MAX);
        let gained = gained.saturating_mul(IN_A_SECOND / 1000);
        self.at = now;
        let paid = self.debt.min(gained);
        self.debt -= paid;
        self.left = self.left.saturating_add(gained - paid).min(AT_ONCE);
        self.debt = self.debt.saturating_add(bytes.saturating_sub(self.left));
        self.left = self.left.saturating_sub(bytes);
    }

    /// When reading may go on; `None`: now.
    pub(super) fn wait_until(&self, now: Instant) -> Option<Instant> {
        let wait = Duration::from_millis(self.debt / (IN_A_SECOND / 1000));
        let until = self.at + wait;
        (until > now).then_some(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_missed_comes_at_once_and_a_flood_does_not_fill_the_disk() {
        let begin = Instant::now();
        let mut pace = Pace::new(begin);
        let mut now = begin;
        let (mut at_once, mut total) = (0, 0_usize);
        while now < begin + Duration::from_secs(60) {
            match pace.wait_until(now) {
                None => {
                    total += 64 * 1024;
                    pace.take(now, 64 * 1024);
                    at_once += usize::from(now == begin) * 64 * 1024;
                }
                Some(until) => now = until,
            }
        }
        assert!(at_once >= 16 * 1024 * 1024, "{at_once}");
        assert!(total <= 32 * 1024 * 1024, "{total}");
        // Whoever has been quiet gets everything at once again.
        now += Duration::from_secs(120);
        for _ in 0..250 {
            assert_eq!(pace.wait_until(now), None);
            pace.take(now, 64 * 1024);
        }
    }
}
