//! The connection: a pure machine that decides, and threads that only do as told.

mod address;
mod backoff;
mod machine;
mod phases;
mod replies;
mod socket;

pub use address::{AddressError, ServerAddress};
pub use machine::{Batch, Effect, Input, Machine, Outgoing, Received, Round};
pub use socket::{Connection, NetEvent, NetInput, Stream};
