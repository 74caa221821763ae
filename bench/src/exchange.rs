//! Messages delivered per second between classic users.

use std::time::Duration;

use crate::{
    client::{Client, block},
    pairs::{self, Meter, PAIRS, WINDOW},
    program::{Kind, Program, figure},
};

const SIZES: [usize; 2] = [64, 1024];

pub fn measure(kinds: &[Kind], time: Duration) -> anyhow::Result<()> {
    println!("\n### Classic exchange, {PAIRS} pairs, window {WINDOW}\n");
    println!("| server | text | messages/s | of the relay | server CPU a message |");
    println!("|---|---|---|---|---|");
    for bytes in SIZES {
        let mut limit = None;
        for kind in kinds {
            let (rate, cpu) = pairs::measure(kind, time, |program, users, meter| {
                talk(program, users, bytes, meter)
            })?;
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

fn talk(program: &Program, users: [usize; 2], bytes: usize, meter: &Meter) -> anyhow::Result<()> {
    let mut clients = [
        Client::log_in(program.address, users[0])?,
        Client::log_in(program.address, users[1])?,
    ];
    let blocks = [
        block(users[1], bytes, WINDOW),
        block(users[0], bytes, WINDOW),
    ];
    while !meter.is_over() {
        for (client, block) in clients.iter().zip(&blocks) {
            client.send(block)?;
        }
        for client in &mut clients {
            meter.add(client.take_answers(WINDOW)?);
        }
    }
    Ok(())
}
