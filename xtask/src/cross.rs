//! Builds the programs for the systems that they are shipped for, so that the same sources give the same
//! bytes: no path of this computer gets into them.
//!
//! A toolchain that has the target's standard library (`rustup target add`) builds as usual. Otherwise
//! Debian's rustc builds the standard library too, from the sources that its packages bring.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    cargo,
    setup::{self, Need},
};

/// A system to build for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Linux with the C library of this computer, or a newer one.
    Linux,
    /// Any Linux: the program brings its C library.
    Musl,
    /// Windows on x86-64.
    Windows,
}

/// Where Debian's packages put their toolchain.
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

impl Target {
    /// What rustc calls it.
    pub fn triple(self) -> String {
        match self {
            Self::Linux => format!("{}-unknown-linux-gnu", env::consts::ARCH),
            Self::Musl => format!("{}-unknown-linux-musl", env::consts::ARCH),
            Self::Windows => "x86_64-pc-windows-gnu".to_owned(),
        }
    }

    /// The C compiler, which also links; none: the usual one.
    fn compiler(self) -> Option<&'static str> {
        match self {
            Self::Linux => None,
            Self::Musl => Some("musl-gcc"),
            Self::Windows => Some("x86_64-w64-mingw32-gcc"),
        }
    }

    /// The packages with the C compiler, and those with a Rust toolchain that can build for it.
    fn needs(self) -> (&'static [Need], &'static [Need]) {
        match self {
            Self::Linux => (&[], &[]),
            Self::Musl => (&[Need::MuslCompiler], &[Need::RustSources, Need::Unwinder]),
            Self::Windows => (&[Need::WindowsCompiler], &[Need::RustSources]),
        }
    }
}

/// Builds with these arguments of `cargo build` and variables, and returns the built programs by name,
/// without `.exe`. What is built lies in `target/cross`: other builds neither wait for it nor are they
/// thrown away.
pub fn build(
    target: Target,
    arguments: &[&str],
    variables: &[(&str, String)],
) -> Result<BTreeMap<String, PathBuf>> {
    let (compiler, toolchain) = target.needs();
    setup::prepare(compiler)?;
    let (mut cargo, rustc) = if has_standard_library(target)? {
        (cargo::command(), rustc())
    } else {
        setup::prepare(toolchain)?;
        (debian_cargo(target)?, DEBIAN_RUSTC.into())
    };
    cargo
        .args(["build", "--locked", "--target", &target.triple()])
        .args(arguments);
    cargo.env("CARGO_TARGET_DIR", folder());
    cargo.envs(variables.iter().map(|(name, value)| (name, value)));
    let variable = |name: &str| {
        let triple = target.triple().to_uppercase().replace('-', "_");
        format!("CARGO_TARGET_{triple}_{name}")
    };
    if let Some(compiler) = target.compiler() {
        cargo.env(variable("LINKER"), compiler);
        cargo.env(
            format!("CC_{}", target.triple().replace('-', "_")),
            compiler,
        );
    }
    let replaced = replaced_paths(&rustc)?;
    let mut flags = link_flags(target)?;
    flags.extend(
        replaced
            .iter()
            .map(|(from, to)| format!("--remap-path-prefix={from}={to}")),
    );
    // Only cargo's own form allows blanks.
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    let flags = replaced
        .iter()
        .map(|(from, to)| format!("'-ffile-prefix-map={from}={to}'"));
    let flags = flags.collect::<Vec<_>>().join(" ");
    cargo.env(
        format!("CFLAGS_{}", target.triple().replace('-', "_")),
        flags,
    );
    cargo.env("CC_SHELL_ESCAPED_FLAGS", "1");
    cargo::built_by(&mut cargo).with_context(|| format!("for {}", target.triple()))
}

/// The version of the Rust toolchain that builds for a system.
pub fn rust_version(target: Target) -> Result<String> {
    let rustc = if has_standard_library(target)? {
        rustc()
    } else {
        setup::prepare(target.needs().1)?;
        DEBIAN_RUSTC.into()
    };
    let version = ask(&rustc, &["--version"])?;
    Ok(version.split(' ').nth(1).unwrap_or_default().to_owned())
}

/// Fails if the path of a folder of this computer is in a program: elsewhere its bytes would be others.
pub fn check_paths(program: &Path) -> Result<()> {
    let bytes = fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
    for (path, _) in replaced_paths(&rustc())? {
        // A short one may be there by chance.
        let is_there = path.len() > 8 && memchr::memmem::find(&bytes, path.as_bytes()).is_some();
        ensure!(!is_there, "{} has the path {path} in it", program.display());
    }
    Ok(())
}

/// Where it is built.
fn folder() -> PathBuf {
    cargo::root().join("target/cross")
}

fn rustc() -> PathBuf {
    env::var_os("RUSTC").map_or_else(|| "rustc".into(), PathBuf::from)
}

fn has_standard_library(target: Target) -> Result<bool> {
    let libraries = ask(
        &rustc(),
        &["--print", "target-libdir", "--target", &target.triple()],
    )?;
    let Ok(files) = fs::read_dir(&libraries) else {
        return Ok(false);
    };
    let mut names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
    Ok(names.any(|name| name.starts_with("libstd-")))
}

/// Debian's cargo, which also builds the standard library.
fn debian_cargo(target: Target) -> Result<Command> {
    ensure!(
        Path::new(DEBIAN_CARGO).exists() && Path::new(DEBIAN_RUSTC).exists(),
        "this toolchain cannot build for {triple}; `rustup target add {triple}` may change that",
        triple = target.triple(),
    );
    let mut cargo = Command::new(DEBIAN_CARGO);
    cargo.current_dir(cargo::root());
    // Cargo leaves those of the toolchain that runs this program.
    for variable in [
        "CARGO",
        "LD_LIBRARY_PATH",
        "RUSTUP_TOOLCHAIN",
        "RUSTC_WRAPPER",
    ] {
        cargo.env_remove(variable);
    }
    // To build the standard library is still called unstable.
    cargo.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1");
    cargo.arg("-Zbuild-std=std,panic_abort");
    Ok(cargo)
}

/// What the linker must be told.
fn link_flags(target: Target) -> Result<Vec<String>> {
    Ok(match target {
        Target::Linux => Vec::new(),
        // Otherwise the moment of linking stands in the program.
        Target::Windows => vec!["-Clink-arg=-Wl,--no-insert-timestamp".to_owned()],
        Target::Musl if has_standard_library(target)? => Vec::new(),
        Target::Musl => {
            let mut flags = ["-Ctarget-feature=+crt-static", "-Clink-self-contained=no"]
                .map(str::to_owned)
                .to_vec();
            // The specs of musl-gcc know no static program that can be loaded anywhere.
            flags.push("-Crelocation-model=static".to_owned());
            flags.push(format!("-Lnative={}", unwinder()?.display()));
            // The unwinder calls these if there are threads, without asking the linker for them.
            let called = ["mutex_lock", "mutex_unlock", "once"];
            let called = called
                .iter()
                .chain(&["key_create", "getspecific", "setspecific"]);
            flags.extend(called.map(|name| format!("-Clink-arg=-Wl,--undefined=pthread_{name}")));
            flags
        }
    })
}

/// A folder with `libunwind.a`, which Rust expects from musl's toolchain. GCC has the same functions under
/// another name; from version 12 on they need glibc.
fn unwinder() -> Result<PathBuf> {
    let machine = ask(Path::new("gcc"), &["-dumpmachine"])?;
    let library = format!("/usr/lib/gcc/{machine}/11/libgcc_eh.a");
    let folder = folder().join("unwind");
    fs::create_dir_all(&folder)?;
    fs::copy(&library, folder.join("libunwind.a"))
        .with_context(|| format!("cannot copy {library}"))?;
    Ok(folder)
}

/// Each folder whose path would get into the programs, and what stands there instead: in messages of
/// panics, and where C programs assert something.
fn replaced_paths(rustc: &Path) -> Result<Vec<(String, String)>> {
    let home = match env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => env::home_dir()
            .context("there is no home folder")?
            .join(".cargo"),
    };
    let mut replaced = vec![(cargo::root().to_owned(), ".".to_owned())];
    // Named after the registry, which may be a mirror.
    for registry in fs::read_dir(home.join("registry/src"))
        .into_iter()
        .flatten()
    {
        replaced.push((registry?.path(), "/crates".to_owned()));
    }
    // Where the sources of the standard library are installed, their real path is taken.
    let sources = Path::new(&ask(rustc, &["--print", "sysroot"])?).join("lib/rustlib/src/rust");
    let version = ask(rustc, &["--verbose", "--version"])?;
    let named = |name: &str| version.lines().find_map(|line| line.strip_prefix(name));
    let hash = named("commit-hash: ").filter(|hash| *hash != "unknown");
    let to = format!("/rustc/{}", hash.or(named("release: ")).unwrap_or_default());
    replaced.extend(fs::canonicalize(&sources).map(|real| (real, to.clone())));
    replaced.push((sources, to));
    let replaced = replaced.into_iter();
    let named = replaced.map(|(from, to)| Some((from.into_os_string().into_string().ok()?, to)));
    named
        .collect::<Option<_>>()
        .context("the path of this folder is not UTF-8")
}

/// What a program prints, without the end of the line.
fn ask(program: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.with_context(|| format!("cannot start {}", program.display()))?;
    if !output.status.success() {
        bail!(
            "{} {}: {}",
            program.display(),
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
}
