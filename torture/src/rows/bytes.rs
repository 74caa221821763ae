//! Lines of random bytes: escape sequences, NUL, broken UTF-8, bidirectional overrides.

use anyhow::{Context, Result, ensure};

use crate::{
    archive,
    random::Random,
    trial::{Trial, Verdict, users},
    wire::Wire,
};

const LINES: usize = 1_000_000;

/// Lines of one round, half of them from a live sender, half from a classic one.
const TURN: usize = 1_000;

/// Byte sequences that do harm somewhere.
const NASTY: &[&[u8]] = &[
    b"\x1b[31m",
    b"\x1b]0;title\x07",
    b"\x1b[2J",
    b"\x00",
    b"\x7f",
    b"\x08",
    b"\xff\xfe",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xe2\x80\xae",
    b"\xe2\x81\xa6",
    b"\xc2\x9b31m",
    b"\xe2\x80\xa8",
    b"\xc2\x85",
    b"\r",
    b"\t",
    b"=1+1",
    b"\"",
    b"\\n\\",
    b"f",
];

pub fn run(trial: &Trial) -> Result<Verdict> {
    let users = users(4);
    let data = trial.data("bytes", &users)?;
    let mut server = trial.start(&data, &[])?;
    let mut random = trial.random();
    let mut live = Wire::connect(server.address)?;
    live.write(b"u0 live/1\n")?;
    while live.line()? != b"f" {}
    let mut classic = Wire::connect(server.address)?;
    classic.write(b"u1\n")?;
    ensure!(classic.line()? == b"f", "no answer");
    let mut reader = Wire::connect(server.address)?;
    reader.write(b"u2\n")?;
    ensure!(reader.line()? == b"f", "no answer");
    let mut live_reader = Wire::connect(server.address)?;
    live_reader.write(b"u3 live/1\n")?;
    while live_reader.line()? != b"f" {}
    let (mut lines, mut messages, mut live_messages) = (0, 0, 0);
    while trial.goes_on(lines, LINES) {
        let (mut block, mut sent, mut live_sent) = (Vec::new(), 0, 0);
        for _ in 0..TURN / 2 {
            match line(&mut random, &mut block) {
                Some(2) => sent += 1,
                Some(_) => live_sent += 1,
                None => {}
            }
        }
        live.write(&block)?;
        live.write(b"ping {}\n")?;
        while live.line()? != b"pong {}" {}
        block.clear();
        for _ in 0..TURN / 2 {
            match line(&mut random, &mut block) {
                Some(2) => sent += 1,
                Some(_) => live_sent += 1,
                None => {}
            }
        }
        classic.write(&block)?;
        for _ in 0..TURN / 2 {
            ensure!(classic.line()? == b"f", "somebody wrote to the sender");
        }
        let mut got = 0;
        while got < sent {
            reader.write(b"\n")?;
            loop {
                let line = reader.line()?;
                if line == b"f" {
                    break;
                }
                check_safe(&line)?;
                got += 1;
            }
        }
        ensure!(got == sent, "{got} messages instead of {sent}");
        let (mut got, mut newest) = (0, Vec::new());
        while got < live_sent {
            let line = live_reader.line()?;
            check_safe(&line)?;
            if line.starts_with(b"#") {
                newest = line;
                got += 1;
            }
        }
        let id = newest.split(|byte| *byte == b';').next().context("no id")?;
        let id = str::from_utf8(&id[1..])?;
        for with in ["u0", "u1"] {
            let said = format!("read {{\"with\":\"{with}\",\"up_to\":{id}}}\n");
            live_reader.write(said.as_bytes())?;
        }
        lines += TURN;
        messages += sent;
        live_messages += live_sent;
    }
    reader.write(b"\n")?;
    ensure!(reader.line()? == b"f", "something came twice");
    reader.close()?;
    server.check_well()?;
    server.stop()?;
    let rows = archive::rows(&data)?;
    ensure!(
        rows.len() == messages + live_messages,
        "{} rows of {}",
        rows.len(),
        messages + live_messages
    );
    for (_, _, text) in &rows {
        check_safe(text.replace('\n', " ").as_bytes())?;
    }
    Ok(Verdict::Held(format!(
        "{lines} lines, {messages} messages to a classic reader, {live_messages} to a live one, \
         {} rows: no panic, nothing raw",
        rows.len()
    )))
}

/// Appends a line. Returns the recipient, if the line is a message.
fn line(random: &mut Random, block: &mut Vec<u8>) -> Option<usize> {
    let to = match random.within(0..5) {
        0 => None,
        1 | 2 => Some(2),
        _ => Some(3),
    };
    match to {
        Some(to) => block.extend_from_slice(format!("@u{to} ").as_bytes()),
        // Neither a message nor a verb with an effect.
        None => block.push(b'!'),
    }
    block.push(b'x');
    for _ in 0..random.within(0..20) {
        match random.within(0..3) {
            0 => {
                let nasty: &&[u8] = random.one_of(NASTY);
                block.extend_from_slice(nasty);
            }
            1 => block.extend_from_slice("olá ☕".as_bytes()),
            _ => block.push(random.next() as u8),
        }
        // A line break inside would make two lines of it.
        if block.last() == Some(&b'\n') {
            block.pop();
        }
    }
    // At the end of a line it would belong to the line end.
    block.extend_from_slice(b".\n");
    to
}

fn check_safe(line: &[u8]) -> Result<()> {
    let text = str::from_utf8(line).context("a line that is not UTF-8")?;
    let raw = text.chars().find(|c| {
        let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        (c.is_control() && *c != '\t') || turns
    });
    ensure!(raw.is_none(), "{raw:?} reaches a reader in {text:?}");
    Ok(())
}
