//! Runs programs of Windows on this computer, in a Windows folder (prefix) of their own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::cargo;

/// Where Debian and others install Wine's programs. Its wrapper in /usr/bin asks for a 32-bit Wine that is not needed.
const FOLDERS: [&str; 4] = [
    "/usr/lib/wine",
    "/opt/wine-stable/bin",
    "/usr/local/bin",
    "/usr/bin",
];

/// What each program gets besides its own environment. Wine must not write menus and file types of Windows programs into those
/// of the person; what it would say is about itself; and nobody needs its browser and its .NET.
const ENVIRONMENT: [(&str, &str); 2] = [
    ("WINEDEBUG", "-all"),
    ("WINEDLLOVERRIDES", "winemenubuilder.exe=d;mscoree,mshtml="),
];

/// Wine 8 lacks the library of which Rust's standard library takes random numbers. This has all that it needs of it.
const RANDOM_NUMBERS: &str = r#"
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length) {
    return SystemFunction036(buffer, (ULONG)length);
}
"#;

/// A Windows on this computer. What still runs in it is ended when it is dropped.
pub struct Wine {
    loader: PathBuf,
    server: PathBuf,
    prefix: PathBuf,
}

impl Wine {
    /// A new Windows below `target`, in the place of the one of an earlier run.
    pub fn new() -> Result<Self> {
        let program = |names: &[&str]| {
            let paths = FOLDERS.iter().flat_map(|folder| {
                let names = names.iter();
                names.map(move |name| Path::new(folder).join(name))
            });
            paths.into_iter().find(|path| path.exists())
        };
        let wine = Self {
            loader: program(&["wine64", "wine"]).context("there is no Wine")?,
            server: program(&["wineserver64", "wineserver"]).context("there is no wineserver")?,
            prefix: cargo::root().join("target/wine"),
        };
        if wine.prefix.exists() {
            wine.ask_server("-k")?;
            fs::remove_dir_all(&wine.prefix)?;
        }
        fs::create_dir_all(&wine.prefix)?;
        let made = wine.command("wineboot").arg("--init").output()?;
        ensure!(
            made.status.success(),
            "Wine cannot be set up: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        wine.add_random_numbers()?;
        Ok(wine)
    }

    /// Runs a program: a path, of Windows or of this system, or the name of a program of Windows.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(&self.loader);
        command.arg(program).envs(ENVIRONMENT);
        command.env("WINEPREFIX", &self.prefix);
        // They lead programs to the person's own display, which tests replace.
        command.env_remove("WAYLAND_DISPLAY");
        command
    }

    /// The drive C:.
    pub fn drive(&self) -> PathBuf {
        self.prefix.join("drive_c")
    }

    /// What Windows calls a file on the drive C:.
    pub fn name_of(&self, path: &Path) -> Result<String> {
        let path = path.strip_prefix(self.drive())?;
        Ok(format!("C:\\{}", path.display()).replace('/', "\\"))
    }

    /// The folder of programs' data that stay on this computer (%LOCALAPPDATA%).
    pub fn local_data(&self) -> Result<PathBuf> {
        Ok(self.user()?.join("AppData/Local"))
    }

    /// The person's start menu.
    pub fn start_menu(&self) -> Result<PathBuf> {
        let menu = "AppData/Roaming/Microsoft/Windows/Start Menu/Programs";
        Ok(self.user()?.join(menu))
    }

    /// The person's part of the registry, as text. Waits until all programs have ended.
    pub fn registry(&self) -> Result<String> {
        self.ask_server("-w")?;
        Ok(fs::read_to_string(self.prefix.join("user.reg"))?)
    }

    /// Ends everything that runs, and waits for that.
    pub fn end(&self) -> Result<()> {
        self.ask_server("-k")?;
        self.ask_server("-w")
    }

    fn user(&self) -> Result<PathBuf> {
        let users = fs::read_dir(self.drive().join("users"))?;
        let mut users = users.filter_map(|entry| Some(entry.ok()?.path()));
        users
            .find(|path| !path.ends_with("Public"))
            .context("Wine has no user")
    }

    /// Fails only if it cannot be started: one that does not run is what was wanted.
    fn ask_server(&self, what: &str) -> Result<()> {
        let mut server = Command::new(&self.server);
        server.arg(what).env("WINEPREFIX", &self.prefix);
        server.output().context("cannot start wineserver")?;
        Ok(())
    }

    fn add_random_numbers(&self) -> Result<()> {
        let library = self.drive().join("windows/system32/bcryptprimitives.dll");
        if library.exists() {
            return Ok(());
        }
        let source = self.prefix.join("random.c");
        fs::write(&source, RANDOM_NUMBERS)?;
        let built = Command::new("x86_64-w64-mingw32-gcc")
            .args(["-shared", "-O1", "-o"])
            .args([&library, &source])
            .arg("-ladvapi32")
            .output()
            .context("cannot start the C compiler for Windows")?;
        ensure!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
        Ok(())
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        let _ = self.end();
    }
}
