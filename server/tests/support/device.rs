//! Devices with keys of their own, inside TLS.
#![allow(dead_code, missing_docs, reason = "each test file uses a part of it")]

use std::{
    io::{BufRead, BufReader, ErrorKind, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
};

use mensageiro_protocol::{
    live::{Bye, Event, Join, Welcome},
    trust::{PublicKey, Secret},
    {Login, Name},
};
use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring::default_provider, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime},
    version::TLS13,
};

use super::PATIENCE;

/// A device, or what takes a device's place: a program with its key.
pub struct Device {
    certificate: CertificateDer<'static>,
    private: PrivateKeyDer<'static>,
    pub key: PublicKey,
}

impl Device {
    pub fn new() -> Self {
        let pair = KeyPair::generate().unwrap();
        let params = CertificateParams::new(Vec::new()).unwrap();
        let certificate = params.self_signed(&pair).unwrap();
        Self {
            certificate: certificate.der().clone(),
            key: PublicKey::of(&pair.subject_public_key_info()),
            private: PrivateKeyDer::Pkcs8(pair.serialize_der().into()),
        }
    }

    pub fn connect(&self, address: SocketAddr) -> TlsLines {
        TlsLines::connect(address, Some(self))
    }

    /// Joins, and returns the connection, on which the hello may follow.
    pub fn join(&self, address: SocketAddr, login: &str, code: &Secret) -> Result<TlsLines, Bye> {
        let mut lines = self.connect(address);
        lines.say(&join(login, code));
        match lines.hear().unwrap() {
            Event::Joined(joined) => {
                assert_eq!(joined.login.as_str(), login);
                assert_eq!(joined.id, self.key.id());
                Ok(lines)
            }
            Event::Bye(bye) => {
                assert_eq!(lines.hear(), None);
                Err(bye)
            }
            event => panic!("{event:?}"),
        }
    }

    /// Begins a live session.
    pub fn log_in(&self, address: SocketAddr, login: &str) -> Result<(TlsLines, Welcome), Bye> {
        self.connect(address).log_in(login)
    }
}

/// A `join`, as a line.
pub fn join(login: &str, code: &Secret) -> String {
    let join = Join {
        login: Login::parse(login).unwrap(),
        code: code.clone(),
        name: Name::from("a laptop"),
    };
    let mut line = Vec::new();
    join.encode(&mut line);
    String::from_utf8(line).unwrap()
}

/// The lines of a live session inside TLS.
pub struct TlsLines(BufReader<StreamOwned<ClientConnection, TcpStream>>);

impl TlsLines {
    pub fn connect(address: SocketAddr, device: Option<&Device>) -> Self {
        let provider = Arc::new(default_provider());
        let config = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyServer(provider)));
        let config = match device {
            Some(device) => config
                .with_client_auth_cert(vec![device.certificate.clone()], device.private.clone_key())
                .unwrap(),
            None => config.with_no_client_auth(),
        };
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(StreamOwned::new(connection, stream)))
    }

    pub fn log_in(mut self, login: &str) -> Result<(Self, Welcome), Bye> {
        self.say(&format!("{login} live/1"));
        match self.hear().unwrap() {
            Event::Welcome(welcome) => {
                while self.hear().unwrap() != Event::End {}
                Ok((self, welcome))
            }
            Event::Bye(bye) => {
                assert_eq!(self.hear(), None);
                Err(bye)
            }
            event => panic!("{event:?}"),
        }
    }

    pub fn say(&mut self, line: &str) {
        self.send(format!("{line}\n").as_bytes());
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
        self.0.get_mut().flush().unwrap();
    }

    /// The next line as it comes; `None` at the end.
    pub fn hear_line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.0.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(line.trim_end_matches('\n').to_owned()),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof
                ) =>
            {
                None
            }
            Err(error) => panic!("nothing heard: {error}"),
        }
    }

    pub fn hear(&mut self) -> Option<Event> {
        let line = self.hear_line()?;
        Some(Event::parse(line.as_bytes()).unwrap_or_else(|error| panic!("{line}: {error}")))
    }

    /// Sends a request and returns its answer, past what others do meanwhile.
    pub fn ask(&mut self, line: &str) -> Event {
        self.say(line);
        self.hear_answer()
    }

    pub fn hear_answer(&mut self) -> Event {
        loop {
            match self.hear().expect("the server hung up") {
                Event::Presence(_) => {}
                event => return event,
            }
        }
    }
}

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
        panic!("TLS 1.2 is not used");
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
