//! The socket of multicast DNS, and the networks that this computer is in.

use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket},
};

use if_addrs::{IfAddr, Ifv4Addr};
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// The port and the group of multicast DNS.
pub(crate) const PORT: u16 = 5353;
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);

/// The longest packet that is read, in bytes (RFC 6762, 17).
const PACKET: usize = 9000;

/// Packets that are read before the clock is looked at again.
const PACKETS_AT_ONCE: usize = 64;

/// See the module.
pub(crate) struct Network {
    /// Reads. Windows needs reading and waiting to be by the same one.
    reader: mio::net::UdpSocket,
    /// The same socket: writes.
    writer: UdpSocket,
    only: Option<Ipv4Addr>,
    interfaces: Vec<Interface>,
    hears_all: bool,
    buffer: Box<[u8]>,
}

/// An interface with its addresses; there is at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Interface {
    name: String,
    index: Option<u32>,
    addresses: Vec<Ifv4Addr>,
}

impl Interface {
    fn first(&self) -> Ipv4Addr {
        self.addresses
            .first()
            .map_or(Ipv4Addr::LOCALHOST, |first| first.ip)
    }

    fn addresses(&self) -> Vec<Ipv4Addr> {
        self.addresses.iter().map(|address| address.ip).collect()
    }

    fn is_near(&self, other: Ipv4Addr) -> bool {
        let network = |of: &Ifv4Addr, ip: Ipv4Addr| u32::from(ip) & u32::from(of.netmask);
        self.addresses
            .iter()
            .any(|own| network(own, own.ip) == network(own, other))
    }
}

impl Network {
    /// Listens on the port of multicast DNS, which all programs of a computer share. `only`: in the network of this address.
    pub(crate) fn listen(only: Option<Ipv4Addr>) -> io::Result<Self> {
        let mut network = Self::open(only, PORT)?;
        network.look();
        Ok(network)
    }

    /// To ask others. On Windows from a port of its own: listening on the shared one would make the firewall ask the person. So
    /// does a system on which the shared one cannot be had. Then only answers are heard.
    pub(crate) fn ask() -> io::Result<Self> {
        let shared = match cfg!(windows) {
            true => None,
            false => Self::open(None, PORT)
                .inspect_err(|error| tracing::debug!(%error, "asking from a port of its own"))
                .ok(),
        };
        let mut network = shared.map_or_else(|| Self::open(None, 0), Ok)?;
        network.look();
        Ok(network)
    }

    fn open(only: Option<Ipv4Addr>, port: u16) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        if port != 0 {
            socket.set_reuse_address(true)?;
            #[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos"))))]
            socket.set_reuse_port(true)?;
        }
        // All of multicast DNS is sent with this number, and none of it leaves the network.
        socket.set_multicast_ttl_v4(255)?;
        socket.set_multicast_loop_v4(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port).into())?;
        let writer = UdpSocket::from(socket);
        Ok(Self {
            reader: mio::net::UdpSocket::from_std(writer.try_clone()?),
            writer,
            only,
            interfaces: Vec::new(),
            hears_all: port != 0,
            buffer: vec![0; PACKET].into(),
        })
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.reader, token, Interest::READABLE)
    }

    /// Whether announcements are heard, too, and not only answers.
    pub(crate) fn hears_all(&self) -> bool {
        self.hears_all
    }

    /// Looks which networks this computer is in. True: there is a new one.
    pub(crate) fn look(&mut self) -> bool {
        let interfaces = interfaces(self.only);
        let mut has_new = false;
        if self.hears_all {
            for gone in self
                .interfaces
                .iter()
                .filter(|old| !interfaces.contains(old))
            {
                // The system has done so already if the interface is gone.
                let _ = self.writer.leave_multicast_v4(&GROUP, &gone.first());
            }
        }
        for new in interfaces
            .iter()
            .filter(|new| !self.interfaces.contains(new))
        {
            has_new = true;
            if self.hears_all
                && let Err(error) = self.writer.join_multicast_v4(&GROUP, &new.first())
            {
                tracing::debug!(%error, interface = new.name, "no multicast");
            }
        }
        self.interfaces = interfaces;
        has_new
    }

    /// Sends a packet into each network. `packet` is told which addresses this computer has there.
    pub(crate) fn send(&self, packet: impl Fn(&[Ipv4Addr]) -> Vec<u8>) {
        let socket = SockRef::from(&self.writer);
        for interface in &self.interfaces {
            let bytes = packet(&interface.addresses());
            let sent = socket
                .set_multicast_if_v4(&interface.first())
                .and_then(|()| self.writer.send_to(&bytes, (GROUP, PORT)));
            if let Err(error) = sent {
                tracing::debug!(%error, interface = interface.name, "a packet could not be sent");
            }
        }
    }

    /// Reads packets that came from a network of this computer; others have no business here. An answer goes to the sender; `hear`
    /// is told which addresses this computer has in the sender's network. True: there may be more to be read.
    pub(crate) fn receive(
        &mut self,
        mut hear: impl FnMut(&[u8], SocketAddrV4, &[Ipv4Addr]) -> Option<Vec<u8>>,
    ) -> bool {
        for _ in 0..PACKETS_AT_ONCE {
            let (length, from) = match self.reader.recv_from(&mut self.buffer) {
                Ok((length, SocketAddr::V4(from))) => (length, from),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                // On Windows, an answer that somebody did not take.
                Ok(_) | Err(_) => continue,
            };
            let mut near = self.interfaces.iter();
            let Some(interface) = near.find(|interface| interface.is_near(*from.ip())) else {
                continue;
            };
            let answer = hear(&self.buffer[..length], from, &interface.addresses());
            if let Some(answer) = answer
                && let Err(error) = self.writer.send_to(&answer, from)
            {
                tracing::debug!(%error, %from, "an answer could not be sent");
            }
        }
        true
    }
}

/// The interfaces that are up and lead to many computers, or to this one.
fn interfaces(only: Option<Ipv4Addr>) -> Vec<Interface> {
    let all = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::debug!(%error, "the networks of this computer are not known");
        Vec::new()
    });
    let mut interfaces = Vec::<Interface>::new();
    for found in all {
        let IfAddr::V4(address) = found.addr.clone() else {
            continue;
        };
        let is_wanted = only.is_none_or(|only| only == address.ip);
        if !is_wanted || !found.is_oper_up() || found.is_p2p() {
            continue;
        }
        let same = |one: &&mut Interface| one.name == found.name && one.index == found.index;
        match interfaces.iter_mut().find(same) {
            Some(known) => known.addresses.push(address),
            None => interfaces.push(Interface {
                name: found.name,
                index: found.index,
                addresses: vec![address],
            }),
        }
    }
    interfaces
}
