//! Messages delivered per second between live users.

use std::{io::Write, time::Duration};

use crate::{
    client::{Client, TaggedBlock},
    pairs::{self, Meter, PAIRS, WINDOW},
    program::{Kind, Program, figure},
};

const SIZES: [usize; 2] = [64, 1024];

pub fn measure(kinds: &[Kind], time: Duration) -> anyhow::Result<()> {
    println!("\n### Live push, {PAIRS} pairs, window {WINDOW}\n");
    println!("| server | text | clients say | messages/s | of the relay | server CPU a message |");
    println!("|---|---|---|---|---|---|");
    for bytes in SIZES {
        let mut limit = None;
        for kind in kinds {
            for says_read in [false, true] {
                if says_read && matches!(kind, Kind::Relay { .. }) {
                    continue;
                }
                let (rate, cpu) = pairs::measure(kind, time, |program, users, meter| {
                    let acknowledges = kind.acknowledges();
                    talk(program, users, bytes, acknowledges, says_read, meter)
                })?;
                let limit = *limit.get_or_insert(rate);
                println!(
                    "| {} | {bytes} B | {} | {rate:.0} | {:.2} | {} µs |",
                    kind.name(),
                    if says_read { "`read`, `got`" } else { "-" },
                    rate / limit,
                    figure(cpu, 2)
                );
            }
        }
    }
    Ok(())
}

fn talk(
    program: &Program,
    users: [usize; 2],
    bytes: usize,
    acknowledges: bool,
    says_read: bool,
    meter: &Meter,
) -> anyhow::Result<()> {
    let mut clients = [
        Client::log_in_live(program.address, users[0])?,
        Client::log_in_live(program.address, users[1])?,
    ];
    let mut blocks = [
        TaggedBlock::new(users[1], bytes, WINDOW),
        TaggedBlock::new(users[0], bytes, WINDOW),
    ];
    let window = WINDOW as u64;
    let oks = if acknowledges { window } else { 0 };
    let mut read_up_to = [0; 2];
    let mut output = Vec::new();
    while !meter.is_over() {
        for side in [0, 1] {
            output.clear();
            // A client says what it has read with what it sends next, in one write.
            if says_read && read_up_to[side] > 0 {
                say_read(&mut output, users[1 - side], read_up_to[side])?;
            }
            output.extend_from_slice(blocks[side].bytes());
            blocks[side].advance();
            clients[side].send(&output)?;
        }
        for side in [0, 1] {
            let taken = clients[side].take(window, oks)?;
            meter.add(taken.messages);
            read_up_to[side] = taken.last;
        }
    }
    Ok(())
}

/// What a client says of a batch of messages that it has kept and shown.
pub fn say_read(output: &mut Vec<u8>, with: usize, up_to: u64) -> std::io::Result<()> {
    write!(
        output,
        "got {{\"up_to\":{up_to}}}\nread {{\"with\":\"u{with}\",\"up_to\":{up_to}}}\n"
    )
}
