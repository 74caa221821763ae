//! kill -9 in the place of every call with which the index is written: while it is rebuilt, and while it is brought up to
//! date with its checkpoint.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::{
    live::{Heard, Live, Stop},
    program::{Launch, Program},
    snapshot::Snapshot,
    trace,
    trial::{GROUP, Trial, Verdict, users},
};

/// Everybody has a conversation with everybody, and with the group.
const USERS: usize = 4;

/// Messages of each user before the first kill. The index is written several times while so many are read again.
const MESSAGES: usize = 3_000;

/// At a time: what a device may have under way, and more than a block of the index holds.
const WINDOW: usize = 100;

/// Messages while it is brought up to date.
const NEW: usize = 40;

/// The files of the index.
const FILES: [&str; 4] = [
    "store/index.sqlite",
    "store/index.sqlite-wal",
    "store/index.sqlite-shm",
    "store/index.damaged",
];

/// What is interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    /// The index was deleted: the start makes it, and the stop brings it up to date.
    Rebuild,
    /// Some messages come, and the stop brings it up to date.
    Checkpoint,
}

/// What was said, and what each user is to get.
struct World {
    data: PathBuf,
    before: Snapshot,
    /// All messages of others, and those that are unread.
    expected: Vec<(Vec<Heard>, Vec<Heard>)>,
}

pub fn run(trial: &Trial) -> Result<Verdict> {
    if !trace::is_possible() {
        return Ok(Verdict::Skipped(trace::NEEDED.into()));
    }
    let world = World::new(trial)?;
    let mut places = Vec::new();
    for task in [Task::Rebuild, Task::Checkpoint] {
        // Once without a kill, to see how many calls there are.
        let (calls, was_killed) = world.interrupt(trial, task, None)?;
        ensure!(!was_killed && calls > 10, "{task:?}: {calls} calls");
        places.extend((1..=calls).map(|call| (task, call)));
    }
    let all = places.len();
    // In random order, so that a short run still covers all of them.
    let mut random = trial.random();
    let mut kills = [0, 0];
    while !places.is_empty() && trial.goes_on(kills[0] + kills[1], usize::MAX) {
        let (task, call) = places.swap_remove(random.within(0..places.len()));
        let (_, was_killed) = world
            .interrupt(trial, task, Some(call))
            .with_context(|| format!("{task:?}, killed at call {call}"))?;
        kills[usize::from(task == Task::Checkpoint)] += usize::from(was_killed);
    }
    let places = if places.is_empty() {
        format!("each of {all} calls")
    } else {
        format!("some of {all} calls")
    };
    Ok(Verdict::Held(format!(
        "{places}: {} kills while it was rebuilt, {} while a checkpoint was written; everybody had all of {} messages, once",
        kills[0],
        kills[1],
        USERS * MESSAGES
    )))
}

impl World {
    /// Users who have talked to each other and have read a part of it.
    fn new(trial: &Trial) -> Result<Self> {
        let users = users(USERS);
        let data = trial.data("index", &users)?;
        let server = trial.start(&data, &[])?;
        let mut people: Vec<_> = users.iter().map(|login| Live::new(login)).collect();
        for at in 0..USERS {
            let mut wire = people[at].log_in(server.address, None);
            let wire = wire.as_mut().map_err(|_| anyhow::anyhow!("no login"))?;
            let others = (1..USERS).map(|step| users[(at + step) % USERS].clone());
            let mut to = others.chain([GROUP.to_owned()]).cycle();
            for _ in 0..MESSAGES / WINDOW {
                let next = || to.next().unwrap_or_default();
                people[at]
                    .send(wire, WINDOW, next)
                    .and_then(|()| people[at].hear_answers(wire))
                    .map_err(Stop::unexpected)?;
            }
            // The first ones read little, the last ones nearly everything.
            people[at]
                .read(wire)
                .and_then(|()| people[at].catch_up(wire))
                .map_err(Stop::unexpected)?;
        }
        server.stop()?;
        let before = Snapshot::take(&data)?;
        let server = trial.start(&data, &[])?;
        let mut expected = Vec::new();
        for login in &users {
            expected.push(both(login, &server)?);
        }
        drop(server);
        Ok(Self {
            data,
            before,
            expected,
        })
    }

    /// Does one task, with a kill at that call of a thread, then starts again and looks at everything. Returns how many
    /// calls the busiest thread made, and whether it was killed.
    fn interrupt(
        &self,
        trial: &Trial,
        task: Task,
        kill_at: Option<usize>,
    ) -> Result<(usize, bool)> {
        self.before.restore(&self.data)?;
        let calls = self.data.with_extension("calls");
        let files = FILES.map(|file| self.data.join(file));
        let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        let words = trace::watching(&files, &calls, kill_at);
        let mut sender = Live::new("u0");
        let is_whole = match task {
            Task::Rebuild => {
                for file in files {
                    // Some are only there while a server runs.
                    let _ = std::fs::remove_file(file);
                }
                let words: Vec<_> = words.iter().map(String::as_str).collect();
                let launch = Launch::new(&trial.server, &self.data).through(&words);
                launch.start().is_ok_and(|server| server.stop().is_ok())
            }
            Task::Checkpoint => {
                let server = trial.start(&self.data, &[])?;
                let mut tracer = trace::attach(&server, &words)?;
                sender = Live::on_device("u0", 1_000_000);
                let mut wire = sender.log_in(server.address, None);
                if let Ok(wire) = &mut wire {
                    // The connection may break with the server.
                    let _ = sender
                        .send(wire, NEW, || "u1".into())
                        .and_then(|()| sender.hear_answers(wire));
                }
                let is_whole = server.stop().is_ok();
                tracer.wait()?;
                is_whole
            }
        };
        let made = trace::most_calls(&calls)?;
        let mut server = trial.start(&self.data, &[])?;
        self.check(&server, &sender)?;
        server.check_well()?;
        Ok((made, !is_whole))
    }

    /// Everybody gets what is expected, and what was acknowledged since.
    fn check(&self, server: &Program, sender: &Live) -> Result<()> {
        for (at, (all, unread)) in self.expected.iter().enumerate() {
            let login = format!("u{at}");
            let (found, waiting) = both(&login, server)?;
            for (expected, found) in [(all, &found), (unread, &waiting)] {
                let (common, more) = found.split_at(expected.len().min(found.len()));
                ensure!(
                    common == expected,
                    "{login} gets {} messages in the place of {}",
                    found.len(),
                    expected.len()
                );
                let new: Vec<_> = match at {
                    1 => sender.acknowledged.values().map(|(id, _)| *id).collect(),
                    _ => Vec::new(),
                };
                let is_right = more
                    .iter()
                    .map(|message| message.id)
                    .eq(new.iter().copied());
                // What was not acknowledged may be there.
                let is_doubtful = at == 1 && sender.waiting() > 0 && more.len() >= new.len();
                ensure!(
                    is_right || is_doubtful,
                    "{login} gets {} of {} new messages",
                    more.len(),
                    new.len()
                );
            }
        }
        Ok(())
    }
}

/// All messages of others to a user, and those that are unread.
fn both(login: &str, server: &Program) -> Result<(Vec<Heard>, Vec<Heard>)> {
    let mut received = Vec::new();
    for mut device in [Live::from_the_beginning(login), Live::new(login)] {
        device
            .log_in(server.address, None)
            .map_err(Stop::unexpected)?;
        received.push(device.received);
    }
    let unread = received.pop().unwrap_or_default();
    Ok((received.pop().unwrap_or_default(), unread))
}
