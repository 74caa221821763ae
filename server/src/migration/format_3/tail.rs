//! The newest commits of a store of format 3: what its log has and its database has not.
//!
//! The log is two files, `0.wal` and `1.wal`, which were written in turn, each time from the beginning. A record is
//! [`MAGIC`], the length of its body, a checksum (XXH3) of its number and its body, its number, and the body: items, each
//! a kind, the lengths of a key and a value, the key and the value. Numbers are big-endian.

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    path::Path,
};

use jiff::Timestamp;
use mensageiro_protocol::Login;
use xxhash_rust::xxh3::xxh3_64;

use super::records::{self, Members};
use crate::model::{
    conversation::Conversation,
    cursor::Cursor,
    event::LastNumbers,
    message::{MessageId, ReadMark},
};

const MAGIC: [u8; 4] = *b"rec\x01";
const HEADER: usize = 4 + 4 + 8 + 8;

const FILES: [&str; 2] = ["0.wal", "1.wal"];

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// In the order in which they were accepted.
    pub(super) blocks: Vec<TailBlock>,
    /// The first message here of each conversation that has one.
    pub(super) first_of: HashMap<Conversation, MessageId>,
    pub(super) cursors: HashMap<(Conversation, Login), Cursor>,
    /// By rising numbers.
    pub(super) marks: Vec<ReadMark>,
    pub(super) seen: Vec<(Login, Timestamp)>,
    pub(super) last: LastNumbers,
    /// What cannot be read, if there is such a thing.
    pub(super) damage: Option<String>,
    rosters: HashMap<u32, Members>,
}

/// Messages of one conversation in one commit.
#[derive(Debug)]
pub(super) struct TailBlock {
    pub(super) conversation: Conversation,
    pub(super) first: MessageId,
    pub(super) members: Option<Members>,
    pub(super) value: Vec<u8>,
}

impl Tail {
    /// Reads the commits after the one with the number `settled`, which is the last one in the database.
    ///
    /// # Errors
    /// What the disk says. A file that is not there is empty.
    pub(super) fn read(folder: &Path, settled: u64) -> io::Result<Self> {
        let mut found = BTreeMap::new();
        for name in FILES {
            match fs::read(folder.join(name)) {
                Ok(content) => find(&content, settled, &mut found),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let mut tail = Self::default();
        let mut expected = settled;
        for (number, body) in found {
            expected = expected.saturating_add(1);
            if number != expected {
                tail.note(format!("commits {expected} to {} are missing", number - 1));
                expected = number;
            }
            if tail.add(&body).is_none() {
                tail.note(format!("commit {number} cannot be read"));
            }
        }
        Ok(tail)
    }

    fn note(&mut self, damage: String) {
        self.damage.get_or_insert(damage);
    }

    /// Adds what a commit brought. `None`: not all of it can be read.
    fn add(&mut self, mut body: &[u8]) -> Option<()> {
        while !body.is_empty() {
            let Item { kind, key, value } = take_item(&mut body)?;
            match kind {
                1 => {
                    let (number, members) = records::roster(key, value)?;
                    self.rosters.insert(number, members);
                }
                2 => self.add_block(key, value)?,
                3 => {
                    let (conversation, user, cursor) = records::cursor(key, value)?;
                    self.cursors.insert((conversation, user), cursor);
                }
                4 => self.marks.extend(records::marks(key, value)?),
                5 => self.seen.push(records::seen(key, value)?),
                6 => {
                    self.last = LastNumbers {
                        message: MessageId(records::number(key)?),
                        read_mark: records::number(value)?,
                    };
                }
                _ => return None,
            }
        }
        Some(())
    }

    fn add_block(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        let (conversation, first) = records::split_block_key(key)?;
        let (header, _) = records::split_block(value)?;
        let members = match header.roster {
            0 => None,
            number => Some(self.rosters.get(&number)?.clone()),
        };
        self.first_of.entry(conversation.clone()).or_insert(first);
        self.blocks.push(TailBlock {
            conversation,
            first,
            members,
            value: value.to_vec(),
        });
        Some(())
    }
}

/// One of the things a commit brought.
struct Item<'a> {
    kind: u8,
    key: &'a [u8],
    value: &'a [u8],
}

/// Takes the first item.
fn take_item<'a>(bytes: &mut &'a [u8]) -> Option<Item<'a>> {
    let (&kind, rest) = bytes.split_first()?;
    let (key, rest) = rest.split_first_chunk()?;
    let (value, rest) = rest.split_first_chunk()?;
    let (key, rest) = rest.split_at_checked(u32::from_be_bytes(*key) as usize)?;
    let (value, rest) = rest.split_at_checked(u32::from_be_bytes(*value) as usize)?;
    *bytes = rest;
    Some(Item { kind, key, value })
}

/// Adds the bodies of the records of a file that have numbers above `settled`.
fn find(content: &[u8], settled: u64, found: &mut BTreeMap<u64, Vec<u8>>) {
    let (mut at, mut last) = (0, 0);
    while at < content.len() {
        match record(&content[at..]) {
            // Left from earlier times; so is all that follows.
            Some((number, _)) if number <= last => break,
            Some((number, body)) => {
                if number > settled {
                    found.insert(number, body.to_vec());
                }
                last = number;
                at += HEADER + body.len();
            }
            // If records are missing here that are needed, there is a gap in the numbers.
            None => match next_record(&content[at..], last.max(settled)) {
                Some(next) => at += next,
                None => break,
            },
        }
    }
}

/// The number and the body of the record that stands here.
fn record(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let rest = bytes.strip_prefix(&MAGIC)?;
    let (length, rest) = rest.split_first_chunk()?;
    let (checksum, checked) = rest.split_first_chunk()?;
    let length = u32::from_be_bytes(*length) as usize;
    let checked = checked.get(..length.checked_add(8)?)?;
    let (number, body) = checked.split_first_chunk()?;
    let is_whole = xxh3_64(checked) == u64::from_be_bytes(*checksum);
    is_whole.then(|| (u64::from_be_bytes(*number), body))
}

/// Where the next whole record above a number stands.
fn next_record(bytes: &[u8], above: u64) -> Option<usize> {
    memchr::memmem::find_iter(bytes, &MAGIC)
        .find(|&at| record(&bytes[at..]).is_some_and(|(number, _)| number > above))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(numbers: impl IntoIterator<Item = u64>) -> Vec<u8> {
        let mut content = Vec::new();
        for number in numbers {
            let checked = [&number.to_be_bytes()[..], &body(number)].concat();
            content.extend_from_slice(&MAGIC);
            content.extend_from_slice(&(body(number).len() as u32).to_be_bytes());
            content.extend_from_slice(&xxh3_64(&checked).to_be_bytes());
            content.extend_from_slice(&checked);
        }
        content
    }

    fn body(number: u64) -> Vec<u8> {
        format!("body {number}")
            .repeat(number as usize % 5)
            .into_bytes()
    }

    fn check(content: &[u8], settled: u64, expected: &[u64]) {
        let mut found = BTreeMap::new();
        find(content, settled, &mut found);
        let expected = expected.iter().map(|&number| (number, body(number)));
        assert!(found.into_iter().eq(expected));
    }

    #[test]
    fn records_are_found_above_what_is_settled_and_before_what_is_left_of_earlier_times() {
        check(&[], 0, &[]);
        check(&written(1..=5), 0, &[1, 2, 3, 4, 5]);
        check(&written(1..=5), 3, &[4, 5]);
        let mut reused = written(11..=13);
        reused.extend(written(4..=9));
        check(&reused, 10, &[11, 12, 13]);
        reused.extend([0; 5000]);
        check(&reused, 12, &[13]);
    }

    #[test]
    fn a_record_torn_anywhere_at_the_end_is_not_there_and_one_before_others_leaves_a_gap() {
        let whole = written(1..=5);
        for cut in written(1..=4).len()..whole.len() {
            check(&whole[..cut], 0, &[1, 2, 3, 4]);
        }
        for spoiled in written(1..=2).len()..written(1..=3).len() {
            let mut content = whole.clone();
            content[spoiled] ^= 4;
            check(&content, 0, &[1, 2, 4, 5]);
        }
    }
}
