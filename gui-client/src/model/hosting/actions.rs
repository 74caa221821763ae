//! What the rest of the model does with the server on this computer.

use mensageiro_protocol::trust::InviteLink;

use super::{HostAction, HostOutcome, HostState, Hosting, server_at};
use crate::{
    engine::{Account, Command, HostNews},
    model::{Model, Overlay},
};

impl Model {
    /// What the app asks for when it opens: whether the server that it has started still runs.
    pub fn look_at_host(&mut self) -> Option<Command> {
        self.preferences.hosted.as_ref()?;
        self.hosting.look()
    }

    /// Whether the account in use is one of the server on this computer.
    pub fn is_at_host(&self) -> bool {
        let (hosted, session) = (&self.preferences.hosted, &self.session);
        let both = hosted.as_ref().zip(session.as_ref());
        both.is_some_and(|(hosted, session)| hosted.has(&session.account))
    }

    /// The connection is lost: perhaps as the server on this computer has ended.
    pub(in crate::model) fn look_after_host(&mut self) -> Option<Command> {
        match self.is_at_host() {
            true => self.hosting.look(),
            false => None,
        }
    }

    pub(in crate::model) fn act_on_host(&mut self, action: HostAction) -> Vec<Command> {
        let hosted = self.preferences.hosted.as_ref();
        let command = match action {
            HostAction::Name(name) => {
                self.hosting.edit_name(name);
                None
            }
            HostAction::Closed(is_closed) => {
                self.hosting.is_closed = is_closed;
                None
            }
            HostAction::Start => self.hosting.start(hosted),
            HostAction::StartAgain(port) => self.hosting.start_again(port, hosted),
            HostAction::JoinOther(port) => {
                let commands = self.sign_out();
                self.overlay = None;
                self.hosting = Hosting::new(self.preferences.hosted.as_ref());
                self.login.edit_server(server_at(port));
                return commands;
            }
            HostAction::Back => {
                self.hosting.state = HostState::Unknown;
                self.hosting.look()
            }
            HostAction::Stop => Some(self.hosting.stop()),
            HostAction::StopAndQuit => {
                self.hosting.is_leaving = true;
                Some(self.hosting.stop())
            }
        };
        command.into_iter().collect()
    }

    pub(in crate::model) fn apply_host(&mut self, news: HostNews) -> Vec<Command> {
        match self.hosting.take(news, &mut self.preferences.hosted) {
            HostOutcome::Nothing => Vec::new(),
            HostOutcome::SignIn(invite) => self.sign_in_at_host(*invite),
            HostOutcome::Tell => {
                self.overlay = Some(Overlay::Hosting);
                Vec::new()
            }
        }
    }

    fn sign_in_at_host(&mut self, invite: InviteLink) -> Vec<Command> {
        let account = Account {
            login: invite.login.clone(),
            server: server_at(invite.port),
        };
        let session = self.session.as_ref();
        let session = session.filter(|session| session.account == account);
        if session.is_some_and(|session| session.outage.is_some() || session.link.is_online()) {
            // It comes back as after any outage.
            return vec![Command::FetchNow];
        }
        let overlay = self.overlay.take();
        let mut commands = self.sign_out();
        self.login.edit_user(invite.written().to_string());
        commands.extend(self.sign_in(account));
        self.overlay = overlay;
        commands
    }
}
