use mensageiro_protocol::{Login, LoginError, limits::PORT};
use thiserror::Error;

use super::{Preferences, RememberedAccount};
use crate::engine::{Account, AddressError, LinkProblem, ServerAddress};

/// The state of the sign-in screen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoginForm {
    /// The user field.
    pub user: String,
    /// The server field.
    pub server: String,
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

    /// Sets the user field and clears its problem.
    pub fn edit_user(&mut self, user: String) {
        self.user = user;
        self.user_problem = None;
    }

    /// Sets the server field and clears its problem.
    pub fn edit_server(&mut self, server: String) {
        self.server = server;
        self.server_problem = None;
    }

    /// Puts an account into the fields.
    pub fn fill(&mut self, account: &Account) {
        self.edit_user(account.login.as_str().to_owned());
        self.edit_server(account.server.clone());
    }

    /// Notes why signing in has failed; the problem is shown below its field.
    pub fn fail(&mut self, problem: LoginProblem) {
        match problem {
            LoginProblem::Login(_) | LoginProblem::Refused { .. } => {
                self.user_problem = Some(problem);
            }
            LoginProblem::Server(_) | LoginProblem::Link { .. } => {
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
        let server = server.map(|address| address.to_string());
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

/// The server field at the first start.
fn default_server() -> String {
    format!("localhost:{PORT}")
}

#[cfg(test)]
mod tests {
    use super::*;

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
