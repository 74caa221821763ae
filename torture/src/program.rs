//! The server as a process.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, ensure};

/// Longer than anything takes on a slow day.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How to start a server.
pub struct Launch {
    before: Vec<OsString>,
    server: PathBuf,
    data: PathBuf,
    listen: String,
    has_budgets: bool,
    options: Vec<String>,
    variables: Vec<(String, OsString)>,
    log_level: String,
}

/// A server that did not start.
#[derive(Debug)]
pub struct Refusal {
    /// Its standard error.
    pub said: String,
    /// Whether it ended by itself with an exit code for failure, as it should when it refuses to
    /// start.
    pub is_orderly: bool,
}

/// A running server. It is killed when dropped.
pub struct Program {
    child: Child,
    pub address: SocketAddr,
    pub data: PathBuf,
    log: PathBuf,
}

impl Launch {
    pub fn new(server: &Path, data: &Path) -> Self {
        Self {
            before: Vec::new(),
            server: server.to_owned(),
            data: data.to_owned(),
            listen: "127.0.0.1:0".into(),
            has_budgets: false,
            options: Vec::new(),
            variables: Vec::new(),
            log_level: "warn".into(),
        }
    }

    pub fn options(mut self, options: &[&str]) -> Self {
        self.options
            .extend(options.iter().map(|&option| option.to_owned()));
        self
    }

    /// Leaves the budgets of logins as they are. Otherwise they are lifted, as most rows send far more
    /// than people do.
    pub fn with_budgets(mut self) -> Self {
        self.has_budgets = true;
        self
    }

    /// Starts it through another program: these words come before its own command line.
    pub fn through(mut self, words: &[&str]) -> Self {
        self.before.extend(words.iter().map(OsString::from));
        self
    }

    pub fn listen(mut self, address: &str) -> Self {
        address.clone_into(&mut self.listen);
        self
    }

    pub fn variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// What it logs: only warnings, if this is not said.
    pub fn log_level(mut self, level: &str) -> Self {
        level.clone_into(&mut self.log_level);
        self
    }

    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// [`Refusal`] when it ends before that.
    pub fn start(self) -> Result<Program, Refusal> {
        self.try_start().map_err(|refusal| match refusal {
            Ok(refusal) => refusal,
            Err(error) => Refusal {
                said: format!("{error:#}"),
                is_orderly: false,
            },
        })
    }

    fn try_start(self) -> Result<Program, Result<Refusal>> {
        let log = self.data.with_extension("log");
        let mut command = self.command(&log).map_err(Err)?;
        let mut child = command.spawn().map_err(|error| Err(error.into()))?;
        let output = child.stdout.take();
        let lines = output
            .into_iter()
            .flat_map(|out| BufReader::new(out).lines());
        let listening = lines
            .map_while(std::result::Result::ok)
            .find_map(|line| line.strip_prefix("listening on ")?.parse().ok());
        match listening {
            Some(address) => Ok(Program {
                child,
                address,
                data: self.data,
                log,
            }),
            None => {
                let status = child.wait().map_err(|error| Err(error.into()))?;
                Err(Ok(Refusal {
                    said: fs::read_to_string(log).unwrap_or_default(),
                    is_orderly: status.code() == Some(1),
                }))
            }
        }
    }

    fn budgets(&self) -> &'static [&'static str] {
        match self.has_budgets {
            true => &[],
            false => &[
                "--max-sessions-per-login=0",
                "--max-requests-per-minute=0",
                "--max-bytes-per-minute=0",
                "--max-total-requests-per-minute=0",
                "--max-total-bytes-per-minute=0",
                "--quota=0",
                "--min-free-bytes=0",
            ],
        }
    }

    fn command(&self, log: &Path) -> Result<Command> {
        let mut words = self.before.iter();
        let mut command = match words.next() {
            None => Command::new(&self.server),
            Some(first) => {
                let mut command = Command::new(first);
                command.args(words).arg(&self.server);
                command
            }
        };
        command
            .args(["--listen", &self.listen, "--data"])
            .arg(&self.data)
            .args(self.budgets())
            .args(&self.options)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env("RUST_LOG", &self.log_level)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(log).context("no log")?);
        Ok(command)
    }
}

impl Program {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it with kill -9, and waits for its end.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(mut self) -> Result<()> {
        self.signal("TERM")?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                ensure!(
                    status.success(),
                    "the server stopped with {status}: {}",
                    self.said()
                );
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "the server does not stop");
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn signal(&self, name: &str) -> Result<()> {
        let kill = Command::new("kill")
            .args([&format!("-{name}"), &self.id().to_string()])
            .status()?;
        ensure!(kill.success(), "no signal could be sent to the server");
        Ok(())
    }

    /// Fails if it has ended or one of its threads has panicked.
    pub fn check_well(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            return Err(anyhow!("the server ended with {status}: {}", self.said()));
        }
        ensure!(
            !self.said().contains("panicked"),
            "a panic: {}",
            self.said()
        );
        Ok(())
    }

    /// Its standard error since it started.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&self.log()).into_owned()
    }

    /// The same in bytes.
    pub fn log(&self) -> Vec<u8> {
        fs::read(&self.log).unwrap_or_default()
    }

    /// Resident memory in MiB: now, and the maximum.
    pub fn memory_mib(&self) -> Result<(f64, f64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().trim_end_matches(" kB").parse::<f64>().ok()
        };
        let both = kib("VmRSS:").zip(kib("VmHWM:"));
        let (now, most) = both.context("the system does not tell the memory of a process")?;
        Ok((now / 1024.0, most / 1024.0))
    }

    /// Seconds of all processors that it has used.
    pub fn cpu_seconds(&self) -> Result<f64> {
        /// The unit of these figures on Linux, in seconds.
        const TICK: f64 = 0.01;
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id()))?;
        // The name of the program may hold anything.
        let (_, fields) = stat.rsplit_once(')').unwrap_or_default();
        let times = fields.split_whitespace().skip(11).take(2);
        let ticks: Option<Vec<f64>> = times.map(|ticks| ticks.parse().ok()).collect();
        let ticks = ticks.context("the system does not tell the time of a process")?;
        Ok(ticks.iter().sum::<f64>() * TICK)
    }

    /// Open descriptors.
    pub fn descriptors(&self) -> Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.id()))?.count())
    }

    /// The output of `mensageiro-server status --json`.
    pub fn status(&self, server: &Path) -> Result<serde_json::Value> {
        let asked = Command::new(server)
            .args(["status", "--json", "--data"])
            .arg(&self.data)
            .output()?;
        ensure!(
            asked.status.success(),
            "no status: {}",
            String::from_utf8_lossy(&asked.stderr)
        );
        Ok(serde_json::from_slice(&asked.stdout)?)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Refusal {
    /// Whether the report tells a person what is wrong, and where.
    pub fn is_clear(&self) -> bool {
        self.is_orderly && self.said.contains("store") && !self.said.contains("panicked")
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the server does not start: {}", self.said)
    }
}

impl std::error::Error for Refusal {}
