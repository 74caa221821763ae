//! What joins the programs to a Linux system: man pages, completions, the desktop's entry, the service.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::{
    Version,
    contents::{Content, Contents},
    package::{Package, output},
};
use crate::cargo;

/// Files by where they go, below the prefix, and where they are in the project.
const APP: &[(&str, &str)] = &[
    (
        "share/applications/mensageiro.desktop",
        "packaging/linux/mensageiro.desktop",
    ),
    (
        "share/icons/hicolor/48x48/apps/mensageiro.png",
        "assets/icon-48.png",
    ),
    (
        "share/icons/hicolor/256x256/apps/mensageiro.png",
        "assets/icon.png",
    ),
    (
        "share/icons/hicolor/scalable/apps/mensageiro.svg",
        "assets/icon.svg",
    ),
];
const SERVER: &[(&str, &str)] = &[(
    "lib/systemd/system/mensageiro-server.service",
    "packaging/linux/mensageiro-server.service",
)];

/// What the file with the app's description is called.
const METAINFO: &str = "share/metainfo/io.github.meumensageiro.mensageiro.metainfo.xml";

/// All of it for one package. `manual` is the program that writes man pages and completions.
pub fn of(package: Package, version: &Version, manual: &Path) -> Result<Contents> {
    let files = match package {
        Package::App => APP,
        Package::Server => SERVER,
    };
    let read =
        |&(to, from): &(&str, &str)| Ok((to.to_owned(), Content::file(&cargo::root().join(from))?));
    let mut contents: Contents = files.iter().map(read).collect::<Result<_>>()?;
    if package == Package::App {
        let metainfo =
            fs::read_to_string(cargo::root().join("packaging/linux/mensageiro.metainfo.xml"))?;
        let metainfo = metainfo
            .replace("@VERSION@", &version.number)
            .replace("@DATE@", &version.date());
        contents.insert(METAINFO.into(), metainfo.into_bytes().into());
    }
    let written = TempDir::with_prefix("mensageiro-").context("no temporary folder")?;
    output(Command::new(manual).arg(written.path()).arg(version.date()))?;
    read_all(&written.path().join(package.name()), "", &mut contents)?;
    Ok(contents)
}

/// Reads the files of a folder, and of those in it.
fn read_all(folder: &Path, prefix: &str, contents: &mut Contents) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            read_all(&entry.path(), &format!("{name}/"), contents)?;
        } else {
            contents.insert(name, Content::file(&entry.path())?);
        }
    }
    Ok(())
}
