//! The newest messages of a conversation with a million messages, and a start with all of them.

use std::time::{Duration, Instant};

use super::{Entry, Plan, fill, push::say_read, quantile};
use crate::{
    client::{Client, TaggedBlock, Tags},
    results::{Table, grouped},
    servers::Program,
};

const WINDOW: usize = 1_000;
const PAGE: usize = 50;

/// One user writes this many messages to another, who reads them. The server is killed and started
/// again. Then pages are requested.
pub fn measure(plan: &Plan) -> anyhow::Result<Table> {
    let mut counts = vec![plan.count(1_000_000, 5_000)];
    if plan.is_long {
        counts.push(plan.count(20_000_000, 20_000));
    }
    let columns = [
        ("newest 50: p50", " ms", 2),
        ("newest 50: p99", " ms", 2),
        ("any 50: p50", " ms", 2),
        ("any 50: p99", " ms", 2),
        ("start, empty", " ms", 0),
        ("start, full", " ms", 0),
        ("memory after it", " MiB", 0),
    ];
    let title = "Pages of 50 messages, and a start after a kill".to_owned();
    let table = Table::new("history", title, &["server", "messages"], &columns);
    let mut entries = Vec::new();
    for count in counts {
        for kind in plan.servers() {
            entries.push(Entry::new(kind, &[&grouped(count as f64, 0)], count));
        }
    }
    fill(table, plan, &entries, |entry| {
        let program = Program::start(&entry.kind, 2)?;
        let empty = program.start_up;
        let newest = write(&program, entry.setting)?;
        let program = program.restart(&entry.kind)?;
        let mut client = Client::log_in_live(program.address, 0)?;
        let pages = plan.count(1_000, 50);
        let mut newest_waits = ask(&mut client, pages, |_| String::new())?;
        // Steps of a prime, so that no two pages are neighbours.
        let step = newest * 619 / 1_000 + 1;
        let mut waits = ask(&mut client, pages, |turn| {
            let before = PAGE as u64 + 1 + turn as u64 * step % (newest - PAGE as u64);
            format!(",\"before\":{before}")
        })?;
        let milliseconds = |wait: Duration| Some(wait.as_secs_f64() * 1e3);
        Ok(vec![
            quantile(&mut newest_waits, 0.5),
            quantile(&mut newest_waits, 0.99),
            quantile(&mut waits, 0.5),
            quantile(&mut waits, 0.99),
            milliseconds(empty),
            milliseconds(program.start_up),
            program.memory_kib().map(|kib| kib / 1024.0),
        ])
    })
}

/// Lets one user write this many messages, and the other read them. Returns the newest id.
fn write(program: &Program, messages: usize) -> anyhow::Result<u64> {
    let mut sender = Client::log_in_live(program.address, 0)?;
    let mut reader = Client::log_in_live(program.address, 1)?;
    let mut block = TaggedBlock::new(Tags::Numbered, 1, 64, WINDOW);
    let mut last = 0;
    let mut mark = Vec::new();
    for _ in 0..messages / WINDOW {
        sender.send(block.bytes())?;
        block.advance();
        last = reader.take(WINDOW as u64, 0)?.last;
        mark.clear();
        say_read(&mut mark, 0, last)?;
        reader.send(&mark)?;
        sender.take(0, WINDOW as u64)?;
    }
    // Once it answers, it has received everything before.
    reader.send(b"ping {}\n")?;
    reader.take_lines(|line| Ok(line.starts_with(b"pong")))?;
    Ok(last)
}

/// The times for this many pages.
fn ask(
    client: &mut Client,
    pages: usize,
    before: impl Fn(usize) -> String,
) -> anyhow::Result<Vec<Duration>> {
    let mut waits = Vec::with_capacity(pages);
    for turn in 0..pages {
        let line = format!(
            "history {{\"with\":\"u1\",\"limit\":{PAGE}{}}}\n",
            before(turn)
        );
        let begin = Instant::now();
        client.send(line.as_bytes())?;
        let mut messages = 0;
        client.take_lines(|line| {
            messages += usize::from(line.starts_with(b"#"));
            Ok(line.starts_with(b"history"))
        })?;
        waits.push(begin.elapsed());
        anyhow::ensure!(messages == PAGE, "{messages} of {PAGE} messages came");
    }
    Ok(waits)
}
