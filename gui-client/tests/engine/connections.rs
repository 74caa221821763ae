//! The common part of the servers in these tests: they listen, give each connection a thread, and cut connections.

use std::{
    io::{self, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use mensageiro_protocol::live::Event;
use socket2::SockRef;

/// A listener and its connections.
pub struct Connections {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: thread::JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    down: AtomicBool,
    open: Mutex<Vec<Weak<TcpStream>>>,
}

impl Connections {
    /// Listens at an address; with port 0, at one that the system chooses. Each connection is served by a
    /// thread of its own, and closed when `serve` returns.
    pub fn accept(
        address: SocketAddr,
        serve: impl Fn(&Arc<TcpStream>) + Send + Sync + 'static,
    ) -> Self {
        Self::accept_all(address, move |stream| {
            if !asks_for_tls(stream) {
                serve(stream);
            }
        })
    }

    /// The same, also for clients that begin with TLS.
    pub fn accept_all(
        address: SocketAddr,
        serve: impl Fn(&Arc<TcpStream>) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::<Shared>::default();
        let (accepting, serve) = (Arc::clone(&shared), Arc::new(serve));
        let listening = thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.down.load(Ordering::SeqCst) {
                    return;
                }
                let (serve, stream) = (Arc::clone(&serve), Arc::new(stream.unwrap()));
                let mut open = accepting.open.lock().unwrap();
                open.retain(|other| other.strong_count() > 0);
                open.push(Arc::downgrade(&stream));
                thread::spawn(move || serve(&stream));
            }
        });
        Self {
            address,
            shared,
            listening,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts all connections that are open now.
    pub fn cut_all(&self, cut: fn(&TcpStream)) {
        let open = self.shared.open.lock().unwrap();
        open.iter()
            .filter_map(Weak::upgrade)
            .for_each(|stream| cut(&stream));
    }

    /// Cuts all connections and accepts no more. Returns the address, which is free then.
    pub fn close(self, cut: fn(&TcpStream)) -> SocketAddr {
        self.shared.down.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
        self.cut_all(cut);
        self.listening.join().unwrap();
        self.address
    }
}

/// Whether the client begins with TLS, which these servers do not know: they hang up.
fn asks_for_tls(stream: &TcpStream) -> bool {
    let mut first = [0];
    matches!(stream.peek(&mut first), Ok(1)) && first[0] == 0x16
}

/// Ends both directions at once.
pub fn cut(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    let _ = stream.shutdown(Shutdown::Both);
}

/// Resets the connection, like a server that dies: the reading thread finds the end, and closes the stream.
pub fn reset(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    let _ = stream.shutdown(Shutdown::Read);
}

/// Writes a line of a live session.
pub fn say(mut stream: &TcpStream, event: &Event) -> io::Result<()> {
    let mut line = Vec::new();
    event.encode(&mut line);
    line.push(b'\n');
    stream.write_all(&line)
}
