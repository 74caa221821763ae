//! The newest messages of a conversation that has a million, and a start with all of them.

use std::time::{Duration, Instant};

use crate::{
    client::{Client, TaggedBlock},
    program::{Kind, Program, figure},
    push::say_read,
};

const MESSAGES: usize = 1_000_000;
const WINDOW: usize = 1_000;
const ASKED: usize = 1_000;

pub fn measure(kinds: &[Kind]) -> anyhow::Result<()> {
    println!("\n### 50 of {MESSAGES} messages of a conversation, 64 B\n");
    println!(
        "| server | the newest: p50 | p99 | anywhere: p50 | p99 | start, empty | start, full | memory after it |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for kind in kinds {
        if matches!(kind, Kind::Relay { .. }) {
            continue;
        }
        let program = Program::start(kind, 2)?;
        let empty = program.start_up;
        let newest = fill(&program)?;
        let program = program.restart(kind)?;
        let mut client = Client::log_in_live(program.address, 0)?;
        let newest_waits = ask(&mut client, |_| String::new())?;
        // Steps of a prime, so that no two pages are neighbours.
        let step = newest * 619 / 1_000 + 1;
        let waits = ask(&mut client, |turn| {
            let before = 51 + turn as u64 * step % (newest - 50);
            format!(",\"before\":{before}")
        })?;
        let milliseconds = |wait: Duration| wait.as_secs_f64() * 1e3;
        let at = |waits: &[Duration], part: f64| {
            milliseconds(waits[((waits.len() - 1) as f64 * part) as usize])
        };
        println!(
            "| {} | {:.2} ms | {:.2} ms | {:.2} ms | {:.2} ms | {:.0} ms | {:.0} ms | {} MiB |",
            kind.name(),
            at(&newest_waits, 0.5),
            at(&newest_waits, 0.99),
            at(&waits, 0.5),
            at(&waits, 0.99),
            milliseconds(empty),
            milliseconds(program.start_up),
            figure(program.memory_kib().map(|kib| kib / 1024.0), 0),
        );
    }
    Ok(())
}

/// Has one user write a million messages, and the other read them; returns the newest id.
fn fill(program: &Program) -> anyhow::Result<u64> {
    let mut sender = Client::log_in_live(program.address, 0)?;
    let mut reader = Client::log_in_live(program.address, 1)?;
    let mut block = TaggedBlock::new(1, 64, WINDOW);
    let mut last = 0;
    let mut said = Vec::new();
    for _ in 0..MESSAGES / WINDOW {
        sender.send(block.bytes())?;
        block.advance();
        last = reader.take(WINDOW as u64, 0)?.last;
        said.clear();
        say_read(&mut said, 0, last)?;
        reader.send(&said)?;
        sender.take(0, WINDOW as u64)?;
    }
    // Once it answers, what was said before has been heard.
    reader.send(b"ping {}\n")?;
    reader.take_lines(|line| Ok(line.starts_with(b"pong")))?;
    Ok(last)
}

/// The waits for so many pages, sorted.
fn ask(client: &mut Client, before: impl Fn(usize) -> String) -> anyhow::Result<Vec<Duration>> {
    let mut waits = Vec::with_capacity(ASKED);
    for turn in 0..ASKED {
        let line = format!("history {{\"with\":\"u1\",\"limit\":50{}}}\n", before(turn));
        let begin = Instant::now();
        client.send(line.as_bytes())?;
        let mut messages = 0;
        client.take_lines(|line| {
            messages += usize::from(line.starts_with(b"#"));
            Ok(line.starts_with(b"history"))
        })?;
        waits.push(begin.elapsed());
        anyhow::ensure!(messages == 50, "{messages} of 50 messages came");
    }
    waits.sort_unstable();
    Ok(waits)
}
