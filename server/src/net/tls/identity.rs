//! What the server shows to be known by: a certificate and its private key.

use std::{
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::Arc,
};

use mensageiro_protocol::trust::Fingerprint;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::{
    InconsistentKeys, ServerConfig,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::NoServerSessionStorage,
    sign::{CertifiedKey, SingleCertAndKey},
    version::TLS13,
};
use thiserror::Error;
use tracing::info;

use super::certificates::{AnyClientKey, public_key};
use crate::file_rights;

/// A certificate and its private key, ready to be shown to clients.
#[derive(Clone, Debug)]
pub struct Identity {
    config: Arc<ServerConfig>,
    chain: Vec<CertificateDer<'static>>,
    fingerprint: Fingerprint,
}

/// The files of an identity, in PEM.
#[derive(Clone, Debug)]
pub struct PemFiles {
    /// The certificate, followed by those that lead to a root.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Why there is no identity to show.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// A file cannot be read.
    #[error("{file}: cannot be read: {source}; check its name and who may read it")]
    Read {
        /// Which file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("{file}: cannot be written: {source}; check who may write there")]
    Write {
        /// Which file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no certificate in the file.
    #[error(
        "{0}: there is no certificate in it; it must be in PEM, with a line -----BEGIN CERTIFICATE-----"
    )]
    NoCertificate(PathBuf),
    /// There is no private key in the file.
    #[error(
        "{0}: there is no private key in it; it must be in PEM, with a line -----BEGIN PRIVATE KEY----- and without a password"
    )]
    NoKey(PathBuf),
    /// The server's own key is damaged.
    #[error(
        "{file}: the server's private key is damaged ({problem}); restore it from a backup. Without one, remove it: the server makes another, and whoever knows the old one is warned"
    )]
    OwnKey {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The key is that of another certificate.
    #[error("{}: is not the private key of {}; name the two that belong together", .0.key.display(), .0.certificate.display())]
    Mismatch(PemFiles),
    /// The certificate or the key is of a kind that cannot be used.
    #[error("{} and {} cannot be used: {problem}; an ECDSA P-256, Ed25519 or RSA key and a certificate of version 3 can", .files.certificate.display(), .files.key.display())]
    Unusable {
        /// Which files.
        files: PemFiles,
        /// What is wrong with them.
        problem: rustls::Error,
    },
    /// No key or certificate can be made.
    #[error("no key for TLS can be made: {0}")]
    Make(#[from] rcgen::Error),
}

impl Identity {
    /// The identity in these files, or else the server's own in the data folder, also while no server uses it.
    ///
    /// # Errors
    /// [`IdentityError`] says what is wrong and what to do.
    pub fn load(files: Option<&PemFiles>, data: &Path) -> Result<Self, IdentityError> {
        match files {
            Some(files) => Self::read(files),
            None => Self::own(&data.join("tls")),
        }
    }

    /// The server's own identity, which is made at its first start. It stays the same as long as the key is there: the
    /// certificate can be made again from it.
    fn own(folder: &Path) -> Result<Self, IdentityError> {
        let files = PemFiles {
            certificate: folder.join("cert.pem"),
            key: folder.join("key.pem"),
        };
        let key = match fs::read_to_string(&files.key) {
            Ok(key) => own_key(&files.key, &key)?,
            Err(error) if error.kind() == ErrorKind::NotFound => make_key(folder, &files.key)?,
            Err(error) => return Err(unreadable(&files.key)(error)),
        };
        if let Ok(identity) = Self::read(&files) {
            return Ok(identity);
        }
        let certificate = certificate(&key)?;
        let written = file_rights::write_private(&files.certificate, certificate.as_bytes());
        written.map_err(unwritable(&files.certificate))?;
        Self::read(&files)
    }

    /// Reads an identity from files.
    pub(super) fn read(files: &PemFiles) -> Result<Self, IdentityError> {
        let PemFiles { certificate, key } = files;
        let pem = fs::read(certificate).map_err(unreadable(certificate))?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| IdentityError::NoCertificate(certificate.clone()))?;
        let pem = fs::read(key).map_err(unreadable(key))?;
        let key = PrivateKeyDer::from_pem_slice(&pem);
        let key = key.map_err(|_| IdentityError::NoKey(files.key.clone()))?;
        Self::new(chain, key).map_err(|problem| match problem {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                IdentityError::Mismatch(files.clone())
            }
            problem => IdentityError::Unusable {
                files: files.clone(),
                problem,
            },
        })
    }

    fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, rustls::Error> {
        let provider = Arc::new(default_provider());
        let certified = CertifiedKey::from_der(chain.clone(), key, &provider)?;
        let fingerprint = Fingerprint::of(&public_key(certified.end_entity_cert()?)?);
        let mut config = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(Arc::new(AnyClientKey(provider)))
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        // Nothing is kept of a session that has ended.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self {
            config: Arc::new(config),
            chain,
            fingerprint,
        })
    }

    /// What clients know it by.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Whether clients are shown the same.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.chain == other.chain
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }
}

fn own_key(file: &Path, pem: &str) -> Result<KeyPair, IdentityError> {
    KeyPair::from_pem(pem).map_err(|problem| IdentityError::OwnKey {
        file: file.to_owned(),
        problem: problem.to_string(),
    })
}

fn make_key(folder: &Path, file: &Path) -> Result<KeyPair, IdentityError> {
    file_rights::create_folder(folder).map_err(unwritable(folder))?;
    let key = KeyPair::generate()?;
    let written = file_rights::write_private(file, key.serialize_pem().as_bytes());
    written.map_err(unwritable(file))?;
    info!("{}: a private key for TLS was made", file.display());
    Ok(key)
}

/// A certificate for the server's own key. Who knows the server knows its key, so its dates must never matter: it is
/// valid from 1975 to 4096, whatever clocks say.
fn certificate(key: &KeyPair) -> Result<String, IdentityError> {
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut parameters = CertificateParams::new(names)?;
    let name = &mut parameters.distinguished_name;
    name.push(DnType::CommonName, "MeuMensageiro server");
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    parameters.use_authority_key_identifier_extension = true;
    Ok(parameters.self_signed(key)?.pem())
}

fn unreadable(file: &Path) -> impl FnOnce(io::Error) -> IdentityError {
    let file = file.to_owned();
    |source| IdentityError::Read { file, source }
}

fn unwritable(file: &Path) -> impl FnOnce(io::Error) -> IdentityError {
    let file = file.to_owned();
    |source| IdentityError::Write { file, source }
}
