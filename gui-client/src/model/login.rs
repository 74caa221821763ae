use mensageiro_protocol::{Login, LoginError, limits::PORT};
use thiserror::Error;

use super::Preferences;
use crate::engine::{Account, AddressError, ServerAddress};

/// What the sign-in screen holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoginForm {
    /// The user field.
    pub user: String,
    /// The server field.
    pub server: String,
    /// Whether the next start signs in by itself.
    pub stay_signed_in: bool,
    /// What is wrong with the user field, since the last try.
    pub user_problem: Option<LoginProblem>,
    /// What is wrong with the server field, since the last try.
    pub server_problem: Option<LoginProblem>,
}

/// Why a field of the sign-in screen is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LoginProblem {
    /// The user name cannot be a login.
    #[error("{0}")]
    Login(LoginError),
    /// No server is named.
    #[error("no server is named")]
    NoServer,
    /// It is not `host`, `host:port`, an IPv6 address or `[address]:port`.
    #[error("the server is not host:port")]
    BadServer,
    /// The port is not a number from 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    BadPort,
}

impl LoginForm {
    /// The form as the last sign-in left it.
    pub fn new(preferences: &Preferences) -> Self {
        let last = preferences.remembered.first();
        Self {
            user: String::new(),
            server: last.map_or_else(default_server, |account| account.server.clone()),
            stay_signed_in: preferences.stay_signed_in,
            user_problem: None,
            server_problem: None,
        }
    }

    /// Takes what is typed as the user; a problem shown before is gone.
    pub fn edit_user(&mut self, user: String) {
        self.user = user;
        self.user_problem = None;
    }

    /// Takes what is typed as the server; a problem shown before is gone.
    pub fn edit_server(&mut self, server: String) {
        self.server = server;
        self.server_problem = None;
    }

    /// Puts an account into the fields.
    pub fn fill(&mut self, account: &Account) {
        self.edit_user(account.login.as_str().to_owned());
        self.edit_server(account.server.clone());
    }

    /// Reads both fields.
    ///
    /// # Errors
    /// The problems stay in the form, for the screen to show; the first is returned.
    pub fn read(&mut self) -> Result<Account, LoginProblem> {
        let user = self.user.trim();
        // People write their name the way messages name it; the @ is not part of it.
        let login = Login::parse(user.strip_prefix('@').unwrap_or(user));
        let login = login.map_err(LoginProblem::Login);
        let server = read_server(&self.server);
        self.user_problem = login.as_ref().err().cloned();
        self.server_problem = server.as_ref().err().cloned();
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

fn read_server(typed: &str) -> Result<String, LoginProblem> {
    match ServerAddress::parse(typed) {
        Ok(address) => Ok(address.to_string()),
        Err(AddressError::NoHost) => Err(LoginProblem::NoServer),
        Err(AddressError::BadHost) => Err(LoginProblem::BadServer),
        Err(AddressError::BadPort) => Err(LoginProblem::BadPort),
    }
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
        assert_eq!(form.server_problem, Some(LoginProblem::NoServer));
        form.edit_user("@ana".into());
        form.edit_server("localhost".into());
        assert_eq!(form.read().unwrap().login.as_str(), "ana");
    }
}
