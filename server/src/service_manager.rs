//! Tells systemd that the server serves, for units with `Type=notify`: then `systemctl start` ends when clients can connect, or
//! when the server has failed.

use std::io;

/// Says so to the service manager that has started this program. Without one, this does nothing.
///
/// # Errors
/// What the system says about the socket that `$NOTIFY_SOCKET` names.
pub fn serves() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if let Some(socket) = std::env::var_os("NOTIFY_SOCKET") {
        linux::tell(&socket, b"READY=1")?;
    }
    Ok(())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        ffi::OsStr,
        io,
        os::{
            linux::net::SocketAddrExt,
            unix::{
                ffi::OsStrExt,
                net::{SocketAddr, UnixDatagram},
            },
        },
        time::Duration,
    };

    /// How long it may take until the service manager has room for what is said.
    const PATIENCE: Duration = Duration::from_secs(5);

    pub(super) fn tell(socket: &OsStr, what: &[u8]) -> io::Result<()> {
        // An `@` stands for a socket that is in no folder.
        let address = match socket.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(socket)?,
        };
        let own = UnixDatagram::unbound()?;
        own.set_write_timeout(Some(PATIENCE))?;
        own.send_to_addr(what, &address)?;
        Ok(())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn heard(by: &UnixDatagram) -> Vec<u8> {
            by.set_nonblocking(true).unwrap();
            let mut bytes = [0; 64];
            let length = by.recv(&mut bytes).unwrap();
            bytes[..length].to_vec()
        }

        #[test]
        fn sockets_with_and_without_a_file_are_told() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("notify");
            let manager = UnixDatagram::bind(&path).unwrap();
            tell(path.as_os_str(), b"READY=1").unwrap();
            assert_eq!(heard(&manager), b"READY=1");

            let name = format!("mensageiro-{}", path.display());
            let address = SocketAddr::from_abstract_name(&name).unwrap();
            let manager = UnixDatagram::bind_addr(&address).unwrap();
            tell(OsStr::new(&format!("@{name}")), b"READY=1").unwrap();
            assert_eq!(heard(&manager), b"READY=1");
        }

        #[test]
        fn a_socket_that_nobody_has_is_an_error() {
            assert!(tell(OsStr::new("/nobody/notify"), b"READY=1").is_err());
        }
    }
}
