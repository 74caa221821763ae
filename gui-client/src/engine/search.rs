use jiff::Timestamp;
use mensageiro_protocol::Login;

use super::Peer;

/// What is searched for: messages for which all of this is so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchQuery {
    /// They contain all these words or parts of words, whatever their accents and case.
    pub words: String,
    /// They are in this conversation.
    pub with: Option<Peer>,
    /// This user has written them.
    pub by: Option<Login>,
    /// There is a link in them.
    pub has_link: bool,
    /// They are of this moment or a later one.
    pub since: Option<Timestamp>,
    /// They are of an earlier moment than this.
    pub until: Option<Timestamp>,
}

impl From<&str> for SearchQuery {
    fn from(words: &str) -> Self {
        Self {
            words: words.to_owned(),
            ..Self::default()
        }
    }
}
