//! What eighteen million messages that were sent and read leave behind: rate and memory must not
//! change.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{
    Plan,
    pairs::{self, Meter, PAIRS, WINDOW},
    push::{self, Talk},
};
use crate::{
    results::{Row, Table, grouped},
    servers::Program,
};

/// Messages in total, and the number of rows.
const MESSAGES: usize = 18_000_000;
const STEPS: usize = 6;

/// How often the progress is checked.
const LOOK: Duration = Duration::from_millis(5);

/// One run, as long as it takes; the number of rounds has no effect.
pub fn measure(plan: &Plan) -> anyhow::Result<Table> {
    let step = plan.count(MESSAGES, 60_000) / STEPS;
    let kind = plan.server_that_syncs();
    let title = format!(
        "{} messages of 64 B, {PAIRS} pairs, one way, window {WINDOW}, receivers say read",
        grouped((step * STEPS) as f64, 0)
    );
    let columns = [
        ("messages/s", "", 0),
        ("CPU per message", " µs", 2),
        ("written per message", " B", 0),
        ("on disk per message", " B", 0),
        ("memory", " MiB", 0),
    ];
    let mut table = Table::new("growth", title, &["server", "messages so far"], &columns);
    let program = Program::start(&kind, 2 * PAIRS)?;
    let talk = Talk {
        reads: true,
        ..Talk::of(64)
    };
    let watch = |meter: &Meter| {
        let mut found = Vec::new();
        for number in 1..=STEPS {
            let (before, usage, begin) = (meter.delivered(), program.usage(), Instant::now());
            while meter.delivered() < (number * step) as u64 && !meter.is_over() {
                thread::sleep(LOOK);
            }
            let count = (meter.delivered() - before) as f64;
            let used = program.usage().per_message(usage, count);
            let memory = program.memory_kib().map(|kib| kib / 1024.0);
            let rate = count / begin.elapsed().as_secs_f64();
            eprintln!("growth: {} messages", grouped((number * step) as f64, 0));
            found.push(vec![
                Some(rate),
                used.cpu_micros,
                used.written_bytes,
                used.device_bytes,
                memory,
            ]);
        }
        found
    };
    let (found, _) = pairs::run(|users| push::talk(&program, users, talk), watch)?;
    for (number, figures) in found.into_iter().enumerate() {
        let so_far = grouped(((number + 1) * step) as f64, 0);
        table.rows.push(Row {
            words: vec![kind.name(), so_far],
            figures,
            limit: None,
        });
    }
    Ok(table)
}
