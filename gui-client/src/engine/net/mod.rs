//! The connection: a pure machine that decides, and threads that only do as told.

pub mod address;
mod backoff;
mod machine;
mod phases;
mod replies;
mod socket;

pub use machine::{Batch, Effect, Input, Machine, Outgoing, Received, Round};
pub use socket::{Connection, NetEvent, NetInput, Stream};
