//! The file that says who may log in: damaged on disk, and changed by the server and by commands at once.

use std::{
    fs,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use anyhow::{Result, anyhow, ensure};
use mensageiro_protocol::trust::Secret;

use super::{
    lines::{first_line, hello},
    measure::Person,
    office::{Device, Office, invited},
};
use crate::{
    program::Launch,
    tls::Client,
    trial::{Trial, Verdict, users},
};

const COUNT: usize = 1_000;

/// A login may have this many devices, and as many program keys.
const MOST: usize = 64;

/// Logins that the commands change, and others that sessions change.
const USERS: usize = 40;

/// One bit is flipped, or the file is cut off. The server is started as it usually is, without `--closed`.
pub fn damaged(trial: &Trial) -> Result<Verdict> {
    let mut office = Office::new(trial, &users(2))?;
    let device = office.device("u0")?;
    let fingerprint = office.fingerprint;
    let data = office.server.data.clone();
    office.server.stop()?;
    let file = data.join("access.json");
    let whole = fs::read(&file)?;
    let stranger = Client::new(None, &[fingerprint])?;
    let mut random = trial.random();
    let (mut count, mut refused) = (0, 0);
    while trial.goes_on(count, COUNT) {
        let mut damaged = whole.clone();
        let place = random.within(0..damaged.len());
        let how = match random.once_in(10) {
            true => {
                damaged.truncate(place);
                format!("cut off at {place}")
            }
            false => {
                let bit = random.within(0..8);
                damaged[place] ^= 1 << bit;
                format!("bit {bit} of byte {place} flipped")
            }
        };
        fs::write(&file, &damaged)?;
        count += 1;
        let server = match Launch::new(&trial.server, &data).start() {
            Ok(server) => server,
            Err(refusal) => {
                let is_clear = refusal.is_orderly && refusal.said.contains("access.json");
                ensure!(is_clear, "{how}: not a clear report: {refusal}");
                refused += 1;
                continue;
            }
        };
        let mut wire = stranger.connect(server.address)?;
        let answer = first_line(&mut wire, &hello("u1", None)?)?;
        if answer.is_in() {
            let around = &whole[place.saturating_sub(8)..whole.len().min(place + 8)];
            return Ok(Verdict::Broken(format!(
                "{how}, at {:?}: a stranger is let in",
                String::from_utf8_lossy(around)
            )));
        }
        let (_, answer) = device.log_in(server.address)?;
        if !answer.is_in() {
            let broken = format!("{how}: a device is locked out, and nobody is told why");
            return Ok(Verdict::Broken(broken));
        }
    }
    Ok(Verdict::Held(format!(
        "{count} damages: {refused} starts refused with a report, 0 that let in a stranger or locked out a device"
    )))
}

/// Sessions and commands change it at the same time, without knowing of each other.
pub fn shared(trial: &Trial) -> Result<Verdict> {
    let mut office = Office::new(trial, &users(USERS))?;
    let (program, data) = (office.program.clone(), office.server.data.clone());
    let (server, fingerprint) = (office.address(), office.fingerprint);
    let is_over = AtomicBool::new(false);
    // Each one may take as many steps as the limits of its logins allow.
    let goes_on = |done: usize| done < MOST * USERS / 2 && !is_over.load(Ordering::Relaxed);
    let commands = || -> Result<Vec<Person>> {
        let mut keys = Vec::new();
        while goes_on(keys.len()) {
            let login = format!("u{}", keys.len() % (USERS / 2));
            let mut key = Command::new(&program);
            let output = key.args(["key", &login, "--data"]).arg(&data).output()?;
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let key = said
                .split_whitespace()
                .find_map(|word| Secret::parse(word).ok());
            let complaint = || anyhow!("no key: {}", String::from_utf8_lossy(&output.stderr));
            keys.push(Person {
                login,
                client: None,
                key: Some(key.ok_or_else(complaint)?),
            });
        }
        Ok(keys)
    };
    let invitations = || -> Result<Vec<Device>> {
        let mut devices = Vec::new();
        while goes_on(devices.len()) {
            let login = format!("u{}", devices.len() % (USERS / 2));
            let code = invited(&program, &data, &login)?.code;
            let device = Device::new(&login, fingerprint)?;
            let answer = device.join(server, &code)?;
            ensure!(answer.is_joined(), "{answer:?}");
            devices.push(device);
        }
        Ok(devices)
    };
    let (keys, invited, joined, revoked) = thread::scope(|scope| {
        let (keys, invited) = (scope.spawn(commands), scope.spawn(invitations));
        let mut sessions = || -> Result<(Vec<Device>, Vec<Device>)> {
            let (mut joined, mut revoked) = (Vec::new(), Vec::new());
            while trial.goes_on(joined.len(), COUNT) {
                let login = format!("u{}", USERS / 2 + joined.len() % (USERS / 2));
                joined.push(office.device(&login)?);
                let gone = office.device(&login)?;
                office.revoke(&login, gone.id())?;
                revoked.push(gone);
            }
            Ok((joined, revoked))
        };
        let sessions = sessions();
        is_over.store(true, Ordering::Relaxed);
        let failed = |_| anyhow!("a thread failed");
        let keys = keys.join().map_err(failed)??;
        let invited = invited.join().map_err(failed)??;
        let (joined, revoked) = sessions?;
        anyhow::Ok((keys, invited, joined, revoked))
    })?;
    for device in joined.iter().chain(&invited) {
        device.session(server)?;
    }
    for device in &revoked {
        let (_, answer) = device.log_in(server)?;
        ensure!(!answer.is_in(), "a revoked device is let in");
    }
    for person in &keys {
        person.log_in([127, 0, 0, 1], server)?;
    }
    Ok(Verdict::Held(format!(
        "{} joins and {} revocations in sessions, {} codes and {} keys of commands: every one counts",
        joined.len() + revoked.len(),
        revoked.len(),
        invited.len(),
        keys.len()
    )))
}
