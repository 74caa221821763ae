//! How many messages there are above any id, in little memory however many they are.

use std::collections::VecDeque;

use super::message::MessageId;

/// So many newest messages are counted one by one.
pub const EXACT: usize = 64;

/// Buckets of each size above one message.
const OF_A_SIZE: usize = 16;

/// Counts messages of one kind, by rising ids: an exponential histogram.
///
/// The newest [`EXACT`] messages have a bucket each. Of older ones two buckets become one, then two of these, and so on. So a
/// million messages have some 300 buckets (10 KiB), and what is said of an id in the middle of a bucket is wrong by a
/// fifteenth at most. What is said of the ids at which a bucket begins or ends is exact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Of each size, those of single messages first; in each the oldest first.
    levels: Vec<VecDeque<Bucket>>,
    count: u64,
    bytes: u64,
}

/// Messages that follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// No message in it has a lower id.
    pub first: MessageId,
    /// The id of its last message.
    pub last: MessageId,
    /// How many there are; not 0.
    pub count: u64,
    /// Bytes of their texts.
    pub bytes: u64,
}

impl Bucket {
    /// How many of its messages have ids up to one, and their bytes: exact outside, and in between as if all ids were as
    /// far apart. The last message is above each lower id.
    fn up_to(&self, id: MessageId) -> (u64, u64) {
        if id < self.first {
            return (0, 0);
        }
        if id >= self.last {
            return (self.count, self.bytes);
        }
        let part = |of: u64| {
            let (over, all) = (id.0 - self.first.0 + 1, self.last.0 - self.first.0 + 1);
            (u128::from(of) * u128::from(over) / u128::from(all)) as u64
        };
        let count = part(self.count).clamp(1.min(self.count - 1), self.count - 1);
        (count, part(self.bytes))
    }
}

impl Tally {
    /// From the buckets of each size, as [`Tally::levels`] shows them.
    pub fn from_levels(levels: Vec<VecDeque<Bucket>>) -> Self {
        let buckets = levels.iter().flatten();
        let (count, bytes) = buckets.fold((0, 0), |(count, bytes), one| {
            (count + one.count, bytes + one.bytes)
        });
        Self {
            levels,
            count,
            bytes,
        }
    }

    /// The buckets of each size, those of single messages first; in each the oldest first.
    pub fn levels(&self) -> &[VecDeque<Bucket>] {
        &self.levels
    }

    /// How many messages there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Bytes of their texts.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// No message has a lower id; `None`: there is none.
    pub fn oldest(&self) -> Option<MessageId> {
        Some(self.buckets().next()?.first)
    }

    /// The newest message.
    pub fn newest(&self) -> Option<MessageId> {
        let newest = self.levels.iter().find_map(VecDeque::back);
        newest.map(|bucket| bucket.last)
    }

    /// Adds a message with a higher id than all others.
    pub fn add(&mut self, id: MessageId, bytes: usize) {
        self.add_bucket(Bucket {
            first: id,
            last: id,
            count: 1,
            bytes: bytes as u64,
        });
    }

    /// Adds messages with higher ids than all others.
    pub fn add_bucket(&mut self, mut bucket: Bucket) {
        self.count += bucket.count;
        self.bytes += bucket.bytes;
        for level in 0.. {
            if level == self.levels.len() {
                self.levels.push(VecDeque::new());
            }
            let buckets = &mut self.levels[level];
            buckets.push_back(bucket);
            let most = if level == 0 { EXACT } else { OF_A_SIZE };
            if buckets.len() <= most {
                return;
            }
            let Some((one, next)) = buckets.pop_front().zip(buckets.pop_front()) else {
                return;
            };
            bucket = Bucket {
                first: one.first,
                last: next.last,
                count: one.count + next.count,
                bytes: one.bytes + next.bytes,
            };
        }
    }

    /// Adds what another one counts, whose messages all have higher ids.
    pub fn append(&mut self, newer: &Self) {
        newer.buckets().for_each(|one| self.add_bucket(*one));
    }

    /// Takes out what has ids up to one. Returns about how many messages that were; all, if there is none above it.
    pub fn take_up_to(&mut self, id: MessageId) -> u64 {
        let before = self.count;
        for level in (0..self.levels.len()).rev() {
            let buckets = &mut self.levels[level];
            while let Some(oldest) = buckets.front_mut() {
                let (count, bytes) = oldest.up_to(id);
                self.count -= count;
                self.bytes -= bytes;
                if count < oldest.count {
                    oldest.first = oldest.first.max(id.next());
                    oldest.count -= count;
                    oldest.bytes -= bytes;
                    return before - self.count;
                }
                buckets.pop_front();
            }
            self.levels.truncate(level);
        }
        // Where nothing waits nothing takes memory.
        *self = Self::default();
        before
    }

    /// About how many messages have ids above one. It is 0 only if there is none.
    pub fn above(&self, id: MessageId) -> u64 {
        let above = self.levels.iter().flat_map(|level| level.iter().rev());
        above
            .take_while(|bucket| bucket.last > id)
            .map(|bucket| bucket.count - bucket.up_to(id).0)
            .sum()
    }

    /// The next message above an id is not before this one; `None`: there is none.
    pub fn next_above(&self, id: MessageId) -> Option<MessageId> {
        let bucket = self.bucket_above(id)?;
        Some(bucket.first.max(id.next()))
    }

    /// The next id above one at which a bucket begins or ends.
    pub fn next_edge(&self, id: MessageId) -> Option<MessageId> {
        let bucket = self.bucket_above(id)?;
        Some(if bucket.first > id {
            bucket.first
        } else {
            bucket.last
        })
    }

    /// The last message up to an id, or the id itself if it is in the middle of a bucket; `None`: there is none.
    pub fn last_up_to(&self, id: MessageId) -> Option<MessageId> {
        let mut newest_first = self.levels.iter().flat_map(|level| level.iter().rev());
        let bucket = newest_first.find(|bucket| bucket.first <= id)?;
        Some(bucket.last.min(id))
    }

    /// The first bucket that ends above an id.
    fn bucket_above(&self, id: MessageId) -> Option<&Bucket> {
        let mut oldest_first = self.levels.iter().rev();
        let ends_above = |level: &&VecDeque<Bucket>| level.back().is_some_and(|one| one.last > id);
        let level = oldest_first.find(ends_above)?;
        level.get(level.partition_point(|bucket| bucket.last <= id))
    }

    fn buckets(&self) -> impl Iterator<Item = &Bucket> {
        self.levels.iter().rev().flatten()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Message ids with gaps, and a tally of them.
    fn tally(gaps: &[u64]) -> (Tally, Vec<MessageId>) {
        let (mut tally, mut ids, mut id) = (Tally::default(), Vec::new(), 0);
        for gap in gaps {
            id += gap + 1;
            ids.push(MessageId(id));
            tally.add(MessageId(id), 3);
        }
        (tally, ids)
    }

    fn check(tally: &Tally, ids: &[MessageId], at: MessageId) {
        let above = ids.iter().filter(|id| **id > at).count() as u64;
        let found = tally.above(at);
        assert!(found.abs_diff(above) * 15 <= above, "{found} for {above}");
        assert_eq!(found == 0, above == 0);
        if above < EXACT as u64 / 2 {
            assert_eq!(found, above);
        }
        let next = ids.iter().copied().find(|id| *id > at);
        assert_eq!(tally.next_above(at).is_some(), next.is_some());
        assert!(tally.next_above(at) <= next, "{at}");
        let last = ids.iter().copied().rfind(|id| *id <= at);
        let found = tally.last_up_to(at);
        // What was taken out is not there any more.
        if found.is_some() {
            assert!(found >= last && found <= Some(at), "{found:?} {last:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_above_an_id_is_about_right_and_of_the_newest_exact(
            gaps in prop::collection::vec(0..9_u64, 1..3_000),
            at in prop::collection::vec(0..30_000_u64, 20),
            read in prop::collection::vec(0..30_000_u64, 3),
        ) {
            let (mut tally, mut ids) = tally(&gaps);
            prop_assert_eq!((tally.count(), tally.bytes()), (ids.len() as u64, 3 * ids.len() as u64));
            prop_assert_eq!(tally.newest(), ids.last().copied());
            for at in at {
                check(&tally, &ids, MessageId(at));
            }
            for read in read.into_iter().map(MessageId) {
                let before = tally.count();
                let taken = tally.take_up_to(read);
                prop_assert_eq!(before - taken, tally.count());
                ids.retain(|id| *id > read);
                prop_assert_eq!(tally.is_empty(), ids.is_empty());
                prop_assert_eq!(tally.newest(), ids.last().copied());
                prop_assert!(tally.oldest() <= ids.first().copied());
                prop_assert!(tally.count().abs_diff(ids.len() as u64) * 15 <= ids.len() as u64);
                prop_assert_eq!(&Tally::from_levels(tally.levels().to_vec()), &tally);
            }
            prop_assert!(!ids.is_empty() || tally.levels().is_empty());
        }
    }

    proptest! {
        #[test]
        fn what_is_appended_is_counted_too(
            gaps in prop::collection::vec(0..9_u64, 2..900),
            parted in 0.0..1.0,
            at in 0..9_000_u64,
        ) {
            let (_, ids) = tally(&gaps);
            let parts = ids.split_at((ids.len() as f64 * parted) as usize);
            let of = |ids: &[MessageId]| {
                let mut tally = Tally::default();
                ids.iter().for_each(|id| tally.add(*id, 3));
                tally
            };
            let mut both = of(parts.0);
            both.append(&of(parts.1));
            prop_assert_eq!((both.count(), both.bytes()), (ids.len() as u64, 3 * ids.len() as u64));
            prop_assert_eq!((both.oldest(), both.newest()), (ids.first().copied(), ids.last().copied()));
            prop_assert_eq!(&Tally::from_levels(both.levels().to_vec()), &both);
            let above = ids.iter().filter(|id| **id > MessageId(at)).count();
            prop_assert_eq!(both.above(MessageId(at)) == 0, above == 0);
        }
    }

    #[test]
    fn a_million_messages_take_few_buckets() {
        let mut tally = Tally::default();
        for id in 1..=1_000_000 {
            tally.add(MessageId(id), 1);
        }
        let buckets: usize = tally.levels().iter().map(VecDeque::len).sum();
        assert!(buckets <= 300, "{buckets}");
        assert_eq!(tally.above(MessageId(999_950)), 50);
        assert_eq!(tally.take_up_to(MessageId(1_000_000)), 1_000_000);
        assert_eq!(tally, Tally::default());
    }

    #[test]
    fn an_edge_is_met_twice_for_each_bucket_at_most() {
        let (tally, _) = tally(&[0; 500]);
        let (mut id, mut edges) = (MessageId(0), 0);
        while let Some(edge) = tally.next_edge(id) {
            assert!(edge > id);
            (id, edges) = (edge, edges + 1);
        }
        assert_eq!(id, MessageId(500));
        let buckets: usize = tally.levels().iter().map(VecDeque::len).sum();
        assert!(edges <= 2 * buckets, "{edges}");
    }
}
