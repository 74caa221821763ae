//! The connected clients: their connections, their send queues, and their presence.

mod admission;
mod changes;
mod connection;
mod live_sender;
mod portions;
mod presence;
mod registry;
mod send_queue;
mod write_retry;

pub use self::{
    admission::{Admission, Full, Places},
    connection::{Connection, Ended},
    live_sender::LiveSender,
    portions::PORTION as ROSTER_PORTION,
    presence::{Online, Outdated},
    registry::{Farewell, Known, Registry},
    send_queue::{Progress, SendQueue},
    write_retry::{Job, Patience, Stuck, WriteRetry},
};
