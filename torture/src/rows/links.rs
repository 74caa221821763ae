//! Links that silently swallow everything: a separate network, with a route to nowhere.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use crate::{
    live::{Live, Stop},
    network::{FURTHER, Network, SERVER},
    program::Launch,
    trial::{Trial, Verdict, users},
    wire::Wire,
};

const LINKS: usize = 200;

/// Where the users are who vanish.
const VANISHING: [u8; 4] = FURTHER;
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
