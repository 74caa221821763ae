//! For Windows: an installer for one person, and a zip that runs from anywhere, such as a USB stick.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, bail};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::Release;
use crate::{
    cargo,
    cross::Target,
    setup::{self, Need},
};

/// The folder of the installer's sources and of the text that makes programs portable.
const SOURCES: &str = "packaging/windows";

/// The text beside portable programs, by which they know that they are.
const PORTABLE: &str = "portable.txt";

/// The licences of everything that the programs contain.
const LICENSES: &str = "licenses.txt";

/// How well the installer is packed, and how long that takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// As small as can be.
    Small,
    /// For tests.
    Fast,
}

/// `mensageiro-VERSION-windows-x86_64-setup.exe` and `mensageiro-VERSION-windows-x86_64.zip`.
pub fn make(release: &Release) -> Result<()> {
    setup::prepare(&[Need::Installer])?;
    let programs = release.programs(Target::Windows)?;
    let app = programs.app.context("the app was not built")?;
    let staging = release.staging("windows")?;
    stage(&staging, &programs.server, &app)?;
    let number = &release.version.number;
    let name = format!("mensageiro-{number}-windows-x86_64");
    let version = release.version.to_string();
    let installer = release.path(&format!("{name}-setup.exe"));
    make_installer(&staging, (number, &version), &installer, Packing::Small)?;
    zip(&staging, &name, &release.path(&format!("{name}.zip")))
}

/// Puts the files of an installation into a folder.
pub fn stage(folder: &Path, server: &Path, app: &Path) -> Result<()> {
    let licenses = cargo::root().join("assets").join(LICENSES);
    for (name, from) in [
        ("mensageiro.exe", app),
        ("mensageiro-server.exe", server),
        (LICENSES, &licenses),
    ] {
        let copied = fs::copy(from, folder.join(name));
        copied.with_context(|| format!("cannot copy {}", from.display()))?;
    }
    Ok(())
}

/// Makes an installer of a folder's files. `number`: the version as 1.2.3; `version`: as people read it.
pub fn make_installer(
    files: &Path,
    (number, version): (&str, &str),
    installer: &Path,
    packing: Packing,
) -> Result<()> {
    let mut makensis = Command::new("makensis");
    makensis.current_dir(cargo::root().join(SOURCES));
    makensis.args(["-V2", "-WX", "-INPUTCHARSET", "UTF8"]);
    if packing == Packing::Fast {
        makensis.arg("-DFAST");
    }
    let numbers = number.split(['-', '+']).next().unwrap_or(number);
    makensis.args([
        format!("-DVERSION={version}"),
        format!("-DNUMBERS={numbers}.0"),
        format!("-DFILES={}", files.display()),
        format!("-DOUTPUT={}", installer.display()),
    ]);
    makensis.arg("installer.nsi");
    let status = makensis.status().context("cannot start makensis")?;
    if !status.success() {
        bail!("makensis failed; it said why above");
    }
    Ok(())
}

fn zip(files: &Path, folder: &str, path: &Path) -> Result<()> {
    let mut names: Vec<_> = fs::read_dir(files)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    names.push(cargo::root().join(SOURCES).join(PORTABLE));
    names.sort_by_key(|path| path.file_name().map(ToOwned::to_owned));
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut zip = ZipWriter::new(file);
    // The time of an entry is the same in every zip.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9));
    for path in names {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        zip.start_file(format!("{folder}/{name}"), options)?;
        zip.write_all(&fs::read(&path)?)?;
    }
    zip.finish()?.sync_all()?;
    Ok(())
}
