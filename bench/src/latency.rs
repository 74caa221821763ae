//! How long a person waits for the `f`, at a rate a busy office has.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    client::{Client, block},
    program::{Kind, Program},
};

const USERS: usize = 50;
const RATES: [f64; 2] = [1_000.0, 10_000.0];

pub fn measure(kinds: &[Kind], time: Duration) -> anyhow::Result<()> {
    println!("\n### From a line to its `f`, {USERS} users, 64 B\n");
    println!("| server | offered | p50 | p99 | p99.9 |");
    println!("|---|---|---|---|---|");
    for rate in RATES {
        for kind in kinds {
            let mut waits = one(kind, rate, time)?;
            waits.sort_unstable();
            let at =
                |part: f64| waits[((waits.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
            println!(
                "| {} | {rate:.0}/s | {:.2} ms | {:.2} ms | {:.2} ms |",
                kind.name(),
                at(0.5),
                at(0.99),
                at(0.999),
            );
        }
    }
    Ok(())
}

/// Each wait counts from the moment the line was due, so a stall is not hidden by a client that
/// waits for it.
fn one(kind: &Kind, rate: f64, time: Duration) -> anyhow::Result<Vec<Duration>> {
    let program = Program::start(kind, USERS)?;
    let pause = Duration::from_secs_f64(USERS as f64 / rate);
    let server = &program;
    thread::scope(|scope| {
        let users: Vec<_> = (0..USERS)
            .map(|user| {
                let first = pause.mul_f64(user as f64 / USERS as f64);
                scope.spawn(move || write(server, user, first, pause, time))
            })
            .collect();
        let mut waits = Vec::new();
        for user in users {
            waits.extend(
                user.join()
                    .map_err(|_| anyhow::anyhow!("a client failed"))??,
            );
        }
        Ok(waits)
    })
}

fn write(
    program: &Program,
    user: usize,
    first: Duration,
    pause: Duration,
    time: Duration,
) -> anyhow::Result<Vec<Duration>> {
    let mut client = Client::log_in(program.address, user)?;
    let line = block((user + 1) % USERS, 64, 1);
    let mut due = Instant::now() + Duration::from_millis(200) + first;
    let end = due + time;
    let mut waits = Vec::new();
    while due < end {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        client.send(&line)?;
        client.take_answers(1)?;
        waits.push(due.elapsed());
        due += pause;
    }
    Ok(waits)
}
