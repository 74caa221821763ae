//! The engine against servers of other makes, over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "tests fail by panicking"
)]

mod basics;
mod broken;
mod connections;
mod damaged;
mod faults;
mod foreign;
mod hostile;
mod killed;
mod liar;
mod list;
mod live;
mod live_server;
mod nearby;
mod real;
mod restored;
mod server;
mod tls;
mod window;
