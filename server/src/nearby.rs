//! Announces the server in the local network, so that the app lists it by name.

use std::net::{IpAddr, SocketAddr, TcpListener};

use mensageiro_discovery::{Announcement, Announcer, Reach};
use mensageiro_protocol::trust::Fingerprint;
use socket2::SockRef;
use tracing::{info, warn};

use crate::options::Options;

/// A server that other computers of the local network can find. It says goodbye when it is dropped.
#[derive(Debug)]
pub struct Nearby {
    announcer: Announcer,
    what: Announcement,
}

impl Nearby {
    /// Announces the server that listens on this socket, unless the options do not want that or nobody else can reach it. A
    /// failure is told in the log: people can still type the address.
    pub fn start(
        options: &Options,
        socket: &TcpListener,
        is_closed: bool,
        key: Fingerprint,
    ) -> Option<Self> {
        if options.no_announce {
            return None;
        }
        let address = socket.local_addr().ok()?;
        let reach = reach(address, || SockRef::from(socket).only_v6().unwrap_or(true))?;
        let computer = gethostname::gethostname();
        let name = options.name.clone().unwrap_or_default();
        let computer = computer.to_string_lossy();
        let what = Announcement::new(&computer, &name, address.port(), is_closed, key);
        match Announcer::start(what.clone(), reach) {
            Ok(announcer) => {
                info!("announced in the local network as {}", what.name);
                Some(Self { announcer, what })
            }
            Err(error) => {
                warn!(
                    "the server cannot be announced in the local network: {error}; people can type its address (--no-announce: do not try)"
                );
                None
            }
        }
    }

    /// What is announced.
    pub fn what(&self) -> &Announcement {
        &self.what
    }

    /// Says goodbye.
    pub fn close(self) {
        drop(self.announcer);
    }
}

/// Where a server that listens on this address can be reached from. `None`: from this computer only, or by IPv6 only, over which
/// nothing is announced.
fn reach(address: SocketAddr, is_only_v6: impl FnOnce() -> bool) -> Option<Reach> {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) if ip.is_loopback() => None,
        IpAddr::V4(ip) if ip.is_unspecified() => Some(Reach::Everywhere),
        IpAddr::V4(ip) => Some(Reach::Only(ip)),
        IpAddr::V6(ip) if ip.is_unspecified() && !is_only_v6() => Some(Reach::Everywhere),
        IpAddr::V6(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_announced_where_others_reach_it() {
        for (address, is_only_v6, expected) in [
            ("0.0.0.0:3333", true, Some(Reach::Everywhere)),
            ("[::]:3333", false, Some(Reach::Everywhere)),
            ("[::]:3333", true, None),
            ("127.0.0.1:3333", true, None),
            ("127.8.0.1:3333", true, None),
            ("[::1]:3333", false, None),
            ("[::ffff:127.0.0.1]:3333", false, None),
            ("[2001:db8::1]:3333", false, None),
            (
                "192.168.0.7:3333",
                true,
                Some(Reach::Only([192, 168, 0, 7].into())),
            ),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(reach(address, || is_only_v6), expected, "{address}");
        }
    }
}
