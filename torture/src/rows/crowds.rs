//! Many hostile connections.

use std::{
    io::{ErrorKind, Read, Write},
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use crate::{
    program::Program,
    trial::{Trial, Verdict, users},
    wire::Wire,
};

const SLOW: usize = 1_000;
const FLOOD: usize = 10_000;

/// The default of --max-connections-before-login.
const BEFORE_LOGIN: usize = 512;

/// After 200 ms of silence, the bytes so far would count as a login without a line end. So these
/// come a little faster.
const BYTE_PAUSE: Duration = Duration::from_millis(150);

pub fn slowloris(trial: &Trial) -> Result<Verdict> {
    let data = trial.data("slowloris", &users(1))?;
    let mut server = trial.start(&data, &[])?;
    let mut slow = Vec::new();
    for number in 0..SLOW {
        let source = [127, 0, 1, (number % 250) as u8 + 1];
        slow.push(Wire::connect_from(source, server.address)?);
    }
    let time = trial
        .left()
        .clamp(Duration::from_secs(2), Duration::from_secs(30));
    let end = Instant::now() + time;
    let mut waits = Vec::new();
    let mut taken = 0;
    while Instant::now() < end || waits.is_empty() {
        let turn = Instant::now();
        for wire in &slow {
            taken += usize::from(wire.stream().write_all(b"u").is_ok());
        }
        waits.push(log_in(server.address)?);
        thread::sleep(BYTE_PAUSE.saturating_sub(turn.elapsed()));
    }
    server.check_well()?;
    let worst = p99(&mut waits);
    check_wait(trial, worst)?;
    Ok(Verdict::Held(format!(
        "{SLOW} connections, {taken} single bytes in {} s: p99 of {} logins {} ms",
        time.as_secs(),
        waits.len(),
        worst.as_millis()
    )))
}

pub fn flood(trial: &Trial) -> Result<Verdict> {
    let data = trial.data("flood", &users(1))?;
    let mut server = trial.start(&data, &[])?;
    let (before, _) = server.memory_mib()?;
    let mut connections = Vec::with_capacity(FLOOD);
    let mut waits = Vec::new();
    let begin = Instant::now();
    for number in 0..FLOOD {
        // A refused connection may be gone before it has been set up.
        if let Ok(wire) = Wire::connect_from([127, 0, 0, 2], server.address) {
            connections.push(wire);
        }
        if number % 100 == 0 {
            waits.push(log_in(server.address)?);
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    let open = settled(&server, &connections)?;
    ensure!(
        open <= BEFORE_LOGIN,
        "{open} connections without a login are open"
    );
    server.check_well()?;
    let (_, most) = server.memory_mib()?;
    let worst = p99(&mut waits);
    check_wait(trial, worst)?;
    Ok(Verdict::Held(format!(
        "{FLOOD} from one address in {seconds:.1} s: {open} stay, p99 of {} logins from another {} \
         ms; memory {before:.0} MiB, at most {most:.0}",
        waits.len(),
        worst.as_millis()
    )))
}

/// How many are open, once the server has looked at all of them.
fn settled(server: &Program, connections: &[Wire]) -> Result<usize> {
    log_in(server.address)?;
    let mut open = 0;
    for wire in connections {
        wire.stream().set_nonblocking(true)?;
        let read = (&mut wire.stream()).read(&mut [0]);
        open += usize::from(matches!(read, Err(error) if error.kind() == ErrorKind::WouldBlock));
    }
    Ok(open)
}

/// The time from connecting to the end of the first answer.
fn log_in(server: SocketAddr) -> Result<Duration> {
    let begin = Instant::now();
    let mut wire = Wire::connect(server)?;
    wire.write(b"u0\n")?;
    ensure!(wire.line()? == b"f", "a user was not served");
    Ok(begin.elapsed())
}

/// A few logins on a busy machine prove nothing, so only many are judged.
fn check_wait(trial: &Trial, worst: Duration) -> Result<()> {
    let is_held = worst < Duration::from_secs(1) || !trial.is_long();
    ensure!(is_held, "the 99th percentile of the logins took {worst:?}");
    Ok(())
}

fn p99(waits: &mut [Duration]) -> Duration {
    waits.sort_unstable();
    waits[(waits.len() - 1) * 99 / 100]
}
