//! The connection: a pure state machine that decides, and threads that carry out its effects.

mod address;
mod backoff;
mod dial;
mod distrust;
mod ending;
mod faults;
mod identity;
mod io;
mod joining;
mod live;
mod live_phases;
mod logins;
mod machine;
mod phases;
mod replies;
mod rounds;
mod socket;
mod strangers;
mod tls;
pub mod values;

pub use address::{AddressError, ServerAddress};
pub use dial::{Call, Dialer};
pub use faults::{Faults, Leaving, Written};
pub use io::{
    Batch, Channel, Effect, Input, LiveUpdate, Memory, Outgoing, Received, Round, StoreEpoch,
    Unsent, Way,
};
pub use machine::Machine;
pub use socket::{Connection, NetEvent, NetInput, Stream};
