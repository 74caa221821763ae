//! Limits the number of connections, in total and from one address.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use parking_lot::Mutex;
use thiserror::Error;

/// Counts connections and refuses those above a limit.
#[derive(Debug)]
pub struct Admission {
    most: usize,
    most_per_address: usize,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// The right to be connected, given back when dropped.
#[derive(Debug)]
pub struct Permit {
    admission: Arc<Admission>,
    address: IpAddr,
}

/// Why a connection is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Full {
    /// The server has as many connections as allowed.
    #[error("there are {0} connections already (--max-connections)")]
    Server(usize),
    /// This address has as many connections as allowed.
    #[error("{0} has {1} connections already (--max-connections-per-address)")]
    Address(IpAddr, usize),
}

impl Admission {
    /// Admits at most `most` connections, at most `most_per_address` of them from one address.
    pub fn new(most: usize, most_per_address: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            most_per_address,
            counts: Mutex::default(),
        })
    }

    /// Admits one more connection.
    ///
    /// # Errors
    /// [`Full`] says which limit is reached.
    pub fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Permit, Full> {
        let mut counts = self.counts.lock();
        if counts.all >= self.most {
            return Err(Full::Server(self.most));
        }
        let here = counts.by_address.entry(address).or_default();
        if *here >= self.most_per_address {
            return Err(Full::Address(address, self.most_per_address));
        }
        *here += 1;
        counts.all += 1;
        Ok(Permit {
            admission: self.clone(),
            address,
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = self.admission.counts.lock();
        counts.all -= 1;
        if let Some(here) = counts.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                counts.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permit_that_is_given_back_can_be_had_again() {
        let [one, two, three] = [1, 2, 3].map(|n| IpAddr::from([127, 0, 0, n]));
        let admission = Admission::new(3, 2);
        let first = admission.admit(one).unwrap();
        let _second = admission.admit(one).unwrap();
        assert_eq!(admission.admit(one).unwrap_err(), Full::Address(one, 2));
        let _third = admission.admit(two).unwrap();
        assert_eq!(admission.admit(three).unwrap_err(), Full::Server(3));
        drop(first);
        admission.admit(three).unwrap();
    }
}
