//! How long a person waits, at a rate a busy office has: for the `f` in classic, for the other's
//! message in live.

use std::{
    io::Write,
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use crate::{
    client::{Client, block},
    program::{Kind, Program},
};

const USERS: usize = 50;
const RATES: [f64; 2] = [1_000.0, 10_000.0];

/// Between the start of the threads and the first line that is due.
const RUN_UP: Duration = Duration::from_millis(200);

/// What one user does; returns the waits that it saw.
type User = fn(&Program, usize, Timetable) -> anyhow::Result<Vec<Duration>>;

/// When one user's lines are due.
#[derive(Clone, Copy)]
struct Timetable {
    /// The same for all users; times in texts count from it.
    begin: Instant,
    first: Instant,
    pause: Duration,
    lines: usize,
}

pub fn measure(kinds: &[Kind], time: Duration) -> anyhow::Result<()> {
    let styles: [(&str, User); 2] = [
        ("From a line to its `f`, classic", classic),
        ("From sending to the other's screen, live", live),
    ];
    for (style, user) in styles {
        println!("\n### {style}, {USERS} users, 64 B\n");
        println!("| server | offered | p50 | p99 | p99.9 |");
        println!("|---|---|---|---|---|");
        for rate in RATES {
            for kind in kinds {
                let mut waits = one(kind, rate, time, user)?;
                waits.sort_unstable();
                let at = |part: f64| {
                    waits[((waits.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3
                };
                println!(
                    "| {} | {rate:.0}/s | {:.2} ms | {:.2} ms | {:.2} ms |",
                    kind.name(),
                    at(0.5),
                    at(0.99),
                    at(0.999),
                );
            }
        }
    }
    Ok(())
}

/// Each wait counts from the moment the line was due, so a stall is not hidden by a client that
/// waits for it.
fn one(kind: &Kind, rate: f64, time: Duration, user: User) -> anyhow::Result<Vec<Duration>> {
    let program = Program::start(kind, USERS)?;
    let pause = Duration::from_secs_f64(USERS as f64 / rate);
    let (server, begin) = (&program, Instant::now() + RUN_UP);
    thread::scope(|scope| {
        let users: Vec<_> = (0..USERS)
            .map(|number| {
                let timetable = Timetable {
                    begin,
                    first: begin + pause.mul_f64(number as f64 / USERS as f64),
                    pause,
                    lines: time.div_duration_f64(pause) as usize,
                };
                scope.spawn(move || user(server, number, timetable))
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

fn classic(program: &Program, user: usize, times: Timetable) -> anyhow::Result<Vec<Duration>> {
    let mut client = Client::log_in(program.address, user)?;
    let line = block((user + 1) % USERS, 64, 1);
    let mut waits = Vec::new();
    let mut due = times.first;
    for _ in 0..times.lines {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        client.send(&line)?;
        client.take_answers(1)?;
        waits.push(due.elapsed());
        due += times.pause;
    }
    Ok(waits)
}

/// A text says when it was due; who gets it knows how long it took.
fn live(program: &Program, user: usize, times: Timetable) -> anyhow::Result<Vec<Duration>> {
    let mut client = Client::log_in_live(program.address, user)?;
    let stream = client.stream()?;
    thread::scope(|scope| {
        let sender = scope.spawn(move || send(&stream, (user + 1) % USERS, times));
        // As much comes from the user before this one as goes to the one after it.
        let mut waits = Vec::with_capacity(times.lines);
        client.take_lines(|line| {
            if let Some(due) = due(line) {
                waits.push(times.begin.elapsed().saturating_sub(due));
            }
            Ok(waits.len() == times.lines)
        })?;
        sender
            .join()
            .map_err(|_| anyhow::anyhow!("a sender failed"))??;
        Ok(waits)
    })
}

/// Digits of the time in a text.
const DUE_DIGITS: usize = 16;

fn send(mut stream: &TcpStream, to: usize, times: Timetable) -> anyhow::Result<()> {
    let padding = "x".repeat(64 - DUE_DIGITS - 1);
    let mut due = times.first;
    let mut line = Vec::new();
    for tag in 0..times.lines {
        let nanos = (due - times.begin).as_nanos();
        line.clear();
        writeln!(line, "#{tag} @u{to} {nanos:0DUE_DIGITS$} {padding}")?;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        stream.write_all(&line)?;
        due += times.pause;
    }
    Ok(())
}

/// When a message was due, counted from the common beginning: the first word of its text.
fn due(line: &[u8]) -> Option<Duration> {
    let told = str::from_utf8(line.strip_prefix(b"#")?).ok()?;
    let nanos = told.split(' ').nth(2)?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_says_when_it_was_due() {
        let line = b"#17;at=1763843211123 @u3 0000000000002500 xx";
        assert_eq!(due(line), Some(Duration::from_nanos(2500)));
        assert_eq!(due(b"ok {\"tag\":\"1\"}"), None);
    }
}
