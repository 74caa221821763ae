//! How servers are found in a local network: multicast DNS (RFC 6762) with DNS-SD (RFC 6763), over IPv4, service
//! `_mensageiro._tcp`.
//!
//! A server has an [`Announcer`], the app a [`Browser`] while it shows the list of servers nearby. [`look_up`] finds the address of
//! a name that ends in `.local`, also on systems that cannot do it themselves.
//!
//! An announcement proves nothing: everybody in the network can send any. Whoever connects must check the server's key, as for an
//! address that was typed. So names and numbers are checked, and everything that is kept of strangers' packets has a bound: the
//! announcer keeps nothing of them, and the browser 32 servers. (Libraries for this cache all records that anybody
//! sends.)
//!
//! `message`, `responder` and `servers` are pure. `announcer`, `browser` and `lookup` give them a clock, and sockets through `network`.

mod announcement;
mod announcer;
mod browser;
mod lookup;
mod message;
mod network;
mod responder;
mod servers;

pub use announcement::Announcement;
pub use announcer::{Announcer, Reach};
pub use browser::Browser;
pub use lookup::look_up;
pub use servers::Found;
