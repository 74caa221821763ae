//! Shows where a server spends its time: perf samples it while it is measured.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, ensure};

/// How many functions are listed.
const FUNCTIONS: usize = 40;

/// A running perf, which samples a process until it ends.
pub struct Profile {
    perf: Child,
    file: PathBuf,
}

/// A line of perf's report.
struct Part {
    percent: f64,
    thread: String,
    function: String,
}

impl Profile {
    /// Starts sampling a process. The output of perf stays in this folder.
    pub fn start(folder: &Path, process: u32) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)?;
        let file = folder.join(format!("{process}.perf"));
        let perf = Command::new("perf")
            .args([
                "record",
                "-q",
                "-F",
                "997",
                "-p",
                &process.to_string(),
                "-o",
            ])
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()
            .context("a profile needs perf (on Debian and Ubuntu: apt install linux-perf)")?;
        Ok(Self { perf, file })
    }

    /// After the process has ended: the share of the time of each thread and each function.
    pub fn report(mut self) -> anyhow::Result<String> {
        self.perf.wait()?;
        let report = Command::new("perf")
            .args([
                "report",
                "--stdio",
                "-q",
                "-F",
                "overhead,comm,sym",
                "-t",
                ";",
                "-i",
            ])
            .arg(&self.file)
            .stderr(Stdio::null())
            .output()?;
        let text = String::from_utf8_lossy(&report.stdout);
        let parts: Vec<_> = text.lines().filter_map(part).collect();
        let file = self.file.display();
        ensure!(!parts.is_empty(), "perf took no samples; see {file}");
        let by_thread = sums(&parts, |part| &part.thread);
        let by_function = sums(&parts, |part| &part.function);
        Ok(format!(
            "Of the processor time of the server, by thread:\n\n{}\nby function (more: perf report -i {file}):\n\n{}",
            lines(&by_thread),
            lines(&by_function[..by_function.len().min(FUNCTIONS)]),
        ))
    }
}

fn part(line: &str) -> Option<Part> {
    let mut fields = line.split(';').map(str::trim);
    let percent = fields.next()?.strip_suffix('%')?.parse().ok()?;
    let thread = fields.next()?;
    // The thread of a session has the name of its user.
    let is_session = thread.starts_with("user ");
    let thread = if is_session { "sessions" } else { thread };
    Some(Part {
        percent,
        thread: thread.into(),
        function: fields.next()?.into(),
    })
}

/// The largest first.
fn sums<'a>(parts: &'a [Part], name: impl Fn(&'a Part) -> &'a str) -> Vec<(&'a str, f64)> {
    let mut sums = BTreeMap::new();
    for part in parts {
        *sums.entry(name(part)).or_insert(0.0) += part.percent;
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by(|one, other| other.1.total_cmp(&one.1));
    sums
}

fn lines(sums: &[(&str, f64)]) -> String {
    let line = |(name, percent): &(&str, f64)| format!("{percent:6.2} %  {name}\n");
    sums.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_added_up() {
        let report = " 30.00%;user u17;[.] memchr\n 20.00%;user u3  ;[k] send\n50.00%;journal;[.] memchr\n\n";
        let parts: Vec<_> = report.lines().filter_map(part).collect();
        let threads = sums(&parts, |part| &part.thread);
        assert_eq!(threads, [("journal", 50.0), ("sessions", 50.0)]);
        let functions = sums(&parts, |part| &part.function);
        assert_eq!(functions, [("[.] memchr", 80.0), ("[k] send", 20.0)]);
    }
}
