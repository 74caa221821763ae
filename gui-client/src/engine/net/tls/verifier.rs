//! Asks `engine::trust` whether to go on with a server, in the middle of the handshake: before the server learns anything
//! about this device.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use jiff::Timestamp;
use mensageiro_protocol::trust::Fingerprint;
use parking_lot::Mutex;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use rustls_platform_verifier::Verifier;

use super::{fingerprint, provider};
use crate::engine::trust::{self, Distrust, Offer, Pin};

/// Which certificates the system trusts. It is looked up once, when it is first needed.
#[derive(Debug, Default)]
pub(in crate::engine) struct SystemTrust(OnceLock<Option<Verifier>>);

impl SystemTrust {
    fn get(&self) -> Option<&Verifier> {
        let verifier = self.0.get_or_init(|| {
            let verifier = Verifier::new(provider());
            let unknown = |error: &Error| tracing::info!(%error, "the system trusts nobody");
            verifier.inspect_err(unknown).ok()
        });
        verifier.as_ref()
    }
}

/// Decides about the key of one server in one handshake.
pub(in crate::engine::net) struct PinVerifier {
    pin: Option<Pin>,
    invited: Option<Fingerprint>,
    is_here: bool,
    system: Arc<SystemTrust>,
    provider: Arc<CryptoProvider>,
    met: Mutex<Option<Result<Pin, Distrust>>>,
}

impl PinVerifier {
    /// `pin`: what is remembered. `invited`: the key that an invite names. `is_here`: the server is on this computer.
    pub(in crate::engine::net) fn new(
        pin: Option<Pin>,
        invited: Option<Fingerprint>,
        is_here: bool,
        system: &Arc<SystemTrust>,
    ) -> Self {
        Self {
            pin,
            invited,
            is_here,
            system: Arc::clone(system),
            provider: provider(),
            met: Mutex::default(),
        }
    }

    /// What was decided; `None`: the server has shown no key.
    pub(in crate::engine::net) fn met(&self) -> Option<Result<Pin, Distrust>> {
        self.met.lock().clone()
    }
}

impl fmt::Debug for PinVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PinVerifier").finish_non_exhaustive()
    }
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let fingerprint = fingerprint(certificate)?;
        let is_certified = trust::needs_system(self.pin.as_ref(), fingerprint)
            && self.system.get().is_some_and(|system| {
                let verified = system.verify_server_cert(certificate, others, name, ocsp, now);
                verified.is_ok()
            });
        let offer = Offer {
            fingerprint,
            is_certified,
            is_here: self.is_here,
        };
        let met = trust::meet(self.pin.as_ref(), self.invited, &offer, Timestamp::now());
        let is_met = met.is_ok();
        *self.met.lock() = Some(met);
        match is_met {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // Never offered.
        Err(Error::General("TLS 1.2".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // Proves that the server has the key that it shows.
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
