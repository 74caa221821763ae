//! Installs the system packages that the programs and checks need.

use std::{
    io::{IsTerminal, Write, stdin, stdout},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

/// Libraries that a desktop window loads at run time.
const WINDOW: &[&str] = &[
    "libegl1",
    "libgl1",
    "libx11-xcb1",
    "libxcursor1",
    "libxi6",
    "libxkbcommon-x11-0",
];

/// A virtual display with Mesa's software renderer.
const VIRTUAL_DISPLAY: &[&str] = &["xvfb", "libgl1-mesa-dri"];

/// A Wayland display without a screen, pictures of it, its clipboard, and a session bus with a desktop in Python.
const WAYLAND: &[&str] = &[
    "dbus",
    "grim",
    "libegl1",
    "libgl1-mesa-dri",
    "libwayland-client0",
    "libwayland-egl1",
    "python3-dbus",
    "python3-gi",
    "sway",
    "wl-clipboard",
];

/// Something that a command needs from the system.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Opens windows, on a virtual display if there is no other.
    Windows,
    /// Opens windows on a virtual display in any case.
    HiddenWindows,
    /// Runs the example clients, netcat as in the tutorial, and curl as in the administrators' guide.
    Clients,
    /// Maximises windows on a virtual display.
    WindowManager,
    /// Gives a server its own clock and network, and traces its system calls.
    Torture,
    /// Takes pictures of a terminal and of a whole desktop.
    Pictures,
    /// Builds a static program for any Linux.
    MuslCompiler,
    /// Builds programs for Windows.
    WindowsCompiler,
    /// Makes packages for Debian.
    DebianPackages,
    /// Makes packages for Fedora.
    RpmPackages,
    /// Makes images for containers.
    Containers,
    /// Checks packages, and installs them in a new Debian.
    PackageChecks,
    /// Runs programs of Windows.
    Wine,
    /// Makes an installer for Windows.
    Installer,
    /// Catches panics in a static program.
    Unwinder,
    /// Builds Rust's standard library for systems that the toolchain in use has none for.
    RustSources,
    /// Opens windows on a Wayland display in memory, with a session bus.
    Wayland,
}

impl Need {
    fn packages(self) -> Vec<&'static str> {
        match self {
            Self::Windows if has_display() => WINDOW.to_vec(),
            Self::Windows | Self::HiddenWindows => [WINDOW, VIRTUAL_DISPLAY].concat(),
            Self::WindowManager => vec!["openbox", "wmctrl"],
            Self::Clients => vec!["curl", "netcat-openbsd", "python3"],
            Self::Torture => vec!["faketime", "iproute2", "strace"],
            Self::Pictures => vec!["xterm", "xdotool", "imagemagick", "fonts-dejavu-core"],
            Self::MuslCompiler => vec!["musl-tools"],
            Self::WindowsCompiler => vec!["gcc-mingw-w64-x86-64-posix"],
            Self::DebianPackages => vec!["dpkg-dev"],
            Self::RpmPackages => vec!["rpm"],
            Self::Containers => vec!["buildah"],
            Self::PackageChecks => vec![
                "appstream",
                "binutils",
                "desktop-file-utils",
                "lintian",
                "man-db",
                "mmdebstrap",
                "systemd",
                "systemd-container",
            ],
            Self::Wine => vec!["wine64"],
            Self::Installer => vec!["nsis"],
            Self::Unwinder => vec!["libgcc-11-dev"],
            Self::RustSources => vec!["rustc-web", "cargo-web", "rust-web-src"],
            Self::Wayland => WAYLAND.to_vec(),
        }
    }
}

/// Whether a person can see windows here.
pub fn has_display() -> bool {
    let named = |variable| std::env::var_os(variable).is_some_and(|value| !value.is_empty());
    cfg!(any(windows, target_os = "macos")) || named("DISPLAY") || named("WAYLAND_DISPLAY")
}

/// Whether Debian's packages can be installed: it is Debian, Ubuntu or another system made from it.
pub fn is_debian() -> bool {
    Path::new("/etc/debian_version").exists()
}

/// Installs everything that is needed, or says what to do.
pub fn prepare(needs: &[Need]) -> Result<()> {
    if cfg!(any(windows, target_os = "macos")) {
        return Ok(());
    }
    if !is_debian() {
        println!(
            "This is not Debian or Ubuntu: if something below cannot start, install what these \
             packages of Debian hold: {}",
            wanted(needs).join(" ")
        );
        return Ok(());
    }
    let missing = missing(wanted(needs));
    if missing.is_empty() {
        return Ok(());
    }
    println!("Missing system packages: {}", missing.join(" "));
    let runner = runner(&missing)?;
    apt(runner, &["update", "-qq"])?;
    let install = ["install", "-y", "-qq", "--no-install-recommends"];
    apt(runner, &[&install[..], &missing].concat())
}

fn wanted(needs: &[Need]) -> Vec<&'static str> {
    let mut packages: Vec<_> = needs.iter().flat_map(|need| need.packages()).collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

fn missing(mut packages: Vec<&'static str>) -> Vec<&'static str> {
    packages.retain(|package| !is_installed(package));
    packages
}

fn is_installed(package: &str) -> bool {
    let answer = Command::new("dpkg-query")
        .args(["-W", "-f=${db:Status-Status}", package])
        .stderr(Stdio::null())
        .output();
    // A package that is installed for two architectures answers twice.
    answer.is_ok_and(|answer| answer.stdout.starts_with(b"installed")) || is_command(package)
}

/// Whether the program is there without its Debian package, for example a Python that somebody
/// built.
fn is_command(package: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    matches!(package, "curl" | "python3" | "xterm" | "xdotool")
        && std::env::split_paths(&path).any(|folder| folder.join(package).is_file())
}

/// How to run the installer: root is not asked, a person is asked, and a script is told what to do.
fn runner(missing: &[&str]) -> Result<&'static [&'static str]> {
    if is_root() {
        return Ok(&[]);
    }
    let command = format!("sudo apt-get install {}", missing.join(" "));
    if std::env::var_os("CI").is_some() {
        return Ok(&["sudo", "-n"]);
    }
    if stdin().is_terminal() {
        print!("Install them now with sudo? [Y/n] ");
        stdout().flush()?;
        let mut answer = String::new();
        stdin().read_line(&mut answer)?;
        if matches!(answer.trim(), "" | "y" | "Y" | "yes" | "s" | "S" | "sim") {
            return Ok(&["sudo"]);
        }
    }
    bail!("please install them and start again:\n    {command}")
}

/// Whether this runs as root.
pub fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}

fn apt(runner: &[&str], arguments: &[&str]) -> Result<()> {
    let words = [
        runner,
        &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"],
        arguments,
    ]
    .concat();
    println!("{}", words.join(" "));
    let status = Command::new(words[0])
        .args(&words[1..])
        .stdout(Stdio::null())
        .status()
        .with_context(|| format!("cannot start {}", words[0]))?;
    if !status.success() {
        bail!("`{}` failed; it said why above", words.join(" "));
    }
    Ok(())
}
