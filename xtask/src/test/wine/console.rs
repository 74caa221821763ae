//! The server as a program of the console: it stops in order when somebody presses Ctrl-C.

use std::path::Path;

use anyhow::{Result, ensure};

use super::{Outcome, check};
use crate::{
    server::{Data, Server},
    wine::Wine,
    wire::{Client, Style},
};

pub fn run(wine: &Wine, server: &Path) -> Outcome {
    check("Ctrl-C stops the server for Windows in order", || {
        stops_in_order(wine, server)
    })
}

fn stops_in_order(wine: &Wine, program: &Path) -> Result<()> {
    let data = Data::copy()?;
    let mut command = wine.command(program);
    command.args(["--listen", "127.0.0.1:0", "--data"]);
    command.arg(data.path());
    let server = Server::run(command, false)?;
    let mut ana = Client::log_in(Style::Line, &server.address, "ana")?;
    ana.say("@bruno before the end")?;
    // Wine makes it of the signal that a terminal sends.
    server.interrupt()?;
    // What it writes while it stops and takes away at its very end.
    let running = data.path().join("running.json");
    ensure!(!running.exists(), "{} is left over", running.display());
    Ok(())
}
