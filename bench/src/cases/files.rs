//! Uploads and downloads of a large file over one connection, plain and inside TLS.

use std::{
    io::{Read, Write},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};

use super::{Entry, Plan, fill};
use crate::{
    client::Client,
    results::{Table, grouped},
    servers::Program,
    stream::{Layer, Stream},
};

/// The most files of one run: all of them fit into the quota of a user.
const MOST: usize = 16;

/// Bytes that are written at a time.
const BLOCK_BYTES: usize = 256 * 1024;

const MEBI: f64 = 1024.0 * 1024.0;

/// An upload counts until the server has said that the file is on the disk. The first download of each file comes after a
/// start, so the server compares it with its hash before.
pub fn measure(plan: &Plan) -> anyhow::Result<Table> {
    let size = plan.count(96 * 1024 * 1024, 1024 * 1024);
    let columns = [
        ("upload", " MiB/s", 0),
        ("first download", " MiB/s", 0),
        ("download", " MiB/s", 0),
        ("memory after it", " MiB", 0),
    ];
    let title = format!(
        "A file of {} MiB, one at a time",
        grouped(size as f64 / MEBI, 0)
    );
    let table = Table::new("files", title, &["server", "connections"], &columns);
    let layers = [("plain", Layer::Plain), ("TLS", Layer::Tls)];
    let entries = layers.map(|(name, layer)| Entry::new(plan.server_that_syncs(), &[name], layer));
    fill(table, plan, &entries, |entry| {
        let program = Program::start(&entry.kind, 1)?;
        let mut client = Client::log_in_live(program.address, 0)?;
        let block: Vec<u8> = (0..BLOCK_BYTES).map(|at| (at / 7) as u8).collect();
        let mut took = [Duration::ZERO; 3];
        let mut paths = Vec::new();
        let connect = |program: &Program| Stream::connect(program.address, entry.setting);
        while paths.is_empty() || (paths.len() < MOST && took[0] < plan.time) {
            let path = announce(&mut client, size, paths.len())?;
            let mut stream = connect(&program)?;
            took[0] += upload(&mut stream, &path, size, &block, paths.len())?;
            paths.push(path);
        }
        drop(client);
        let program = program.restart(&entry.kind)?;
        for path in &paths {
            for took in &mut took[1..] {
                *took += download(&mut connect(&program)?, path, size)?;
            }
        }
        let bytes = (size * paths.len()) as f64;
        let rate = |took: Duration| Some(bytes / MEBI / took.as_secs_f64());
        let mut figures: Vec<_> = took.into_iter().map(rate).collect();
        figures.push(program.memory_kib().map(|kib| kib / 1024.0));
        Ok(figures)
    })
}

/// Returns the path of the slot.
fn announce(client: &mut Client, size: usize, number: usize) -> anyhow::Result<String> {
    client.send(format!("slot {{\"name\":\"{number}.bin\",\"size\":{size}}}\n").as_bytes())?;
    let mut path = None;
    client.take_lines(|line| {
        let line = String::from_utf8_lossy(line);
        let rest = line.split("\"path\":\"").nth(1);
        path = rest.and_then(|rest| Some(rest.split('"').next()?.to_owned()));
        Ok(line.starts_with("slot ") || line.starts_with("no "))
    })?;
    path.context("the server gives no slot")
}

/// Each file is another one: equal ones would be stored once.
fn upload(
    stream: &mut Stream,
    path: &str,
    size: usize,
    block: &[u8],
    number: usize,
) -> anyhow::Result<Duration> {
    let begin = Instant::now();
    let head = format!("PUT {path} HTTP/1.1\r\nContent-Length: {size}\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let mut first = block.to_vec();
    first[0] = number as u8;
    let mut sent = 0;
    while sent < size {
        let part = if sent == 0 { &first } else { block };
        let part = &part[..part.len().min(size - sent)];
        stream.write_all(part)?;
        sent += part.len();
    }
    stream.flush()?;
    let (head, _) = answer(stream)?;
    ensure!(head.starts_with("HTTP/1.1 201 "), "not stored: {head}");
    Ok(begin.elapsed())
}

fn download(stream: &mut Stream, path: &str, size: usize) -> anyhow::Result<Duration> {
    let begin = Instant::now();
    stream.write_all(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes())?;
    stream.flush()?;
    let (head, mut got) = answer(stream)?;
    ensure!(head.starts_with("HTTP/1.1 200 "), "not sent: {head}");
    let mut bytes = vec![0; BLOCK_BYTES];
    while got < size {
        let count = stream.read(&mut bytes)?;
        ensure!(count > 0, "the download ended after {got} bytes");
        got += count;
    }
    Ok(begin.elapsed())
}

/// The head of an answer, and how many bytes came after it.
fn answer(stream: &mut Stream) -> anyhow::Result<(String, usize)> {
    let mut heard = Vec::new();
    let mut bytes = [0; 4096];
    loop {
        let count = stream.read(&mut bytes)?;
        ensure!(count > 0, "no answer");
        heard.extend_from_slice(&bytes[..count]);
        let end = heard.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&heard[..end]).into_owned();
            return Ok((head, heard.len() - end - 4));
        }
    }
}
