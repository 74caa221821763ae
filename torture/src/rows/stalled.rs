//! Receivers that read nothing while others write to them.

use std::{
    net::Shutdown,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, ensure};

use crate::{
    live::{Live, Stop},
    program::Program,
    trial::{Trial, Verdict, users},
};

const STALLED: usize = 50;

/// Length of a text. Long texts fill the kernels' buffers soon.
const BYTES: usize = 8 * 1024;

/// Texts for each receiver: more than the system's buffers and the server's queue hold.
const TEXTS: usize = 1_000;

/// The server's --dead-link-after in seconds.
const PATIENT: u64 = 3;

/// How late the server may be.
const SLACK: Duration = Duration::from_secs(20);

/// Memory in MiB for each receiver's queue and session, besides the unread messages.
const QUEUE: f64 = 1.5;

/// What the store keeps in memory before it writes its tables, and caches, in MiB.
const STORE: f64 = 192.0;

pub fn run(trial: &Trial) -> Result<Verdict> {
    let count = if trial.left() > Duration::from_secs(20) {
        STALLED
    } else {
        5
    };
    let users = users(2 * count + 4);
    let (talkers, receivers) = users.split_at(4);
    let (takers, stallers) = receivers.split_at(count);
    let data = trial.data("stalled", &users)?;
    let patient = PATIENT.to_string();
    let mut server = trial.start(&data, &["--dead-link-after", &patient])?;
    let (before, _) = server.memory_mib()?;
    let calm = p99(&server, &talkers[2..], 0, Duration::from_secs(1))?;
    // The disk has as much to do when nobody stalls.
    let mut sender = padded(&talkers[0]);
    let usual = taking(&server, takers, || {
        beside_a_flood(&server, &mut sender, takers, (&talkers[2..], 1_000_000))
    })?;
    let taken = sender.acknowledged.len();
    let mut people: Vec<_> = stallers.iter().map(|login| Live::new(login)).collect();
    let mut wires = Vec::new();
    for person in &mut people {
        wires.push(
            person
                .log_in(server.address, None)
                .map_err(Stop::unexpected)?,
        );
    }
    let mut sender = padded(&talkers[1]);
    let talkers = (&talkers[2..], 2_000_000);
    let busy = beside_a_flood(&server, &mut sender, stallers, talkers)?;
    let begin = Instant::now();
    while server.status(&trial.server)?["sessions"] != 0 {
        let is_late = begin.elapsed() > Duration::from_secs(PATIENT) + SLACK;
        ensure!(!is_late, "a receiver that takes nothing is not hung up on");
        thread::sleep(Duration::from_millis(50));
    }
    let (_, most) = server.memory_mib()?;
    let sent = sender.acknowledged.len();
    let unread = ((taken + sent) * BYTES) as f64 / 1024.0 / 1024.0;
    let bound = before + unread * 1.5 + count as f64 * QUEUE + STORE;
    ensure!(
        most < bound,
        "{before:.0} MiB became {most:.0} MiB, of which {unread:.0} MiB are unread"
    );
    let mut received = 0;
    for (person, mut wire) in people.iter_mut().zip(wires) {
        // First what was on the way, then the rest.
        while person.hear(&mut wire).is_ok() {}
        person
            .log_in(server.address, None)
            .map_err(Stop::unexpected)?;
        received += person.received.len();
    }
    ensure!(
        received == sent,
        "{received} of {sent} messages came in the end"
    );
    server.check_well()?;
    let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
    Ok(Verdict::Held(format!(
        "{count} stalled, all hung up on; {sent} messages to them, 0 lost; p99 of others {:.1} ms, \
         {:.1} ms when as many take as much, {:.1} ms in quiet; memory {before:.0} MiB, \
         at most {most:.0} with {unread:.0} unread",
        milliseconds(busy),
        milliseconds(usual),
        milliseconds(calm),
    )))
}

/// A user whose messages are long.
fn padded(login: &str) -> Live {
    let mut sender = Live::new(login);
    sender.padding = ".".repeat(BYTES);
    sender
}

/// Does something while these users read everything that arrives.
fn taking<T>(
    server: &Program,
    takers: &[String],
    something: impl FnOnce() -> Result<T>,
) -> Result<T> {
    thread::scope(|scope| {
        let mut streams = Vec::new();
        for login in takers {
            let mut taker = Live::new(login);
            let wire = taker.log_in(server.address, None);
            let mut wire = wire.map_err(Stop::unexpected)?;
            streams.push(wire.stream().try_clone()?);
            scope.spawn(move || while taker.hear(&mut wire).is_ok() {});
        }
        let result = something();
        for stream in streams {
            stream.shutdown(Shutdown::Both)?;
        }
        result
    })
}

/// The [`p99`] of two users while another one writes to many.
fn beside_a_flood(
    server: &Program,
    sender: &mut Live,
    to: &[String],
    (talkers, first): (&[String], u64),
) -> Result<Duration> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let flood = scope.spawn(|| flood(server, sender, to, &is_over));
        let measured = p99(server, talkers, first, Duration::from_secs(2));
        is_over.store(true, Ordering::Relaxed);
        flood
            .join()
            .map_err(|_| anyhow!("the sender's thread failed"))??;
        measured
    })
}

/// Writes to all of them, and does not stop before the others have been measured.
fn flood(
    server: &Program,
    sender: &mut Live,
    receivers: &[String],
    is_over: &AtomicBool,
) -> Result<()> {
    let mut wire = sender
        .log_in(server.address, None)
        .map_err(Stop::unexpected)?;
    let mut turns = 0;
    while turns < TEXTS || !is_over.load(Ordering::Relaxed) {
        let mut to = receivers.iter().cycle();
        sender
            .send(&mut wire, receivers.len(), || {
                to.next().cloned().unwrap_or_default()
            })
            .and_then(|()| sender.hear_answers(&mut wire))
            .map_err(Stop::unexpected)?;
        turns += 1;
    }
    Ok(())
}

/// The 99th percentile of the time from one user to another. The messages have numbers from `first`
/// on, so that none is mistaken for an earlier one.
fn p99(server: &Program, users: &[String], first: u64, time: Duration) -> Result<Duration> {
    let (mut a, mut b) = (Live::on_device(&users[0], first), Live::new(&users[1]));
    let mut a_wire = a.log_in(server.address, None).map_err(Stop::unexpected)?;
    let mut b_wire = b.log_in(server.address, None).map_err(Stop::unexpected)?;
    let end = Instant::now() + time;
    let mut waits = Vec::new();
    while Instant::now() < end {
        let begin = Instant::now();
        a.send(&mut a_wire, 1, || users[1].clone())
            .map_err(Stop::unexpected)?;
        let before = b.received.len();
        while b.received.len() == before {
            b.hear(&mut b_wire).map_err(Stop::unexpected)?;
        }
        waits.push(begin.elapsed());
        a.hear_answers(&mut a_wire).map_err(Stop::unexpected)?;
    }
    waits.sort_unstable();
    Ok(waits[(waits.len() - 1) * 99 / 100])
}
