//! The server on this computer: the form that starts it, and what is known of it.

mod actions;

use mensageiro_protocol::{Login, LoginError, Name, limits::PORT};
use serde::{Deserialize, Serialize};

use super::login_name::login_of;
use crate::engine::{Account, Command, Host, HostCommand, HostNews, HostProblem, HostTerms};

/// The server that this profile has started, as the settings file has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hosted {
    /// Who administers it.
    pub login: String,
    /// Its TCP port.
    pub port: u16,
    /// Whether people need an invite.
    pub is_closed: bool,
}

/// What is known of the server, and what the form holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hosting {
    /// What is known.
    pub state: HostState,
    /// The name that is typed: a full name or a login.
    pub name: String,
    /// Whether people are to need an invite.
    pub is_closed: bool,
    /// Why the name leads to no login.
    pub problem: Option<LoginError>,
    /// The app ends when the server has stopped.
    pub is_leaving: bool,
    /// What was last started, to start it again.
    terms: Option<HostTerms>,
}

/// What is known of the server on this computer.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum HostState {
    /// Nothing yet.
    #[default]
    Unknown,
    /// It does not run.
    NotRunning {
        /// Its users and messages are there.
        has_data: bool,
    },
    /// It is being started.
    Starting,
    /// It runs.
    Running(Host),
    /// It is being stopped.
    Stopping,
    /// It has ended by itself.
    Crashed {
        /// The last line of its log; may be empty.
        said: String,
        /// Its log.
        log: std::path::PathBuf,
    },
    /// It was not started, or not stopped.
    Failed(HostProblem),
}

/// What a person does with the server on this computer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostAction {
    /// Types the name.
    Name(String),
    /// Chooses whether people need an invite.
    Closed(bool),
    /// Starts the server as the form says.
    Start,
    /// Starts it as before, on another port or on the same.
    StartAgain(Option<u16>),
    /// Signs in at what listens on this port of this computer instead.
    JoinOther(u16),
    /// Looks again, and shows the form.
    Back,
    /// Stops it.
    Stop,
    /// Stops it, then ends the app.
    StopAndQuit,
}

/// What follows for the rest of the app from news of the server.
#[derive(Debug)]
enum HostOutcome {
    /// Nothing.
    Nothing,
    /// The person signs in here.
    SignIn(Box<mensageiro_protocol::trust::InviteLink>),
    /// The dialog says why it failed.
    Tell,
}

impl Hosting {
    /// The form as the last server was.
    pub fn new(hosted: Option<&Hosted>) -> Self {
        Self {
            name: hosted.map_or_else(String::new, |hosted| hosted.login.clone()),
            is_closed: hosted.is_some_and(|hosted| hosted.is_closed),
            ..Self::default()
        }
    }

    /// The server, if it runs.
    pub fn running(&self) -> Option<&Host> {
        match &self.state {
            HostState::Running(host) => Some(host),
            _ => None,
        }
    }

    /// The server is known not to run, and nobody is starting it.
    pub fn is_down(&self) -> bool {
        matches!(
            self.state,
            HostState::NotRunning { .. } | HostState::Crashed { .. } | HostState::Failed(_)
        )
    }

    /// The login that the typed name leads to.
    ///
    /// # Errors
    /// Why it leads to none.
    pub fn login(&self) -> Result<Login, LoginError> {
        login_of(&self.name)
    }

    fn edit_name(&mut self, name: String) {
        (self.name, self.problem) = (name, None);
    }

    /// Asks what it does, unless something is being done with it.
    pub(super) fn look(&mut self) -> Option<Command> {
        let is_busy = matches!(
            self.state,
            HostState::Starting | HostState::Stopping | HostState::Failed(_)
        );
        (!is_busy).then_some(Command::Host(HostCommand::Look))
    }

    /// Starts it as the form says; otherwise the form says what is wrong.
    fn start(&mut self, hosted: Option<&Hosted>) -> Option<Command> {
        let login = match self.login() {
            Ok(login) => login,
            Err(problem) => {
                self.problem = Some(problem);
                return None;
            }
        };
        let full = self.name.trim();
        let name = match full == login.as_str() {
            true => Name::default(),
            false => Name::from(full),
        };
        Some(self.start_with(HostTerms {
            login,
            name,
            is_closed: self.is_closed,
            port: hosted.map_or(PORT, |hosted| hosted.port),
        }))
    }

    /// Starts it as before.
    fn start_again(&mut self, port: Option<u16>, hosted: Option<&Hosted>) -> Option<Command> {
        let before = || {
            let hosted = hosted?;
            Some(HostTerms {
                login: Login::parse(&hosted.login).ok()?,
                name: Name::default(),
                is_closed: hosted.is_closed,
                port: hosted.port,
            })
        };
        let mut terms = self.terms.clone().or_else(before)?;
        terms.port = port.unwrap_or(terms.port);
        Some(self.start_with(terms))
    }

    fn start_with(&mut self, terms: HostTerms) -> Command {
        self.state = HostState::Starting;
        self.terms = Some(terms.clone());
        Command::Host(HostCommand::Start(terms))
    }

    fn stop(&mut self) -> Command {
        self.state = HostState::Stopping;
        Command::Host(HostCommand::Stop)
    }

    /// Takes in news, and notes in `hosted` what the next start of the app has to know.
    fn take(&mut self, news: HostNews, hosted: &mut Option<Hosted>) -> HostOutcome {
        let mut outcome = HostOutcome::Nothing;
        self.state = match news {
            // Of a look, while something is being done.
            HostNews::NotRunning { .. } if self.state == HostState::Starting => return outcome,
            HostNews::NotRunning { has_data } => HostState::NotRunning { has_data },
            HostNews::Running(host) => HostState::Running(host),
            HostNews::Started(host, invite) => {
                *hosted = Some(Hosted {
                    login: invite.login.as_str().to_owned(),
                    port: host.port,
                    is_closed: host.is_closed,
                });
                outcome = HostOutcome::SignIn(Box::new(invite));
                HostState::Running(host)
            }
            HostNews::Crashed { said, log } => HostState::Crashed { said, log },
            HostNews::Failed(problem) => {
                self.is_leaving = false;
                outcome = HostOutcome::Tell;
                HostState::Failed(problem)
            }
        };
        outcome
    }
}

impl Hosted {
    /// Whether an account is one of this server.
    pub fn has(&self, account: &Account) -> bool {
        account.server == server_at(self.port)
    }
}

/// How this computer calls its own server.
fn server_at(port: u16) -> String {
    format!("localhost:{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_started_is_started_again_on_another_port() {
        let mut hosting = Hosting::new(None);
        hosting.edit_name("Ana Souza".into());
        hosting.is_closed = true;
        let terms = |port| HostTerms {
            login: Login::parse("ana.souza").unwrap(),
            name: Name::from("Ana Souza"),
            is_closed: true,
            port,
        };
        let start = |port| Some(Command::Host(HostCommand::Start(terms(port))));
        assert_eq!(hosting.start(None), start(3333));
        assert_eq!(hosting.state, HostState::Starting);
        // A look that was on its way changes nothing.
        let mut hosted = None;
        hosting.take(HostNews::NotRunning { has_data: false }, &mut hosted);
        assert_eq!(hosting.state, HostState::Starting);
        let problem = HostProblem::PortTaken {
            port: 3333,
            free: Some(3334),
        };
        hosting.take(HostNews::Failed(problem), &mut hosted);
        assert_eq!(hosting.start_again(Some(3334), None), start(3334));
        // The next start of the app knows it from the settings.
        let hosted = Hosted {
            login: "ana.souza".into(),
            port: 3334,
            is_closed: true,
        };
        let again = Hosting::new(Some(&hosted)).start_again(None, Some(&hosted));
        let expected = HostTerms {
            name: Name::default(),
            ..terms(3334)
        };
        assert_eq!(again, Some(Command::Host(HostCommand::Start(expected))));
    }
}
