//! Of which sources a program is built: commit and date. Read by the build script of the programs and
//! by `cargo xtask dist`.

use std::{env, fs, path::Path, process::Command};

/// What `commit.txt` holds in a clone. `git archive` and whoever packs the sources replace it.
const NOT_REPLACED: &str = "$Format:";

/// The commit that the sources are of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its hash, in 40 hexadecimal digits.
    pub hash: String,
    /// When it was made, in seconds since 1970.
    pub time: u64,
}

/// What git says about this folder, or what `commit.txt` says in sources that were packed.
pub fn commit(root: &Path) -> Option<Commit> {
    let packed = fs::read_to_string(root.join("commit.txt")).unwrap_or_default();
    if !packed.is_empty() && !packed.starts_with(NOT_REPLACED) {
        return parse(&packed);
    }
    // Not the repository of a folder further up, into which the sources were only unpacked.
    if !root.join(".git").exists() {
        return None;
    }
    parse(&git(
        root,
        &["show", "--no-patch", "--format=%H %ct", "HEAD"],
    )?)
}

/// The output of git, if it succeeds.
pub fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    let output = command.current_dir(root).args(arguments).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8(output.stdout).ok())?
}

/// The moment that `SOURCE_DATE_EPOCH` names, in seconds since 1970: packagers set it.
pub fn given_time() -> Option<u64> {
    env::var("SOURCE_DATE_EPOCH").ok()?.trim().parse().ok()
}

/// The day of a moment, in UTC, as `2026-11-30`.
pub fn day(seconds: u64) -> String {
    // Counted from 0000-03-01, a leap day is the last one of its year, and months repeat every five.
    const DAYS_BEFORE_1970: u64 = 719_468;
    const DAYS_OF_400_YEARS: u64 = 146_097;
    let days = seconds / 86_400 + DAYS_BEFORE_1970;
    let (era, day) = (days / DAYS_OF_400_YEARS, days % DAYS_OF_400_YEARS);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    format!("{:04}-{month:02}-{day:02}", era * 400 + year + later)
}

fn parse(text: &str) -> Option<Commit> {
    let (hash, time) = text.trim().split_once(' ')?;
    let is_hash = hash.len() == 40 && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
    Some(Commit {
        hash: is_hash.then(|| hash.to_owned())?,
        time: time.parse().ok()?,
    })
}
