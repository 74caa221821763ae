//! What the packages hold, whatever their format.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use anyhow::{Context, Result};

use super::{Release, Version, integration, package::Package};
use crate::{cargo, cross::Target};

/// Files by their path below the prefix, which is `/usr` in packages of a distribution.
pub type Contents = BTreeMap<String, Content>;

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// What is in it.
    pub bytes: Vec<u8>,
    /// Whether it is a program.
    pub executable: bool,
}

/// Documents that come with every package: their name there, and where they are in the project.
const DOCUMENTS: &[(&str, &str)] = &[
    ("CHANGELOG.md", "CHANGELOG.md"),
    ("LICENSE", "LICENSE"),
    ("LICENSE-APACHE", "LICENSE-APACHE"),
    ("LICENSE-MIT", "LICENSE-MIT"),
    ("README.md", "README.md"),
    ("README.pt-BR.md", "README.pt-BR.md"),
    ("licenses.txt", "assets/licenses.txt"),
];

/// The administrators' guide, with what it leads to. In packages they have the same paths below the folder of the documents.
const GUIDE: &[&str] = &[
    "docs/PROTOCOL.md",
    "docs/PROTOCOL.pt-BR.md",
    "docs/RUNNING.md",
    "docs/RUNNING.pt-BR.md",
    "docs/SECURITY.md",
    "docs/STORAGE.md",
    "packaging/grafana/mensageiro.json",
    "packaging/prometheus/alerts.yml",
    "packaging/prometheus/prometheus.yml",
];

/// What belongs to one of the programs on Linux. `manual` is the program that writes man pages and completions.
pub fn of(package: Package, program: &Path, manual: &Path, version: &Version) -> Result<Contents> {
    let name = package.name();
    let documents = documents()?.into_iter();
    let mut contents: Contents = documents
        .map(|(file, content)| (format!("share/doc/{name}/{file}"), content))
        .collect();
    if package == Package::Server {
        for path in GUIDE {
            let content = Content::file(&cargo::root().join(path))?;
            contents.insert(format!("share/doc/{name}/{path}"), content);
        }
    }
    contents.insert(format!("bin/{name}"), Content::program(program)?);
    contents.extend(integration::of(package, version, manual)?);
    Ok(contents)
}

/// What belongs to the app on Linux.
pub fn app(release: &Release) -> Result<Contents> {
    let program = release.programs(Target::Linux)?.app;
    let program = program.context("the app was not built")?;
    of(Package::App, &program, &release.manual()?, &release.version)
}

/// What belongs to the server, on one of the kinds of Linux.
pub fn server(release: &Release, target: Target) -> Result<Contents> {
    let program = release.programs(target)?.server;
    of(
        Package::Server,
        &program,
        &release.manual()?,
        &release.version,
    )
}

/// Licences, README and changes, by their name.
pub fn documents() -> Result<Contents> {
    let read = |&(name, path): &(&str, &str)| {
        Ok((name.to_owned(), Content::file(&cargo::root().join(path))?))
    };
    DOCUMENTS.iter().map(read).collect()
}

/// Writes the files into a folder, with this time, in seconds since 1970.
pub fn write(contents: &Contents, folder: &Path, epoch: u64) -> Result<()> {
    for (path, content) in contents {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(&path, &content.bytes)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&path, fs::Permissions::from_mode(content.mode()))?;
        }
        let file = File::options().append(true).open(&path)?;
        file.set_modified(UNIX_EPOCH + Duration::from_secs(epoch))?;
    }
    Ok(())
}

impl Content {
    /// The contents of a file.
    pub fn file(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(bytes.into())
    }

    /// A program.
    pub fn program(path: &Path) -> Result<Self> {
        let file = Self::file(path)?;
        Ok(Self {
            executable: true,
            ..file
        })
    }

    /// The rights of the file.
    pub fn mode(&self) -> u32 {
        if self.executable { 0o755 } else { 0o644 }
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        let executable = false;
        Self { bytes, executable }
    }
}
