//! The project's own commands: `cargo xtask demo`, `test`, `dist`, `licenses`, `report`,
//! `gallery`, `bench`, `monkey` and `torture`.
//!
//! Each one sets up everything it needs, so that a fresh clone needs only one line.

mod bench;
mod cargo;
mod crates;
mod cross;
mod delivery;
mod demo;
mod display;
mod dist;
mod fences;
mod gallery;
mod licenses;
mod monkey;
mod others;
mod picture;
mod process;
mod report;
mod server;
mod setup;
#[path = "../../build/source.rs"]
mod source;
mod story;
mod test;
mod torture;
mod wayland;
mod window;
mod wine;
mod wire;

use std::process::ExitCode;

use clap::Parser;

/// Commands of the project. Each one sets up everything it needs.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
enum Command {
    /// Starts a server and two windows that talk to each other.
    Demo,
    /// Runs every usual check, or only the named ones.
    Test {
        /// Run only these, in this order.
        #[arg(value_enum)]
        steps: Vec<test::Step>,
    },
    /// Makes what people download, in target/dist: all of it, or only the named products (needs Debian).
    Dist {
        /// Make all of it once more, from a clone in another folder, and compare the bytes.
        #[arg(long)]
        twice: bool,
        /// Make only these.
        #[arg(value_enum)]
        products: Vec<dist::Product>,
    },
    /// Writes assets/licenses.txt, which says whose work the programs contain. Needed after a change of
    /// the crates that they use.
    Licenses,
    /// Takes the screenshots with the real programs and packs meu-mensageiro.zip.
    Report,
    /// Shows the pictures of every screen and state of the app on one page.
    Gallery {
        /// Take new pictures first. The tests then compare with these.
        #[arg(long)]
        update: bool,
    },
    /// Measures the server under load, beside a relay that stores nothing and a bare log, and the
    /// app: starting, frames, memory. Draws charts of the server's figures.
    Bench {
        /// Only these: push, both-ways, exchange, latency, classic-latency, alone, absent, idle,
        /// history, growth (the server), frames, window (the app). For the server also:
        /// --seconds N and --rounds N; --long for what takes minutes; --quick only to see that all
        /// cases run; --profile to see where its time goes (needs perf); --docs to put figures and
        /// charts into docs/ instead of target/bench/; --draw to do that with the figures of before.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Lets a monkey use the app: random clicks, keys and sizes, with a server that is killed.
    Monkey {
        /// Options of the monkey: --minutes N (1), --seed N.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Breaks the server in every way it must survive, and checks what it kept (needs Linux).
    Torture {
        /// Options: --minutes N, --seed N, and words from the names of the rows to run.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Demo => demo::run(),
        Command::Dist { twice, products } => dist::run(&products, twice),
        Command::Licenses => licenses::run(),
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
