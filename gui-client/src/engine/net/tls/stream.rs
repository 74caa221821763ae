//! The two directions of a connection, plain or encrypted. Each belongs to one thread. The lock of the encryption is never
//! held while the socket is waited for.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::Arc,
};

use parking_lot::Mutex;
use rustls::ClientConnection;

/// The most bytes of one read from the socket.
const CHUNK: usize = 16 * 1024;
/// The most bytes that are encrypted at a time: what fits in one record.
const RECORD: usize = 16 * 1024;

/// The encryption of a connection, for both directions.
type Session = Arc<Mutex<ClientConnection>>;

/// What comes from the server.
pub(in crate::engine::net) struct Incoming {
    tcp: TcpStream,
    session: Option<Session>,
    /// Encrypted bytes, of which those in `todo` are still to be decrypted.
    sealed: Vec<u8>,
    todo: std::ops::Range<usize>,
}

/// What goes to the server.
#[derive(Debug)]
pub(in crate::engine::net) struct Outlet {
    tcp: TcpStream,
    session: Option<Session>,
}

impl Incoming {
    /// Both directions of a connection. `connection`: its encryption, after the handshake.
    ///
    /// # Errors
    /// The system gives no more handles.
    pub(in crate::engine::net) fn new(
        tcp: TcpStream,
        connection: Option<ClientConnection>,
    ) -> io::Result<(Self, Outlet)> {
        let session = connection.map(|connection| Arc::new(Mutex::new(connection)));
        let outlet = Outlet {
            tcp: tcp.try_clone()?,
            session: session.clone(),
        };
        let size = if session.is_some() { CHUNK } else { 0 };
        let incoming = Self {
            tcp,
            session,
            sealed: vec![0; size],
            todo: 0..0,
        };
        Ok((incoming, outlet))
    }

    /// Decrypts the next part of what has come, or takes in that nothing more comes.
    fn decrypt(&mut self, session: &Session) -> io::Result<()> {
        let mut session = session.lock();
        let mut rest = &self.sealed[self.todo.clone()];
        let taken = session.read_tls(&mut rest)?;
        // It takes no more after the end that the server has announced.
        self.todo.start = if taken == 0 {
            self.todo.end
        } else {
            self.todo.end - rest.len()
        };
        let processed = session.process_new_packets();
        processed.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        Ok(())
    }
}

impl Read for Incoming {
    /// Reads what the server has sent. `Ok(0)`: it has ended its direction in order; with encryption, it has said so inside.
    ///
    /// # Errors
    /// [`ErrorKind::UnexpectedEof`]: the connection was cut inside the encryption. [`ErrorKind::InvalidData`]: somebody has
    /// changed something on the way.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(session) = self.session.clone() else {
            return self.tcp.read(buffer);
        };
        loop {
            match session.lock().reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            if self.todo.is_empty() {
                let count = self.tcp.read(&mut self.sealed)?;
                self.todo = 0..count;
            }
            self.decrypt(&session)?;
        }
    }
}

impl Outlet {
    /// `Err`: how many bytes may have been sent before it failed.
    pub(in crate::engine::net) fn write(&mut self, bytes: &[u8]) -> Result<(), usize> {
        if self.session.is_none() {
            return write_counted(&mut self.tcp, bytes);
        }
        let mut written = 0;
        for part in bytes.chunks(RECORD) {
            let sealed = self.seal(|session| session.writer().write_all(part));
            let sealed = sealed.map_err(|error| {
                tracing::info!(%error, "nothing can be encrypted");
                written
            })?;
            // A part of a record says nothing to the server, but it may be all of it.
            let sent = write_counted(&mut self.tcp, &sealed);
            sent.map_err(|sent| written + sent.min(part.len()))?;
            written += part.len();
        }
        Ok(())
    }

    /// Ends this direction in order.
    pub(in crate::engine::net) fn finish(&mut self) {
        if self.session.is_some() {
            let sealed = self.seal(|session| {
                session.send_close_notify();
                Ok(())
            });
            // If that fails, the link is broken, and the reading side reports it.
            let _ = sealed.map(|sealed| write_counted(&mut self.tcp, &sealed));
        }
        let _ = self.tcp.shutdown(Shutdown::Write);
    }

    /// Does something to the encryption; returns the bytes to send.
    fn seal(
        &self,
        work: impl FnOnce(&mut ClientConnection) -> io::Result<()>,
    ) -> io::Result<Vec<u8>> {
        let mut sealed = Vec::new();
        if let Some(session) = &self.session {
            let mut session = session.lock();
            work(&mut session)?;
            while session.wants_write() {
                session.write_tls(&mut sealed)?;
            }
        }
        Ok(sealed)
    }
}

/// `Err`: how many bytes were written before it failed.
fn write_counted(stream: &mut impl Write, bytes: &[u8]) -> Result<(), usize> {
    let mut written = 0;
    while written < bytes.len() {
        match stream.write(&bytes[written..]) {
            Ok(0) => return Err(written),
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                tracing::info!(%error, written, "a write failed");
                return Err(written);
            }
        }
    }
    Ok(())
}
