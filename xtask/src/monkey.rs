//! `cargo xtask monkey`: random clicks, keys, words and sizes for the app, on a real server that is
//! killed now and then.

use anyhow::{Context, Result, ensure};

use crate::{cargo, server::Data};

/// Builds everything and starts the monkey with these arguments.
pub fn run(arguments: &[String]) -> Result<()> {
    let mut built = cargo::built(cargo::EVERYTHING)?;
    let server = built
        .remove("mensageiro-server")
        .context("cargo built no mensageiro-server")?;
    let monkey = built.remove("monkey").context("cargo built no monkey")?;
    // Files that it saves go to a separate home folder.
    let home = Data::copy()?;
    let mut play = std::process::Command::new(monkey);
    play.arg("--server").arg(server).args(arguments);
    play.env("HOME", home.home());
    let status = play.status().context("the monkey did not start")?;
    ensure!(
        status.success(),
        "the monkey found something; it said above what"
    );
    Ok(())
}
