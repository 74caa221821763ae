//! Limits the number of connections: a small pool before the login, and one place for each
//! connection with a login.
//!
//! A stranger can fill the pool, but nobody is locked out by that: whoever comes next takes the
//! place of the oldest connection of the network that has most of them. A connection that sends its login leaves
//! the pool at once.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use parking_lot::Mutex;
use thiserror::Error;

use crate::{
    budgets::Reason,
    net::{network::Network, transport::Transport},
};

/// How many connections there may be.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    /// With a login.
    pub logged_in: usize,
    /// Before the login.
    pub before_login: usize,
    /// From one network, with or without a login; 0: any number.
    pub per_network: usize,
}

/// Counts connections, and refuses or ends those above a limit.
#[derive(Debug)]
pub struct Admission {
    places: Places,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    logged_in: usize,
    /// With and without a login; none is 0.
    by_network: HashMap<Network, usize>,
    pool: Pool,
}

/// The connections without a login.
#[derive(Debug, Default)]
struct Pool {
    /// The number of the next one.
    next: u64,
    size: usize,
    /// The oldest first; none is empty.
    by_network: HashMap<Network, VecDeque<(u64, Arc<Transport>)>>,
}

/// The right to be connected, given back when dropped.
#[derive(Debug)]
pub struct Permit {
    admission: Arc<Admission>,
    network: Network,
    /// Its number in the pool; `None`: it has a login.
    waiting: Option<u64>,
}

/// Why a connection is not admitted, or no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Full {
    /// There are as many connections with a login as allowed.
    #[error("there are {0} connections already (--max-connections)")]
    Server(usize),
    /// This network has as many connections as allowed.
    #[error("{0} has {1} connections already (--max-connections-per-address)")]
    Network(Network, usize),
    /// Another connection has taken its place in the pool.
    #[error("it waited too long with its login (--max-connections-before-login)")]
    Replaced,
}

impl Full {
    /// The budget that is used up.
    pub fn reason(self) -> Reason {
        match self {
            Self::Server(_) => Reason::Connections,
            Self::Network(..) => Reason::Address,
            Self::Replaced => Reason::BeforeLogin,
        }
    }
}

impl Admission {
    /// Nobody is connected yet.
    pub fn new(places: Places) -> Arc<Self> {
        Arc::new(Self {
            places,
            counts: Mutex::default(),
        })
    }

    /// Admits a connection to the pool. If another one has to leave it for that, returns the network of
    /// that one, which was hung up on.
    ///
    /// # Errors
    /// When its network has too many connections.
    pub fn admit(
        self: &Arc<Self>,
        transport: Arc<Transport>,
    ) -> Result<(Permit, Option<Network>), Full> {
        let network = Network::of(transport.address().ip());
        let mut counts = self.counts.lock();
        let here = counts.by_network.entry(network).or_default();
        let most = self.places.per_network;
        if most > 0 && *here >= most {
            return Err(Full::Network(network, most));
        }
        *here += 1;
        let replaced = match counts.pool.size >= self.places.before_login {
            true => counts.pool.pop(),
            false => None,
        };
        let waiting = Some(counts.pool.push(network, transport));
        drop(counts);
        let replaced = replaced.map(|(network, transport)| {
            transport.hang_up();
            network
        });
        let permit = Permit {
            admission: self.clone(),
            network,
            waiting,
        };
        Ok((permit, replaced))
    }
}

impl Permit {
    /// Leaves the pool, as the connection has sent its login.
    ///
    /// # Errors
    /// When there are too many connections with a login, or the place in the pool is gone.
    pub fn log_in(&mut self) -> Result<(), Full> {
        let Some(number) = self.waiting else {
            return Ok(());
        };
        let mut counts = self.admission.counts.lock();
        let most = self.admission.places.logged_in;
        if counts.logged_in >= most {
            return Err(Full::Server(most));
        }
        if !counts.pool.remove(self.network, number) {
            return Err(Full::Replaced);
        }
        counts.logged_in += 1;
        self.waiting = None;
        Ok(())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = self.admission.counts.lock();
        match self.waiting {
            None => counts.logged_in -= 1,
            // Nothing to remove if another one has taken its place.
            Some(number) => drop(counts.pool.remove(self.network, number)),
        }
        if let Some(here) = counts.by_network.get_mut(&self.network) {
            *here -= 1;
            if *here == 0 {
                counts.by_network.remove(&self.network);
            }
        }
    }
}

impl Pool {
    fn push(&mut self, network: Network, transport: Arc<Transport>) -> u64 {
        let number = self.next;
        self.next += 1;
        self.size += 1;
        let here = self.by_network.entry(network).or_default();
        here.push_back((number, transport));
        number
    }

    /// Removes the oldest connection of the network that has most.
    fn pop(&mut self) -> Option<(Network, Arc<Transport>)> {
        let age = |here: &VecDeque<(u64, _)>| here.front().map(|(number, _)| *number);
        let networks = self.by_network.iter();
        let (&network, here) =
            networks.max_by_key(|(_, here)| (here.len(), std::cmp::Reverse(age(here))))?;
        let (number, transport) = here.front().cloned()?;
        self.remove(network, number);
        Some((network, transport))
    }

    /// Returns whether it was there.
    fn remove(&mut self, network: Network, number: u64) -> bool {
        let Some(here) = self.by_network.get_mut(&network) else {
            return false;
        };
        let Some(at) = here.iter().position(|(one, _)| *one == number) else {
            return false;
        };
        here.remove(at);
        if here.is_empty() {
            self.by_network.remove(&network);
        }
        self.size -= 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Read,
        net::{SocketAddr, TcpListener, TcpStream},
        time::Duration,
    };

    use super::*;

    /// Connections that claim to come from somewhere.
    struct Door(TcpListener);

    impl Door {
        fn open() -> Self {
            Self(TcpListener::bind("127.0.0.1:0").unwrap())
        }

        fn connect(&self, from: [u8; 4]) -> (TcpStream, Arc<Transport>) {
            let client = TcpStream::connect(self.0.local_addr().unwrap()).unwrap();
            let patience = Duration::from_secs(20);
            client.set_read_timeout(Some(patience)).unwrap();
            let (stream, _) = self.0.accept().unwrap();
            let from = SocketAddr::from((from, 1));
            let transport = Transport::new(stream, from, patience).unwrap();
            (client, Arc::new(transport))
        }
    }

    const ONE: [u8; 4] = [10, 0, 0, 1];
    const TWO: [u8; 4] = [10, 0, 0, 2];

    fn admission(logged_in: usize, before_login: usize, per_network: usize) -> Arc<Admission> {
        Admission::new(Places {
            logged_in,
            before_login,
            per_network,
        })
    }

    #[test]
    fn a_permit_that_is_given_back_can_be_had_again() {
        let door = Door::open();
        let admission = admission(2, 9, 2);
        let admit = |from| {
            let (_, transport) = door.connect(from);
            admission.admit(transport).map(|(permit, _)| permit)
        };
        let mut first = admit(ONE).unwrap();
        first.log_in().unwrap();
        let mut second = admit(ONE).unwrap();
        let network = Network::of(ONE.into());
        assert_eq!(admit(ONE).unwrap_err(), Full::Network(network, 2));
        second.log_in().unwrap();
        let mut third = admit(TWO).unwrap();
        assert_eq!(third.log_in(), Err(Full::Server(2)));
        drop(first);
        third.log_in().unwrap();
        admit(ONE).unwrap();
        assert_eq!(admission.counts.lock().pool.size, 0);
    }

    #[test]
    fn whoever_comes_into_a_full_pool_takes_the_oldest_place_of_the_greediest() {
        let door = Door::open();
        let admission = admission(9, 3, 0);
        let admit = |from| {
            let (client, transport) = door.connect(from);
            let (permit, replaced) = admission.admit(transport).unwrap();
            (client, permit, replaced)
        };
        let (_modest, mut modest, _) = admit(TWO);
        let (mut oldest, mut oldest_permit, _) = admit(ONE);
        let (_younger, mut younger, none) = admit(ONE);
        assert_eq!(none, None);
        let (_newest, mut newest, replaced) = admit(ONE);
        assert_eq!(replaced, Some(Network::of(ONE.into())));
        assert_eq!(oldest.read(&mut [0]).unwrap_or(0), 0, "it is hung up on");
        assert_eq!(oldest_permit.log_in(), Err(Full::Replaced));
        for permit in [&mut modest, &mut younger, &mut newest] {
            permit.log_in().unwrap();
        }
    }
}
