//! A server whose system calls are counted.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use tempfile::TempDir;

use super::{Kind, Program};

/// The counted calls: those that may sync a file or write to it.
const CALLS: &str = "trace=fsync,fdatasync,write,writev,pwrite64,pwritev";

/// A server that runs under strace. This slows it down, so its times mean nothing.
pub struct Traced {
    /// The server.
    pub program: Program,
    folder: TempDir,
}

/// Calls for the files of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Calls that wait until something is on the disk.
    pub syncs: u64,
    /// Calls that write.
    pub writes: u64,
}

impl Traced {
    /// Starts it with this many users; `None` if there is no strace, or no permission to use it.
    pub fn start(kind: &Kind, users: usize) -> anyhow::Result<Option<Self>> {
        let mut probe = Command::new("strace");
        probe.args(["-o", "/dev/null", "true"]);
        let probe = probe.stderr(Stdio::null()).status();
        if !probe.is_ok_and(|status| status.success()) {
            return Ok(None);
        }
        let folder = tempfile::tempdir()?;
        let file = calls_in(&folder).to_string_lossy().into_owned();
        // strace as a child of the server, so that we can end the server.
        let words = [
            "strace", "-D", "-f", "-y", "-s", "0", "-e", CALLS, "-o", &file,
        ];
        let program = Program::start_through(&words.map(str::to_owned), kind, users)?;
        Ok(Some(Self { program, folder }))
    }

    /// The calls so far. strace reports each call as it is made.
    pub fn calls(&self) -> anyhow::Result<Calls> {
        let data = self.program.data().to_string_lossy().into_owned();
        let text = fs::read(calls_in(&self.folder))?;
        let mut calls = Calls::default();
        for line in String::from_utf8_lossy(&text).lines() {
            calls.count(line, &data);
        }
        Ok(calls)
    }
}

fn calls_in(folder: &TempDir) -> PathBuf {
    folder.path().join("calls")
}

impl Calls {
    /// Counts a line of strace if it begins a call for a file in this folder.
    fn count(&mut self, line: &str, folder: &str) {
        // The number of the thread, then the call and its arguments.
        let Some((call, given)) = line
            .split_once(' ')
            .and_then(|(_, line)| line.trim_start().split_once('('))
        else {
            return;
        };
        let file = given.split_once('<').map_or("", |(_, file)| file);
        if !file.starts_with(folder) {
            return;
        }
        match call {
            "fsync" | "fdatasync" => self.syncs += 1,
            _ => self.writes += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_for_files_of_the_folder_count_once() {
        let mut calls = Calls::default();
        for line in [
            "10158 write(3</tmp/data/log/0.seg>, \"\"..., 5)     = 5",
            "10158 fdatasync(3</tmp/data/log/0.seg>)           = 0",
            "10159 fsync(4</tmp/data/log> <unfinished ...>",
            "10159 <... fsync resumed>)              = 0",
            "10158 write(1<pipe:[1223500]>, \"\"..., 18) = 18",
            "10158 write(2</dev/null>, \"\"..., 237)   = 237",
            "10158 +++ exited with 0 +++",
        ] {
            calls.count(line, "/tmp/data");
        }
        assert_eq!(
            calls,
            Calls {
                syncs: 2,
                writes: 1
            }
        );
    }
}
