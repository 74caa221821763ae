//! The real app in a real window, controlled by a script.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use super::{Outcome, Workshop, check, clients::PYTHON, maximized};
use crate::{
    cargo::{self, Programs},
    display::Display,
    picture,
    process::Process,
    server::{Data, Server},
    window::Window,
    wire::{self, Style},
};

/// How long one window or one message may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Size of the virtual display.
const SCREEN: (u32, u32) = (1280, 800);

/// How often to check whether something has appeared.
const LOOK: Duration = Duration::from_millis(20);

/// Size of the windows here.
const SIZE: (u32, u32) = (900, 620);

/// Lets a window talk to our server and to servers as students write them.
pub fn run(workshop: &Workshop) -> Result<Outcome> {
    let programs = workshop.programs()?;
    let data = Data::copy()?;
    let server = Server::start(&programs.server, data.path(), "127.0.0.1:0", false)?;
    let room = Room::new(programs, &data)?;
    let mut outcome = check(
        "a window and our server: writes, is answered, shows it",
        || {
            room.conversation(Style::Line, &server.address)?;
            let rows = data.archived()?;
            if rows.len() != 2 {
                bail!("messages.csv should hold the two that were read, and holds {rows:?}");
            }
            Ok(())
        },
    );
    outcome = outcome.and(check(
        "a window and our server: who is unknown is told so",
        || room.refusal(&server.address),
    ));
    outcome = outcome.and(check(
        "a window started anew signs in by itself, and --screenshot is taken of it",
        || room.stays_signed_in(),
    ));
    outcome = outcome.and(check(
        "a window started anew is as large as it was, whatever the zoom",
        || room.comes_back_as_large(),
    ));
    outcome = outcome.and(check(
        "a window that was left on a larger screen opens with all of it on this one",
        || room.fits_its_screen(),
    ));
    outcome = outcome.and(check(
        "a window that was maximised comes back maximised, and as large as before when it is restored",
        || maximized::comes_back_maximized(programs, &data),
    ));
    outcome = outcome.and(check(
        "a second start hands over to the window that is open, and ends",
        || room.starts_once(),
    ));
    outcome = outcome.and(check("the server stops cleanly with windows gone", || {
        server.stop()
    }));
    for (style, file) in [(Style::Line, "line"), (Style::Bare, "bare")] {
        let name = format!("a window and a foreign server, {file}: writes, is answered");
        outcome = outcome.and(check(&name, || {
            let data = Data::copy()?;
            let server = foreign_server(file, data.path())?;
            Room::new(programs, &data)?.conversation(style, &server.address)
        }));
    }
    Ok(outcome)
}

/// A display, and the folder with the profiles of its windows.
struct Room<'a> {
    programs: &'a Programs,
    data: &'a Data,
    display: Display,
}

impl<'a> Room<'a> {
    fn new(programs: &'a Programs, data: &'a Data) -> Result<Self> {
        Ok(Self {
            programs,
            data,
            display: Display::hidden(SCREEN.0, SCREEN.1)?,
        })
    }

    /// Ana writes in a window to Bruno, who has none. He answers, and she sees the answer.
    fn conversation(&self, style: Style, server: &str) -> Result<()> {
        let picture = self.data.path().join("conversation.png");
        let mut window = self.window(server, "ana").play(&format!(
            "size {} {}\ntimeout 90\nwait-online\nopen bruno\ntype Olá, Bruno: às 10? 🎉\nsend\nwait-accepted\n\
             wait-message às 10, sim\npause 0.5\nscreenshot {}\nquit\n",
            SIZE.0,
            SIZE.1,
            picture.display(),
        ))?;
        answer(style, server, &window)?;
        window.succeed(PATIENCE)?;
        self.check_picture(&picture)
    }

    fn refusal(&self, server: &str) -> Result<()> {
        let picture = self.data.path().join("refused.png");
        let script = format!(
            "size {} {}\nwait-refused\npause 0.5\nscreenshot {}\nquit\n",
            SIZE.0,
            SIZE.1,
            picture.display()
        );
        self.window(server, "zeca")
            .play(&script)?
            .succeed(PATIENCE)?;
        self.check_picture(&picture)
    }

    /// Ana's profile stores the server and that she stays signed in.
    fn stays_signed_in(&self) -> Result<()> {
        let profile = self.data.profile("ana");
        self.alone(&profile, "timeout 90\nwait-online\nquit\n")?;
        let picture = self.data.path().join("anew.png");
        let mut command = self.command(&profile);
        command.arg("--screenshot").arg(&picture);
        Process::start("a window", &mut command, false)?.succeed(PATIENCE)?;
        picture::check(&picture).map(|_| ())
    }

    fn comes_back_as_large(&self) -> Result<()> {
        let profile = self.data.profile("zoomed");
        self.alone(&profile, "zoom 1.5\nsize 500 400\npause 2\nquit\n")?;
        let before = window_size(&profile)?;
        self.alone(&profile, "pause 2\nquit\n")?;
        let after = window_size(&profile)?;
        ensure!(before == after, "{before:?} became {after:?}");
        Ok(())
    }

    fn fits_its_screen(&self) -> Result<()> {
        let profile = self.data.profile("moved");
        fs::create_dir_all(&profile)?;
        let place = r#"{"window":{"x":1900,"y":-300,"width":3000,"height":2000}}"#;
        fs::write(profile.join("settings.json"), place)?;
        self.alone(&profile, "pause 3\nquit\n")?;
        let [x, y, width, height] = window(&profile, ["x", "y", "width", "height"])?;
        let (right, bottom) = (i64::from(SCREEN.0), i64::from(SCREEN.1));
        let fits = x >= 0 && y >= 0 && x + width <= right && y + height <= bottom;
        ensure!(
            fits || !self.display.is_virtual(),
            "it opened at {x}, {y} and is {width} wide and {height} high"
        );
        Ok(())
    }

    fn starts_once(&self) -> Result<()> {
        let profile = self.data.profile("twice");
        fs::create_dir_all(&profile)?;
        let file = profile.join("script.txt");
        fs::write(&file, format!("pause {}\nquit\n", PATIENCE.as_secs()))?;
        let mut first = self.command(&profile);
        first.arg("--script").arg(file);
        let first = Process::start("a window", &mut first, false)?;
        let address = profile.join("windows").join(format!("{}.json", first.id()));
        let until = Instant::now() + PATIENCE;
        while !address.exists() {
            ensure!(Instant::now() < until, "it never said how to find it");
            std::thread::sleep(LOOK);
        }
        let mut second = Process::start("a second start", &mut self.command(&profile), false)?;
        ensure!(second.wait(PATIENCE)?.success(), "{}", second.said());
        ensure!(
            second.said().contains("running already"),
            "{}",
            second.said()
        );
        Ok(())
    }

    /// A window that gets only its profile from the command line.
    fn alone(&self, profile: &Path, script: &str) -> Result<()> {
        fs::create_dir_all(profile)?;
        let file = profile.join("script.txt");
        fs::write(&file, script)?;
        let mut command = self.command(profile);
        command.arg("--script").arg(file);
        Process::start("a window", &mut command, false)?.succeed(PATIENCE)
    }

    fn command(&self, profile: &Path) -> Command {
        let mut command = Command::new(&self.programs.app);
        command.arg("--data").arg(profile);
        self.display.place(&mut command);
        command
    }

    fn check_picture(&self, path: &Path) -> Result<()> {
        let size = picture::check(path)?;
        if self.display.is_virtual() && size != SIZE {
            bail!("the picture is {size:?}, the window {SIZE:?}");
        }
        Ok(())
    }

    fn window<'b>(&'b self, server: &'b str, user: &'b str) -> Window<'b> {
        Window {
            program: &self.programs.app,
            display: &self.display,
            user: Some(user),
            server,
            profile: self.data.profile(user),
            clock: None,
        }
    }
}

/// Width and height of the window in the settings, in whole points.
fn window_size(profile: &Path) -> Result<[i64; 2]> {
    window(profile, ["width", "height"])
}

/// Values of the window in the settings, in whole points.
fn window<const N: usize>(profile: &Path, names: [&str; N]) -> Result<[i64; N]> {
    let settings = fs::read_to_string(profile.join("settings.json"))?;
    let settings: serde_json::Value = serde_json::from_str(&settings)?;
    let sides = names.map(|name| settings["window"][name].as_f64());
    ensure!(
        sides.iter().all(Option::is_some),
        "the settings keep no window"
    );
    Ok(sides.map(|side| side.unwrap_or_default().round() as i64))
}

fn answer(style: Style, server: &str, window: &Process) -> Result<()> {
    let mut bruno = wire::Client::log_in(style, server, "bruno")?;
    if let Err(error) = bruno.wait_for("@ana Olá, Bruno: às 10? 🎉", PATIENCE) {
        bail!("{error:#}; the window said:\n{}", window.said());
    }
    bruno.say("@ana às 10, sim")
}

/// Starts a server from `tests/clients` on a free port.
fn foreign_server(style: &str, data: &Path) -> Result<Server> {
    let file = format!("tests/clients/foreign_server_{style}.py");
    let mut python = Command::new(PYTHON);
    python
        .args(["-X", "utf8", "-u"])
        .arg(cargo::root().join(file))
        .arg("0");
    python
        .arg(data.join("users.csv"))
        .arg(data.join("foreign.csv"));
    Server::run(python, false).context("the foreign server did not start")
}
