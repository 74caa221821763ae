//! The installer: what a person gets from a double click, an update while the app runs, and what is left at the end.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use super::{Outcome, check};
use crate::{
    display::Display,
    dist::windows::{self, Packing},
    process::Process,
    server::{Data, Server},
    window,
    wine::Wine,
};

/// From the double click to a message in another window.
const PROMISED: Duration = Duration::from_secs(60);

/// How long a program may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(90);

/// How often to look.
const LOOK: Duration = Duration::from_millis(100);

/// Two versions, the older one first.
const VERSIONS: [&str; 2] = ["0.0.9", "0.1.0"];

/// What Windows has for every person, as the folder in which it keeps what it has looked up about certificates; and the copy
/// of the uninstaller from which it runs: Windows takes that away later.
const OF_WINDOWS: [&str; 3] = [
    "AppData/Local/Programs",
    "AppData/LocalLow/Microsoft",
    "Temp/~nsu",
];

/// Installs, starts, updates and removes the programs.
pub fn run(server: &Path, app: &Path) -> Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let files = folder.path().join("files");
    fs::create_dir(&files)?;
    windows::stage(&files, server, app)?;
    for version in VERSIONS {
        let installer = installer(&folder, version);
        windows::make_installer(&files, (version, version), &installer, Packing::Fast)?;
    }
    let desk = Desk {
        wine: Wine::new()?,
        display: Display::hidden(1300, 720)?,
        folder,
    };
    let before = desk.files()?;
    let mut outcome = check("from a double click to a message in another window", || {
        desk.first_minute()
    });
    outcome = outcome.and(check("the start menu and a link open the app", || {
        desk.opens()
    }));
    outcome = outcome.and(check(
        "an update closes the app that runs, and keeps its data",
        || desk.updates(),
    ));
    outcome = outcome.and(check(
        "an older version does not replace a newer one",
        || desk.refuses_older(),
    ));
    outcome = outcome.and(check("removed, it leaves nothing but the data", || {
        desk.removes_programs()
    }));
    Ok(
        outcome.and(check("removed with the data, it leaves nothing", || {
            desk.removes_everything(&before)
        })),
    )
}

fn installer(folder: &TempDir, version: &str) -> PathBuf {
    folder
        .path()
        .join(format!("mensageiro-{version}-setup.exe"))
}

/// A person's computer.
struct Desk {
    wine: Wine,
    display: Display,
    folder: TempDir,
}

impl Desk {
    fn first_minute(&self) -> Result<()> {
        let begin = Instant::now();
        self.install(VERSIONS[0])?;
        let data = Data::copy()?;
        let mut server = self
            .wine
            .command(self.programs()?.join("mensageiro-server.exe"));
        server.args(["--listen", "127.0.0.1:0", "--data"]);
        server.arg(data.path());
        let server = Server::run(server, false)?;
        let play = |login: &str, left: u32, script: &str| {
            let profile = data.profile(login);
            window::place(&profile, left)?;
            let file = profile.join("script.txt");
            fs::write(&file, format!("timeout 60\nwait-online\n{script}quit\n"))?;
            let mut app = self.wine.command(self.programs()?.join("mensageiro.exe"));
            app.args(["--server", &server.address, "--user", login, "--data"]);
            app.arg(&profile).arg("--script").arg(file);
            self.display.place(&mut app);
            Process::start(&format!("the app of {login}"), &mut app, false)
        };
        let mut ana = play(
            "ana",
            0,
            "open bruno\ntype the first minute\nsend\nwait-accepted\n",
        )?;
        let mut bruno = play("bruno", 650, "wait-message the first minute\n")?;
        bruno.succeed(PATIENCE)?;
        let taken = begin.elapsed();
        ana.succeed(PATIENCE)?;
        server.interrupt()?;
        println!("       {:.1} s", taken.as_secs_f64());
        ensure!(taken < PROMISED, "it took {:.0} s", taken.as_secs_f64());
        Ok(())
    }

    fn opens(&self) -> Result<()> {
        // Wine does not look for the programs of links where a person's own are. So this does what Windows does with one.
        let app = self
            .wine
            .name_of(&self.programs()?.join("mensageiro.exe"))?;
        let command = format!(r#""{app}" -- "%1""#);
        let written = command.replace('\\', r"\\").replace('"', "\\\"");
        ensure!(
            self.wine.registry()?.contains(&format!("@=\"{written}\"")),
            "links are not for the app"
        );
        let menu = self.menu()?;
        ensure!(
            fs::read_dir(&menu)?.count() == 2,
            "the server is not in the menu"
        );
        self.start(&menu.join("MeuMensageiro.lnk"))?;
        self.wait_for("the app of the start menu", || Ok(self.windows()? == 1))?;
        let mut link = self.wine.command("start");
        let arguments = [&*app, "--", "mensageiro://127.0.0.1:1/ana"];
        self.display.place(link.args(arguments));
        ensure!(self.finish(&mut link)?.success(), "the app is not started");
        self.wait_for("the app of the link", || Ok(self.windows()? == 2))
    }

    fn updates(&self) -> Result<()> {
        let settings = self.profile()?.join("settings.json");
        self.wait_for("settings", || Ok(settings.exists()))?;
        self.install(VERSIONS[1])?;
        ensure!(self.windows()? == 0, "an app was killed, not closed");
        ensure!(settings.exists(), "the settings are gone");
        ensure!(self.is_version(VERSIONS[1])?, "the old version is listed");
        Ok(())
    }

    fn refuses_older(&self) -> Result<()> {
        let refused = self.finish(&mut self.setup(VERSIONS[0]))?;
        ensure!(!refused.success());
        ensure!(self.is_version(VERSIONS[1])?);
        Ok(())
    }

    fn removes_programs(&self) -> Result<()> {
        self.uninstall(&[])?;
        let registry = self.wine.registry()?.to_lowercase();
        let left = registry.lines().find(|line| {
            // Wine's own lists of what was opened.
            line.contains("mensageiro") && !line.contains("muicache")
        });
        ensure!(left.is_none(), "the registry has {left:?}");
        ensure!(!self.menu()?.exists(), "the start menu has it");
        ensure!(
            self.profile()?.join("settings.json").exists(),
            "its data are gone"
        );
        Ok(())
    }

    fn removes_everything(&self, before: &BTreeSet<PathBuf>) -> Result<()> {
        self.install(VERSIONS[1])?;
        self.uninstall(&["/REMOVEDATA"])?;
        self.wine.end()?;
        let after = self.files()?;
        let left: Vec<_> = after
            .difference(before)
            .filter(|path| {
                let path = path.to_string_lossy();
                !OF_WINDOWS
                    .iter()
                    .any(|of_windows| path.contains(of_windows))
            })
            .collect();
        ensure!(left.is_empty(), "left: {left:?}");
        Ok(())
    }

    fn setup(&self, version: &str) -> Command {
        let mut setup = self.wine.command(installer(&self.folder, version));
        setup.arg("/S");
        self.display.place(&mut setup);
        setup
    }

    fn install(&self, version: &str) -> Result<()> {
        let status = self.finish(&mut self.setup(version))?;
        ensure!(status.success(), "the installer ended with {status}");
        for file in ["mensageiro.exe", "mensageiro-server.exe", "uninstall.exe"] {
            ensure!(self.programs()?.join(file).exists(), "{file} is missing");
        }
        Ok(())
    }

    /// The uninstaller goes on in a copy of itself.
    fn uninstall(&self, more: &[&str]) -> Result<()> {
        let programs = self.programs()?;
        let uninstaller = self.wine.name_of(&programs.join("uninstall.exe"))?;
        let mut uninstaller = self.wine.command(uninstaller);
        uninstaller.arg("/S").args(more);
        self.display.place(&mut uninstaller);
        ensure!(self.finish(&mut uninstaller)?.success());
        self.wait_for("the end of the programs", || Ok(!programs.exists()))?;
        self.wait_for("the end of the menu", || Ok(!self.menu()?.exists()))
    }

    /// Opens it as the desktop does.
    fn start(&self, what: &Path) -> Result<()> {
        let mut start = self.wine.command("start");
        self.display.place(start.arg("/unix").arg(what));
        let opened = self.finish(&mut start)?.success();
        ensure!(opened, "{} is not opened", what.display());
        Ok(())
    }

    /// Runs it to its end.
    fn finish(&self, command: &mut Command) -> Result<ExitStatus> {
        Process::start("a program of Windows", command, false)?.wait(PATIENCE)
    }

    fn wait_for(&self, what: &str, holds: impl Fn() -> Result<bool>) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        while !holds()? {
            ensure!(Instant::now() < until, "{what}: in vain");
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// The open windows of the person's own profile.
    fn windows(&self) -> Result<usize> {
        let Ok(files) = fs::read_dir(self.profile()?.join("windows")) else {
            return Ok(0);
        };
        let names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
        Ok(names.filter(|name| name.ends_with(".json")).count())
    }

    /// Whether the list of installed programs has this version.
    fn is_version(&self, version: &str) -> Result<bool> {
        let registry = self.wine.registry()?;
        Ok(registry.contains(&format!("\"DisplayVersion\"=\"{version}\"")))
    }

    fn programs(&self) -> Result<PathBuf> {
        Ok(self.wine.local_data()?.join("Programs/MeuMensageiro"))
    }

    fn profile(&self) -> Result<PathBuf> {
        Ok(self.wine.local_data()?.join("MeuMensageiro/data"))
    }

    fn menu(&self) -> Result<PathBuf> {
        Ok(self.wine.start_menu()?.join("MeuMensageiro"))
    }

    /// Everything on the drive.
    fn files(&self) -> Result<BTreeSet<PathBuf>> {
        let mut files = BTreeSet::new();
        let mut folders = vec![self.wine.drive()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                }
                files.insert(entry.path());
            }
        }
        files.iter().next().context("the drive is empty")?;
        Ok(files)
    }
}
