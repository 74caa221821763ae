//! The servers that were heard of lately.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use mensageiro_protocol::Name;

use crate::message::Heard;

/// The most servers that are kept. The first ones stay: who announces hundreds drives nobody out.
const MOST: usize = 32;

/// A server that was announced. All of it is what somebody said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What people call it; never empty.
    pub name: Name,
    /// Its host name, `LABEL.local`, in small letters.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
    /// Whether a device or a program key is needed to log in.
    pub is_closed: bool,
    /// The beginning of its fingerprint: at most 16 letters and digits, perhaps none.
    pub key: String,
    /// Whether it runs on this computer, where `localhost` leads to it.
    pub is_here: bool,
}

/// What tells servers apart: the label of an announcement, and where it leads.
type Id = (String, String, u16, String);

#[derive(Debug, Default)]
pub(crate) struct Servers(BTreeMap<Id, Entry>);

#[derive(Debug)]
struct Entry {
    server: Found,
    until: Instant,
}

impl Servers {
    /// Takes in what a packet said.
    pub(crate) fn hear(&mut self, heard: Heard, now: Instant, most: Duration) {
        match heard {
            Heard::Gone(label) => self.0.retain(|id, _| id.0 != label),
            Heard::Here(label, mut server, time) => {
                let id = (label, server.host.clone(), server.port, server.key.clone());
                if let Some(known) = self.0.get(&id) {
                    // It is heard from each of its networks; one of them may be this computer.
                    server.is_here |= known.server.is_here;
                } else if self.0.len() >= MOST && !(server.is_here && self.drop_stranger()) {
                    return;
                }
                let until = now + time.min(most);
                self.0.insert(id, Entry { server, until });
            }
        }
    }

    /// Makes room for a server on this computer.
    fn drop_stranger(&mut self) -> bool {
        let stranger = self.0.iter().rev().find(|(_, entry)| !entry.server.is_here);
        let stranger = stranger.map(|(id, _)| id.clone());
        stranger.is_some_and(|id| self.0.remove(&id).is_some())
    }

    /// Forgets those that were not heard of for long.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.0.retain(|_, entry| entry.until > now);
    }

    /// When the next one is to be forgotten.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.0.values().map(|entry| entry.until).min()
    }

    /// All of them, in a fixed order.
    pub(crate) fn list(&self) -> Vec<Found> {
        self.0.values().map(|entry| entry.server.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn server(port: u16) -> Found {
        Found {
            name: Name::from("Sala 3"),
            host: "sala3-xj4b.local".into(),
            port,
            is_closed: false,
            key: "XJ4BNP4PAHH6UQKB".into(),
            is_here: false,
        }
    }

    fn here(server: Found) -> Heard {
        Heard::Here("sala 3".into(), server, 2 * MINUTE)
    }

    #[test]
    fn a_server_in_two_networks_is_one_and_goes_with_its_time_or_its_farewell() {
        let (now, mut servers) = (Instant::now(), Servers::default());
        servers.hear(here(server(1)), now, MINUTE);
        let local = Found {
            is_here: true,
            ..server(1)
        };
        servers.hear(here(local.clone()), now, MINUTE);
        servers.hear(here(server(1)), now, MINUTE);
        assert_eq!(servers.list(), [local]);
        servers.hear(here(server(2)), now + MINUTE / 2, MINUTE);
        assert_eq!(servers.deadline(), Some(now + MINUTE));
        servers.expire(now + MINUTE);
        assert_eq!(servers.list(), [server(2)]);
        servers.hear(Heard::Gone("another".into()), now, MINUTE);
        assert_eq!(servers.list().len(), 1);
        servers.hear(Heard::Gone("sala 3".into()), now, MINUTE);
        assert_eq!((servers.list(), servers.deadline()), (vec![], None));
    }

    #[test]
    fn who_announces_hundreds_drives_nobody_out() {
        let (now, mut servers) = (Instant::now(), Servers::default());
        servers.hear(here(server(9)), now, MINUTE);
        for port in 1..1000 {
            servers.hear(here(server(port)), now, MINUTE);
        }
        assert_eq!(servers.list().len(), MOST);
        assert!(servers.list().contains(&server(9)));
        let local = Found {
            is_here: true,
            ..server(5000)
        };
        servers.hear(here(local.clone()), now, MINUTE);
        assert!(servers.list().contains(&local) && servers.list().len() == MOST);
    }
}
