//! People who have nothing to do with an attack: two who talk, and some who log in now and then.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, Scope, ScopedJoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, bail};

use crate::wire::Wire;

/// Between two messages, and between two logins.
const PAUSE: Duration = Duration::from_millis(10);
const LOGIN_PAUSE: Duration = Duration::from_millis(100);

/// They come from addresses of their own.
const TALKERS: [u8; 4] = [127, 0, 0, 2];
const NEWCOMERS: [u8; 4] = [127, 0, 0, 3];

/// How often the one who gets messages says that they are read.
const READ_EVERY: usize = 50;

/// Complaints that are kept.
const COMPLAINTS: usize = 20;

/// How often they have begun to talk.
static RUNS: AtomicUsize = AtomicUsize::new(0);

/// What happened to them.
#[derive(Debug, Default)]
pub struct Talk {
    /// When each message was sent, and how long until it had come.
    pub trips: Vec<(Instant, Duration)>,
    /// When each login began, and how long until its first answer was complete.
    pub logins: Vec<(Instant, Duration)>,
    /// What they were refused.
    pub complaints: Vec<String>,
}

/// Their threads.
pub struct Innocents<'scope> {
    is_over: Arc<AtomicBool>,
    talk: ScopedJoinHandle<'scope, Result<Vec<(Instant, Duration)>>>,
    logins: ScopedJoinHandle<'scope, Talk>,
}

impl<'scope> Innocents<'scope> {
    /// The first two talk, the others log in.
    pub fn start(
        scope: &'scope Scope<'scope, '_>,
        server: SocketAddr,
        people: &'scope [String],
    ) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let (talkers, newcomers) = people.split_at(2);
        let over = is_over.clone();
        let talk = scope.spawn(move || talk(server, talkers, &over));
        let over = is_over.clone();
        let logins = scope.spawn(move || log_in_all_the_time(server, newcomers, &over));
        Self {
            is_over,
            talk,
            logins,
        }
    }

    /// Ends after the message that is on its way.
    pub fn stop(self) -> Result<Talk> {
        self.is_over.store(true, Ordering::Relaxed);
        let failed = |_| anyhow!("a thread of the innocent failed");
        let trips = self.talk.join().map_err(failed)?;
        let mut talk = self.logins.join().map_err(failed)?;
        match trips {
            Ok(trips) => talk.trips = trips,
            Err(error) => talk.complaints.insert(0, format!("{error:#}")),
        }
        Ok(talk)
    }
}

fn talk(
    server: SocketAddr,
    people: &[String],
    is_over: &AtomicBool,
) -> Result<Vec<(Instant, Duration)>> {
    let (mut ana, mut rui) = (
        live(server, TALKERS, &people[0])?,
        live(server, TALKERS, &people[1])?,
    );
    let mut trips = Vec::new();
    // No tag comes twice, whatever they said before.
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    for number in 0.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let begin = Instant::now();
        let text = format!("ping {run}.{number}");
        let (to, from) = (&people[1], &people[0]);
        ana.write(format!("#p{run}.{number} @{to} {text}\n").as_bytes())?;
        let line = until(&mut rui, |line| line.ends_with(&text))?;
        trips.push((begin, begin.elapsed()));
        until(&mut ana, |line| line.starts_with("ok {"))?;
        if number % READ_EVERY == 0 {
            let id = line.trim_start_matches('#').split([';', ' ']).next();
            let id = id.unwrap_or_default();
            rui.write(format!("read {{\"with\":\"{from}\",\"up_to\":{id}}}\n").as_bytes())?;
        }
        thread::sleep(PAUSE);
    }
    Ok(trips)
}

fn log_in_all_the_time(server: SocketAddr, people: &[String], is_over: &AtomicBool) -> Talk {
    let mut talk = Talk::default();
    for (at, login) in people.iter().cycle().enumerate() {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let begin = Instant::now();
        let done = match at % 2 {
            0 => live(server, NEWCOMERS, login).map(drop),
            _ => classic(server, NEWCOMERS, login).map(drop),
        };
        match done {
            Ok(()) => talk.logins.push((begin, begin.elapsed())),
            Err(error) if talk.complaints.len() < COMPLAINTS => {
                talk.complaints.push(format!("{login}: {error:#}"));
            }
            Err(_) => {}
        }
        thread::sleep(LOGIN_PAUSE);
    }
    talk
}

/// Logs in with a live session and reads the backlog.
pub fn live(server: SocketAddr, source: [u8; 4], login: &str) -> Result<Wire> {
    let mut wire = Wire::connect_from(source, server)?;
    wire.write(format!("{login} live/1\n").as_bytes())?;
    until(&mut wire, |line| line == "f")?;
    Ok(wire)
}

/// Logs in as the assignment says and reads the first answer.
pub fn classic(server: SocketAddr, source: [u8; 4], login: &str) -> Result<Wire> {
    let mut wire = Wire::connect_from(source, server)?;
    wire.write(format!("{login}\n").as_bytes())?;
    until(&mut wire, |line| line == "f")?;
    Ok(wire)
}

/// Reads up to a line. Whoever is refused anything fails.
pub fn until(wire: &mut Wire, is_it: impl Fn(&str) -> bool) -> Result<String> {
    loop {
        let line = wire.line()?;
        let line = String::from_utf8_lossy(&line).into_owned();
        if is_it(&line) {
            return Ok(line);
        }
        if line.starts_with("no {") || line.starts_with("bye {") {
            bail!("was told: {line}");
        }
    }
}
