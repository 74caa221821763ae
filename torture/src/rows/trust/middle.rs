//! Somebody between a device and the server.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use anyhow::{Result, ensure};
use mensageiro_protocol::live::{ByeCode, Event};

use super::{
    lines::{event, first_line, hello, join_line},
    office::{Device, Office},
    relay::Relay,
};
use crate::{
    tls::{Client, is_wrong_key},
    trial::{Trial, Verdict, users},
    wire::Wire,
};

const COUNT: usize = 1_000;

/// Who meets on encrypted connections. Random bytes do not contain these names.
const PEOPLE: [&str; 2] = ["margarida-teixeira", "bartolomeu-guerra"];
const SECRET: &str = "nobody else may read number";

/// A record whose length was changed is waited for. The client gives up by itself.
const NO_ANSWER: Duration = Duration::from_millis(300);

/// Devices meet somebody with another certificate.
pub fn own_certificate(trial: &Trial) -> Result<Verdict> {
    let mut office = Office::new(trial, &users(1))?;
    let relay = Relay::ending(office.address())?;
    let device = office.device("u0")?;
    let newcomer = Device::new("u0", office.fingerprint)?;
    let code = office.invite("u0")?;
    let mut count = 0;
    while trial.goes_on(count, COUNT) {
        let client = [&device, &newcomer][count % 2];
        match client.client.connect(relay.address) {
            Err(error) if is_wrong_key(&error) => count += 1,
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok(Verdict::Broken("a device talks to somebody else".into())),
        }
    }
    let read = relay.seen().len();
    ensure!(read == 0, "{read} bytes were sent to somebody else");
    device.session(office.address())?;
    let joined = newcomer.join(office.address(), &code)?;
    ensure!(joined.is_joined(), "{joined:?}");
    Ok(Verdict::Held(format!(
        "{count} handshakes broken off by the device, 0 bytes of a line sent; the code still works"
    )))
}

/// Devices that do not look at the server's key: the server notices that somebody is in the middle.
pub fn careless(trial: &Trial) -> Result<Verdict> {
    let mut office = Office::new(trial, &users(1))?;
    let relay = Relay::ending(office.address())?;
    let device = office.device("u0")?;
    let careless = Client::new(Some(&device.identity), &[])?;
    let mut count = 0;
    while trial.goes_on(count, COUNT) {
        let mut wire = careless.connect(relay.address)?;
        let answer = first_line(&mut wire, &hello("u0", None)?)?;
        ensure!(answer.is_bye(ByeCode::NeedsKey), "{answer:?}");
        count += 1;
    }
    ensure!(!relay.seen().is_empty(), "the relay relayed nothing");
    device.session(office.address())?;
    Ok(Verdict::Held(format!(
        "{count} logins through a relay with its own key, all refused"
    )))
}

/// Somebody who reads and changes bytes.
pub fn bytes(trial: &Trial) -> Result<Verdict> {
    let mut office = Office::new(trial, &PEOPLE.map(str::to_owned))?;
    let relay = Relay::passing(office.address(), trial.random())?;
    let code = office.invite(PEOPLE[0])?;
    let sender = Device::new(PEOPLE[0], office.fingerprint)?;
    let joined = first_line(
        &mut sender.client.connect(relay.address)?,
        &join_line(PEOPLE[0], &code)?,
    )?;
    ensure!(joined.is_joined(), "{joined:?}");
    let reader = office.device(PEOPLE[1])?;
    let (mut changed, mut passed) = (0, 0);
    let mut acknowledged = Vec::new();
    while trial.goes_on(changed, COUNT) {
        let mut wire = sender.client.connect(relay.address)?;
        let answer = first_line(&mut wire, &hello(PEOPLE[0], None)?)?;
        ensure!(answer.is_in(), "{answer:?}");
        for is_changed in [false, true] {
            let number = changed + passed;
            if is_changed {
                wire.stream().set_read_timeout(Some(NO_ANSWER))?;
                relay.change_next();
            }
            let line = format!("#{number} @{} {SECRET} {number}\n", PEOPLE[1]);
            // It may be hung up on in the middle.
            let sent = wire.write(line.as_bytes()).is_ok();
            match (sent && hear_ok(&mut wire), is_changed) {
                (true, true) => return Ok(Verdict::Broken("a changed byte was accepted".into())),
                (true, false) => acknowledged.push(number),
                (false, true) => {}
                (false, false) => return Ok(Verdict::Broken("a message was refused".into())),
            }
            changed += usize::from(is_changed);
            passed += usize::from(!is_changed);
        }
    }
    let received = backlog(&reader, relay.address)?;
    for number in &acknowledged {
        let count = received.get(&format!("{SECRET} {number}"));
        ensure!(
            count == Some(&1),
            "message {number} is there {count:?} times"
        );
    }
    ensure!(
        received.len() == acknowledged.len(),
        "something arrived that was changed on the way"
    );
    let seen = relay.seen();
    for secret in [PEOPLE[0], PEOPLE[1], SECRET, &code.written(), &code.plain()] {
        let found = seen.windows(secret.len()).any(|at| at == secret.as_bytes());
        ensure!(!found, "a login, a text or a code was on the wire");
    }
    Ok(Verdict::Held(format!(
        "{changed} changed bytes ended the connection, {passed} messages passed; no login, code or text in {} KiB on the wire",
        seen.len() / 1024
    )))
}

/// Whether a message is answered with `ok`.
fn hear_ok(wire: &mut Wire) -> bool {
    loop {
        match wire.line().map(|line| event(&line)) {
            Ok(Ok(Event::Accepted(_))) => return true,
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => return false,
        }
    }
}

/// How often each text is in a user's backlog.
pub fn backlog(reader: &Device, server: SocketAddr) -> Result<BTreeMap<String, usize>> {
    let mut wire = reader.client.connect(server)?;
    wire.write(&hello(&reader.login, None)?)?;
    let mut texts = BTreeMap::new();
    loop {
        match event(&wire.line()?)? {
            Event::Message(message) => {
                *texts.entry(message.text.as_str().to_owned()).or_default() += 1;
            }
            Event::End => return Ok(texts),
            Event::Bye(bye) => anyhow::bail!("{bye:?}"),
            _ => {}
        }
    }
}
