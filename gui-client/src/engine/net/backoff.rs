//! Delays before the next try, so that a server that comes back is not overrun.

use std::time::Duration;

/// The first delay.
const FIRST: Duration = Duration::from_secs(1);
/// The longest delay, without jitter.
const LONGEST: Duration = Duration::from_secs(30);
/// The longest pause that a server may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(5 * 60);
/// The jitter: a delay is up to this many hundredths longer or shorter, so that clients spread out.
const JITTER_PERCENT: u64 = 20;

/// The pause that a server asks for in seconds.
pub(super) fn asked(retry_after: u32) -> Duration {
    Duration::from_secs(retry_after.into()).min(LONGEST_ASKED)
}

/// Delays that double from 1 s to 30 s.
#[derive(Debug)]
pub struct Backoff {
    delay: Duration,
    random: u64,
}

impl Backoff {
    /// The jitter depends on `seed` alone, so that a test sees the same delays each time.
    pub fn new(seed: u64) -> Self {
        Self {
            delay: FIRST,
            random: seed | 1,
        }
    }

    /// The delay before the next try; the one after it is twice as long.
    pub fn next_delay(&mut self) -> Duration {
        let delay = self.delay;
        self.delay = (delay * 2).min(LONGEST);
        // xorshift64: spreading needs no better randomness.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let percent = 100 - JITTER_PERCENT + self.random % (2 * JITTER_PERCENT + 1);
        delay.mul_f64(percent as f64 / 100.0)
    }

    /// Starts again with the first delay, after a success.
    pub fn reset(&mut self) {
        self.delay = FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_half_a_minute_within_the_jitter() {
        for seed in 0..200 {
            let mut backoff = Backoff::new(seed);
            for expected in [1, 2, 4, 8, 16, 30, 30, 30] {
                let delay = backoff.next_delay().as_secs_f64();
                let expected = f64::from(expected);
                assert!((expected * 0.799..=expected * 1.201).contains(&delay));
            }
            backoff.reset();
            assert!(backoff.next_delay() < Duration::from_millis(1201));
        }
    }

    #[test]
    fn two_clients_do_not_come_back_together() {
        let delays: std::collections::HashSet<_> = (1..50_u64)
            .map(|seed| Backoff::new(u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15)).next_delay())
            .collect();
        assert!(delays.len() > 10);
    }
}
