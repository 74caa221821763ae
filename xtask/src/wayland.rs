//! A Wayland display in memory: sway without a screen, and the hands of a person at it.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::{cargo, picture::Picture, process::Process, setup};

/// How long the compositor, or a window, may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often to check whether something has appeared.
const LOOK: Duration = Duration::from_millis(20);

/// The app's windows float, and draw their own title bars, as on GNOME.
const CONFIG: &str = r#"
xwayland disable
focus_follows_mouse no
default_border none
for_window [app_id="mensageiro"] floating enable, border csd
exec echo the display is $WAYLAND_DISPLAY
"#;

/// The size of the screen in pixels.
const SCREEN: (u32, u32) = (2400, 1800);

/// The user and the group that own nothing.
const NOBODY: &str = "65534";

/// Python as the system has it: others lack its D-Bus library.
const PYTHON: &str = "/usr/bin/python3";

/// A compositor with one screen in memory. It is gone when dropped.
pub struct Compositor {
    /// Dropped first.
    _process: Process,
    /// `XDG_RUNTIME_DIR` of everything that runs here.
    folder: TempDir,
    display: String,
}

/// What the compositor knows about a window.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Its place, with its title bar, in points: left, top, width, height.
    pub area: [i64; 4],
    /// Its title.
    pub title: String,
    /// Whether it has the keyboard.
    pub has_focus: bool,
    /// Whether it asks for attention.
    pub is_urgent: bool,
}

impl Compositor {
    /// Starts it with a screen of this scale, and waits until programs can connect.
    pub fn start(scale: &str) -> Result<Self> {
        let folder = TempDir::with_prefix("wayland-").context("no temporary folder")?;
        let config = folder.path().join("config");
        let (width, height) = SCREEN;
        let screen = format!("output HEADLESS-1 resolution {width}x{height} scale {scale}\n");
        fs::write(&config, screen + CONFIG)?;
        let mut command = ordinary_user("sway", folder.path())?;
        command
            .arg("--config")
            .arg(config)
            .env("XDG_RUNTIME_DIR", folder.path())
            .env("SWAYSOCK", folder.path().join("sway"))
            .env("WLR_BACKENDS", "headless")
            .env("WLR_RENDERER", "pixman")
            .env("WLR_LIBINPUT_NO_DEVICES", "1");
        for variable in ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"] {
            command.env_remove(variable);
        }
        let process = Process::start("sway", &mut command, false)?;
        let said = |line: &str| Some(line.strip_prefix("the display is ")?.to_owned());
        let display = process.wait_for(PATIENCE, said)?;
        Ok(Self {
            _process: process,
            folder,
            display,
        })
    }

    /// Makes a program that is about to start open its windows here, without X11.
    pub fn place(&self, program: &mut Command) {
        program
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .env("WAYLAND_DISPLAY", &self.display)
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .env_remove("WAYLAND_SOCKET")
            .env_remove("DISPLAY");
    }

    /// Gives the compositor a command of its configuration language.
    pub fn order(&self, words: &str) -> Result<Value> {
        self.ask(&["--", words])
    }

    fn ask(&self, arguments: &[&str]) -> Result<Value> {
        let mut swaymsg = Command::new("swaymsg");
        swaymsg.env("SWAYSOCK", self.folder.path().join("sway"));
        let answer = output("swaymsg", swaymsg.arg("--raw").args(arguments))?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Waits for the app's window to satisfy this.
    pub fn wait_for(&self, what: &str, is_so: impl Fn(&Shown) -> bool) -> Result<Shown> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let tree = self.ask(&["-t", "get_tree"])?;
            let shown = window(&tree);
            if let Some(shown) = shown.clone().filter(|shown| is_so(shown)) {
                return Ok(shown);
            }
            if Instant::now() > deadline {
                bail!("waited for {what}, in vain; there is {shown:?}");
            }
            std::thread::sleep(LOOK);
        }
    }

    /// What is on the screen in this area, which is in points.
    pub fn picture(&self, [left, top, width, height]: [i64; 4]) -> Result<Picture> {
        let path = self.folder.path().join("screen.png");
        let mut grim = Command::new("grim");
        self.place(&mut grim);
        grim.arg("-g")
            .arg(format!("{left},{top} {width}x{height}"))
            .arg(&path);
        output("grim", &mut grim)?;
        Picture::load(&path)
    }

    /// Puts a text on the clipboard, as another program.
    pub fn copy(&self, text: &str) -> Result<()> {
        let mut copy = Command::new("wl-copy");
        self.place(&mut copy);
        // The process that keeps the text holds its outputs open.
        copy.arg("--").arg(text);
        copy.stdout(Stdio::null()).stderr(Stdio::null());
        ensure!(copy.status().context("cannot start wl-copy")?.success());
        Ok(())
    }

    /// The text on the clipboard, as another program sees it.
    pub fn pasted(&self) -> Result<String> {
        let mut paste = Command::new("wl-paste");
        self.place(&mut paste);
        let text = output("wl-paste", paste.args(["--no-newline", "--type", "text"]))?;
        Ok(String::from_utf8(text)?)
    }

    /// A person sits down at it.
    pub fn seat(&self) -> Result<Seat> {
        let mut python = Command::new(PYTHON);
        self.place(&mut python);
        python.arg(cargo::root().join("tests/wayland_seat.py"));
        let process = Process::start_interactive("the seat", &mut python)?;
        process.wait_for(PATIENCE, |line| (line == "ready").then_some(()))?;
        Ok(Seat { process, done: 0 })
    }

    /// The session bus, with notifications and the setting for dark windows.
    pub fn desktop(&self, color_scheme: u32) -> Result<Desktop> {
        Desktop::start(self.folder.path(), color_scheme)
    }
}

/// Starts a program as nobody if this runs as root, which sway refuses. The folder becomes its own.
fn ordinary_user(program: &str, folder: &Path) -> Result<Command> {
    if !setup::is_root() {
        return Ok(Command::new(program));
    }
    output(
        "chown",
        Command::new("chown").args(["-R", NOBODY]).arg(folder),
    )?;
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid",
        NOBODY,
        "--regid",
        NOBODY,
        "--clear-groups",
        program,
    ]);
    Ok(command)
}

/// Finds the app's window in what `swaymsg -t get_tree` says.
fn window(node: &Value) -> Option<Shown> {
    if node["app_id"] == "mensageiro" {
        let side = |name| node["rect"][name].as_i64();
        return Some(Shown {
            area: [side("x")?, side("y")?, side("width")?, side("height")?],
            title: node["name"].as_str()?.to_owned(),
            has_focus: node["focused"] == true,
            is_urgent: node["urgent"] == true,
        });
    }
    let inner = ["nodes", "floating_nodes"];
    let inner = inner.iter().filter_map(|name| node[name].as_array());
    inner.flatten().find_map(window)
}

/// Keyboard, mouse and input method.
pub struct Seat {
    process: Process,
    /// How many lines it has been told.
    done: u32,
}

impl Seat {
    /// Does what `tests/wayland_seat.py` describes, and waits until the compositor has heard of it.
    pub fn act(&mut self, line: &str) -> Result<()> {
        self.process.tell(line)?;
        self.done += 1;
        let done = format!("done {}", self.done);
        self.process
            .wait_for(PATIENCE, |line| (line == done).then_some(()))
    }

    /// Waits until a text field asks for the input method.
    pub fn wait_for_field(&self) -> Result<()> {
        self.process
            .wait_for(PATIENCE, |line| (line == "active").then_some(()))
    }
}

/// A session bus with what a desktop offers there.
pub struct Desktop {
    address: String,
    desktop: Process,
    /// Dropped last.
    _bus: Process,
}

impl Desktop {
    fn start(folder: &Path, color_scheme: u32) -> Result<Self> {
        let address = format!("unix:path={}", folder.join("bus").display());
        let mut daemon = Command::new("dbus-daemon");
        daemon.args(["--session", "--nofork", "--print-address"]);
        daemon.arg(format!("--address={address}"));
        let bus = Process::start("dbus-daemon", &mut daemon, false)?;
        bus.wait_for(PATIENCE, |line| line.starts_with("unix:").then_some(()))?;
        let mut python = Command::new(PYTHON);
        python.arg(cargo::root().join("tests/desktop.py"));
        python.arg(color_scheme.to_string());
        python.env("DBUS_SESSION_BUS_ADDRESS", &address);
        let desktop = Process::start("the desktop", &mut python, false)?;
        desktop.wait_for(PATIENCE, |line| (line == "ready").then_some(()))?;
        Ok(Self {
            address,
            desktop,
            _bus: bus,
        })
    }

    /// Makes a program that is about to start a part of this session.
    pub fn place(&self, program: &mut Command) {
        program.env("DBUS_SESSION_BUS_ADDRESS", &self.address);
    }

    /// Waits until a program has asked it for something for which `find` returns a value; see `tests/desktop.py`.
    pub fn wait_for<T>(&self, find: impl Fn(&str) -> Option<T>) -> Result<T> {
        self.desktop.wait_for(PATIENCE, find)
    }

    /// Says that the person has clicked on a notification.
    pub fn click(&self, number: u32) -> Result<()> {
        let number = format!("uint32:{number}");
        let signal = "org.freedesktop.Notifications.ActionInvoked";
        let path = "/org/freedesktop/Notifications";
        self.signal(path, signal, &[&number, "string:default"])
    }

    /// Says that the person wants other colours.
    pub fn set_color_scheme(&self, color_scheme: u32) -> Result<()> {
        let arguments = [
            "string:org.freedesktop.appearance",
            "string:color-scheme",
            &format!("variant:uint32:{color_scheme}"),
        ];
        let signal = "org.freedesktop.portal.Settings.SettingChanged";
        self.signal("/org/freedesktop/portal/desktop", signal, &arguments)
    }

    fn signal(&self, path: &str, signal: &str, arguments: &[&str]) -> Result<()> {
        let mut send = Command::new("dbus-send");
        self.place(&mut send);
        send.args(["--session", "--type=signal", path, signal]);
        output("dbus-send", send.args(arguments)).map(drop)
    }
}

/// Runs a program that must succeed. Returns what it has written.
fn output(name: &str, command: &mut Command) -> Result<Vec<u8>> {
    let done = command
        .output()
        .with_context(|| format!("cannot start {name}"))?;
    let said = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "{name}: {}", said.trim());
    Ok(done.stdout)
}

/// Waits for a picture that a program is about to save.
pub fn saved(path: &Path) -> Result<Picture> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match Picture::load(path) {
            Ok(picture) => return Ok(picture),
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => std::thread::sleep(LOOK),
        }
    }
}
