//! What is remembered of tags, in a table that stays quick when it is much larger than the
//! processor's caches: looking for a tag and adding it touch one line of memory, mostly.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    hint::black_box,
    ops::RangeInclusive,
};

use crate::model::message::{MessageId, TagHash};

/// 40 bits of a [`TagHash`]. Two of a login's tags have the same about once in a million times that
/// a new one comes, which costs a look into the index.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint(u64);

/// Which 1,024 numbers above a base that of a message is among; the last region has no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Region(u32);

/// Fingerprints, each with the region of its message: 11 to 21 bytes for one of many.
///
/// Each stands where its scattered value is in proportion, or after that if others are there.
pub(super) struct Table {
    /// The fingerprint above the region; 0: free.
    slots: Vec<u64>,
    len: usize,
    /// Odd and another one each time, so that nobody can send tags that all stand at one place.
    scatter: u64,
}

impl Fingerprint {
    const BITS: u32 = 40;

    /// Never 0, which takes one tag in a trillion for one that is like another.
    pub(super) fn of(TagHash(hash): TagHash) -> Self {
        let low = hash & ((1 << Self::BITS) - 1);
        Self((low as u64).max(1))
    }
}

impl Region {
    const BITS: u32 = 64 - Fingerprint::BITS;

    /// Numbers in a region, as a power of two.
    const NUMBERS: u32 = 10;

    const LAST: u32 = (1 << Self::BITS) - 1;

    pub(super) fn of(id: MessageId, base: MessageId) -> Self {
        let region = id.0.saturating_sub(base.0) >> Self::NUMBERS;
        Self(region.min(Self::LAST.into()) as u32)
    }

    /// The numbers in it.
    pub(super) fn above(self, base: MessageId) -> RangeInclusive<MessageId> {
        let start = base.0.saturating_add(u64::from(self.0) << Self::NUMBERS);
        let end = match self.0 {
            Self::LAST => u64::MAX,
            _ => start.saturating_add((1 << Self::NUMBERS) - 1),
        };
        MessageId(start)..=MessageId(end)
    }
}

impl Table {
    const SMALLEST: usize = 8;

    /// With room for about so many.
    pub(super) fn with_room_for(count: usize) -> Self {
        let slots = match count {
            0 => 0,
            _ => (count + count / 2).max(Self::SMALLEST),
        };
        Self {
            slots: vec![0; slots],
            len: 0,
            scatter: RandomState::new().build_hasher().finish() | 1,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The region of a fingerprint.
    pub(super) fn get(&self, fingerprint: Fingerprint) -> Option<Region> {
        let slot = *self.slots.get(self.find(fingerprint)?)?;
        (slot != 0).then_some(Region(slot as u32 & Region::LAST))
    }

    /// Brings what looking for these needs from memory, all of it at the same time: one look after
    /// the other would wait for each.
    pub(super) fn approach(&self, fingerprints: impl Iterator<Item = Fingerprint>) {
        let touch = |sum, one| sum ^ self.slots.get(self.home(one)).unwrap_or(&0);
        black_box(fingerprints.fold(0, touch));
    }

    /// Adds a fingerprint, unless it is there already: then nothing changes, and it is `false`.
    pub(super) fn insert(&mut self, fingerprint: Fingerprint, region: Region) -> bool {
        // A quarter is free at least, so that the next free one is not far.
        if self.len >= self.slots.len() / 4 * 3 {
            self.grow();
        }
        let at = self.find(fingerprint);
        let Some(slot) = at.and_then(|at| self.slots.get_mut(at)) else {
            return false;
        };
        if *slot != 0 {
            return false;
        }
        *slot = fingerprint.0 << Region::BITS | u64::from(region.0);
        self.len += 1;
        true
    }

    /// Where a fingerprint is, or would be. `None` if there is no room for any.
    fn find(&self, fingerprint: Fingerprint) -> Option<usize> {
        let (before, after) = self.slots.split_at_checked(self.home(fingerprint))?;
        let is_it = |slot: &u64| *slot == 0 || slot >> Region::BITS == fingerprint.0;
        let there = after.iter().position(is_it).map(|at| at + before.len());
        there.or_else(|| before.iter().position(is_it))
    }

    fn home(&self, fingerprint: Fingerprint) -> usize {
        // The low bits of a product with an odd number are as many different ones.
        let scattered = fingerprint.0.wrapping_mul(self.scatter) << Region::BITS;
        ((u128::from(scattered) * self.slots.len() as u128) >> u64::BITS) as usize
    }

    fn grow(&mut self) {
        let room = (2 * self.slots.len()).max(Self::SMALLEST);
        let slots = std::mem::replace(&mut self.slots, vec![0; room]);
        self.len = 0;
        for slot in slots.into_iter().filter(|&slot| slot != 0) {
            let region = Region(slot as u32 & Region::LAST);
            self.insert(Fingerprint(slot >> Region::BITS), region);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn a_region_holds_its_number_however_far_it_is() {
        let base = MessageId(77);
        for further in [0, 1, 1023, 1024, 1 << 33, (1 << 34) - 1, 1 << 34, 1 << 50] {
            let id = MessageId(base.0 + further);
            let region = Region::of(id, base).above(base);
            assert!(region.contains(&id), "{further}");
        }
        assert!(Region::of(MessageId(1), base).above(base).contains(&base));
    }

    /// Fingerprints that stand close together at one place, and around the end.
    #[test]
    fn what_was_added_first_is_found_and_nothing_else() {
        let highest = (1 << Fingerprint::BITS) - 1;
        let crowded = (0..400).map(|n| highest - n).chain(1000..1300);
        let spread = (0..5000).map(|n| (n * 0x9E_3779_B97F) & highest);
        for room in [0, 1, 700, 9000] {
            let mut table = Table::with_room_for(room);
            let mut known = HashMap::new();
            for (n, value) in crowded.clone().chain(spread.clone()).enumerate() {
                let hash = TagHash(value.into());
                let region = Region(n as u32 % (Region::LAST + 1));
                let is_new = !known.contains_key(&value.max(1));
                assert_eq!(table.insert(Fingerprint::of(hash), region), is_new);
                known.entry(value.max(1)).or_insert(region);
            }
            assert_eq!(table.len(), known.len());
            for (value, region) in known {
                assert_eq!(table.get(Fingerprint(value)), Some(region));
                let other = Fingerprint(value ^ 0x55_5555_5555);
                if other.0 > 5000 && other.0 < highest - 5000 {
                    let there = spread.clone().any(|one| one == other.0);
                    assert_eq!(table.get(other).is_some(), there);
                }
            }
        }
    }
}
