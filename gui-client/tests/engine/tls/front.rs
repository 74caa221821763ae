//! TLS before another server of these tests, with everything that can be wrong about it.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, unbounded};
use mensageiro_protocol::{
    live::{Bye, ByeCode, Event, Hello, Join, Joined},
    trust::{Fingerprint, PublicKey, Secret},
};
use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use rustls::{
    DistinguishedName, ServerConfig, ServerConnection, SignatureScheme,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime},
    server::{
        ClientHello, ParsedCertificate, ResolvesServerCert,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::CertifiedKey,
    version::TLS13,
};

use crate::connections::{Connections, reset, say};

/// The key of a server.
pub struct Identity {
    certificate: CertificateDer<'static>,
    pair: KeyPair,
}

impl Identity {
    pub fn new() -> Self {
        let pair = KeyPair::generate().unwrap();
        let about = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = about.self_signed(&pair).unwrap().der().clone();
        Self { certificate, pair }
    }

    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.pair.subject_public_key_info())
    }

    /// Shows the certificate of this one, without having its key.
    pub fn pretender(&self) -> Self {
        Self {
            certificate: self.certificate.clone(),
            pair: KeyPair::generate().unwrap(),
        }
    }
}

/// What a front does with the next connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// TLS with the identity of this number.
    Tls(usize),
    /// TLS, and whoever speaks plain text is told so.
    OnlyTls,
    /// No TLS: what comes is passed on as it is.
    Plain,
    /// It answers the hello with a line.
    Chats,
    /// It hangs up on the hello.
    HangsUp,
    /// It says nothing.
    Silent,
    /// It answers with an alert.
    Alerts,
    /// It announces a record that is longer than any may be.
    HugeRecord,
    /// TLS, cut without a farewell after so many bytes of lines from the server.
    Cut(usize),
    /// TLS, and one bit is changed after so many encrypted bytes from the server.
    Flipped(usize),
}

/// Who may log in behind a front; an open one lets everybody in.
#[derive(Default)]
pub struct Gate {
    pub is_closed: bool,
    pub codes: Vec<Secret>,
    pub keys: Vec<PublicKey>,
    /// Codes that have come.
    pub joins: usize,
}

pub struct Front {
    connections: Connections,
    shared: Arc<Shared>,
    /// Says what each connection was, when it is over or its handshake is.
    pub seen: Receiver<Seen>,
}

/// What a client has done on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It has spoken plain text.
    Plain,
    /// It has asked for TLS, and there was none.
    NoTls,
    /// It has not completed the handshake.
    Refused,
    /// It has completed it.
    Tls,
}

struct Shared {
    backend: SocketAddr,
    identities: Vec<Identity>,
    mode: Mutex<Mode>,
    gate: Mutex<Gate>,
    /// Everything that has come, as it was on the wire.
    wire: Mutex<Vec<u8>>,
    /// How often a client has begun with plain text.
    plain: AtomicUsize,
    tell: Sender<Seen>,
}

impl Front {
    /// Before the server at `backend`. It has two identities.
    pub fn before(backend: &str, mode: Mode) -> Self {
        Self::with(backend, mode, vec![Identity::new(), Identity::new()])
    }

    pub fn with(backend: &str, mode: Mode, identities: Vec<Identity>) -> Self {
        let (tell, seen) = unbounded();
        let shared = Arc::new(Shared {
            backend: backend.parse().unwrap(),
            identities,
            mode: Mutex::new(mode),
            gate: Mutex::default(),
            wire: Mutex::default(),
            plain: AtomicUsize::new(0),
            tell,
        });
        let serving = Arc::clone(&shared);
        let anywhere = "127.0.0.1:0".parse().unwrap();
        let connections = Connections::accept_all(anywhere, move |stream| serving.serve(stream));
        Self {
            connections,
            shared,
            seen,
        }
    }

    pub fn address(&self) -> String {
        self.connections.address().to_string()
    }

    pub fn fingerprint(&self, number: usize) -> Fingerprint {
        self.shared.identities[number].fingerprint()
    }

    /// Cuts what there is, and behaves like this from now on.
    pub fn turn(&self, mode: Mode) {
        *self.shared.mode.lock().unwrap() = mode;
        self.connections.cut_all(reset);
    }

    pub fn gate<T>(&self, work: impl FnOnce(&mut Gate) -> T) -> T {
        work(&mut self.shared.gate.lock().unwrap())
    }

    /// How often a client has begun with plain text.
    pub fn plain(&self) -> usize {
        self.shared.plain.load(Ordering::SeqCst)
    }

    /// Whether these bytes have crossed the wire unencrypted.
    pub fn has_leaked(&self, word: &str) -> bool {
        let wire = self.shared.wire.lock().unwrap();
        wire.windows(word.len()).any(|part| part == word.as_bytes())
    }
}

impl Shared {
    fn serve(&self, stream: &Arc<TcpStream>) {
        let mut first = [0];
        if !matches!(stream.peek(&mut first), Ok(1)) {
            return;
        }
        let is_tls = first[0] == 0x16;
        if !is_tls {
            self.plain.fetch_add(1, Ordering::SeqCst);
            let _ = self.tell.send(Seen::Plain);
        }
        let mode = *self.mode.lock().unwrap();
        let mut tcp: &TcpStream = stream;
        match mode {
            Mode::Tls(_) | Mode::OnlyTls | Mode::Cut(_) | Mode::Flipped(_) if is_tls => {
                let seen = match self.encrypted(stream, mode) {
                    Ok(()) => return,
                    Err(_) => Seen::Refused,
                };
                let _ = self.tell.send(seen);
                return;
            }
            Mode::Plain if !is_tls => {
                let _ = self.pass_on(stream);
                return;
            }
            Mode::OnlyTls => {
                let _ = BufReader::new(tcp).read_line(&mut String::new());
                let _ = say(tcp, &Event::Bye(Bye::new(ByeCode::NeedsTls, "")));
            }
            Mode::Chats => {
                let _ = tcp.write_all(b"Bem-vindo!\n");
            }
            Mode::Alerts => {
                let _ = tcp.write_all(&[0x15, 3, 3, 0, 2, 2, 40]);
            }
            Mode::HugeRecord => {
                let _ = tcp.write_all(&[0x16, 3, 3, 0xff, 0xff, 2, 0, 0, 1]);
            }
            Mode::Silent => {
                // Until the client gives up.
                let _ = io::copy(&mut tcp, &mut io::sink());
            }
            // A server with TLS alone does not know lines, and one without does not know TLS.
            _ => {}
        }
        if is_tls {
            // The hello, so that the end is none of a reset.
            let _ = tcp.set_read_timeout(Some(Duration::from_millis(50)));
            let _ = io::copy(&mut tcp, &mut io::sink());
            let _ = self.tell.send(Seen::NoTls);
        }
    }

    /// Passes plain text on.
    fn pass_on(&self, stream: &Arc<TcpStream>) -> io::Result<()> {
        let back = TcpStream::connect(self.backend)?;
        let (from_back, to_client) = (back.try_clone()?, Arc::clone(stream));
        let back_again = thread::spawn(move || {
            let _ = io::copy(&mut &from_back, &mut &*to_client);
            let _ = to_client.shutdown(Shutdown::Write);
        });
        let mut buffer = [0; 4096];
        loop {
            let count = (&**stream).read(&mut buffer)?;
            if count == 0 {
                break;
            }
            self.wire.lock().unwrap().extend(&buffer[..count]);
            (&back).write_all(&buffer[..count])?;
        }
        let _ = back.shutdown(Shutdown::Write);
        let _ = back_again.join();
        Ok(())
    }

    /// Takes TLS off, lets in who may come in, and passes the rest on.
    fn encrypted(&self, stream: &Arc<TcpStream>, mode: Mode) -> io::Result<()> {
        let identity = match mode {
            Mode::Tls(number) => number,
            _ => 0,
        };
        let mut session = ServerConnection::new(Arc::new(config(&self.identities[identity])))
            .map_err(io::Error::other)?;
        let mut tap = Tap {
            stream,
            wire: &self.wire,
        };
        while session.is_handshaking() {
            session.complete_io(&mut tap)?;
        }
        let _ = self.tell.send(Seen::Tls);
        let key = session.peer_certificates().map(|all| {
            let certificate = ParsedCertificate::try_from(&all[0]).unwrap();
            PublicKey::of(&certificate.subject_public_key_info())
        });
        let inside = Inside {
            stream: Arc::clone(stream),
            session: Arc::new(Mutex::new(session)),
        };
        self.lines(inside, key, mode, &self.wire)
    }

    fn lines(
        &self,
        inside: Inside,
        key: Option<PublicKey>,
        mode: Mode,
        wire: &Mutex<Vec<u8>>,
    ) -> io::Result<()> {
        let mut reader = BufReader::new(inside.reader(wire));
        let mut first = String::new();
        reader.read_line(&mut first)?;
        if let Some(Ok(join)) = Join::parse(first.trim_end()) {
            let is_let_in = self.gate(|gate| {
                gate.joins += 1;
                let known = key.filter(|key| gate.keys.contains(key));
                let code = gate.codes.iter().position(|code| *code == join.code);
                known.or_else(|| {
                    gate.codes.remove(code?);
                    gate.keys.extend(key);
                    key
                })
            });
            let Some(key) = is_let_in else {
                return inside.farewell(ByeCode::NeedsKey);
            };
            let (login, id) = (join.login, key.id());
            inside.say(&Event::Joined(Joined { login, id }))?;
            first.clear();
            reader.read_line(&mut first)?;
        }
        let is_known = self.gate(|gate| key.is_some_and(|key| gate.keys.contains(&key)));
        let is_closed = self.gate(|gate| gate.is_closed);
        if is_closed && !is_known {
            return inside.farewell(ByeCode::NeedsKey);
        }
        let back = TcpStream::connect(self.backend)?;
        (&back).write_all(first.as_bytes())?;
        let id = key.filter(|_| is_known).map(|key| key.id());
        let is_live = Hello::parse(first.trim_end()).is_some();
        let (from_back, to_client) = (back.try_clone()?, inside.clone());
        let back_again = thread::spawn(move || {
            let mut lines = BufReader::new(from_back);
            let mut sent = 0;
            loop {
                let mut line = Vec::new();
                if !matches!(lines.read_until(b'\n', &mut line), Ok(1..)) {
                    break;
                }
                if is_live && let Ok(Event::Welcome(mut welcome)) = Event::parse(line.trim_ascii())
                {
                    (welcome.closed, welcome.device) = (is_closed, id);
                    line.clear();
                    Event::Welcome(welcome).encode(&mut line);
                    line.push(b'\n');
                }
                if let Mode::Cut(after) = mode
                    && sent + line.len() > after
                {
                    let _ = to_client.write(&line[..after - sent], None);
                    let _ = to_client.stream.shutdown(Shutdown::Both);
                    return;
                }
                let flip = match mode {
                    Mode::Flipped(after) if sent + line.len() > after => Some(()),
                    _ => None,
                };
                sent += line.len();
                if to_client.write(&line, flip).is_err() {
                    break;
                }
            }
            to_client.close();
        });
        let mut buffer = [0; 4096];
        loop {
            let count = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                // Cut, not ended: the backend sees a cut too.
                Err(error) => {
                    reset(&back);
                    drop(back);
                    let _ = back_again.join();
                    return if error.kind() == io::ErrorKind::UnexpectedEof {
                        Ok(())
                    } else {
                        Err(error)
                    };
                }
            };
            (&back).write_all(&buffer[..count])?;
        }
        let _ = back.shutdown(Shutdown::Write);
        let _ = back_again.join();
        Ok(())
    }

    fn gate<T>(&self, work: impl FnOnce(&mut Gate) -> T) -> T {
        work(&mut self.gate.lock().unwrap())
    }
}

/// The socket, of which everything that comes is kept.
struct Tap<'a> {
    stream: &'a TcpStream,
    wire: &'a Mutex<Vec<u8>>,
}

impl Read for Tap<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        self.wire.lock().unwrap().extend(&buffer[..count]);
        Ok(count)
    }
}

impl Write for Tap<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Both directions inside TLS.
#[derive(Clone)]
struct Inside {
    stream: Arc<TcpStream>,
    session: Arc<Mutex<ServerConnection>>,
}

struct InsideReader<'a> {
    inside: Inside,
    wire: &'a Mutex<Vec<u8>>,
}

impl Inside {
    fn reader<'a>(&self, wire: &'a Mutex<Vec<u8>>) -> InsideReader<'a> {
        let inside = self.clone();
        InsideReader { inside, wire }
    }

    /// `flip`: one bit of what is encrypted is changed.
    fn write(&self, bytes: &[u8], flip: Option<()>) -> io::Result<()> {
        let mut sealed = Vec::new();
        let mut session = self.session.lock().unwrap();
        session.writer().write_all(bytes)?;
        while session.wants_write() {
            session.write_tls(&mut sealed)?;
        }
        if flip.is_some() {
            let middle = sealed.len() / 2;
            sealed[middle] ^= 1;
        }
        (&*self.stream).write_all(&sealed)
    }

    fn say(&self, event: &Event) -> io::Result<()> {
        let mut line = Vec::new();
        event.encode(&mut line);
        line.push(b'\n');
        self.write(&line, None)
    }

    fn farewell(&self, code: ByeCode) -> io::Result<()> {
        self.say(&Event::Bye(Bye::new(code, "")))?;
        self.close();
        Ok(())
    }

    /// Ends this direction in order.
    fn close(&self) {
        self.session.lock().unwrap().send_close_notify();
        let _ = self.write(b"", None);
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

impl Read for InsideReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut sealed = [0; 4096];
        loop {
            match self.inside.session.lock().unwrap().reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
            let count = (&*self.inside.stream).read(&mut sealed)?;
            self.wire.lock().unwrap().extend(&sealed[..count]);
            let mut session = self.inside.session.lock().unwrap();
            session.read_tls(&mut &sealed[..count])?;
            session.process_new_packets().map_err(io::Error::other)?;
        }
    }
}

fn config(identity: &Identity) -> ServerConfig {
    let private = PrivatePkcs8KeyDer::from(identity.pair.serialize_der());
    let signing = ring::sign::any_ecdsa_type(&PrivateKeyDer::Pkcs8(private)).unwrap();
    let shown = CertifiedKey::new(vec![identity.certificate.clone()], signing);
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_client_cert_verifier(Arc::new(AnyClient))
        .with_cert_resolver(Arc::new(Shows(Arc::new(shown))))
}

/// Shows a certificate, whether the key belongs to it or not.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesServerCert for Shows {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// Takes any certificate of a client, or none.
#[derive(Debug)]
struct AnyClient;

impl ClientCertVerifier for AnyClient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _others: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
