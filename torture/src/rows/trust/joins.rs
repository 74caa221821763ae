//! Codes that are used again, by others, or too late.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Barrier,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, ensure};
use mensageiro_protocol::{live::ByeCode, trust::Secret};

use super::{
    clock::Clock,
    lines::{Answer, first_line, hello, join_line},
    office::{Device, Office, folder},
    relay::Relay,
};
use crate::{
    program::Launch,
    trial::{Trial, Verdict, users},
    wire::{Wire, prepare},
};

const COUNT: usize = 1_000;

/// The most invitations of a login that are valid at a time, as PROTOCOL.md says.
const OPEN: usize = 8;

/// The server hangs up on bytes of another connection at once. It would wait 10 s for a handshake.
const REPLAY: Duration = Duration::from_secs(20);

/// An address for each attempt, as wrong codes of one address are answered ever later.
fn address(number: usize) -> [u8; 4] {
    [
        127,
        1 + (number >> 16) as u8,
        (number >> 8) as u8,
        number as u8 | 1,
    ]
}

/// The same bytes again, the same line again, and the same code from another device.
pub fn replayed(trial: &Trial) -> Result<Verdict> {
    let people = users(COUNT);
    let mut office = Office::new(trial, &people)?;
    let mut count = 0;
    while trial.goes_on(count, COUNT) {
        let login = &people[count];
        let code = office.invite(login)?;
        let line = join_line(login, &code)?;
        let device = Device::new(login, office.fingerprint)?;
        let relay = Relay::passing(office.address(), trial.random())?;
        let joined = first_line(&mut device.client.connect(relay.address)?, &line)?;
        ensure!(joined.is_joined(), "{joined:?}");
        // Somebody has recorded what it sent.
        let mut replay = TcpStream::connect(office.address())?;
        prepare(&replay)?;
        replay.set_read_timeout(Some(REPLAY))?;
        // It may hang up in the middle.
        let _ = replay.write_all(&relay.sent());
        let mut heard = Vec::new();
        let _ = replay.read_to_end(&mut heard);
        // The device itself has perhaps not heard the answer.
        let again = device.join(office.address(), &code)?;
        ensure!(
            matches!(again, Answer::Joined(id) if id == device.id()),
            "{again:?}"
        );
        let thief = Device::new(login, office.fingerprint)?;
        let stolen = thief.join_from(address(count * 2), office.address(), &code)?;
        ensure!(stolen.is_bye(ByeCode::NeedsKey), "{stolen:?}");
        let (_, answer) = thief.log_in(office.address())?;
        ensure!(answer.is_bye(ByeCode::NeedsKey), "{answer:?}");
        let devices = office.devices(login)?;
        ensure!(devices == [device.id()], "{login} has {devices:?}");
        count += 1;
    }
    Ok(Verdict::Held(format!(
        "{count} joins: sent again byte for byte, by the same device and by another one; one device each"
    )))
}

/// Two devices have the same code.
pub fn raced(trial: &Trial) -> Result<Verdict> {
    let people = users(COUNT);
    let mut office = Office::new(trial, &people)?;
    let (mut count, mut first) = (0, 0);
    while trial.goes_on(count, COUNT) {
        let login = &people[count];
        let code = office.invite(login)?;
        let server = office.address();
        let devices = [
            Device::new(login, office.fingerprint)?,
            Device::new(login, office.fingerprint)?,
        ];
        let start = Barrier::new(2);
        let race = |number: usize| {
            let device = &devices[number];
            let source = address(count * 2 + number);
            let wire = device.client.connect_from(source, server);
            start.wait();
            first_line(&mut wire?, &join_line(login, &code)?)
        };
        let answers = thread::scope(|scope| {
            let second = scope.spawn(|| race(1));
            let first = race(0);
            let second = second.join().map_err(|_| anyhow!("a thread failed"))?;
            anyhow::Ok([first?, second?])
        })?;
        let joined = |answer: &Answer| answer.is_joined();
        let winner = answers
            .iter()
            .position(joined)
            .context("nobody has joined")?;
        let loser = 1 - winner;
        ensure!(
            answers[loser].is_bye(ByeCode::NeedsKey),
            "both have joined: {answers:?}"
        );
        devices[winner].session(server)?;
        let (_, answer) = devices[loser].log_in(server)?;
        ensure!(answer.is_bye(ByeCode::NeedsKey), "{answer:?}");
        first += usize::from(winner == 0);
        count += 1;
    }
    Ok(Verdict::Held(format!(
        "{count} races, each won by one device ({first} by the first one)"
    )))
}

/// Devices and program keys of one user try to log in as another one.
pub fn swapped(trial: &Trial) -> Result<Verdict> {
    let people = users(COUNT);
    let mut office = Office::new(trial, &people)?;
    let device = office.device(&people[0])?;
    let key = device.program_key(office.address())?;
    let mut count = 0;
    while trial.goes_on(count, COUNT - 1) {
        count += 1;
        // Wrong keys for one login are answered ever later: each attempt has another one.
        let other = &people[count];
        let mut wire = device.client.connect(office.address())?;
        let answer = first_line(&mut wire, &hello(other, None)?)?;
        ensure!(answer.is_bye(ByeCode::NeedsKey), "{answer:?}");
        let mut wire = Wire::connect_from(address(count), office.address())?;
        let answer = first_line(&mut wire, &hello(other, Some(&key))?)?;
        ensure!(answer.is_bye(ByeCode::NeedsKey), "{answer:?}");
    }
    device.session(office.address())?;
    Ok(Verdict::Held(format!(
        "{count} logins as others with a device, as many with a program key: all refused"
    )))
}

/// Codes that are mistyped, somebody else's, replaced by later ones, or expired.
pub fn old(trial: &Trial) -> Result<Verdict> {
    let people = users(COUNT);
    let data = folder(trial, &people)?;
    let clock = Clock::new(&data)?;
    let launch = Launch::new(&trial.server, &data);
    let launch = match &clock {
        Some(clock) => clock.faked(launch),
        None => launch,
    };
    let mut office = Office::start(trial, launch)?;
    let (mut count, mut tries) = (0, 0);
    let mut refused = |office: &Office, login: &str, code: &Secret, why: &str| -> Result<()> {
        let device = Device::new(login, office.fingerprint)?;
        tries += 1;
        let answer = device.join_from(address(tries), office.address(), code)?;
        ensure!(answer.is_bye(ByeCode::NeedsKey), "{why}: {answer:?}");
        Ok(())
    };
    while trial.goes_on(count, COUNT / 10) {
        // One is attacked at the most twice: further wrong codes for one login would be answered later.
        let logins = &people[count * 4..][..4];
        let codes: Result<Vec<_>> = (0..=OPEN).map(|_| office.invite(&logins[0])).collect();
        let codes = codes?;
        refused(&office, &logins[0], &codes[0], "replaced")?;
        let device = Device::new(&logins[0], office.fingerprint)?;
        let joined = device.join(office.address(), &codes[OPEN])?;
        ensure!(joined.is_joined(), "{joined:?}");
        refused(&office, &logins[0], &codes[OPEN], "used")?;
        let code = office.invite(&logins[1])?;
        refused(&office, &logins[2], &code, "of another user")?;
        let device = Device::new(&logins[1], office.fingerprint)?;
        let joined = device.join(office.address(), &code)?;
        ensure!(joined.is_joined(), "{joined:?}");
        if let Some(clock) = &clock {
            let code = office.invite(&logins[3])?;
            clock.set("+8d")?;
            refused(&office, &logins[3], &code, "expired")?;
            clock.set("+6d")?;
            let device = Device::new(&logins[3], office.fingerprint)?;
            let joined = device.join(office.address(), &code)?;
            ensure!(joined.is_joined(), "after 6 days: {joined:?}");
            clock.set("+0")?;
        }
        count += 1;
    }
    let expired = match clock {
        Some(_) => "expired",
        None => "(without libfaketime: none expired)",
    };
    Ok(Verdict::Held(format!(
        "{tries} tries with codes that were used, replaced, of another user or {expired}: none joined; {count} valid ones of each kind did"
    )))
}
