//! A running program: its output, its exit code, and how to stop it.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// How many lines of output are kept; older ones are dropped.
const LINES_KEPT: usize = 2_000;

/// How long a program may take to stop after it was asked.
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// How long the last output of an ended program may take to arrive.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How often to check whether a program has ended.
const LOOK: Duration = Duration::from_millis(20);

/// A program that was started. It is killed when dropped.
pub struct Process {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    said: Arc<Said>,
}

#[derive(Default)]
struct Said {
    lines: Mutex<Lines>,
    changed: Condvar,
}

#[derive(Default)]
struct Lines {
    kept: VecDeque<String>,
    /// How many of its two outputs are still open.
    open: usize,
}

impl Process {
    /// Starts a program without input. With `echo` its lines are also printed here.
    pub fn start(name: &str, command: &mut Command, echo: bool) -> Result<Self> {
        Self::spawn(name, command.stdin(Stdio::null()), echo)
    }

    /// Starts a program with input: these lines, then the end of input.
    pub fn start_with_input(name: &str, command: &mut Command, input: &str) -> Result<Self> {
        let mut process = Self::start_interactive(name, command)?;
        if let Some(mut keyboard) = process.input.take() {
            keyboard.write_all(input.as_bytes())?;
        }
        Ok(process)
    }

    /// Starts a program whose input is written by [`Process::tell`].
    pub fn start_interactive(name: &str, command: &mut Command) -> Result<Self> {
        Self::spawn(name, command.stdin(Stdio::piped()), false)
    }

    /// Writes a line to its input.
    pub fn tell(&mut self, line: &str) -> Result<()> {
        let input = self.input.as_mut().context("it has no input")?;
        let written = input.write_all(format!("{line}\n").as_bytes());
        written.with_context(|| format!("{} does not listen; it said:\n{}", self.name, self.said()))
    }

    fn spawn(name: &str, command: &mut Command, echo: bool) -> Result<Self> {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let said = Arc::new(Said::default());
        if let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) {
            said.lock().open = 2;
            let label = echo.then(|| name.to_owned());
            listen(out, said.clone(), label.clone());
            listen(err, said.clone(), label);
        }
        Ok(Self {
            name: name.to_owned(),
            input: child.stdin.take(),
            child,
            said,
        })
    }

    /// Waits for a line for which `find` returns a value.
    pub fn wait_for<T>(&self, patience: Duration, find: impl Fn(&str) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + patience;
        let mut lines = self.said.lock();
        loop {
            if let Some(found) = lines.kept.iter().find_map(|line| find(line)) {
                return Ok(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || lines.open == 0 {
                let said = Vec::from(lines.kept.clone()).join("\n");
                bail!("{} did not say what it should; it said:\n{said}", self.name);
            }
            lines = self.said.wait(lines, left);
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its output so far, as far as it is kept.
    pub fn said(&self) -> String {
        Vec::from(self.said.lock().kept.clone()).join("\n")
    }

    /// Its exit status, if it has ended.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits until it has ended by itself and all its output has arrived.
    pub fn wait(&mut self, patience: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.ended()? {
                self.hear_out();
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!(
                    "{} is still running after {} s; it said:\n{}",
                    self.name,
                    patience.as_secs(),
                    self.said()
                );
            }
            thread::sleep(LOOK);
        }
    }

    /// Waits a moment for the rest of the output of an ended program. A child process that it has
    /// left behind may keep the outputs open; this does not wait for such a child.
    fn hear_out(&self) {
        let deadline = Instant::now() + LAST_WORDS;
        let mut lines = self.said.lock();
        while lines.open > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            lines = self.said.wait(lines, left);
        }
    }

    /// Waits until it has ended by itself. It must succeed.
    pub fn succeed(&mut self, patience: Duration) -> Result<()> {
        let status = self.wait(patience)?;
        if !status.success() {
            bail!(
                "{} ended with {status}; it said:\n{}",
                self.name,
                self.said()
            );
        }
        Ok(())
    }

    /// Asks it to stop, as Ctrl-C or a system shutdown would, and waits until it has ended with
    /// success.
    pub fn stop(mut self) -> Result<()> {
        if self.ended()?.is_none() {
            self.ask_to_stop("-TERM")?;
        }
        if cfg!(unix) {
            self.succeed(STOP_PATIENCE)
        } else {
            self.wait(STOP_PATIENCE).map(drop)
        }
    }

    /// Stops it by Ctrl-C, and waits until it has ended with success.
    pub fn interrupt(mut self) -> Result<()> {
        self.ask_to_stop("-INT")?;
        self.succeed(STOP_PATIENCE)
    }

    /// Asks it to stop and waits until it has ended, whatever its exit code.
    pub fn stop_whatever_it_says(mut self) -> Result<()> {
        if self.ended()?.is_none() {
            self.ask_to_stop("-TERM")?;
        }
        self.wait(STOP_PATIENCE).map(drop)
    }

    #[cfg(unix)]
    fn ask_to_stop(&mut self, signal: &str) -> Result<()> {
        let id = self.child.id().to_string();
        let status = Command::new("sh")
            .args(["-c", "kill \"$0\" \"$1\"", signal, &id])
            .status()?;
        if !status.success() && self.ended()?.is_none() {
            bail!("cannot signal {}", self.name);
        }
        Ok(())
    }

    #[cfg(not(unix))]
    fn ask_to_stop(&mut self, _signal: &str) -> Result<()> {
        Ok(self.child.kill()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Said {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something has changed, or the time is over.
    fn wait<'a>(&self, lines: MutexGuard<'a, Lines>, left: Duration) -> MutexGuard<'a, Lines> {
        let waited = self.changed.wait_timeout(lines, left);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

fn listen(output: impl Read + Send + 'static, said: Arc<Said>, label: Option<String>) {
    thread::spawn(move || {
        let mut reader = BufReader::new(output);
        let mut bytes = Vec::new();
        while matches!(reader.read_until(b'\n', &mut bytes), Ok(1..)) {
            let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            bytes.clear();
            if let Some(label) = &label {
                println!("{label}: {line}");
            }
            let mut lines = said.lock();
            if lines.kept.len() == LINES_KEPT {
                lines.kept.pop_front();
            }
            lines.kept.push_back(line);
            said.changed.notify_all();
        }
        said.lock().open -= 1;
        said.changed.notify_all();
    });
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        Process::start("the shell", Command::new("sh").args(["-c", script]), false).unwrap()
    }

    #[test]
    fn lines_of_both_outputs_are_heard() {
        let process = shell("echo one; echo two >&2; exec sleep 60");
        for expected in ["one", "two"] {
            let heard = process.wait_for(STOP_PATIENCE, |line| (line == expected).then_some(()));
            heard.unwrap();
        }
    }

    #[test]
    fn a_program_that_ended_is_not_waited_for() {
        let error = shell("echo no").wait_for(Duration::from_secs(3600), |_| None::<()>);
        assert!(error.unwrap_err().to_string().contains("it said:\nno"));
    }

    #[test]
    fn stopping_is_a_request_that_must_end_in_success() {
        let obeys = shell("trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done");
        let ready = |line: &str| (line == "ready").then_some(());
        obeys.wait_for(STOP_PATIENCE, ready).unwrap();
        obeys.stop().unwrap();
        let fails = shell("trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done");
        fails.wait_for(STOP_PATIENCE, ready).unwrap();
        assert!(fails.stop().is_err());
    }
}
