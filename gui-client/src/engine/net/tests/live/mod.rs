//! Live sessions, as the machine leads them.

mod ending;
mod hello;
mod ids;
mod receiving;
mod requests;
mod sending;

use super::*;

/// A machine that may ask for a live session.
fn bench(way: Option<Way>, cursor: Option<u64>) -> Bench {
    let memory = Memory {
        way,
        is_live_due: way.is_none_or(|way| way == Way::Live),
        was_live: way == Some(Way::Live),
        cursor,
        ..never_connected()
    };
    Bench::new("ana", memory, None)
}

const WELCOME: &str = r#"bytes welcome {"you":"ana","last":20}⏎"#;

/// Connected, caught up, with nothing on the way.
fn live() -> Bench {
    let mut bench = bench(Some(Way::Live), Some(10));
    for step in ["start", "connected", WELCOME, "bytes f⏎"] {
        bench.step(step);
    }
    bench.said();
    bench
}
