//! The zip to hand in: it is small and complete, and what is unpacked builds and passes its tests.

use std::{
    fs::{self, File},
    path::Path,
};

use anyhow::{Context, Result, ensure};
use zip::ZipArchive;

use super::{Outcome, Workshop, check, docs};
use crate::{
    cargo, delivery,
    server::{Data, Server},
    wire::{Client, Style},
};

/// Where it is packed and unpacked, below the project.
const FOLDER: &str = "target/delivery";

/// Packs the sources as they are, with the data of a server that was just running.
pub fn run(workshop: &Workshop) -> Result<Outcome> {
    if !cargo::root().join(".git").exists() {
        println!("skipped: packing the sources, which needs a git clone");
        return Ok(Outcome::default());
    }
    let folder = cargo::root().join(FOLDER);
    let unpacked = folder.join(delivery::FOLDER);
    let packed = check("the zip is small and complete", || {
        let server = &workshop.programs()?.server;
        pack(server, &folder)
    });
    if packed.failed > 0 {
        return Ok(packed);
    }
    let documents = check(
        "the documents in the zip show and link what is in it",
        || {
            let mut documents = docs::documents(&unpacked)?.into_iter();
            documents.try_for_each(|document| docs::check_links(&document))
        },
    );
    let built = check(
        "what is unpacked builds, and draws every scene of the app",
        || build(&unpacked),
    );
    Ok(packed.and(documents).and(built))
}

fn pack(server: &Path, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    let data = Data::copy()?;
    let running = Server::start(server, data.path(), "127.0.0.1:0", false)?;
    Client::log_in(Style::Line, &running.address, "bruno")?.say("@ana olá, às 10")?;
    Client::log_in(Style::Line, &running.address, "ana")?.say("@bruno já vou")?;
    running.stop()?;
    let zip = folder.join("meu-mensageiro.zip");
    delivery::pack(&zip, delivery::report(&data)?)?;
    ZipArchive::new(File::open(zip)?)?.extract(folder)?;
    Ok(())
}

/// Builds what was unpacked and draws its pictures, which come from all over the app.
fn build(unpacked: &Path) -> Result<()> {
    let workspace = ["--workspace", "--exclude", "xtask", "--locked"];
    for (what, arguments) in [
        ("build", &["--bins", "--test", "ui"][..]),
        ("test", &["--test", "ui", "gallery::"]),
    ] {
        let mut cargo = cargo::command();
        cargo.arg(what).args(workspace).args(arguments);
        // Libraries that are built already are not built once more.
        cargo.env("CARGO_TARGET_DIR", cargo::root().join("target"));
        let status = cargo.current_dir(unpacked).status();
        let status = status.context("cannot start cargo")?;
        ensure!(status.success(), "cargo {what} says why above");
    }
    Ok(())
}
