//! A client inside TLS.
#![allow(dead_code, missing_docs, reason = "each test file uses a part of it")]

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use mensageiro_protocol::trust::Fingerprint;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned,
    client::{
        ResolvesClientCert,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring::default_provider, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
    version::TLS13,
};

/// Longer than anything takes on a slow day.
const PATIENCE: Duration = Duration::from_secs(20);

/// Takes whoever proves to have the key of the certificate that it shows.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        panic!("TLS 1.2 is not spoken");
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

pub fn connection() -> ClientConnection {
    connection_with(None)
}

/// Shows a certificate if it has one.
pub fn connection_with(certificate: Option<Arc<dyn ResolvesClientCert>>) -> ClientConnection {
    let provider = Arc::new(default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyServer(provider)));
    let config = match certificate {
        None => config.with_no_client_auth(),
        Some(certificate) => config.with_client_cert_resolver(certificate),
    };
    let name = ServerName::try_from("localhost").unwrap();
    ClientConnection::new(Arc::new(config), name).unwrap()
}

pub struct TlsClient {
    pub stream: StreamOwned<ClientConnection, TcpStream>,
    heard: Vec<u8>,
}

impl TlsClient {
    pub fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).unwrap()
    }

    /// Connects and completes the handshake.
    pub fn try_connect(address: SocketAddr) -> io::Result<Self> {
        Self::connect_through(address, connection())
    }

    pub fn connect_through(address: SocketAddr, connection: ClientConnection) -> io::Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let mut stream = StreamOwned::new(connection, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        let heard = Vec::new();
        Ok(Self { stream, heard })
    }

    /// A classic session that has taken its messages.
    pub fn log_in(address: SocketAddr, login: &str) -> (Self, Vec<String>) {
        let mut client = Self::connect(address);
        let messages = client.exchange(login);
        (client, messages)
    }

    pub fn fingerprint(&self) -> Fingerprint {
        let shown = &self.stream.conn.peer_certificates().unwrap()[0];
        let certificate = ParsedCertificate::try_from(shown).unwrap();
        Fingerprint::of(&certificate.subject_public_key_info())
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
        self.stream.flush().unwrap();
    }

    pub fn say(&mut self, line: &str) {
        self.send(format!("{line}\n").as_bytes());
    }

    /// What comes next, as it comes.
    pub fn receive(&mut self) -> Vec<u8> {
        let mut bytes = [0; 4096];
        let count = self.stream.read(&mut bytes).unwrap();
        bytes[..count].to_vec()
    }

    /// The next line; `None` at the end that the server has announced. An end that it has not is an error.
    pub fn try_hear(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(lf) = self.heard.iter().position(|&byte| byte == b'\n') {
                let rest = self.heard.split_off(lf + 1);
                let mut line = std::mem::replace(&mut self.heard, rest);
                line.pop();
                return Ok(Some(String::from_utf8(line).unwrap()));
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) => return Ok(None),
                Ok(count) => self.heard.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub fn hear(&mut self) -> String {
        self.try_hear().unwrap().expect("the server has ended it")
    }

    /// All messages up to the end mark.
    pub fn hear_all(&mut self) -> Vec<String> {
        let mut messages = Vec::new();
        loop {
            let line = self.hear();
            if line == "f" {
                return messages;
            }
            messages.push(line);
        }
    }

    pub fn exchange(&mut self, line: &str) -> Vec<String> {
        self.say(line);
        self.hear_all()
    }

    /// Ends it in order, and waits for the server's end.
    pub fn close(mut self) {
        self.stream.conn.send_close_notify();
        self.stream.flush().unwrap();
        while self.try_hear().unwrap().is_some() {}
    }

    /// Takes few bytes before they are read.
    pub fn limit_buffer(&self) {
        let socket = socket2::SockRef::from(&self.stream.sock);
        socket.set_recv_buffer_size(32 * 1024).unwrap();
    }

    /// Ends the connection as if somebody else had cut it, and waits for the server's end.
    pub fn cut(mut self) {
        self.stream.sock.shutdown(Shutdown::Write).unwrap();
        let mut bytes = [0; 4096];
        while self
            .stream
            .sock
            .read(&mut bytes)
            .is_ok_and(|count| count > 0)
        {}
    }
}
