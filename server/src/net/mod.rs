//! The network: the only code that touches a socket of a client.

pub mod bare_input;
pub mod listener;
pub mod transport;
