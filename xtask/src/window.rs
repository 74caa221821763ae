//! The desktop app, under way with a script in place of a person, or for one.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::{display::Display, process::Process};

/// How one window is to be started.
pub struct Window<'a> {
    /// The app.
    pub program: &'a Path,
    /// Where its windows appear.
    pub display: &'a Display,
    /// Who is in front of it; `None`: it asks.
    pub user: Option<&'a str>,
    /// `host:port` of the server.
    pub server: &'a str,
    /// Its own profile folder.
    pub profile: PathBuf,
}

impl Window<'_> {
    /// Opens it for a person.
    pub fn open(&self) -> Result<Process> {
        Process::start(self.name(), &mut self.command(), false)
    }

    /// Opens it and lets a script be the person; it ends with the script.
    pub fn play(&self, script: &str) -> Result<Process> {
        fs::create_dir_all(&self.profile)?;
        let file = self.profile.join("script.txt");
        fs::write(&file, script)?;
        let mut command = self.command();
        command.arg("--script").arg(file);
        Process::start(
            &format!("the window of {}", self.name()),
            &mut command,
            false,
        )
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        command.arg("--server").arg(self.server);
        command.arg("--data").arg(&self.profile);
        if let Some(user) = self.user {
            command.arg("--user").arg(user);
        }
        self.display.place(&mut command);
        command
    }

    fn name(&self) -> &str {
        self.user.unwrap_or("nobody")
    }
}
