//! The real app on a Wayland display.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use super::{Outcome, Workshop, check};
use crate::{
    cargo::Programs,
    display::Display,
    picture::{Colour, Picture},
    process::Process,
    server::{Data, Server},
    setup::{self, Need},
    wayland::{Compositor, Desktop, Shown, saved},
    wire::{Client, Style},
};

/// How long one window or one message may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often to check whether something has appeared.
const LOOK: Duration = Duration::from_millis(50);

/// Size of the windows here, in points.
const SIZE: (u32, u32) = (700, 500);

/// Size of a window at the app's first start, in points. The title bar, which sway lets it draw once it is there, is a part of
/// that.
const FIRST_SIZE: [i64; 2] = [980, 680];

/// Height of the title bar, in points.
const TITLE_BAR: i64 = 35;

/// Lets windows appear on Wayland displays of several scales, and acts in them as a person.
pub fn run(workshop: &Workshop) -> Result<Outcome> {
    if !cfg!(target_os = "linux") {
        println!("Wayland is tested on Linux only");
        return Ok(Outcome::passed());
    }
    setup::prepare(&[Need::HiddenWindows, Need::Wayland])?;
    let programs = workshop.programs()?;
    let data = Data::copy()?;
    let server = Server::start(&programs.server, data.path(), "127.0.0.1:0", false)?;
    let mut outcome = Outcome::default();
    for (scale, theme) in [
        ("1", "light"),
        ("1", "dark"),
        ("1.5", "light"),
        ("2", "dark"),
    ] {
        let name = format!("Wayland, scale {scale}, {theme}: content, title and colours");
        outcome = outcome.and(check(&name, || {
            Visit::new(programs, &data, &server, scale)?.looks_right(theme)
        }));
    }
    outcome = outcome.and(check(
        "Wayland: dark and light follow the desktop, also in the title bar",
        || Visit::new(programs, &data, &server, "2")?.follows_the_desktop(),
    ));
    outcome = outcome.and(check(
        "Wayland: a window opens as large as it was, whatever the scale",
        || Visit::new(programs, &data, &server, "1.5")?.comes_back_as_large(),
    ));
    outcome = outcome.and(check(
        "Wayland: notification, click, pasting, copying, input method, closing",
        || Visit::new(programs, &data, &server, "1")?.serves_a_person(),
    ));
    outcome = outcome.and(check(
        "a Wayland display that is gone: the window opens on X11, or says why not",
        || without_wayland(programs, &data, &server),
    ));
    server.stop()?;
    Ok(outcome)
}

/// A display of its own for one check.
struct Visit<'a> {
    programs: &'a Programs,
    data: &'a Data,
    server: &'a Server,
    compositor: Compositor,
    scale: &'a str,
}

impl<'a> Visit<'a> {
    fn new(
        programs: &'a Programs,
        data: &'a Data,
        server: &'a Server,
        scale: &'a str,
    ) -> Result<Self> {
        Ok(Self {
            programs,
            data,
            server,
            compositor: Compositor::start(scale)?,
            scale,
        })
    }

    /// The app in a profile of its own, signed in as Ana.
    fn command(&self, profile: &Path) -> Command {
        let mut command = Command::new(&self.programs.app);
        command.args(["--user", "ana", "--server", &self.server.address]);
        command.arg("--data").arg(profile);
        self.compositor.place(&mut command);
        command
    }

    fn profile(&self, name: &str) -> Result<PathBuf> {
        let profile = self.data.profile(&format!("wayland-{name}"));
        fs::create_dir_all(&profile)?;
        Ok(profile)
    }

    /// What the app has drawn is what is on the screen, pixel by pixel where the scale is a whole number; and above it is a
    /// title bar with the title, in the app's theme.
    fn looks_right(&self, theme: &str) -> Result<()> {
        let profile = self.profile(&format!("{}-{theme}", self.scale))?;
        let (own, script) = (profile.join("own.png"), profile.join("script.txt"));
        let steps = format!(
            "size {} {}\ntheme {theme}\ntimeout 60\nwait-online\nopen bruno\npause 1\nscreenshot {}\n\
             wait-message até logo {theme} {}\nquit\n",
            SIZE.0,
            SIZE.1,
            own.display(),
            self.scale,
        );
        fs::write(&script, steps)?;
        let mut command = self.command(&profile);
        command.arg("--script").arg(&script);
        let mut app = Process::start("the app", &mut command, false)?;
        let own = saved(&own).with_context(|| app.said())?;
        let shown = self.compositor.wait_for("the title", |shown| {
            shown.title.contains("MeuMensageiro - Ana")
        })?;
        self.check_size(&own, &shown)?;
        until(|| {
            let bar = self.title_bar(&shown)?;
            bar.check(theme)?;
            self.check_content(&own, &shown)
        })?;
        let mut bruno = Client::log_in(Style::Line, &self.server.address, "bruno")?;
        bruno.say(&format!("@ana até logo {theme} {}", self.scale))?;
        app.succeed(PATIENCE)
    }

    /// Compositors that know no fractions let the app draw at 2 what they show at 1.5.
    fn check_size(&self, own: &Picture, shown: &Shown) -> Result<()> {
        let scale: f64 = self.scale.parse()?;
        let at = |scale: f64| [SIZE.0, SIZE.1].map(|side| (f64::from(side) * scale).round() as u32);
        let drawn = [own.width, own.height];
        ensure!(
            drawn == at(scale) || drawn == at(scale.ceil()),
            "the app has drawn {drawn:?} pixels"
        );
        let expected = [i64::from(SIZE.0), i64::from(SIZE.1) + TITLE_BAR];
        let [_, _, width, height] = shown.area;
        ensure!(
            [width, height] == expected,
            "the window is {:?}",
            shown.area
        );
        Ok(())
    }

    fn title_bar(&self, shown: &Shown) -> Result<TitleBar> {
        let [left, top, width, _] = shown.area;
        let picture = self.compositor.picture([left, top, width, TITLE_BAR])?;
        Ok(TitleBar::of(&picture))
    }

    fn check_content(&self, own: &Picture, shown: &Shown) -> Result<()> {
        let [left, top, width, height] = shown.area;
        let area = [left, top + TITLE_BAR, width, height - TITLE_BAR];
        let picture = self.compositor.picture(area)?;
        if (own.width, own.height) != (picture.width, picture.height) {
            ensure!(self.scale.contains('.'), "the screen shows another size");
            return Ok(());
        }
        let places = (0..own.height).flat_map(|y| (0..own.width).map(move |x| (x, y)));
        let others = places.filter(|&(x, y)| differ(own.at(x, y), picture.at(x, y)));
        let (others, all) = (others.count(), (own.width * own.height) as usize);
        // The caret blinks.
        ensure!(
            others * 1000 < all,
            "{others} of {all} pixels are not what the app has drawn"
        );
        Ok(())
    }

    fn follows_the_desktop(&self) -> Result<()> {
        let desktop = self.compositor.desktop(1)?;
        let mut app = self.open(&desktop, "system")?;
        let shown = self.first_shown()?;
        let is = |theme: &str| {
            until(|| {
                self.title_bar(&shown)?.check(theme)?;
                self.check_ground(&shown, theme)
            })
            .with_context(|| format!("{theme}; the app said: {}", app.said()))
        };
        is("dark")?;
        desktop.set_color_scheme(2)?;
        is("light")?;
        desktop.set_color_scheme(1)?;
        is("dark")?;
        desktop.set_color_scheme(0)?;
        is("light")?;
        self.close()?;
        app.succeed(PATIENCE)
    }

    /// The window of a first start. It has the size that it was designed for.
    fn first_shown(&self) -> Result<Shown> {
        self.compositor.wait_for("the window in its size", |shown| {
            shown.title.contains("Ana") && shown.area[2..] == FIRST_SIZE
        })
    }

    fn comes_back_as_large(&self) -> Result<()> {
        let desktop = self.compositor.desktop(0)?;
        let mut app = self.open(&desktop, "size")?;
        self.first_shown()?;
        self.compositor
            .order("[app_id=\"mensageiro\"] resize set 800 600")?;
        let is_resized = |shown: &Shown| shown.area[2..] == [800, 600];
        self.compositor.wait_for("the new size", is_resized)?;
        self.close()?;
        app.succeed(PATIENCE)?;
        let mut app = self.open(&desktop, "size")?;
        // The content is as large as it was; see FIRST_SIZE.
        let is_as_large = |shown: &Shown| shown.area[2..] == [800, 600 - TITLE_BAR];
        self.compositor.wait_for("the same size", is_as_large)?;
        self.close()?;
        app.succeed(PATIENCE)
    }

    /// The lower edge of the window, where there is no text.
    fn check_ground(&self, shown: &Shown, theme: &str) -> Result<()> {
        let [left, top, width, height] = shown.area;
        let area = [left, top + height - 4, width, 2];
        let picture = self.compositor.picture(area)?;
        let is_dark = brightness(commonest(&picture, 0..picture.width)) < 128;
        ensure!(is_dark == (theme == "dark"), "the content is not {theme}");
        Ok(())
    }

    fn open(&self, desktop: &Desktop, name: &str) -> Result<Process> {
        let mut command = self.command(&self.profile(name)?);
        desktop.place(&mut command);
        Process::start("the app", &mut command, false)
    }

    fn close(&self) -> Result<()> {
        self.compositor
            .order("[app_id=\"mensageiro\"] kill")
            .map(drop)
    }

    /// Everything a person does, in one window.
    fn serves_a_person(&self) -> Result<()> {
        let compositor = &self.compositor;
        let desktop = compositor.desktop(0)?;
        let mut seat = compositor.seat()?;
        let mut app = self.open(&desktop, "person")?;
        let is_in = |shown: &Shown| shown.title.contains("Ana") && shown.has_focus;
        compositor.wait_for("the window", is_in)?;

        // She looks elsewhere; the window is hidden.
        compositor.order("workspace 2")?;
        compositor.wait_for("the window without focus", |shown| !shown.has_focus)?;
        let mut bruno = Client::log_in(Style::Line, &self.server.address, "bruno")?;
        bruno.say("@ana você está aí?")?;
        let notified = |said: &str| {
            let is_it =
                said.starts_with("notify 1 mensageiro ") && said.ends_with("|você está aí?");
            is_it.then_some(())
        };
        desktop.wait_for(notified)?;
        compositor.wait_for("the call for attention", |shown| shown.is_urgent)?;
        compositor.order("workspace 1")?;
        desktop.click(1)?;
        compositor.order("[app_id=\"mensageiro\"] focus")?;
        desktop.wait_for(|said| (said == "close 1").then_some(()))?;

        // What another program has copied.
        let copied = "colado: às 10? 🎉";
        compositor.copy(copied)?;
        until(|| {
            let seen = compositor.pasted()?;
            ensure!(seen == copied, "{seen:?}");
            Ok(())
        })?;
        seat.act("keys ctrl+v enter")?;
        bruno.wait_for(&format!("@ana {copied}"), PATIENCE)?;

        // What the app copies.
        compositor.copy("outra coisa")?;
        seat.act("keys a c ctrl+a ctrl+c")?;
        until(|| {
            let seen = compositor.pasted()?;
            ensure!(seen == "ac", "{seen:?} is on the clipboard");
            Ok(())
        })?;
        seat.act("keys ctrl+a backspace")?;

        // A composition.
        seat.act("input-method")?;
        seat.wait_for_field()?;
        seat.act("preedit ni")?;
        seat.act("commit 你好")?;
        until(|| {
            // In the frame of the commit, Enter is for the input method.
            seat.act("keys enter")?;
            bruno.wait_for("@ana 你好", Duration::from_secs(1))
        })?;

        self.close()?;
        app.succeed(PATIENCE)
    }
}

/// The title bar as it is on the screen.
struct TitleBar {
    ground: Colour,
    /// How many pixels of the middle, where the title is, have another brightness.
    title: usize,
}

impl TitleBar {
    fn of(picture: &Picture) -> Self {
        let middle = picture.width / 4..picture.width * 3 / 4;
        let ground = commonest(picture, middle.clone());
        let places = (0..picture.height).flat_map(|y| middle.clone().map(move |x| (x, y)));
        let is_ink =
            |&(x, y): &(u32, u32)| brightness(picture.at(x, y)).abs_diff(brightness(ground)) > 60;
        Self {
            ground,
            title: places.filter(is_ink).count(),
        }
    }

    fn check(&self, theme: &str) -> Result<()> {
        let brightness = brightness(self.ground);
        let is_right = if theme == "dark" {
            brightness < 80
        } else {
            brightness > 200
        };
        ensure!(is_right, "the title bar is {:?}, not {theme}", self.ground);
        ensure!(
            self.title > 100,
            "the title bar has no title: {} pixels",
            self.title
        );
        Ok(())
    }
}

fn commonest(picture: &Picture, columns: std::ops::Range<u32>) -> Colour {
    let mut counts = std::collections::HashMap::<Colour, usize>::new();
    for y in 0..picture.height {
        for x in columns.clone() {
            *counts.entry(picture.at(x, y)).or_default() += 1;
        }
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    most.map_or([0; 3], |(colour, _)| colour)
}

fn brightness(colour: Colour) -> u32 {
    colour.into_iter().map(u32::from).sum::<u32>() / 3
}

fn differ(one: Colour, other: Colour) -> bool {
    one.iter().zip(other).any(|(a, b)| a.abs_diff(b) > 8)
}

/// Tries until it succeeds; what is drawn and what is sent takes its time.
fn until(mut try_it: impl FnMut() -> Result<()>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match try_it() {
            Err(_) if Instant::now() < deadline => std::thread::sleep(LOOK),
            done => return done,
        }
    }
}

/// WAYLAND_DISPLAY outlives its display, for example in tmux.
fn without_wayland(programs: &Programs, data: &Data, server: &Server) -> Result<()> {
    let profile = data.profile("wayland-gone");
    fs::create_dir_all(&profile)?;
    let picture = profile.join("x11.png");
    let command = || {
        let mut command = Command::new(&programs.app);
        command.args(["--user", "ana", "--server", &server.address]);
        command.arg("--data").arg(&profile);
        command
    };
    let display = Display::hidden(800, 700)?;
    let mut on_x11 = command();
    on_x11.arg("--screenshot").arg(&picture);
    display.place(&mut on_x11);
    on_x11.env("XDG_RUNTIME_DIR", &profile);
    on_x11.env("WAYLAND_DISPLAY", "wayland-9");
    // Nor need the system have any font.
    let no_fonts = profile.join("fonts.conf");
    fs::write(&no_fonts, "<?xml version=\"1.0\"?><fontconfig/>")?;
    on_x11.env("FONTCONFIG_FILE", no_fonts);
    let mut app = Process::start("the app", &mut on_x11, false)?;
    app.succeed(PATIENCE)?;
    ensure!(!app.said().contains("panicked"), "{}", app.said());
    crate::picture::check(&picture)?;
    let mut nowhere = command();
    nowhere
        .env_remove("DISPLAY")
        .env("XDG_RUNTIME_DIR", &profile);
    nowhere.env("WAYLAND_DISPLAY", "wayland-9");
    let mut nowhere = Process::start("the app", &mut nowhere, false)?;
    let status = nowhere.wait(PATIENCE)?;
    let said = nowhere.said();
    if status.success() || !said.contains("wayland-9") || said.contains("panicked") {
        bail!("it ended with {status} and said: {said}");
    }
    Ok(())
}
