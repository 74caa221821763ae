//! Live sessions (PROTOCOL.md, rules V1 to V13).
//!
//! ```text
//! session (reads) ──► answers ──► journal ──► delivery ──► outlets (write without waiting)
//!    └─ backlog                                               │ stuck
//!                                                          flusher
//! ```

mod answers;
mod backlog;
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
    roster::tell_roster,
    session::{refuse, run},
};
