//! A search for everything that nobody else may know: in the log, in answers, in the status, in the metrics, in command lines and
//! in the data folder.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use mensageiro_protocol::trust::Secret;

use super::{
    lines::{guess, join_line},
    office::{Device, Office, folder},
};
use crate::{
    program::Launch,
    trial::{Trial, Verdict, users},
    wire::{Wire, is_time_limit},
};

const COUNT: usize = 100;

/// So many letters of a secret in a row give too much of it away.
const PART: usize = 12;

/// So many places are named where something was found.
const SHOWN: usize = 8;

/// Every part of every secret, in lower case and without what may be between the letters, and whose part it is.
#[derive(Default)]
struct Wanted {
    parts: HashMap<Vec<u8>, &'static str>,
    secrets: usize,
}

/// What the server's own private key is called. It may be in its file.
const OWN: &str = "private key of the server";

/// Where something may be found, and what is there.
struct Place {
    name: String,
    content: Vec<u8>,
}

pub fn run(trial: &Trial) -> Result<Verdict> {
    let people = users(COUNT);
    let data = folder(trial, &people)?;
    // It is free again when the listener is dropped.
    let told_at = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let launch = Launch::new(&trial.server, &data)
        .options(&["--metrics", &told_at.to_string()])
        .log_level("trace");
    let mut office = Office::start(trial, launch)?;
    let (mut count, mut places) = (0, Vec::new());
    let mut wanted = Wanted::default();
    while trial.goes_on(count, COUNT) {
        let login = &people[count];
        let code = office.invite(login)?;
        let device = Device::new(login, office.fingerprint)?;
        let joined = device.join(office.address(), &code)?;
        ensure!(joined.is_joined(), "{joined:?}");
        let key = device.program_key(office.address())?;
        let wrong = guess(trial.random().next() + count as u64);
        let unused = office.invite(login)?;
        let stranger = Device::new(login, office.fingerprint)?;
        for (number, secret) in [&code, &key, &wrong, &unused].into_iter().enumerate() {
            let kind = ["used code", "program key", "wrong key", "code"][number];
            wanted.add(kind, secret.plain().as_bytes());
        }
        for line in lines(login, &key, &wrong, &code)? {
            places.push(answers(&office, &stranger, &line)?);
        }
        count += 1;
    }
    let device = office.device("u0")?;
    wanted.add_pem(OWN, &fs::read_to_string(data.join("tls/key.pem"))?);
    wanted.add_pem("private key of a device", &device.identity.pem().1);
    places.push(Place::new(
        "the status",
        office.server.status(&office.program)?.to_string(),
    ));
    places.push(Place::new("the metrics", metrics(told_at)?));
    places.push(Place::new(
        "a command line",
        command_lines(office.server.id())?,
    ));
    places.push(Place::new("the log", office.server.said()));
    office.server.stop()?;
    collect(&data, &mut places)?;
    let found: BTreeSet<String> = places
        .iter()
        .filter_map(|place| wanted.found(place))
        .collect();
    let bytes: usize = places.iter().map(|place| place.content.len()).sum();
    let seen = format!(
        "{} secrets, {} answers and files, {} KiB",
        wanted.secrets,
        places.len(),
        bytes / 1024
    );
    if found.is_empty() {
        return Ok(Verdict::Held(format!("{seen}: found nowhere")));
    }
    let found: Vec<_> = found.into_iter().take(SHOWN).collect();
    Ok(Verdict::Broken(format!("{seen}. **{}**", found.join("; "))))
}

/// First lines with secrets: right ones, and with all kinds of mistakes.
fn lines(login: &str, key: &Secret, wrong: &Secret, code: &Secret) -> Result<Vec<Vec<u8>>> {
    let (key, wrong) = (key.written(), wrong.written());
    let cut = &wrong[..wrong.len() - 1];
    let texts = [
        format!("{login} {}", &*key),
        format!("{login} {}", &*wrong),
        format!("{login} {} live/1", &*wrong),
        format!("{login} live/1 {}", &*wrong),
        format!("{login} live/1 after={}", &*wrong),
        format!("nobody {}", &*wrong),
        // The key alone, or with a letter too few.
        wrong.to_string(),
        cut.to_owned(),
        format!("{cut} live/1"),
        format!("{login} {cut}"),
        format!("{login}{}", &*wrong),
        format!("{login}:{}", &*wrong),
        format!("{} {login}", &*wrong),
        format!("join {{\"login\":\"{login}\",\"code\":\"{cut}\"}}"),
        format!("join {{\"login\":\"{login}\",\"code\":\"{}\"", &*wrong),
        format!(
            "join {{\"login\":\"{}\",\"code\":\"{}\"}}",
            &*wrong, &*wrong
        ),
        format!(
            "join {{\"login\":\"{login}\",\"code\":\"{}\",\"name\":7}}",
            &*wrong
        ),
        format!("JOIN {login} {}", &*wrong),
        format!("mensageiro://127.0.0.1:1/{login}?key=x#{}", &*wrong),
    ];
    let texts = texts.into_iter().map(|text| (text + "\n").into_bytes());
    Ok(texts.chain([join_line(login, code)?]).collect())
}

/// What the server says to a first line in plain text and inside TLS.
fn answers(office: &Office, device: &Device, line: &[u8]) -> Result<Place> {
    // An address for each, as wrong keys of one address are answered ever later.
    let number = line.iter().fold(7_u32, |sum, &byte| {
        sum.wrapping_mul(31).wrapping_add(byte.into())
    });
    let [_, a, b, c] = number.to_be_bytes();
    let source = [127, a, b, c | 1];
    let mut content = Vec::new();
    let plain = Wire::connect_from(source, office.address())?;
    let inside = device.client.connect_from(source, office.address())?;
    for mut wire in [plain, inside] {
        let _ = wire.write(line);
        // A session that was let in says no more after this.
        let _ = wire.write(b"\n");
        wire.stream()
            .set_read_timeout(Some(Duration::from_millis(100)))?;
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            match wire.line() {
                Ok(line) if line == b"f" => break,
                Ok(line) => content.extend(line),
                Err(error) if is_time_limit(&error) && Instant::now() < end => {}
                Err(_) => break,
            }
        }
    }
    let shown: String = String::from_utf8_lossy(line).chars().take(12).collect();
    Ok(Place {
        name: format!("the answer to {shown:?}…"),
        content,
    })
}

impl Place {
    fn new(name: &str, content: String) -> Self {
        Self {
            name: name.into(),
            content: content.into_bytes(),
        }
    }
}

impl Wanted {
    fn add(&mut self, kind: &'static str, text: &[u8]) {
        let parts = bare(text);
        self.parts
            .extend(parts.windows(PART).map(|part| (part.to_vec(), kind)));
        self.secrets += 1;
    }

    /// The same of a file in PEM. Keys of a kind all begin with the same line.
    fn add_pem(&mut self, kind: &'static str, pem: &str) {
        let lines = pem.lines().filter(|line| !line.starts_with("---")).skip(1);
        self.add(kind, lines.collect::<String>().as_bytes());
    }

    /// What is found at a place, with what is before it.
    fn found(&self, place: &Place) -> Option<String> {
        let content = bare(&place.content);
        let is_own = |kind: &str| kind == OWN && place.name.ends_with("tls/key.pem");
        let found = content.windows(PART).enumerate().find_map(|(at, part)| {
            let kind = self.parts.get(part).filter(|kind| !is_own(kind))?;
            Some((at, kind))
        });
        let (at, kind) = found?;
        let before = String::from_utf8_lossy(&content[at.saturating_sub(60)..at]);
        Some(format!("a {kind} is in {}, after {before:?}", place.name))
    }
}

/// Without what may be between letters, and in lower case.
fn bare(text: &[u8]) -> Vec<u8> {
    let letters = text.iter().filter(|byte| !b"- \r\n".contains(byte));
    letters.map(u8::to_ascii_lowercase).collect()
}

/// What Prometheus is told, and people.
fn metrics(address: SocketAddr) -> Result<String> {
    let mut told = String::new();
    for page in ["/metrics", "/"] {
        let mut reader = TcpStream::connect(address)?;
        reader.write_all(format!("GET {page} HTTP/1.1\r\n\r\n").as_bytes())?;
        reader.read_to_string(&mut told)?;
    }
    ensure!(told.contains("200 OK"), "no metrics: {told}");
    Ok(told)
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| file.display().to_string())
}

/// The command lines and the environments of all programs that can be seen.
fn command_lines(server: u32) -> Result<String> {
    let mut all = String::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let is_process = entry.file_name().to_string_lossy().parse::<u32>().is_ok();
        if is_process {
            // It may have just ended.
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            all += &String::from_utf8_lossy(&line);
        }
    }
    ensure!(
        all.contains("--closed"),
        "the server's command line is not there"
    );
    let environment = read(Path::new(&format!("/proc/{server}/environ")))?;
    Ok(all + &String::from_utf8_lossy(&environment))
}

/// All files of a folder.
fn collect(folder: &Path, places: &mut Vec<Place>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() {
            true => collect(&path, places)?,
            false => {
                // The row itself has written it.
                let is_own = path.ends_with("users.csv") || path.ends_with("groups.csv");
                let is_private = is_own || is_private(&path)?;
                ensure!(is_private, "others may read {}", path.display());
                places.push(Place {
                    name: path.display().to_string(),
                    content: read(&path)?,
                });
            }
        }
    }
    Ok(())
}

/// Whether only its owner may read or write a file.
#[cfg(unix)]
fn is_private(file: &Path) -> Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::metadata(file)?.permissions().mode() & 0o077 == 0)
}

/// There are other tests for other systems; nothing here runs on them.
#[cfg(not(unix))]
fn is_private(_file: &Path) -> Result<bool> {
    Ok(true)
}
