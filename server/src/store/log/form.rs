//! How a commit looks in the log: item after item, each with its kind, its key and its value. Keys
//! and values are those of the database (docs/STORAGE.md), but for versions of the members of
//! groups, which the log numbers by itself.

use std::{collections::HashMap, iter};

use mensageiro_protocol::Login;

use super::super::{Block, Commit, LastNumbers, block, records, rosters::Members};
use crate::conversation::Conversation;

/// What an item is, and what its key and value are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(in super::super) enum Kind {
    /// A number; a group and its members, for which the number stands in blocks that follow.
    Roster = 1,
    /// Messages of one conversation.
    Block,
    /// How far a user has come in a conversation.
    Cursor,
    /// Read marks.
    Reads,
    /// When a user was last there.
    Seen,
    /// The last number of a message; the last one of a read mark.
    Last,
}

/// One of the things a commit brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Item<'a> {
    pub(in super::super) kind: Kind,
    pub(in super::super) key: &'a [u8],
    pub(in super::super) value: &'a [u8],
}

/// Writes commits. Who belongs to a group is written when it is other than before.
#[derive(Debug, Default)]
pub(in super::super) struct Writer {
    /// What was last written of each group, and its number.
    rosters: HashMap<Login, (u32, Members)>,
    last_roster: u32,
}

impl Writer {
    /// What is written from now on can be read without what was written before.
    pub(in super::super) fn forget(&mut self) {
        self.rosters.clear();
    }

    /// Appends a commit.
    pub(in super::super) fn write(&mut self, commit: &Commit, out: &mut Vec<u8>) {
        for block in &commit.blocks {
            self.write_block(block, out);
        }
        for record in &commit.cursors {
            let key = |out: &mut Vec<u8>| records::write_cursor_key(record, out);
            write_item(out, Kind::Cursor, key, |out| {
                records::write_cursor(&record.cursor, out);
            });
        }
        if let Some(first) = commit.reads.first() {
            let key = |out: &mut Vec<u8>| out.extend_from_slice(&first.number.to_be_bytes());
            write_item(out, Kind::Reads, key, |out| {
                records::write_reads(&commit.reads, out);
            });
        }
        for (login, at) in &commit.seen {
            let key = |out: &mut Vec<u8>| out.extend_from_slice(login.as_str().as_bytes());
            write_item(out, Kind::Seen, key, |out| {
                out.extend_from_slice(&at.as_millisecond().to_be_bytes());
            });
        }
        let LastNumbers { message, read_mark } = commit.last;
        let key = |out: &mut Vec<u8>| out.extend_from_slice(&message.0.to_be_bytes());
        write_item(out, Kind::Last, key, |out| {
            out.extend_from_slice(&read_mark.to_be_bytes());
        });
    }

    fn write_block(&mut self, block: &Block, out: &mut Vec<u8>) {
        let conversation = &block.conversation;
        for part in block::parts(&block.messages) {
            let roster = match (conversation, &part[0].members) {
                (Conversation::Group(group), Some(members)) => self.roster(group, members, out),
                _ => 0,
            };
            let key = |out: &mut Vec<u8>| records::write_block_key(conversation, part[0].id, out);
            write_item(out, Kind::Block, key, |out| {
                block::write(conversation, part, roster, out);
            });
        }
    }

    /// The number of a group's members, which are written if they are new.
    fn roster(&mut self, group: &Login, members: &Members, out: &mut Vec<u8>) -> u32 {
        if let Some((number, known)) = self.rosters.get(group)
            && known == members
        {
            return *number;
        }
        self.last_roster += 1;
        let number = self.last_roster;
        self.rosters
            .insert(group.clone(), (number, members.clone()));
        let key = |out: &mut Vec<u8>| out.extend_from_slice(&number.to_be_bytes());
        write_item(out, Kind::Roster, key, |out| {
            out.extend_from_slice(&records::roster_value(group, members));
        });
        number
    }
}

/// The items of a commit. One that cannot be read is `None`, and the last.
pub(in super::super) fn items(mut bytes: &[u8]) -> impl Iterator<Item = Option<Item<'_>>> {
    iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let item = split_item(bytes);
        bytes = item.map_or(&[], |(_, rest)| rest);
        Some(item.map(|(item, _)| item))
    })
}

/// Kind, length of the key, length of the value, key, value.
fn write_item(
    out: &mut Vec<u8>,
    kind: Kind,
    key: impl FnOnce(&mut Vec<u8>),
    value: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    out.extend_from_slice(&[kind as u8, 0, 0, 0, 0, 0, 0, 0, 0]);
    let key_start = out.len();
    key(out);
    let value_start = out.len();
    value(out);
    // A record is refused before it is so long.
    let lengths = [value_start - key_start, out.len() - value_start].map(|length| length as u32);
    out[start + 1..start + 5].copy_from_slice(&lengths[0].to_be_bytes());
    out[start + 5..start + 9].copy_from_slice(&lengths[1].to_be_bytes());
}

/// An item and what follows it.
fn split_item(bytes: &[u8]) -> Option<(Item<'_>, &[u8])> {
    let (&kind, rest) = bytes.split_first()?;
    let all = [
        Kind::Roster,
        Kind::Block,
        Kind::Cursor,
        Kind::Reads,
        Kind::Seen,
        Kind::Last,
    ];
    let kind = all.into_iter().find(|&one| one as u8 == kind)?;
    let (key, rest) = rest.split_first_chunk()?;
    let (value, rest) = rest.split_first_chunk()?;
    let (key, rest) = rest.split_at_checked(u32::from_be_bytes(*key) as usize)?;
    let (value, rest) = rest.split_at_checked(u32::from_be_bytes(*value) as usize)?;
    Some((Item { kind, key, value }, rest))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use mensageiro_protocol::Text;

    use super::{
        super::super::{
            CursorRecord, TagHash,
            unsettled::{self, Unsettled},
        },
        *,
    };
    use crate::{
        mailbox::Cursor,
        message::{Message, MessageId, ReadMark, Tag},
    };

    fn login(name: &str) -> Login {
        Login::parse(name).unwrap()
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_700_000_000_000 + ms).unwrap()
    }

    /// Messages of a pair and of a group, whose members change in the middle.
    fn commit(first: u64, read_mark: u64) -> Commit {
        let rosters = [["ana", "bob"], ["bob", "eva"]];
        let rosters = rosters.map(|names| Members::new(names.map(login).into()));
        let message = |offset: u64, from, to, members| Message {
            id: MessageId(first + offset),
            sent_at: at(offset as i64 - 2),
            from: login(from),
            to: login(to),
            members,
            missed_by: None,
            tag: offset
                .is_multiple_of(2)
                .then(|| Tag::parse(&format!("t{offset}")).unwrap()),
            text: Text::from("text\nof two lines"),
        };
        let pair = [(0, "bob", "ana"), (3, "ana", "bob"), (4, "bob", "ana")];
        let pair = pair.map(|(offset, from, to)| message(offset, from, to, None));
        let group = [(1, "ana", 0), (2, "bob", 0), (5, "eva", 1)];
        let group = group.map(|(offset, from, roster): (_, _, usize)| {
            message(offset, from, "class", Some(rosters[roster].clone()))
        });
        let conversation = pair[0].conversation();
        let read = |number, reader| ReadMark {
            number,
            reader: login(reader),
            conversation: conversation.clone(),
            first: MessageId(first),
            last: MessageId(first + 4),
            read_at: at(5),
        };
        Commit {
            cursors: vec![CursorRecord {
                conversation: Conversation::Group(login("class")),
                user: login("eva"),
                cursor: Cursor {
                    read: MessageId(first + 5),
                    left: Some(MessageId(2)),
                    ..Cursor::default()
                },
            }],
            reads: vec![read(read_mark, "ana"), read(read_mark + 1, "bob")],
            seen: vec![(login("ana"), at(77))],
            last: LastNumbers {
                message: MessageId(first + 5),
                read_mark: read_mark + 1,
            },
            blocks: vec![
                Block {
                    conversation: conversation.clone(),
                    messages: pair.into(),
                },
                Block {
                    conversation: Conversation::Group(login("class")),
                    messages: group.into(),
                },
            ],
        }
    }

    fn written(writer: &mut Writer, commit: &Commit) -> Vec<u8> {
        let mut out = Vec::new();
        writer.write(commit, &mut out);
        out
    }

    /// What is gathered of commits, as they were.
    fn check(records: &[Vec<u8>], commits: &[Commit]) {
        let both = || records.iter().zip(commits).zip(1..);
        let mut read = Unsettled::default();
        both().for_each(|((record, _), number)| read.read(record, number).unwrap());
        check_gathered(&read, commits);
        let mut added = Unsettled::default();
        both().for_each(|((record, commit), number)| added.add(record, number, commit).unwrap());
        check_gathered(&added, commits);
    }

    fn check_gathered(unsettled: &Unsettled, commits: &[Commit]) {
        let last = commits.last().unwrap();
        assert_eq!(
            (unsettled.last(), unsettled.number()),
            (last.last, commits.len() as u64)
        );
        for conversation in last.blocks.iter().map(|block| &block.conversation) {
            let blocks = unsettled.blocks_of(conversation);
            let found = unsettled::read(conversation, blocks, (MessageId(0), MessageId::MAX));
            let blocks = commits.iter().flat_map(|commit| &commit.blocks);
            let expected = blocks.filter(|block| block.conversation == *conversation);
            let expected: Vec<_> = expected.flat_map(|block| &block.messages).collect();
            assert!(found.iter().eq(expected));
        }
        for author in ["ana", "bob", "eva"].map(login) {
            let messages = commits.iter().flat_map(|commit| &commit.blocks);
            let messages = messages.flat_map(|block| &block.messages);
            let own = messages.filter(|message| message.from == author);
            let expected = own.filter_map(|message| {
                let hash = TagHash::of(message.tag.as_ref()?);
                Some((hash, message.id, message.sent_at))
            });
            let mut expected: Vec<_> = expected.collect();
            expected.sort_unstable_by_key(|(_, id, _)| *id);
            let found = unsettled.tags_of(&author).into_iter();
            let found = found.map(|tag| (tag.hash, tag.id, tag.sent_at));
            assert!(found.eq(expected), "by rising numbers");
        }
        let cursors = unsettled.cursors();
        let cursors = cursors.map(|(key, value)| records::cursor_record(key, value).unwrap());
        assert_eq!(cursors.collect::<Vec<_>>(), last.cursors);
        let reads = unsettled.reads();
        let reads =
            reads.flat_map(|(first, value)| records::reads(&first.to_be_bytes(), value).unwrap());
        assert!(reads.eq(commits.iter().flat_map(|commit| commit.reads.clone())));
        let seen = unsettled.seen();
        let seen = seen.map(|(key, value)| records::seen_record(key, value).unwrap());
        assert_eq!(seen.collect::<Vec<_>>(), last.seen);
    }

    #[test]
    fn what_is_written_is_gathered() {
        let mut writer = Writer::default();
        let commits = [commit(100, 1), commit(200, 3), commit(300, 5)];
        let records = commits.each_ref().map(|one| written(&mut writer, one));
        check(&records, &commits);
        writer.forget();
        let last = written(&mut writer, &commits[2]);
        check(&[last], &commits[2..]);
    }

    #[test]
    fn what_is_spoiled_anywhere_is_read_or_not_and_no_panic() {
        let whole = written(&mut Writer::default(), &commit(100, 1));
        for place in 0..whole.len() {
            for bit in 0..8 {
                let mut spoiled = whole.clone();
                spoiled[place] ^= 1 << bit;
                let mut unsettled = Unsettled::default();
                let _ = unsettled.read(&spoiled, 1);
                let conversation = Conversation::pair(&login("ana"), &login("bob"));
                let blocks = unsettled.blocks_of(&conversation);
                unsettled::read(&conversation, blocks, (MessageId(0), MessageId::MAX));
                let values = unsettled.blocks().map(|(_, block)| block.value(1));
                assert!(values.map(|value| value.len()).sum::<usize>() < 2 * whole.len());
                unsettled.tags_of(&login("ana"));
            }
        }
    }

    #[test]
    fn what_is_cut_anywhere_cannot_be_read_or_has_whole_items_only() {
        let commit = commit(100, 1);
        let whole = written(&mut Writer::default(), &commit);
        for cut in 0..whole.len() {
            let mut unsettled = Unsettled::default();
            let _ = unsettled.read(&whole[..cut], 1);
            assert_eq!(unsettled.last(), LastNumbers::default());
        }
    }
}
