//! strace: who calls the system for what, and kill -9 before a chosen call.

use std::{
    collections::HashMap,
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use crate::program::{PATIENCE, Program};

/// Calls that change a file, or which file has a name.
const CHANGING: &str = "openat,write,pwrite64,pwritev,ftruncate,fallocate,fdatasync,fsync,unlink,unlinkat,rename,renameat2";

/// Why a row that needs it is skipped.
pub const NEEDED: &str = "needs strace, and leave to use it";

/// Whether it is there and may be used.
pub fn is_possible() -> bool {
    let mut probe = Command::new("strace");
    let probe = probe
        .args(["-o", "/dev/null", "true"])
        .stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

/// The words that watch the calls which change these files, and write them to `output`. With `kill_at`, the
/// first thread that makes its call of this number, from 1, ends the whole program in the place of the call.
pub fn watching(files: &[&Path], output: &Path, kill_at: Option<usize>) -> Vec<String> {
    // As a child of the program, so that we can end the program.
    let mut words = ["strace", "-D", "-f", "-qq", "-e", "signal=none", "-o"]
        .map(str::to_owned)
        .to_vec();
    words.push(output.to_string_lossy().into_owned());
    for file in files {
        words.extend(["-P".to_owned(), file.to_string_lossy().into_owned()]);
    }
    words.extend(["-e".to_owned(), format!("trace={CHANGING}")]);
    if let Some(call) = kill_at {
        let inject = format!("inject={CHANGING}:signal=KILL:when={call}");
        words.extend(["-e".to_owned(), inject]);
    }
    words
}

/// Begins to watch a server that runs. Returns when every thread of it is watched.
pub fn attach(server: &Program, words: &[String]) -> Result<Child> {
    let mut tracer = Command::new(&words[0]);
    // It is a child of ours here.
    let words = words[1..].iter().filter(|word| *word != "-D");
    let id = server.id().to_string();
    let mut tracer = tracer
        .args(words)
        .args(["-p", &id])
        .stderr(Stdio::null())
        .spawn()?;
    let deadline = Instant::now() + PATIENCE;
    while !is_attached(&id)? {
        ensure!(
            tracer.try_wait()?.is_none() && Instant::now() < deadline,
            "strace does not attach"
        );
        thread::sleep(Duration::from_millis(2));
    }
    Ok(tracer)
}

fn is_attached(id: &str) -> Result<bool> {
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        let status = fs::read_to_string(thread?.path().join("status"))?;
        if status.lines().any(|line| line == "TracerPid:\t0") {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How many calls the busiest thread has made.
pub fn most_calls(output: &Path) -> Result<usize> {
    let mut calls: HashMap<String, usize> = HashMap::new();
    for line in fs::read_to_string(output)?.lines() {
        let (thread, call) = line.split_once(' ').unwrap_or_default();
        let call = call.trim_start();
        if !call.starts_with("<...") && !call.starts_with("+++") {
            *calls.entry(thread.to_owned()).or_default() += 1;
        }
    }
    Ok(calls.into_values().max().unwrap_or(0))
}
