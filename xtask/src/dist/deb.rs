//! `PACKAGE_VERSION_ARCHITECTURE.deb` for Debian and Ubuntu.
//!
//! Made by dpkg-deb from the files that all formats share. cargo-deb would describe them once more, in
//! another form, and takes minutes to compile.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::{
    Release, Version,
    contents::{self, Content, Contents},
    package::{MOST, Package, compressed, output},
};
use crate::{
    cargo,
    setup::{self, Need},
};

/// Files of a package that dpkg runs.
const SCRIPTS: &[&str] = &["preinst", "postinst", "prerm", "postrm", "config"];

/// Makes both packages.
pub fn make(release: &Release) -> Result<()> {
    setup::prepare(&[Need::DebianPackages])?;
    for package in Package::ALL {
        let contents = package.contents(release)?;
        let staging = release.staging("deb")?;
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
    let version_name = format!("{}-1", version.number);
    let architecture = output(Command::new("dpkg").arg("--print-architecture"))?;
    let architecture = architecture.trim();
    let tree = staging.join("tree");
    let files = files(package, contents, version, &version_name)?;
    contents::write(&files, &tree, version.epoch)?;

    let bytes: usize = files.values().map(|content| content.bytes.len()).sum();
    let known = [
        ("@VERSION@", version_name.clone()),
        ("@ARCHITECTURE@", architecture.to_owned()),
        ("@SIZE@", bytes.div_ceil(1024).to_string()),
        ("@LIBRARIES@", libraries(package, &tree, staging)?),
    ];
    let mut about = Contents::new();
    for entry in fs::read_dir(folder().join(package.name()))? {
        let path = entry?.path();
        let name = path.file_name().context("a file has a name")?;
        let name = name.to_string_lossy().into_owned();
        let mut text = fs::read_to_string(&path)?;
        for (word, value) in &known {
            text = text.replace(word, value);
        }
        let executable = SCRIPTS.contains(&name.as_str());
        let bytes = text.into_bytes();
        about.insert(name, Content { bytes, executable });
    }
    about.insert(
        "md5sums".into(),
        checksums(&files, &tree)?.into_bytes().into(),
    );
    contents::write(&about, &tree.join("DEBIAN"), version.epoch)?;

    let path = to.join(format!(
        "{}_{version_name}_{architecture}.deb",
        package.name()
    ));
    let mut build = Command::new("dpkg-deb");
    build.args([
        "--root-owner-group",
        "-Zxz",
        &format!("-z{effort}"),
        "--build",
    ]);
    build.arg(&tree).arg(&path);
    output(build.env("SOURCE_DATE_EPOCH", version.epoch.to_string()))?;
    Ok(path)
}

fn folder() -> PathBuf {
    cargo::root().join("packaging/debian")
}

/// All files of the package, as Debian's policy has them.
fn files(
    package: Package,
    contents: &Contents,
    version: &Version,
    version_name: &str,
) -> Result<Contents> {
    let name = package.name();
    let documents = format!("usr/share/doc/{name}/");
    let mut files = Contents::new();
    for (path, content) in package.files(contents)? {
        // The file `copyright` says what these say.
        if path.starts_with(&format!("{documents}LICENSE")) {
            continue;
        }
        let path = path.replace("zsh/site-functions", "zsh/vendor-completions");
        files.insert(path, content);
    }
    if let Some(changes) = files.remove(&format!("{documents}CHANGELOG.md")) {
        let changes = compressed(&changes.bytes)?;
        files.insert(format!("{documents}changelog.gz"), changes.into());
    }
    let date = output(
        Command::new("date")
            .args(["-R", "-u", "-d"])
            .arg(format!("@{}", version.epoch)),
    )?;
    let changes = format!(
        "{name} ({version_name}) unstable; urgency=medium\n\n  * changelog.gz in this folder says what is new.\n\n -- {}  {date}",
        maintainer(package)?
    );
    let changes = compressed(changes.as_bytes())?;
    files.insert(format!("{documents}changelog.Debian.gz"), changes.into());
    files.insert(
        format!("{documents}copyright"),
        copyright()?.into_bytes().into(),
    );
    // It is about packages for Debian's own archive.
    let mut overrides = format!("{name}: initial-upload-closes-no-bugs\n");
    if package == Package::App {
        // The list of licences in the app has the line `fdeflate 0.3.7`, which is taken for zlib.
        overrides += &format!("{name}: embedded-library zlib *\n");
    }
    let path = format!("usr/share/lintian/overrides/{name}");
    files.insert(path, overrides.into_bytes().into());
    Ok(files)
}

fn maintainer(package: Package) -> Result<String> {
    let control = fs::read_to_string(folder().join(package.name()).join("control"))?;
    let line = control
        .lines()
        .find_map(|line| line.strip_prefix("Maintainer: "));
    Ok(line.context("the package has no maintainer")?.to_owned())
}

/// The licences, in the form that Debian's tools read.
fn copyright() -> Result<String> {
    let text = fs::read_to_string(folder().join("copyright"))?;
    let mit = fs::read_to_string(cargo::root().join("LICENSE-MIT"))?;
    let mit = mit.trim_end().lines().map(|line| match line {
        "" => " .".to_owned(),
        line => format!(" {line}"),
    });
    Ok(text.replace("@MIT@", &mit.collect::<Vec<_>>().join("\n")))
}

/// Which packages have the libraries that the program is linked with.
fn libraries(package: Package, tree: &Path, staging: &Path) -> Result<String> {
    // It looks for what a source package has.
    let source = staging.join("debian");
    fs::create_dir_all(&source)?;
    let name = package.name();
    fs::write(
        source.join("control"),
        format!("Source: {name}\n\nPackage: {name}\nArchitecture: any\n"),
    )?;
    let mut ask = Command::new("dpkg-shlibdeps");
    ask.current_dir(staging)
        .arg("-O")
        .arg(tree.join("usr/bin").join(name));
    let answer = output(&mut ask)?;
    let libraries = answer.trim().strip_prefix("shlibs:Depends=");
    Ok(libraries
        .context("dpkg-shlibdeps named no library")?
        .to_owned())
}

fn checksums(files: &Contents, tree: &Path) -> Result<String> {
    // Settings are not among them: they are there to be edited.
    let files = files.keys().filter(|path| !path.starts_with("etc/"));
    output(Command::new("md5sum").current_dir(tree).args(files))
}
