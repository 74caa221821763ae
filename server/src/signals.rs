//! Signals from the system, from a person at the terminal, or from a service manager.

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Stop in order: Ctrl-C, SIGTERM, the end of the terminal, a closed console, the end of a Windows session.
    Stop,
    /// Read users.csv and groups.csv again: SIGHUP for a program without a terminal.
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

    /// Calls `asked` for each signal from now on, in a thread of its own. Terminal signals that the
    /// program was started to ignore stay ignored: `nohup` starts programs that way, and so does a
    /// shell for background commands of a script.
    ///
    /// # Errors
    /// When the system has no thread or descriptor left.
    pub fn listen(mut asked: impl FnMut(Signal) + Send + 'static) -> io::Result<()> {
        let of_terminal = [SIGHUP, SIGINT].into_iter();
        let heard = of_terminal.filter(|&signal| !is_ignored(signal));
        let mut signals = Signals::new(heard.chain([SIGTERM]))?;
        // Checked now: once the terminal is gone, nobody can tell any more that there was one.
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

    /// The same without /proc. Asking the system would need unsafe code, but child processes
    /// inherit ignored signals: a child that sends itself the signal survives if it is ignored.
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

#[cfg(windows)]
mod system {
    use std::{
        io,
        sync::Arc,
        task::{Context, Wake, Waker},
        thread::{self, Thread},
    };

    use tokio::signal::windows;

    use super::Signal;

    /// Calls `asked` whenever somebody presses Ctrl-C or Ctrl-Break, closes the console, signs out or shuts the computer
    /// down, in a thread of its own. After the last three, Windows ends the program some five seconds later, or as soon as a
    /// handler returns; the one that is registered here never does.
    ///
    /// # Errors
    /// When the system refuses the handler, or has no thread left.
    pub fn listen(mut asked: impl FnMut(Signal) + Send + 'static) -> io::Result<()> {
        let (mut ctrl_c, mut ctrl_break) = (windows::ctrl_c()?, windows::ctrl_break()?);
        let (mut close, mut logoff) = (windows::ctrl_close()?, windows::ctrl_logoff()?);
        let mut shutdown = windows::ctrl_shutdown()?;
        let mut heard = move |task: &mut Context<'_>| {
            // All are polled, so that each of them wakes the thread.
            [
                ctrl_c.poll_recv(task),
                ctrl_break.poll_recv(task),
                close.poll_recv(task),
                logoff.poll_recv(task),
                shutdown.poll_recv(task),
            ]
            .iter()
            .any(|event| event.is_ready())
        };
        let listen = move || {
            let waker = Waker::from(Arc::new(Unpark(thread::current())));
            loop {
                match heard(&mut Context::from_waker(&waker)) {
                    true => asked(Signal::Stop),
                    false => thread::park(),
                }
            }
        };
        thread::Builder::new()
            .name("signals".into())
            .spawn(listen)?;
        Ok(())
    }

    /// Wakes the thread that waits for events.
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
}

#[cfg(not(any(unix, windows)))]
mod system {
    use std::io;

    use super::Signal;

    /// Nobody sends any here.
    ///
    /// # Errors
    /// Never.
    pub fn listen(_asked: impl FnMut(Signal) + Send + 'static) -> io::Result<()> {
        Ok(())
    }
}
