//! How long a user waits at everyday rates, and what a message costs then: until the `f` in
//! classic, until the other user has the message in live.

use std::{
    io::Write,
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use super::{Entry, Plan, fill, push::say_read, quantile};
use crate::{
    client::{Client, DEVICE, block, number},
    results::{Table, grouped},
    servers::Program,
};

const USERS: usize = 50;

/// Messages per second of all users together. At 100, each one is sent and delivered alone.
const RATES: [f64; 3] = [100.0, 1_000.0, 10_000.0];

/// Time between the start of the threads and the first line that is due.
const RUN_UP: Duration = Duration::from_millis(400);

const COLUMNS: [(&str, &str, usize); 6] = [
    ("p50", " ms", 2),
    ("p99", " ms", 2),
    ("p99.9", " ms", 2),
    ("CPU per message", " µs", 0),
    ("written per message", " B", 0),
    ("on disk per message", " B", 0),
];

/// The work of one user; returns the times that it measured.
type User = fn(&Program, usize, Timetable) -> anyhow::Result<Vec<Duration>>;

/// When one user's lines are due.
#[derive(Clone, Copy)]
struct Timetable {
    /// The same for all users. Times in texts count from it.
    begin: Instant,
    first: Instant,
    pause: Duration,
    lines: usize,
}

/// From sending until the other user has the message.
pub fn live(plan: &Plan) -> anyhow::Result<Table> {
    let title = format!("From sending to the other's screen, live, {USERS} users, 64 B");
    let words = ["server", "offered", "clients"];
    let table = Table::new("latency", title, &words, &COLUMNS);
    let mut entries: Vec<Entry<(f64, User)>> = Vec::new();
    for rate in RATES {
        let offered = format!("{}/s", grouped(rate, 0));
        for kind in plan.kinds() {
            entries.push(Entry::new(kind.clone(), &[&offered, "-"], (rate, watch)));
            if kind.is_server() {
                entries.push(Entry::new(kind, &[&offered, "say `read`"], (rate, read)));
            }
        }
    }
    fill(table, plan, &entries, |entry| measure(plan, entry))
}

/// From a line to its `f`.
pub fn classic(plan: &Plan) -> anyhow::Result<Table> {
    let title = format!("From a line to its f, classic, {USERS} users, 64 B");
    let table = Table::new("classic-latency", title, &["server", "offered"], &COLUMNS);
    let mut entries: Vec<Entry<(f64, User)>> = Vec::new();
    for rate in &RATES[1..] {
        let offered = format!("{}/s", grouped(*rate, 0));
        for kind in plan.classic_kinds() {
            entries.push(Entry::new(kind, &[&offered], (*rate, ask)));
        }
    }
    fill(table, plan, &entries, |entry| measure(plan, entry))
}

/// Each time counts from the moment the line was due, so a client that waits does not hide a stall.
fn measure(plan: &Plan, entry: &Entry<(f64, User)>) -> anyhow::Result<Vec<Option<f64>>> {
    let (rate, user) = entry.setting;
    let program = Program::start(&entry.kind, USERS)?;
    let pause = Duration::from_secs_f64(USERS as f64 / rate);
    let lines = (plan.time.div_duration_f64(pause) as usize).max(1);
    let (server, begin) = (&program, Instant::now() + RUN_UP);
    let (mut waits, usage) = thread::scope(|scope| {
        let users: Vec<_> = (0..USERS)
            .map(|number| {
                let timetable = Timetable {
                    begin,
                    first: begin + pause.mul_f64(number as f64 / USERS as f64),
                    pause,
                    lines,
                };
                scope.spawn(move || user(server, number, timetable))
            })
            .collect();
        thread::sleep(begin.saturating_duration_since(Instant::now()));
        let usage = program.usage();
        let mut waits = Vec::new();
        for user in users {
            let seen = user.join();
            waits.extend(seen.map_err(|_| anyhow::anyhow!("a client failed"))??);
        }
        anyhow::Ok((waits, usage))
    })?;
    let used = program.usage().per_message(usage, waits.len() as f64);
    let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|part| quantile(&mut waits, part));
    Ok(vec![
        p50,
        p99,
        p999,
        used.cpu_micros,
        used.written_bytes,
        used.device_bytes,
    ])
}

/// Sends lines and waits for their answers.
fn ask(program: &Program, user: usize, times: Timetable) -> anyhow::Result<Vec<Duration>> {
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

fn watch(program: &Program, user: usize, times: Timetable) -> anyhow::Result<Vec<Duration>> {
    listen(program, user, times, false)
}

fn read(program: &Program, user: usize, times: Timetable) -> anyhow::Result<Vec<Duration>> {
    listen(program, user, times, true)
}

/// A text says when it was due, so its receiver knows how long it took. If wanted, sends `read`
/// once for all messages that arrived together.
fn listen(
    program: &Program,
    user: usize,
    times: Timetable,
    reads: bool,
) -> anyhow::Result<Vec<Duration>> {
    let mut client = Client::log_in_live(program.address, user)?;
    let stream = client.stream()?;
    thread::scope(|scope| {
        let sender = scope.spawn(move || send(&stream, (user + 1) % USERS, times));
        // As many messages come from the previous user as go to the next one.
        let author = (user + USERS - 1) % USERS;
        let mut waits = Vec::with_capacity(times.lines);
        let mut mark = Vec::new();
        while waits.len() < times.lines {
            let mut last = None;
            client.take_together(|line| {
                if let Some(due) = due(line) {
                    waits.push(times.begin.elapsed().saturating_sub(due));
                    last = line.get(1..).map(number);
                }
            })?;
            if let Some(last) = last.filter(|_| reads) {
                mark.clear();
                say_read(&mut mark, author, last)?;
                client.send(&mark)?;
            }
        }
        let sent = sender.join();
        sent.map_err(|_| anyhow::anyhow!("a sender failed"))??;
        Ok(waits)
    })
}

/// Digits of the time in a text.
const DUE_DIGITS: usize = 16;

fn send(mut stream: &TcpStream, to: usize, times: Timetable) -> anyhow::Result<()> {
    let padding = "x".repeat(64 - DUE_DIGITS - 1);
    let mut due = times.first;
    let mut line = Vec::new();
    for number in 1..=times.lines {
        let nanos = due.saturating_duration_since(times.begin).as_nanos();
        line.clear();
        writeln!(
            line,
            "#{DEVICE}:{number} @u{to} {nanos:0DUE_DIGITS$} {padding}"
        )?;
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
