//! Pairs of users that write to each other without a pause, and what the server does meanwhile.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::program::{Kind, Program};

/// How many pairs there are, each with a thread.
pub const PAIRS: usize = 50;

/// Lines that a user sends before taking answers.
pub const WINDOW: usize = 16;

/// What all pairs share.
#[derive(Default)]
pub struct Meter {
    delivered: AtomicU64,
    is_over: AtomicBool,
}

impl Meter {
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    pub fn add(&self, messages: u64) {
        self.delivered.fetch_add(messages, Ordering::Relaxed);
    }
}

/// Messages per second, and µs of the server's processor time for each.
pub fn measure(
    kind: &Kind,
    time: Duration,
    talk: impl Fn(&Program, [usize; 2], &Meter) -> anyhow::Result<()> + Sync,
) -> anyhow::Result<(f64, Option<f64>)> {
    let program = Program::start(kind, 2 * PAIRS)?;
    let meter = Meter::default();
    let (server, meter, talk) = (&program, &meter, &talk);
    let mut figures = (0.0, None);
    thread::scope(|scope| {
        let pairs: Vec<_> = (0..PAIRS)
            .map(|pair| scope.spawn(move || talk(server, [2 * pair, 2 * pair + 1], meter)))
            .collect();
        thread::sleep(time / 5);
        let before = (
            meter.delivered.load(Ordering::Relaxed),
            program.cpu_seconds(),
            Instant::now(),
        );
        thread::sleep(time);
        let count = (meter.delivered.load(Ordering::Relaxed) - before.0) as f64;
        let seconds = before.2.elapsed().as_secs_f64();
        let cpu = program
            .cpu_seconds()
            .zip(before.1)
            .map(|(after, before)| after - before);
        meter.is_over.store(true, Ordering::Relaxed);
        figures = (count / seconds, cpu.map(|cpu| cpu / count * 1e6));
        pairs
            .into_iter()
            .try_for_each(|pair| pair.join().map_err(|_| anyhow::anyhow!("a client"))?)
    })?;
    Ok(figures)
}
