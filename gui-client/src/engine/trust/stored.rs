//! What is kept of a server's key and of the device's own, for one account: a small file beside its database. It is a
//! file of its own, so that a damaged database does not take it along.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use mensageiro_protocol::trust::Fingerprint;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    Verified,
    decision::Pin,
    device_key::{DeviceKey, KeyPlace, StoredKey},
    keyring::KeyProblem,
};
use crate::{
    disk::DiskProblem,
    engine::{Account, LinkProblem},
    private, version,
};

/// The format of the file.
const FORMAT: u32 = 1;

/// The longest file that is read.
const LONGEST: u64 = 64 * 1024;

/// What an account knows of its server's key, and the key of this device. Every change is on the disk when its function
/// returns.
#[derive(Debug)]
pub struct Trust {
    path: PathBuf,
    kept: Mutex<Result<Kept, Unreadable>>,
    place: KeyPlace,
    /// The key of the device, once it was read. Locked while the keyring is asked.
    device_key: Mutex<Option<Arc<DeviceKey>>>,
    /// What a keyring shows beside the key.
    label: String,
}

/// What is known of a server before it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It has been seen with TLS. It is never talked to in plain text again.
    Tls(Pin),
    /// It was last seen without TLS, then.
    Plain(Timestamp),
    /// Nothing.
    Nothing,
}

/// Why nothing can be sent.
#[derive(Debug, Error)]
pub enum TrustError {
    /// The file cannot be read or written.
    #[error("{path} cannot be used: {why}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        why: DiskProblem,
    },
    /// A newer version of the app has written the file.
    #[error("{path} was written by a newer version")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Which version that was, if the file says so.
        version: Option<String>,
    },
    /// The key of the device cannot be had.
    #[error(transparent)]
    Key(#[from] KeyProblem),
}

impl From<TrustError> for LinkProblem {
    fn from(error: TrustError) -> Self {
        match error {
            TrustError::File { path, why } => Self::TrustFile { path, why },
            TrustError::Newer { path, version } => Self::TrustNewer { path, version },
            TrustError::Key(problem) => Self::DeviceKey(problem.to_string()),
        }
    }
}

/// Why the file cannot be read.
#[derive(Clone, Debug)]
enum Unreadable {
    Disk(DiskProblem),
    /// A newer version has written it, and says so: this one, unless it is not told.
    Newer(Option<String>),
}

impl Unreadable {
    fn at(self, path: &Path) -> TrustError {
        let path = path.to_owned();
        match self {
            Self::Disk(why) => TrustError::File { path, why },
            Self::Newer(version) => TrustError::Newer { path, version },
        }
    }
}

/// What says how to read the file. The first versions of format 1 wrote neither.
#[derive(Deserialize)]
struct Head {
    #[serde(default = "first")]
    format: u32,
    #[serde(default)]
    version: Option<String>,
}

fn first() -> u32 {
    1
}

/// The file.
#[derive(Serialize)]
struct Written<'a> {
    format: u32,
    /// The version of the app that wrote it.
    version: &'a str,
    #[serde(flatten)]
    kept: &'a Kept,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    server: Option<KeptPin>,
    /// When the server was last seen without TLS, in milliseconds since 1970.
    plain_at: Option<i64>,
    device: Option<StoredKey>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct KeptPin {
    fingerprint: String,
    verified: KeptVerified,
    #[serde(default)]
    is_certified: bool,
    /// In milliseconds since 1970.
    since: i64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum KeptVerified {
    Invite,
    System,
    Person,
    FirstContact,
}

impl Trust {
    /// Reads the file of an account. If it cannot be read, every function says so.
    pub fn open(path: PathBuf, account: &Account, place: KeyPlace) -> Self {
        let kept = read(&path);
        if let Err(why) = &kept {
            tracing::error!(path = %path.display(), ?why, "the keys cannot be read");
        }
        Self {
            path,
            kept: Mutex::new(kept),
            place,
            device_key: Mutex::default(),
            label: format!("MeuMensageiro: {} @ {}", account.login, account.server),
        }
    }

    /// Removes the key of the device from the keyring: the profile is about to be removed.
    ///
    /// # Errors
    /// The keyring refuses, or the file cannot be read.
    pub fn forget_key(path: &Path) -> Result<(), TrustError> {
        let kept = read(path).map_err(|why| why.at(path))?;
        if let Some(stored) = kept.device {
            DeviceKey::forget(&stored)?;
        }
        Ok(())
    }

    /// What is known of the server.
    ///
    /// # Errors
    /// [`TrustError::File`]
    pub fn known(&self) -> Result<Known, TrustError> {
        let kept = self.kept()?;
        if let Some(pin) = kept.server {
            return Ok(Known::Tls(pin.read().ok_or_else(|| self.damaged())?));
        }
        let plain = kept
            .plain_at
            .and_then(|at| Timestamp::from_millisecond(at).ok());
        Ok(plain.map_or(Known::Nothing, Known::Plain))
    }

    /// Remembers the key of the server: from now on, it must answer with TLS.
    ///
    /// # Errors
    /// [`TrustError::File`]
    pub fn keep(&self, pin: &Pin) -> Result<(), TrustError> {
        if matches!(self.known()?, Known::Tls(known) if known == *pin) {
            return Ok(());
        }
        self.change(|kept| {
            kept.server = Some(KeptPin::new(pin));
            kept.plain_at = None;
        })
    }

    /// The person has compared the fingerprint. `false`: the server has another one by now.
    ///
    /// # Errors
    /// [`TrustError::File`]
    pub fn confirm(&self, fingerprint: Fingerprint) -> Result<bool, TrustError> {
        match self.known()? {
            Known::Tls(pin) if pin.fingerprint == fingerprint => {
                let verified = Verified::Person;
                self.keep(&Pin { verified, ..pin })?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// The server has answered without TLS. Does nothing if it has ever been seen with TLS.
    ///
    /// # Errors
    /// [`TrustError::File`]
    pub fn note_plain(&self, at: Timestamp) -> Result<(), TrustError> {
        self.change(|kept| {
            if kept.server.is_none() {
                kept.plain_at = Some(at.as_millisecond());
            }
        })
    }

    /// The server asks for TLS: it is tried at the next connection.
    ///
    /// # Errors
    /// [`TrustError::File`]
    pub fn forget_plain(&self) -> Result<(), TrustError> {
        self.change(|kept| kept.plain_at = None)
    }

    /// The key of this device; `None`: it has never joined, or its key is lost. May wait for the person to unlock the
    /// keyring, 2 minutes at most.
    ///
    /// # Errors
    /// The keyring or the file does not give it.
    pub fn device_key(&self) -> Result<Option<Arc<DeviceKey>>, TrustError> {
        self.read_key(&mut self.device_key.lock())
    }

    /// The key of this device, which is made if there is none. Waits like [`Trust::device_key`].
    ///
    /// # Errors
    /// It cannot be read, made or stored.
    pub fn make_device_key(&self) -> Result<Arc<DeviceKey>, TrustError> {
        let mut known = self.device_key.lock();
        if let Some(key) = self.read_key(&mut known)? {
            return Ok(key);
        }
        let key = Arc::new(DeviceKey::generate()?);
        let stored = key.store(self.place, &self.label);
        self.change(|kept| kept.device = Some(stored))?;
        *known = Some(Arc::clone(&key));
        Ok(key)
    }

    fn read_key(
        &self,
        known: &mut Option<Arc<DeviceKey>>,
    ) -> Result<Option<Arc<DeviceKey>>, TrustError> {
        if known.is_none()
            && let Some(stored) = self.kept()?.device
        {
            *known = DeviceKey::load(&stored)?.map(Arc::new);
        }
        Ok(known.clone())
    }

    fn kept(&self) -> Result<Kept, TrustError> {
        let kept = self.kept.lock().clone();
        kept.map_err(|why| why.at(&self.path))
    }

    fn change(&self, change: impl FnOnce(&mut Kept)) -> Result<(), TrustError> {
        let mut kept = self.kept.lock();
        let mut changed = kept.clone().map_err(|why| why.at(&self.path))?;
        change(&mut changed);
        let written = Written {
            format: FORMAT,
            version: version::THIS,
            kept: &changed,
        };
        // What is made of plain values has a JSON form.
        let bytes = serde_json::to_vec(&written).map_err(|error| self.error(other(&error)))?;
        private::replace_durably(&self.path, &bytes)
            .map_err(|error| self.error(DiskProblem::from(&error)))?;
        *kept = Ok(changed);
        Ok(())
    }

    fn damaged(&self) -> TrustError {
        self.error(damage())
    }

    fn error(&self, why: DiskProblem) -> TrustError {
        let path = self.path.clone();
        TrustError::File { path, why }
    }
}

fn read(path: &Path) -> Result<Kept, Unreadable> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(LONGEST).read_to_end(&mut bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Kept::default()),
        Err(error) => Err(error),
    }
    .map_err(|error| Unreadable::Disk(DiskProblem::from(&error)))?;
    // What serde says could repeat a part of the key.
    let damaged = |_| Unreadable::Disk(damage());
    let Head { format, version } = serde_json::from_slice(&bytes).map_err(damaged)?;
    if format > FORMAT {
        let version = version.as_deref().and_then(version::named);
        return Err(Unreadable::Newer(version));
    }
    serde_json::from_slice(&bytes).map_err(damaged)
}

fn damage() -> DiskProblem {
    DiskProblem::Other("it is damaged".to_owned())
}

fn other(error: &serde_json::Error) -> DiskProblem {
    DiskProblem::Other(error.to_string())
}

impl KeptPin {
    fn new(pin: &Pin) -> Self {
        Self {
            fingerprint: pin.fingerprint.plain(),
            verified: match pin.verified {
                Verified::Invite => KeptVerified::Invite,
                Verified::System => KeptVerified::System,
                Verified::Person => KeptVerified::Person,
                Verified::FirstContact => KeptVerified::FirstContact,
            },
            is_certified: pin.is_certified,
            since: pin.since.as_millisecond(),
        }
    }

    fn read(&self) -> Option<Pin> {
        Some(Pin {
            fingerprint: Fingerprint::parse(&self.fingerprint).ok()?,
            verified: match self.verified {
                KeptVerified::Invite => Verified::Invite,
                KeptVerified::System => Verified::System,
                KeptVerified::Person => Verified::Person,
                KeptVerified::FirstContact => Verified::FirstContact,
            },
            is_certified: self.is_certified,
            since: Timestamp::from_millisecond(self.since).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use mensageiro_protocol::Login;

    use super::*;

    fn account() -> Account {
        Account {
            server: "chat.example.org:3333".into(),
            login: Login::parse("ana").unwrap(),
        }
    }

    fn open(folder: &Path) -> Trust {
        Trust::open(folder.join("ana.trust"), &account(), KeyPlace::File)
    }

    fn pin(number: u8) -> Pin {
        Pin {
            fingerprint: Fingerprint::from_bytes([number; 32]),
            verified: Verified::FirstContact,
            is_certified: false,
            since: Timestamp::from_millisecond(1_234_567).unwrap(),
        }
    }

    #[test]
    fn what_was_seen_with_tls_stays_so() {
        let folder = tempfile::tempdir().unwrap();
        let trust = open(folder.path());
        assert_eq!(trust.known().unwrap(), Known::Nothing);
        let then = Timestamp::from_second(9).unwrap();
        trust.note_plain(then).unwrap();
        assert_eq!(open(folder.path()).known().unwrap(), Known::Plain(then));
        trust.keep(&pin(7)).unwrap();
        trust.note_plain(then).unwrap();
        trust.forget_plain().unwrap();
        assert_eq!(open(folder.path()).known().unwrap(), Known::Tls(pin(7)));
    }

    #[test]
    fn the_person_confirms_the_key_that_was_shown_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let trust = open(folder.path());
        trust.keep(&pin(7)).unwrap();
        assert!(!trust.confirm(pin(8).fingerprint).unwrap());
        assert!(trust.confirm(pin(7).fingerprint).unwrap());
        let verified = Verified::Person;
        let expected = Known::Tls(Pin { verified, ..pin(7) });
        assert_eq!(open(folder.path()).known().unwrap(), expected);
    }

    #[test]
    fn the_key_of_the_device_is_made_once_and_is_nowhere_to_be_seen() {
        let folder = tempfile::tempdir().unwrap();
        let trust = open(folder.path());
        assert!(trust.device_key().unwrap().is_none());
        let made = trust.make_device_key().unwrap();
        let again = open(folder.path()).make_device_key().unwrap();
        assert_eq!(made.private(), again.private());
        let secret = std::fs::read_to_string(&trust.path).unwrap();
        let secret = secret.split("pkcs8\":\"").nth(1).unwrap();
        let secret = secret.split('"').next().unwrap();
        let shown = format!("{trust:?} {made:?}");
        assert!(!shown.contains(secret), "{shown}");
        assert!(!shown.contains(&secret[..16]), "{shown}");
    }

    #[test]
    fn two_accounts_have_two_keys() {
        let folder = tempfile::tempdir().unwrap();
        let other = Account {
            login: Login::parse("bob").unwrap(),
            ..account()
        };
        let ana = open(folder.path()).make_device_key().unwrap();
        let bob = Trust::open(folder.path().join("bob.trust"), &other, KeyPlace::File);
        assert_ne!(ana.private(), bob.make_device_key().unwrap().private());
    }

    #[test]
    fn a_damaged_file_is_not_taken_for_a_missing_one() {
        let folder = tempfile::tempdir().unwrap();
        let trust = open(folder.path());
        trust.keep(&pin(7)).unwrap();
        for damaged in ["", "{", "{\"server\":{}}", "[1,2]"] {
            std::fs::write(&trust.path, damaged).unwrap();
            let trust = open(folder.path());
            assert!(trust.known().is_err(), "{damaged}");
            assert!(trust.keep(&pin(7)).is_err(), "{damaged}");
            assert!(trust.make_device_key().is_err(), "{damaged}");
        }
    }

    #[test]
    fn the_keys_of_the_kept_profile_are_read() {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/profile/accounts");
        let name = "ana-at-localhost_3977-8166e620b652b57e.trust";
        match Trust::open(kept.join(name), &account(), KeyPlace::File).known() {
            Ok(Known::Tls(pin)) => {
                assert_eq!(pin.verified, Verified::FirstContact);
                assert!(pin.fingerprint.plain().starts_with("TCRXJPDP"));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_file_from_before_the_format_was_written_is_read_and_one_of_a_newer_version_is_left_alone()
    {
        let folder = tempfile::tempdir().unwrap();
        let path = open(folder.path()).path;
        let old = r#"{"server":null,"plain_at":9000,"device":null}"#;
        std::fs::write(&path, old).unwrap();
        let trust = open(folder.path());
        let then = Timestamp::from_second(9).unwrap();
        assert_eq!(trust.known().unwrap(), Known::Plain(then));
        trust.forget_plain().unwrap();
        let new = std::fs::read_to_string(&path).unwrap();
        assert!(
            new.contains(r#""format":1"#) && new.contains(version::THIS),
            "{new}"
        );
        let newer = r#"{"format":2,"version":"7.8.9","servers":[]}"#;
        std::fs::write(&path, newer).unwrap();
        let trust = open(folder.path());
        assert!(trust.keep(&pin(7)).is_err());
        match trust.known() {
            Err(TrustError::Newer { version, .. }) => assert_eq!(version.as_deref(), Some("7.8.9")),
            other => panic!("{other:?}"),
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), newer);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_open_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let trust = open(folder.path());
        trust.make_device_key().unwrap();
        let mode = std::fs::metadata(&trust.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
