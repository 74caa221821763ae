//! Under which address others reach this computer.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

/// The address of this computer in its network, if a server listens on all of them.
pub(crate) fn own_address(listens: IpAddr) -> IpAddr {
    if !listens.is_unspecified() {
        return listens;
    }
    // Nothing is sent: the system only says which of its addresses it would use for an address elsewhere.
    let chosen = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    });
    chosen.map_or(Ipv4Addr::LOCALHOST.into(), |own| own.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_all_addresses_is_reached_at_one_of_them() {
        assert!(!own_address(Ipv4Addr::UNSPECIFIED.into()).is_unspecified());
        assert_eq!(
            own_address([10, 0, 0, 7].into()),
            IpAddr::from([10, 0, 0, 7])
        );
    }
}
