//! Somebody between devices and the server.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use anyhow::Result;
use rustls::{
    ServerConfig, ServerConnection, StreamOwned, crypto::ring::default_provider, version::TLS13,
};

use crate::{
    random::Random,
    tls::{Client, Identity},
    wire::prepare,
};

/// The longest first line that is waited for.
const LINE: u64 = 16 * 1024;

/// Listens until dropped. Every connection has a thread.
pub struct Relay {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    /// What it could read, and what clients have sent.
    seen: Mutex<Vec<u8>>,
    sent: Mutex<Vec<u8>>,
    /// Whether the next bytes of a client are changed.
    changes: AtomicBool,
}

/// How it treats a connection.
enum Way {
    /// It ends TLS itself, with a certificate of its own on both sides.
    Ends(Arc<ServerConfig>, Client),
    /// It passes on the bytes of both sides.
    Passes(Mutex<Random>),
}

impl Relay {
    /// Shows devices a certificate of its own, and the server too. What it can read of the first line it passes on.
    pub fn ending(server: SocketAddr) -> Result<Self> {
        let identity = Identity::new()?;
        let (chain, key) = identity.der();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&TLS13])?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        let own = Client::new(Some(&identity), &[])?;
        Self::start(server, Way::Ends(Arc::new(config), own))
    }

    /// Passes on all bytes.
    pub fn passing(server: SocketAddr, random: Random) -> Result<Self> {
        Self::start(server, Way::Passes(Mutex::new(random)))
    }

    fn start(server: SocketAddr, way: Way) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let (relay, way) = (shared.clone(), Arc::new(way));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if relay.is_over.load(Ordering::Relaxed) {
                    return;
                }
                let (relay, way) = (relay.clone(), way.clone());
                // Whatever breaks, both sides see that the connection has ended.
                thread::spawn(move || relay.serve(client, server, &way));
            }
        });
        Ok(Self { address, shared })
    }

    /// Everything that it has been able to read.
    pub fn seen(&self) -> Vec<u8> {
        locked(&self.shared.seen).clone()
    }

    /// Every byte that clients have sent.
    pub fn sent(&self) -> Vec<u8> {
        locked(&self.shared.sent).clone()
    }

    /// Changes one bit of the next bytes that a client sends.
    pub fn change_next(&self) {
        self.shared.changes.store(true, Ordering::SeqCst);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        // The next connection ends the thread.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn serve(&self, client: TcpStream, server: SocketAddr, way: &Way) -> Result<()> {
        prepare(&client)?;
        match way {
            Way::Ends(config, own) => self.end_tls(client, server, config.clone(), own),
            Way::Passes(random) => {
                let forth = TcpStream::connect(server)?;
                prepare(&forth)?;
                let mut random = locked(random).fork();
                thread::scope(|scope| {
                    scope.spawn(|| self.pass(&forth, &client, None));
                    self.pass(&client, &forth, Some(&mut random));
                });
                Ok(())
            }
        }
    }

    fn end_tls(
        &self,
        mut client: TcpStream,
        server: SocketAddr,
        config: Arc<ServerConfig>,
        own: &Client,
    ) -> Result<()> {
        let mut connection = ServerConnection::new(config)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut client)?;
        }
        let mut client = BufReader::new(StreamOwned::new(connection, client));
        let mut line = Vec::new();
        (&mut client).take(LINE).read_until(b'\n', &mut line)?;
        locked(&self.seen).extend_from_slice(&line);
        let mut forth = own.connect(server)?;
        forth.write(&line)?;
        loop {
            let mut line = forth.line()?;
            line.push(b'\n');
            client.get_mut().write_all(&line)?;
        }
    }

    /// Passes on until one side ends. With random numbers it may change a byte.
    fn pass(&self, mut from: &TcpStream, mut to: &TcpStream, mut random: Option<&mut Random>) {
        let mut bytes = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            let bytes = &mut bytes[..count];
            locked(&self.seen).extend_from_slice(bytes);
            if random.is_some() {
                locked(&self.sent).extend_from_slice(bytes);
            }
            if let Some(random) = &mut random
                && self.changes.swap(false, Ordering::SeqCst)
            {
                bytes[place(random, count)] ^= 1 << random.within(0..8);
            }
            if to.write_all(bytes).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
}

/// Any byte but the first three of a record. Its outer type and version mean nothing: the true type is encrypted.
fn place(random: &mut Random, count: usize) -> usize {
    const MEANINGLESS: usize = 3;
    match count {
        0..=MEANINGLESS => 0,
        _ => random.within(MEANINGLESS..count),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
