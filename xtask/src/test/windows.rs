//! The real app in a real window, driven by a script in place of a person.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, bail};

use super::{Outcome, Workshop, check, clients::PYTHON};
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

/// Size of the windows here.
const SIZE: (u32, u32) = (900, 620);

/// Lets a window talk with our server and with servers as students write them.
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

/// A display, and the folder where its windows keep their profiles.
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
            display: Display::hidden(1280, 800)?,
        })
    }

    /// Ana writes in a window to Bruno, who has none; he answers; she sees it.
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

fn answer(style: Style, server: &str, window: &Process) -> Result<()> {
    let mut bruno = wire::Client::log_in(style, server, "bruno")?;
    if let Err(error) = bruno.wait_for("@ana Olá, Bruno: às 10? 🎉", PATIENCE) {
        bail!("{error:#}; the window said:\n{}", window.said());
    }
    bruno.say("@ana às 10, sim")
}

/// A server from `tests/clients`, on a free port.
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
