use std::path::PathBuf;

use mensageiro_protocol::{Login, LoginError};

use crate::engine::{Message, ReportFormat};

/// The dialog over everything else; there is at most one.
#[derive(Clone, Debug, PartialEq)]
pub enum Overlay {
    /// Asks whom to write to.
    NewConversation {
        /// What is typed.
        login: String,
        /// Why it was not accepted.
        problem: Option<LoginError>,
    },
    /// Theme, language, fetching, size, account.
    Settings,
    /// The keyboard shortcuts.
    Shortcuts,
    /// Who is in a group.
    Members(Login),
    /// The way of one message.
    Journey(Box<Message>),
    /// Asks for a path to save something at, where no save dialog could open.
    SavePath {
        /// What is to be saved.
        file: SavedFile,
        /// What is typed.
        path: String,
        /// Why it could not be saved there, in words.
        problem: Option<String>,
    },
}

impl Overlay {
    /// An empty question for a login.
    pub fn new_conversation() -> Self {
        Self::NewConversation {
            login: String::new(),
            problem: None,
        }
    }

    /// Takes what is typed into the dialog's field; a problem shown before is gone.
    pub fn edit(&mut self, text: String) {
        match self {
            Self::NewConversation { login, problem } => (*login, *problem) = (text, None),
            Self::SavePath { path, problem, .. } => (*path, *problem) = (text, None),
            Self::Settings | Self::Shortcuts | Self::Members(_) | Self::Journey(_) => {}
        }
    }

    /// The login typed; where it is none, the dialog says why.
    pub fn read_login(&mut self) -> Option<Login> {
        let Self::NewConversation { login, problem } = self else {
            return None;
        };
        let typed = login.trim();
        match Login::parse(typed.strip_prefix('@').unwrap_or(typed)) {
            Ok(login) => Some(login),
            Err(error) => {
                *problem = Some(error);
                None
            }
        }
    }
}

/// What a person can save as a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SavedFile {
    /// A picture of the window.
    Picture,
    /// A picture of the way of a message.
    Journey,
    /// What went over the wire.
    Transcript,
    /// The delivery report of a conversation.
    Report(ReportFormat),
}

/// One line that tells how something went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// This was saved here.
    Saved(SavedFile, PathBuf),
    /// This could not be saved; why, in words.
    SaveFailed(SavedFile, String),
    /// The settings could not be read or written; why, in words.
    SettingsFailed(String),
}
