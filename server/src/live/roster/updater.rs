//! The thread that sends edits of the roster, and presence to clients that were behind. It sends as
//! fast as each client reads, so that no send queue overflows. It sleeps while there is nothing to
//! send.

use std::{
    io,
    sync::{Arc, Weak},
    thread::{self, JoinHandle},
    time::Duration,
};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use mensageiro_protocol::live::Event;

use super::{difference::Difference, lines::Lines};
use crate::{
    alarm::Alarm,
    clients::{LiveSender, Online, Outdated},
    directory::{Directory, People},
    wake_up::WakeUp,
};

/// Time between two checks of clients that have not read everything.
const PAUSE: Duration = Duration::from_millis(10);

/// Lines that one client gets before it is the next one's turn.
const LINES_AT_A_TIME: usize = 4;

/// Presence lines that one client gets before it is the next one's turn.
const PRESENCES_AT_A_TIME: usize = 500;

/// The thread's wake-up, and what it waits for.
#[derive(Debug)]
pub struct Updater {
    wake_up: WakeUp,
    wakes: Receiver<()>,
}

impl Default for Updater {
    fn default() -> Self {
        let (wake_up, wakes) = WakeUp::new();
        Self { wake_up, wakes }
    }
}

impl Updater {
    /// A wake-up for the thread.
    pub fn wake_up(&self) -> WakeUp {
        self.wake_up.clone()
    }

    /// Starts the thread. It ends when every [`WakeUp`] is dropped, and rings the alarm if it
    /// panics.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(
        self,
        online: &Arc<Online>,
        directory: Arc<Directory>,
        alarm: &Alarm,
    ) -> io::Result<JoinHandle<()>> {
        // The presence holds a wake-up of this thread: holding it here would keep both for ever.
        let online = Arc::downgrade(online);
        let wakes = self.wakes;
        drop(self.wake_up);
        let watched = alarm.watch();
        thread::Builder::new().name("roster".into()).spawn(move || {
            let _watched = watched;
            run(&wakes, &online, &directory);
        })
    }
}

fn run(wakes: &Receiver<()>, online: &Weak<Online>, directory: &Directory) {
    let mut tellings: Vec<Telling> = Vec::new();
    let mut is_somebody_behind = false;
    loop {
        let woken = match tellings.is_empty() && !is_somebody_behind {
            true => wakes.recv().map_err(|_| RecvTimeoutError::Disconnected),
            false => wakes.recv_timeout(PAUSE),
        };
        let (false, Some(online)) = (
            woken == Err(RecvTimeoutError::Disconnected),
            online.upgrade(),
        ) else {
            return;
        };
        begin(&online, &directory.people(), &mut tellings);
        tellings.retain_mut(|telling| telling.goes_on(&online));
        is_somebody_behind = tell_missed(&online);
    }
}

/// Sends the current presence to clients that were behind. Returns whether some still are.
fn tell_missed(online: &Online) -> bool {
    let mut is_somebody_behind = false;
    for sender in online.behind() {
        if !sender.is_live() {
            continue;
        }
        is_somebody_behind = true;
        if !sender.has_room() {
            continue;
        }
        for login in online.take_missed(&sender, PRESENCES_AT_A_TIME) {
            sender.tell(|line| {
                for news in online.presences([&login].into_iter()) {
                    Event::Presence(news).encode(line);
                }
            });
        }
        sender.flush();
    }
    is_somebody_behind
}

/// Begins to send the current reading to clients that know another one.
fn begin(online: &Online, now: &Arc<People>, tellings: &mut Vec<Telling>) {
    // Nearly all know the same reading, so the difference is computed once.
    let mut known: Vec<(Arc<People>, Difference)> = Vec::new();
    for Outdated {
        sender,
        wants_changes,
        told,
    } in online.take_outdated(now)
    {
        let lines = match wants_changes {
            false => Some(Lines::whole(sender.login(), now)),
            true => {
                let at = known.iter().position(|(one, _)| Arc::ptr_eq(one, &told));
                let at = at.unwrap_or_else(|| {
                    let difference = Difference::between(&told, now);
                    known.push((told, difference));
                    known.len() - 1
                });
                Lines::changes(sender.login(), now, &known[at].1)
            }
        };
        match lines {
            Some(lines) => tellings.push(Telling { sender, lines }),
            None => online.told(&sender, now.clone()),
        }
    }
}

/// What is being sent to one client.
struct Telling {
    sender: Arc<LiveSender>,
    lines: Lines,
}

impl Telling {
    /// Sends as much as the client reads. Returns whether there is more.
    fn goes_on(&mut self, online: &Online) -> bool {
        for _ in 0..LINES_AT_A_TIME {
            if !self.sender.is_live() {
                return false;
            }
            if !self.sender.has_room() {
                break;
            }
            let mut is_more = true;
            self.sender
                .tell(|line| is_more = self.lines.write(online, line));
            self.sender.flush();
            if !is_more {
                online.told(&self.sender, self.lines.people().clone());
                return false;
            }
        }
        true
    }
}
