//! Links that silently swallow everything: a separate network, with a route to nowhere.

use std::{
    net::SocketAddr,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::{
    live::{Live, Stop},
    program::Launch,
    trial::{Trial, Verdict, users},
    wire::Wire,
};

const LINKS: usize = 200;

/// The network: the server has .1, the sender .2, the users who vanish .3.
const SERVER: &str = "10.213.77.1";
const SENDER: &str = "10.213.77.2";
const VANISHING: [u8; 4] = [10, 213, 77, 3];
const NOWHERE: &str = "blackhole 10.213.77.3/32";

/// How much longer than promised a busy machine may take.
const SLACK: Duration = Duration::from_secs(15);

pub fn run(trial: &Trial) -> Result<Verdict> {
    let Some(network) = Network::new() else {
        return Ok(Verdict::Skipped("needs root and network namespaces".into()));
    };
    let promised = if trial.left() > Duration::from_secs(30) {
        30
    } else {
        4
    };
    let users = users(LINKS + 1);
    let data = trial.data("links", &users)?;
    let server = Launch::new(&trial.server, &data)
        .through(&["ip", "netns", "exec", &network.name])
        .listen(&format!("{SERVER}:0"))
        .options(&["--dead-link-after", &promised.to_string()])
        .start()?;
    let mut people: Vec<_> = users[1..].iter().map(|login| Live::new(login)).collect();
    let mut wires = Vec::new();
    for person in &mut people {
        wires.push(arrive(person, server.address)?);
    }
    let mut sender = Live::new(&users[0]);
    let mut wire = sender
        .log_in(server.address, None)
        .map_err(Stop::unexpected)?;
    network.ip(&format!("route add {NOWHERE}"))?;
    let begin = Instant::now();
    // Every second user is written to meanwhile. The links of the others are idle.
    let mut to = users[1..].iter().step_by(2);
    sender
        .send(&mut wire, LINKS / 2, || {
            to.next().cloned().unwrap_or_default()
        })
        .and_then(|()| sender.hear_answers(&mut wire))
        .map_err(Stop::unexpected)?;
    let promised = Duration::from_secs(promised);
    loop {
        let online = server.status(&trial.server)?["users_online"].as_u64();
        if online == Some(1) {
            break;
        }
        let waited = begin.elapsed();
        ensure!(
            waited < promised + SLACK,
            "after {waited:?} there are still {online:?}"
        );
        thread::sleep(Duration::from_millis(100));
    }
    let noticed = begin.elapsed();
    network.ip(&format!("route del {NOWHERE}"))?;
    for (at, person) in people.iter_mut().enumerate() {
        arrive(person, server.address)?;
        let expected = usize::from(at % 2 == 0);
        ensure!(
            person.received.len() == expected,
            "{} lost a message",
            person.login
        );
    }
    Ok(Verdict::Held(format!(
        "{LINKS} links, all noticed {:.1} s after they went dead (promised {} s), 0 lost",
        noticed.as_secs_f64(),
        promised.as_secs()
    )))
}

fn arrive(person: &mut Live, server: SocketAddr) -> Result<Wire> {
    let mut wire = Wire::connect_from(VANISHING, server)?;
    person.greet(&mut wire).map_err(Stop::unexpected)?;
    Ok(wire)
}

/// A network namespace with a virtual cable to this one. It is removed when dropped.
struct Network {
    name: String,
}

impl Network {
    fn new() -> Option<Self> {
        let number = std::process::id();
        let network = Self {
            name: format!("mensageiro{number}"),
        };
        let (name, near, far) = (
            &network.name,
            format!("mm{number}a"),
            format!("mm{number}b"),
        );
        let made = [
            format!("netns add {name}"),
            format!("link add {near} type veth peer name {far} netns {name}"),
            format!("addr add {SENDER}/24 dev {near}"),
            format!("addr add 10.213.77.3/24 dev {near}"),
            format!("link set {near} up"),
            format!("-n {name} addr add {SERVER}/24 dev {far}"),
            format!("-n {name} link set {far} up"),
            format!("-n {name} link set lo up"),
        ];
        made.iter().all(|command| ip(command)).then_some(network)
    }

    fn ip(&self, command: &str) -> Result<()> {
        let command = format!("-n {} {command}", self.name);
        ip(&command)
            .then_some(())
            .with_context(|| format!("`ip {command}` failed"))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // This removes the virtual cable too.
        ip(&format!("netns del {}", self.name));
    }
}

fn ip(command: &str) -> bool {
    let mut ip = Command::new("ip");
    ip.args(command.split(' '))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    ip.status().is_ok_and(|status| status.success())
}
