//! How much may be used in a time: a bucket that fills up again within a minute (the generic cell
//! rate algorithm, with weights). It may be overdrawn: what was done is charged, and whoever owes
//! something waits.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// An empty bucket is full again after this time.
const SPAN: Duration = Duration::from_secs(60);

/// One bucket. Times are nanoseconds since any fixed moment.
#[derive(Debug)]
pub(super) struct Rate {
    /// How long one unit takes to come back, in nanoseconds; 0: there is no limit.
    unit: f64,
    /// When the bucket is full again.
    full_at: AtomicU64,
}

impl Rate {
    /// Allows this many units a minute; 0: any number.
    pub(super) fn per_minute(units: u64) -> Self {
        let unit = match units {
            0 => 0.0,
            some => SPAN.as_nanos() as f64 / some as f64,
        };
        Self {
            unit,
            full_at: AtomicU64::new(0),
        }
    }

    /// Whether there is a limit.
    pub(super) fn is_limited(&self) -> bool {
        self.unit > 0.0
    }

    /// Takes units out of the bucket, also more than it has.
    pub(super) fn charge(&self, units: u64, now: u64) {
        if !self.is_limited() || units == 0 {
            return;
        }
        let cost = (units as f64 * self.unit) as u64;
        let later = |full_at: u64| Some(full_at.max(now).saturating_add(cost));
        // The closure never gives up.
        let _ = self.full_at.fetch_update(Relaxed, Relaxed, later);
    }

    /// How long until nothing is owed.
    pub(super) fn debt(&self, now: u64) -> Duration {
        self.used(now).saturating_sub(SPAN)
    }

    /// Whether more than one part of so many is used.
    pub(super) fn has_used(&self, parts: u32, now: u64) -> bool {
        self.used(now) > SPAN / parts
    }

    /// Whether nothing is used.
    pub(super) fn is_full(&self, now: u64) -> bool {
        self.used(now).is_zero()
    }

    /// Whether little is left: less than a sixteenth.
    pub(super) fn is_low(&self, now: u64) -> bool {
        self.used(now) > SPAN - SPAN / 16
    }

    /// How long until the bucket is full.
    fn used(&self, now: u64) -> Duration {
        Duration::from_nanos(self.full_at.load(Relaxed).saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_minutes_worth_is_free_at_once_and_then_as_much_as_comes_back() {
        let rate = Rate::per_minute(600);
        rate.charge(600, 0);
        assert_eq!(rate.debt(0), Duration::ZERO);
        rate.charge(50, 0);
        assert_eq!(rate.debt(0), Duration::from_secs(5));
        assert_eq!(rate.debt(2 * SECOND), Duration::from_secs(3));
        assert_eq!(rate.debt(5 * SECOND), Duration::ZERO);
        // Nobody saves more than a minute's worth.
        rate.charge(610, 1_000 * SECOND);
        assert_eq!(rate.debt(1_000 * SECOND), Duration::from_secs(1));
    }

    #[test]
    fn parts_of_the_bucket_are_told() {
        let rate = Rate::per_minute(600);
        rate.charge(300, 0);
        assert!(rate.has_used(4, 0) && !rate.has_used(2, 0));
        assert!(!rate.has_used(4, 15 * SECOND));
        rate.charge(270, 0);
        assert!(rate.is_low(0) && !rate.is_low(SECOND));
    }

    #[test]
    fn without_a_limit_nothing_is_ever_owed() {
        let rate = Rate::per_minute(0);
        rate.charge(u64::MAX, 0);
        assert_eq!(rate.debt(0), Duration::ZERO);
        assert!(!rate.is_limited() && !rate.has_used(64, 0));
    }
}
