//! The packages for distributions of Linux: made from the programs of the tests, checked by the distributions' own
//! tools, and installed, upgraded and removed in a new Debian.

mod desktop;
mod image;
mod lifetime;
mod machine;

use std::{
    fs,
    panic::resume_unwind,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use self::machine::{Machine, SYSTEM, as_root};
use super::{Outcome, Workshop, check};
use crate::{
    cargo,
    dist::{
        Version,
        contents::{self, Contents},
        deb,
        package::{Package, output},
        rpm,
    },
    setup::{self, Need},
};

/// The version that is upgraded.
const OLD: &str = "0.0.9";

/// These packages are not downloaded.
const EFFORT: u8 = 0;

/// How much of a computer the service may reach at most: what `systemd-analyze security` calls exposure, times ten.
const EXPOSURE: &str = "15";

/// Why something is left out.
const NOT_ROOT: &str = "a new Debian and a container need root, or sudo without a password";

/// What it takes to make packages and to try them.
pub const NEEDS: &[Need] = &[Need::DebianPackages, Need::RpmPackages, Need::PackageChecks];

/// Checks the packages with the distributions' own tools, and takes that of the server from its installation to its purge.
pub fn run(workshop: &Workshop) -> Result<Outcome> {
    within(workshop, |made| {
        // The packages of the new Debian are downloaded meanwhile.
        thread::scope(|scope| {
            let machine = scope.spawn(|| machine(SYSTEM, made));
            let outcome = made.check_with_tools()?;
            let machine = machine.join().unwrap_or_else(|panic| resume_unwind(panic));
            let Some(mut machine) = machine else {
                return Ok(outcome);
            };
            Ok(outcome.and(lifetime::run(&mut machine, &made.version.number)?))
        })
    })
}

/// Runs what takes longer: the installed app opens a window, and the image for containers runs.
pub fn run_long(workshop: &Workshop) -> Result<Outcome> {
    setup::prepare(&[Need::HiddenWindows])?;
    within(workshop, |made| {
        if !machine::is_possible() {
            println!("left out: {NOT_ROOT}");
            return Ok(Outcome::default());
        }
        let image = image::run(&made.home, &made.version)?;
        Ok(image.and(desktop::run(made)?))
    })
}

/// Makes the packages, if this is a system for it.
fn within(workshop: &Workshop, run: impl FnOnce(&Made) -> Result<Outcome>) -> Result<Outcome> {
    if !Path::new("/etc/debian_version").exists() {
        println!("left out: packages are made on Debian and Ubuntu");
        return Ok(Outcome::default());
    }
    setup::prepare(NEEDS)?;
    let home = TempDir::with_prefix("mensageiro-").context("no temporary folder")?;
    run(&Made::by(workshop, home.path())?)
}

/// A new Debian with these packages, which sees the made ones. None if one cannot be made or started here: that needs
/// root, a mirror of Debian, and a kernel that lets a second systemd run.
fn machine(packages: &str, made: &Made) -> Option<Machine> {
    if !machine::is_possible() {
        println!("left out: {NOT_ROOT}");
        return None;
    }
    let folder = cargo::root().join("target/machine");
    Machine::start(&folder, &made.folder, packages)
        .inspect_err(|error| println!("left out: no new Debian here: {error:#}"))
        .ok()
}

/// Packages of the programs of the tests.
struct Made {
    version: Version,
    /// A folder for everything else.
    home: PathBuf,
    /// Where they are.
    folder: PathBuf,
    debs: Vec<PathBuf>,
    rpms: Vec<PathBuf>,
    /// What they hold: of the app, then of the server.
    contents: Vec<Contents>,
}

impl Made {
    /// Makes them in a folder: those of this version, and a server of the version before.
    fn by(workshop: &Workshop, home: &Path) -> Result<Self> {
        let programs = workshop.programs()?;
        let manual = programs.folder().join("mensageiro-manual");
        let version = Version::of_sources(cargo::root());
        let folder = home.join("packages");
        fs::create_dir(&folder)?;
        let mut made = Self {
            version,
            home: home.to_owned(),
            folder,
            debs: Vec::new(),
            rpms: Vec::new(),
            contents: Vec::new(),
        };
        for (package, program) in [
            (Package::App, &programs.app),
            (Package::Server, &programs.server),
        ] {
            let stripped = home.join(package.name());
            output(Command::new("strip").arg("-o").arg(&stripped).arg(program))?;
            let contents = contents::of(package, &stripped, &manual, &made.version)?;
            let staging = |format: &str| -> Result<PathBuf> {
                let staging = home.join(format!("{format}-{}", package.name()));
                fs::create_dir(&staging)?;
                Ok(staging)
            };
            let (version, folder) = (&made.version, &made.folder);
            made.debs.push(deb::build(
                package,
                &contents,
                version,
                EFFORT,
                &staging("deb")?,
                folder,
            )?);
            made.rpms.push(rpm::build(
                package,
                &contents,
                version,
                EFFORT,
                &staging("rpm")?,
                folder,
            )?);
            if package == Package::Server {
                let old = version.with_number(OLD);
                deb::build(package, &contents, &old, EFFORT, &staging("old")?, folder)?;
            }
            made.contents.push(contents);
        }
        Ok(made)
    }

    /// What the tools of the distributions say.
    fn check_with_tools(&self) -> Result<Outcome> {
        let files = self.home.join("files");
        for contents in &self.contents {
            contents::write(contents, &files, self.version.epoch)?;
        }
        let valid = |name: &str, tool: &str, arguments: &[&str], file: &str| {
            check(name, || {
                output(Command::new(tool).args(arguments).arg(files.join(file))).map(drop)
            })
        };
        let lintian = check("lintian finds nothing in the packages", || {
            let mut lintian = Command::new("lintian");
            lintian.args([
                "--allow-root",
                "--fail-on",
                "error,warning",
                "--tag-display-limit",
                "0",
            ]);
            output(lintian.args(&self.debs)).map(drop)
        });
        let desktop = valid(
            "the desktop's entry is valid",
            "desktop-file-validate",
            &[],
            "share/applications/mensageiro.desktop",
        );
        let about = valid(
            "the app's description for software centres is valid",
            "appstreamcli",
            &["validate", "--no-net", "--pedantic"],
            "share/metainfo/io.github.meumensageiro.mensageiro.metainfo.xml",
        );
        let unit = valid(
            "the service reaches little of the computer",
            "systemd-analyze",
            &["security", "--offline=true", "--threshold", EXPOSURE],
            "lib/systemd/system/mensageiro-server.service",
        );
        Ok(lintian
            .and(desktop)
            .and(about)
            .and(unit)
            .and(self.check_rpms()?))
    }

    /// Unpacks the RPMs where no other package is, and looks at what they ask for.
    fn check_rpms(&self) -> Result<Outcome> {
        let root = self.home.join("rpm-root");
        fs::create_dir(&root)?;
        let rpm = |arguments: &[&str]| {
            let mut rpm = as_root("rpm");
            rpm.arg("--root").arg(&root).args(arguments);
            rpm
        };
        let unpacked = check("the RPMs unpack to what they say", || {
            output(rpm(&["--install", "--nodeps", "--noscripts"]).args(&self.rpms))?;
            let changed = output(&mut rpm(&["--verify", "--all", "--nodeps", "--noscripts"]))?;
            ensure!(changed.is_empty(), "these are otherwise:\n{changed}");
            Ok(())
        });
        let asks = check(
            "the RPMs ask for the libraries that the programs load",
            || {
                for (package, library) in
                    self.rpms.iter().zip(["libEGL.so.1()(64bit)", "libc.so.6"])
                {
                    let asked = output(
                        Command::new("rpm")
                            .args(["--query", "--requires", "--package"])
                            .arg(package),
                    )?;
                    ensure!(
                        asked.contains(library),
                        "{} does not ask for {library}, but {asked}",
                        package.display()
                    );
                }
                Ok(())
            },
        );
        Ok(unpacked.and(asks))
    }
}
