//! The two packages for distributions of Linux, whatever their format.

use std::{io::Write, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use flate2::{Compression, GzBuilder};

use super::{
    Release,
    contents::{self, Content, Contents},
};
use crate::{cargo, cross::Target};

/// The effort of the compression for packages that people download; 0 is the least.
pub const MOST: u8 = 9;

/// One of the two packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Package {
    /// The desktop app.
    App,
    /// The server, which runs as a service.
    Server,
}

impl Package {
    /// Both.
    pub const ALL: [Self; 2] = [Self::App, Self::Server];

    /// What it is called, and so is the program in it.
    pub fn name(self) -> &'static str {
        match self {
            Self::App => "mensageiro",
            Self::Server => "mensageiro-server",
        }
    }

    /// What it holds, by its path below `/usr`.
    pub fn contents(self, release: &Release) -> Result<Contents> {
        match self {
            Self::App => contents::app(release),
            Self::Server => contents::server(release, Target::Linux),
        }
    }

    /// What people edit, by its path below `/etc`.
    pub fn settings(self) -> Result<Contents> {
        let mut settings = Contents::new();
        if self == Self::Server {
            let file = cargo::root().join("packaging/linux/mensageiro-server.default");
            settings.insert("default/mensageiro-server".into(), Content::file(&file)?);
        }
        Ok(settings)
    }

    /// All of its files, by their path below `/`, with man pages compressed as distributions have them.
    pub fn files(self, contents: &Contents) -> Result<Contents> {
        let mut files = Contents::new();
        for (path, content) in contents {
            if path.starts_with("share/man/") {
                let page = compressed(&content.bytes)?;
                files.insert(format!("usr/{path}.gz"), page.into());
            } else {
                files.insert(format!("usr/{path}"), content.clone());
            }
        }
        for (path, content) in self.settings()? {
            files.insert(format!("etc/{path}"), content);
        }
        Ok(files)
    }
}

/// As `gzip -9n` does: without a name and a time.
pub fn compressed(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut gzip = GzBuilder::new().write(Vec::new(), Compression::best());
    gzip.write_all(bytes)?;
    Ok(gzip.finish()?)
}

/// Runs a tool that must succeed, and gives what it printed.
pub fn output(command: &mut Command) -> Result<String> {
    let name = Path::new(command.get_program()).display().to_string();
    let output = command
        .output()
        .with_context(|| format!("cannot start {name}"))?;
    ensure!(
        output.status.success(),
        "{name} failed: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    String::from_utf8(output.stdout).with_context(|| format!("{name} printed no text"))
}
