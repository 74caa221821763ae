//! A running server with a data folder of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::{cargo, process::Process};

/// How long a server may take to start listening.
const START_PATIENCE: Duration = Duration::from_secs(30);

/// What the data folder is called, as in the tutorials.
pub const FOLDER: &str = "tutorial";

/// A server that was started. It is killed when dropped.
pub struct Server {
    process: Process,
    /// The `host:port` on which it listens.
    pub address: String,
}

impl Server {
    /// Starts our server and waits until it listens.
    pub fn start(program: &Path, data: &Path, listen: &str, echo: bool) -> Result<Self> {
        let mut command = Command::new(program);
        command.arg("--listen").arg(listen).arg("--data").arg(data);
        Self::run(command, echo)
    }

    /// Starts any server that prints `listening on host:port`.
    pub fn run(mut command: Command, echo: bool) -> Result<Self> {
        let process = Process::start("server", &mut command, echo)?;
        let address = process.wait_for(START_PATIENCE, listening)?;
        Ok(Self { process, address })
    }

    /// Stops it like Ctrl-C, and waits until it has ended.
    pub fn stop(self) -> Result<()> {
        self.process.stop()
    }

    /// Stops it by Ctrl-C alone, and waits until it has ended with success.
    pub fn interrupt(self) -> Result<()> {
        self.process.interrupt()
    }

    /// Fails if the server has ended by itself.
    pub fn check_alive(&mut self) -> Result<()> {
        match self.process.ended()? {
            None => Ok(()),
            Some(status) => {
                anyhow::bail!(
                    "the server ended with {status}; it said:\n{}",
                    self.process.said()
                )
            }
        }
    }
}

/// A data folder of its own. It is deleted when dropped.
pub struct Data {
    home: TempDir,
    folder: PathBuf,
}

impl Data {
    /// One that is not there yet: `--init` makes it.
    pub fn new() -> Result<Self> {
        let home = TempDir::with_prefix("mensageiro-").context("no temporary folder")?;
        let folder = home.path().join(FOLDER);
        Ok(Self { home, folder })
    }

    /// Copies the CSV files of the sample, and nothing that a server may have put beside them.
    pub fn copy() -> Result<Self> {
        let data = Self::new()?;
        let folder = data.path();
        fs::create_dir(folder)?;
        for entry in fs::read_dir(cargo::root().join("data"))? {
            let sample = entry?.path();
            if sample
                .extension()
                .is_some_and(|extension| extension == "csv")
            {
                let name = sample.file_name().context("a file has a name")?;
                fs::copy(&sample, folder.join(name))
                    .with_context(|| format!("cannot copy {}", sample.display()))?;
            }
        }
        Ok(data)
    }

    /// The path of the data folder.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// The folder that contains the data folder, which is called [`FOLDER`].
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// A folder for the profile of one window.
    pub fn profile(&self, name: &str) -> PathBuf {
        self.home.path().join("profiles").join(name)
    }

    /// The rows of messages.csv, without the header.
    pub fn archived(&self) -> Result<Vec<String>> {
        let text = fs::read_to_string(self.folder.join("messages.csv"))?;
        Ok(text.lines().skip(1).map(str::to_owned).collect())
    }
}

fn listening(line: &str) -> Option<String> {
    let (_, address) = line.split_once("listening on ")?;
    Some(address.split_whitespace().next()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_what_follows_listening_on() {
        assert_eq!(
            listening("listening on 127.0.0.1:40001").as_deref(),
            Some("127.0.0.1:40001")
        );
        assert_eq!(listening("stopping"), None);
    }
}
