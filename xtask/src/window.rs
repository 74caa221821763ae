//! The desktop app, controlled by a script or by a person.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;
use serde_json::json;

use crate::{display::Display, process::Process};

/// The size of a window for a person, in points: two of them fit side by side on a small laptop.
const SIZE: (u32, u32) = (640, 620);

/// The distance from the top of the screen.
const TOP: u32 = 60;

/// How to start one window.
pub struct Window<'a> {
    /// The app.
    pub program: &'a Path,
    /// The display on which it opens.
    pub display: &'a Display,
    /// Its user; `None`: the app asks.
    pub user: Option<&'a str>,
    /// `host:port` of the server.
    pub server: &'a str,
    /// Its own profile folder.
    pub profile: PathBuf,
    /// How far its clock is off, for example `+2h`, on systems with libfaketime.
    pub clock: Option<&'a str>,
}

/// Makes the window of a profile open this many points from the left of the screen.
pub fn place(profile: &Path, left: u32) -> Result<()> {
    let (width, height) = SIZE;
    let settings = json!({
        "window": { "x": left, "y": TOP, "width": width, "height": height },
    });
    fs::create_dir_all(profile)?;
    fs::write(profile.join("settings.json"), settings.to_string())?;
    Ok(())
}

/// Where Debian and others install libfaketime, which gives a program its own clock.
const FAKETIME: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
];

impl Window<'_> {
    /// Opens it for a person, this many points from the left of the screen.
    pub fn open(&self, left: u32) -> Result<Process> {
        self.place(left)?;
        Process::start(self.name(), &mut self.command(), false)
    }

    /// Opens it and lets a script control it. It ends with the script.
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

    /// Makes it open this many points from the left of the screen next time. A window that another
    /// one covers does not draw, and its script waits.
    pub fn place(&self, left: u32) -> Result<()> {
        place(&self.profile, left)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        command.arg("--server").arg(self.server);
        command.arg("--data").arg(&self.profile);
        if let Some(user) = self.user {
            command.arg("--user").arg(user);
        }
        self.display.place(&mut command);
        let library = FAKETIME.iter().find(|path| Path::new(path).exists());
        if let Some((offset, library)) = self.clock.zip(library) {
            command
                .env("LD_PRELOAD", library)
                .env("FAKETIME", offset)
                .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        command
    }

    fn name(&self) -> &str {
        self.user.unwrap_or("nobody")
    }
}
