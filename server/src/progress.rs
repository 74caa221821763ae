//! How far a long task has come, for a person at a terminal; Ctrl-C ends it.

use std::{
    fmt::Display,
    io::{self, Write},
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use indicatif::{ProgressBar, ProgressStyle};
use mensageiro_protocol::Escaped;

use crate::{
    log::Done,
    signals::{self, Signal},
};

/// Whether somebody has asked the program to stop.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

/// A bar on standard error if that is a terminal; otherwise nothing is shown. It is gone when it is dropped.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
    interrupt: Interrupt,
}

impl Interrupt {
    /// From now on Ctrl-C, and what else asks a program to stop, ends what shows its progress. To be called once.
    ///
    /// # Errors
    /// When the system has no thread or descriptor left.
    pub fn listen() -> io::Result<Self> {
        let interrupt = Self::default();
        let asked = interrupt.clone();
        signals::listen(move |signal| {
            if signal == Signal::Stop {
                asked.0.store(true, Ordering::Relaxed);
            }
        })?;
        Ok(interrupt)
    }

    /// Whether to go on.
    pub fn flow(&self) -> ControlFlow<()> {
        match self.0.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

impl Bar {
    /// For a task that is called `what`, in a word or two.
    pub fn bytes(what: &'static str, interrupt: Interrupt) -> Self {
        let style = "{msg} [{wide_bar}] {bytes} of {total_bytes}, {eta} left";
        Self::new(what, style, interrupt)
    }

    /// The same for a task that is measured in messages. Nothing but the end of the program ends it.
    pub fn messages(what: &'static str) -> Self {
        let style = "{msg} [{wide_bar}] {human_pos} of {human_len} messages, {eta} left";
        Self::new(what, style, Interrupt::default())
    }

    fn new(what: &'static str, style: &str, interrupt: Interrupt) -> Self {
        let bar = ProgressBar::new(0).with_message(what);
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { bar, interrupt }
    }

    /// Shows how far the task is; says whether to go on.
    pub fn show(&self, done: Done) -> ControlFlow<()> {
        self.show_count(done.bytes, done.total)
    }

    /// The same for a task that is not measured in bytes.
    pub fn show_count(&self, done: u64, total: u64) -> ControlFlow<()> {
        if self.bar.length() != Some(total) {
            self.bar.set_length(total);
        }
        self.bar.set_position(done);
        self.interrupt.flow()
    }

    /// Whether to go on.
    pub fn flow(&self) -> ControlFlow<()> {
        self.interrupt.flow()
    }

    /// Nobody sees it: standard error is no terminal.
    pub fn is_hidden(&self) -> bool {
        self.bar.is_hidden()
    }

    /// Writes a line to standard output, above the bar. What others wrote in it stays on that line.
    ///
    /// # Errors
    /// When standard output takes nothing.
    pub fn say(&self, line: impl Display) -> io::Result<()> {
        self.bar
            .suspend(|| writeln!(io::stdout(), "{}", Escaped(line)))
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
