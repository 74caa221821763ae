//! TLS on one connection.
//!
//! The session's thread reads from the socket without the lock and decrypts with it. Whoever writes encrypts and
//! writes with it, never waiting for the client. So nobody holds the lock for longer than it takes to encrypt or
//! decrypt one record, besides the handshake, during which nobody writes.

use std::{
    io::{self, ErrorKind, Write},
    mem,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicIsize, Ordering::Relaxed},
    },
    thread,
    time::Instant,
};

use mensageiro_protocol::trust::PublicKey;
use parking_lot::Mutex;
use rustls::ServerConnection;

use super::{Tls, certificates::public_key};
use crate::net::{
    network::Network,
    socket::{Socket, is_read_limit},
};

/// The most bytes that are encrypted at once, as one record. Their ciphertext is all that waits inside TLS for a
/// client that takes nothing.
const RECORD_BYTES: usize = 16 * 1024;

/// The most bytes of one read from the socket.
const READ_BYTES: usize = 16 * 1024;

/// With so much decrypted, nothing more is decrypted until that is taken.
const DECRYPTED_BYTES: usize = 8 * 1024;

/// The most bytes that a client may send until the end of the handshake. A client hello has a few hundred, and its
/// certificate likewise.
const HANDSHAKE_BYTES: usize = 16 * 1024;

/// Enough for a handshake, in debug builds too.
const STACK_BYTES: usize = 256 * 1024;

/// TLS on one connection. One thread reads. Any thread may write, one at a time.
#[derive(Debug)]
pub(in crate::net) struct Session {
    tls: Arc<Tls>,
    /// Where the client is.
    network: Network,
    state: Mutex<State>,
    /// When the handshake must be done.
    deadline: Instant,
    /// Once it is done: the client's key, if it has one.
    key: OnceLock<Option<PublicKey>>,
    /// Bytes that were received, less those that were returned to the reader or counted for it already.
    overhead: AtomicIsize,
}

#[derive(Debug)]
struct State {
    connection: ServerConnection,
    /// Ciphertext that is decrypted as soon as there is room for it.
    encrypted: Vec<u8>,
    /// How many bytes were received during the handshake.
    handshake_bytes: usize,
    /// How many bytes of the caller were encrypted as a record, while any of it waits.
    record: usize,
    /// How many of them are not reported as written yet.
    unreported: usize,
}

impl Session {
    /// For a client that has sent the first byte of a handshake.
    pub(in crate::net) fn begin(tls: Arc<Tls>, network: Network) -> io::Result<Self> {
        let connection = ServerConnection::new(tls.config()).map_err(|error| explained(&error))?;
        Ok(Self {
            state: Mutex::new(State {
                connection,
                encrypted: Vec::new(),
                handshake_bytes: 0,
                record: 0,
                unreported: 0,
            }),
            deadline: Instant::now() + tls.handshake_limit(),
            tls,
            network,
            key: OnceLock::new(),
            overhead: AtomicIsize::new(0),
        })
    }

    /// The key of the client's certificate, if it has shown one.
    pub(in crate::net) fn key(&self) -> Option<PublicKey> {
        self.key.get().copied().flatten()
    }

    fn is_established(&self) -> bool {
        self.key.get().is_some()
    }

    /// Waits for bytes; 0 is the end that the client has announced. [`ErrorKind::Interrupted`] if something has
    /// come, but nothing for the reader.
    pub(in crate::net) fn read(&self, socket: &Socket, bytes: &mut [u8]) -> io::Result<usize> {
        if let Some(count) = self.state.lock().take(bytes)? {
            return Ok(self.returned(count));
        }
        let room = bytes.len().min(READ_BYTES);
        let count = match self.is_established() {
            true => socket.read(&mut bytes[..room])?,
            false => self.read_handshake(socket, &mut bytes[..room])?,
        };
        self.receive(socket, bytes, count)
    }

    fn read_handshake(&self, socket: &Socket, bytes: &mut [u8]) -> io::Result<usize> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(self.slow());
        }
        match socket.read_within(bytes, left) {
            Err(error) if is_read_limit(&error) && Instant::now() >= self.deadline => {
                Err(self.slow())
            }
            done => done,
        }
    }

    /// Handles what was read from the socket: the first `count` of `bytes`. Then returns like [`Session::read`].
    pub(in crate::net) fn receive(
        &self,
        socket: &Socket,
        bytes: &mut [u8],
        count: usize,
    ) -> io::Result<usize> {
        self.overhead.fetch_add(count.cast_signed(), Relaxed);
        if !self.is_established() {
            self.shake_hands(socket, &bytes[..count])?;
        } else {
            let mut state = self.state.lock();
            let decrypted = state.decrypt(&bytes[..count]);
            // An alert, or new keys. What is not taken now goes before what is written next, and if nothing can be
            // written any more, whoever writes notices.
            let _ = state.send(socket, &mut 0);
            decrypted?;
        }
        match self.state.lock().take(bytes)? {
            Some(count) => Ok(self.returned(count)),
            None => Err(ErrorKind::Interrupted.into()),
        }
    }

    fn shake_hands(&self, socket: &Socket, bytes: &[u8]) -> io::Result<()> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let turn = self
            .tls
            .turns()
            .take(self.network, left, || socket.is_broken());
        if socket.is_broken() {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        let turn = turn.ok_or_else(|| self.slow())?;
        let computed = thread::scope(|scope| {
            let thread = thread::Builder::new()
                .name("handshake".into())
                .stack_size(STACK_BYTES)
                .spawn_scoped(scope, || self.compute(socket, bytes))?;
            thread
                .join()
                .map_err(|_| io::Error::other("its TLS handshake failed"))?
        });
        drop(turn);
        computed
    }

    /// Goes on with the handshake. In a thread of its own: this needs a deeper stack than all that comes later, and a
    /// session's thread would keep that memory.
    fn compute(&self, socket: &Socket, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state.lock();
        state.handshake_bytes += bytes.len();
        if state.handshake_bytes > HANDSHAKE_BYTES {
            return Err(io::Error::new(
                ErrorKind::InvalidData,
                format!("its TLS handshake has more than {HANDSHAKE_BYTES} bytes"),
            ));
        }
        let decrypted = state.decrypt(bytes);
        // The client has nothing unread yet, so there is room for all of it.
        let sent = state.send(socket, &mut 0);
        decrypted?;
        sent?;
        if !state.connection.is_handshaking() {
            let certificate = state.connection.peer_certificates().and_then(<[_]>::first);
            let key = certificate.map(public_key).transpose();
            let key = key.map_err(|error| explained(&error))?;
            self.key.get_or_init(|| key.map(|key| PublicKey::of(&key)));
            self.tls.count_handshake();
        }
        Ok(())
    }

    fn slow(&self) -> io::Error {
        let seconds = self.tls.handshake_limit().as_secs();
        io::Error::new(
            ErrorKind::TimedOut,
            format!("its TLS handshake took longer than {seconds} s (--handshake-timeout)"),
        )
    }

    fn returned(&self, count: usize) -> usize {
        self.overhead.fetch_sub(count.cast_signed(), Relaxed);
        count
    }

    /// How many bytes were received since this was last asked, besides those that were returned to the reader.
    pub(in crate::net) fn take_overhead(&self) -> usize {
        let overhead = self.overhead.load(Relaxed);
        // Below zero: of what was returned, some was counted here before.
        let overhead = usize::try_from(overhead).unwrap_or(0);
        self.overhead.fetch_sub(overhead.cast_signed(), Relaxed);
        overhead
    }

    /// Writes what fits, and never waits. Bytes whose ciphertext is on its way only in part are encrypted already, but
    /// not reported as written: the caller must write them again before any others.
    pub(in crate::net) fn write_now(&self, socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.state.lock();
        if state.unreported == 0 {
            state.send(socket, &mut 0)?;
            if bytes.is_empty() || !self.is_established() {
                return Err(ErrorKind::WouldBlock.into());
            }
            let most = bytes.len().min(RECORD_BYTES);
            state.record = state.connection.writer().write(&bytes[..most])?;
            state.unreported = state.record;
        }
        let mut taken = 0;
        let written = match state.send(socket, &mut taken) {
            Ok(()) => state.unreported,
            // Who takes something is not stuck. The last byte is only reported with all of the ciphertext.
            Err(error) if is_read_limit(&error) && taken > 0 && state.unreported > 1 => {
                taken.min(state.unreported - 1)
            }
            Err(error) => return Err(error),
        };
        state.unreported -= written;
        Ok(written.min(bytes.len()))
    }

    /// How many bytes are kept that wait for the client.
    pub(in crate::net) fn waiting(&self) -> usize {
        let state = self.state.lock();
        if state.unreported > 0 {
            state.record
        } else {
            0
        }
    }

    /// Tells the client that nothing more will come, if it takes that at once.
    pub(in crate::net) fn say_end(&self, socket: &Socket) {
        let mut state = self.state.lock();
        state.connection.send_close_notify();
        // Who does not take it sees a connection that breaks.
        let _ = state.send(socket, &mut 0);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.is_established() {
            self.tls.count_failed_handshake();
        }
    }
}

impl State {
    /// Decrypts as much as there is room for, and keeps the rest. No bytes are the end of the socket's input.
    fn decrypt(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        loop {
            let taken = self.connection.read_tls(&mut bytes)?;
            let found = self.connection.process_new_packets();
            let found = found.map_err(|error| explained(&error))?;
            // After the end that the client has announced, nothing is taken.
            if taken == 0 || bytes.is_empty() {
                return Ok(());
            }
            if found.plaintext_bytes_to_read() >= DECRYPTED_BYTES {
                self.encrypted = bytes.to_vec();
                return Ok(());
            }
        }
    }

    /// What was decrypted for the reader; `None`: more must be read from the socket first.
    fn take(&mut self, bytes: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match io::Read::read(&mut self.connection.reader(), bytes) {
                Ok(count) => return Ok(Some(count)),
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    return Err(io::Error::new(
                        ErrorKind::UnexpectedEof,
                        "it ended without the end of TLS (close_notify), so something may be missing",
                    ));
                }
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
                Err(_) if self.encrypted.is_empty() => return Ok(None),
                Err(_) => {
                    let encrypted = mem::take(&mut self.encrypted);
                    self.decrypt(&encrypted)?;
                }
            }
        }
    }

    /// Writes the ciphertext that waits, and adds to `taken` how much of it the client takes.
    /// [`ErrorKind::WouldBlock`] if that is not all.
    fn send(&mut self, socket: &Socket, taken: &mut usize) -> io::Result<()> {
        while self.connection.wants_write() {
            *taken += self.connection.write_tls(&mut Ciphertext(socket))?;
        }
        Ok(())
    }
}

/// Where ciphertext is written.
struct Ciphertext<'a>(&'a Socket);

impl Write for Ciphertext<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_now(bytes)
    }

    fn write_vectored(&mut self, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        match parts {
            [part] => self.0.write_now(part),
            // The messages of a handshake: one packet.
            parts => {
                let parts: Vec<&[u8]> = parts.iter().map(|part| &**part).collect();
                self.0.write_now(&parts.concat())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What went wrong, for the log.
fn explained(error: &rustls::Error) -> io::Error {
    use rustls::Error::{
        AlertReceived, DecryptError, InvalidCertificate, InvalidMessage, PeerIncompatible,
    };
    let what = match error {
        PeerIncompatible(what) => format!("it offers no TLS 1.3 that is known here ({what:?})"),
        AlertReceived(alert) => format!("it refuses TLS with this server ({alert:?})"),
        InvalidMessage(_) => "it begins like TLS, and goes on differently".into(),
        DecryptError => "what it sent was changed on the way".into(),
        InvalidCertificate(why) => format!("its certificate cannot be used ({why:?})"),
        error => format!("TLS: {error}"),
    };
    io::Error::new(ErrorKind::InvalidData, what)
}
