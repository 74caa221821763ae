//! Live sessions (PROTOCOL.md, rules V1 to V14).
//!
//! ```text
//! session (reads) ──► answers ──► journal ──► delivery ──► outlets (write without waiting)
//!    └─ backlog                                               │ stuck
//!                                                          flusher
//! ```
//!
//! What may be long (a roster, receipts of a large group) is told as fast as the client takes it.

mod answers;
mod backlog;
mod conversations;
mod delivery;
mod flusher;
mod history;
mod online;
mod outlet;
mod roster;
mod session;

pub use self::{
    delivery::Delivery,
    flusher::{Flusher, Job, Stuck},
    online::{Online, Stay},
    outlet::{Outlet, QUEUE_BYTES},
    roster::{Bell, Teller},
    session::{refuse, run},
};
