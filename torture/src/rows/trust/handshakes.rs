//! Floods of handshakes.

use std::{
    collections::VecDeque,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};

use super::measure::{Person, during};
use crate::{
    rows::hostile::address,
    tls::{Client, Identity},
    trial::{Trial, Verdict, users},
    wire::connect_from,
};

const USERS: usize = 20;

/// Threads of attackers.
const FOES: usize = 8;

/// Connections that each of them holds.
const HELD: usize = 125;

fn length(trial: &Trial) -> Duration {
    let shortest = Duration::from_secs(2);
    trial
        .left()
        .mul_f64(0.8)
        .clamp(shortest, Duration::from_secs(10))
}

/// A first message, and the answer is not waited for.
pub fn hellos(trial: &Trial) -> Result<Verdict> {
    let hello = Client::new(None, &[])?.hello()?;
    flood(trial, "client hellos", &|number, server| {
        let mut stream = connect_from(address(number), server)?;
        stream.write_all(&hello)
    })
}

/// A first message, and the server's answer, but no more; 1,000 connections stay as they are.
pub fn halves(trial: &Trial) -> Result<Verdict> {
    let hello = Client::new(None, &[])?.hello()?;
    let half = |number, server| {
        let mut stream = connect_from(address(number), server)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(&hello)?;
        let _ = stream.read(&mut [0; 4096])?;
        Ok(stream)
    };
    held(trial, "half handshakes", &half)
}

/// Whole handshakes with a certificate, again and again.
pub fn whole(trial: &Trial) -> Result<Verdict> {
    let device = Identity::new()?;
    let client = Client::new(Some(&device), &[])?;
    flood(trial, "whole handshakes", &|number, server| {
        client.connect_from(address(number), server).map(drop)
    })
}

type Once<'a, T> = &'a (dyn Fn(usize, SocketAddr) -> std::io::Result<T> + Sync);

fn flood(trial: &Trial, name: &str, once: Once<'_, ()>) -> Result<Verdict> {
    run(trial, name, &|first, server, end| {
        let mut count = 0;
        while Instant::now() < end {
            count += usize::from(once(first + count * FOES, server).is_ok());
        }
        count
    })
}

fn held(trial: &Trial, name: &str, once: Once<'_, TcpStream>) -> Result<Verdict> {
    run(trial, name, &|first, server, end| {
        let (mut count, mut held) = (0, VecDeque::new());
        while Instant::now() < end {
            if held.len() == HELD {
                held.pop_front();
            }
            if let Ok(stream) = once(first + count * FOES, server) {
                held.push_back(stream);
                count += 1;
            }
        }
        count
    })
}

fn run(
    trial: &Trial,
    name: &str,
    foe: &(dyn Fn(usize, SocketAddr, Instant) -> usize + Sync),
) -> Result<Verdict> {
    let people = users(USERS);
    let data = trial.data("handshakes", &people)?;
    let mut server = trial.start(&data, &[])?;
    let client = Client::new(Some(&Identity::new()?), &[])?;
    let people: Vec<_> = people
        .into_iter()
        .map(|login| Person {
            login,
            client: Some(client.clone()),
            key: None,
        })
        .collect();
    let length = length(trial);
    let (measured, count) = during(&server, &people, |server| {
        let end = Instant::now() + length;
        thread::scope(|scope| {
            let foes: Vec<_> = (0..FOES)
                .map(|first| scope.spawn(move || foe(first, server, end)))
                .collect();
            let mut count = 0;
            for foe in foes {
                count += foe.join().map_err(|_| anyhow!("a thread failed"))?;
            }
            Ok(count)
        })
    })?;
    server.check_well()?;
    let rate = count as f64 / length.as_secs_f64();
    Ok(measured.judge(trial, &format!("{count} {name}, {rate:.0} a second")))
}
