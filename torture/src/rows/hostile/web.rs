//! Clients of HTTP who take all the time of the world.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use mensageiro_protocol::live::Event;

use super::{
    arena::Arena,
    foes::{Foe, address},
    innocents, length,
};
use crate::{
    program::PATIENCE,
    trial::{Trial, Verdict},
};

const FOES: usize = 450;

/// Between two bytes of one client.
const PAUSE: Duration = Duration::from_millis(50);

/// Bytes of the file that is fetched, and of the one that never comes.
const SIZE: usize = 20_000_000;

/// Heads of requests that never end, downloads that are read one byte at a time, and uploads of one byte at a time.
pub fn slow(trial: &Trial) -> Result<Verdict> {
    let mut arena = Arena::new(trial)?;
    let server = arena.server.address;
    let whole = announce(server, "whole")?;
    upload(server, &whole)?;
    let never = announce(server, "never")?;
    let (figures, (bytes, open)) = arena.under(length(trial), |attack| {
        let mut foes: Vec<_> = (0..FOES)
            .flat_map(|number| {
                let hello = match number % 3 {
                    0 => "GET /f/x HTTP/1.1\r\nX: ".to_owned(),
                    1 => format!("GET {whole} HTTP/1.1\r\n\r\n"),
                    _ => format!("PUT {never} HTTP/1.1\r\nContent-Length: {SIZE}\r\n\r\n"),
                };
                Foe::with_buffer(address(number), attack.server, &hello, Some(4096))
            })
            .collect();
        let mut bytes = 0;
        while Instant::now() < attack.end {
            for foe in &mut foes {
                bytes += foe.push_one(b"x").unwrap_or(0) as u64;
                bytes += foe.pull(1).unwrap_or(0) as u64;
            }
            thread::sleep(PAUSE);
        }
        Ok((bytes, foes.iter().filter(|foe| foe.is_open()).count()))
    })?;
    Ok(figures.judge(&format!(
        "{FOES} connections, {bytes} single bytes, {open} still open"
    )))
}

/// Returns the path of a file of the first user.
fn announce(server: SocketAddr, name: &str) -> Result<String> {
    let mut wire = innocents::live(server, address(0), "u1")?;
    wire.write(format!("slot {{\"name\":\"{name}\",\"size\":{SIZE}}}\n").as_bytes())?;
    let line = innocents::until(&mut wire, |line| line.starts_with("slot "))?;
    match Event::parse(line.as_bytes()) {
        Ok(Event::Slot(slot)) => Ok(slot.path),
        other => anyhow::bail!("no slot: {other:?}"),
    }
}

fn upload(server: SocketAddr, path: &str) -> Result<()> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "PUT {path} HTTP/1.1\r\nContent-Length: {SIZE}\r\n\r\n"
    )?;
    stream.write_all(&vec![b'x'; SIZE])?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).context("no answer")?;
    ensure!(answer == *b"HTTP/1.1 201", "not stored");
    Ok(())
}
