//! Ends transfers that hold a place and hardly move.

use std::{
    io::{self, ErrorKind},
    time::{Duration, Instant},
};

/// In each period at least so many bytes must move.
const LEAST_BYTES: u64 = 16 * 1024;

/// How fast a transfer goes.
#[derive(Debug)]
pub(super) struct Pace {
    period: Duration,
    since: Instant,
    moved: u64,
}

impl Pace {
    /// `period`: `--dead-link-after`.
    pub(super) fn new(period: Duration) -> Self {
        Self {
            period,
            since: Instant::now(),
            moved: 0,
        }
    }

    /// Counts what has moved, perhaps nothing.
    ///
    /// # Errors
    /// When that was too little for too long.
    pub(super) fn note(&mut self, bytes: usize) -> io::Result<()> {
        self.moved += bytes as u64;
        if self.moved >= LEAST_BYTES {
            (self.since, self.moved) = (Instant::now(), 0);
        } else if self.since.elapsed() >= self.period {
            return Err(io::Error::new(
                ErrorKind::TimedOut,
                "its transfer was too slow (--dead-link-after)",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_transfer_that_hardly_moves_is_too_slow() {
        let mut slow = Pace::new(Duration::ZERO);
        assert!(slow.note(16 * 1024).is_ok());
        assert!(slow.note(100).is_err());
        let mut patient = Pace::new(Duration::from_secs(1000));
        assert!((0..100).all(|_| patient.note(1).is_ok()));
    }
}
