//! Chance that can be repeated: SplitMix64.

use std::{
    hash::{BuildHasher, RandomState},
    ops::Range,
};

/// A source of numbers that depends on nothing but what it was made from.
#[derive(Clone, Debug)]
pub struct Random(u64);

/// A seed nobody chose.
pub fn seed() -> u64 {
    RandomState::new().hash_one(0) % 1_000_000
}

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Another source, for another thread.
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

    /// A number of the range, which is not empty.
    pub fn within(&mut self, range: Range<usize>) -> usize {
        range.start + (self.next() % (range.end - range.start) as u64) as usize
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.within(0..times) == 0
    }

    /// One of them; there is at least one.
    pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.within(0..all.len())]
    }
}
