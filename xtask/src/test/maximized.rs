//! A window that was maximised, with a window manager as desktops have one.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    cargo::Programs,
    display::Display,
    process::Process,
    server::Data,
    setup::{self, Need},
};

/// How long one step of a window may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often to look.
const LOOK: Duration = Duration::from_millis(50);

/// Width and height of the screen.
const SCREEN: [i64; 2] = [1280, 800];

/// Width and height of the window before, in points.
const BEFORE: [i64; 2] = [700, 500];

/// The title that the window has while nobody is signed in.
const TITLE: &str = "MeuMensageiro";

/// A window that is maximised by the window manager comes back maximised, and keeps the size that it had before.
pub fn comes_back_maximized(programs: &Programs, data: &Data) -> Result<()> {
    if !cfg!(target_os = "linux") {
        println!("window managers are tested on Linux only");
        return Ok(());
    }
    setup::prepare(&[Need::HiddenWindows, Need::WindowManager])?;
    let [width, height] = SCREEN.map(|side| side as u32);
    let display = Display::hidden(width, height)?;
    let mut manager = Command::new("openbox");
    manager.args(["--sm-disable", "--config-file", "/dev/null"]);
    display.place(&mut manager);
    let manager = Process::start("the window manager", &mut manager, false)?;
    let desk = Desk {
        programs,
        display,
        data,
    };
    desk.manages()?;
    desk.maximizes()?;
    desk.is_maximized_again()?;
    manager.stop_whatever_it_says()
}

struct Desk<'a> {
    programs: &'a Programs,
    data: &'a Data,
    display: Display,
}

impl Desk<'_> {
    fn maximizes(&self) -> Result<()> {
        let [width, height] = BEFORE;
        let place = format!(r#"{{"window":{{"width":{width},"height":{height}}}}}"#);
        let profile = self.profile();
        fs::create_dir_all(&profile)?;
        fs::write(profile.join("settings.json"), place)?;
        let mut window = self.open()?;
        self.wait_for_size(&window, |size| size == BEFORE)?;
        self.manage(&["-r", TITLE, "-b", "add,maximized_vert,maximized_horz"])?;
        self.wait_for_size(&window, fills)?;
        self.close(&mut window)?;
        let kept = self.kept()?;
        ensure!(
            kept["is_maximized"] == true && kept["width"] == 700.0 && kept["height"] == 500.0,
            "the settings keep {kept}"
        );
        Ok(())
    }

    fn is_maximized_again(&self) -> Result<()> {
        let mut window = self.open()?;
        self.wait_for_size(&window, fills)?;
        self.manage(&["-r", TITLE, "-b", "remove,maximized_vert,maximized_horz"])?;
        self.wait_for_size(&window, |size| size == BEFORE)?;
        self.close(&mut window)?;
        ensure!(self.kept()?["is_maximized"] == false, "{}", self.kept()?);
        Ok(())
    }

    fn profile(&self) -> PathBuf {
        self.data.profile("maximized")
    }

    fn open(&self) -> Result<Process> {
        let mut command = Command::new(&self.programs.app);
        command.arg("--data").arg(self.profile());
        self.display.place(&mut command);
        Process::start("a window", &mut command, false)
    }

    /// Closes it as its button does.
    fn close(&self, window: &mut Process) -> Result<()> {
        self.manage(&["-c", TITLE])?;
        ensure!(window.wait(PATIENCE)?.success(), "{}", window.said());
        Ok(())
    }

    fn kept(&self) -> Result<serde_json::Value> {
        read(&self.profile().join("settings.json"))
    }

    /// Waits until the window manager serves this display.
    fn manages(&self) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        while self.manage(&["-m"]).is_err() {
            ensure!(Instant::now() < until, "openbox does not answer");
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    fn manage(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new("wmctrl");
        command.args(arguments);
        self.display.place(&mut command);
        let output = command.output().context("wmctrl cannot be started")?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.success(), "wmctrl {arguments:?}: {said}");
        Ok(said)
    }

    fn wait_for_size(&self, window: &Process, is_right: impl Fn([i64; 2]) -> bool) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            // Number, desktop, x, y, width, height, computer, title.
            let all = self.manage(&["-l", "-G"]).unwrap_or_default();
            let line = all.lines().find(|line| line.ends_with(TITLE));
            let mut fields = line.unwrap_or_default().split_whitespace().skip(4);
            let mut side = || fields.next().and_then(|side| side.parse().ok());
            let size = side().zip(side()).map(|(width, height)| [width, height]);
            if size.is_some_and(&is_right) {
                return Ok(());
            }
            if Instant::now() > until {
                bail!("the window has {size:?} of:\n{all}\n{}", window.said());
            }
            std::thread::sleep(LOOK);
        }
    }
}

/// Whether this is the screen, but for the frame.
fn fills([width, height]: [i64; 2]) -> bool {
    width > SCREEN[0] - 40 && height > SCREEN[1] - 80
}

/// What the settings say of the window.
fn read(path: &Path) -> Result<serde_json::Value> {
    let settings: serde_json::Value = serde_json::from_str(&fs::read_to_string(path)?)?;
    Ok(settings["window"].clone())
}
