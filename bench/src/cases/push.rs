//! Messages delivered per second between live users.

use std::io::Write;

use super::{
    Entry, Plan, fill,
    pairs::{self, COLUMNS, PAIRS, Turn, WINDOW},
    size,
};
use crate::{
    client::{Client, TaggedBlock, Tags},
    results::Table,
    servers::Program,
    stream::Layer,
};

/// Bytes of a text.
pub const SIZES: [usize; 2] = [64, 1024];

/// How pairs write to each other.
#[derive(Clone, Copy)]
pub struct Talk {
    /// The kind of tags of all messages.
    pub tags: Tags,
    /// Bytes of a text.
    pub bytes: usize,
    /// Whether receivers send `read`, once for each window.
    pub reads: bool,
    /// Whether both users of a pair send.
    pub both_ways: bool,
    /// What their connections are inside.
    pub layer: Layer,
}

impl Talk {
    /// Texts of this size, one way, with numbered tags and without `read`.
    pub fn of(bytes: usize) -> Self {
        Self {
            tags: Tags::Numbered,
            bytes,
            reads: false,
            both_ways: false,
            layer: Layer::Plain,
        }
    }
}

/// One user of each pair sends, the other receives.
pub fn one_way(plan: &Plan) -> anyhow::Result<Table> {
    let title = format!("Live push, {PAIRS} pairs, one way, window {WINDOW}");
    measure(plan, "push", title, false)
}

/// Both users of each pair send and receive.
pub fn both_ways(plan: &Plan) -> anyhow::Result<Table> {
    let title = format!("Live push, {PAIRS} pairs, both ways, window {WINDOW}");
    measure(plan, "both-ways", title, true)
}

fn measure(plan: &Plan, case: &str, title: String, both_ways: bool) -> anyhow::Result<Table> {
    let plain = |bytes| Talk {
        both_ways,
        ..Talk::of(bytes)
    };
    let mut entries = Vec::new();
    for bytes in SIZES {
        for kind in plan.kinds() {
            let mut entry = |says, talk| {
                entries.push(Entry::new(kind.clone(), &[&size(bytes), says], talk));
            };
            entry("-", plain(bytes));
            if kind.is_server() {
                let reads = true;
                entry(
                    "say `read`",
                    Talk {
                        reads,
                        ..plain(bytes)
                    },
                );
            }
        }
        let tags = Tags::Other;
        let kind = plan.server_that_syncs();
        let words = [&*size(bytes), "use other tags"];
        entries.push(Entry::new(
            kind,
            &words,
            Talk {
                tags,
                ..plain(bytes)
            },
        ));
    }
    let table = Table::new(case, title, &["server", "text", "clients"], &COLUMNS);
    fill(table, plan, &entries, |entry| {
        pairs::measure(&entry.kind, plan.time, |program, users| {
            talk(program, users, entry.setting)
        })
    })
}

/// A pair that logs in and is ready for its first window.
pub fn talk(program: &Program, users: [usize; 2], talk: Talk) -> anyhow::Result<Turn> {
    let mut clients = [
        Client::log_in_live_over(program.address, talk.layer, users[0])?,
        Client::log_in_live_over(program.address, talk.layer, users[1])?,
    ];
    let mut blocks = [
        TaggedBlock::new(talk.tags, users[1], talk.bytes, WINDOW),
        TaggedBlock::new(talk.tags, users[0], talk.bytes, WINDOW),
    ];
    let window = WINDOW as u64;
    let (mut marks, mut output) = ([Vec::new(), Vec::new()], Vec::new());
    Ok(Box::new(move || {
        let sends = |side| side == 0 || talk.both_ways;
        let receives = |side| side == 1 || talk.both_ways;
        for side in [0, 1] {
            if sends(side) {
                output.clear();
                // A user who also sends puts its `read` lines into the same write.
                output.append(&mut marks[side]);
                output.extend_from_slice(blocks[side].bytes());
                blocks[side].advance();
                clients[side].send(&output)?;
            }
        }
        let mut messages = 0;
        for side in [1, 0] {
            let expected = |is_expected| if is_expected { window } else { 0 };
            let taken = clients[side].take(expected(receives(side)), expected(sends(side)))?;
            messages += taken.messages;
            if talk.reads && receives(side) {
                say_read(&mut marks[side], users[1 - side], taken.last)?;
                if !sends(side) {
                    clients[side].send(&marks[side])?;
                    marks[side].clear();
                }
            }
        }
        Ok(messages)
    }))
}

/// The line with which a client says what it has shown.
pub fn say_read(output: &mut Vec<u8>, with: usize, up_to: u64) -> std::io::Result<()> {
    writeln!(output, "read {{\"with\":\"u{with}\",\"up_to\":{up_to}}}")
}
