//! The connection: a pure machine that decides, and threads that only do as told.

mod address;
mod backoff;
mod ending;
mod identity;
mod live;
mod live_phases;
mod logins;
mod machine;
mod phases;
mod replies;
mod rounds;
mod socket;
mod strangers;
mod terms;

pub use address::{AddressError, ServerAddress};
pub use machine::Machine;
pub use socket::{Connection, NetEvent, NetInput, Stream};
pub use terms::{
    Batch, Effect, Input, Memory, Outgoing, Received, Round, StoreEpoch, Told, Unsent, Way,
};
