//! Two devices of one user that do everything in every order.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use crate::{
    live::{Live, Stop},
    program::{PATIENCE, Program},
    trial::{Trial, Verdict, users},
    wire::Wire,
};

const TURNS: usize = 1_000;
const STEPS: usize = 12;

/// The first number of the second device.
const SECOND: u64 = 1_000_000_000;

pub fn run(trial: &Trial) -> Result<Verdict> {
    let users = users(2);
    let data = trial.data("sessions", &users)?;
    let server = trial.start(&data, &[])?;
    let mut random = trial.random();
    let mut other = Live::new(&users[1]);
    let mut devices = [Live::new(&users[0]), Live::on_device(&users[0], SECOND)];
    let mut turns = 0;
    while trial.goes_on(turns, TURNS) {
        let mut other_wire = arrive(&mut other, &server)?;
        let mut wires = [
            arrive(&mut devices[0], &server)?,
            arrive(&mut devices[1], &server)?,
        ];
        for _ in 0..STEPS {
            let at = random.within(0..2);
            let (device, wire) = (&mut devices[at], &mut wires[at]);
            let messages = random.within(1..4);
            match random.within(0..6) {
                0 => device.send(wire, messages, || users[1].clone()),
                1 => device.hear_answers(wire),
                2 => device.read(wire),
                3 => device.catch_up(wire),
                4 => other.send(&mut other_wire, messages, || users[0].clone()),
                _ => {
                    // What is on the way is lost with the connection.
                    *wire = arrive(device, &server)?;
                    Ok(())
                }
            }
            .map_err(Stop::unexpected)?;
        }
        other
            .hear_answers(&mut other_wire)
            .map_err(Stop::unexpected)?;
        for (device, wire) in devices.iter_mut().zip(&mut wires) {
            device.hear_answers(wire).map_err(Stop::unexpected)?;
        }
        converge(&mut other, &mut other_wire, &mut devices, &mut wires)?;
        if turns % 20 == 0 {
            check_unread(&mut devices[random.within(0..2)], &server, &users)?;
        }
        turns += 1;
    }
    let sent = devices[0].acknowledged.len() + devices[1].acknowledged.len();
    Ok(Verdict::Held(format!(
        "{turns} interleavings of {STEPS} steps, {sent} messages out, {} in: always the same on both",
        devices[0].received.len()
    )))
}

fn arrive(person: &mut Live, server: &Program) -> Result<Wire> {
    person
        .log_in(server.address, None)
        .map_err(Stop::unexpected)
}

/// Waits until both devices have the same messages: those that the other user has sent and
/// received.
fn converge(
    other: &mut Live,
    other_wire: &mut Wire,
    devices: &mut [Live; 2],
    wires: &mut [Wire; 2],
) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        other.catch_up(other_wire).map_err(Stop::unexpected)?;
        for (device, wire) in devices.iter_mut().zip(wires.iter_mut()) {
            device.catch_up(wire).map_err(Stop::unexpected)?;
        }
        let [first, second] = [&devices[0], &devices[1]].map(everything);
        let own: BTreeSet<u64> = other.acknowledged.values().map(|(id, _)| *id).collect();
        let heard = other.received.iter().map(|message| message.id);
        let all: BTreeSet<u64> = own.into_iter().chain(heard).collect();
        if first == second && first == all {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "the devices have {} and {} messages, the other side {}; they differ in {:?}",
            first.len(),
            second.len(),
            all.len(),
            first
                .symmetric_difference(&second)
                .take(5)
                .collect::<Vec<_>>()
        );
        thread::sleep(Duration::from_millis(1));
    }
}

fn everything(device: &Live) -> BTreeSet<u64> {
    let own = device.acknowledged.values().map(|(id, _)| *id);
    let heard = device.received.iter().map(|message| message.id);
    own.chain(heard)
        .chain(device.copies.iter().copied())
        .collect()
}

/// After one device has read something, no other device gets it as unread any more.
fn check_unread(device: &mut Live, server: &Program, users: &[String]) -> Result<()> {
    let mut wire = arrive(device, server)?;
    device.read(&mut wire).map_err(Stop::unexpected)?;
    device.catch_up(&mut wire).map_err(Stop::unexpected)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut fresh = Live::on_device(&users[0], 2 * SECOND);
        arrive(&mut fresh, server)?;
        if fresh.received.is_empty() {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "{} are still unread",
            fresh.received.len()
        );
        thread::sleep(Duration::from_millis(5));
    }
}
