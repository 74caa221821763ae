//! Many messages to a user who is not there, and the moment that user comes back.

use std::time::Instant;

use crate::{
    client::{Client, block},
    program::{Kind, Program},
};

const MESSAGES: usize = 50_000;
const WINDOW: usize = 250;

pub fn measure(kinds: &[Kind]) -> anyhow::Result<()> {
    println!("\n### {MESSAGES} messages of 64 B to an absent user\n");
    println!("| server | stored | drained |");
    println!("|---|---|---|");
    for kind in kinds {
        let program = Program::start(kind, 2)?;
        let mut sender = Client::log_in(program.address, 0)?;
        let block = block(1, 64, WINDOW);
        let begin = Instant::now();
        // Two blocks are on the way at any time.
        sender.send(&block)?;
        for _ in 1..MESSAGES / WINDOW {
            sender.send(&block)?;
            sender.take_answers(WINDOW)?;
        }
        sender.take_answers(WINDOW)?;
        let stored = MESSAGES as f64 / begin.elapsed().as_secs_f64();
        let begin = Instant::now();
        let mut reader = Client::connect(program.address, 1)?;
        let got = reader.take_answers(1)?;
        let drained = got as f64 / begin.elapsed().as_secs_f64();
        anyhow::ensure!(got == MESSAGES as u64, "{got} of {MESSAGES} messages came");
        println!("| {} | {stored:.0}/s | {drained:.0}/s |", kind.name());
    }
    Ok(())
}
