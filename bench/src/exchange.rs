//! Messages delivered per second: pairs of users that write to each other without a pause.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{
    client::{Client, block},
    program::{Kind, Program, figure},
};

const PAIRS: usize = 50;
const WINDOW: usize = 16;
const SIZES: [usize; 2] = [64, 1024];

pub fn measure(kinds: &[Kind], time: Duration) -> anyhow::Result<()> {
    println!("\n### Classic exchange, {PAIRS} pairs, window {WINDOW}\n");
    println!("| server | text | messages/s | of the relay | server CPU a message |");
    println!("|---|---|---|---|---|");
    for bytes in SIZES {
        let mut limit = None;
        for kind in kinds {
            let (rate, cpu) = one(kind, bytes, time)?;
            let limit = *limit.get_or_insert(rate);
            let (name, ratio) = (kind.name(), rate / limit);
            println!(
                "| {name} | {bytes} B | {rate:.0} | {ratio:.2} | {} µs |",
                figure(cpu, 2)
            );
        }
    }
    Ok(())
}

/// Messages per second, and µs of the server's processor time for each.
fn one(kind: &Kind, bytes: usize, time: Duration) -> anyhow::Result<(f64, Option<f64>)> {
    let program = Program::start(kind, 2 * PAIRS)?;
    let (delivered, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let (server, delivered, is_over) = (&program, &delivered, &is_over);
    let mut figures = (0.0, None);
    thread::scope(|scope| {
        let pairs: Vec<_> = (0..PAIRS)
            .map(|pair| {
                scope.spawn(move || talk(server, pair_users(pair), bytes, delivered, is_over))
            })
            .collect();
        thread::sleep(time / 5);
        let before = (
            delivered.load(Ordering::Relaxed),
            program.cpu_seconds(),
            Instant::now(),
        );
        thread::sleep(time);
        let count = (delivered.load(Ordering::Relaxed) - before.0) as f64;
        let seconds = before.2.elapsed().as_secs_f64();
        let cpu = program
            .cpu_seconds()
            .zip(before.1)
            .map(|(after, before)| after - before);
        is_over.store(true, Ordering::Relaxed);
        figures = (count / seconds, cpu.map(|cpu| cpu / count * 1e6));
        pairs
            .into_iter()
            .try_for_each(|pair| pair.join().map_err(|_| anyhow::anyhow!("a client"))?)
    })?;
    Ok(figures)
}

fn pair_users(pair: usize) -> [usize; 2] {
    [2 * pair, 2 * pair + 1]
}

fn talk(
    program: &Program,
    users: [usize; 2],
    bytes: usize,
    delivered: &AtomicU64,
    is_over: &AtomicBool,
) -> anyhow::Result<()> {
    let mut clients = [
        Client::log_in(program.address, users[0])?,
        Client::log_in(program.address, users[1])?,
    ];
    let blocks = [
        block(users[1], bytes, WINDOW),
        block(users[0], bytes, WINDOW),
    ];
    while !is_over.load(Ordering::Relaxed) {
        for (client, block) in clients.iter_mut().zip(&blocks) {
            client.send(block)?;
        }
        for client in &mut clients {
            delivered.fetch_add(client.take_answers(WINDOW)?, Ordering::Relaxed);
        }
    }
    Ok(())
}
