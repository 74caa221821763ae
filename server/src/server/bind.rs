//! Takes the ports that the options name.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket2::{Domain, Socket, Type};

use super::StartError;

/// Connections that may wait to be accepted: a class that logs in at the same moment. With too
/// few, the system makes clients try again after a second. The system may allow fewer.
const BACKLOG: i32 = 4096;

/// A socket that listens where an option says.
pub(super) fn bound(option: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    bind(address).map_err(|source| StartError::Listen {
        option,
        address,
        source,
    })
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // Elsewhere this would let a second server take the same port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
