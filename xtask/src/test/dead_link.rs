//! A window on a link that silently swallows everything: it must notice within the promised time,
//! and come back by itself. This needs root and network namespaces; elsewhere there is nothing to
//! check.

use std::{
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::{Outcome, Workshop, check};
use crate::{
    cargo::Programs,
    display::Display,
    server::{Data, Server},
    window::Window,
};

/// The network: the server has .1, the window .2.
const NAME: &str = "mensageiro-dead-link";
const CABLE: [&str; 2] = ["mensag-near", "mensag-far"];
const SERVER: &str = "10.213.78.1";
const WINDOW: &str = "10.213.78.2";

/// The time within which a dead link must be noticed.
const PROMISED: Duration = Duration::from_secs(30);

/// How much longer a busy machine may take.
const SLACK: Duration = Duration::from_secs(15);

/// How long a window may take to open, and to reconnect.
const PATIENCE: Duration = Duration::from_secs(90);

/// Cuts the link while nobody writes.
pub fn run(workshop: &Workshop) -> Result<Outcome> {
    let programs = workshop.programs()?;
    let Some(network) = Network::new() else {
        println!("skipped: a dead link, which needs root and network namespaces");
        return Ok(Outcome::default());
    };
    Ok(check(
        "a window notices a dead link and comes back by itself",
        || story(programs, &network),
    ))
}

fn story(programs: &Programs, network: &Network) -> Result<()> {
    let data = Data::copy()?;
    let display = Display::hidden(800, 700)?;
    let mut server = Command::new("ip");
    server
        .args(["netns", "exec", NAME])
        .arg(&programs.server)
        .args(["--listen", &format!("{SERVER}:0"), "--data"])
        .arg(data.path());
    let server = Server::run(server, false)?;
    let (there, gone) = (data.home().join("there.png"), data.home().join("gone.png"));
    let window = Window {
        program: &programs.app,
        display: &display,
        user: Some("ana"),
        server: &server.address,
        profile: data.profile("ana"),
        clock: None,
    };
    let mut ana = window.play(&format!(
        "timeout 90\nwait-online\nscreenshot {}\nwait-waiting\nscreenshot {}\nwait-online\nquit\n",
        there.display(),
        gone.display()
    ))?;
    appears(&there, PATIENCE)?;
    network.ip(&format!("route add blackhole {WINDOW}/32"))?;
    let begin = Instant::now();
    appears(&gone, PROMISED + SLACK)?;
    println!(
        "a dead link was noticed after {:.1} s",
        begin.elapsed().as_secs_f32()
    );
    network.ip(&format!("route del blackhole {WINDOW}/32"))?;
    ana.succeed(PATIENCE)?;
    server.stop()
}

fn appears(file: &Path, patience: Duration) -> Result<()> {
    let deadline = Instant::now() + patience;
    while !file.exists() {
        ensure!(
            Instant::now() < deadline,
            "{} is not there after {} s",
            file.display(),
            patience.as_secs()
        );
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// A network with the server at its other end. It is removed when dropped.
struct Network;

impl Network {
    fn new() -> Option<Self> {
        // Remains of an earlier run that was killed.
        drop(Self);
        if !ip(&format!("netns add {NAME}")) {
            return None;
        }
        let network = Self;
        let [near, far] = CABLE;
        let made = [
            format!("link add {near} type veth peer name {far} netns {NAME}"),
            format!("addr add {WINDOW}/24 dev {near}"),
            format!("link set {near} up"),
            format!("-n {NAME} addr add {SERVER}/24 dev {far}"),
            format!("-n {NAME} link set {far} up"),
            format!("-n {NAME} link set lo up"),
        ];
        made.iter().all(|command| ip(command)).then_some(network)
    }

    fn ip(&self, command: &str) -> Result<()> {
        ensure!(ip(&format!("-n {NAME} {command}")), "`ip {command}` failed");
        Ok(())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // This removes the virtual cable too.
        ip(&format!("netns del {NAME}"));
    }
}

fn ip(command: &str) -> bool {
    let mut ip = Command::new("ip");
    ip.args(command.split(' '))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    ip.status().is_ok_and(|status| status.success())
}
