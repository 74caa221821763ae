use std::path::PathBuf;

use mensageiro_protocol::{Login, LoginError};
use thiserror::Error;

use crate::{
    disk::DiskProblem,
    engine::{Message, Older, ReportFormat, ServerChange, StorageProblem},
};

/// The dialog over everything else; there is at most one.
#[derive(Clone, Debug, PartialEq)]
pub enum Overlay {
    /// Asks whom to write to.
    NewConversation {
        /// What is typed: a login, or a part of a name.
        login: String,
        /// Which of those offered the person has gone to.
        gone_to: Option<usize>,
        /// Why it was not accepted.
        problem: Option<LoginError>,
        /// What is forwarded: it goes into the box of the conversation.
        forwarded: Option<String>,
    },
    /// Theme, language, fetching, size, account.
    Settings,
    /// The keyboard shortcuts.
    Shortcuts,
    /// Who is in a group.
    Members {
        /// The group.
        group: Login,
        /// What is typed: those are shown whose login or name holds it.
        typed: String,
    },
    /// The way of one message.
    Journey(Box<Message>),
    /// Asks for a path to save something at, where no save dialog could open.
    SavePath {
        /// What is to be saved.
        file: SavedFile,
        /// What is typed.
        path: String,
        /// Why it could not be saved there.
        problem: Option<SaveProblem>,
    },
}

impl Overlay {
    /// An empty question for a login.
    pub fn new_conversation() -> Self {
        Self::NewConversation {
            login: String::new(),
            gone_to: None,
            problem: None,
            forwarded: None,
        }
    }

    /// The same, for a text that is forwarded.
    pub fn forward(text: String) -> Self {
        Self::NewConversation {
            login: String::new(),
            gone_to: None,
            problem: None,
            forwarded: Some(text),
        }
    }

    /// All who are in a group.
    pub fn members(group: Login) -> Self {
        let typed = String::new();
        Self::Members { group, typed }
    }

    /// Takes what is typed into the dialog's field; a problem shown before is gone.
    pub fn edit(&mut self, text: String) {
        match self {
            Self::NewConversation {
                login,
                gone_to,
                problem,
                forwarded: _,
            } => (*login, *gone_to, *problem) = (text, None, None),
            Self::SavePath { path, problem, .. } => (*path, *problem) = (text, None),
            Self::Members { typed, .. } => *typed = text,
            Self::Settings | Self::Shortcuts | Self::Journey(_) => {}
        }
    }

    /// Goes to one of those the dialog offers.
    pub fn go_to(&mut self, at: usize) {
        if let Self::NewConversation { gone_to, .. } = self {
            *gone_to = Some(at);
        }
    }

    /// The login typed; where it is none, the dialog says why.
    pub fn read_login(&mut self) -> Option<Login> {
        let Self::NewConversation { login, problem, .. } = self else {
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

/// Why a file was not saved. Its text is for scripts and the log; `ui` has that for people.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SaveProblem {
    /// It could not be written.
    #[error("{path}: {why}")]
    Write {
        /// Where to.
        path: PathBuf,
        /// Why.
        why: DiskProblem,
    },
    /// What is to be written could not be read.
    #[error("the messages cannot be read: {0:?}")]
    Read(StorageProblem),
    /// It is a picture that could not be encoded; why, in the encoder's words.
    #[error("the picture cannot be encoded: {0}")]
    Encode(String),
    /// The system gives no thread to write it with.
    #[error("the system gives no thread")]
    NoThread,
}

/// What is wrong with the settings file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingsProblem {
    /// It could not be read; it was set aside, and the app begins with the settings it has at first.
    SetAside {
        /// Where it is now.
        to: PathBuf,
    },
    /// It could be neither read nor set aside: it stays as it is, and nothing is kept.
    Untouched {
        /// The file.
        path: PathBuf,
        /// Why it could not be set aside.
        why: DiskProblem,
    },
    /// It could not be written.
    NotWritten {
        /// The file.
        path: PathBuf,
        /// Why.
        why: DiskProblem,
    },
}

/// One line that tells how something went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// This was saved here.
    Saved(SavedFile, PathBuf),
    /// This was saved here, and older messages than it has are elsewhere.
    SavedInPart(SavedFile, PathBuf, Older),
    /// This could not be saved.
    SaveFailed(SavedFile, SaveProblem),
    /// Nothing can be saved yet: another file is on its way.
    SaveBusy,
    /// What a message replies to is not on this computer.
    NotQuoted,
    /// The field has no room for all that was pasted, and has its beginning.
    PastedInPart,
    /// The window that has the account open does not come forward.
    OtherNotShown,
    /// The settings could not be read or written.
    Settings(SettingsProblem),
    /// The local database was damaged and was moved here.
    DamagedSetAside(PathBuf),
    /// The server no longer has messages that are on this computer.
    ServerChanged(ServerChange),
}
