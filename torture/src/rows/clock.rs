//! The server's clock jumps a day forwards and a day back while users write.

use std::{fs, path::Path, thread, time::Duration};

use anyhow::Result;

use crate::{
    crowd::Crowd,
    program::Launch,
    trial::{Trial, Verdict, users},
};

const JUMPS: usize = 100;

/// Where Debian and others install libfaketime, which gives a program its own clock.
pub const LIBRARIES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];

pub fn run(trial: &Trial) -> Result<Verdict> {
    let Some(library) = LIBRARIES.iter().find(|path| Path::new(path).exists()) else {
        return Ok(Verdict::Skipped("needs the package faketime".into()));
    };
    let users = users(4);
    let data = trial.data("clock", &users)?;
    let setting = data.with_extension("clock");
    fs::write(&setting, "+0")?;
    let mut random = trial.random();
    let mut crowd = Crowd::new(&users, 3, random.fork());
    let mut jumps = 0;
    while trial.goes_on(jumps, JUMPS) {
        let mut server = Launch::new(&trial.server, &data)
            .variable("LD_PRELOAD", *library)
            .variable("FAKETIME_TIMESTAMP_FILE", &setting)
            .variable("FAKETIME_NO_CACHE", "1")
            .variable("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .start()?;
        crowd.talk(server.address, || {
            for offset in ["+1d", "-1d", "+0"] {
                fs::write(&setting, offset)?;
                thread::sleep(Duration::from_millis(30));
                jumps += 1;
            }
            Ok(())
        })?;
        server.check_well()?;
        // Two of three starts happen on the day before or after.
        fs::write(&setting, *random.one_of(&["+1d", "-1d", "+0"]))?;
        server.kill();
    }
    let server = trial.start(&data, &[])?;
    crowd.settle(server.address)?;
    let acknowledged = crowd.reckon(&data)?.acknowledged;
    server.stop()?;
    Ok(Verdict::Held(format!(
        "{jumps} jumps, {acknowledged} acknowledged: 0 lost, 0 twice, in order"
    )))
}
