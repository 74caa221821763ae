//! The servers to measure: the real one, and two small ones to compare with.

pub mod bare_log;
mod lines;
mod profile;
mod program;
pub mod relay;
mod traced;
mod usage;

use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Socket, Type};

pub use program::{Durability, Kind, Measured, Program};
pub use traced::Traced;

/// How many connections may wait to be accepted; the same as in the server.
const WAITING_CONNECTIONS: i32 = 4096;

/// Listens on a free port of this machine and prints it.
fn listen() -> anyhow::Result<TcpListener> {
    #[cfg(unix)]
    rlimit::increase_nofile_limit(u64::MAX)?;
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    socket.listen(WAITING_CONNECTIONS)?;
    let listener = TcpListener::from(socket);
    println!("listening on {}", listener.local_addr()?);
    Ok(listener)
}
