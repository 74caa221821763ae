//! People who try codes and program keys.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, ensure};
use mensageiro_protocol::trust::Secret;

use super::{
    lines::{Answer, first_line, guess, hello, join_line},
    measure::{Person, during},
    office::{Device, Office},
};
use crate::{
    random::Random,
    rows::hostile::address,
    trial::{Trial, Verdict, users},
    wire::{Wire, is_time_limit},
};

/// Users, half with a device and half with a program key.
const USERS: usize = 24;

/// Connections of those who do.
const PATIENT: usize = 200;

/// An answer that comes after the end is waited for no longer than this.
const LEAST: Duration = Duration::from_millis(10);

/// How long the attack lasts.
fn length(trial: &Trial) -> Duration {
    let shortest = Duration::from_secs(2);
    trial
        .left()
        .mul_f64(0.5)
        .clamp(shortest, Duration::from_secs(15))
}

/// An office, and people who may log in; the last one's program key.
fn office(trial: &Trial) -> Result<(Office, Vec<Person>, Secret)> {
    let people = users(USERS);
    let mut office = Office::new(trial, &people)?;
    let mut known = Vec::new();
    let mut last = guess(0);
    for (number, login) in people.iter().enumerate() {
        let device = office.device(login)?;
        let has_key = number % 2 == 0;
        let key = match has_key {
            true => Some(device.program_key(office.address())?),
            false => None,
        };
        if let Some(key) = &key {
            last = key.clone();
        }
        let client = (!has_key).then_some(device.client);
        known.push(Person {
            login: login.clone(),
            client,
            key,
        });
    }
    Ok((office, known, last))
}

/// One address guesses, and reads each answer.
pub fn one_address(trial: &Trial) -> Result<Verdict> {
    let (mut office, people, key) = office(trial)?;
    let login = format!("u{}", USERS - 2);
    let length = length(trial);
    let (measured, waits) = during(&office.server, &people, |server| {
        let end = Instant::now() + length;
        let mut waits = Vec::new();
        while Instant::now() < end {
            let mut wire = Wire::connect_from(address(0), server)?;
            let begin = Instant::now();
            let guess = guess(waits.len() as u64);
            let answer = first_line(&mut wire, &hello("u0", Some(&guess))?)?;
            ensure!(matches!(answer, Answer::Bye(_)), "{answer:?}");
            waits.push(begin.elapsed());
        }
        Ok(waits)
    })?;
    // Whoever is attacked is not locked out.
    let owner = Person {
        login,
        client: None,
        key: Some(key),
    };
    owner.log_in([127, 0, 7, 1], office.address())?;
    office.server.check_well()?;
    let first = waits.first().copied().unwrap_or_default();
    let last = waits.last().copied().unwrap_or_default();
    Ok(measured
        .require(
            last > first + Duration::from_millis(500),
            "the answers do not come later and later",
        )
        .judge(
            trial,
            &format!(
                "{} guesses in {:.0} s, answered after {} ms, in the end after {} ms",
                waits.len(),
                length.as_secs_f64(),
                first.as_millis(),
                last.as_millis()
            ),
        ))
}

/// 200 addresses guess the keys of everybody, also of logins that they invent, and codes.
pub fn many_addresses(trial: &Trial) -> Result<Verdict> {
    let (mut office, people, _) = office(trial)?;
    let fingerprint = office.fingerprint;
    let length = length(trial);
    let (measured, (patient, hasty, joins)) = during(&office.server, &people, |server| {
        let end = Instant::now() + length;
        let patient = |number: usize| {
            let mut random = Random::new(number as u64);
            let mut count = 0;
            while Instant::now() < end {
                let Ok(mut wire) = Wire::connect_from(address(number), server) else {
                    continue;
                };
                let line = hello(
                    &format!("u{}", random.within(0..USERS)),
                    Some(&guess(random.next())),
                )?;
                let left = end.saturating_duration_since(Instant::now());
                wire.stream().set_read_timeout(Some(left.max(LEAST)))?;
                // A newer connection may take its place before it is answered.
                match first_line(&mut wire, &line) {
                    Ok(answer) => ensure!(!answer.is_in(), "a guess was right"),
                    Err(_) if Instant::now() >= end => break,
                    Err(error) => return Err(error),
                }
                count += 1;
            }
            Ok(count)
        };
        let hasty = || {
            let mut count = 0;
            while Instant::now() < end {
                if let Ok(mut wire) = Wire::connect_from(address(count), server) {
                    let line = hello(&format!("nobody{count}"), Some(&guess(count as u64)))?;
                    // It leaves without the answer.
                    let _ = wire.write(&line);
                    count += 1;
                }
            }
            Ok(count)
        };
        let joins = || {
            let mut count = 0;
            let thief = Device::new("u1", fingerprint)?;
            while Instant::now() < end {
                if let Ok(mut wire) = thief.client.connect_from(address(count), server) {
                    // It leaves without the answer.
                    let _ = wire.write(&join_line("u1", &guess(count as u64))?);
                    count += 1;
                }
            }
            Ok(count)
        };
        thread::scope(|scope| {
            let patient: Vec<_> = (0..PATIENT)
                .map(|number| scope.spawn(move || patient(number)))
                .collect();
            let hasty = scope.spawn(hasty);
            let joins = joins();
            let failed = |_| anyhow!("a thread failed");
            let mut answered = 0;
            for one in patient {
                let count: Result<usize> = one.join().map_err(failed)?;
                answered += count?;
            }
            let hasty: Result<usize> = hasty.join().map_err(failed)?;
            let joins: Result<usize> = joins;
            Ok((answered, hasty?, joins?))
        })
    })?;
    office.server.check_well()?;
    let devices = office.devices("u1")?;
    Ok(measured
        .require(devices.len() == 1, "somebody has guessed a code")
        .judge(trial, &format!(
            "{patient} guesses answered, {hasty} with invented logins and {joins} codes not waited for; none was right"
        )))
}

/// A wrong key and an unknown user are told the same.
pub fn same_answers(trial: &Trial) -> Result<Verdict> {
    const COUNT: usize = 1_000;
    let people = users(COUNT);
    let mut office = Office::new(trial, &people)?;
    let has_key = office.device(&people[0])?;
    has_key.program_key(office.address())?;
    let stranger = Device::new(&people[0], office.fingerprint)?;
    let mut count = 0;
    while trial.goes_on(count, COUNT) {
        // Each time other logins and addresses, so that nobody waits.
        let known = people[count].as_str();
        let unknown = format!("nobody{count}");
        let source = [127, 3, (count >> 8) as u8, count as u8 | 1];
        let key = guess(count as u64);
        let mut told = Vec::new();
        for login in [known, unknown.as_str()] {
            let plain = Wire::connect_from(source, office.address())?;
            let classic = format!("{login} {}\n", &*key.written());
            told.push(raw(plain, classic.as_bytes())?);
            let inside = stranger.client.connect_from(source, office.address())?;
            told.push(raw(inside, &hello(login, None)?)?);
            let inside = stranger.client.connect_from(source, office.address())?;
            told.push(raw(inside, format!("{login}\n").as_bytes())?);
        }
        let (first, second) = told.split_at(told.len() / 2);
        ensure!(first == second, "{first:?} and {second:?}");
        count += 1;
    }
    Ok(Verdict::Held(format!(
        "{count} users and as many unknown logins, three ways each: the same bytes"
    )))
}

/// All that is answered to a first line.
fn raw(mut wire: Wire, line: &[u8]) -> Result<Vec<Vec<u8>>> {
    let _ = wire.write(line);
    let mut lines = Vec::new();
    loop {
        match wire.line() {
            Ok(line) => lines.push(line),
            Err(error) if is_time_limit(&error) => return Err(error.into()),
            Err(_) => return Ok(lines),
        }
    }
}
