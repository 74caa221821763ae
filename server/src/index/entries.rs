//! The encoding of a block's entries: each one is stored as the difference to the previous one. A message that was sent
//! alone takes about ten bytes.

use jiff::Timestamp;

use super::{
    RunEntry, TagEntry,
    pack::{Unpack, put, put_signed},
};
use crate::{
    log::{Part, Position},
    model::message::{MessageId, TagHash},
};

/// The content of blocks: entries in ascending order of message ids.
pub(super) trait Entry: Clone {
    /// The previous entry, as far as the next one refers to it.
    type Before: Default;

    /// The first message.
    fn first(&self) -> MessageId;

    /// The last message.
    fn last(&self) -> MessageId;

    /// Encodes an entry, and updates `before` for the next one.
    fn pack(&self, before: &mut Self::Before, out: &mut Vec<u8>);

    /// Decodes the next entry.
    fn unpack(before: &mut Self::Before, bytes: &mut Unpack<'_>) -> Option<Self>;
}

/// All entries of a block.
pub(super) fn unpack_all<E: Entry>(bytes: &[u8]) -> Option<(Vec<E>, E::Before)> {
    let mut bytes = Unpack(bytes);
    let mut before = E::Before::default();
    // A full block has about as many.
    let mut entries = Vec::with_capacity(96);
    while !bytes.is_empty() {
        entries.push(E::unpack(&mut before, &mut bytes)?);
    }
    Some((entries, before))
}

/// In the record of the entry before.
const SAME_RECORD: u64 = 1;
/// In the same record, begins where the run before ends.
const ADJACENT: u64 = 1 << 1;
/// Does not begin with the first text of its run.
const INNER: u64 = 1 << 2;
/// Has another roster than the entry before.
const ROSTER: u64 = 1 << 3;
/// The number of bits that the flags take.
const FLAGS: u32 = 4;

/// The previous entry, as far as the next one refers to it.
#[derive(Default)]
pub(super) struct RunBefore {
    /// The id after its last message.
    next: u64,
    record: u64,
    /// Where its run ends.
    end: u64,
    roster: u32,
}

impl RunBefore {
    fn follow(&mut self, entry: &RunEntry) -> Option<()> {
        self.next = entry.first.0.checked_add(u64::from(entry.count))?;
        self.record = entry.record.0;
        self.end = u64::from(entry.part.offset) + u64::from(entry.part.length);
        self.roster = entry.roster;
        Some(())
    }
}

impl Entry for RunEntry {
    type Before = RunBefore;

    fn first(&self) -> MessageId {
        self.first
    }

    fn last(&self) -> MessageId {
        MessageId(self.first.0 + u64::from(self.count) - 1)
    }

    fn pack(&self, before: &mut RunBefore, out: &mut Vec<u8>) {
        let is_same_record = self.record.0 == before.record;
        let is_adjacent = is_same_record && u64::from(self.part.offset) == before.end;
        let flags = [
            (is_same_record, SAME_RECORD),
            (is_adjacent, ADJACENT),
            (self.text != 0, INNER),
            (self.roster != before.roster, ROSTER),
        ];
        let flags = flags.iter().filter(|(is_set, _)| *is_set);
        let flags: u64 = flags.map(|(_, flag)| flag).sum();
        put(out, self.first.0.wrapping_sub(before.next));
        put(out, (u64::from(self.count) - 1) << FLAGS | flags);
        if !is_same_record {
            put(out, self.record.0.wrapping_sub(before.record));
        }
        if !is_adjacent {
            put(out, self.part.offset.into());
        }
        put(out, self.part.length.into());
        if self.text != 0 {
            put(out, self.text.into());
        }
        if self.roster != before.roster {
            put(out, self.roster.into());
        }
        // Ids of 64 bits do not run out.
        let _ = before.follow(self);
    }

    fn unpack(before: &mut RunBefore, bytes: &mut Unpack<'_>) -> Option<Self> {
        let first = before.next.wrapping_add(bytes.int()?);
        let head = bytes.int()?;
        let has = |flag| head & flag != 0;
        let count = u32::try_from((head >> FLAGS).checked_add(1)?).ok()?;
        let record = if has(SAME_RECORD) {
            before.record
        } else {
            before.record.wrapping_add(bytes.int()?)
        };
        let offset = if has(ADJACENT) {
            before.end.try_into().ok()?
        } else {
            bytes.int32()?
        };
        let length = bytes.int32()?;
        let text = if has(INNER) { bytes.int32()? } else { 0 };
        let roster = if has(ROSTER) {
            bytes.int32()?
        } else {
            before.roster
        };
        let entry = Self {
            first: MessageId(first),
            count,
            record: Position(record),
            part: Part { offset, length },
            text,
            roster,
        };
        before.follow(&entry)?;
        Some(entry)
    }
}

/// The id and the time in ms of the previous tag.
#[derive(Default)]
pub(super) struct TagBefore(u64, i64);

impl Entry for TagEntry {
    type Before = TagBefore;

    fn first(&self) -> MessageId {
        self.id
    }

    fn last(&self) -> MessageId {
        self.id
    }

    fn pack(&self, before: &mut TagBefore, out: &mut Vec<u8>) {
        let at = self.sent_at.as_millisecond();
        put(out, self.id.0.wrapping_sub(before.0));
        put_signed(out, at.wrapping_sub(before.1));
        out.extend_from_slice(&self.hash.0.to_le_bytes());
        *before = TagBefore(self.id.0, at);
    }

    fn unpack(before: &mut TagBefore, bytes: &mut Unpack<'_>) -> Option<Self> {
        let id = before.0.wrapping_add(bytes.int()?);
        let at = before.1.wrapping_add(bytes.signed()?);
        let hash = TagHash(u128::from_le_bytes(bytes.array()?));
        *before = TagBefore(id, at);
        Some(Self {
            hash,
            id: MessageId(id),
            sent_at: Timestamp::from_millisecond(at).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(first: u64, count: u32, record: u64, part: (u32, u32), text: u32) -> RunEntry {
        RunEntry {
            first: MessageId(first),
            count,
            record: Position(record),
            part: Part {
                offset: part.0,
                length: part.1,
            },
            text,
            roster: 0,
        }
    }

    fn pack_all<E: Entry>(entries: &[E]) -> Vec<u8> {
        let (mut before, mut out) = (E::Before::default(), Vec::new());
        for entry in entries {
            entry.pack(&mut before, &mut out);
        }
        out
    }

    #[test]
    fn entries_come_back_as_they_were() {
        let entries = vec![
            entry(1, 1, 0, (0, 90), 0),
            entry(2, 16, 0, (90, 900), 0),
            entry(40, 3, 0, (5_000, 80), 2),
            entry(43, u32::MAX, 1 << 40, (u32::MAX, u32::MAX), u32::MAX),
            RunEntry {
                roster: 7,
                ..entry(1 << 60, 1, u64::MAX, (1, 1), 0)
            },
            RunEntry {
                roster: 7,
                ..entry((1 << 60) + 1, 1, u64::MAX, (2, 1), 0)
            },
            RunEntry {
                roster: 8,
                ..entry((1 << 60) + 2, 1, u64::MAX, (9, 1), 0)
            },
            entry((1 << 60) + 5, 1, 3, (9, 1), 0),
        ];
        let packed = pack_all(&entries);
        let (unpacked, _) = unpack_all::<RunEntry>(&packed).unwrap();
        assert_eq!(unpacked, entries);
        for cut in 1..packed.len() {
            if let Some((some, _)) = unpack_all::<RunEntry>(&packed[..cut]) {
                assert_eq!(some[..], entries[..some.len()]);
            }
        }
    }

    #[test]
    fn a_message_sent_alone_takes_at_most_twelve_bytes() {
        let singles = |n: u64| {
            entry(
                1_000_000 + n * 20,
                1,
                1 << 30 | (n * 9_000),
                (40_000, 120),
                0,
            )
        };
        let one = pack_all(&[singles(0)]).len();
        let two = pack_all(&[singles(0), singles(1)]).len();
        assert!(two - one <= 12, "{}", two - one);
    }

    #[test]
    fn tags_come_back_as_they_were() {
        let tag = |id, at: i64, hash| TagEntry {
            hash: TagHash(hash),
            id: MessageId(id),
            sent_at: Timestamp::from_millisecond(at).unwrap(),
        };
        let tags = vec![
            tag(5, 1_700_000_000_000, 1),
            tag(6, 1_600_000_000_000, u128::MAX),
            tag(1 << 61, -5, 0),
        ];
        let packed = pack_all(&tags);
        assert_eq!(unpack_all::<TagEntry>(&packed).unwrap().0, tags);
    }
}
