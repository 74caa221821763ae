//! Users who are logged in and say nothing.

use std::{
    io, net, thread,
    time::{Duration, Instant},
};

use crate::{
    client::Client,
    program::{Kind, Program, figure},
};

const COUNTS: [usize; 3] = [1_000, 5_000, 10_000];

type Connect = fn(net::SocketAddr, usize) -> io::Result<Client>;

pub fn measure(kinds: &[Kind]) -> anyhow::Result<()> {
    println!("\n### Idle users\n");
    println!("| server | users | logged in after | memory a user | CPU in 5 s |");
    println!("|---|---|---|---|---|");
    let styles: [(&str, Connect); 2] =
        [("live", Client::connect_live), ("classic", Client::connect)];
    for (style, connect) in styles {
        for count in COUNTS {
            for kind in kinds {
                one(kind, style, connect, count)?;
            }
        }
    }
    Ok(())
}

fn one(kind: &Kind, style: &str, connect: Connect, count: usize) -> anyhow::Result<()> {
    let program = Program::start(kind, count)?;
    let empty = program.memory_kib();
    let begin = Instant::now();
    let mut clients = Vec::with_capacity(count);
    for user in 0..count {
        clients.push(connect(program.address, user)?);
    }
    for client in &mut clients {
        client.take_answers(1)?;
    }
    let seconds = begin.elapsed().as_secs_f64();
    let memory = program
        .memory_kib()
        .zip(empty)
        .map(|(full, empty)| (full - empty) / count as f64);
    let before = program.cpu_seconds();
    thread::sleep(Duration::from_secs(5));
    let cpu = program
        .cpu_seconds()
        .zip(before)
        .map(|(after, before)| after - before);
    println!(
        "| {} | {count} {style} | {seconds:.2} s | {} KiB | {} s |",
        kind.name(),
        figure(memory, 1),
        figure(cpu, 2),
    );
    Ok(())
}
