//! A client's connection: plain, or inside TLS. All other modules exchange bytes with it, and need not know which.

use std::{
    io,
    net::{SocketAddr, TcpStream},
    sync::{Arc, OnceLock},
    time::Duration,
};

pub use super::socket::is_read_limit;
use super::{
    network::Network,
    peer::Peer,
    socket::Socket,
    tls::{FIRST_BYTE, Session, Tls},
};

/// A client's connection. One thread reads from it. Any thread may write, one at a time.
///
/// What could not be written must be written again before anything else: TLS may have encrypted it already.
#[derive(Debug)]
pub struct Transport {
    socket: Socket,
    address: SocketAddr,
    /// What clients may speak besides plain text.
    tls: Option<Arc<Tls>>,
    /// Known as soon as the first byte was read.
    layer: OnceLock<Layer>,
}

#[derive(Debug)]
enum Layer {
    Plain,
    Tls(Box<Session>),
}

impl Transport {
    /// Sets up an accepted socket for plain text. A link that is dead for `dead_link` is given up, and so is a
    /// write that is stuck for that long.
    ///
    /// # Errors
    /// When the socket is gone already.
    pub fn new(stream: TcpStream, address: SocketAddr, dead_link: Duration) -> io::Result<Self> {
        Ok(Self {
            socket: Socket::new(stream, dead_link)?,
            address,
            tls: None,
            layer: Layer::Plain.into(),
        })
    }

    /// The same for a client that may speak TLS: its first byte tells.
    ///
    /// # Errors
    /// When the socket is gone already.
    pub fn with_tls(
        stream: TcpStream,
        address: SocketAddr,
        dead_link: Duration,
        tls: Arc<Tls>,
    ) -> io::Result<Self> {
        Ok(Self {
            socket: Socket::new(stream, dead_link)?,
            address,
            tls: Some(tls),
            layer: OnceLock::new(),
        })
    }

    /// The client's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address at which the client has reached the server.
    ///
    /// # Errors
    /// When the socket is gone.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.local_address()
    }

    /// The client, as far as it is known.
    pub fn peer(&self) -> Peer {
        Peer {
            address: self.address,
            is_encrypted: self.session().is_some(),
            key: self.session().and_then(Session::key),
        }
    }

    fn session(&self) -> Option<&Session> {
        match self.layer.get() {
            Some(Layer::Tls(session)) => Some(session),
            Some(Layer::Plain) | None => None,
        }
    }

    /// Waits for bytes; 0 is the end of the client's input.
    ///
    /// # Errors
    /// The system's error, or that of TLS. [`is_read_limit`] tells whether it was the time limit.
    /// [`io::ErrorKind::Interrupted`] if something has come, but nothing for the reader: then it should read again.
    pub fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        match self.layer.get() {
            Some(Layer::Plain) => self.socket.read(bytes),
            Some(Layer::Tls(session)) => session.read(&self.socket, bytes),
            None => self.read_first(bytes),
        }
    }

    fn read_first(&self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.socket.read(bytes)?;
        let layer = match (bytes[..count].first(), &self.tls) {
            (None, _) => return Ok(0),
            (Some(&FIRST_BYTE), Some(tls)) => {
                let network = Network::of(self.address.ip());
                Layer::Tls(Session::begin(tls.clone(), network)?.into())
            }
            (Some(_), _) => Layer::Plain,
        };
        match self.layer.get_or_init(|| layer) {
            Layer::Plain => Ok(count),
            Layer::Tls(session) => session.receive(&self.socket, bytes, count),
        }
    }

    /// How many bytes TLS has taken since this was last asked, besides those that [`Transport::read`] returned.
    pub fn take_overhead(&self) -> usize {
        self.session().map_or(0, Session::take_overhead)
    }

    /// Sets how long a read waits; `None`: for ever.
    ///
    /// # Errors
    /// When the socket is gone.
    pub fn set_read_limit(&self, limit: Option<Duration>) -> io::Result<()> {
        self.socket.set_read_limit(limit)
    }

    /// Writes everything, and waits for the client as long as that takes.
    ///
    /// # Errors
    /// When the connection breaks, or the client takes nothing for too long.
    pub fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        match self.session() {
            None => self.socket.write_all(bytes),
            Some(session) => {
                let write_now = |rest: &[u8]| session.write_now(&self.socket, rest);
                self.socket.write_all_with(bytes, write_now)
            }
        }
    }

    /// Writes what fits, and never waits. All that it has not reported as written must be written again.
    ///
    /// # Errors
    /// The system's error; [`io::ErrorKind::WouldBlock`] if nothing fits.
    pub fn write_now(&self, bytes: &[u8]) -> io::Result<usize> {
        match self.session() {
            None => self.socket.write_now(bytes),
            Some(session) => session.write_now(&self.socket, bytes),
        }
    }

    /// How many bytes it keeps that wait for the client, besides those that are not reported as written.
    pub fn waiting(&self) -> usize {
        self.session().map_or(0, Session::waiting)
    }

    /// Closes the server's side. The client's input can still be read.
    ///
    /// # Errors
    /// When the socket is gone.
    pub fn close_own_side(&self) -> io::Result<()> {
        self.say_end();
        self.socket.close_own_side()
    }

    /// Breaks the connection. The reading thread notices it.
    pub fn hang_up(&self) {
        self.say_end();
        self.socket.hang_up();
    }

    fn say_end(&self) {
        if let Some(session) = self.session() {
            session.say_end(&self.socket);
        }
    }

    /// Whether the connection is known to be broken.
    pub fn is_broken(&self) -> bool {
        self.socket.is_broken()
    }
}

impl Drop for Transport {
    /// A client inside TLS can tell the end of a session from a connection that somebody else has cut.
    fn drop(&mut self) {
        self.say_end();
    }
}
