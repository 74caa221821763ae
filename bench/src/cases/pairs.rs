//! Pairs of users that write without a pause, and what the server uses meanwhile.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::quantile;
use crate::servers::{Kind, Program};

/// How many pairs there are, each with a thread.
pub const PAIRS: usize = 50;

/// Lines that a user sends before reading answers.
pub const WINDOW: usize = 16;

/// The columns that [`measure`] fills.
pub const COLUMNS: [(&str, &str, usize); 5] = [
    ("messages/s", "", 0),
    ("CPU per message", " µs", 2),
    ("written per message", " B", 0),
    ("on disk per message", " B", 0),
    ("p99 of a window", " ms", 1),
];

/// Shared by all pairs.
#[derive(Default)]
pub struct Meter {
    delivered: AtomicU64,
    is_over: AtomicBool,
}

impl Meter {
    /// How many messages have been delivered so far.
    pub fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Whether the pairs have stopped, or should stop.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// Sends a window of lines and reads everything that follows from it. Returns how many messages
/// arrived.
pub type Turn = Box<dyn FnMut() -> anyhow::Result<u64>>;

/// Lets all pairs write while `watch` runs. Returns its result, and how long each window took.
pub fn run<T>(
    pair: impl Fn([usize; 2]) -> anyhow::Result<Turn> + Sync,
    watch: impl FnOnce(&Meter) -> T,
) -> anyhow::Result<(T, Vec<Duration>)> {
    let (meter, pair) = (&Meter::default(), &pair);
    thread::scope(|scope| {
        let pairs: Vec<_> = (0..PAIRS)
            .map(|number| scope.spawn(move || talk(pair([2 * number, 2 * number + 1]), meter)))
            .collect();
        let seen = watch(meter);
        meter.end();
        let mut windows = Vec::new();
        for pair in pairs {
            let talked = pair.join();
            windows.extend(talked.map_err(|_| anyhow::anyhow!("a client failed"))??);
        }
        Ok((seen, windows))
    })
}

fn talk(turn: anyhow::Result<Turn>, meter: &Meter) -> anyhow::Result<Vec<Duration>> {
    // If this pair fails, nobody waits for its messages.
    let mut turn = turn.inspect_err(|_| meter.end())?;
    let mut windows = Vec::new();
    while !meter.is_over() {
        let begin = Instant::now();
        let messages = turn().inspect_err(|_| meter.end())?;
        windows.push(begin.elapsed());
        meter.delivered.fetch_add(messages, Ordering::Relaxed);
    }
    Ok(windows)
}

/// Measures the [`COLUMNS`] for a server of this kind.
pub fn measure(
    kind: &Kind,
    time: Duration,
    pair: impl Fn(&Program, [usize; 2]) -> anyhow::Result<Turn> + Sync,
) -> anyhow::Result<Vec<Option<f64>>> {
    let program = Program::start(kind, 2 * PAIRS)?;
    let watch = |meter: &Meter| {
        thread::sleep(time / 5);
        let (before, usage, begin) = (meter.delivered(), program.usage(), Instant::now());
        thread::sleep(time);
        let count = (meter.delivered() - before) as f64;
        let rate = count / begin.elapsed().as_secs_f64();
        (rate, program.usage().per_message(usage, count))
    };
    let ((rate, used), mut windows) = run(|users| pair(&program, users), watch)?;
    let p99 = quantile(&mut windows, 0.99);
    Ok(vec![
        Some(rate),
        used.cpu_micros,
        used.written_bytes,
        used.device_bytes,
        p99,
    ])
}
