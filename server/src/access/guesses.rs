//! Wrong codes and program keys: whoever sends them waits longer each time for an answer.
//!
//! Nobody guesses 128 random bits, so this is about what an attempt costs the server. A right one is answered at once: its
//! answer tells anyway that it is right. So nobody is kept out by the guesses of others.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use mensageiro_protocol::Login;
use parking_lot::Mutex;

use crate::net::network::Network;

/// A person may mistype a code so often without waiting.
const FREE: u32 = 3;

/// The first wait; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The longest one.
pub const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// No more are counted: with so many the wait is the longest one.
const MOST_COUNTED: u32 = 12;

/// One attempt is forgotten in this time.
const FORGIVE_EVERY: Duration = Duration::from_secs(30);

/// So many addresses and logins are told apart. All further ones count together.
const MOST_NAMED: usize = 8_192;

/// See the module.
#[derive(Debug, Default)]
pub struct Guesses(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    named: HashMap<Whose, Attempts>,
    others: Attempts,
    swept_at: Option<Instant>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Whose {
    Network(Network),
    Login(Login),
}

#[derive(Clone, Copy, Debug, Default)]
struct Attempts {
    count: u32,
    /// Since when the next one is to be forgotten.
    since: Option<Instant>,
}

impl Guesses {
    /// Counts a wrong attempt, and returns how long its answer must wait. There need not be such a user.
    pub fn wrong(&self, network: Network, login: &Login, now: Instant) -> Duration {
        let mut counted = self.0.lock();
        counted.sweep(now);
        let whose = [Whose::Network(network), Whose::Login(login.clone())];
        let waits = whose.map(|whose| counted.attempts(whose).count(now));
        waits.into_iter().max().unwrap_or_default()
    }
}

impl Counted {
    /// Those of an address or a login, or of all others if there are too many.
    fn attempts(&mut self, whose: Whose) -> &mut Attempts {
        if self.named.len() >= MOST_NAMED && !self.named.contains_key(&whose) {
            return &mut self.others;
        }
        self.named.entry(whose).or_default()
    }

    fn sweep(&mut self, now: Instant) {
        let is_swept = self.swept_at.is_some_and(|at| now - at < FORGIVE_EVERY);
        if self.named.len() < MOST_NAMED || is_swept {
            return;
        }
        self.named.retain(|_, attempts| {
            attempts.forgive(now);
            attempts.count > 0
        });
        self.swept_at = Some(now);
    }
}

impl Attempts {
    fn count(&mut self, now: Instant) -> Duration {
        self.forgive(now);
        let before = self.count;
        self.count = (before + 1).min(MOST_COUNTED);
        self.since.get_or_insert(now);
        match before.checked_sub(FREE) {
            None => Duration::ZERO,
            Some(doubled) => (FIRST_WAIT * 2_u32.pow(doubled)).min(LONGEST_WAIT),
        }
    }

    fn forgive(&mut self, now: Instant) {
        let Some(since) = self.since else {
            return;
        };
        let passed = now.saturating_duration_since(since);
        let forgiven = passed.as_secs() / FORGIVE_EVERY.as_secs();
        let forgiven = u32::try_from(forgiven).unwrap_or(u32::MAX);
        self.count = self.count.saturating_sub(forgiven);
        self.since = match self.count {
            0 => None,
            _ => Some(since + FORGIVE_EVERY * forgiven),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(number: u32) -> Network {
        Network::of(std::net::IpAddr::V4(number.into()))
    }

    fn login(name: &str) -> Login {
        Login::parse(name).unwrap()
    }

    #[test]
    fn each_wrong_attempt_waits_longer_until_time_has_passed() {
        let (guesses, now) = (Guesses::default(), Instant::now());
        let waits: Vec<_> = (0..12)
            .map(|_| guesses.wrong(network(1), &login("ana"), now).as_millis())
            .collect();
        assert_eq!(
            waits,
            [0, 0, 0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]
        );
        // Elsewhere for the same login, and here for another one.
        let longest = LONGEST_WAIT;
        assert_eq!(guesses.wrong(network(2), &login("ana"), now), longest);
        assert_eq!(guesses.wrong(network(1), &login("bruno"), now), longest);
        assert_eq!(
            guesses.wrong(network(3), &login("carla"), now),
            Duration::ZERO
        );
        let later = now + FORGIVE_EVERY * 9;
        let wait = guesses.wrong(network(1), &login("ana"), later);
        assert_eq!(wait, Duration::from_millis(100));
        let much_later = now + FORGIVE_EVERY * 30;
        let wait = guesses.wrong(network(1), &login("ana"), much_later);
        assert_eq!(wait, Duration::ZERO);
    }

    #[test]
    fn a_thousand_guesses_wait_as_long_for_a_user_as_for_nobody() {
        let waits = |name: &str| {
            let (guesses, now) = (Guesses::default(), Instant::now());
            let all = (0..1_000).map(|number| {
                let at = now + Duration::from_millis(number);
                guesses.wrong(network(1), &login(name), at)
            });
            all.sum::<Duration>()
        };
        assert_eq!(waits("ana"), waits("nobody"));
        assert!(waits("ana") > LONGEST_WAIT * 980);
    }

    #[test]
    fn many_addresses_and_logins_take_little_memory_and_wait_together() {
        let (guesses, now) = (Guesses::default(), Instant::now());
        for number in 0..20_000 {
            guesses.wrong(network(number), &login(&format!("u{number}")), now);
        }
        assert!(guesses.0.lock().named.len() <= MOST_NAMED);
        let wait = guesses.wrong(network(30_000), &login("ana"), now);
        assert_eq!(wait, LONGEST_WAIT);
        // Those who had a place before still have it.
        assert_eq!(guesses.wrong(network(1), &login("u1"), now), Duration::ZERO);
        let later = now + FORGIVE_EVERY * 20;
        let wait = guesses.wrong(network(30_000), &login("ana"), later);
        assert_eq!(wait, Duration::ZERO);
    }
}
