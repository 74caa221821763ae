//! Where windows open: on the person's display, or on a virtual one.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, bail};

/// A display for windows.
pub enum Display {
    /// The display on which this command was started.
    Own,
    /// A display in memory, with software rendering. It is gone when dropped.
    Virtual {
        /// Its X name, for example `:99`.
        name: String,
        /// The X server.
        server: Child,
    },
}

impl Display {
    /// A virtual display of this size if the system supports it, else the person's display.
    pub fn hidden(width: u32, height: u32) -> Result<Self> {
        if cfg!(any(windows, target_os = "macos")) {
            return Ok(Self::Own);
        }
        let mut server = Command::new("Xvfb")
            .args([
                "-displayfd",
                "1",
                "-nolisten",
                "tcp",
                "-noreset",
                "-screen",
                "0",
            ])
            .arg(format!("{width}x{height}x24"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start Xvfb, the virtual display")?;
        // Xvfb picks a free number and prints it once it is ready.
        let mut number = String::new();
        if let Some(answer) = server.stdout.take() {
            BufReader::new(answer).read_line(&mut number)?;
        }
        let number = number.trim();
        if number.is_empty() {
            bail!(
                "Xvfb, the virtual display, ended at once: {}",
                server.wait()?
            );
        }
        Ok(Self::Virtual {
            name: format!(":{number}"),
            server,
        })
    }

    /// Makes a program that is about to start open its windows here.
    pub fn place(&self, program: &mut Command) {
        if let Self::Virtual { name, .. } = self {
            program
                .env("DISPLAY", name)
                .env("LIBGL_ALWAYS_SOFTWARE", "1")
                .env_remove("WAYLAND_DISPLAY")
                .env_remove("WAYLAND_SOCKET");
        }
    }

    /// Whether one pixel of a window is one pixel of its picture.
    pub fn is_virtual(&self) -> bool {
        matches!(self, Self::Virtual { .. })
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        if let Self::Virtual { server, .. } = self {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}
