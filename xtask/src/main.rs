//! The project's own commands: `cargo xtask demo`, `test`, `report`, `gallery`, `bench`,
//! `monkey` and `torture`.
//!
//! Each does all its set-up itself, so that a fresh clone needs one line and nothing else.

mod bench;
mod cargo;
mod delivery;
mod demo;
mod display;
mod fences;
mod gallery;
mod monkey;
mod picture;
mod process;
mod report;
mod server;
mod setup;
mod story;
mod test;
mod torture;
mod window;
mod wire;

use std::process::ExitCode;

use clap::Parser;

/// Commands of the project; each does all its set-up itself.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
enum Command {
    /// Starts a server and two windows that talk to each other.
    Demo,
    /// Runs every check there is, or only those named.
    Test {
        /// Only these, in this order.
        #[arg(value_enum)]
        steps: Vec<test::Step>,
    },
    /// Takes the screenshots with the real programs and packs meu-mensageiro.zip.
    Report,
    /// Lays the pictures of every screen and state of the app out on one page.
    Gallery {
        /// Takes the pictures anew before: what the tests then compare with.
        #[arg(long)]
        update: bool,
    },
    /// Measures the server under load, beside one that does nothing but the assignment, and the
    /// app: starting, frames, memory.
    Bench {
        /// Only these: exchange, push, latency, absent, idle, history (the server; --seconds N),
        /// frames, window (the app).
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Lets a monkey play with the app: random clicks, keys and sizes, and a server that is killed.
    Monkey {
        /// For the monkey: --minutes N (1), --seed N.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Breaks the server in every way it should survive, and checks what it kept (needs Linux).
    Torture {
        /// For the tormentor: --minutes N, --seed N, words of the rows that are wanted.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Demo => demo::run(),
        Command::Report => report::run(),
        Command::Gallery { update } => gallery::run(update),
        Command::Bench { arguments } => bench::run(&arguments),
        Command::Monkey { arguments } => monkey::run(&arguments),
        Command::Torture { arguments } => torture::run(&arguments),
        Command::Test { steps } => return test::run(&steps),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\n{error:#}");
            ExitCode::FAILURE
        }
    }
}
