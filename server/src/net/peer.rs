//! Who is at the other end of a connection.

use std::{fmt, net::SocketAddr};

use mensageiro_protocol::trust::PublicKey;

/// The other end of a connection, as far as the connection itself tells. Whether it is encrypted is known as soon
/// as something was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where it connects from.
    pub address: SocketAddr,
    /// The connection is encrypted: TLS 1.3.
    pub is_encrypted: bool,
    /// The key of its TLS client certificate, if it has shown one. TLS has proved that the peer holds the private
    /// key. Nothing else about the certificate was checked: neither names nor dates nor who signed it.
    pub key: Option<PublicKey>,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = if self.is_encrypted { " (TLS)" } else { "" };
        write!(f, "{}{tls}", self.address)
    }
}
