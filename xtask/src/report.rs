//! `cargo xtask report`: takes the screenshots with the real programs and packs the zip to hand in.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    cargo::{self, Programs, Scope},
    delivery::{self, Files},
    display::Display,
    picture,
    process::Process,
    server::{Data, FOLDER},
    setup::{self, Need},
    story::{self, Stage, Story},
    window::Window,
};

/// The port of the assignment, which the pictures should show.
const PORT: u16 = 3333;

/// How long a window or a picture may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The terminal in the picture of the server alone: size in characters, then position.
const CONSOLE: &str = "104x44+20+20";

/// The terminal below the two windows: columns and rows.
const STRIP: [&str; 2] = ["170", "16"];

/// The size of the desktop with both windows and the server.
const DESKTOP: (u32, u32) = (1600, 1000);

/// Takes all pictures in both languages and packs the zip.
pub fn run() -> Result<()> {
    setup::prepare(&[Need::HiddenWindows, Need::Pictures])?;
    let programs = cargo::build(Scope::Programs)?;
    ensure!(
        TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)).is_ok(),
        "port {PORT} is in use; the pictures show the server there, so please stop what listens"
    );
    let pictures = cargo::root().join("assets").join("screenshots");
    fs::create_dir_all(&pictures)?;
    let mut files = Files::new();
    let mut taken = Vec::new();
    // A server keeps its messages, so each language has its own server. The files to hand in are
    // those of the first.
    for story in [story::ENGLISH, story::PORTUGUESE] {
        println!("Taking the screenshots in {}", story.language);
        let data = Data::new()?;
        taken.extend(take(&programs, &data, &pictures, &story)?);
        if files.is_empty() {
            files = delivery::report(&data)?;
        }
    }
    for path in &taken {
        picture::check(path)?;
        let name = path.strip_prefix(cargo::root())?.display().to_string();
        println!("    {name}");
        files.insert(name.replace('\\', "/"), fs::read(path)?);
    }
    delivery::pack(&cargo::root().join("meu-mensageiro.zip"), files)
}

/// Takes the pictures of one language.
fn take(programs: &Programs, data: &Data, pictures: &Path, story: &Story) -> Result<Vec<PathBuf>> {
    let desktop = Desktop::start(programs, data)?;
    let stage = Stage {
        programs,
        server: &desktop.address,
        data,
        pictures,
    };
    let mut taken = vec![
        desktop.window(&stage, story, None, "login", "")?,
        desktop.window(&stage, story, Some("zeca"), "refused", "wait-refused\n")?,
    ];
    taken.extend(story.play(&stage)?);
    taken.push(desktop.console(pictures, story)?);
    taken.push(desktop.everything(&stage, story)?);
    desktop.terminal.stop_whatever_it_says()?;
    Ok(taken)
}

/// A desktop with the real server in a real terminal window.
struct Desktop {
    display: Display,
    terminal: Process,
    address: String,
}

impl Desktop {
    fn start(programs: &Programs, data: &Data) -> Result<Self> {
        let display = Display::hidden(DESKTOP.0, DESKTOP.1)?;
        let command = format!("mensageiro-server --data {FOLDER} --init");
        let mut xterm = Command::new("xterm");
        xterm
            .args(["-geometry", CONSOLE, "-fa", "DejaVu Sans Mono", "-fs", "11"])
            .args([
                "-bg", "#14181d", "-fg", "#d5dbe3", "-b", "8", "+sb", "-T", "server",
            ])
            .args([
                "-e",
                "sh",
                "-c",
                &format!("echo '$ {command}'; exec {command}"),
            ])
            .current_dir(data.home())
            .env("PATH", path_with(programs.folder())?)
            .env("LC_ALL", "C.UTF-8");
        display.place(&mut xterm);
        let terminal = Process::start("the terminal of the server", &mut xterm, false)?;
        let address = format!("127.0.0.1:{PORT}");
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(&address).is_err() {
            ensure!(
                Instant::now() < deadline,
                "the server in xterm does not listen"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(Self {
            display,
            terminal,
            address,
        })
    }

    /// Takes a picture of one window on a display of its own, after `script`.
    fn window(
        &self,
        stage: &Stage,
        story: &Story,
        user: Option<&str>,
        name: &str,
        script: &str,
    ) -> Result<PathBuf> {
        let picture = stage
            .pictures
            .join(format!("{name}.{}.png", story.language));
        let display = Display::hidden(1280, 800)?;
        let window = Window {
            program: &stage.programs.app,
            display: &display,
            user,
            server: stage.server,
            profile: stage.data.profile(&format!("{name}-{}", story.language)),
            clock: None,
        };
        let script = format!(
            "language {}\ntheme light\nsize 960 640\n{script}pause 0.7\nscreenshot {}\nquit\n",
            story.language,
            picture.display(),
        );
        window.play(&script)?.succeed(PATIENCE)?;
        Ok(picture)
    }

    /// Takes a picture of the terminal with the server's output.
    fn console(&self, pictures: &Path, story: &Story) -> Result<PathBuf> {
        let picture = pictures.join(format!("server.{}.png", story.language));
        self.capture(&self.terminal_window()?, &picture)?;
        Ok(picture)
    }

    /// Takes a picture of both windows side by side with the terminal below them.
    fn everything(&self, stage: &Stage, story: &Story) -> Result<PathBuf> {
        let picture = stage
            .pictures
            .join(format!("desktop.{}.png", story.language));
        // Paints the background. Its exit code is always a failure.
        let _ = self.tool("display", &["-window", "root", "xc:#3d4a5c"]);
        let terminal = self.terminal_window()?;
        let [columns, rows] = STRIP;
        self.tool(
            "xdotool",
            &["windowsize", "--usehints", &terminal, columns, rows],
        )?;
        self.tool("xdotool", &["windowmove", &terminal, "20", "670"])?;
        let mut windows = Vec::new();
        for (user, other, x) in [("ana", "bruno", "20"), ("bruno", "ana", "810")] {
            let window = Window {
                program: &stage.programs.app,
                display: &self.display,
                user: Some(user),
                server: stage.server,
                profile: stage.data.profile(&format!("{user}-{}", story.language)),
                clock: None,
            };
            let script = format!("wait-online\nopen {other}\npause {}\n", PATIENCE.as_secs());
            let process = window.play(&script)?;
            let id = process.id().to_string();
            let search = ["search", "--sync", "--onlyvisible", "--pid", &id];
            let found = self.tool("xdotool", &search)?;
            let found = found
                .lines()
                .last()
                .context("the window is not to be seen")?;
            self.tool("xdotool", &["windowsize", found, "770", "630"])?;
            self.tool("xdotool", &["windowmove", found, x, "20"])?;
            windows.push(process);
        }
        self.capture("root", &picture)?;
        for window in windows {
            window.stop_whatever_it_says()?;
        }
        Ok(picture)
    }

    fn terminal_window(&self) -> Result<String> {
        let found = self.tool("xdotool", &["search", "--onlyvisible", "--class", "xterm"])?;
        let first = found.lines().next().context("no xterm is to be seen")?;
        Ok(first.to_owned())
    }

    /// Takes a picture of an X window once it has stopped changing.
    fn capture(&self, window: &str, picture: &Path) -> Result<()> {
        let target = picture.display().to_string();
        let deadline = Instant::now() + PATIENCE;
        let mut last = Vec::new();
        loop {
            self.tool("import", &["-window", window, "-strip", &target])?;
            let now = fs::read(picture)?;
            if now == last && picture::check(picture).is_ok() {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{target} does not come to rest");
            last = now;
            std::thread::sleep(Duration::from_millis(700));
        }
    }

    fn tool(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(program);
        command.args(arguments);
        self.display.place(&mut command);
        let output = command
            .output()
            .with_context(|| format!("cannot start {program}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{program} {} failed: {said}", arguments.join(" "));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn path_with(folder: &Path) -> Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    Ok(std::env::join_paths(folders)?)
}
