//! Repeatable random numbers: SplitMix64.

use std::{
    hash::{BuildHasher, RandomState},
    ops::Range,
};

/// A source of random numbers that depends only on its seed.
#[derive(Clone, Debug)]
pub struct Random(u64);

/// A random seed.
pub fn seed() -> u64 {
    RandomState::new().hash_one(0) % 1_000_000
}

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A further source, for another thread.
    pub fn fork(&mut self) -> Self {
        Self(self.next())
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in the range, which is not empty.
    pub fn within(&mut self, range: Range<usize>) -> usize {
        range.start + (self.next() % (range.end - range.start) as u64) as usize
    }

    /// True once in that many times, on average.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.within(0..times) == 0
    }

    /// A random element of a list that is not empty.
    pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.within(0..all.len())]
    }
}
