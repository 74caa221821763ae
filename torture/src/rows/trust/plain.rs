//! Plain text from another computer to a closed server, and TLS that somebody has stripped.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use anyhow::{Result, ensure};
use mensageiro_protocol::live::ByeCode;

use super::{
    lines::{Answer, first_line, hello, join_line},
    office::{Office, folder},
};
use crate::{
    network::{FURTHER, Network, SERVER},
    program::Launch,
    trial::{Trial, Verdict, users},
    wire::Wire,
};

const COUNT: usize = 1_000;

/// A closed server in another network is spoken to in plain text.
pub fn refused(trial: &Trial) -> Result<Verdict> {
    let Some(network) = Network::new() else {
        return Ok(Verdict::Skipped("needs root and network namespaces".into()));
    };
    let data = folder(trial, &users(1))?;
    let elsewhere = |options: &[&str]| {
        Launch::new(&trial.server, &data)
            .through(&["ip", "netns", "exec", &network.name])
            .listen(&format!("{SERVER}:0"))
            .options(options)
            .log_level("info")
    };
    let mut office = Office::start(trial, elsewhere(&[]))?;
    let device = office.device("u0")?;
    let key = device.program_key(office.address())?;
    let code = office.invite("u0")?;
    let first_lines = [
        hello("u0", None)?,
        hello("u0", Some(&key))?,
        hello("nobody", Some(&key))?,
        join_line("u0", &code)?,
    ];
    let classic = [format!("u0 {}\n", &*key.written()), "u0\n".into()];
    let mut count = 0;
    while trial.goes_on(count, COUNT) {
        let mut wire = Wire::connect_from(FURTHER, office.address())?;
        match classic.get(count % 6) {
            Some(line) => {
                let answer = wire.write(line.as_bytes()).and_then(|()| wire.line());
                ensure!(answer.is_err(), "a plain login was answered: {answer:?}");
            }
            None => {
                let answer = first_line(&mut wire, &first_lines[count % 6 - classic.len()])?;
                ensure!(answer.is_bye(ByeCode::NeedsTls), "{answer:?}");
            }
        }
        count += 1;
    }
    let log = office.server.said();
    ensure!(log.contains("encrypted"), "the log does not say why");
    device.session(office.address())?;
    // Unless the operator allows it.
    drop(office);
    let server = elsewhere(&["--allow-plain"]).start()?;
    let mut wire = Wire::connect_from(FURTHER, server.address)?;
    let answer = first_line(&mut wire, &first_lines[1])?;
    ensure!(answer.is_in(), "with --allow-plain: {answer:?}");
    Ok(Verdict::Held(format!(
        "{count} plain connections from another address refused, live ones with needs-tls; TLS from there is let in"
    )))
}

/// Somebody answers a device's TLS in plain text.
pub fn stripped(trial: &Trial) -> Result<Verdict> {
    let mut office = Office::new(trial, &users(1))?;
    let device = office.device("u0")?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let stripper = thread::spawn(move || {
        let answers: [&[u8]; 3] = [
            b"f\n",
            b"bye {\"code\":\"needs-key\"}\n",
            b"HTTP/1.1 400\r\n\r\n",
        ];
        let mut lines = 0;
        for (client, answer) in listener.incoming().zip(answers.iter().cycle()) {
            let Ok(mut client) = client else { return lines };
            let mut bytes = [0; 4096];
            let count = client.read(&mut bytes).unwrap_or(0);
            // A word from the row itself.
            if bytes.starts_with(b"over") {
                return lines;
            }
            let is_plain = !bytes[..count].starts_with(&[0x16]);
            lines += usize::from(is_plain);
            let _ = client.write_all(answer);
            // What follows must be an alert, and not a line.
            let count = client.read(&mut bytes).unwrap_or(0);
            lines += usize::from(count > 0 && ![0x14, 0x15].contains(&bytes[0]));
        }
        lines
    });
    let mut count = 0;
    while trial.goes_on(count, COUNT) {
        ensure!(
            device.client.connect(address).is_err(),
            "plain text was taken for TLS"
        );
        count += 1;
    }
    Wire::connect(address)?.write(b"over")?;
    let lines = stripper.join().unwrap_or(usize::MAX);
    ensure!(lines == 0, "{lines} lines were sent in plain text");
    match device.log_in(office.address())? {
        (_, Answer::In) => Ok(Verdict::Held(format!(
            "{count} handshakes answered in plain text, 0 lines sent"
        ))),
        (_, other) => Ok(Verdict::Broken(format!("{other:?}"))),
    }
}
