//! Who may log in (PROTOCOL.md, rules A): registered devices, program keys and invitations, and what a closed server asks for.

mod change;
mod content;
mod file;
mod guesses;
mod issue;
mod keeper;
mod refusal;
mod register;

use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use mensageiro_protocol::{
    Login, Name,
    live::Join,
    trust::{DeviceId, Secret},
};
use parking_lot::{Mutex, RwLock};
use tracing::{info, warn};

use self::guesses::Guesses;
pub use self::{
    change::{Change, Unchanged},
    file::{FILE, RegisterError, RegisterFile},
    guesses::LONGEST_WAIT,
    issue::{invitation, program_key},
    keeper::Keeper,
    refusal::{JoinRefusal, Refusal},
    register::{Register, Registered},
};
pub(crate) use self::{content::EARLIER_FORMATS, file::copy_name};
use crate::{
    clients::{Known, Registry},
    directory::{Stamp, Users},
    net::{network::Network, peer::Peer},
};

/// What a server is told about access at its start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    /// Closed, open, or (`None`) as it was before.
    pub closed: Option<bool>,
    /// A closed server lets in plain text from everywhere, not only from this computer.
    pub allow_plain: bool,
}

/// See the module. It is shared by all sessions.
pub struct Access {
    file: RegisterFile,
    is_closed: bool,
    allow_plain: bool,
    current: RwLock<Arc<Register>>,
    /// What the file was before it was last read. Whoever changes the current register holds it.
    read: Mutex<Option<Stamp>>,
    guesses: Guesses,
    /// When devices and program keys were used that the file does not know of yet.
    used: Mutex<HashMap<(Login, DeviceId), i64>>,
    registry: Arc<Registry>,
    /// The last reported problem with the file, so that it is reported once.
    told: Mutex<Option<String>>,
}

impl Access {
    /// Reads who may log in, and stores it if the server is to be closed or opened.
    ///
    /// # Errors
    /// [`RegisterError`] says what is wrong with the file.
    pub fn open(
        folder: &Path,
        rules: Rules,
        registry: Arc<Registry>,
    ) -> Result<Arc<Self>, RegisterError> {
        let file = RegisterFile::new(folder);
        let register = file.begin(rules.closed)?;
        Ok(Arc::new(Self {
            file,
            is_closed: register.closed,
            allow_plain: rules.allow_plain,
            current: RwLock::new(Arc::new(register)),
            read: Mutex::new(None),
            guesses: Guesses::default(),
            used: Mutex::default(),
            registry,
            told: Mutex::default(),
        }))
    }

    /// Whether a name alone is not enough.
    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Whether nothing may be said on this connection, as others could read it (rule A4).
    pub fn needs_tls(&self, peer: &Peer) -> bool {
        let is_read = !peer.is_encrypted && !self.allow_plain && !is_here(peer.address.ip());
        self.is_closed && is_read
    }

    /// How many devices and how many program keys are registered.
    pub fn counts(&self) -> (usize, usize) {
        self.current().counts()
    }

    /// Says who somebody is who wants to log in: a device or a program key; `None`: somebody who knows a name, which is enough
    /// for an open server. `wait`: lets some time pass; `false`: nobody waits for the answer any more.
    ///
    /// # Errors
    /// [`Refusal`], which is the same whether there is such a user or not.
    pub fn identify(
        &self,
        peer: &Peer,
        login: &Login,
        key: Option<&Secret>,
        wait: impl FnOnce(Duration) -> bool,
    ) -> Result<Option<Known>, Refusal> {
        self.refresh();
        let device = peer.key.and_then(|key| self.current().device(login, &key));
        let known = |is_device| move |id| Known { id, is_device };
        if device.is_some() || !self.is_closed {
            return Ok(device.map(known(true)));
        }
        if self.needs_tls(peer) {
            return Err(Refusal::NeedsTls);
        }
        let hash = key.ok_or(Refusal::NeedsKey)?.hash();
        match self.current().program_key(login, &hash) {
            Some(id) => Ok(Some(id).map(known(false))),
            None => Err(self.wrong(peer, login, wait).unwrap_or(Refusal::NeedsKey)),
        }
    }

    /// Whether a device or program key may still log in, and notes that it does.
    pub fn use_now(&self, login: &Login, id: DeviceId) -> bool {
        let is_registered = self.current().has(login, &id);
        if is_registered {
            self.used.lock().insert((login.clone(), id), now());
        }
        is_registered
    }

    /// Registers a device (rule A5). `is_user`: there is such a user.
    ///
    /// # Errors
    /// [`JoinRefusal`] says why not.
    pub fn join(
        &self,
        peer: &Peer,
        join: &Join,
        is_user: bool,
        wait: impl FnOnce(Duration) -> bool,
    ) -> Result<DeviceId, JoinRefusal> {
        self.refresh();
        if !peer.is_encrypted {
            return Err(Refusal::NeedsTls.into());
        }
        let key = peer.key.ok_or(JoinRefusal::NoCertificate)?;
        let Join { login, code, name } = join;
        // It may not have heard the answer.
        if let Some(id) = self.current().device(login, &key) {
            return Ok(id);
        }
        let (code, name) = (code.hash(), name.clone());
        if !self.current().is_invited(login, &code, now()) || !is_user {
            let gone = self.wrong(peer, login, wait);
            return Err(gone.map_or(JoinRefusal::BadCode, JoinRefusal::Refused));
        }
        let change = Change::Join {
            login: login.clone(),
            code,
            key,
            name,
            now: now(),
        };
        match self.change(|_| vec![change]) {
            Ok(()) => {}
            Err(RegisterError::Unchanged(Unchanged::BadCode)) => return Err(JoinRefusal::BadCode),
            Err(RegisterError::Unchanged(_)) => return Err(JoinRefusal::TooMany),
            Err(error) => return Err(JoinRefusal::NotStored(error)),
        }
        Ok(key.id())
    }

    /// The devices and program keys of a user, the oldest first.
    pub fn of(&self, login: &Login) -> Vec<Registered> {
        let mut all = self.current().of(login);
        let used = self.used.lock();
        for one in &mut all {
            one.seen = one.seen.max(used.get(&(login.clone(), one.id)).copied());
        }
        all
    }

    /// Ends the right of a device or program key to log in, and its sessions.
    ///
    /// # Errors
    /// [`RegisterError`], when there is no such device or it cannot be stored.
    pub fn revoke(&self, login: &Login, id: DeviceId) -> Result<(), RegisterError> {
        let login = login.clone();
        self.change(|_| vec![Change::Revoke { login, id }])
    }

    /// A code with which one more device of a user may join, and until when.
    ///
    /// # Errors
    /// [`RegisterError`] when it cannot be stored.
    pub fn invite(&self, login: &Login, valid: Duration) -> Result<(Secret, i64), RegisterError> {
        let (code, change, until) = invitation(login, valid)?;
        self.change(|_| vec![change])?;
        Ok((code, until))
    }

    /// A new program key of a user, and its id.
    ///
    /// # Errors
    /// [`RegisterError`], when the user has too many or it cannot be stored.
    pub fn add_key(&self, login: &Login, name: Name) -> Result<(Secret, DeviceId), RegisterError> {
        let (key, change) = program_key(login, name)?;
        self.change(|_| vec![change])?;
        let id = DeviceId::from(&key.hash());
        Ok((key, id))
    }

    /// Follows an edit of users.csv, before it takes effect: what somebody has registered is not for the next one who has the
    /// login.
    ///
    /// # Errors
    /// [`RegisterError`] when that cannot be stored. Then the edit must not take effect.
    pub fn follow(&self, users: &Users) -> Result<(), RegisterError> {
        // A file without users is rather a broken one.
        if users.is_empty() {
            return Ok(());
        }
        let keeps = |login: &Login| users.contains(login).then(|| users.keeps(login));
        self.refresh();
        if self.current().edits(keeps, now()).is_empty() {
            return Ok(());
        }
        self.change(|register| register.edits(keeps, now()))
    }

    /// Reads the file again if somebody else has changed it.
    pub fn refresh(&self) {
        let mut read = self.read.lock();
        let stamp = Stamp::of(&self.file.path());
        if read.as_ref() == Some(&stamp) {
            return;
        }
        let is_missing = matches!(stamp, Stamp::Unknown(io::ErrorKind::NotFound));
        let register = match self.file.read() {
            Ok(_) if is_missing && **self.current.read() != Register::default() => {
                let file = self.file.path();
                Err(format!(
                    "{}: it was removed; who may log in stays as it was until the server starts again",
                    file.display()
                ))
            }
            read => read.map_err(|error| {
                format!("who may log in was edited, and stays as it was: {error}")
            }),
        };
        match register {
            Ok(register) => {
                *self.told.lock() = None;
                self.replace(register);
                *read = Some(stamp);
            }
            Err(problem) => {
                let mut told = self.told.lock();
                if told.as_ref() != Some(&problem) {
                    warn!("{problem}");
                    *told = Some(problem);
                }
            }
        }
    }

    /// Stores when devices and program keys were last used.
    fn store_uses(&self) {
        let used: Vec<_> = self.used.lock().drain().collect();
        if used.is_empty() {
            return;
        }
        let seen = used.into_iter().map(|((login, id), at)| (login, id, at));
        let seen = Change::Seen(seen.collect());
        if let Err(error) = self.change(|_| vec![seen]) {
            warn!("when devices were last used is not stored: {error}");
        }
    }

    fn current(&self) -> Arc<Register> {
        self.current.read().clone()
    }

    /// Counts a wrong attempt and waits as long as its answer must. Returns [`Refusal::Gone`] if nobody waits for that.
    fn wrong(
        &self,
        peer: &Peer,
        login: &Login,
        wait: impl FnOnce(Duration) -> bool,
    ) -> Option<Refusal> {
        let network = Network::of(peer.address.ip());
        let is_there = wait(self.guesses.wrong(network, login, Instant::now()));
        (!is_there).then_some(Refusal::Gone)
    }

    fn change(&self, changes: impl FnOnce(&Register) -> Vec<Change>) -> Result<(), RegisterError> {
        let mut read = self.read.lock();
        let register = self.file.change(changes)?;
        self.replace(register);
        // Somebody else may have changed it since.
        *read = None;
        Ok(())
    }

    /// Puts another register into effect, and hangs up on whoever is not in it any more.
    fn replace(&self, new: Register) {
        let new = Arc::new(new);
        let old = std::mem::replace(&mut *self.current.write(), new.clone());
        if !old.is_part_of(&new) {
            let is_revoked = |login: &Login, id: &DeviceId| !new.has(login, id);
            let count = self.registry.hang_up_on_devices(is_revoked);
            info!("a device or program key was revoked; its sessions: {count}");
        }
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access")
            .field("is_closed", &self.is_closed)
            .finish_non_exhaustive()
    }
}

/// Whether an address is this computer's own.
fn is_here(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

fn now() -> i64 {
    Timestamp::now().as_millisecond()
}
