//! Lines without an end: 17 KiB, 1 MiB, 1 GiB.

use std::{io::Write, thread, time::Duration};

use anyhow::{Result, ensure};

use crate::{
    trial::{Trial, Verdict, users},
    wire::Wire,
};

const SIZES: [usize; 3] = [17 * 1024, 1024 * 1024, 1024 * 1024 * 1024];

/// How much the server may grow, in MiB.
const GROWTH: f64 = 16.0;

pub fn run(trial: &Trial) -> Result<Verdict> {
    let users = users(2);
    let data = trial.data("long", &users)?;
    let mut server = trial.start(&data, &[])?;
    let (before, _) = server.memory_mib()?;
    let mut count = 0;
    for size in SIZES {
        for hello in ["u0\n", "u0 live/1\n", ""] {
            let mut wire = Wire::connect(server.address)?;
            wire.write(hello.as_bytes())?;
            offer(&wire, size);
            let mut last = Vec::new();
            while let Ok(line) = wire.line() {
                last = line;
            }
            // A reset may overtake the `bye` when much is on the way.
            let is_told = last.starts_with(b"bye {\"code\":\"too-long\"");
            ensure!(
                is_told || size > SIZES[0] || !hello.contains("live"),
                "the last word was {:?}",
                String::from_utf8_lossy(&last)
            );
            count += 1;
        }
    }
    // Sessions end in threads of their own.
    thread::sleep(Duration::from_millis(200));
    server.check_well()?;
    let (_, most) = server.memory_mib()?;
    ensure!(
        most < before + GROWTH,
        "{before:.1} MiB became {most:.1} MiB"
    );
    let mut wire = Wire::connect(server.address)?;
    wire.write(b"u1\n")?;
    ensure!(wire.line()? == b"f", "others are served");
    Ok(Verdict::Held(format!(
        "{count} connections, up to 1 GiB offered: {before:.1} MiB, at most {most:.1} MiB"
    )))
}

/// Sends that many bytes without a line end, as far as the server takes them.
fn offer(wire: &Wire, size: usize) {
    let bytes = vec![b'x'; 64 * 1024];
    let mut left = size;
    while left > 0 {
        let part = left.min(bytes.len());
        if wire.stream().write_all(&bytes[..part]).is_err() {
            return;
        }
        left -= part;
    }
}
