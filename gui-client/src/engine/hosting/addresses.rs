//! The addresses under which others in the network reach this computer.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

/// More addresses confuse rather than help.
const AT_MOST: usize = 4;

/// The addresses under which others reach this computer, the likeliest first; empty: it is in no network. The server listens
/// on IPv4.
pub fn own_addresses() -> Vec<IpAddr> {
    let all = if_addrs::get_if_addrs().unwrap_or_default();
    let all = all.iter().map(if_addrs::Interface::ip);
    sorted(all.filter(IpAddr::is_ipv4), outward())
}

/// The address that the system would use towards others. Nothing is sent.
fn outward() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // An address that documents may use, and that nobody has.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

fn sorted(all: impl Iterator<Item = IpAddr>, outward: Option<IpAddr>) -> Vec<IpAddr> {
    let is_of_network = |address: &IpAddr| match address {
        IpAddr::V4(address) => {
            !address.is_loopback() && !address.is_unspecified() && !address.is_link_local()
        }
        IpAddr::V6(_) => false,
    };
    let mut found: Vec<_> = outward.into_iter().chain(all).collect();
    found.retain(is_of_network);
    let is_rare = |address: &IpAddr| match address {
        _ if Some(*address) == outward => 0,
        IpAddr::V4(address) if address.is_private() => 1,
        _ => 2,
    };
    found.sort_by_key(|address| (is_rare(address), *address));
    found.dedup();
    found.truncate(AT_MOST);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_towards_others_is_first_and_those_that_nobody_reaches_are_left_out() {
        let addresses =
            |all: &[&str]| -> Vec<IpAddr> { all.iter().map(|one| one.parse().unwrap()).collect() };
        let all = addresses(&[
            "127.0.0.1",
            "172.17.0.1",
            "10.1.2.3",
            "169.254.7.7",
            "192.168.0.7",
            "::1",
        ]);
        let outward = "192.168.0.7".parse().ok();
        let expected = addresses(&["192.168.0.7", "10.1.2.3", "172.17.0.1"]);
        assert_eq!(sorted(all.into_iter(), outward), expected);
        assert!(sorted(addresses(&["127.0.0.1"]).into_iter(), None).is_empty());
    }
}
