//! The system's keyring: the Secret Service of the desktop, the Credential Manager of Windows, the keychain of macOS.
//! These functions may wait for the person.

use std::sync::Arc;

use keyring_core::api::CredentialStore;
use thiserror::Error;

/// The name of the app in the keyring.
const SERVICE: &str = "mensageiro";

/// Why the key of the device cannot be had.
#[derive(Debug, Error)]
pub enum KeyProblem {
    /// The keyring does not give it: it is locked, or the person said no.
    #[error("{0}")]
    Keyring(String),
    /// The keyring has not answered in time.
    #[error("the keyring does not answer")]
    Silent,
    /// What is stored is no key.
    #[error("the stored key is damaged")]
    Damaged,
    /// No key can be made.
    #[error("no key can be made: {0}")]
    NotMade(String),
}

/// Stores a secret under a name.
pub(super) fn set(name: &str, label: &str, secret: &[u8]) -> Result<(), KeyProblem> {
    let store = store()?;
    // Only some systems show one.
    let labelled = [("label", label)].into_iter().collect();
    let with_label = store.build(SERVICE, name, Some(&labelled));
    let entry = with_label.or_else(|_| store.build(SERVICE, name, None))?;
    Ok(entry.set_secret(secret)?)
}

/// The secret of a name; `None`: the keyring has none.
pub(super) fn get(name: &str) -> Result<Option<Vec<u8>>, KeyProblem> {
    let entry = store()?.build(SERVICE, name, None)?;
    match entry.get_secret() {
        Ok(secret) => Ok(Some(secret)),
        Err(keyring_core::Error::NoEntry) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Removes the secret of a name, if the keyring has it.
pub(super) fn remove(name: &str) -> Result<(), KeyProblem> {
    match store()?.build(SERVICE, name, None)?.delete_credential() {
        Err(keyring_core::Error::NoEntry) => Ok(()),
        removed => Ok(removed?),
    }
}

impl From<keyring_core::Error> for KeyProblem {
    fn from(error: keyring_core::Error) -> Self {
        // Its text has no secret; that of some other errors may.
        Self::Keyring(match error {
            keyring_core::Error::BadEncoding(_) | keyring_core::Error::BadDataFormat(..) => {
                "it has something else".into()
            }
            error => error.to_string(),
        })
    }
}

#[cfg(all(unix, not(target_vendor = "apple")))]
fn store() -> Result<Arc<CredentialStore>, KeyProblem> {
    Ok(zbus_secret_service_keyring_store::Store::new()?)
}

#[cfg(windows)]
fn store() -> Result<Arc<CredentialStore>, KeyProblem> {
    Ok(windows_native_keyring_store::Store::new()?)
}

#[cfg(target_os = "macos")]
fn store() -> Result<Arc<CredentialStore>, KeyProblem> {
    Ok(apple_native_keyring_store::keychain::Store::new()?)
}
