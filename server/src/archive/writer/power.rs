//! Power cuts in the middle of everything: the file loses what was not synced, a block here and there included, and
//! has every row exactly once afterwards.

use std::{fs, path::PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;

use super::{
    super::fake::{Fake, Row, login, rows_of},
    Writer,
};
use crate::model::conversation::Conversation;

/// Histories that are looked at: so many, or as many as MENSAGEIRO_ARCHIVE_HISTORIES says.
const HISTORIES: u32 = 60;

/// A disk writes so much at once.
const BLOCK: usize = 512;

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// Somebody writes, so many times.
    Write { to: u8, texts: u8, kind: u8 },
    /// Somebody reads everything of one conversation, or of all.
    Read { reader: u8, what: u8 },
    /// What was read is appended.
    Append,
    /// The position is written down.
    Record,
    /// The program is killed; the file stays as it is.
    Kill,
    /// The power goes, in the middle of what was done last.
    PowerCut { at: Cut, seed: u64 },
    /// The position is lost.
    LosePosition,
}

#[derive(Clone, Copy, Debug)]
enum Cut {
    /// While rows were appended, or later.
    Rows,
    /// After the file was synced, while the position was written.
    Position,
}

fn step() -> impl Strategy<Value = Step> {
    let cut = prop_oneof![Just(Cut::Rows), Just(Cut::Position)];
    prop_oneof![
        4 => (0..3_u8, 1..12_u8, any::<u8>()).prop_map(|(to, texts, kind)| Step::Write { to, texts, kind }),
        4 => (0..2_u8, 0..3_u8).prop_map(|(reader, what)| Step::Read { reader, what }),
        4 => Just(Step::Append),
        2 => Just(Step::Record),
        2 => Just(Step::Kill),
        3 => (cut, any::<u64>()).prop_map(|(at, seed)| Step::PowerCut { at, seed }),
        1 => Just(Step::LosePosition),
    ]
}

/// A server with a disk that drops what was not synced.
struct Machine {
    folder: TempDir,
    marks: Fake,
    writer: Option<Writer>,
    /// The file as it is on the disk for certain.
    synced: Vec<u8>,
    /// The file of the position before it was written, if that was done last.
    old_position: Option<Vec<u8>>,
    clock: u64,
}

impl Machine {
    fn new() -> Self {
        let mut machine = Self {
            folder: tempfile::tempdir().unwrap(),
            marks: Fake::default(),
            writer: None,
            synced: Vec::new(),
            old_position: None,
            clock: 1_000_000,
        };
        machine.append();
        machine.record();
        machine
    }

    fn csv(&self) -> PathBuf {
        self.folder.path().join("messages.csv")
    }

    fn position(&self) -> PathBuf {
        self.folder.path().join("archive")
    }

    fn content(&self) -> Vec<u8> {
        fs::read(self.csv()).unwrap_or_default()
    }

    /// Does something that syncs whatever it changes.
    fn synced<T>(&mut self, act: impl FnOnce(&mut Writer, &Fake) -> T) -> T {
        let before = self.content();
        let mut writer = self.writer.take();
        let (csv, position) = (self.csv(), self.position());
        let opened = writer.get_or_insert_with(|| Writer::open(csv, position).unwrap());
        let done = act(opened, &self.marks);
        self.writer = writer;
        let after = self.content();
        if before != after {
            self.synced = after;
        }
        done
    }

    fn append(&mut self) {
        loop {
            self.synced(|writer, marks| {
                writer.find(marks).unwrap();
            });
            let writer = self.writer.as_mut().unwrap();
            if writer.append(&self.marks).unwrap().is_none() {
                return;
            }
            self.old_position = None;
        }
    }

    fn record(&mut self) {
        self.synced(|_, _| ());
        let before = fs::read(self.position()).unwrap_or_default();
        let writer = self.writer.as_mut().unwrap();
        let had_news = writer.has_news();
        writer.record(&self.marks).unwrap();
        if had_news {
            self.synced = self.content();
            self.old_position = Some(before);
        }
    }

    /// The file keeps what was synced, and any blocks of the rest.
    fn cut_power(&mut self, at: Cut, seed: u64) {
        self.writer = None;
        let mut random = Random(seed);
        let old_position = self.old_position.take();
        if let (Cut::Position, Some(mut torn)) = (at, old_position) {
            // It was being written: any beginning of it is there.
            let new = fs::read(self.position()).unwrap();
            let until = random.below(new.len() + 1);
            torn.resize(torn.len().max(until), 0);
            torn[..until].copy_from_slice(&new[..until]);
            fs::write(self.position(), torn).unwrap();
            // Nobody had been told of it yet.
            self.marks.forget_archived(0);
            return;
        }
        let content = self.content();
        assert!(content.starts_with(&self.synced));
        let length = self.synced.len() + random.below(content.len() - self.synced.len() + 1);
        let mut left = content[..length].to_vec();
        let loses = random.below(3);
        let first = self.synced.len() / BLOCK;
        for block in first..left.len().div_ceil(BLOCK) {
            if random.below(3) < loses {
                let start = (block * BLOCK).max(self.synced.len());
                let end = ((block + 1) * BLOCK).min(left.len());
                left[start..end].fill(0);
            }
        }
        fs::write(self.csv(), &left).unwrap();
        self.synced = left;
        self.forget(&mut random);
    }

    /// What is archived may have to be told again.
    fn forget(&mut self, random: &mut Random) {
        if random.below(2) == 0 {
            self.marks.forget_archived(0);
        }
    }

    fn go(&mut self, step: &Step) {
        match *step {
            Step::Write { to, texts, kind } => {
                for number in 0..texts {
                    let text = text(kind.wrapping_add(number), self.marks.last_id() + 1);
                    self.marks
                        .write(["bob", "carla", "class"][usize::from(to)], &text);
                }
            }
            Step::Read { reader, what } => {
                self.clock += 1;
                let reader = ["bob", "carla"][usize::from(reader)];
                let pair = Conversation::pair(&login("ana"), &login(reader));
                let group = Conversation::Group(login("class"));
                let last = self.marks.last_id();
                if what != 0 {
                    self.marks.read(reader, group, last, self.clock);
                }
                if what != 1 {
                    self.marks.read(reader, pair, last, self.clock);
                }
            }
            Step::Append => self.append(),
            Step::Record => self.record(),
            Step::Kill => {
                self.writer = None;
                self.old_position = None;
            }
            Step::PowerCut { at, seed } => self.cut_power(at, seed),
            Step::LosePosition => {
                // The file is whole, and found to be so before the next misfortune: two at once may leave a line
                // that is no row.
                self.append();
                self.record();
                self.writer = None;
                fs::remove_file(self.position()).unwrap();
                self.marks.exchange(&["more"]);
                self.append();
                self.record();
                self.old_position = None;
            }
        }
    }

    fn check(&mut self) {
        self.append();
        let ids =
            |rows: Vec<Row>| -> Vec<_> { rows.iter().map(|row| (row.0, row.1.clone())).collect() };
        let (found, expected) = (rows_of(&self.csv()), self.marks.rows());
        assert!(found == expected, "{:?} {:?}", ids(found), ids(expected));
        self.record();
        let length = fs::metadata(self.csv()).unwrap().len();
        self.writer = None;
        self.append();
        assert_eq!(fs::metadata(self.csv()).unwrap().len(), length);
    }
}

/// Numbers that are the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((number ^ (number >> 31)) % limit as u64) as usize
    }
}

/// Texts that look like rows, have lines and quotes, or are long.
fn text(kind: u8, id: u64) -> String {
    match kind % 6 {
        0 => format!("plain {id}"),
        1 => format!("say \"{id}\", you"),
        2 => format!("one\n{},t,t,ana,bob,two\nthree", id + 1),
        3 => "long ".repeat(40 + usize::from(kind)),
        4 => format!("\"\n{id}"),
        _ => String::new(),
    }
}

fn histories() -> u32 {
    let wanted = std::env::var("MENSAGEIRO_ARCHIVE_HISTORIES").ok();
    wanted
        .and_then(|count| count.parse().ok())
        .unwrap_or(HISTORIES)
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2_000, ..ProptestConfig::with_cases(histories()) })]

    #[test]
    fn whatever_a_power_cut_takes_every_row_is_there_once(steps in prop::collection::vec(step(), 1..40)) {
        let mut machine = Machine::new();
        for step in &steps {
            machine.go(step);
        }
        machine.check();
    }
}
