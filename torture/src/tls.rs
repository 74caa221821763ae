//! TLS clients: devices with a key of their own, which know a server by its fingerprint.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpStream},
    sync::Arc,
};

use anyhow::{Context, Result};
use mensageiro_protocol::trust::{Fingerprint, PublicKey};
use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error,
    SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring::default_provider, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime},
    server::ParsedCertificate,
    version::TLS13,
};

use crate::wire::{Encrypted, Wire, connect_from, prepare};

/// A private key and a certificate for it that it has signed itself.
pub struct Identity {
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    key: KeyPair,
}

/// Connects to a server inside TLS.
#[derive(Clone)]
pub struct Client {
    config: Arc<ClientConfig>,
}

impl Identity {
    pub fn new() -> Result<Self> {
        let key = KeyPair::generate()?;
        let parameters = CertificateParams::new(["localhost".to_owned()])?;
        let certificate = parameters.self_signed(&key)?;
        Ok(Self {
            certificate_pem: certificate.pem(),
            certificate: certificate.der().clone(),
            key,
        })
    }

    /// What a server knows the device by.
    pub fn public_key(&self) -> PublicKey {
        PublicKey::of(&self.key.subject_public_key_info())
    }

    /// What clients know a server by that shows it.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.key.subject_public_key_info())
    }

    /// The certificate, and the private key.
    pub fn pem(&self) -> (String, String) {
        (self.certificate_pem.clone(), self.key.serialize_pem())
    }

    /// The same for rustls.
    pub fn der(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = PrivatePkcs8KeyDer::from(self.key.serialize_der());
        (vec![self.certificate.clone()], key.into())
    }
}

impl Client {
    /// A client that talks only to a server with one of these fingerprints; without any, to everybody, which no client
    /// may do. With a device, it shows its certificate.
    pub fn new(device: Option<&Identity>, pins: &[Fingerprint]) -> Result<Self> {
        let provider = Arc::new(default_provider());
        let verifier = Pins {
            pins: pins.to_vec(),
            provider: provider.clone(),
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match device.map(Identity::der) {
            Some((chain, key)) => config.with_client_auth_cert(chain, key)?,
            None => config.with_no_client_auth(),
        };
        config.resumption = Resumption::disabled();
        Ok(Self {
            config: Arc::new(config),
        })
    }

    pub fn connect(&self, server: SocketAddr) -> io::Result<Wire> {
        let stream = self.shake_hands(TcpStream::connect(server)?)?;
        Ok(Wire::encrypted(stream))
    }

    /// Connects from another address of this machine, and completes the handshake.
    pub fn connect_from(&self, source: [u8; 4], server: SocketAddr) -> io::Result<Wire> {
        let stream = self.shake_hands(connect_from(source, server)?)?;
        Ok(Wire::encrypted(stream))
    }

    /// The same, with the fingerprint that the server has shown.
    pub fn look(&self, server: SocketAddr) -> Result<(Wire, Fingerprint)> {
        let stream = self.shake_hands(TcpStream::connect(server)?)?;
        let shown = stream.conn.peer_certificates().and_then(<[_]>::first);
        let shown = fingerprint(shown.context("no certificate was shown")?)?;
        Ok((Wire::encrypted(stream), shown))
    }

    fn shake_hands(&self, mut socket: TcpStream) -> io::Result<Encrypted> {
        prepare(&socket)?;
        let mut connection = self.connection()?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket)?;
        }
        Ok(Encrypted::new(connection, socket))
    }

    /// The first bytes that it sends.
    pub fn hello(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut connection = self.connection()?;
        while connection.wants_write() {
            connection.write_tls(&mut bytes)?;
        }
        Ok(bytes)
    }

    fn connection(&self) -> io::Result<ClientConnection> {
        let name = ServerName::IpAddress(IpAddr::from([127, 0, 0, 1]).into());
        ClientConnection::new(self.config.clone(), name).map_err(io::Error::other)
    }
}

/// Whether a client has hung up because it knows the server by another key.
pub fn is_wrong_key(error: &io::Error) -> bool {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    matches!(cause, Some(Error::InvalidCertificate(why)) if *why == WRONG_KEY)
}

const WRONG_KEY: CertificateError = CertificateError::ApplicationVerificationFailure;

fn fingerprint(certificate: &CertificateDer<'_>) -> Result<Fingerprint, Error> {
    let certificate = ParsedCertificate::try_from(certificate)?;
    Ok(Fingerprint::of(&certificate.subject_public_key_info()))
}

/// Compares the key in a server's certificate. Names, dates and signers say nothing.
#[derive(Debug)]
struct Pins {
    pins: Vec<Fingerprint>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pins {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _others: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _stapled: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = fingerprint(certificate)?;
        match self.pins.is_empty() || self.pins.contains(&shown) {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(Error::InvalidCertificate(WRONG_KEY)),
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2 is not spoken".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let known = &self.provider.signature_verification_algorithms;
        known.supported_schemes()
    }
}
