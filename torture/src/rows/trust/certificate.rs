//! The certificate of a server is replaced on disk while clients log in.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, ensure};

use super::lines::{first_line, hello};
use crate::{
    program::{PATIENCE, Program},
    tls::{Client, Identity},
    trial::{Trial, Verdict, users},
};

const COUNT: usize = 1_000;

/// One in so many replacements is not announced by a signal: the server looks by itself.
const UNANNOUNCED: usize = 50;

/// Logins after a broken file was put in its place.
const LOGINS: usize = 5;

/// How the files may be broken.
const WAYS: usize = 6;

/// Certificates and keys in PEM, where the server reads them.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

pub fn run(trial: &Trial) -> Result<Verdict> {
    let people = users(1);
    let data = trial.data("certificate", &people)?;
    let files = Files {
        certificate: data.with_extension("cert.pem"),
        key: data.with_extension("key.pem"),
    };
    let mut current = Identity::new()?;
    files.replace(&current)?;
    let paths = [&files.certificate, &files.key].map(|path| path.display().to_string());
    let options = ["--tls-cert", &paths[0], "--tls-key", &paths[1]];
    let mut server = trial.start(&data, &options)?;
    let client = Client::new(None, &[])?;
    let mut random = trial.random();
    let (logins, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (mut replaced, mut broken) = (0, 0);
    let address = server.address;
    let done = thread::scope(|scope| {
        let others: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| log_in_all_the_time(&client, address, &logins, &is_over)))
            .collect();
        let mut replace = || -> Result<()> {
            while trial.goes_on(replaced, COUNT) {
                let new = Identity::new()?;
                files.replace(&new)?;
                if replaced % UNANNOUNCED != 0 {
                    server.signal("HUP")?;
                }
                shown_at_last(&client, address, &current, &new)?;
                current = new;
                replaced += 1;
                if random.once_in(4) {
                    keeps_the_old(&files, &server, &client, &current, broken % WAYS)?;
                    broken += 1;
                }
            }
            Ok(())
        };
        let replaced = replace();
        is_over.store(true, Ordering::Relaxed);
        for other in others {
            other.join().map_err(|_| anyhow!("a thread failed"))??;
        }
        replaced
    });
    done?;
    server.check_well()?;
    let logins = logins.into_inner();
    ensure!(logins > replaced, "hardly anybody logged in");
    Ok(Verdict::Held(format!(
        "{replaced} replacements, {broken} broken files: {logins} logins, each with the old or the new certificate"
    )))
}

fn log_in_all_the_time(
    client: &Client,
    server: SocketAddr,
    logins: &AtomicUsize,
    is_over: &AtomicBool,
) -> Result<()> {
    while !is_over.load(Ordering::Relaxed) {
        let mut wire = client.connect(server)?;
        let answer = first_line(&mut wire, &hello("u0", None)?)?;
        ensure!(answer.is_in(), "{answer:?}");
        logins.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Waits until the new one is shown. Until then it is the old one.
fn shown_at_last(
    client: &Client,
    server: SocketAddr,
    old: &Identity,
    new: &Identity,
) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (_, shown) = client.look(server)?;
        if shown == new.fingerprint() {
            return Ok(());
        }
        ensure!(
            shown == old.fingerprint(),
            "neither the old nor the new one"
        );
        ensure!(Instant::now() < deadline, "the new one is never shown");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Breaks the files in one way, and puts them right again.
fn keeps_the_old(
    files: &Files,
    server: &Program,
    client: &Client,
    current: &Identity,
    way: usize,
) -> Result<()> {
    let complaints = || server.said().matches("the old one goes on").count();
    let before = complaints();
    let (certificate, key) = current.pem();
    match way {
        0 => put(&files.certificate, "no certificate\n")?,
        1 => put(&files.certificate, "")?,
        2 => put(&files.certificate, &certificate[..certificate.len() / 2])?,
        3 => put(&files.key, &Identity::new()?.pem().1)?,
        4 => put(&files.key, &key[..key.len() / 2])?,
        _ => fs::remove_file(&files.key)?,
    }
    server.signal("HUP")?;
    let deadline = Instant::now() + PATIENCE;
    while complaints() == before {
        ensure!(Instant::now() < deadline, "a broken file is not reported");
        thread::sleep(Duration::from_millis(5));
    }
    for _ in 0..LOGINS {
        let (mut wire, shown) = client.look(server.address)?;
        ensure!(shown == current.fingerprint(), "a broken file is used");
        let answer = first_line(&mut wire, &hello("u0", None)?)?;
        ensure!(answer.is_in(), "{answer:?}");
    }
    files.replace(current)
}

impl Files {
    /// One after the other, as programs do that renew certificates.
    fn replace(&self, identity: &Identity) -> Result<()> {
        let (certificate, key) = identity.pem();
        put(&self.key, &key)?;
        put(&self.certificate, &certificate)
    }
}

fn put(file: &Path, content: &str) -> Result<()> {
    let new = file.with_extension("new");
    fs::write(&new, content)?;
    Ok(fs::rename(new, file)?)
}
