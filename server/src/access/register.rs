//! Who may log in to a server, as its file says: pure, without disk and clock.

use std::collections::BTreeMap;

use mensageiro_protocol::{
    Login, Name,
    trust::{DeviceId, PublicKey, SecretHash},
};
use serde::{Deserialize, Serialize};

use super::change::{Change, Unchanged};

/// The most devices of a login, and the most program keys.
pub const MOST_DEVICES: usize = 64;

/// The most invitations of a login that are open at a time. A further one takes the place of the oldest.
const MOST_INVITATIONS: usize = 8;

/// All that is known of devices, program keys and invitations. Times are milliseconds since 1970 UTC.
///
/// A field that is not known is an error, and so is a file that does not say whether the server is closed: damage must not open
/// it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// A login needs a device or a program key (rule A1).
    pub closed: bool,
    /// Everybody who has or had something.
    pub(super) users: BTreeMap<Login, User>,
}

/// What one login has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct User {
    /// In the order in which they were registered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    devices: Vec<Device>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    program_keys: Vec<ProgramKey>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    invitations: Vec<Invitation>,
    /// Since when the login is not in users.csv. What was registered before may be somebody else's when it comes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    gone: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Device {
    key: PublicKey,
    #[serde(default, skip_serializing_if = "Name::is_empty")]
    name: Name,
    added: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProgramKey {
    hash: SecretHash,
    #[serde(default, skip_serializing_if = "Name::is_empty")]
    name: Name,
    added: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<i64>,
}

/// A code that has not been used yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Invitation {
    hash: SecretHash,
    added: i64,
    until: i64,
}

/// A device or a program key, for lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Its id.
    pub id: DeviceId,
    /// What its owner calls it.
    pub name: Name,
    /// It is a program key.
    pub is_program: bool,
    /// When it was registered.
    pub added: i64,
    /// When it was last used.
    pub seen: Option<i64>,
}

impl Register {
    /// The id of a device, if it is registered for the login.
    pub fn device(&self, login: &Login, key: &PublicKey) -> Option<DeviceId> {
        let user = self.users.get(login)?;
        let device = user.devices.iter().find(|device| device.key == *key)?;
        Some(device.key.id())
    }

    /// The id of a program key, if it is one of the login's. How long that takes says nothing about which part of a key is
    /// right, nor whether there is such a login.
    pub fn program_key(&self, login: &Login, hash: &SecretHash) -> Option<DeviceId> {
        let keys = self.users.get(login).map(|user| user.program_keys.iter());
        let right = keys.into_iter().flatten().filter(|key| key.hash == *hash);
        right.fold(None, |_, key| Some(DeviceId::from(&key.hash)))
    }

    /// Whether a code is valid for a login.
    pub fn is_invited(&self, login: &Login, code: &SecretHash, now: i64) -> bool {
        let invitations = self.users.get(login).map(|user| user.invitations.iter());
        let open = invitations.into_iter().flatten();
        open.filter(|one| one.hash == *code && now < one.until)
            .count()
            > 0
    }

    /// Whether a device or a program key of a login is registered.
    pub fn has(&self, login: &Login, id: &DeviceId) -> bool {
        let user = self.users.get(login);
        user.is_some_and(|user| user.ids().any(|one| one == *id))
    }

    /// Whether everything that is registered here is registered in another register too.
    pub fn is_part_of(&self, other: &Self) -> bool {
        let mut users = self.users.iter();
        users.all(|(login, user)| user.ids().all(|id| other.has(login, &id)))
    }

    /// The devices and program keys of a login, the oldest first.
    pub fn of(&self, login: &Login) -> Vec<Registered> {
        let mut all = self
            .users
            .get(login)
            .map(User::registered)
            .unwrap_or_default();
        all.sort_by_key(|one| one.added);
        all
    }

    /// What an edit of users.csv means for those who have something here. `keeps`: whether a login that is in it belongs to the
    /// same person as before; `None`: it is not in it.
    pub fn edits(&self, keeps: impl Fn(&Login) -> Option<bool>, now: i64) -> Vec<Change> {
        let (mut gone, mut back) = (Vec::new(), Vec::new());
        for (login, user) in &self.users {
            match (keeps(login), user.gone) {
                (None, None) => gone.push(login.clone()),
                (Some(keeps), Some(_)) => back.push((login.clone(), keeps)),
                _ => {}
            }
        }
        let gone = (!gone.is_empty()).then_some(Change::Gone { logins: gone, now });
        let back = (!back.is_empty()).then_some(Change::Back { logins: back });
        gone.into_iter().chain(back).collect()
    }

    /// Everybody who has something.
    pub fn logins(&self) -> impl Iterator<Item = &Login> {
        self.users.keys()
    }

    /// How many devices and how many program keys there are.
    pub fn counts(&self) -> (usize, usize) {
        let users = self.users.values();
        users.fold((0, 0), |(devices, keys), user| {
            (devices + user.devices.len(), keys + user.program_keys.len())
        })
    }

    /// Makes a change. Returns whether it changes anything.
    ///
    /// # Errors
    /// [`Unchanged`] if it must not be made.
    pub fn apply(&mut self, change: &Change) -> Result<bool, Unchanged> {
        let before = self.clone();
        self.change(change)?;
        self.users.retain(|_, user| !user.is_empty());
        Ok(*self != before)
    }

    fn change(&mut self, change: &Change) -> Result<(), Unchanged> {
        match change {
            Change::Close(is_closed) => self.closed = *is_closed,
            Change::Invite {
                login,
                hash,
                times: (added, until),
            } => {
                let user = self.user(login);
                user.invitations.retain(|one| *added < one.until);
                if user.invitations.len() >= MOST_INVITATIONS {
                    user.invitations.remove(0);
                }
                user.invitations.push(Invitation {
                    hash: *hash,
                    added: *added,
                    until: *until,
                });
            }
            Change::Join {
                login,
                code,
                key,
                name,
                now,
            } => {
                // It may not have heard the answer.
                if self.device(login, key).is_some() {
                    return Ok(());
                }
                if !self.is_invited(login, code, *now) {
                    return Err(Unchanged::BadCode);
                }
                let user = self.user(login);
                if user.devices.len() >= MOST_DEVICES {
                    return Err(Unchanged::TooMany);
                }
                user.invitations.retain(|one| one.hash != *code);
                user.devices.push(Device {
                    key: *key,
                    name: name.clone(),
                    added: *now,
                    seen: None,
                });
            }
            Change::AddKey {
                login,
                hash,
                name,
                now,
            } => {
                let user = self.user(login);
                if user.program_keys.len() >= MOST_DEVICES {
                    return Err(Unchanged::TooMany);
                }
                user.program_keys.push(ProgramKey {
                    hash: *hash,
                    name: name.clone(),
                    added: *now,
                    seen: None,
                });
            }
            Change::Revoke { login, id } => {
                if !self.has(login, id) {
                    return Err(Unchanged::NoDevice);
                }
                let user = self.user(login);
                user.devices.retain(|one| one.key.id() != *id);
                user.program_keys
                    .retain(|one| DeviceId::from(&one.hash) != *id);
            }
            Change::Gone { logins, now } => {
                for login in logins {
                    if let Some(user) = self.users.get_mut(login) {
                        user.gone.get_or_insert(*now);
                    }
                }
            }
            Change::Back { logins } => {
                for (login, keeps) in logins {
                    if let Some(user) = self.users.get_mut(login) {
                        user.come_back(*keeps);
                    }
                }
            }
            Change::Seen(all) => {
                for (login, id, at) in all {
                    if let Some(user) = self.users.get_mut(login) {
                        user.note_use(id, *at);
                    }
                }
            }
        }
        Ok(())
    }

    fn user(&mut self, login: &Login) -> &mut User {
        self.users.entry(login.clone()).or_default()
    }
}

impl User {
    fn is_empty(&self) -> bool {
        self.devices.is_empty() && self.program_keys.is_empty() && self.invitations.is_empty()
    }

    fn ids(&self) -> impl Iterator<Item = DeviceId> {
        let devices = self.devices.iter().map(|device| device.key.id());
        let keys = self.program_keys.iter();
        devices.chain(keys.map(|key| DeviceId::from(&key.hash)))
    }

    fn registered(&self) -> Vec<Registered> {
        let devices = self.devices.iter().map(|device| Registered {
            id: device.key.id(),
            name: device.name.clone(),
            is_program: false,
            added: device.added,
            seen: device.seen,
        });
        let keys = self.program_keys.iter().map(|key| Registered {
            id: DeviceId::from(&key.hash),
            name: key.name.clone(),
            is_program: true,
            added: key.added,
            seen: key.seen,
        });
        devices.chain(keys).collect()
    }

    /// What was registered after the login had gone is the new holder's. Nothing was there if nobody noted that it had gone.
    fn come_back(&mut self, keeps: bool) {
        if keeps {
            self.gone = None;
            return;
        }
        let is_new = |added: i64| self.gone.is_none_or(|gone| added > gone);
        self.devices.retain(|one| is_new(one.added));
        self.program_keys.retain(|one| is_new(one.added));
        self.invitations.retain(|one| is_new(one.added));
        self.gone = None;
    }

    fn note_use(&mut self, id: &DeviceId, at: i64) {
        let devices = self.devices.iter_mut();
        let devices = devices.map(|one| (one.key.id(), &mut one.seen));
        let keys = self.program_keys.iter_mut();
        let keys = keys.map(|one| (DeviceId::from(&one.hash), &mut one.seen));
        for (_, seen) in devices.chain(keys).filter(|(one, _)| one == id) {
            *seen = (*seen).max(Some(at));
        }
    }
}
