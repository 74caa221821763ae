//! Answers requests about devices, program keys and invitations (rules A6 to A9).

use std::time::Duration;

use mensageiro_protocol::{
    Login,
    live::{
        Device, Devices, DevicesRequest, Event, InviteRequest, Invited, KeyRequest, NewKey,
        RefusalCode, Refused, Revoke, Tag, VALID_LEAST, VALID_MOST, VALID_USUAL,
    },
};
use tracing::{info, warn};

use crate::{
    access::{RegisterError, Registered, Unchanged},
    clients::Known,
    context::Context,
    directory::People,
};

/// Who asks.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) login: &'a Login,
    /// How the session was recognised by more than the login.
    pub(super) known: Option<Known>,
}

impl Asker<'_> {
    /// Whether TLS has proved that it is a device of the user: others may only claim to be the user, or know a program key,
    /// which must not make further ones.
    fn is_device(&self) -> bool {
        self.known.is_some_and(|known| known.is_device)
    }

    /// Whether this session may do what administrators may.
    pub(super) fn is_administrator(&self, people: &People) -> bool {
        self.is_device() && people.is_admin(self.login)
    }
}

/// A question and who asks it.
pub(super) struct Asked<'a> {
    pub(super) context: &'a Context,
    pub(super) people: &'a People,
    pub(super) asker: Asker<'a>,
}

impl Asked<'_> {
    pub(super) fn devices(&self, DevicesRequest { tag, login }: DevicesRequest) -> Event {
        match self.whose(login) {
            Ok(login) => self.list(tag, login),
            Err(why) => refused(tag, why),
        }
    }

    pub(super) fn revoke(&self, Revoke { tag, id, login }: Revoke) -> Event {
        let revoked = self.whose(login).and_then(|login| {
            self.context.access.revoke(&login, id)?;
            Ok(login)
        });
        match revoked {
            Ok(login) => {
                info!("{} has revoked {id} of {login}", self.asker.login);
                self.list(tag, login)
            }
            Err(why) => refused(tag, why),
        }
    }

    pub(super) fn invite(&self, InviteRequest { tag, login, valid }: InviteRequest) -> Event {
        let valid = valid.unwrap_or(VALID_USUAL).clamp(VALID_LEAST, VALID_MOST);
        let invited = self.whose(login).and_then(|login| {
            if !self.people.users.contains(&login) {
                return Err(Why::new(
                    RefusalCode::Unknown,
                    format!("there is no user {login}"),
                ));
            }
            let valid = Duration::from_secs(valid);
            let (code, until) = self.context.access.invite(&login, valid)?;
            Ok((login, code, until))
        });
        match invited {
            Ok((login, code, until)) => {
                info!("{} has invited a device of {login}", self.asker.login);
                Event::Invited(Invited {
                    tag,
                    login,
                    code,
                    until,
                })
            }
            Err(why) => refused(tag, why),
        }
    }

    pub(super) fn key(&self, KeyRequest { tag, name }: KeyRequest) -> Event {
        let added = self.whose(None).and_then(|login| {
            let (key, id) = self.context.access.add_key(&login, name)?;
            info!("{login} has a new program key {id}");
            Ok((key, id))
        });
        match added {
            Ok((key, id)) => Event::NewKey(NewKey { tag, key, id }),
            Err(why) => refused(tag, why),
        }
    }

    /// Whom a request is about.
    fn whose(&self, login: Option<Login>) -> Result<Login, Why> {
        let own = self.asker.login;
        match login.filter(|login| login != own) {
            _ if !self.asker.is_device() => Err(Why::new(
                RefusalCode::NotAllowed,
                "only a registered device may do that".into(),
            )),
            None => Ok(own.clone()),
            Some(other) if self.asker.is_administrator(self.people) => Ok(other),
            Some(_) => Err(Why::new(
                RefusalCode::NotAllowed,
                "only administrators may do that for others".into(),
            )),
        }
    }

    fn list(&self, tag: Option<Tag>, login: Login) -> Event {
        let is_own = login == *self.asker.login;
        let of_session = self.asker.known.filter(|_| is_own).map(|known| known.id);
        let devices = self.context.access.of(&login).into_iter();
        let devices = devices.map(|one| {
            let Registered {
                id,
                name,
                is_program,
                added,
                seen,
            } = one;
            Device {
                id,
                name,
                program: is_program,
                added,
                seen,
                you: of_session == Some(id),
            }
        });
        Event::Devices(Devices {
            tag,
            login,
            devices: devices.collect(),
        })
    }
}

/// Why something is refused.
struct Why {
    code: RefusalCode,
    detail: String,
}

impl Why {
    fn new(code: RefusalCode, detail: String) -> Self {
        Self { code, detail }
    }
}

impl From<RegisterError> for Why {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Unchanged(why @ Unchanged::TooMany) => {
                Self::new(RefusalCode::Quota, why.reason().into())
            }
            RegisterError::Unchanged(why) => Self::new(RefusalCode::Unknown, why.reason().into()),
            // Its files are the operator's.
            error => {
                warn!("who may log in cannot be changed: {error}");
                let detail = "the server could not store it; try again later";
                Self::new(RefusalCode::Internal, detail.into())
            }
        }
    }
}

fn refused(tag: Option<Tag>, Why { code, detail }: Why) -> Event {
    Event::Refused(Refused {
        tag,
        code,
        detail,
        retry_after: None,
    })
}
