//! kill -9 of the server, and of the client, at any point of uploads and downloads.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use mensageiro_protocol::live::{Event, FileHash};

use crate::{
    program::PATIENCE,
    random::Random,
    trial::{Trial, Verdict, users},
    wire::Wire,
};

const KILLS: usize = 300;

/// People who upload and download at a time, each a file of their own again and again.
const PEOPLE: usize = 4;

/// The largest file.
const MOST_BYTES: usize = 3 * 1024 * 1024;

/// Longest life of a server in milliseconds.
const LONGEST: usize = 150;

/// Every so many parts, the client breaks its own connection.
const BREAKS: usize = 5;

/// What one person has.
struct Person {
    login: String,
    random: Random,
    /// What is being uploaded.
    current: Option<File>,
    /// The paths of those that the server said to have, and their contents.
    whole: Vec<(String, u64, usize)>,
}

struct File {
    /// Makes the content.
    seed: u64,
    size: usize,
    path: String,
}

#[derive(Default)]
struct Counts {
    uploads: AtomicUsize,
    resumed: AtomicUsize,
    downloads: AtomicUsize,
}

pub fn run(trial: &Trial) -> Result<Verdict> {
    let logins = users(PEOPLE);
    let data = trial.data("files", &logins)?;
    let mut random = trial.random();
    let mut people: Vec<_> = logins
        .into_iter()
        .map(|login| Person {
            login,
            random: random.fork(),
            current: None,
            whole: Vec::new(),
        })
        .collect();
    let counts = Counts::default();
    let options = ["--files-quota", "0"];
    let mut kills = 0;
    while trial.goes_on(kills, KILLS) {
        let mut server = trial.start(&data, &options)?;
        let life = Duration::from_micros(random.within(1_000..LONGEST * 1_000) as u64);
        let (is_over, address) = (AtomicBool::new(false), server.address);
        thread::scope(|scope| -> Result<()> {
            let working: Vec<_> = people
                .iter_mut()
                .map(|person| scope.spawn(|| person.work(address, &is_over, &counts)))
                .collect();
            // The moment of the kill varies on purpose; nothing is waited for.
            thread::sleep(life);
            server.kill();
            is_over.store(true, Relaxed);
            for one in working {
                one.join().ok().context("a client panicked")??;
            }
            Ok(())
        })?;
        kills += 1;
    }
    let server = trial.start(&data, &options)?;
    let mut checked = 0;
    for person in &mut people {
        // What was half done becomes whole.
        person.finish(server.address, &counts)?;
        for (path, seed, size) in &person.whole {
            let got = download(server.address, path)?.with_context(|| format!("{path} is gone"))?;
            ensure!(got == content(*seed, *size), "{path} is another file");
            checked += 1;
        }
    }
    server.stop()?;
    nothing_is_half(&data)?;
    ensure!(checked > 0, "there was hardly any load");
    Ok(Verdict::Held(format!(
        "{kills} kills, {} uploads ({} went on after a break), {} downloads; {checked} files whole, 0 half",
        counts.uploads.load(Relaxed),
        counts.resumed.load(Relaxed),
        counts.downloads.load(Relaxed),
    )))
}

impl Person {
    /// Uploads and downloads until the server is killed. What breaks then is no failure.
    fn work(&mut self, server: SocketAddr, is_over: &AtomicBool, counts: &Counts) -> Result<()> {
        while !is_over.load(Relaxed) {
            if let Err(error) = self.step(server, counts) {
                // Wrong content is one, whenever it comes.
                if error.is::<Wrong>() {
                    return Err(error);
                }
                thread::sleep(Duration::from_millis(1));
            }
        }
        Ok(())
    }

    fn step(&mut self, server: SocketAddr, counts: &Counts) -> Result<()> {
        if !self.whole.is_empty() && self.random.within(0..3) == 0 {
            let at = self.random.within(0..self.whole.len());
            let (path, seed, size) = &self.whole[at];
            if let Some(got) = download(server, path)? {
                counts.downloads.fetch_add(1, Relaxed);
                if got != content(*seed, *size) {
                    bail!(Wrong(path.clone()));
                }
            }
            return Ok(());
        }
        if self.current.is_none() {
            let seed = self.random.within(0..usize::MAX / 2) as u64;
            let size = self.random.within(1..MOST_BYTES);
            let path = announce(server, &self.login, seed, size)?;
            self.current = Some(File { seed, size, path });
        }
        let is_broken = self.random.within(0..BREAKS) == 0;
        let break_after = is_broken.then(|| self.random.within(0..MOST_BYTES));
        self.upload(server, break_after, counts)
    }

    /// Uploads what is missing of the current file.
    fn upload(
        &mut self,
        server: SocketAddr,
        break_after: Option<usize>,
        counts: &Counts,
    ) -> Result<()> {
        let Some(File { seed, size, path }) = &self.current else {
            return Ok(());
        };
        let content = content(*seed, *size);
        let (status, head, _) = ask(server, &format!("HEAD {path} HTTP/1.1\r\n\r\n"), &[])?;
        let here: usize = match status {
            204 => header(&head, "Upload-Offset")?,
            // All of it is there, and the answer was lost.
            200 => *size,
            _ => bail!("{head}"),
        };
        if status == 204 {
            counts.resumed.fetch_add(usize::from(here > 0), Relaxed);
            // Of a file that is there up to its end, the last byte once more.
            let from = here.min(size - 1);
            let end = break_after.map_or(*size, |more| (from + more).min(*size));
            let head = format!(
                "PUT {path} HTTP/1.1\r\nContent-Length: {}\r\nContent-Range: bytes {from}-{}/{size}\r\n\r\n",
                size - from,
                size - 1
            );
            let part = &content[from..end];
            let (status, head, _) = ask(server, &head, part)?;
            if status == 422 {
                bail!(Wrong(path.clone()));
            }
            ensure!(status == 201 || status == 200, "{head}");
        }
        // Only then it is theirs for good.
        name(server, &self.login, path, *seed)?;
        counts.uploads.fetch_add(1, Relaxed);
        self.whole.extend(
            self.current
                .take()
                .map(|file| (file.path, file.seed, file.size)),
        );
        Ok(())
    }

    fn finish(&mut self, server: SocketAddr, counts: &Counts) -> Result<()> {
        self.upload(server, None, counts)
    }
}

/// What was stored is not what was sent.
#[derive(Debug)]
struct Wrong(String);

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: not the file that was sent", self.0)
    }
}

impl std::error::Error for Wrong {}

/// Announces a file. Returns its path.
fn announce(server: SocketAddr, login: &str, seed: u64, size: usize) -> Result<String> {
    let hash = FileHash(*blake3::hash(&content(seed, size)).as_bytes());
    let mut wire = Wire::connect(server)?;
    wire.write(
        format!(
            "{login} live/1\nslot {{\"name\":\"{seed}\",\"size\":{size},\"hash\":\"{hash}\"}}\n"
        )
        .as_bytes(),
    )?;
    loop {
        match Event::parse(&wire.line()?) {
            Ok(Event::Slot(slot)) => return Ok(slot.path),
            Ok(Event::Refused(refused)) => bail!("{refused:?}"),
            _ => {}
        }
    }
}

/// Sends a message that names a file.
fn name(server: SocketAddr, login: &str, path: &str, seed: u64) -> Result<()> {
    let token = path.split('/').nth(2).context("no path")?;
    let mut wire = Wire::connect(server)?;
    wire.write(format!("{login} live/1\n#{seed};file={token} @{login} {seed}\n").as_bytes())?;
    loop {
        match Event::parse(&wire.line()?) {
            Ok(Event::Accepted(_)) => return Ok(()),
            Ok(Event::Refused(refused)) => bail!("{refused:?}"),
            _ => {}
        }
    }
}

/// A file's content; `None`: the server does not have it.
fn download(server: SocketAddr, path: &str) -> Result<Option<Vec<u8>>> {
    let (status, head, content) = ask(server, &format!("GET {path} HTTP/1.1\r\n\r\n"), &[])?;
    match status {
        200 => Ok(Some(content)),
        404 => Ok(None),
        500 => bail!(Wrong(path.to_owned())),
        _ => bail!("{head}"),
    }
}

/// Sends a request and takes the whole answer.
fn ask(server: SocketAddr, head: &str, content: &[u8]) -> Result<(u16, String, Vec<u8>)> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(head.as_bytes())?;
    stream.write_all(content)?;
    let expected: Option<usize> = header(head, "Content-Length").ok();
    if expected.is_some_and(|expected| expected > content.len()) {
        bail!("broken on purpose");
    }
    let mut heard = Vec::new();
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let end = heard.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let answer = String::from_utf8_lossy(&heard[..end]).into_owned();
            let length = header(&answer, "Content-Length").unwrap_or(0);
            let length = if head.starts_with("HEAD") { 0 } else { length };
            let mut rest = heard.split_off(end + 4);
            while rest.len() < length {
                let count = stream.read(&mut bytes)?;
                ensure!(count > 0, "cut off");
                rest.extend_from_slice(&bytes[..count]);
            }
            let status = answer.split(' ').nth(1).context("no status")?.parse()?;
            return Ok((status, answer, rest));
        }
        let count = stream.read(&mut bytes)?;
        ensure!(count > 0, "cut off");
        heard.extend_from_slice(&bytes[..count]);
    }
}

fn header(head: &str, name: &str) -> Result<usize> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let value = lines.find(|(is, _)| is.eq_ignore_ascii_case(name));
    Ok(value.context("no such header")?.1.trim().parse()?)
}

/// Bytes that differ for each seed, in every block.
fn content(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut content = Vec::with_capacity(size + 8);
    while content.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        content.extend_from_slice(&state.to_le_bytes());
    }
    content.truncate(size);
    content
}

/// Every content has the hash that is its name, and nothing else is there.
fn nothing_is_half(data: &Path) -> Result<()> {
    let mut sizes = BTreeMap::new();
    for entry in fs::read_dir(data.join("files/contents"))? {
        let file = entry?.path();
        let name = file
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let content = fs::read(&file)?;
        let hash = FileHash(*blake3::hash(&content).as_bytes()).to_string();
        ensure!(hash == name, "{}: it has another hash", file.display());
        sizes.insert(hash, content.len());
    }
    ensure!(!sizes.is_empty(), "nothing was stored");
    Ok(())
}
