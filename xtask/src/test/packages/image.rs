//! The image for containers: what a runtime for containers does with it, with nothing but `chroot`.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::machine::as_root;
use crate::{
    cross::{self, Target},
    dist::{Version, container, package::output},
    server::Server,
    test::{Outcome, check},
    wire::{Client, Style},
};

/// How long the program may take until it says that it is well.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes the image in this folder, unpacks it, and runs it as it says.
pub fn run(home: &Path, version: &Version) -> Result<Outcome> {
    let mut built = cross::build(Target::Musl, &["--package", "mensageiro-server"], &[])?;
    let program = built
        .remove("mensageiro-server")
        .context("cargo built no mensageiro-server")?;
    let staging = home.join("container");
    fs::create_dir(&staging)?;
    let archive = home.join("image.tar");
    let mut outcome = check("the image is built", || {
        container::build(&program, version, &staging, &archive)
    });
    if outcome.failed > 0 {
        return Ok(outcome);
    }
    let image = Image::unpack(&archive, home)?;
    outcome = outcome.and(check(
        "nobody runs the image, and its health check sees that it is well",
        || {
            let server = Server::run(image.command(&["--listen", "127.0.0.1:0"])?, false)?;
            ensure!(
                image.config["User"] == "65534:65534",
                "the image runs as {}",
                image.config["User"]
            );
            let health = image.config["Healthcheck"]["Test"]
                .as_array()
                .context("it has no health check")?;
            let health: Vec<_> = health.iter().skip(1).filter_map(Value::as_str).collect();
            let deadline = Instant::now() + PATIENCE;
            while let Err(error) = output(&mut image.inside(&health)) {
                ensure!(Instant::now() < deadline, "it is not well: {error}");
                thread::sleep(Duration::from_millis(100));
            }
            // As with `docker exec`.
            for login in ["ana", "bruno"] {
                output(&mut image.inside(&["/mensageiro-server", "user", "add", login]))?;
            }
            let mut ana = log_in(&server.address, "ana")?;
            ana.say("@bruno from one container to another")?;
            let bruno = log_in(&server.address, "bruno")?;
            ensure!(
                bruno.messages == ["@ana from one container to another"],
                "{:?}",
                bruno.messages
            );
            server.stop()
        },
    ));
    Ok(outcome)
}

/// Logs in as soon as the server has heard of the user.
fn log_in(server: &str, login: &str) -> Result<Client> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match Client::log_in(Style::Line, server, login) {
            Err(_) if Instant::now() < deadline => thread::sleep(Duration::from_millis(100)),
            result => return result,
        }
    }
}

/// An image on the disk.
struct Image {
    /// What it says of itself.
    config: Value,
    /// Its files.
    root: PathBuf,
}

impl Image {
    fn unpack(archive: &Path, home: &Path) -> Result<Self> {
        let folder = home.join("image");
        tar::Archive::new(File::open(archive)?).unpack(&folder)?;
        let read = |name: &Value| -> Result<Value> {
            let name = name.as_str().context("the image is not complete")?;
            Ok(serde_json::from_slice(&fs::read(folder.join(name))?)?)
        };
        let manifest = read(&"manifest.json".into())?;
        let config = read(&manifest[0]["Config"])?["config"].take();
        let root = home.join("root");
        fs::create_dir(&root)?;
        for layer in manifest[0]["Layers"].as_array().into_iter().flatten() {
            let layer = folder.join(layer.as_str().unwrap_or_default());
            // With its owners.
            let mut unpack = as_root("tar");
            unpack
                .args([
                    "--extract",
                    "--numeric-owner",
                    "--same-permissions",
                    "--file",
                ])
                .arg(layer);
            output(unpack.arg("--directory").arg(&root))?;
        }
        Ok(Self { config, root })
    }

    /// Its program, with these arguments.
    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let program = self.config["Entrypoint"][0]
            .as_str()
            .context("it has no program")?;
        Ok(self.inside(&[&[program], arguments].concat()))
    }

    /// A command in it, as its user and with its environment.
    fn inside(&self, command: &[&str]) -> Command {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let user = text(&self.config["User"]);
        let (user, group) = user.split_once(':').unwrap_or_default();
        let mut inside = as_root("env");
        inside.arg("-i");
        inside.args(
            self.config["Env"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str),
        );
        inside
            .arg("unshare")
            .arg(format!("--root={}", self.root.display()));
        inside.arg(format!("--wd={}", text(&self.config["WorkingDir"])));
        inside
            .args(["--setgid", group, "--setuid", user])
            .args(command);
        inside
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // It has files of another account.
        let _ = as_root("rm")
            .arg("-rf")
            .arg(&self.root)
            .stdin(Stdio::null())
            .status();
    }
}
