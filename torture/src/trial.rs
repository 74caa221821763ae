//! What one row works with: a folder, a server to start, time, and random numbers.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    program::{Launch, Program},
    random::Random,
};

/// One running row.
pub struct Trial {
    pub server: PathBuf,
    folder: TempDir,
    end: Instant,
    is_long: bool,
    is_brief: bool,
    seed: u64,
}

/// How a row ended, if the promise held.
pub enum Verdict {
    /// The promise held. With the figures.
    Held(String),
    /// It did not hold. With the figures, and what is wrong.
    Broken(String),
    /// This machine cannot run it. With the reason.
    Skipped(String),
}

impl Trial {
    pub fn new(server: &Path, time: Duration, seed: u64) -> io::Result<Self> {
        Ok(Self {
            server: server.to_owned(),
            folder: TempDir::new()?,
            end: Instant::now() + time,
            is_long: time > Duration::from_secs(10),
            is_brief: time < Duration::from_secs(2),
            seed,
        })
    }

    /// Whether to do another round: always a first one, never more than the full count, and none
    /// after the time is over.
    pub fn goes_on(&self, done: usize, full: usize) -> bool {
        done == 0 || (done < full && Instant::now() < self.end)
    }

    /// The time this row has left.
    pub fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// Whether there is enough time for figures that need many rounds.
    pub fn is_long(&self) -> bool {
        self.is_long
    }

    /// Whether it is only a test that everything works, on a computer that may do other things meanwhile.
    pub fn is_brief(&self) -> bool {
        self.is_brief
    }

    pub fn random(&self) -> Random {
        Random::new(self.seed)
    }

    /// A folder of this name for a server, with these users, who all belong to the group `todos`.
    pub fn data(&self, name: &str, users: &[String]) -> io::Result<PathBuf> {
        self.data_with_group(name, users, users)
    }

    /// Like [`Trial::data`], with these members in the group.
    pub fn data_with_group(
        &self,
        name: &str,
        users: &[String],
        members: &[String],
    ) -> io::Result<PathBuf> {
        let data = self.folder.path().join(name);
        fs::create_dir_all(&data)?;
        let members: String = members
            .iter()
            .map(|login| format!("{GROUP},{login}\n"))
            .collect();
        fs::write(data.join("users.csv"), users.join("\n") + "\n")?;
        fs::write(data.join("groups.csv"), format!("group,member\n{members}"))?;
        Ok(data)
    }

    /// Starts the server on a folder.
    pub fn start(&self, data: &Path, options: &[&str]) -> anyhow::Result<Program> {
        Ok(Launch::new(&self.server, data).options(options).start()?)
    }

    /// Keeps the folder, so that somebody can look at it.
    pub fn keep(self) -> PathBuf {
        self.folder.keep()
    }
}

/// The group that all users of a trial belong to.
pub const GROUP: &str = "todos";

/// That many logins.
pub fn users(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("u{number}")).collect()
}
