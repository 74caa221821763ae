//! The connection: a pure state machine that decides, and threads that carry out its effects.

mod address;
mod backoff;
mod ending;
mod identity;
mod io;
mod live;
mod live_phases;
mod logins;
mod machine;
mod phases;
mod replies;
mod rounds;
mod socket;
mod strangers;

pub use address::{AddressError, ServerAddress};
pub use io::{
    Batch, Effect, Input, LiveUpdate, Memory, Outgoing, Received, Round, StoreEpoch, Unsent, Way,
};
pub use machine::Machine;
pub use socket::{Connection, NetEvent, NetInput, Stream};
