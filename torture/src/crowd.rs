//! Users who write to each other while things go wrong, and the check afterwards: every message
//! that the server acknowledged is there, once and in order, and in messages.csv if it was read.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, bail, ensure};

use crate::{
    archive,
    classic::Classic,
    live::{Live, Stop},
    program::PATIENCE,
    random::Random,
    trial::GROUP,
    wire::Wire,
};

/// The most messages that a live user sends before waiting for the answers.
const WINDOW: usize = 16;

/// All users of a trial.
pub struct Crowd {
    pub live: Vec<Live>,
    pub classic: Vec<Classic>,
    /// How long a live user rests after each batch.
    pub pause: Duration,
    random: Random,
}

/// The numbers of a check that found everything in order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reckoning {
    pub acknowledged: usize,
    pub received: usize,
    pub rows: usize,
}

impl Crowd {
    /// The first `live` users have live clients, the others classic ones.
    pub fn new(users: &[String], live: usize, random: Random) -> Self {
        Self {
            live: users[..live].iter().map(|login| Live::new(login)).collect(),
            classic: users[live..]
                .iter()
                .map(|login| Classic::new(login))
                .collect(),
            pause: Duration::ZERO,
            random,
        }
    }

    /// Lets all users write, each in a thread, until they are stopped or their connections break.
    /// Meanwhile `meanwhile` does something to them.
    pub fn talk(
        &mut self,
        address: SocketAddr,
        meanwhile: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        self.talk_breaking(address, |_| None, meanwhile)
    }

    /// Lets all users write for some time, as far as their connections hold.
    pub fn talk_for(&mut self, address: SocketAddr, time: Duration) -> Result<()> {
        self.talk(address, || {
            thread::sleep(time);
            Ok(())
        })
    }

    /// Like [`Crowd::talk`], but the connection of a live user breaks after that many steps.
    pub fn talk_breaking(
        &mut self,
        address: SocketAddr,
        mut steps: impl FnMut(&mut Random) -> Option<usize>,
        meanwhile: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let is_over = AtomicBool::new(false);
        let is_over = &is_over;
        let (names, pause) = (&self.names(), self.pause);
        let random = &mut self.random;
        thread::scope(|scope| {
            let mut threads = Vec::new();
            for person in &mut self.live {
                let (mut random, steps) = (random.fork(), steps(random));
                threads.push(scope.spawn(move || {
                    let mut wire = person.log_in(address, steps)?;
                    talk_live(person, &mut wire, names, &mut random, || {
                        thread::sleep(pause);
                        is_over.load(Ordering::Relaxed)
                    })
                }));
            }
            for person in &mut self.classic {
                let mut random = random.fork();
                threads.push(scope.spawn(move || {
                    talk_classic(person, address, names, &mut random, || {
                        thread::sleep(pause);
                        is_over.load(Ordering::Relaxed)
                    })
                }));
            }
            let done = meanwhile();
            is_over.store(true, Ordering::Relaxed);
            for thread in threads {
                match thread.join() {
                    Ok(Ok(()) | Err(Stop::Broken)) => {}
                    Ok(Err(Stop::Wrong(error))) => return Err(error),
                    Err(_) => bail!("a person's thread failed"),
                }
            }
            done
        })
    }

    /// To be called when all faults are over: sends again what was not answered, and receives and
    /// reads everything.
    pub fn settle(&mut self, address: SocketAddr) -> Result<()> {
        for person in &mut self.live {
            let answered = person.log_in(address, None).and_then(|mut wire| {
                person.hear_answers(&mut wire)?;
                person.read(&mut wire)?;
                person.catch_up(&mut wire)
            });
            answered.map_err(Stop::unexpected)?;
        }
        for person in &mut self.classic {
            let mut wire = person.log_in(address).map_err(Stop::unexpected)?;
            person.fetch(&mut wire).map_err(Stop::unexpected)?;
            wire.close()?;
        }
        for person in &mut self.live {
            let read = person.log_in(address, None).and_then(|mut wire| {
                person.read(&mut wire)?;
                person.catch_up(&mut wire)
            });
            read.map_err(Stop::unexpected)?;
        }
        Ok(())
    }

    /// Compares what was acknowledged, what was received, and messages.csv.
    pub fn reckon(&self, data: &Path) -> Result<Reckoning> {
        let inboxes = self.inboxes();
        let acknowledged = self.check_delivered(&inboxes)?;
        let mut expected = BTreeMap::new();
        for (reader, messages) in &inboxes {
            for (with, from, text) in messages {
                let to = if with == GROUP {
                    format!("{GROUP}/{reader}")
                } else {
                    (*reader).into()
                };
                *expected
                    .entry((from.clone(), to, text.clone()))
                    .or_insert(0) += 1;
            }
        }
        let received = inboxes.values().map(Vec::len).sum();
        let rows = wait_for_rows(data, &expected)?;
        Ok(Reckoning {
            acknowledged,
            received,
            rows,
        })
    }

    /// How many messages have been acknowledged so far.
    pub fn acknowledged(&self) -> usize {
        let live = self.live.iter().map(|person| person.acknowledged.len());
        let classic = self.classic.iter().map(|person| person.acknowledged.len());
        live.chain(classic).sum()
    }

    fn check_delivered(&self, inboxes: &HashMap<&str, Vec<Message>>) -> Result<usize> {
        let mut found: HashMap<(&str, &str), usize> = HashMap::new();
        for (reader, messages) in inboxes {
            let mut newest: HashMap<&str, u64> = HashMap::new();
            for (_, from, text) in messages {
                let number = text
                    .rsplit(' ')
                    .next()
                    .and_then(|number| number.parse().ok());
                let number: u64 = number.ok_or_else(|| anyhow!("a strange text: {text}"))?;
                let before = newest.insert(from, number);
                ensure!(
                    before.is_none_or(|before| before < number),
                    "{reader} got {text} after {from} {before:?}: twice, or out of order"
                );
                *found.entry((reader, text)).or_default() += 1;
            }
        }
        let mut count = 0;
        let mut check = |sender: &str, number: u64, to: &str| {
            let text = crate::live::text(sender, number);
            count += 1;
            for reader in inboxes.keys() {
                let is_meant = *reader == to || (to == GROUP && *reader != sender);
                let times = found.get(&(*reader, text.as_str())).copied().unwrap_or(0);
                ensure!(
                    times == usize::from(is_meant),
                    "{text:?} to {to} was acknowledged and is {times} times with {reader}"
                );
            }
            Ok(())
        };
        for person in &self.live {
            ensure!(person.waiting() == 0, "{} waits for answers", person.login);
            for (&number, (_, to)) in &person.acknowledged {
                check(&person.login, number, to)?;
            }
        }
        for person in &self.classic {
            for (number, to) in &person.acknowledged {
                check(&person.login, *number, to)?;
            }
        }
        Ok(count)
    }

    /// What each user has received: conversation, author, text.
    fn inboxes(&self) -> HashMap<&str, Vec<Message>> {
        let live = self.live.iter().map(|person| {
            let messages = person.received.iter();
            let messages = messages.map(|m| (m.with.clone(), m.from.clone(), m.text.clone()));
            (person.login.as_str(), messages.collect())
        });
        let classic = self.classic.iter().map(|person| {
            let messages = person.taken.iter().map(|line| classic_message(line));
            (person.login.as_str(), messages.collect())
        });
        live.chain(classic).collect()
    }

    fn names(&self) -> Vec<String> {
        let live = self.live.iter().map(|person| person.login.clone());
        let classic = self.classic.iter().map(|person| person.login.clone());
        live.chain(classic).collect()
    }
}

/// Conversation, author, text.
type Message = (String, String, String);

/// Parses `@ana text`, or `@todos ana: text` of a group.
fn classic_message(line: &str) -> Message {
    let (with, text) = line
        .strip_prefix('@')
        .unwrap_or(line)
        .split_once(' ')
        .unwrap_or_default();
    match text.split_once(": ") {
        Some((from, text)) if with == GROUP => (with.into(), from.into(), text.into()),
        _ => (with.into(), with.into(), text.into()),
    }
}

fn talk_live(
    person: &mut Live,
    wire: &mut Wire,
    names: &[String],
    random: &mut Random,
    is_over: impl Fn() -> bool,
) -> Result<(), Stop> {
    let own = person.login.clone();
    person.hear_answers(wire)?;
    while !is_over() {
        let messages = random.within(1..WINDOW + 1);
        person.send(wire, messages, || recipient(&own, names, random))?;
        person.hear_answers(wire)?;
        if random.once_in(3) {
            person.read(wire)?;
        }
    }
    Ok(())
}

fn talk_classic(
    person: &mut Classic,
    address: SocketAddr,
    names: &[String],
    random: &mut Random,
    is_over: impl Fn() -> bool,
) -> Result<(), Stop> {
    let mut wire = person.log_in(address)?;
    while !is_over() {
        let to = recipient(&person.login, names, random);
        person.send(&mut wire, &to)?;
    }
    Ok(())
}

/// Another user, or now and then the group of all.
fn recipient(own: &str, names: &[String], random: &mut Random) -> String {
    if random.once_in(20) {
        return GROUP.into();
    }
    loop {
        let name = random.one_of(names);
        if name != own {
            return name.clone();
        }
    }
}

/// Waits until messages.csv holds exactly these rows, each as often as given. Returns how many
/// there are.
fn wait_for_rows(data: &Path, expected: &BTreeMap<archive::Row, usize>) -> Result<usize> {
    let count = expected.values().sum();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let rows = archive::rows(data)?;
        if rows.len() < count && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(50));
            continue;
        }
        let total = rows.len();
        let mut found = BTreeMap::new();
        for row in rows {
            *found.entry(row).or_insert(0) += 1;
        }
        for (row, times) in expected {
            let there = found.remove(row).unwrap_or(0);
            ensure!(
                there == *times,
                "messages.csv has {there} of {times} rows {row:?}"
            );
        }
        if let Some((row, _)) = found.into_iter().next() {
            bail!("messages.csv has a row that nobody has read: {row:?}");
        }
        return Ok(total);
    }
}
