//! `PACKAGE-VERSION-1.ARCHITECTURE.rpm` for Fedora and its relatives.

use std::{
    env::consts::ARCH,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::{
    Release, Version,
    contents::{self, Contents},
    package::{MOST, Package, output},
};
use crate::{
    cargo,
    setup::{self, Need},
};

/// Makes both packages.
pub fn make(release: &Release) -> Result<()> {
    setup::prepare(&[Need::RpmPackages])?;
    for package in Package::ALL {
        let contents = package.contents(release)?;
        let staging = release.staging("rpm")?;
        build(
            package,
            &contents,
            &release.version,
            MOST,
            &staging,
            &release.folder(),
        )?;
    }
    Ok(())
}

/// Builds a package from these files, by means of an empty folder. `effort` is that of the compression.
pub fn build(
    package: Package,
    contents: &Contents,
    version: &Version,
    effort: u8,
    staging: &Path,
    to: &Path,
) -> Result<PathBuf> {
    let name = package.name();
    let files = package.files(contents)?;
    let tree = staging.join("tree");
    contents::write(&files, &tree, version.epoch)?;
    // Folders that no other package has.
    let mut list = format!("%defattr(-,root,root)\n%dir /usr/share/doc/{name}\n");
    // The specification names what lies in /etc.
    for path in files.keys().filter(|path| !path.starts_with("etc/")) {
        let _ = writeln!(list, "/{path}");
    }
    let listed = staging.join("files");
    fs::write(&listed, list)?;

    let mut build = Command::new("rpmbuild");
    build.arg("-bb").arg("--quiet");
    let define = |name: &str, value: &str| ["--define".to_owned(), format!("{name} {value}")];
    for (name, value) in [
        ("number", version.number.as_str()),
        ("tree", &tree.display().to_string()),
        ("list", &listed.display().to_string()),
        ("_topdir", &staging.display().to_string()),
        ("_rpmdir", &staging.display().to_string()),
        ("_rpmfilename", "made.rpm"),
        // The same files give the same package, here and elsewhere.
        ("_buildhost", "localhost"),
        ("use_source_date_epoch_as_buildtime", "1"),
        ("clamp_mtime_to_source_date_epoch", "1"),
        ("_binary_payload", &format!("w{effort}.xzdio")),
        // The programs are finished.
        ("__os_install_post", "%{nil}"),
    ] {
        build.args(define(name, value));
    }
    build.arg(cargo::root().join(format!("packaging/rpm/{name}.spec")));
    output(build.env("SOURCE_DATE_EPOCH", version.epoch.to_string()))?;
    let path = to.join(format!("{name}-{}-1.{ARCH}.rpm", version.number));
    fs::copy(staging.join("made.rpm"), &path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
