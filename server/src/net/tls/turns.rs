//! Limits how many handshakes are computed at a time. Handshakes are the most that somebody without a login can make
//! the server compute: when many come at once, the other processors stay free for those who are in already.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// How often those who wait look whether that still makes sense. Connections come and go faster than turns are given
/// in a flood, and who has left must not hold a thread.
const LOOK: Duration = Duration::from_millis(50);

/// Turns, given in about the order in which they are asked for.
#[derive(Debug)]
pub(super) struct Turns {
    state: Mutex<State>,
    given: Condvar,
}

#[derive(Debug)]
struct State {
    /// Turns that nobody has.
    free: usize,
    /// How many wait.
    waiting: usize,
    /// Turns that were given to those who have waited longest and are about to notice it.
    handed: usize,
}

/// A turn, given back when dropped.
#[derive(Debug)]
pub(super) struct Turn<'a>(&'a Turns);

impl Turns {
    pub(super) fn new(at_a_time: usize) -> Self {
        Self {
            state: Mutex::new(State {
                free: at_a_time,
                waiting: 0,
                handed: 0,
            }),
            given: Condvar::new(),
        }
    }

    /// Waits for a turn, at most `limit`, and no longer when `is_gone` says that nobody needs it any more.
    pub(super) fn take(&self, limit: Duration, is_gone: impl Fn() -> bool) -> Option<Turn<'_>> {
        let deadline = Instant::now() + limit;
        let mut state = self.state.lock();
        if state.free > 0 {
            state.free -= 1;
            return Some(Turn(self));
        }
        state.waiting += 1;
        loop {
            let look = deadline.min(Instant::now() + LOOK);
            let is_time = self.given.wait_until(&mut state, look).timed_out();
            if state.handed > 0 {
                state.handed -= 1;
                state.waiting -= 1;
                return Some(Turn(self));
            }
            if is_time && (is_gone() || Instant::now() >= deadline) {
                state.waiting -= 1;
                return None;
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        // Whoever comes now must not be faster than those who wait.
        if state.waiting > state.handed {
            state.handed += 1;
            self.0.given.notify_one();
        } else {
            state.free += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, mpsc},
        thread,
    };

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn turns_are_given_to_all_who_still_wait_and_no_more_than_there_are() {
        let turns = Arc::new(Turns::new(1));
        let first = turns.take(LONG, || false);
        assert!(first.is_some());
        let (tell, told) = mpsc::channel();
        let mut threads = Vec::new();
        for number in 0..8 {
            let (turns, tell) = (turns.clone(), tell.clone());
            let thread = thread::spawn({
                let turns = turns.clone();
                move || {
                    let turn = turns.take(LONG, || false);
                    tell.send((number, turn.is_some())).unwrap();
                }
            });
            threads.push(thread);
            // The next one comes when this one waits.
            while turns.state.lock().waiting <= number {
                thread::yield_now();
            }
        }
        assert!(turns.take(Duration::from_millis(1), || false).is_none());
        assert!(turns.take(LONG, || true).is_none());
        drop(first);
        for thread in threads {
            thread.join().unwrap();
        }
        let mut got: Vec<_> = told.try_iter().collect();
        got.sort_unstable();
        assert_eq!(got, (0..8).map(|one| (one, true)).collect::<Vec<_>>());
        let state = turns.state.lock();
        assert_eq!((state.free, state.waiting, state.handed), (1, 0, 0));
    }
}
