//! Two apps for Windows talk through a server for Windows: over TLS, and with a device that has joined by a link.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use super::{Outcome, check};
use crate::{
    display::Display,
    picture,
    process::Process,
    server::{Data, Server},
    window,
    wine::Wine,
};

/// How long a window may take for its part, from its start.
const PATIENCE: Duration = Duration::from_secs(180);

/// Room for two windows beside each other, and the size of each.
const SCREEN: (u32, u32) = (1300, 720);
const SIZE: (u32, u32) = (640, 620);

/// The section of each key that the keyring of Wine has for the app, in the registry.
const KEYRING: &str = "Credential Manager\\\\Generic: ";

/// Plays both stories.
pub fn run(wine: &Wine, server: &Path, app: &Path) -> Result<Outcome> {
    let room = Room {
        wine,
        server,
        app,
        display: Display::hidden(SCREEN.0, SCREEN.1)?,
        data: Data::copy()?,
    };
    let talk = check("two apps for Windows talk, over TLS", || {
        let server = room.start(&[])?;
        room.conversation(&server.address)?;
        room.is_encrypted()?;
        server.interrupt()
    });
    let join = check(
        "an app for Windows joins a closed server by a link, and signs in with its key from the keyring",
        || {
            let server = room.start(&["--closed"])?;
            room.joins()?;
            server.interrupt()?;
            room.forgets()
        },
    );
    Ok(talk.and(join))
}

/// The programs, a display for their windows, and the folder of the server's data and the profiles.
struct Room<'a> {
    wine: &'a Wine,
    server: &'a Path,
    app: &'a Path,
    display: Display,
    data: Data,
}

impl Room<'_> {
    fn start(&self, more: &[&str]) -> Result<Server> {
        let mut command = self.of_server(more);
        command.args(["--listen", "127.0.0.1:0"]);
        Server::run(command, false)
    }

    fn of_server(&self, arguments: &[&str]) -> Command {
        let mut command = self.wine.command(self.server);
        command.args(arguments).arg("--data").arg(self.data.path());
        command
    }

    fn conversation(&self, address: &str) -> Result<()> {
        let talks = |login: &str, peer: &str, more: &str| {
            format!(
                "size {} {}\ntimeout 120\nwait-online\nopen {peer}\n{more}pause 0.5\nscreenshot {}\nquit\n",
                SIZE.0,
                SIZE.1,
                self.picture(login).display()
            )
        };
        let says = |text: &str| format!("type {text}\nsend\nwait-accepted\n");
        let question = "Olá, Bruno: às 10? 🎉";
        let answer = "Às 10, na biblioteca ☕";
        let of_ana = talks(
            "ana",
            "bruno",
            &(says(question) + "wait-message biblioteca\n"),
        );
        let of_bruno = talks(
            "bruno",
            "ana",
            &(format!("wait-message {question}\n") + &says(answer)),
        );
        let signs_in = |login| ["--server", address, "--user", login];
        let mut ana = self.play("ana", 0, &signs_in("ana"), &of_ana)?;
        let mut bruno = self.play("bruno", SIZE.0 + 10, &signs_in("bruno"), &of_bruno)?;
        bruno.succeed(PATIENCE)?;
        ana.succeed(PATIENCE)?;
        for login in ["ana", "bruno"] {
            picture::check(&self.picture(login))?;
        }
        Ok(())
    }

    /// Both apps have spoken TLS, as the server counts it.
    fn is_encrypted(&self) -> Result<()> {
        let status = said(&mut self.of_server(&["status", "--json"]))?;
        let status: serde_json::Value = serde_json::from_str(&status)?;
        let handshakes = status["handshakes"].as_u64();
        ensure!(handshakes.is_some_and(|count| count >= 2), "{status}");
        Ok(())
    }

    fn joins(&self) -> Result<()> {
        let invite = ["invite", "carla", "--host", "127.0.0.1"];
        let link = said(&mut self.of_server(&invite))?;
        let link = link.lines().next().context("there is no link")?;
        let join = "timeout 120\njoin\nwait-online\nquit\n";
        self.play("carla", 0, &["--", link], join)?
            .succeed(PATIENCE)?;
        let alone = "timeout 120\nwait-online\nquit\n";
        self.play("carla", 0, &[], alone)?.succeed(PATIENCE)?;
        let kept = self.data.profile("carla").join("accounts");
        let files = fs::read_dir(kept)?.map(|entry| Ok(entry?.path()));
        let files = files.collect::<Result<Vec<_>>>()?;
        let trust = files
            .iter()
            .find(|path| path.extension().is_some_and(|ending| ending == "trust"));
        let trust = fs::read_to_string(trust.context("nothing is kept of the server")?)?;
        ensure!(trust.contains("keyring"), "the key is elsewhere: {trust}");
        Ok(())
    }

    /// Who removes the programs and the data leaves no private key in the keyring.
    fn forgets(&self) -> Result<()> {
        let keys = || Ok::<_, anyhow::Error>(self.wine.registry()?.matches(KEYRING).count());
        let before = keys()?;
        let mut forget = self.wine.command(self.app);
        forget.arg("--data").arg(self.data.profile("carla"));
        said(forget.arg("--forget-keys"))?;
        ensure!(
            before > 0 && keys()? == 0,
            "the keyring had {before} keys and has {}",
            keys()?
        );
        Ok(())
    }

    /// Opens an app, so many points from the left, and lets a script control it.
    fn play(&self, name: &str, left: u32, arguments: &[&str], script: &str) -> Result<Process> {
        let profile = self.data.profile(name);
        if !profile.exists() {
            window::place(&profile, left)?;
        }
        let file = profile.join("script.txt");
        fs::write(&file, script)?;
        let mut command = self.wine.command(self.app);
        command
            .arg("--data")
            .arg(&profile)
            .arg("--script")
            .arg(file);
        command.args(arguments);
        self.display.place(&mut command);
        Process::start(&format!("the app of {name}"), &mut command, false)
    }

    fn picture(&self, login: &str) -> PathBuf {
        self.data.home().join(format!("{login}.png"))
    }
}

/// The output of a program, if it succeeds.
fn said(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    let (said, error) = (&output.stdout, String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{}: {error}", output.status);
    Ok(String::from_utf8(said.clone())?)
}
