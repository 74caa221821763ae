//! kill -9 of the commands that change who may log in, while a server uses the folder.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use super::office::{Device, Office, invited};
use crate::trial::{Trial, Verdict, users};

const COUNT: usize = 1_000;

/// A file of somebody who edits it by hand. What a command does not change stays as it is, byte for byte.
const USERS: &str = "\u{feff}login;name;role\r\nboss;The boss;admin\r\nu0;\"Rui; o primeiro\";\r\n";

pub fn run(trial: &Trial) -> Result<Verdict> {
    let mut office = Office::new(trial, &users(1))?;
    let device = office.device("u0")?;
    let data = office.server.data.clone();
    // The server notices an edit of a file that is replaced.
    let file = data.join("users.csv");
    let new = data.join("users.new");
    fs::write(&new, USERS)?;
    fs::rename(&new, &file)?;
    let longest = time_of(&office.program, &data)?;
    let mut random = trial.random();
    let (mut kills, mut finished) = (0, 0);
    while trial.goes_on(kills, COUNT) {
        let before = fs::read(&file)?;
        let is_there = String::from_utf8_lossy(&before).contains("zoe");
        let words: &[&str] = match kills % 4 {
            0 => &["invite", "u0"],
            1 => &["key", "u0"],
            _ if is_there => &["user", "remove", "zoe"],
            _ => &["user", "add", "zoe", "Zoe Dias"],
        };
        let life = Duration::from_micros(random.within(0..longest) as u64);
        finished += usize::from(killed(&office.program, &data, words, life)?);
        let after = fs::read(&file)?;
        check_users(&before, &after).with_context(|| words.join(" "))?;
        let register = fs::read(data.join("access.json"))?;
        serde_json::from_slice::<serde_json::Value>(&register).context("access.json")?;
        kills += 1;
        // Whatever was killed, the next command works, and so does the server.
        if kills % 20 == 0 {
            let code = invited(&office.program, &data, "u0")?.code;
            let newcomer = Device::new("u0", office.fingerprint)?;
            let joined = newcomer.join(office.address(), &code)?;
            ensure!(joined.is_joined(), "{joined:?}");
            let gone = Command::new(&office.program)
                .args(["devices", "revoke", "u0", &newcomer.id().plain(), "--data"])
                .arg(&data)
                .output()?;
            ensure!(
                gone.status.success(),
                "{}",
                String::from_utf8_lossy(&gone.stderr)
            );
            let (_, answer) = newcomer.log_in(office.address())?;
            ensure!(
                !answer.is_in(),
                "a device was revoked by a command: {answer:?}"
            );
            device.session(office.address())?;
            revoke_keys(&mut office, &device)?;
        }
    }
    office.server.check_well()?;
    office.server.stop()?;
    trial.start(&data, &["--closed"])?.stop()?;
    Ok(Verdict::Held(format!(
        "{kills} kills within {longest} µs, {finished} commands had finished: files before or after, never half"
    )))
}

/// Starts a command and kills it after some time. Returns whether it had finished.
fn killed(program: &Path, data: &Path, words: &[&str], life: Duration) -> Result<bool> {
    let mut child = Command::new(program)
        .args(words)
        .arg("--data")
        .arg(data)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    // The moment varies on purpose; nothing is waited for.
    thread::sleep(life);
    let is_finished = child.try_wait()?.is_some();
    let _ = child.kill();
    let output = child.wait_with_output()?;
    if is_finished {
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}: {complaint}", words.join(" "));
    }
    Ok(is_finished)
}

/// How long a command takes, and a bit more, in microseconds.
fn time_of(program: &Path, data: &Path) -> Result<usize> {
    let begin = Instant::now();
    invited(program, data, "u0")?;
    Ok(begin.elapsed().as_micros() as usize * 5 / 4 + 1)
}

/// The file is as before, or with one row more or less.
fn check_users(before: &[u8], after: &[u8]) -> Result<()> {
    let (before, after) = (
        String::from_utf8_lossy(before),
        String::from_utf8_lossy(after),
    );
    let others = |file: &str| -> Vec<String> {
        let rows = file
            .split_inclusive('\n')
            .filter(|row| !row.starts_with("zoe;"));
        rows.map(str::to_owned).collect()
    };
    let row = after
        .split_inclusive('\n')
        .find(|row| row.starts_with("zoe;"));
    let is_whole = row.is_none_or(|row| row == "zoe;Zoe Dias;\r\n");
    ensure!(
        others(&before) == others(&after) && is_whole,
        "users.csv is {after:?}"
    );
    Ok(())
}

/// A login may only have some.
fn revoke_keys(office: &mut Office, device: &Device) -> Result<()> {
    for id in office.devices("u0")? {
        if id != device.id() {
            office.revoke("u0", id)?;
        }
    }
    Ok(())
}
