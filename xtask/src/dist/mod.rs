//! `cargo xtask dist`: everything that people download, in `target/dist`, with its checksums.
//!
//! The same sources give the same bytes on another day and in another folder: programs are built without
//! paths of this computer, and every time in an archive is that of the commit.

mod archive;
pub mod container;
pub mod contents;
pub mod deb;
mod integration;
mod linux;
pub mod package;
pub mod rpm;
mod sbom;
mod static_server;
mod twice;
mod version;
pub mod windows;

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result};
use clap::ValueEnum;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

pub use self::version::Version;
use crate::{
    cargo,
    cross::{self, Target},
};

/// The list of checksums, in the form that `sha256sum --check` reads.
const CHECKSUMS: &str = "SHA256SUMS";

/// Something to download.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Product {
    /// App and server for Linux, as an archive.
    Linux,
    /// The server for any Linux, as an archive.
    Static,
    /// App and server for Debian and Ubuntu.
    Deb,
    /// App and server for Fedora and its relatives.
    Rpm,
    /// The server for Docker and Podman.
    Container,
    /// App and server for Windows, as an installer and as a zip that runs from anywhere.
    Windows,
    /// What each program is made of (CycloneDX).
    Sbom,
}

impl Product {
    /// As it is named on the command line.
    fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn make(self, release: &Release) -> Result<()> {
        match self {
            Self::Linux => linux::make(release),
            Self::Static => static_server::make(release),
            Self::Deb => deb::make(release),
            Self::Rpm => rpm::make(release),
            Self::Container => container::make(release),
            Self::Windows => windows::make(release),
            Self::Sbom => sbom::make(release),
        }
    }
}

/// Makes these products, or all of them. With `twice`, also in another folder, and compares.
pub fn run(products: &[Product], twice: bool) -> Result<()> {
    make(products)?;
    if twice {
        twice::compare(products)?;
    }
    Ok(())
}

fn make(products: &[Product]) -> Result<()> {
    let release = Release::new();
    println!("{}", release.version);
    let all = Product::value_variants();
    if products.is_empty() && release.folder().exists() {
        // Products of another version must not get among those of this one.
        fs::remove_dir_all(release.folder())?;
    }
    fs::create_dir_all(release.folder())?;
    for product in if products.is_empty() { all } else { products } {
        let begin = Instant::now();
        let name = product.name();
        println!("\n=== {name}");
        product
            .make(&release)
            .with_context(|| format!("{name} cannot be made"))?;
        println!("made in {:.1} s", begin.elapsed().as_secs_f64());
    }
    fs::copy(
        cargo::root().join("assets/licenses.txt"),
        release.path("licenses.txt"),
    )?;
    println!("\n{}:", release.folder().display());
    write_checksums(&release.folder())
}

/// What the products are made of, and where they go.
pub struct Release {
    /// Which version it is.
    pub version: Version,
    built: RefCell<BTreeMap<Target, Programs>>,
}

/// The programs for one system.
#[derive(Clone)]
pub struct Programs {
    /// `mensageiro-server`.
    pub server: PathBuf,
    /// `mensageiro`, the desktop app; none for systems without a desktop.
    pub app: Option<PathBuf>,
}

impl Release {
    /// A release of the sources as they are.
    pub fn new() -> Self {
        Self {
            version: Version::of_sources(cargo::root()),
            built: RefCell::default(),
        }
    }

    /// Where a product of this name is written.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// An empty folder for files that a product is made from.
    pub fn staging(&self, name: &str) -> Result<PathBuf> {
        let folder = cargo::root().join("target/staging").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// The optimized programs for a system, built when they are first asked for.
    pub fn programs(&self, target: Target) -> Result<Programs> {
        if let Some(programs) = self.built.borrow().get(&target) {
            return Ok(programs.clone());
        }
        // One call for each: together, each would get what the other wants of their libraries.
        let build = |package: &str| {
            let mut programs = cross::build(
                target,
                &["--profile", "shipped", "--package", package],
                &self.version.environment(),
            )?;
            let program = programs
                .remove(package)
                .with_context(|| format!("cargo built no {package}"))?;
            cross::check_paths(&program)?;
            anyhow::Ok(program)
        };
        let programs = Programs {
            server: build("mensageiro-server")?,
            app: match target {
                Target::Musl => None,
                Target::Linux | Target::Windows => Some(build("mensageiro")?),
            },
        };
        self.built.borrow_mut().insert(target, programs.clone());
        Ok(programs)
    }

    /// The program that writes man pages and completions. It is not for people, so it is built as for the tests.
    pub fn manual(&self) -> Result<PathBuf> {
        let mut programs = cargo::built(&["--package", "mensageiro-manual"])?;
        programs
            .remove("mensageiro-manual")
            .context("cargo built no mensageiro-manual")
    }

    /// Where the products are written.
    pub fn folder(&self) -> PathBuf {
        cargo::root().join("target/dist")
    }
}

/// Writes the checksums of all files of the folder, and prints them with their sizes.
fn write_checksums(folder: &Path) -> Result<()> {
    let mut lines = BTreeMap::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.context("the name of a product is not UTF-8")?;
        if name != CHECKSUMS {
            let bytes = fs::read(&path)?;
            let sum = HEXLOWER.encode(&Sha256::digest(&bytes));
            println!("{:>8.2} MB  {name}", bytes.len() as f64 / 1e6);
            lines.insert(name.to_owned(), format!("{sum}  {name}\n"));
        }
    }
    let lines: String = lines.into_values().collect();
    fs::write(folder.join(CHECKSUMS), lines)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_of_all_other_files_in_order() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("b.zip"), "").unwrap();
        fs::write(folder.path().join("a.tar.gz"), "abc").unwrap();
        for _ in 0..2 {
            write_checksums(folder.path()).unwrap();
            assert_eq!(
                fs::read_to_string(folder.path().join(CHECKSUMS)).unwrap(),
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a.tar.gz\n\
                 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  b.zip\n"
            );
        }
    }
}
