//! The network: the only code that touches a socket of a client.

pub mod bare_input;
pub mod listener;
pub mod network;
mod own_address;
pub mod peer;
mod socket;
#[cfg(test)]
mod tests;
pub mod tls;
pub mod transport;

pub(crate) use self::own_address::own_address;
