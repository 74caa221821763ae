//! A server of a school, two innocent users who talk all the time, others who log in, and what is measured before,
//! during and after an attack.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};

use super::{
    figures::{Figures, Sample},
    innocents::Innocents,
};
use crate::{
    program::{Launch, Program},
    trial::{Trial, users},
};

/// Registered users; the last hundred are innocent.
pub const USERS: usize = 3_000;
const INNOCENT: usize = 100;

/// Classes of fifty; and one group with everybody.
const CLASS: usize = 50;
pub const ALL: &str = "escola";

/// How long it is quiet before an attack, and how long is measured after it.
const CALM: Duration = Duration::from_secs(2);
const AFTER: Duration = Duration::from_secs(4);

/// What is still under way may be finished so long after the attackers have left, before the server must be at rest.
const GRACE: Duration = Duration::from_secs(1);

/// How often memory and time are looked at.
const LOOK: Duration = Duration::from_millis(50);

/// A server that is attacked.
pub struct Arena {
    pub server: Program,
    program: std::path::PathBuf,
    innocents: Vec<String>,
}

/// One attack while it goes on.
#[derive(Clone, Copy)]
pub struct Attack {
    pub server: std::net::SocketAddr,
    /// When it is over.
    pub end: Instant,
}

impl Arena {
    /// A school, and a server with its defaults.
    pub fn new(trial: &Trial) -> Result<Self> {
        let users = users(USERS);
        let mut groups = vec![(ALL.to_owned(), users.clone())];
        for (at, class) in users.chunks(CLASS).enumerate() {
            groups.push((format!("turma{at}"), class.to_vec()));
        }
        Self::with(trial, &users, &groups, &[])
    }

    /// Other users and groups, or options. The last users are innocent.
    pub fn with(
        trial: &Trial,
        users: &[String],
        groups: &[(String, Vec<String>)],
        options: &[&str],
    ) -> Result<Self> {
        let data = trial.data("arena", &[])?;
        write_directory(&data, users, groups)?;
        let server = Launch::new(&trial.server, &data)
            .with_budgets()
            .options(options);
        Ok(Self {
            // As it logs by default.
            server: server.log_level("info").start()?,
            program: trial.server.clone(),
            innocents: users[users.len() - INNOCENT..].to_vec(),
        })
    }

    /// Stops the server and starts it again.
    pub fn restart(self, options: &[&str]) -> Result<Self> {
        let data = self.server.data.clone();
        self.server.stop()?;
        let server = Launch::new(&self.program, &data)
            .with_budgets()
            .options(options);
        Ok(Self {
            server: server.log_level("info").start()?,
            program: self.program,
            innocents: self.innocents,
        })
    }

    /// Measures how others are served before, during and after an attack of some length. The attack goes on until
    /// its end, and has left when it returns.
    pub fn under<T: Send>(
        &mut self,
        length: Duration,
        attack: impl FnOnce(Attack) -> Result<T> + Send,
    ) -> Result<(Figures, T)> {
        let address = self.server.address;
        let (innocents, server) = (&self.innocents, &self.server);
        let folder = &server.data;
        let begin = Instant::now();
        let (talk, samples, disk, times, done) = thread::scope(|scope| {
            let talk = Innocents::start(scope, address, innocents);
            let meter = Meter::start(scope, server);
            thread::sleep(CALM);
            let disk = bytes_in(folder);
            let attacked = Instant::now();
            let attack = scope.spawn(move || {
                stand_back();
                let end = attacked + length;
                attack(Attack {
                    server: address,
                    end,
                })
            });
            let done = attack
                .join()
                .map_err(|_| anyhow!("the attackers' thread failed"));
            let left = Instant::now();
            let disk = bytes_in(folder).saturating_sub(disk);
            thread::sleep(AFTER);
            let talk = talk.stop();
            let end = Instant::now();
            let samples = meter.stop();
            (talk, samples, disk, (attacked, left, end), done)
        });
        let done = done??;
        self.server.check_well()?;
        let (attacked, left, end) = times;
        let figures = Figures::new(
            talk?,
            &samples,
            disk,
            [begin, attacked, left, left + GRACE, end],
        );
        Ok((figures, done))
    }

    /// What the server says of itself.
    pub fn status(&self) -> Result<serde_json::Value> {
        self.server.status(&self.program)
    }
}

/// users.csv and groups.csv.
pub fn write_directory(
    data: &Path,
    users: &[String],
    groups: &[(String, Vec<String>)],
) -> Result<()> {
    let lines = users
        .iter()
        .map(|login| format!("{login},Name of {login}\n"));
    replace(
        &data.join("users.csv"),
        &("login,name\n".to_owned() + &lines.collect::<String>()),
    )?;
    let mut lines = "group,member\n".to_owned();
    for (group, members) in groups {
        for member in members {
            lines.extend([group, ",", member, "\n"]);
        }
    }
    replace(&data.join("groups.csv"), &lines)
}

/// As editors do.
fn replace(file: &Path, content: &str) -> Result<()> {
    let new = file.with_extension("new");
    fs::write(&new, content)?;
    fs::rename(new, file).context("a file cannot be replaced")
}

/// All bytes in the files of a folder.
pub fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let bytes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_in(&entry.path()),
        Ok(metadata) => metadata.len(),
        // It has just gone.
        Err(_) => 0,
    });
    bytes.sum()
}

/// Attackers sit at other computers: here they only get the time that the server and the innocent do not need. Threads that this
/// one starts inherit it.
pub fn stand_back() {
    let thread = fs::read_link("/proc/thread-self").unwrap_or_default();
    if let Some(id) = thread.file_name() {
        let mut renice = Command::new("renice");
        let renice = renice.args(["-n", "19", "-p"]).arg(id);
        // Without it the figures are a little worse.
        let _ = renice.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

/// Looks at the server's memory and processor time.
struct Meter<'scope> {
    is_over: Arc<AtomicBool>,
    thread: thread::ScopedJoinHandle<'scope, Vec<Sample>>,
}

impl<'scope> Meter<'scope> {
    fn start(scope: &'scope thread::Scope<'scope, '_>, server: &'scope Program) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = is_over.clone();
        let thread = scope.spawn(move || {
            let mut samples = Vec::new();
            while !over.load(Ordering::Relaxed) {
                samples.extend(Sample::of(server));
                thread::sleep(LOOK);
            }
            samples
        });
        Self { is_over, thread }
    }

    fn stop(self) -> Vec<Sample> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}
