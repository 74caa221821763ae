//! Limits how many handshakes are computed at a time. Handshakes are the most that somebody without a login can make
//! the server compute: when many come at once, the other processors stay free for those who are in already.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::net::network::Network;

/// How often those who wait look whether that still makes sense. Connections come and go faster than turns are given
/// in a flood, and who has left must not hold a thread.
const LOOK: Duration = Duration::from_millis(50);

/// Turns. They go round the networks, so that somebody who waits alone is not behind all of those who come from
/// elsewhere. Within a network, who has waited longest is next.
#[derive(Debug)]
pub(super) struct Turns(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Turns that nobody has.
    free: usize,
    /// Those who wait; no queue is empty.
    waiting: HashMap<Network, VecDeque<Arc<Waiter>>>,
    /// The networks of those who wait, the next one first.
    order: VecDeque<Network>,
}

#[derive(Debug, Default)]
struct Waiter {
    /// It has a turn. Changed only with the lock.
    is_next: AtomicBool,
    given: Condvar,
}

/// A turn, given back when dropped.
#[derive(Debug)]
pub(super) struct Turn<'a>(&'a Turns);

impl Turns {
    pub(super) fn new(at_a_time: usize) -> Self {
        Self(Mutex::new(State {
            free: at_a_time,
            waiting: HashMap::new(),
            order: VecDeque::new(),
        }))
    }

    /// Waits for a turn, at most `limit`, and no longer when `is_gone` says that nobody needs it any more.
    pub(super) fn take(
        &self,
        network: Network,
        limit: Duration,
        is_gone: impl Fn() -> bool,
    ) -> Option<Turn<'_>> {
        let deadline = Instant::now() + limit;
        let mut state = self.0.lock();
        if state.free > 0 {
            state.free -= 1;
            return Some(Turn(self));
        }
        let waiter = state.enter(network);
        loop {
            let look = deadline.min(Instant::now() + LOOK);
            let _ = waiter.given.wait_until(&mut state, look);
            let is_over = !waiter.is_next.load(Relaxed)
                && Instant::now() >= look
                && (look == deadline || MutexGuard::unlocked(&mut state, &is_gone));
            if waiter.is_next.load(Relaxed) {
                return Some(Turn(self));
            }
            if is_over {
                state.leave(network, &waiter);
                return None;
            }
        }
    }
}

impl State {
    fn enter(&mut self, network: Network) -> Arc<Waiter> {
        let waiter = Arc::<Waiter>::default();
        let queue = self.waiting.entry(network).or_default();
        if queue.is_empty() {
            self.order.push_back(network);
        }
        queue.push_back(waiter.clone());
        waiter
    }

    fn leave(&mut self, network: Network, waiter: &Arc<Waiter>) {
        if let Some(queue) = self.waiting.get_mut(&network) {
            queue.retain(|one| !Arc::ptr_eq(one, waiter));
            if queue.is_empty() {
                self.waiting.remove(&network);
                self.order.retain(|one| *one != network);
            }
        }
    }

    fn next(&mut self) -> Option<Arc<Waiter>> {
        let network = self.order.pop_front()?;
        let queue = self.waiting.get_mut(&network)?;
        let next = queue.pop_front();
        match queue.is_empty() {
            true => drop(self.waiting.remove(&network)),
            false => self.order.push_back(network),
        }
        next
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.0.0.lock();
        // Whoever comes now must not be faster than those who wait.
        match state.next() {
            Some(waiter) => {
                waiter.is_next.store(true, Relaxed);
                waiter.given.notify_one();
            }
            None => state.free += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, sync::mpsc, thread};

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn network(number: u8) -> Network {
        Network::of(IpAddr::from([10, 0, 0, number]))
    }

    /// Has somebody of each of these networks wait, one after the other. Returns in which order they get their turn.
    fn order(turns: &Arc<Turns>, networks: &[u8]) -> mpsc::Receiver<u8> {
        let (tell, told) = mpsc::channel();
        for (before, &number) in networks.iter().enumerate() {
            let (own, tell) = (turns.clone(), tell.clone());
            thread::spawn(move || {
                let turn = own.take(network(number), LONG, || false);
                tell.send(number).unwrap();
                drop(turn);
            });
            // The next one comes when this one waits.
            let waiting = || {
                turns
                    .0
                    .lock()
                    .waiting
                    .values()
                    .map(VecDeque::len)
                    .sum::<usize>()
            };
            while waiting() <= before {
                thread::yield_now();
            }
        }
        told
    }

    #[test]
    fn turns_go_round_the_networks_to_all_who_still_wait() {
        let turns = Arc::new(Turns::new(1));
        let first = turns.take(network(9), LONG, || false);
        assert!(first.is_some());
        let told = order(&turns, &[1, 1, 1, 1, 2, 1, 3, 2]);
        let short = Duration::from_millis(1);
        assert!(turns.take(network(1), short, || false).is_none());
        assert!(turns.take(network(4), LONG, || true).is_none());
        drop(first);
        let got: Vec<_> = told.iter().collect();
        assert_eq!(got, [1, 2, 3, 1, 2, 1, 1, 1]);
        // The last one may still be giving its turn back.
        while turns.0.lock().free == 0 {
            thread::yield_now();
        }
        let state = turns.0.lock();
        assert!(state.waiting.is_empty() && state.order.is_empty());
        assert_eq!(state.free, 1);
    }
}
