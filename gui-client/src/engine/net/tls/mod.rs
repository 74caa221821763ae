//! TLS 1.3 on a connection to a server: the handshake, and who is at the other end.

mod stream;
mod verifier;

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    sync::Arc,
    time::{Duration, Instant},
};

use mensageiro_protocol::trust::Fingerprint;
use rustls::{
    CipherSuite, ClientConfig, ClientConnection,
    client::Resumption,
    crypto::{CryptoProvider, ring},
    pki_types::{PrivateKeyDer, ServerName},
    version::TLS13,
};

pub(super) use self::{
    stream::{Incoming, Outlet},
    verifier::{PinVerifier, SystemTrust},
};
use crate::engine::trust::{DeviceKey, Pin};

/// How long a server may be silent after the hello until it is taken for one without TLS, which waits for a line.
const FIRST_BYTE: Duration = Duration::from_secs(3);
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(15);

/// A handshake that did not come to a good end.
#[derive(Debug)]
pub(super) enum NoTls {
    /// The server answered with something else.
    Other,
    /// It hung up on the hello.
    HungUp,
    /// It said nothing.
    Silent,
    /// It speaks TLS, and no agreement was reached.
    Failed(rustls::Error),
    /// The connection broke, or it took too long, after the server had begun to speak TLS.
    Broken(ErrorKind),
}

/// A connection after its handshake.
pub(super) struct Met {
    pub(super) connection: ClientConnection,
    /// What to remember of the server.
    pub(super) pin: Pin,
}

/// Shakes hands. Nothing but the hello is sent before the verifier has accepted the server's key.
pub(super) fn shake_hands(
    mut tcp: &TcpStream,
    name: ServerName<'static>,
    verifier: &Arc<PinVerifier>,
    device_key: Option<&DeviceKey>,
) -> Result<Met, NoTls> {
    let config = config(verifier, device_key).map_err(NoTls::Failed)?;
    let mut connection = ClientConnection::new(Arc::new(config), name).map_err(NoTls::Failed)?;
    let until = Instant::now() + HANDSHAKE;
    let mut buffer = vec![0; 16 * 1024];
    let mut has_heard = false;
    loop {
        while connection.wants_write() {
            let written = connection.write_tls(&mut tcp).and_then(|_| tcp.flush());
            written.map_err(|error| gone(has_heard, error.kind()))?;
        }
        if !connection.is_handshaking() {
            break;
        }
        let left = until.saturating_duration_since(Instant::now());
        let patience = if has_heard {
            left
        } else {
            left.min(FIRST_BYTE)
        };
        if patience.is_zero() {
            return Err(gone(has_heard, ErrorKind::TimedOut));
        }
        let read = tcp
            .set_read_timeout(Some(patience))
            .and_then(|()| tcp.read(&mut buffer));
        let mut bytes = match read {
            Ok(0) => return Err(gone(has_heard, ErrorKind::ConnectionReset)),
            Ok(count) => &buffer[..count],
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(gone(has_heard, error.kind())),
        };
        if !has_heard && !begins_like_tls(bytes) {
            return Err(NoTls::Other);
        }
        has_heard = true;
        while !bytes.is_empty() {
            let taken = connection.read_tls(&mut bytes);
            let processed = connection.process_new_packets();
            if let Err(error) = processed {
                // Says why, if it still can.
                let _ = connection.write_tls(&mut tcp);
                return Err(NoTls::Failed(error));
            }
            if taken.is_err() {
                return Err(NoTls::Broken(ErrorKind::InvalidData));
            }
        }
    }
    let waits = tcp.set_read_timeout(None);
    waits.map_err(|error| NoTls::Broken(error.kind()))?;
    match verifier.met() {
        Some(Ok(pin)) => Ok(Met { connection, pin }),
        _ => Err(NoTls::Failed(rustls::Error::NoCertificatesPresented)),
    }
}

/// The server is gone, or does not answer.
fn gone(has_heard: bool, kind: ErrorKind) -> NoTls {
    match kind {
        _ if has_heard => NoTls::Broken(kind),
        ErrorKind::WouldBlock | ErrorKind::TimedOut => NoTls::Silent,
        _ => NoTls::HungUp,
    }
}

/// Whether these first bytes are of a record of TLS: an alert, or a handshake.
fn begins_like_tls(bytes: &[u8]) -> bool {
    matches!(bytes, [0x15 | 0x16] | [0x15 | 0x16, 3, ..])
}

fn config(
    verifier: &Arc<PinVerifier>,
    device_key: Option<&DeviceKey>,
) -> Result<ClientConfig, rustls::Error> {
    let verifier = Arc::clone(verifier);
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match device_key {
        Some(key) => {
            let private = PrivateKeyDer::Pkcs8(key.private());
            builder.with_client_auth_cert(vec![key.certificate()], private)?
        }
        None => builder.with_no_client_auth(),
    };
    // A resumed session would show no certificate.
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The protocol and the cipher, as experts call them.
pub(super) fn cipher(connection: &ClientConnection) -> String {
    let suite = connection.negotiated_cipher_suite();
    let cipher = match suite.map(|suite| suite.suite()) {
        Some(CipherSuite::TLS13_AES_128_GCM_SHA256) => "AES-128-GCM",
        Some(CipherSuite::TLS13_AES_256_GCM_SHA384) => "AES-256-GCM",
        Some(CipherSuite::TLS13_CHACHA20_POLY1305_SHA256) => "ChaCha20-Poly1305",
        _ => return "TLS 1.3".to_owned(),
    };
    format!("TLS 1.3, {cipher}")
}

/// Of the key of a certificate.
fn fingerprint(
    certificate: &rustls::pki_types::CertificateDer<'_>,
) -> Result<Fingerprint, rustls::Error> {
    let parsed = rustls::server::ParsedCertificate::try_from(certificate)?;
    Ok(Fingerprint::of(&parsed.subject_public_key_info()))
}
