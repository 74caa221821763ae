//! How fast the index alone is: `cargo bench -p mensageiro-server --bench index`. Prints a table for docs/PERFORMANCE.md.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use crossbeam_channel::bounded;
use jiff::Timestamp;
use mensageiro_protocol::{Login, Text};
use mensageiro_server::{
    alarm::Alarm,
    index::{Changes, CursorEntry, Index, Loaded, Messages, RunEntry, Series},
    log::{FileLog, Identity, Log, Loss, Part, Position, Settings},
    model::{
        codec,
        conversation::Conversation,
        cursor::Cursor,
        event::{Batch, Event, LastNumbers, Run, Sent, Target},
        message::MessageId,
        waiting::{Share, Waiting},
    },
    options::Durability,
};

const LOG: Identity = Identity { id: 1, epoch: 1 };

fn main() -> anyhow::Result<()> {
    println!("| measure | figure |\n|---|---|");
    for (conversations, together, messages) in [
        (50, 16, 32_000_000),
        (50, 1, 4_000_000),
        (10_000, 16, 16_000_000),
        (10_000, 1, 2_000_000),
    ] {
        let folder = tempfile::tempdir()?;
        let start = Instant::now();
        write(folder.path(), conversations, together, messages)?;
        let rate = messages as f64 / start.elapsed().as_secs_f64();
        let bytes = std::fs::metadata(folder.path().join("index.sqlite"))?.len();
        println!(
            "| written, {conversations} conversations, runs of {together} | {:.2} million messages/s, {:.1} bytes on disk each |",
            rate / 1e6,
            bytes as f64 / messages as f64
        );
    }
    read()?;
    for messages in [1_000_000, 20_000_000] {
        load(messages)?;
    }
    Ok(())
}

fn open(folder: &Path, log: Identity, end: Position) -> anyhow::Result<(Index, Loaded)> {
    let (ring, _) = bounded(1);
    Ok(Index::open(folder, log, end, Alarm::new(ring))?)
}

fn login(n: usize) -> anyhow::Result<Login> {
    Ok(Login::parse(&format!("student{n}"))?)
}

fn conversation(n: usize) -> anyhow::Result<Conversation> {
    Ok(Conversation::pair(&login(2 * n)?, &login(2 * n + 1)?))
}

/// Adds and writes entries as a server does, without a log.
fn write(folder: &Path, conversations: usize, together: u32, messages: u64) -> anyhow::Result<()> {
    let (index, _) = open(folder, LOG, Position::START)?;
    let all: Vec<_> = (0..conversations)
        .map(conversation)
        .collect::<Result<_, _>>()?;
    let mut changes = Changes::default();
    let (mut next, mut offset) = (1, 0);
    for turn in 0..messages / u64::from(together) {
        // Some thirty runs to a record.
        let record = Position(turn / 32 * 100_000);
        offset = if turn % 32 == 0 { 0 } else { offset };
        let length = 40 + 90 * together;
        let entry = RunEntry {
            first: MessageId(next),
            count: together,
            record,
            part: Part { offset, length },
            text: 0,
            roster: 0,
        };
        index.add_run(
            &all[(turn * 7 % conversations as u64) as usize],
            Series::Said,
            entry,
        );
        next += u64::from(together);
        offset += length + 9;
        changes.header.position = record;
        if turn % 32 == 0 && index.wants_flush() {
            index.flush(changes.clone())?;
        }
    }
    index.flush(changes)?;
    index.close();
    Ok(())
}

/// The newest 50 of a million, each of which was sent alone, and all of them.
fn read() -> anyhow::Result<()> {
    const MESSAGES: u64 = 1_000_000;
    let folder = tempfile::tempdir()?;
    let settings = Settings::new(Durability::Relaxed, Loss::Refused);
    let log = FileLog::open(folder.path(), &settings, &mut |_| {
        std::ops::ControlFlow::Continue(())
    })?;
    let (index, _) = open(folder.path(), log.identity(), log.end())?;
    let (of, me, you) = (conversation(0)?, login(0)?, login(1)?);
    let mut changes = Changes::default();
    for record in 0..MESSAGES / 32 {
        let run = |n: u64| {
            let (from, to) = if n.is_multiple_of(2) {
                (&me, &you)
            } else {
                (&you, &me)
            };
            Event::Messages(Run {
                from: from.clone(),
                to: Target::User(to.clone()),
                device: None,
                at: Timestamp::UNIX_EPOCH,
                texts: vec![Sent {
                    tag: None,
                    about: None,
                    file: None,
                    text: Text::from(&*format!("{n:064}")),
                }],
                part: Part {
                    offset: 0,
                    length: 0,
                },
            })
        };
        let mut batch = Batch {
            at: Timestamp::UNIX_EPOCH,
            last: LastNumbers::default(),
            events: (record * 32..(record + 1) * 32).map(run).collect(),
        };
        let mut payload = Vec::new();
        codec::write_batch(&mut batch, &mut payload);
        let appended = log.append(&payload)?;
        for (n, event) in batch.events.iter().enumerate() {
            if let Event::Messages(run) = event {
                let entry = RunEntry {
                    first: MessageId(record * 32 + n as u64 + 1),
                    count: 1,
                    record: appended.position,
                    part: run.part,
                    text: 0,
                    roster: 0,
                };
                index.add_run(&of, Series::Said, entry);
            }
        }
        changes.header.position = appended.next;
        if index.wants_flush() {
            index.flush(changes.clone())?;
        }
    }
    index.flush(changes)?;
    index.wait_until_written()?;
    let messages = Messages::new(Arc::new(index), Arc::new(log));
    let mut waits = Vec::new();
    for turn in 0..2_000_u64 {
        let before = (turn % 2 == 1).then(|| MessageId(51 + turn * 619_033 % (MESSAGES - 50)));
        let start = Instant::now();
        let found = messages.history(&of, before, 50, MessageId::MAX)?;
        waits.push((start.elapsed(), turn % 2));
        anyhow::ensure!(found.len() == 50, "{} of 50", found.len());
    }
    for (what, turn) in [("newest", 0), ("any", 1)] {
        let mut some: Vec<Duration> = waits
            .iter()
            .filter(|(_, t)| *t == turn)
            .map(|(w, _)| *w)
            .collect();
        some.sort_unstable();
        let micros = |at: usize| some[at].as_secs_f64() * 1e6;
        let (half, most) = (micros(some.len() / 2), micros(some.len() * 99 / 100));
        println!("| {what} 50 of {MESSAGES} | p50 {half:.0} µs, p99 {most:.0} µs |");
    }
    let (start, mut count) = (Instant::now(), 0_u64);
    messages.timeline(&[of], MessageId(0), MessageId::MAX, &mut |_| {
        count += 1;
        true
    })?;
    let rate = count as f64 / start.elapsed().as_secs_f64();
    println!(
        "| all of {count} in order | {:.2} million messages/s |",
        rate / 1e6
    );
    Ok(())
}

/// A start with 10,000 users, 100,000 cursors and 50,000 conversations.
fn load(messages: u64) -> anyhow::Result<()> {
    const CONVERSATIONS: usize = 50_000;
    let folder = tempfile::tempdir()?;
    write(folder.path(), CONVERSATIONS, 1, messages)?;
    let end = Position(u64::MAX);
    let (index, _) = open(folder.path(), LOG, end)?;
    let mut changes = Changes::default();
    for n in 0..CONVERSATIONS {
        let (conversation, cursor) = (conversation(n)?, Cursor::default());
        for user in [login(2 * n)?, login(2 * n + 1)?] {
            changes.cursors.push(CursorEntry {
                waiting: Waiting::Share(Share::default()),
                conversation: conversation.clone(),
                user,
                cursor: Cursor {
                    read: MessageId(messages),
                    ..cursor
                },
            });
        }
    }
    for n in 0..10_000 {
        changes.seen.push((login(n)?, Timestamp::UNIX_EPOCH));
    }
    index.flush(changes)?;
    drop(index);
    let mut waits = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        let (_, loaded) = open(folder.path(), LOG, end)?;
        waits.push(start.elapsed());
        anyhow::ensure!(loaded.cursors.len() == 2 * CONVERSATIONS && loaded.discarded.is_none());
    }
    waits.sort_unstable();
    let bytes = std::fs::metadata(folder.path().join("index.sqlite"))?.len();
    println!(
        "| loaded with {messages} messages, 50,000 conversations, 100,000 cursors, {} MiB | {:.0} ms |",
        bytes >> 20,
        waits[2].as_secs_f64() * 1e3
    );
    Ok(())
}
