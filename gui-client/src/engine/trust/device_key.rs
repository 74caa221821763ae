//! The key that this device logs in to a closed server with: a self-signed certificate whose private key is in the
//! system's keyring, or else in the account's own file.
//!
//! Each account has its own. So two servers cannot find out that two users sit at one computer, and whoever gets one key
//! gets one account.

use std::{fmt, thread, time::Duration};

use crossbeam_channel::{RecvTimeoutError, bounded};
use data_encoding::{BASE64, HEXLOWER};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use serde::{Deserialize, Serialize};

use super::keyring::{self, KeyProblem};

/// How long the keyring may take: the person may have to type its password.
const KEYRING: Duration = Duration::from_secs(120);

/// Where new keys are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// In the system's keyring, or in a file if there is none.
    Keyring,
    /// In a file that only the person can open.
    File,
}

/// The private key of this device, with a certificate of it.
pub struct DeviceKey {
    certificate: CertificateDer<'static>,
    private: PrivatePkcs8KeyDer<'static>,
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceKey").finish_non_exhaustive()
    }
}

/// Where a private key is.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StoredKey {
    /// In the keyring, under this name.
    Keyring(String),
    /// Here, in base64.
    Pkcs8(String),
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keyring(_) => "in the keyring",
            Self::Pkcs8(_) => "in the file",
        })
    }
}

impl DeviceKey {
    /// A new key.
    pub(super) fn generate() -> Result<Self, KeyProblem> {
        let not_made = |error: rcgen::Error| KeyProblem::NotMade(error.to_string());
        Self::of(&KeyPair::generate().map_err(not_made)?).map_err(not_made)
    }

    /// The key that is stored; `None`: the keyring has none of this name any more.
    pub(super) fn load(stored: &StoredKey) -> Result<Option<Self>, KeyProblem> {
        let private = match stored {
            StoredKey::Pkcs8(text) => {
                let bytes = BASE64.decode(text.as_bytes());
                bytes.map_err(|_| KeyProblem::Damaged)?
            }
            StoredKey::Keyring(name) => {
                let name = name.clone();
                match in_time(move || keyring::get(&name))?? {
                    Some(private) => private,
                    None => return Ok(None),
                }
            }
        };
        let private = PrivatePkcs8KeyDer::from(private);
        let pair = KeyPair::try_from(&private).map_err(|_| KeyProblem::Damaged)?;
        Self::of(&pair).map(Some).map_err(|_| KeyProblem::Damaged)
    }

    /// Stores it in the keyring, or returns it to be stored in the file. `label`: what a keyring shows beside it.
    pub(super) fn store(&self, place: KeyPlace, label: &str) -> StoredKey {
        if place == KeyPlace::Keyring {
            match self.store_in_keyring(label) {
                Ok(name) => return StoredKey::Keyring(name),
                Err(error) => tracing::info!(%error, "the keyring is not used"),
            }
        }
        StoredKey::Pkcs8(BASE64.encode(self.private.secret_pkcs8_der()))
    }

    /// Removes a stored key from the keyring; one in a file stays there.
    pub(super) fn forget(stored: &StoredKey) -> Result<(), KeyProblem> {
        match stored {
            StoredKey::Pkcs8(_) => Ok(()),
            StoredKey::Keyring(name) => {
                let name = name.clone();
                in_time(move || keyring::remove(&name))?
            }
        }
    }

    fn store_in_keyring(&self, label: &str) -> Result<String, KeyProblem> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| KeyProblem::NotMade(error.to_string()))?;
        let name = HEXLOWER.encode(&random);
        let private = self.private.secret_pkcs8_der().to_vec();
        let (entry, label) = (name.clone(), label.to_owned());
        let stored = in_time(move || {
            keyring::set(&entry, &label, &private)?;
            // Some keyrings forget at once what they say they have stored.
            Ok(keyring::get(&entry)?.as_deref() == Some(&private))
        })?;
        match stored? {
            true => Ok(name),
            false => Err(KeyProblem::Keyring("it keeps nothing".into())),
        }
    }

    fn of(pair: &KeyPair) -> Result<Self, rcgen::Error> {
        let mut about = CertificateParams::default();
        about.distinguished_name = DistinguishedName::new();
        about
            .distinguished_name
            .push(DnType::CommonName, "MeuMensageiro");
        let certificate = about.self_signed(pair)?;
        Ok(Self {
            certificate: certificate.der().clone(),
            private: PrivatePkcs8KeyDer::from(pair.serialize_der()),
        })
    }

    /// A certificate of the key, which is valid for thousands of years.
    pub fn certificate(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    /// The private key, for TLS.
    pub fn private(&self) -> PrivatePkcs8KeyDer<'static> {
        self.private.clone_key()
    }
}

/// Runs what may wait for the person in a thread of its own.
fn in_time<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeyProblem> + Send + 'static,
) -> Result<Result<T, KeyProblem>, KeyProblem> {
    let (done, answer) = bounded(1);
    let started = thread::Builder::new()
        .name("mensageiro-keyring".into())
        .spawn(move || {
            let _ = done.send(work());
        });
    started.map_err(|error| KeyProblem::Keyring(error.to_string()))?;
    match answer.recv_timeout(KEYRING) {
        Ok(answer) => Ok(answer),
        Err(RecvTimeoutError::Timeout) => Err(KeyProblem::Silent),
        // The library has panicked.
        Err(RecvTimeoutError::Disconnected) => Err(KeyProblem::Silent),
    }
}
