//! What the system, a person at the terminal or a service manager asks of the running program.

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// To end in order: Ctrl-C, SIGTERM, the end of the terminal, a console that is closed.
    Stop,
    /// To read users.csv and groups.csv again: SIGHUP for a program without a terminal.
    Reload,
}

pub use system::listen;

#[cfg(unix)]
mod system {
    use std::{
        io::{self, IsTerminal},
        thread,
    };

    use signal_hook::{
        consts::{SIGHUP, SIGINT, SIGTERM},
        iterator::Signals,
    };

    use super::Signal;

    /// Calls `asked` for each signal from now on, by a thread of its own. Those of the terminal that
    /// the program was started to ignore it goes on ignoring: `nohup` does that, and a shell for what a
    /// script puts into the background.
    ///
    /// # Errors
    /// When the system has no thread or descriptor left.
    pub fn listen(mut asked: impl FnMut(Signal) + Send + 'static) -> io::Result<()> {
        let of_terminal = [SIGHUP, SIGINT].into_iter();
        let heard = of_terminal.filter(|&signal| !is_ignored(signal));
        let mut signals = Signals::new(heard.chain([SIGTERM]))?;
        // Looked at now: when the terminal has gone, nobody can say any more that it was there.
        let has_terminal =
            io::stdin().is_terminal() || io::stdout().is_terminal() || io::stderr().is_terminal();
        let meaning = move |signal| match signal {
            SIGHUP if !has_terminal => Signal::Reload,
            _ => Signal::Stop,
        };
        thread::Builder::new()
            .name("signals".into())
            .spawn(move || signals.forever().map(meaning).for_each(&mut asked))?;
        Ok(())
    }

    /// Whether this program was started to ignore a signal.
    #[cfg(target_os = "linux")]
    fn is_ignored(signal: i32) -> bool {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let ignored = ignored.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
        ignored.is_some_and(|set| set >> (signal - 1) & 1 == 1)
    }

    /// The same. Asking the system would need code that is not safe, but what this program ignores its
    /// children do as well: one that sends itself the signal survives.
    #[cfg(not(target_os = "linux"))]
    fn is_ignored(signal: i32) -> bool {
        use std::process::{Command, Stdio};
        let mut child = Command::new("/bin/sh");
        child.args(["-c", &format!("kill -{signal} $$")]);
        let ended = child
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        ended.is_ok_and(|ended| ended.success())
    }
}

#[cfg(not(unix))]
mod system {
    use std::io;

    use super::Signal;

    /// Calls `asked` whenever somebody presses Ctrl-C or closes the console, by a thread of its own.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn listen(mut asked: impl FnMut(Signal) + Send + 'static) -> io::Result<()> {
        ctrlc::set_handler(move || asked(Signal::Stop)).map_err(io::Error::other)
    }
}
