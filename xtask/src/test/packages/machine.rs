//! A new computer, as far as a package can tell: a Debian in a folder, with its own systemd.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{dist::package::output, process::Process, setup::is_root};

/// How long the machine may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a command in it may take, in seconds.
const LONGEST: &str = "120";

/// How often to look whether something is as expected.
const LOOK: Duration = Duration::from_millis(100);

/// The least that it needs.
pub const SYSTEM: &str = "systemd,systemd-sysv";

/// Where the sockets of displays are.
const DISPLAYS: &str = "/tmp/.X11-unix";

/// Where it finds the files that it is given.
pub const GIVEN: &str = "/given";

/// A running machine. It is switched off and removed when dropped.
pub struct Machine {
    folder: PathBuf,
    container: Process,
    /// The process id of its systemd, here.
    init: u32,
}

impl Machine {
    /// Makes it in this folder, with these further packages, and starts it. In [`GIVEN`] it sees the folder `given`.
    pub fn start(folder: &Path, given: &Path, packages: &str) -> Result<Self> {
        remove(folder)?;
        let release = fs::read_to_string("/etc/os-release")?;
        let name = release
            .lines()
            .find_map(|line| line.strip_prefix("VERSION_CODENAME="));
        let name = name.context("/etc/os-release does not say which Debian this is")?;
        let mut make = as_root("mmdebstrap");
        make.args(["--quiet", "--variant=minbase"]);
        make.arg(format!("--include={packages}"))
            .arg(name)
            .arg(folder);
        output(&mut make)?;

        let mut start = as_root("systemd-nspawn");
        // Nobody is asked whether it may start, and nothing in it reaches this computer's network.
        start.args([
            "--quiet",
            "--keep-unit",
            "--register=no",
            "--private-network",
            "--boot",
        ]);
        start.arg("--directory").arg(folder);
        start.arg(format!("--bind={}:{GIVEN}", given.display()));
        // Displays are reached there without a network.
        if Path::new(DISPLAYS).exists() {
            start.arg(format!("--bind-ro={DISPLAYS}"));
        }
        let container = Process::start("the machine", &mut start, false)?;
        let mut machine = Self {
            folder: folder.to_owned(),
            container,
            init: 0,
        };
        machine.init = machine.wait_for("starts", |machine| machine.find_init())?;
        machine.wait_for("is up", |machine| {
            let state = machine.run("systemctl is-active multi-user.target").ok()?;
            (state.trim() == "active").then_some(())
        })?;
        Ok(machine)
    }

    /// Runs a command of the shell in it, which must succeed, and gives what it printed.
    pub fn run(&self, command: &str) -> Result<String> {
        let mut enter = as_root("nsenter");
        enter.args(["--all", "--target", &self.init.to_string(), "--"]);
        enter.args([
            "timeout",
            LONGEST,
            "env",
            "-i",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "DEBIAN_FRONTEND=noninteractive",
            "LC_ALL=C.UTF-8",
        ]);
        enter.args(["bash", "-c", command]).stdin(Stdio::null());
        output(&mut enter).with_context(|| command.to_owned())
    }

    /// Waits until something is so.
    pub fn wait_for<T>(
        &mut self,
        what: &str,
        mut look: impl FnMut(&Self) -> Option<T>,
    ) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look(self) {
                return Ok(found);
            }
            let ended = self.container.ended()?;
            if ended.is_some() || Instant::now() > deadline {
                bail!(
                    "it is not so that the machine {what}; it said:\n{}",
                    self.container.said()
                );
            }
            thread::sleep(LOOK);
        }
    }

    /// All files and folders that a package may leave behind, sorted.
    pub fn files(&self) -> Result<Vec<String>> {
        let listed = self.run(
            "find / -xdev \\( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /given \
             -o -path /var/tmp -o -path /var/log -o -path /var/cache -o -path /var/lib/apt -o -path /var/lib/dpkg \
             -o -path /var/lib/systemd \\) -prune -o -print",
        )?;
        let mut files: Vec<_> = listed.lines().map(str::to_owned).collect();
        files.sort_unstable();
        ensure!(
            files.len() > 1000,
            "a Debian has more files than {}",
            files.len()
        );
        Ok(files)
    }

    /// Its systemd is the only child of the container's only child.
    fn find_init(&self) -> Option<u32> {
        let child = |of: u32| -> Option<u32> {
            let children = fs::read_to_string(format!("/proc/{of}/task/{of}/children")).ok()?;
            children.split_whitespace().next()?.parse().ok()
        };
        let mut process = self.container.id();
        for _ in 0..4 {
            process = child(process)?;
            let name = fs::read_to_string(format!("/proc/{process}/comm")).ok()?;
            if name.trim() == "systemd" {
                return Some(process);
            }
        }
        None
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if self.init > 0 {
            // The container ends with its systemd.
            let mut kill = as_root("kill");
            let _ = kill.args(["-KILL", &self.init.to_string()]).status();
            let _ = self.container.wait(PATIENCE);
        }
        let _ = remove(&self.folder);
    }
}

/// Whether this computer lets this account make a machine.
pub fn is_possible() -> bool {
    let asked = as_root("true")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        output(as_root("rm").args(["-rf", "--one-file-system"]).arg(folder))?;
    }
    Ok(())
}

/// A command that runs as root, without asking anybody.
pub fn as_root(program: &str) -> Command {
    if is_root() {
        return Command::new(program);
    }
    let mut sudo = Command::new("sudo");
    sudo.args(["-n", program]);
    sudo
}
