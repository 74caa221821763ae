//! Many messages to a user who is not there, and the moment that user comes back.

use std::time::Instant;

use crate::{
    client::{Client, TaggedBlock, block},
    program::{Kind, Program},
};

const MESSAGES: usize = 50_000;
const WINDOW: usize = 250;

pub fn measure(kinds: &[Kind]) -> anyhow::Result<()> {
    println!("\n### {MESSAGES} messages of 64 B to an absent user\n");
    println!("| server | sender | stored | drained by classic | drained by live |");
    println!("|---|---|---|---|---|");
    for kind in kinds {
        for (style, store) in [("classic", store_classic as Store), ("live", store_live)] {
            // To those who are not there the relay knows only classic.
            if matches!(kind, Kind::Relay { .. }) && style == "live" {
                continue;
            }
            let program = Program::start(kind, 2)?;
            let begin = Instant::now();
            store(&program)?;
            let stored = MESSAGES as f64 / begin.elapsed().as_secs_f64();
            // A reader who breaks off has read nothing, so the next one gets it all again.
            let live = match kind {
                Kind::Relay { .. } => "-".into(),
                Kind::Server { .. } => {
                    let begin = Instant::now();
                    let mut reader = Client::connect_live(program.address, 1)?;
                    let rate = drained(&mut reader, begin)?;
                    format!("{rate:.0}/s")
                }
            };
            let begin = Instant::now();
            let mut reader = Client::connect(program.address, 1)?;
            let classic = drained(&mut reader, begin)?;
            println!(
                "| {} | {style} | {stored:.0}/s | {classic:.0}/s | {live} |",
                kind.name()
            );
        }
    }
    Ok(())
}

type Store = fn(&Program) -> anyhow::Result<()>;

fn drained(reader: &mut Client, begin: Instant) -> anyhow::Result<f64> {
    let got = reader.take_answers(1)?;
    anyhow::ensure!(got == MESSAGES as u64, "{got} of {MESSAGES} messages came");
    Ok(got as f64 / begin.elapsed().as_secs_f64())
}

/// Two blocks are on the way at any time.
fn store_classic(program: &Program) -> anyhow::Result<()> {
    let mut sender = Client::log_in(program.address, 0)?;
    let block = block(1, 64, WINDOW);
    sender.send(&block)?;
    for _ in 1..MESSAGES / WINDOW {
        sender.send(&block)?;
        sender.take_answers(WINDOW)?;
    }
    sender.take_answers(WINDOW)?;
    Ok(())
}

/// Likewise, each message with a tag and an `ok`.
fn store_live(program: &Program) -> anyhow::Result<()> {
    let mut sender = Client::log_in_live(program.address, 0)?;
    let mut block = TaggedBlock::new(1, 64, WINDOW);
    sender.send(block.bytes())?;
    for _ in 1..MESSAGES / WINDOW {
        block.advance();
        sender.send(block.bytes())?;
        sender.take(0, WINDOW as u64)?;
    }
    sender.take(0, WINDOW as u64)?;
    Ok(())
}
