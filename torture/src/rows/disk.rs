//! A disk without space, and one whose writes fail.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Result, ensure};

use crate::{
    crowd::Crowd,
    program::{Launch, Program},
    trial::{Trial, Verdict, users},
};

const TURNS: usize = 100;
const LIVE: usize = 3;

/// How long users try while nothing can be stored.
const WITHOUT: Duration = Duration::from_millis(300);

/// How long they write when it can.
const WITH: Duration = Duration::from_millis(100);

/// The most space in bytes that the log reserves at once.
const RESERVED: usize = 1024 * 1024;

/// A separate file system that is really full.
pub fn full(trial: &Trial) -> Result<Verdict> {
    let users = users(LIVE + 1);
    let data = trial.data("full", &users)?;
    let Some(_mounted) = Mounted::over(&data, "512m") else {
        return Ok(Verdict::Skipped(
            "a file system cannot be mounted here".into(),
        ));
    };
    trial.data("full", &users)?;
    let ballast = data.join("ballast");
    let mut random = trial.random();
    run(
        trial,
        &data,
        &users,
        |_| {
            let mut file = File::create(&ballast)?;
            let block = vec![1; 64 * 1024];
            while file.write_all(&block).is_ok() {}
            let length = file.metadata()?.len();
            let left = random.within(0..512 * 1024) as u64;
            Ok(file.set_len(length.saturating_sub(left))?)
        },
        |_| Ok(fs::remove_file(&ballast)?),
    )
}

/// A limit on the size of each file, which makes writes fail from some offset on.
pub fn refuses(trial: &Trial) -> Result<Verdict> {
    if !succeeds(Command::new("prlimit").arg("--version")) {
        return Ok(Verdict::Skipped("needs the program prlimit".into()));
    }
    let users = users(LIVE + 1);
    let data = trial.data("refuses", &users)?;
    let mut random = trial.random();
    let limit = |server: &Program, bytes: &str| {
        let process = format!("--pid={}", server.id());
        let set = succeeds(Command::new("prlimit").args([&process, &format!("--fsize={bytes}:")]));
        ensure!(set, "the limit could not be set");
        Ok(())
    };
    run(
        trial,
        &data,
        &users,
        |server| {
            let end = largest(&server.data.join("store"))?;
            // The log reserves space in advance: the limit lies in it, or in what is written.
            let most = end.saturating_sub(random.within(0..RESERVED) as u64);
            limit(server, &most.to_string())
        },
        |server| limit(server, "unlimited"),
    )
}

fn run(
    trial: &Trial,
    data: &Path,
    users: &[String],
    mut take_away: impl FnMut(&Program) -> Result<()>,
    give_back: impl Fn(&Program) -> Result<()>,
) -> Result<Verdict> {
    let mut random = trial.random();
    let mut crowd = Crowd::new(users, LIVE, random.fork());
    let (mut turns, mut words, mut by_itself) = (0, 0, 0);
    while trial.goes_on(turns, TURNS) {
        let mut server = start(trial, data)?;
        crowd.talk_for(server.address, WITH)?;
        take_away(&server)?;
        for _ in 0..3 {
            crowd.talk_for(server.address, WITHOUT / 3)?;
        }
        words += usize::from(!server.said().is_empty());
        give_back(&server)?;
        let before = crowd.acknowledged();
        crowd.talk_for(server.address, WITH)?;
        by_itself += usize::from(crowd.acknowledged() > before);
        ensure!(
            !server.said().contains("panicked"),
            "a panic: {}",
            server.said()
        );
        server.kill();
        turns += 1;
    }
    ensure!(words > 0, "the server never said that it cannot store");
    let server = start(trial, data)?;
    crowd.settle(server.address)?;
    let found = crowd.reckon(data)?;
    Ok(Verdict::Held(format!(
        "{turns} times, {words} with a word of it in the log, {by_itself} went on without a new \
         start; {} acknowledged: 0 lost, 0 twice",
        found.acknowledged
    )))
}

/// Starts the server so that a file size limit is an error for it and does not end it.
fn start(trial: &Trial, data: &Path) -> Result<Program> {
    let launch = Launch::new(&trial.server, data);
    Ok(launch
        .through(&["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"])
        .start()?)
}

/// The disk space that the largest file of a folder takes.
fn largest(folder: &Path) -> Result<u64> {
    let mut most = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        most = most.max(match entry.file_type()?.is_dir() {
            true => largest(&entry.path())?,
            false => space(&entry.metadata()?),
        });
    }
    Ok(most)
}

/// This is less than its length where space was only reserved.
#[cfg(unix)]
fn space(file: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(file) * 512
}

#[cfg(not(unix))]
fn space(file: &fs::Metadata) -> u64 {
    file.len()
}

/// A small file system in memory. It is unmounted when dropped.
struct Mounted(PathBuf);

impl Mounted {
    fn over(folder: &Path, size: &str) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]);
        succeeds(mount.arg(folder)).then(|| Self(folder.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily, because a server may still be ending.
        succeeds(Command::new("umount").arg("-l").arg(&self.0));
    }
}

fn succeeds(command: &mut Command) -> bool {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
