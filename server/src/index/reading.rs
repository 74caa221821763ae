//! Limits the memory and the time of all who read many messages, however many they are.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use parking_lot::{Condvar, Mutex};

/// Bytes of places that each reader always has. The names of their conversations take about as much again.
const LEAST: usize = 5 * 1024;

/// Bytes of places that all readers share beyond that, and how many of them one reader takes at a time and at most.
const SHARED: usize = 8 * 1024 * 1024;
const STEP: usize = 32 * 1024;
const MOST: usize = 1024 * 1024;

/// The most concurrent turns. More would only delay each other, and the commits.
const TURNS: usize = 8;

/// The memory and the turns that readers share.
#[derive(Debug)]
pub(super) struct Reading {
    /// Bytes that are free.
    free: AtomicUsize,
    /// Turns that are free.
    turns: Mutex<usize>,
    given_back: Condvar,
}

/// The memory of one reader.
#[derive(Debug)]
pub(super) struct Share<'a> {
    of: &'a Reading,
    /// Bytes beyond those that each reader has.
    more: usize,
}

/// A reader's turn. Must be held only for a few milliseconds, and not while the reader waits for anybody.
#[derive(Debug)]
pub(super) struct Turn<'a>(&'a Reading);

impl Default for Reading {
    fn default() -> Self {
        let turns = thread::available_parallelism().map_or(2, usize::from);
        Self {
            free: AtomicUsize::new(SHARED),
            turns: Mutex::new(turns.clamp(2, TURNS)),
            given_back: Condvar::new(),
        }
    }
}

impl Reading {
    pub(super) fn share(&self) -> Share<'_> {
        Share { of: self, more: 0 }
    }

    /// Waits until it is this reader's turn.
    pub(super) fn turn(&self) -> Turn<'_> {
        let mut turns = self.turns.lock();
        while *turns == 0 {
            self.given_back.wait(&mut turns);
        }
        *turns -= 1;
        Turn(self)
    }
}

impl Share<'_> {
    /// The size in bytes.
    pub(super) fn bytes(&self) -> usize {
        LEAST + self.more
    }

    /// Takes more, if some is free.
    pub(super) fn grow(&mut self) -> bool {
        let free = &self.of.free;
        let take = |free: usize| free.checked_sub(STEP);
        let is_there = self.more + STEP <= MOST
            && free
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
                .is_ok();
        self.more += if is_there { STEP } else { 0 };
        is_there
    }

    /// Returns the shared bytes if few are left for others. Returns whether it did.
    pub(super) fn yield_to_others(&mut self) -> bool {
        let is_scarce = self.more > 0 && self.of.free.load(Ordering::Relaxed) < SHARED / 2;
        if is_scarce {
            self.give_back();
        }
        is_scarce
    }

    fn give_back(&mut self) {
        let more = std::mem::take(&mut self.more);
        self.of.free.fetch_add(more, Ordering::Relaxed);
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.turns.lock() += 1;
        self.0.given_back.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_together_have_no_more_than_there_is_and_who_waits_leaves_it_to_others() {
        let reading = Reading::default();
        let mut shares: Vec<_> = (0..20).map(|_| reading.share()).collect();
        let most = shares[0].bytes() + MOST;
        for share in &mut shares {
            while share.grow() {}
            assert!(share.bytes() <= most);
        }
        let all: usize = shares.iter().map(|share| share.bytes() - LEAST).sum();
        assert_eq!(all, SHARED);
        assert!(shares[0].yield_to_others());
        assert_eq!(shares[0].bytes(), LEAST);
        assert!(shares[19].grow());
        drop(shares);
        assert_eq!(reading.free.into_inner(), SHARED);
    }

    #[test]
    fn a_few_read_at_a_time_and_the_others_get_their_turn() {
        let reading = Reading::default();
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let limit = *reading.turns.lock();
        thread::scope(|scope| {
            for _ in 0..4 * TURNS {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let _turn = reading.turn();
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::yield_now();
                        now.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(most.into_inner() <= limit);
    }
}
