//! Makes the connection to a server: TLS where the server has it, plain text only where it never had.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs},
    sync::Arc,
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use mensageiro_protocol::trust::Fingerprint;
use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use url::Host;

use super::{
    address::ServerAddress,
    io::Channel,
    tls::{self, Incoming, Met, NoTls, Outlet, PinVerifier, SystemTrust},
};
use crate::engine::{
    Distrust, Encryption, LinkProblem, Stranger,
    trust::{Known, Pin, Trust, TrustError},
};

/// The time to connect to one address.
const CONNECT: Duration = Duration::from_secs(10);
/// The most addresses of a host that are tried.
const ADDRESSES: usize = 8;
/// How long a write may block before the connection counts as broken.
const WRITE: Duration = Duration::from_secs(20);
/// A silent link is probed after 15 s, then every 5 s. It is dead after the third probe without an
/// answer.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(15), Duration::from_secs(5), 3);
/// How long sent bytes may stay unacknowledged by the other system until the link counts as dead.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
const UNACKNOWLEDGED: Duration = Duration::from_secs(20);
/// How long until a live server without TLS is asked for it again: it may have been updated. One of another make is
/// asked once: it might not survive bytes that are no text.
const ASK_TLS_AGAIN: Duration = Duration::from_secs(24 * 60 * 60);
/// How long to wait for a server to close that does not understand TLS.
const FAREWELL: Duration = Duration::from_millis(500);

/// Connects to the server of an account.
#[derive(Debug)]
pub struct Dialer {
    server: String,
    trust: Arc<Trust>,
    system: Arc<SystemTrust>,
}

/// What matters for one connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Call {
    /// The server's key as an invite names it. The device gets a key of its own to join with.
    pub invited: Option<Fingerprint>,
    /// The server has led live sessions.
    pub is_live: bool,
}

/// A connection that was made.
pub(super) struct Dialed {
    pub(super) tcp: TcpStream,
    pub(super) incoming: Incoming,
    pub(super) outlet: Outlet,
    pub(super) channel: Channel,
}

/// Why there is none.
#[derive(Debug)]
pub(super) enum NotDialed {
    Problem(LinkProblem),
    Distrust(Distrust),
}

impl From<LinkProblem> for NotDialed {
    fn from(problem: LinkProblem) -> Self {
        Self::Problem(problem)
    }
}

impl From<TrustError> for NotDialed {
    fn from(error: TrustError) -> Self {
        tracing::warn!(%error, "no connection");
        Self::Problem(error.into())
    }
}

impl From<io::Error> for NotDialed {
    fn from(error: io::Error) -> Self {
        Self::Problem(LinkProblem::from(&error))
    }
}

impl Dialer {
    /// `server`: its address, as in the account.
    pub fn new(server: String, trust: Arc<Trust>) -> Self {
        Self {
            server,
            trust,
            system: Arc::default(),
        }
    }

    /// Connects. Takes 10 s for each of at most 8 addresses after the name lookup, 15 s for the handshake, and the time
    /// of [`Trust::device_key`].
    pub(super) fn dial(&self, call: Call) -> Result<Dialed, NotDialed> {
        let server = ServerAddress::parse(&self.server).map_err(|_| LinkProblem::BadAddress)?;
        let known = self.trust.known()?;
        let pin = match known {
            Known::Tls(pin) => Some(pin),
            Known::Plain(_) | Known::Nothing => None,
        };
        let must_be_tls = pin.is_some() || call.invited.is_some();
        if !must_be_tls && !is_tls_due(known, call.is_live) {
            return dialed(connect(&server)?, None);
        }
        let tcp = connect(&server)?;
        let is_here = is_here(&tcp)?;
        let device_key = match call.invited {
            Some(_) => Some(self.trust.make_device_key()?),
            None => self.trust.device_key()?,
        };
        let verifier = PinVerifier::new(pin, call.invited, is_here, &self.system);
        let verifier = Arc::new(verifier);
        let name = name(&server, &tcp)?;
        let found = tls::shake_hands(&tcp, name, &verifier, device_key.as_deref());
        match found {
            Ok(met) => {
                // Before anything is said: from now on, this server has TLS and this key.
                self.trust.keep(&met.pin)?;
                dialed(tcp, Some(met))
            }
            Err(_) if let Some(Err(distrust)) = verifier.met() => {
                tracing::warn!(%server, ?distrust, "the server is not trusted");
                Err(NotDialed::Distrust(distrust))
            }
            Err(NoTls::Failed(error)) => {
                tracing::info!(%server, %error, "no encryption");
                Err(LinkProblem::Stranger(Stranger::Tls).into())
            }
            Err(NoTls::Broken(kind)) => Err(io::Error::from(kind).into()),
            Err(no_tls) if must_be_tls => Err(without_tls(&no_tls, pin)),
            Err(_) => {
                leave(&tcp);
                drop(tcp);
                let tcp = connect(&server)?;
                self.trust.note_plain(Timestamp::now())?;
                dialed(tcp, None)
            }
        }
    }
}

/// What it means that a server which must have TLS does not answer with it. Only an answer says that it has none.
fn without_tls(no_tls: &NoTls, pin: Option<Pin>) -> NotDialed {
    match (no_tls, pin) {
        (NoTls::Other, Some(pin)) => NotDialed::Distrust(Distrust::Plain { since: pin.since }),
        (NoTls::Other, None) => NotDialed::Distrust(Distrust::NeedsTls),
        (NoTls::Silent, _) => LinkProblem::TimedOut.into(),
        _ => LinkProblem::Broken.into(),
    }
}

/// Whether a server that was never seen with TLS is to be asked for it.
fn is_tls_due(known: Known, is_live: bool) -> bool {
    match known {
        Known::Plain(at) => is_live && !was_lately(at),
        Known::Tls(_) | Known::Nothing => true,
    }
}

fn was_lately(at: Timestamp) -> bool {
    let at = SystemTime::from(at);
    // In the future: the clock was wrong.
    SystemTime::now()
        .duration_since(at)
        .is_ok_and(|ago| ago < ASK_TLS_AGAIN)
}

fn dialed(tcp: TcpStream, met: Option<Met>) -> Result<Dialed, NotDialed> {
    let is_here = is_here(&tcp)?;
    let encryption = met.as_ref().map(|met| Encryption {
        cipher: tls::cipher(&met.connection),
        fingerprint: met.pin.fingerprint,
        verified: met.pin.verified,
        since: met.pin.since,
    });
    let (incoming, outlet) = Incoming::new(tcp.try_clone()?, met.map(|met| met.connection))?;
    Ok(Dialed {
        tcp,
        incoming,
        outlet,
        channel: Channel {
            encryption,
            is_here,
        },
    })
}

/// Whether the other end is on this computer.
fn is_here(tcp: &TcpStream) -> io::Result<bool> {
    Ok(tcp.peer_addr()?.ip().to_canonical().is_loopback())
}

/// The name that a certificate would have.
fn name(server: &ServerAddress, tcp: &TcpStream) -> io::Result<ServerName<'static>> {
    let of_host = match Host::parse(&server.host) {
        Ok(Host::Domain(name)) => ServerName::try_from(name).ok(),
        Ok(Host::Ipv4(address)) => Some(IpAddr::from(address).into()),
        Ok(Host::Ipv6(address)) => Some(IpAddr::from(address).into()),
        Err(_) => None,
    };
    // A name that no certificate can have, or an address with a zone.
    Ok(match of_host {
        Some(name) => name,
        None => tcp.peer_addr()?.ip().into(),
    })
}

/// Leaves a server that does not understand TLS without a reset, which some do not survive.
fn leave(mut tcp: &TcpStream) {
    let socket = SockRef::from(tcp);
    let _ = socket.set_linger(None);
    let _ = tcp.shutdown(std::net::Shutdown::Write);
    let _ = tcp.set_read_timeout(Some(FAREWELL));
    // What it says meanwhile would turn the end into a reset.
    let _ = io::Read::read(&mut tcp, &mut [0; 1024]);
}

fn connect(server: &ServerAddress) -> Result<TcpStream, LinkProblem> {
    let addresses: Vec<SocketAddr> = look_up(server)
        .map_err(|error| {
            tracing::info!(%server, %error, "the name cannot be looked up");
            LinkProblem::UnknownHost
        })?
        .take(ADDRESSES)
        .collect();
    let mut last = LinkProblem::UnknownHost;
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT).and_then(prepare) {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                tracing::info!(%address, %error, "no connection");
                last = LinkProblem::from(&error);
            }
        }
    }
    Err(last)
}

/// A name with letters outside ASCII is looked up as it is, which finds a computer of the local
/// network, and then in its ASCII form.
fn look_up(server: &ServerAddress) -> io::Result<std::vec::IntoIter<SocketAddr>> {
    let host = server.host.as_str();
    // Not every system knows the names of its local network.
    let nearby = mensageiro_discovery::look_up(host).unwrap_or_default();
    if !nearby.is_empty() {
        let addresses = nearby.into_iter();
        let addresses = addresses.map(|address| SocketAddr::from((address, server.port)));
        return Ok(addresses.collect::<Vec<_>>().into_iter());
    }
    let found = (host, server.port).to_socket_addrs();
    match Host::parse(host) {
        Ok(Host::Domain(name)) if found.is_err() && name != host => {
            (name.as_str(), server.port).to_socket_addrs()
        }
        _ => found,
    }
}

fn prepare(stream: TcpStream) -> io::Result<TcpStream> {
    let (time, interval, retries) = KEEPALIVE;
    let keepalive = TcpKeepalive::new().with_time(time).with_interval(interval);
    let socket = SockRef::from(&stream);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(not(target_os = "openbsd"))]
    match socket.set_tcp_keepalive(&keepalive.with_retries(retries)) {
        // Windows before 1703, and Wine, count in their own way.
        Err(error) if cfg!(not(windows)) => return Err(error),
        _ => {}
    }
    // Keepalive is for an idle link; this is for one with unacknowledged bytes.
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
    // See `Connection`: whoever closes without an end in order, closes with a reset.
    socket.set_linger(Some(Duration::ZERO))?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(WRITE))?;
    Ok(stream)
}
