use mensageiro_protocol::{Login, LoginError, limits::PORT, trust::InviteLink};
use thiserror::Error;

use super::{Preferences, RememberedAccount};
use crate::engine::{Account, AddressError, Distrust, LinkProblem, ServerAddress};

/// The state of the sign-in screen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoginForm {
    /// The user field.
    pub user: String,
    /// The server field.
    pub server: String,
    /// The invite that was pasted. The fields hold its login and its server.
    pub invite: Option<InviteLink>,
    /// Whether the next start signs in by itself.
    pub stay_signed_in: bool,
    /// The problem of the user field, since the last try.
    pub user_problem: Option<LoginProblem>,
    /// The problem of the server field, since the last try.
    pub server_problem: Option<LoginProblem>,
    /// How often signing in has failed: each time, the focus moves to the field to correct.
    pub failures: u32,
}

/// Why the sign-in screen does not accept its fields.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LoginProblem {
    /// The user name cannot be a login.
    #[error("{0}")]
    Login(LoginError),
    /// The server field is no address.
    #[error("{0}")]
    Server(AddressError),
    /// An invite link of which a part is missing.
    #[error("this invite link is not complete")]
    Invite,
    /// The server does not let this device in.
    #[error("{server} does not let this device in: {distrust:?}")]
    Distrust {
        /// Why.
        distrust: Distrust,
        /// Which server.
        server: String,
    },
    /// Connecting to that server failed.
    #[error("there is no connection: {problem:?}")]
    Link {
        /// Why.
        problem: LinkProblem,
        /// Which server.
        server: String,
    },
    /// The server refused this login.
    #[error("{server} does not know {login}", server = account.server, login = account.login)]
    Refused {
        /// The account.
        account: Account,
        /// What the server said.
        said: Option<String>,
    },
}

impl LoginForm {
    /// The form as the last sign-in left it.
    pub fn new(preferences: &Preferences) -> Self {
        let last = preferences.remembered.first();
        Self {
            user: String::new(),
            server: last.map_or_else(default_server, |account| account.server.clone()),
            stay_signed_in: preferences.stay_signed_in,
            ..Self::default()
        }
    }

    /// Sets the user field and clears its problem. An invite link fills both fields.
    pub fn edit_user(&mut self, user: String) {
        self.invite = None;
        self.user_problem = None;
        match read_invite(&user) {
            Some(Ok(invite)) => self.fill_invite(invite),
            Some(Err(problem)) => (self.user, self.user_problem) = (user, Some(problem)),
            None => self.user = user,
        }
    }

    /// Sets the server field and clears its problem. An invite link fills both fields.
    pub fn edit_server(&mut self, server: String) {
        self.invite = None;
        self.server_problem = None;
        match read_invite(&server) {
            Some(Ok(invite)) => self.fill_invite(invite),
            Some(Err(problem)) => (self.server, self.server_problem) = (server, Some(problem)),
            None => self.server = server,
        }
    }

    /// Puts an account into the fields.
    pub fn fill(&mut self, account: &Account) {
        self.edit_user(account.login.as_str().to_owned());
        self.edit_server(account.server.clone());
    }

    fn fill_invite(&mut self, invite: InviteLink) {
        self.fill(&account_of(&invite));
        self.invite = Some(invite);
    }

    /// The invite for this account, if one was pasted. It is used once.
    pub(super) fn take_invite(&mut self, account: &Account) -> Option<InviteLink> {
        let invite = self.invite.take();
        invite.filter(|invite| account_of(invite) == *account)
    }

    /// Notes why signing in has failed; the problem is shown below its field.
    pub fn fail(&mut self, problem: LoginProblem) {
        match problem {
            LoginProblem::Login(_) | LoginProblem::Invite | LoginProblem::Refused { .. } => {
                self.user_problem = Some(problem);
            }
            LoginProblem::Server(_) | LoginProblem::Link { .. } | LoginProblem::Distrust { .. } => {
                self.server_problem = Some(problem);
            }
        }
        self.failures += 1;
    }

    /// The [`super::account_key`] of what the fields hold.
    pub fn key(&self) -> String {
        let (login, server) = (self.user.trim().to_owned(), self.server.clone());
        RememberedAccount { login, server }.key()
    }

    /// Reads both fields.
    ///
    /// # Errors
    /// The problems stay in the form, for the screen to show; the first is returned.
    pub fn read(&mut self) -> Result<Account, LoginProblem> {
        let user = self.user.trim();
        // People write logins as messages show them; the @ is not part of one.
        let login = Login::parse(user.strip_prefix('@').unwrap_or(user));
        let login = login.map_err(LoginProblem::Login);
        let server = ServerAddress::parse(&self.server);
        let server = server.and_then(|address| match address.is_everywhere() {
            true => Err(AddressError::Everywhere),
            false => Ok(address.to_string()),
        });
        let server = server.map_err(LoginProblem::Server);
        self.user_problem = login.as_ref().err().cloned();
        self.server_problem = server.as_ref().err().cloned();
        if self.user_problem.is_some() || self.server_problem.is_some() {
            self.failures += 1;
        }
        Ok(Account {
            login: login?,
            server: server?,
        })
    }
}

/// The invite in what was typed or pasted; `None`: it is no invite.
fn read_invite(typed: &str) -> Option<Result<InviteLink, LoginProblem>> {
    // An address may have the scheme too; a key or a code makes it an invite.
    let is_invite = InviteLink::looks_like_one(typed) && typed.contains(['?', '#']);
    is_invite.then(|| InviteLink::parse(typed).map_err(|_| LoginProblem::Invite))
}

fn account_of(invite: &InviteLink) -> Account {
    let address = invite.address();
    Account {
        login: invite.login.clone(),
        // As the field would be read.
        server: ServerAddress::parse(&address).map_or(address, |known| known.to_string()),
    }
}

/// The server field at the first start.
fn default_server() -> String {
    format!("localhost:{PORT}")
}

#[cfg(test)]
mod tests {
    use mensageiro_protocol::trust::{Fingerprint, Secret};

    use super::*;

    #[test]
    fn an_invite_fills_both_fields_and_is_for_nobody_else() {
        let invite = InviteLink {
            host: "school.example".into(),
            port: 4000,
            login: Login::parse("ana").unwrap(),
            key: Fingerprint::of(b"key"),
            code: Secret::new([7; 16]),
        };
        let link = invite.written();
        let mut form = LoginForm::default();
        form.edit_server(format!(" {}\n", link.as_str()));
        assert_eq!((&*form.user, &*form.server), ("ana", "school.example:4000"));
        let account = form.read().unwrap();
        let other = Account {
            server: "other.example:3333".into(),
            ..account.clone()
        };
        assert_eq!(form.clone().take_invite(&other), None);
        assert_eq!(form.take_invite(&account), Some(invite));
        assert_eq!(form.take_invite(&account), None);
        // Somebody else's name does not go with it.
        form.edit_user(link.to_string());
        form.edit_user("bruno".into());
        assert_eq!(form.invite, None);
        form.edit_user(link[..link.len() - 3].to_owned());
        assert_eq!(form.user_problem, Some(LoginProblem::Invite));
        assert!(!format!("{:?}", form.user_problem).contains("school"));
    }

    #[test]
    fn both_fields_are_checked_at_once() {
        let mut form = LoginForm {
            user: "ana maria".into(),
            ..LoginForm::default()
        };
        assert!(form.read().is_err());
        assert_eq!(
            form.user_problem,
            Some(LoginProblem::Login(LoginError::BadCharacter(' ')))
        );
        assert_eq!(
            form.server_problem,
            Some(LoginProblem::Server(AddressError::NoHost))
        );
        form.edit_user("@ana".into());
        form.edit_server("localhost".into());
        assert_eq!(form.read().unwrap().login.as_str(), "ana");
    }
}
