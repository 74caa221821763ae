//! What a power cut leaves of changes that were not synced.

/// The bytes that a disk writes at once.
const SECTOR: usize = 512;

/// A change of a file that was not synced.
pub(super) enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Length(usize),
}

/// Random numbers, the same for the same seed.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) % limit as u64) as usize
    }

    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

/// Applies what a power cut leaves of a change that was not synced.
pub(super) fn lose(change: Change, fate: usize, content: &mut Vec<u8>, chance: &mut Chance) {
    match (change, fate) {
        (_, 0) => {}
        (Change::Length(length), 1) => content.resize(length, 0),
        (Change::Length(length), _) => {
            if chance.one_in(2) {
                content.resize(length, 0);
            }
        }
        (Change::Write { offset, bytes }, 1) => put(content, offset, &bytes),
        (Change::Write { offset, bytes }, _) => {
            // The length may be there without the content, and some of the sectors without the others.
            if chance.one_in(2) && content.len() < offset + bytes.len() {
                content.resize(offset + bytes.len(), 0);
            }
            let mut at = offset;
            while at < offset + bytes.len() {
                let end = ((at / SECTOR + 1) * SECTOR).min(offset + bytes.len());
                if !chance.one_in(3) {
                    put(content, at, &bytes[at - offset..end - offset]);
                }
                at = end;
            }
        }
    }
}

pub(super) fn put(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if content.len() < offset + bytes.len() {
        content.resize(offset + bytes.len(), 0);
    }
    content[offset..offset + bytes.len()].copy_from_slice(bytes);
}
