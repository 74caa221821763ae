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
    ClientConnection, StreamOwned,
    client::ResolvesClientCert,
    crypto::ring::default_provider,
    pki_types::PrivateKeyDer,
    sign::{CertifiedKey, SingleCertAndKey},
};

use crate::{support::PATIENCE, tls};

/// A device, or what takes a device's place: a program with its key.
pub struct Device {
    certificate: Arc<dyn ResolvesClientCert>,
    pub key: PublicKey,
}

impl Device {
    pub fn new() -> Self {
        let pair = KeyPair::generate().unwrap();
        let params = CertificateParams::new(Vec::new()).unwrap();
        let certificate = params.self_signed(&pair).unwrap();
        let private = PrivateKeyDer::Pkcs8(pair.serialize_der().into());
        let chain = vec![certificate.der().clone()];
        let certified = CertifiedKey::from_der(chain, private, &default_provider()).unwrap();
        Self {
            certificate: Arc::new(SingleCertAndKey::from(certified)),
            key: PublicKey::of(&pair.subject_public_key_info()),
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
        let certificate = device.map(|device| device.certificate.clone());
        let connection = tls::connection_with(certificate);
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
