use std::path::PathBuf;

use jiff::civil::Date;
use mensageiro_protocol::{Login, LoginError};
use thiserror::Error;

use super::{Administration, Page};
use crate::{
    disk::DiskProblem,
    engine::{
        Message, MessageId, Older, Refusal, ReportFormat, ServerChange, StorageProblem, Version,
    },
    markup::Destination,
};

/// The dialog over everything else; there is at most one.
#[derive(Clone, Debug, PartialEq)]
pub enum Overlay {
    /// Asks for the person or group to write to.
    NewConversation {
        /// What is typed: a login, or a part of a name.
        login: String,
        /// Which of the offered people is marked.
        gone_to: Option<usize>,
        /// Why the login was not accepted.
        problem: Option<LoginError>,
        /// The text to forward: it goes into the draft of the conversation.
        forwarded: Option<String>,
    },
    /// Theme, language, fetching, size, account.
    Settings,
    /// How the connection is protected.
    Connection,
    /// Devices, people and groups.
    Administration(Box<Administration>),
    /// The server on this computer.
    Hosting,
    /// Asks whether the server on this computer is to go on without the app.
    Leaving,
    /// The keyboard shortcuts.
    Shortcuts,
    /// What the app is, and whose work is in it.
    About,
    /// The licence of one of [`licenses::parts`](crate::licenses::parts), by its place there.
    License(usize),
    /// A conversation: who it is with, and what can be done with it.
    Info {
        /// A user or a group.
        of: Login,
        /// What is typed: members whose login or name matches are shown.
        typed: String,
    },
    /// Asks for a day.
    Day {
        /// What for.
        of: DayUse,
        /// A day of the month that is shown.
        month: Date,
    },
    /// The journey of a message.
    Journey(Box<Message>),
    /// Asks whether to delete an own message for everyone.
    Delete(Box<Message>),
    /// The texts that a message had, oldest first; empty until they are loaded.
    Versions(MessageId, Vec<Version>),
    /// Asks whether to open a link that may lead elsewhere than it seems to.
    Link(Destination),
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
    /// The dialog for a new conversation.
    pub fn new_conversation() -> Self {
        Self::NewConversation {
            login: String::new(),
            gone_to: None,
            problem: None,
            forwarded: None,
        }
    }

    /// The users, and over them the question for new ones.
    pub fn add_users() -> Self {
        let mut pages = Administration::new(Page::users());
        pages.open(Page::add_users());
        Self::Administration(Box::new(pages))
    }

    /// A page about devices, people or groups.
    pub fn administration(page: Page) -> Self {
        Self::Administration(Box::new(Administration::new(page)))
    }

    /// The dialog for forwarding a text.
    pub fn forward(text: String) -> Self {
        Self::NewConversation {
            login: String::new(),
            gone_to: None,
            problem: None,
            forwarded: Some(text),
        }
    }

    /// The page of a conversation with this user or group.
    pub fn info(of: Login) -> Self {
        let typed = String::new();
        Self::Info { of, typed }
    }

    /// Sets the dialog's field and clears its problem.
    pub fn edit(&mut self, text: String) {
        match self {
            Self::NewConversation {
                login,
                gone_to,
                problem,
                forwarded: _,
            } => (*login, *gone_to, *problem) = (text, None, None),
            Self::SavePath { path, problem, .. } => (*path, *problem) = (text, None),
            Self::Info { typed, .. } => *typed = text,
            Self::Settings
            | Self::Connection
            | Self::Administration(_)
            | Self::Hosting
            | Self::Leaving
            | Self::Delete(_)
            | Self::Versions(..)
            | Self::Shortcuts
            | Self::About
            | Self::License(_)
            | Self::Day { .. }
            | Self::Journey(_)
            | Self::Link(_) => {}
        }
    }

    /// Marks one of the offered people.
    pub fn go_to(&mut self, at: usize) {
        if let Self::NewConversation { gone_to, .. } = self {
            *gone_to = Some(at);
        }
    }

    /// The typed login; if it is none, the dialog says why.
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

/// What a day is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayUse {
    /// To go to its first message.
    GoTo,
    /// It is the first day that is searched.
    Since,
    /// It is the last day that is searched.
    Until,
}

/// What a person can save as a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SavedFile {
    /// A picture of the window.
    Picture,
    /// A picture of a message's journey.
    Journey,
    /// The transcript of the inspector.
    Transcript,
    /// The selected messages.
    Messages,
    /// The delivery report of a conversation.
    Report(ReportFormat),
}

/// Why a file was not saved. Its text is for scripts and the log; `ui::error_text` words it for
/// people.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SaveProblem {
    /// Writing failed.
    #[error("{path}: {why}")]
    Write {
        /// Where to.
        path: PathBuf,
        /// Why.
        why: DiskProblem,
    },
    /// The messages to write could not be read.
    #[error("the messages cannot be read: {0:?}")]
    Read(StorageProblem),
    /// The picture could not be encoded, for this reason of the encoder.
    #[error("the picture cannot be encoded: {0}")]
    Encode(String),
    /// The system refused to start a thread.
    #[error("the system gives no thread")]
    NoThread,
}

/// What is wrong with the settings file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingsProblem {
    /// It could not be read. It was moved aside, and the app starts with its defaults.
    SetAside {
        /// Where it is now.
        to: PathBuf,
    },
    /// It could be neither read nor moved aside: it stays as it is, and nothing is saved.
    Untouched {
        /// The file.
        path: PathBuf,
        /// Why it could not be set aside.
        why: DiskProblem,
    },
    /// A newer version of the app wrote it: it stays as it is, and nothing is saved.
    Newer {
        /// The file.
        path: PathBuf,
        /// Which version that was, if the file says so.
        version: Option<String>,
    },
    /// It could not be written.
    NotWritten {
        /// The file.
        path: PathBuf,
        /// Why.
        why: DiskProblem,
    },
}

/// A notice: one line that says how something went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// This was saved at this path.
    Saved(SavedFile, PathBuf),
    /// This was saved at this path, but older messages are elsewhere.
    SavedInPart(SavedFile, PathBuf, Older),
    /// This could not be saved.
    SaveFailed(SavedFile, SaveProblem),
    /// Another file is still being saved.
    SaveBusy,
    /// The quoted message is not on this computer.
    NotQuoted,
    /// The messages of the day are not on this computer.
    OlderElsewhere,
    /// The server did not take an edit or a deletion.
    NotChanged(Refusal),
    /// The link is not a valid address.
    BadLink,
    /// The field has no room for everything that was pasted, and holds its beginning.
    PastedInPart,
    /// The window that has the account open does not react.
    OtherNotShown,
    /// The settings could not be read or written.
    Settings(SettingsProblem),
    /// The local database was damaged and moved to this path.
    DamagedSetAside(PathBuf),
    /// The server no longer has messages that are on this computer.
    ServerChanged(ServerChange),
}
